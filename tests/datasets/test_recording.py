from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from people import camera_ring, detect, take

from pose3d.datasets.recording import (
    Problem,
    Recording,
    Remarks,
    SequenceName,
    boxes_around,
    check_recording,
    recordings,
)
from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import mirror_permutation
from pose3d.records.frames import ImageFiles
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import cut_sequence
from pose3d.runtime.errors import InputError


def recorded(sequence, frames, detected) -> Recording:
    return Recording(sequence, frames, detected, Path("positions.npz"))


class Listed:
    """A source of ready-made recordings; an error in place of one is raised when it is read."""

    def __init__(self, found):
        self.found = found

    def sequences(self):
        return list(self.found)

    def read(self, name):
        if isinstance(self.found[name], InputError):
            raise self.found[name]
        return self.found[name]


def split(found):
    """Problems, and what could be read."""
    found = list(found)
    return [one for one in found if isinstance(one, Problem)], [one for one in found if isinstance(one, Recording)]


def name_of(sequence):
    return SequenceName(*sequence.key.split("/"))


def seen_by(camera, sequence, poses_world_m):
    """The sequence with other poses, seen by another camera."""
    poses_cam_m = camera.world_to_camera(poses_world_m)
    keypoints_px = camera.project(poses_cam_m)
    return replace(
        sequence,
        camera=camera,
        poses_world_m=np.asarray(poses_world_m, np.float32),
        poses_cam_m=poses_cam_m.astype(np.float32),
        keypoints_px=keypoints_px.astype(np.float32),
        boxes_px=boxes_around(keypoints_px).astype(np.float32),
    )


@pytest.fixture
def sequences():
    return take("S1", "Walking-1", 12, camera_ring())


@pytest.fixture
def sequence(sequences):
    return sequences[0]


def test_good_recordings_pass(sequences):
    listed = {
        name_of(s): recorded(s, ImageFiles(tuple(map(str, range(12)))), detected)
        for s, detected in zip(sequences, detect(sequences, 3), strict=True)
    }
    assert list(recordings(Listed(listed))) == list(listed.values())


def test_every_problem_is_shown_and_the_rest_is_read(sequences):
    bad = replace(sequences[1], poses_world_m=1000 * sequences[1].poses_world_m)
    listed = {
        SequenceName("S1", "Walking-1", "broken"): InputError("some.mp4 is damaged"),
        name_of(bad): recorded(bad, None, None),
        name_of(sequences[0]): recorded(sequences[0], None, None),
    }
    first, second, third = recordings(Listed(listed))
    assert first == Problem(SequenceName("S1", "Walking-1", "broken"), "some.mp4 is damaged")
    assert second.name == name_of(bad) and third.sequence is sequences[0]


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (1000, "S1/Walking-1/cam0: legs are 8.. m long: the positions look like millimetres where metres belong"),
        (0.001, "look like metres where millimetres belong"),
        (100, "legs are 8.* m long: the positions look like centimetres where metres belong"),
        (0.1, "look like centimetres where millimetres belong"),
        (39.37, "in another unit or of other joints"),
    ],
)
def test_another_unit_is_named(sequence, factor, message):
    with pytest.raises(InputError, match=message):
        check_recording(recorded(replace(sequence, poses_world_m=factor * sequence.poses_world_m), None, None))


def test_a_frame_rate_at_which_nobody_can_move_is_refused(sequence):
    """At 20 cm from frame to frame, to and fro, 150 Hz are 30 m/s, and 100 Hz are 20 m/s."""
    poses = np.repeat(sequence.poses_world_m[:1], 12, axis=0)
    poses[1::2, 13, 0] += np.float32(0.2)
    swift = seen_by(sequence.camera, sequence, poses)
    check_recording(recorded(replace(swift, fps=100.0), None, None))
    said = r"fastest joint moves at 30 m/s beside the hips in the median at 150 frames/s: correct the frame rate"
    with pytest.raises(InputError, match=said):
        check_recording(recorded(replace(swift, fps=150.0), None, None))
    check_recording(recorded(cut_sequence(replace(swift, fps=150.0), slice(1)), None, None))


def test_people_whom_skis_carry_pass(sequence):
    """At 30 m/s, which nobody runs, 3 cm from frame to frame at 1,000 Hz."""
    way_m = (np.arange(12) * 0.03).astype(np.float32)[:, None, None] * np.float32([1, 0, 0])
    skier = recorded(
        replace(seen_by(sequence.camera, sequence, sequence.poses_world_m[:1] + way_m), fps=1000.0), None, None
    )
    check_recording(skier)
    remarks = Remarks()
    remarks.note(skier)
    assert remarks.sentences() == []


def test_a_frame_without_anybody_is_named(sequence):
    poses = sequence.poses_world_m.copy()
    poses[5] = 0
    with pytest.raises(InputError, match=r"S1/Walking-1/cam0: all joints of frame 5 lie in one point"):
        check_recording(recorded(seen_by(sequence.camera, sequence, poses), None, None))


def test_swapped_axes_are_refused(sequence):
    # A person who lies 5 m above the floor, as y and z swapped make of somebody 5 m away.
    swapped = (sequence.poses_world_m + np.float32([0, 5, 0]))[..., [0, 2, 1]]
    with pytest.raises(InputError, match="cam0: 0 % of the joints project into the image: axes are swapped"):
        check_recording(recorded(seen_by(sequence.camera, sequence, swapped), None, None))
    behind = replace(sequence, poses_cam_m=-sequence.poses_cam_m)
    with pytest.raises(InputError, match=r"cam0: .* m before the camera: axes are swapped"):
        check_recording(recorded(behind, None, None))


def test_heads_below_feet_are_a_problem_of_the_subject(sequence):
    # The world upside down, camera and all: every sequence for itself looks right.
    turned = np.diag([1.0, -1, -1])
    camera = sequence.camera
    upside_down = Camera(
        camera.id,
        camera.width_px,
        camera.height_px,
        camera.intrinsics_px,
        camera.distortion,
        camera.rotation @ turned,
        camera.translation_m,
    )
    bad = seen_by(upside_down, sequence, sequence.poses_world_m @ turned)
    np.testing.assert_allclose(bad.keypoints_px, sequence.keypoints_px, atol=1e-2)
    read, problem = recordings(Listed({name_of(bad): recorded(bad, None, None)}))
    assert read.sequence is bad
    assert problem.name == name_of(bad) and "S1: heads are below feet" in problem.sentence


def test_keypoints_of_another_camera_are_refused():
    """With two views exchanged the second is seen to be the first's; the first's fits nothing that is known by then."""
    sequences = take("S1", "Walking-1", 30, camera_ring(3))
    away = [seen_by(s.camera, s, s.poses_world_m + np.float32([0.5, -0.5, 0])) for s in sequences]
    right, (first, second, third) = detect(away, 5), away
    listed = {name_of(s): recorded(s, None, detected) for s, detected in zip(away, right, strict=True)}
    assert list(recordings(Listed(listed))) == list(listed.values())
    listed |= {name_of(first): recorded(first, None, right[1]), name_of(second): recorded(second, None, right[0])}
    (at_first, at_second), (good,) = split(recordings(Listed(listed)))
    assert "S1/Walking-1/cam0: the 2D keypoints lie" in at_first.sentence
    assert "S1/Walking-1/cam1: the 2D keypoints are those of camera cam0: give every camera" in at_second.sentence
    assert good.sequence is third


def test_another_take_is_no_view_of_this_one():
    """Who stands still does it in both takes alike, and a camera may be called otherwise in each."""
    (one,) = take("S1", "Standing-1", 30, camera_ring(1))
    still = seen_by(one.camera, one, np.repeat(one.poses_world_m[:1], 30, 0))
    other = replace(still, action="Standing-2", camera=replace(one.camera, id="left"))
    listed = {name_of(s): recorded(s, None, detect([still], 3)[0]) for s in (still, other)}
    assert list(recordings(Listed(listed))) == list(listed.values())


def test_sides_that_are_exchanged_in_all_takes_of_a_subject_are_a_problem_of_the_subject():
    good, bad = (
        [s for action in ("Walk-1", "Wave-1") for s in take(subject, action, 30, camera_ring(4))]
        for subject in ("S1", "S5")
    )
    order = mirror_permutation()
    detected = detect(good, 3) + [replace(one, keypoints_px=one.keypoints_px[:, order]) for one in detect(bad, 3)]
    listed = {name_of(s): recorded(s, None, one) for s, one in zip(good + bad, detected, strict=True)}
    (problem,), read = split(recordings(Listed(listed)))
    assert len(read) == 16 and problem.name == name_of(bad[-1])
    assert ": S5: the 2D keypoints fit the 3D poses with left and right of the arms and the legs ex" in problem.sentence


def test_counts_and_numbers_of_what_comes_with_the_poses(sequence):
    (detected,) = detect([sequence], 3)
    with pytest.raises(InputError, match=r"positions\.npz: .*cam0: 3 frames for 12 poses"):
        check_recording(recorded(sequence, ImageFiles(("a", "b", "c")), None))
    short = Keypoints2D(detected.keypoints_px[:5], detected.confidence[:5])
    with pytest.raises(InputError, match="cam0: 5 keypoints for 12 poses"):
        check_recording(recorded(sequence, None, short))


def test_what_is_not_as_usual_is_counted(sequence):
    """Of 12 frames at 25 frames/s a gap of 7 is left out, and one of 2 is bridged."""
    (detected,) = detect([sequence], 3)
    confidence = detected.confidence.copy()
    confidence[[1, *range(4, 11)]] = 0
    remarks = Remarks()
    assert remarks.note(recorded(sequence, None, Keypoints2D(detected.keypoints_px, confidence))) == 7
    assert remarks.note(recorded(sequence, None, detected)) == remarks.note(recorded(sequence, None, None)) == 0
    (said,) = remarks.sentences()
    assert said.startswith("8 of 24 frames have no detection: 1 are bridged, in gaps of at most 0.25 s, 7 are left out")
    remarks.note(replace(recorded(sequence, None, None), interlaced=True))
    assert remarks.sentences()[1].startswith("1 videos say that they are interlaced: where a picture holds two moments")


def test_keypoints_that_run_ahead_or_are_of_another_size_are_asked_about():
    sequences = [s for seed in range(3) for s in take("S1", f"Walking-{seed}", 100, camera_ring(1), seed)]
    early, smaller = Remarks(), Remarks()
    for sequence, one in zip(sequences, detect(sequences, 1), strict=True):
        early.note(recorded(sequence, None, replace(one, keypoints_px=np.roll(one.keypoints_px, -3, axis=0))))
        smaller.note(recorded(sequence, None, replace(one, keypoints_px=one.keypoints_px * np.float32(0.95))))
    (said,) = early.sentences()
    assert said.startswith("the 2D keypoints of 3 sequences run 3 frames (0.12 s at 25 Hz) ahead of the 3D poses")
    (said,) = smaller.sentences()
    assert said.startswith(
        "the 2D keypoints are not as large as the projected 3D poses, but 0.95 times for camera cam0"
    )


def test_takes_of_two_subjects_that_are_the_same_are_said():
    """Copied to the metre beside; another take of the same person is nobody's copy."""
    (one,), (other,) = (take("S1", f"Walking-{seed}", 20, camera_ring(1), seed) for seed in (1, 2))
    copy = replace(one, subject="S9", poses_world_m=one.poses_world_m + np.float32([1, 0, 0]))
    again, honest = Remarks(), Remarks()
    for sequence in (one, other, replace(copy, action="Going")):
        again.note(recorded(sequence, None, None))
    (said,) = again.sentences()
    assert said.startswith("1 takes hold the very poses of another subject's, such as S9/Going of S1's: are they two")
    for sequence in (
        one,
        other,
        replace(one, action="Walking-3"),
        replace(copy, poses_world_m=copy.poses_world_m * 1.01),
    ):
        honest.note(recorded(sequence, None, None))
    assert honest.sentences() == []


def test_joints_at_0_are_refused_and_torn_bones_asked_about(sequence):
    """A wrist that is 1.2 m too high, and hips that jump by 0.6 m, which at 25 Hz are 15 m/s."""
    lost = sequence.poses_world_m.copy()
    lost[[3, 4], 13] = 0
    with pytest.raises(InputError, match=r"cam0: LWrist of frame 3 is at 0 0 0, as where it was not .* in 2 of 12 fra"):
        check_recording(recorded(replace(sequence, poses_world_m=lost), None, None))
    left_behind, jump = sequence.poses_world_m.copy(), sequence.poses_world_m.copy()
    left_behind[7, 13, 2] += np.float32(1.2)
    jump[9:, :, 0] += np.float32(0.6)
    for poses, frame in ((left_behind, 7), (jump, 9)):
        remarks = Remarks()
        remarks.note(recorded(sequence, None, None))
        remarks.note(recorded(replace(sequence, poses_world_m=poses, action="Torn"), None, None))
        (said,) = remarks.sentences()
        assert f"in 1 frames of 1 sequences, first in S1/Torn/cam0 at frame {frame}: were joints lost there?" in said
    thinned = Remarks()
    thinned.note(recorded(replace(sequence, poses_world_m=jump), ImageFiles(("a.jpg",) * 12), None))
    assert thinned.sentences() == []


def test_boxes_hold_all_joints_with_a_margin():
    keypoints = np.array([[[10.0, 40], [30, 20]], [[0, 0], [1, 2]]])
    np.testing.assert_array_equal(boxes_around(keypoints), [[0, 10, 40, 50], [-10, -10, 11, 12]])
