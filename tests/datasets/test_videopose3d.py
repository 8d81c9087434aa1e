import json
import re
from dataclasses import replace

import numpy as np
import pytest
from tiny_npz import (
    METADATA,
    OTHER_METADATA,
    save_videopose3d,
    videopose3d_params,
    with_32_joints,
    write_other_layout,
    write_videopose3d,
)

from pose3d.config.dataset import Subjects
from pose3d.datasets.calibration import HUMAN36M, human36m_cameras
from pose3d.datasets.pose_arrays import GivenKeypoints, recording_of
from pose3d.datasets.recording import Problem, Recording, Remarks, SequenceName, check_recording, recordings
from pose3d.datasets.videopose3d import VideoPose3D
from pose3d.geometry.layouts import layout
from pose3d.records.keypoints2d import bridge_detections, enough_detected
from pose3d.runtime.errors import InputError

POSITIONS, KEYPOINTS = "data_3d_h36m.npz", "data_2d_h36m_cpn_ft_h36m_dbb.npz"
CAMERAS = ["54138969", "55011271", "58860488", "60457274"]
NAME = SequenceName("S1", "Walking-1", CAMERAS[2])


def test_every_take_and_camera_of_the_params_is_read(tmp_path):
    positions, keypoints = write_videopose3d(tmp_path)
    source = VideoPose3D(videopose3d_params(), tmp_path)
    assert source.sequences() == [
        SequenceName(s, a, c) for s in ("S1", "S9") for a in ("Walking", "Walking-1") for c in CAMERAS
    ]
    read = list(recordings(source))
    assert all(isinstance(recording, Recording) for recording in read)
    assert [r.sequence.key for r in read] == [name.key for name in source.sequences()]

    recording = source.read(NAME)
    sequence, camera = recording.sequence, human36m_cameras()["S1"][CAMERAS[2]]
    np.testing.assert_array_equal(sequence.poses_world_m, positions["S1"]["Walking 1"])
    np.testing.assert_allclose(sequence.poses_cam_m, camera.world_to_camera(sequence.poses_world_m), atol=1e-6)
    np.testing.assert_allclose(sequence.keypoints_px, camera.project(sequence.poses_cam_m), atol=1e-3)
    np.testing.assert_array_equal(recording.detected.keypoints_px, keypoints["S1"]["Walking 1"][2])
    assert np.linalg.norm(recording.detected.keypoints_px - sequence.keypoints_px, axis=-1).mean() < 6
    assert (recording.detected.confidence == 1).all() and recording.frames is None and sequence.fps == 50
    np.testing.assert_allclose(sequence.boxes_px[:, :2], sequence.keypoints_px.min(1) - 10, atol=1e-3)


def test_the_32_joints_of_the_motion_capture_are_the_same(tmp_path):
    positions, keypoints = write_videopose3d(tmp_path, ["S1", "S9"])
    wanted = VideoPose3D(videopose3d_params(), tmp_path).read(NAME)
    wide = {s: {a: with_32_joints(p) for a, p in takes.items()} for s, takes in positions.items()}
    wide_2d = {s: {a: [with_32_joints(v) for v in views] for a, views in t.items()} for s, t in keypoints.items()}
    save_videopose3d(tmp_path, wide, wide_2d, {"num_joints": 32, "keypoints_symmetry": [[6, 7], [1, 2]]})
    read = VideoPose3D(videopose3d_params(), tmp_path).read(NAME)
    np.testing.assert_array_equal(read.sequence.poses_world_m, wanted.sequence.poses_world_m)
    np.testing.assert_array_equal(read.detected.keypoints_px, wanted.detected.keypoints_px)


def write_any_layout(folder, name, frames=12):
    if name == "h36m17":
        return write_videopose3d(folder, ["S1", "S9"], frames=frames)
    return write_other_layout(folder, name, ["S1", "S9"], frames=frames)


def metadata_of(name):
    return METADATA if name == "h36m17" else OTHER_METADATA[name]


def sentences(source):
    """What is said of a data set without problems."""
    remarks = Remarks()
    for found in recordings(source):
        assert isinstance(found, Recording), found
        remarks.note(found)
    return remarks.sentences()


@pytest.mark.parametrize("name", ["h36m17", "coco17"])
def test_keypoints_beyond_the_fold_of_a_lens_are_marked_and_counted(tmp_path, name):
    """Of our own joints the frame is without a detection, of another layout the point is missing."""
    _, keypoints = write_any_layout(tmp_path, name)
    source = VideoPose3D(videopose3d_params(), tmp_path)
    plain = source.read(NAME)
    barrel = replace(plain.sequence.camera, distortion=np.array([-0.35, 0, 0, 0, 0]), distortion_model="opencv")
    px = plain.detected.keypoints_px.copy()
    px[3, 5] = barrel.intrinsics_px[:2, 2] + [0, 900]
    sequence = replace(
        plain.sequence, camera=barrel, keypoints_px=barrel.project(plain.sequence.poses_cam_m).astype(np.float32)
    )
    spoilt = replace(plain, sequence=sequence, detected=replace(plain.detected, keypoints_px=px))

    class One:
        def sequences(self):
            return [NAME]

        def read(self, _):
            return spoilt

    (found,) = recordings(One())
    missing = np.zeros(px.shape[:2], bool)
    missing[3, slice(None) if name == "h36m17" else 5] = True
    np.testing.assert_array_equal(found.detected.confidence == 0, missing)
    np.testing.assert_allclose(found.detected.keypoints_px[3, 5], px[[2, 4], 5].mean(0), atol=1e-3)
    assert sentences(One())[-1].startswith("1 keypoints lie where the camera's distortion shows nothing")


def test_joints_beyond_the_fold_of_a_lens_are_refused(tmp_path):
    write_videopose3d(tmp_path)
    plain = VideoPose3D(videopose3d_params(), tmp_path).read(NAME)
    barrel = replace(plain.sequence.camera, distortion=np.array([-0.35, 0, 0, 0, 0]), distortion_model="opencv")
    px = plain.sequence.keypoints_px.copy()
    px[0, 5] = [500, 1400]
    with pytest.raises(InputError, match="Walking-1/58860488: joints lie where the camera's distortion shows nothing"):
        check_recording(replace(plain, sequence=replace(plain.sequence, camera=barrel, keypoints_px=px)))

    poses_cam_m = plain.sequence.poses_cam_m.copy()
    poses_cam_m[0, 5] = [4, 0, 2]  # at 63 degrees, where the lens shows 44
    given = GivenKeypoints(plain.detected, 1.0)
    files = tmp_path / "poses.npz", tmp_path / "keypoints.npz"
    with pytest.raises(
        InputError, match=r"poses\.npz: S1/Walking-1/58860488: joints lie where the camera's distortion"
    ):
        recording_of(NAME, barrel, 50, plain.sequence.poses_world_m, poses_cam_m, given, 0, *files)


@pytest.mark.parametrize(("frames_2d", "frames_3d"), [(2, 70), (15, 20), (70, 4), (20, 20)])
def test_lengths_may_differ_at_the_end(tmp_path, frames_2d, frames_3d):
    positions, keypoints = write_videopose3d(tmp_path, ["S1", "S9"], frames=70)
    positions["S1"]["Walking 1"] = positions["S1"]["Walking 1"][:frames_3d]
    keypoints["S1"]["Walking 1"] = [view[:frames_2d] for view in keypoints["S1"]["Walking 1"]]
    save_videopose3d(tmp_path, positions, keypoints)
    recording = VideoPose3D(videopose3d_params(frame_step=3), tmp_path).read(NAME)
    length = min(frames_2d, frames_3d)
    np.testing.assert_array_equal(recording.sequence.poses_world_m, positions["S1"]["Walking 1"][:length:3])
    np.testing.assert_array_equal(recording.detected.keypoints_px, keypoints["S1"]["Walking 1"][2][:length:3])
    assert recording.sequence.fps == 50 / 3
    apart = abs(frames_2d - frames_3d)
    assert sentences(VideoPose3D(videopose3d_params(), tmp_path)) == (
        [
            f"2D and 3D of 4 sequences are not of the same length: {4 * apart} frames at the longer one's end are left "
            "out"
        ]
        if apart
        else []
    )


@pytest.mark.parametrize("name", ["h36m17", "coco17", "mpii16"])
def test_a_longer_take_of_somebody_elsewhere_is_still_refused(tmp_path, name):
    positions, keypoints = write_any_layout(tmp_path, name, 70)
    keypoints["S1"]["Walking 1"][2] += np.float32([150, 0])
    positions["S1"]["Walking 1"] = positions["S1"]["Walking 1"][:60]
    save_videopose3d(tmp_path, positions, keypoints, metadata_of(name))
    found = list(recordings(VideoPose3D(videopose3d_params(), tmp_path)))
    (problem,) = [one for one in found if isinstance(one, Problem)]
    assert problem.name == NAME and "px from where the 3D poses project" in problem.sentence


def test_confidence_is_the_third_number(tmp_path):
    positions, keypoints = write_videopose3d(tmp_path, ["S1", "S9"])
    confidence = np.linspace(0.1, 1, 12 * 17, dtype=np.float32).reshape(12, 17, 1)
    plain = keypoints["S1"]["Walking 1"][2]
    keypoints["S1"]["Walking 1"][2] = np.concatenate([plain, confidence], -1)
    save_videopose3d(tmp_path, positions, keypoints)
    source = VideoPose3D(videopose3d_params(), tmp_path)
    np.testing.assert_array_equal(source.read(NAME).detected.confidence, confidence[..., 0])


def with_scores(folder, scores):
    """The same for all points of one view."""
    positions, keypoints = write_videopose3d(folder, ["S1", "S9"])
    view = keypoints["S1"]["Walking 1"][2]
    keypoints["S1"]["Walking 1"][2] = np.concatenate([view, np.broadcast_to(scores, (12, 17, 1))], -1)
    save_videopose3d(folder, positions, keypoints)
    return VideoPose3D(videopose3d_params(), folder)


def test_scores_above_1_are_cut_or_percentages_and_said(tmp_path):
    source = with_scores(tmp_path, np.float32([0.75, 1.25] * 6)[:, None, None])
    np.testing.assert_array_equal(source.read(NAME).detected.confidence[:2, 0], [0.75, 1])
    assert sentences(source) == ["scores of 1 sequences reach 1.25; what is above 1 is taken as 1"]
    source = with_scores(tmp_path, np.float32([80, 50] * 6)[:, None, None])
    np.testing.assert_allclose(source.read(NAME).detected.confidence[:2, 0], [0.8, 0.5])
    assert sentences(source) == ["scores of 1 sequences reach 80; they are taken as percentages"]
    with pytest.raises(
        InputError, match=f"{KEYPOINTS}: S1/Walking-1/58860488: frame 4 has a score of 1e.30: give 0 to"
    ):
        with_scores(tmp_path, np.float32([1] * 4 + [1e30] + [1] * 7)[:, None, None]).read(NAME)


def test_actions_are_chosen_by_name(tmp_path):
    write_videopose3d(tmp_path, ["S1", "S9"], ["Walking", "Walking 1", "WalkDog 1", "Sitting Down 12"])
    source = VideoPose3D(videopose3d_params(actions=("Walking", "Sitting-Down")), tmp_path)
    assert {name.action for name in source.sequences()} == {"Walking", "Walking-1", "Sitting-Down-12"}
    said = f"{POSITIONS} has no takes of action Walk by these subjects, only of Sitting-Down, WalkDog, Walking: correct"
    with pytest.raises(InputError, match=said):
        VideoPose3D(videopose3d_params(actions=("Walking", "Walk")), tmp_path)


def test_cameras_of_ones_own(tmp_path):
    write_videopose3d(tmp_path, ["S1", "S9"])
    own = {
        "intrinsics": [{**inner, "id": f"cam{i}"} for i, inner in enumerate(HUMAN36M["intrinsics"])],
        "extrinsics": {subject: HUMAN36M["extrinsics"][subject] for subject in ("S1", "S9")},
    }
    (tmp_path / "cameras.json").write_text(json.dumps(own))
    source = VideoPose3D(videopose3d_params(calibration="cameras.json"), tmp_path)
    assert {name.camera for name in source.sequences()} == {"cam0", "cam1", "cam2", "cam3"}
    wanted = VideoPose3D(videopose3d_params(), tmp_path).read(NAME).sequence
    read = source.read(SequenceName("S1", "Walking-1", "cam2")).sequence
    np.testing.assert_array_equal(read.keypoints_px, wanted.keypoints_px)
    del own["extrinsics"]["S9"]
    (tmp_path / "cameras.json").write_text(json.dumps(own))
    with pytest.raises(InputError, match=r"cameras\.json has no extrinsics of subject S9.* dataset\.calibration"):
        VideoPose3D(videopose3d_params(calibration="cameras.json"), tmp_path)


def test_the_keypoints_of_one_camera_need_no_list(tmp_path):
    positions, keypoints = write_videopose3d(tmp_path, ["S1", "S9"])
    alone = {subject: {take: views[1] for take, views in takes.items()} for subject, takes in keypoints.items()}
    save_videopose3d(tmp_path, positions, alone)
    with pytest.raises(InputError, match="the take has 1 views for the calibration's 4 cameras: there must be one of"):
        VideoPose3D(videopose3d_params(), tmp_path).read(NAME)
    one = {
        "intrinsics": HUMAN36M["intrinsics"][1:2],
        "extrinsics": {subject: HUMAN36M["extrinsics"][subject][1:2] for subject in ("S1", "S9")},
    }
    (tmp_path / "cameras.json").write_text(json.dumps(one))
    source = VideoPose3D(videopose3d_params(calibration="cameras.json"), tmp_path)
    read = source.read(SequenceName("S1", "Walking-1", "55011271"))
    np.testing.assert_array_equal(read.detected.keypoints_px, keypoints["S1"]["Walking 1"][1])
    assert not any(isinstance(one, Problem) for one in recordings(source))


def refused(folder, positions, keypoints, metadata=METADATA):
    """The message when the data set is opened."""
    save_videopose3d(folder, positions, keypoints, metadata)
    with pytest.raises(InputError) as raised:
        VideoPose3D(videopose3d_params(), folder)
    assert str(folder) in str(raised.value) and "\n" not in str(raised.value)
    return str(raised.value)


def test_what_is_wrong_as_a_whole_is_refused_at_once(tmp_path):
    positions, keypoints = write_videopose3d(tmp_path, ["S1", "S9", "S11"])
    without = {"S1": positions["S1"], "S11": positions["S11"]}
    assert f"{POSITIONS} has no subject S9, only S1, S11" in refused(tmp_path, without, keypoints)
    assert f"{KEYPOINTS} has no subject S9, only S1" in refused(tmp_path, positions, {"S1": keypoints["S1"]})
    assert f"{POSITIONS} has no positions_3d" in refused(tmp_path, [1, 2], keypoints)
    assert f"{KEYPOINTS} has no positions_2d" in refused(tmp_path, positions, {"S1": 1, "S9": {}})
    slash = {**positions, "S1": {"Walking/1": positions["S1"]["Walking 1"]}}
    assert "'Walking/1' cannot name" in refused(tmp_path, slash, keypoints)
    alike = {**positions, "S1": {**positions["S1"], "Walking-1": positions["S1"]["Walking 1"]}}
    assert "differ by a space only" in refused(tmp_path, alike, keypoints)
    assert f"{POSITIONS} has no takes of S9" in refused(tmp_path, {**positions, "S9": {}}, keypoints)
    shares = {s: {a: [one / 1000 for one in take] for a, take in takes.items()} for s, takes in keypoints.items()}
    assert "so they are not px: save them in px of the cameras' pictures" in refused(tmp_path, positions, shares)
    shares["S9"]["Walking 1"] = keypoints["S9"]["Walking 1"]  # a take among many is found by where it lies
    save_videopose3d(tmp_path, positions, shares)
    assert VideoPose3D(videopose3d_params(), tmp_path).sequences()
    (tmp_path / KEYPOINTS).unlink()
    np.savez(tmp_path / POSITIONS, positions_3d=positions)
    with pytest.raises(InputError, match=f"{KEYPOINTS} is missing"):
        VideoPose3D(videopose3d_params(), tmp_path)
    np.savez(tmp_path / KEYPOINTS, other=positions)
    with pytest.raises(InputError, match=f"{KEYPOINTS} has no positions_2d"):
        VideoPose3D(videopose3d_params(), tmp_path)


def test_of_who_has_keypoints_only_no_3d_is_read(tmp_path):
    """Whether there is any (S5) or not (S6)."""
    positions, keypoints = write_videopose3d(tmp_path, ["S1", "S5", "S6", "S9"])
    del positions["S6"]
    save_videopose3d(tmp_path, positions, keypoints)
    subjects = Subjects(train=("S1", "S5", "S6"), validation=(), test=("S9",))
    params = videopose3d_params(subjects=subjects, keypoints_only=("S5", "S6"), frame_step=2)
    found = list(recordings(VideoPose3D(params, tmp_path)))
    assert len(found) == 4 * 2 * 4 and all(isinstance(one, Recording) for one in found)
    for one in found:
        sequence, view = one.sequence, CAMERAS.index(one.name.camera)
        with_3d = one.name.subject in ("S1", "S9")
        assert (sequence.has_3d, sequence.is_annotated) == (with_3d, with_3d)
        assert (len(sequence), sequence.fps) == (6, 25)
        wanted = keypoints[one.name.subject][one.name.action.replace("-", " ")][view][::2]
        np.testing.assert_array_equal(one.detected.keypoints_px, wanted)
        if not with_3d:
            np.testing.assert_allclose(sequence.boxes_px[:, 2:], wanted.max(1) + 10, atol=1e-3)
            assert sequence.camera.id == one.name.camera
    with pytest.raises(InputError, match=f"{POSITIONS} has no subject S6"):
        VideoPose3D(videopose3d_params(subjects=subjects), tmp_path)
    with pytest.raises(InputError, match=f"{KEYPOINTS} has no subject S7"):
        absent = Subjects(train=("S1", "S7"), validation=(), test=("S9",))
        VideoPose3D(videopose3d_params(subjects=absent, keypoints_only=("S7",)), tmp_path)


def test_the_file_that_lacks_all_takes_of_a_subject_is_named(tmp_path):
    positions, keypoints = write_videopose3d(tmp_path, ["S1", "S6", "S9"])
    save_videopose3d(tmp_path, positions, {**keypoints, "S6": {}})
    params = videopose3d_params(subjects=Subjects(train=("S1", "S6"), validation=(), test=("S9",)))
    with pytest.raises(InputError, match=f"{KEYPOINTS} has no takes of S6"):
        VideoPose3D(params.model_copy(update={"keypoints_only": ("S6",)}), tmp_path)
    save_videopose3d(tmp_path, {**positions, "S6": {}}, keypoints)
    with pytest.raises(InputError, match=f"{POSITIONS} has no takes of S6"):
        VideoPose3D(params, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda k: k + 2000, "S6/Walking-1/58860488: 0 % of the joints are detected in the image"),
        (
            lambda k: k * np.float32(np.nan),
            "S6/Walking-1/58860488: no frame has all 17 joints of a person of 10 px",
        ),
        (lambda k: k[:0], "S6/Walking-1/58860488: has no frames"),
        (lambda k: k[:, :16], r"S6/Walking-1/58860488: has shape \(12, 16, 2\)"),
    ],
)
def test_bad_keypoints_of_who_has_no_3d(tmp_path, change, message):
    positions, keypoints = write_videopose3d(tmp_path, ["S1", "S6", "S9"])
    del positions["S6"]
    keypoints["S6"]["Walking 1"][2] = change(keypoints["S6"]["Walking 1"][2])
    save_videopose3d(tmp_path, positions, keypoints)
    subjects = Subjects(train=("S1", "S6"), validation=(), test=("S9",))
    source = VideoPose3D(videopose3d_params(subjects=subjects, keypoints_only=("S6",)), tmp_path)
    (problem,) = [found for found in recordings(source) if isinstance(found, Problem)]
    assert re.search(f"{KEYPOINTS}: {message}", problem.sentence)


COCO_SYMMETRY = OTHER_METADATA["coco17"]["keypoints_symmetry"]
KNOWN = r"must be one of h36m17 \(17 points\), coco17 \(17 points\), halpe26"


@pytest.mark.parametrize(
    ("joints_2d", "joints_3d", "metadata", "file", "said"),
    [
        (15, 15, {"num_joints": 15}, POSITIONS, r"has the joints of HumanEva-I \(15 joints\)"),
        (17, 15, METADATA, POSITIONS, r"has the joints of HumanEva-I \(15 joints\)"),
        (17, 25, METADATA, POSITIONS, r"has the joints of another skeleton \(25 joints\)"),
        (15, 17, {"layout_name": "humaneva15"}, KEYPOINTS, rf"the layout 'humaneva15' \(15 points\), .* {KNOWN}"),
        (17, 17, {"layout_name": "mine", "num_joints": 17}, KEYPOINTS, rf"the layout 'mine' \(17 points\), .* {KNOWN}"),
        (16, 32, {}, KEYPOINTS, rf"a layout that its metadata do not name \(16 points\), .* {KNOWN}"),
        (16, 17, METADATA, KEYPOINTS, "its metadata say 17 points, its arrays have 16"),
        (16, 17, {"layout_name": "coco"}, KEYPOINTS, "name the layout coco17 of 17 points, its arrays have 16"),
        (17, 17, METADATA | {"keypoints_symmetry": [[1], [2]]}, KEYPOINTS, r"not that of the layout h36m17"),
        (
            17,
            17,
            METADATA | {"layout_name": "coco"},
            KEYPOINTS,
            r"coco17, which is \[\[1, 3, 5, 7, 9, 11, 13, 15\], \[2",
        ),
        (17, 17, METADATA | {"keypoints_symmetry": COCO_SYMMETRY}, KEYPOINTS, "not that of the layout h36m17"),
    ],
)
def test_what_is_no_known_layout_is_refused_in_one_sentence(tmp_path, joints_2d, joints_3d, metadata, file, said):
    """With names that are not Human3.6M's, too: HumanEva-I's subjects are called Train/S1."""
    positions = {"Train/S1": {"Walking 1 chunk0": np.ones((9, joints_3d, 3)), "Box 1": np.ones((8, joints_3d, 3))}}
    keypoints = {s: {a: [p[..., :1].repeat(2, -1)[:, :1].repeat(joints_2d, 1)] * 3 for a, p in takes.items()}
                 for s, takes in positions.items()}  # fmt: skip
    assert re.search(f"{file}.* {said}", refused(tmp_path, positions, keypoints, metadata))


@pytest.mark.parametrize("scored", [False, True])
@pytest.mark.parametrize("name", ["coco17", "mpii16"])
def test_keypoints_of_another_layout_are_read_as_they_are(tmp_path, name, scored):
    _, keypoints = write_other_layout(tmp_path, name, ["S1", "S9"], scored=scored)
    source = VideoPose3D(videopose3d_params(), tmp_path)
    assert sentences(source) == []
    read = source.read(NAME)
    assert read.detected.layout == name and read.sequence.keypoints_px.shape == (12, 17, 2)
    np.testing.assert_array_equal(read.detected.keypoints_px, keypoints["S1"]["Walking 1"][2][..., :2])
    np.testing.assert_array_equal(read.detected.confidence, np.full((12, len(layout(name))), 0.75 if scored else 1))


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"layout_name": "coco"}, "coco17"),
        ({"layout_name": "coco17"}, "coco17"),
        ({"num_joints": 17, "keypoints_symmetry": COCO_SYMMETRY}, "coco17"),
        ({"layout_name": "detectron", "keypoints_symmetry": COCO_SYMMETRY[::-1]}, "coco17"),
        ({"layout_name": "mpii", "num_joints": 16}, "mpii16"),
    ],
)
def test_a_layout_is_recognised_by_its_name_or_its_sides(tmp_path, metadata, name):
    positions, keypoints = write_other_layout(tmp_path, name, ["S1", "S9"])
    save_videopose3d(tmp_path, positions, keypoints, metadata)
    assert VideoPose3D(videopose3d_params(), tmp_path).read(NAME).detected.layout == name


def test_of_another_layout_all_need_3d(tmp_path):
    write_other_layout(tmp_path, "mpii16", ["S1", "S6", "S9"])
    subjects = Subjects(train=("S1", "S6"), validation=(), test=("S9",))
    with pytest.raises(InputError, match=f"{KEYPOINTS} has keypoints of the layout mpii16, .*S6"):
        VideoPose3D(videopose3d_params(subjects=subjects, keypoints_only=("S6",)), tmp_path)


def gone(px, frames, how):
    """Keypoints (T, K, 2) with scores as a detector writes them that found nobody in some frames."""
    rated = np.concatenate([px, np.full_like(px[..., :1], 0.75)], -1)
    tiny = (px - px.mean(1, keepdims=True)) / 100 + px.mean(1, keepdims=True)
    values = {"nan": np.nan, "zeros": 0, "one place": [[123, 45, 0.75]]}
    if how in values:
        rated[frames] = values[how]
    elif how == "a person of some px":
        rated[frames, :, :2] = tiny[frames]
    elif how == "far outside":
        rated[frames, :, :2] += 50_000
    elif how == "half of each point":
        rated[frames, ::2, 0], rated[frames, 1::2, 1] = np.nan, np.nan
    else:
        rated[frames, :, 2] = {"score 0": 0, "score below 0": -3, "score nan": np.nan}[how]
    return rated


WAYS = [
    "nan",
    "zeros",
    "one place",
    "a person of some px",
    "far outside",
    "half of each point",
    "score 0",
    "score below 0",
    "score nan",
]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("name", ["h36m17", "coco17"])
def test_frames_without_a_detection_are_marked_filled_and_counted(tmp_path, name, how):
    positions, keypoints = write_any_layout(tmp_path, name)
    px = keypoints["S1"]["Walking 1"][2].copy()
    keypoints["S1"]["Walking 1"][2] = gone(px, [0, 4, 5, 11], how)
    save_videopose3d(tmp_path, positions, keypoints, metadata_of(name))
    source = VideoPose3D(videopose3d_params(), tmp_path)
    assert sentences(source) == [
        f"4 of {16 * 12} frames have no detection: 2 are bridged, in gaps of at most 0.25 s, 2 are left out; the "
        "others lack 0 points, which are marked as missing"
    ]
    detected = source.read(NAME).detected
    expected = px.copy()
    expected[[0, 11]] = px[[1, 10]]
    expected[4], expected[5] = (2 * px[3] + px[6]) / 3, (px[3] + 2 * px[6]) / 3
    np.testing.assert_allclose(detected.keypoints_px, expected, atol=1e-3)
    confidence = np.where(np.isin(np.arange(12), [0, 4, 5, 11]), 0, 0.75)
    np.testing.assert_array_equal(detected.confidence, np.tile(confidence[:, None], len(layout(name))))
    known = bridge_detections(detected, 50)
    assert np.flatnonzero(~enough_detected(known)).tolist() == [0, 11]
    np.testing.assert_allclose(known.keypoints_px, expected, atol=1e-3)


def test_single_points_of_another_layout_are_marked_and_the_frame_stays(tmp_path):
    positions, keypoints = write_other_layout(tmp_path, "coco17", ["S1", "S9"])
    view = keypoints["S1"]["Walking 1"][2]
    before = view.copy()
    view[3, 9], view[6, 10] = np.nan, 0
    view[:, 4] = np.nan  # an ear that is never seen
    save_videopose3d(tmp_path, positions, keypoints, OTHER_METADATA["coco17"])
    source = VideoPose3D(videopose3d_params(), tmp_path)
    assert sentences(source) == [
        f"0 of {16 * 12} frames have no detection: 0 are bridged, in gaps of at most 0.25 s, 0 are left out; the "
        "others lack 14 points, which are marked as missing"
    ]
    detected = source.read(NAME).detected
    missing = np.zeros((12, 17), bool)
    missing[3, 9] = missing[6, 10] = missing[:, 4] = True
    np.testing.assert_array_equal(detected.confidence, np.where(missing, 0, 1))
    np.testing.assert_array_equal(detected.keypoints_px[~missing], before[~missing])
    np.testing.assert_allclose(detected.keypoints_px[3, 9], (before[2, 9] + before[4, 9]) / 2, atol=1e-3)
    assert np.isfinite(detected.keypoints_px).all()


@pytest.mark.parametrize(("rate_hz", "step", "left_out"), [(50, 1, []), (10, 1, [3, 4, 5]), (50, 2, [])])
def test_of_the_17_joints_one_that_is_missing_is_bridged_or_its_frames_are_left_out(tmp_path, rate_hz, step, left_out):
    positions, keypoints = write_videopose3d(tmp_path, ["S1", "S9"])
    view = keypoints["S1"]["Walking 1"][2]
    before = view.copy()
    view[3:6, 4, 0] = np.nan
    save_videopose3d(tmp_path, positions, keypoints)
    params = videopose3d_params(frame_rate_hz=rate_hz, frame_step=step)
    detected = VideoPose3D(params, tmp_path).read(NAME).detected
    assert np.flatnonzero(~enough_detected(bridge_detections(detected, rate_hz / step))).tolist() == left_out
    expected = before.copy()
    expected[3:6, 4] = before[2, 4] + (before[6, 4] - before[2, 4]) * np.array([[0.25], [0.5], [0.75]])
    np.testing.assert_allclose(detected.keypoints_px[:, 4], expected[::step, 4], atol=1e-3)
    gone_at = np.flatnonzero(detected.confidence[:, 4] == 0) * step
    assert gone_at.tolist() == ([4] if step == 2 else [3, 4, 5])
    view[:, 4] = 0
    save_videopose3d(tmp_path, positions, keypoints)
    with pytest.raises(
        InputError, match="58860488: no frame has all 17 joints, because LHip is nowhere detected: leave"
    ):
        VideoPose3D(params, tmp_path).read(NAME)


SYMMETRY = {"keypoints_symmetry": METADATA["keypoints_symmetry"]}


@pytest.mark.parametrize(
    ("metadata", "proves"),
    [
        (METADATA, True),
        ({"layout_name": "h36m"}, True),
        ({"num_joints": 17} | SYMMETRY, True),
        ({"num_joints": 17, "keypoints_symmetry": SYMMETRY["keypoints_symmetry"][::-1]}, True),
        ({}, False),
        ({"num_joints": 17}, False),
        (np.zeros(3), False),
    ],
)
def test_of_who_has_keypoints_only_the_metadata_must_say_whose_joints_they_are(tmp_path, metadata, proves):
    """Those of COCO are 17 as well, and without 3D nothing would tell them apart."""
    positions, keypoints = write_videopose3d(tmp_path, ["S1", "S6", "S9"])
    save_videopose3d(tmp_path, positions, keypoints, metadata)
    params = videopose3d_params(subjects=Subjects(train=("S1", "S6"), validation=(), test=("S9",)))
    assert VideoPose3D(params, tmp_path).sequences()
    without_3d = params.model_copy(update={"keypoints_only": ("S6",)})
    if proves:
        assert VideoPose3D(without_3d, tmp_path).sequences()
    else:
        with pytest.raises(InputError, match=f"{KEYPOINTS}: no metadata says .* of S6: .*layout_name"):
            VideoPose3D(without_3d, tmp_path)


def tuples_in_tuples(depth):
    """2 ** depth values in as many bytes as depth; to hash it takes a step for each value."""
    inner = (1,)
    for _ in range(depth):
        inner = (inner, inner)
    return inner


@pytest.mark.parametrize(
    "metadata",
    [
        {"num_joints": np.array([17, 17])},
        {"num_joints": [17]},
        {"num_joints": 17, "keypoints_symmetry": [[tuples_in_tuples(60)], [1]]},
        {"num_joints": 17, "keypoints_symmetry": [[[1]], 4]},
        {"layout_name": [tuples_in_tuples(60)]},
        {"num_joints": 17, "keypoints_symmetry": 4},
        np.zeros(3),
    ],
)
def test_metadata_that_say_nothing_are_passed_over(tmp_path, metadata):
    positions, keypoints = write_videopose3d(tmp_path)
    save_videopose3d(tmp_path, positions, keypoints, metadata)
    assert VideoPose3D(videopose3d_params(), tmp_path).sequences()


def test_a_take_without_frames_is_said_to_have_none(tmp_path):
    positions, keypoints = write_videopose3d(tmp_path, ["S1", "S9"])
    positions["S1"]["Walking 1"] = positions["S1"]["Walking 1"][:0]
    keypoints["S1"]["Walking 1"] = [view[:0] for view in keypoints["S1"]["Walking 1"]]
    save_videopose3d(tmp_path, positions, keypoints)
    problems = [
        found for found in recordings(VideoPose3D(videopose3d_params(), tmp_path)) if isinstance(found, Problem)
    ]
    assert [problem.sentence for problem in problems] == [
        f"{tmp_path / POSITIONS}: S1/Walking-1/{camera}: has no frames; drop that take" for camera in CAMERAS
    ]


@pytest.mark.parametrize(
    ("damage", "file", "message"),
    [
        (lambda p, k: k.pop("Walking 1"), KEYPOINTS, "no keypoints of S1/Walking-1, while .*poses of it: add them"),
        (lambda p, k: k.update({"Walking 1": np.array(5.0)}), KEYPOINTS, "has no list of keypoints"),
        (lambda p, k: k["Walking 1"].__delitem__(slice(2, 4)), KEYPOINTS, "2 views for the calibration's 4 cameras"),
        (lambda p, k: k["Walking 1"].append(k["Walking 1"][0]), KEYPOINTS, "5 views for the calibration's 4 cameras"),
        (lambda p, k: k["Walking 1"].__setitem__(2, k["Walking 1"][2][:, :16]), KEYPOINTS, r"shape \(60, 16, 2\)"),
        (lambda p, k: k["Walking 1"].__setitem__(2, None), KEYPOINTS, "no array of numbers"),
        (lambda p, k: k["Walking 1"].__setitem__(2, k["Walking 1"][2][:0]), POSITIONS, "has no frames; drop that take"),
        (lambda p, k: p.update({"Walking 1": p["Walking 1"][:, :15]}), POSITIONS, r"shape \(60, 15, 3\)"),
        (lambda p, k: p.update({"Walking 1": p["Walking 1"][..., :2]}), POSITIONS, r"shape \(60, 17, 2\)"),
        (lambda p, k: p.update({"Walking 1": {"cam": 1}}), POSITIONS, "no array of numbers"),
        (lambda p, k: p.update({"Walking 1": p["Walking 1"] + np.float32([0, 9, 0])}), POSITIONS, "behind camera"),
        (
            lambda p, k: p.update({"Walking 1": 1000 * p["Walking 1"]}),
            POSITIONS,
            "like millimetres where metres belong",
        ),
        (
            lambda p, k: p.update({"Walking 1": np.float32(np.nan) * p["Walking 1"]}),
            POSITIONS,
            "not one pose is finite",
        ),
        (lambda p, k: k["Walking 1"].__setitem__(2, k["Walking 1"][2] + 400), KEYPOINTS, "px from where the 3D"),
        (
            lambda p, k: k["Walking 1"][2].__setitem__((3, 4, 0), np.inf),
            KEYPOINTS,
            "LHip of frame 3 is where no pict",
        ),
        (
            lambda p, k: k["Walking 1"][2].__setitem__((..., 9, 0), np.nan),
            KEYPOINTS,
            "Neck/Nose is nowhere detected",
        ),
    ],
)
def test_a_bad_take_is_named_and_the_others_are_read(tmp_path, damage, file, message):
    positions, keypoints = write_videopose3d(tmp_path, ["S1", "S9"], frames=60)
    damage(positions["S1"], keypoints["S1"])
    save_videopose3d(tmp_path, positions, keypoints)
    found = list(recordings(VideoPose3D(videopose3d_params(), tmp_path)))
    assert len(found) == 16
    problems = [problem for problem in found if isinstance(problem, Problem)]
    assert problems and all(p.name.subject == "S1" and p.name.action == "Walking-1" for p in problems)
    (sentence,) = [problem.sentence for problem in problems if problem.name == NAME]
    assert re.search(message, sentence)
    assert "S1/Walking-1" in sentence and "\n" not in sentence
    assert str(tmp_path / file) in sentence
