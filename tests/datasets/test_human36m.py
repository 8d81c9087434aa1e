import gzip
import os
import shutil
import struct

import cv2
import h5py
import numpy as np
import pytest
from tiny_human36m import (
    ALL_SUBJECTS,
    CAMERAS,
    IMAGE_HEIGHT_PX,
    all_joints,
    images,
    outer_box,
    write_cdf,
    write_cdf_values,
    write_human36m,
    write_masks,
    write_video,
)

from pose3d.config.dataset import Human36mParams, Subjects
from pose3d.datasets.human36m import ACTIONS, BROKEN, OTHER_NUMBERS, TAKES, Human36m, file_stems
from pose3d.datasets.recording import Problem, Recording, SequenceName, recordings
from pose3d.geometry.skeleton import HUMAN36M_32_TO_17
from pose3d.records.frames import video_frames
from pose3d.runtime.errors import InputError

FRAMES = 12
NAME = SequenceName("S1", "Directions-2", "55011271")
FEATURES = "S1/MyPoseFeatures"
WORLD = f"{FEATURES}/D3_Positions/Directions.cdf"
MONO = f"{FEATURES}/D3_Positions_mono/Directions.55011271.cdf"
VIDEO = "S1/Videos/Directions.55011271.mp4"
BOXES = "S1/MySegmentsMat/ground_truth_bb/Directions.55011271.mat"


def params(train=("S1",), actions=("Directions",), frame_step=1):
    subjects = Subjects.model_construct(train=train, validation=(), test=())  # nobody to test on is enough here
    return Human36mParams(source="human36m", subjects=subjects, folder=None, actions=actions, frame_step=frame_step)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("human36m")
    return folder, write_human36m(folder, ["S1"], ["Directions"], FRAMES)


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written[0], tmp_path / "data")


@pytest.fixture
def truth(written):
    return written[1][NAME.key]


def read(folder, **changes):
    return Human36m(params(**changes), folder).read(NAME)


def test_what_was_written_comes_back(written):
    folder, sequences = written
    found = list(recordings(Human36m(params(), folder)))
    assert [recording.sequence.key for recording in found] == sorted(sequences)
    for recording in found:
        sequence, truth = recording.sequence, sequences[recording.sequence.key]
        assert sequence.fps == 50 and recording.detected is None
        np.testing.assert_allclose(sequence.poses_world_m, truth.poses_world_m, atol=1e-6)
        np.testing.assert_allclose(sequence.poses_cam_m, truth.poses_cam_m, atol=1e-5)
        np.testing.assert_allclose(sequence.keypoints_px, truth.keypoints_px, atol=0.01)
        np.testing.assert_array_equal(sequence.boxes_px, outer_box(truth.boxes_px))
        assert sequence.camera.id == truth.camera.id
        assert sequence.camera.height_px == (1002 if sequence.camera.id in ("54138969", "60457274") else 1000)
        np.testing.assert_array_equal(recording.frames.indices, np.arange(FRAMES))
    last = found[-1].frames
    assert last.path == "S1/Videos/Directions.60457274.mp4"
    decoded = next(video_frames(folder / last.path, np.array([FRAMES - 1])))
    hip = found[-1].sequence.keypoints_px[-1, 0].astype(int)
    assert decoded[hip[1], hip[0]].mean() < 140 < decoded[0, 0].mean(), "the dot of the hip is where the hip is"


@pytest.mark.slow
def test_pictures_have_the_real_number_of_rows_for_each_subject(tmp_path):
    """S7 has 1002 rows in all four cameras; what does not fit is refused for it as for everybody."""
    write_human36m(tmp_path, ALL_SUBJECTS, ["Walking"], 2)
    found = list(recordings(Human36m(params(ALL_SUBJECTS, ("Walking",)), tmp_path)))
    assert [one.sentence for one in found if isinstance(one, Problem)] == []
    rows = {}
    for recording in found:
        rows.setdefault(recording.sequence.subject, {})[recording.sequence.camera.id] = (
            recording.sequence.camera.height_px
        )
    assert {s: tuple(heights[c] for c in CAMERAS) for s, heights in rows.items()} == IMAGE_HEIGHT_PX

    source = Human36m(params(("S7",), ("Walking",)), tmp_path)
    name = SequenceName("S7", "Walking-2", "58860488")
    video = tmp_path / "S7/Videos/Walking 2.58860488.mp4"
    write_video(video, [np.zeros((1000, 1000, 3), np.uint8)] * 2)
    with pytest.raises(InputError, match="is 1000 x 1000 px, camera 58860488 gives 1000 x 1002: the video was resized"):
        source.read(name)


def test_an_interlaced_video_is_refused_where_its_pictures_are_the_same_memory_and_else_said(folder, monkeypatch):
    assert not read(folder).interlaced
    with monkeypatch.context() as patched:
        patched.setattr("pose3d.datasets.human36m_files.codec_is_interlaced", lambda video: True)
        assert read(folder).interlaced
        write_video(folder / VIDEO, [np.full((1000, 1000, 3), 90, np.uint8)] * FRAMES)
        refused = r"55011271\.mp4 is interlaced, which this build of OpenCV does not decode: `ffmpeg .* -vf bwdif "
        with pytest.raises(InputError, match=refused):
            read(folder)
    assert not read(folder).interlaced  # whole pictures of something at rest


def test_every_nth_frame(folder, truth):
    recording = read(folder, frame_step=5)
    np.testing.assert_array_equal(recording.frames.indices, [0, 5, 10])
    np.testing.assert_allclose(recording.sequence.poses_world_m, truth.poses_world_m[::5], atol=1e-6)
    np.testing.assert_array_equal(recording.sequence.boxes_px, outer_box(truth.boxes_px[::5]))
    assert recording.sequence.fps == 10


def test_all_takes_are_listed_without_the_broken_one(tmp_path):
    for subject in OTHER_NUMBERS:
        (tmp_path / subject).mkdir()
    names = Human36m(params(train=tuple(OTHER_NUMBERS), actions=None), tmp_path).sequences()
    assert len(names) == 7 * 15 * 2 * 4 - 1 and names == sorted(names)
    assert BROKEN not in names and BROKEN._replace(camera="55011271") in names
    walking = Human36m(params(train=("S9",), actions=("Walking",)), tmp_path).sequences()
    assert {name.action for name in walking} == {"Walking-1", "Walking-2"} and len(walking) == 8


@pytest.mark.parametrize(
    ("subject", "action", "stems"),
    [
        ("S1", "Directions-1", ["Directions 1"]),
        ("S1", "Directions-2", ["Directions"]),
        ("S1", "Eating-1", ["Eating 2"]),
        ("S1", "TakingPhoto-1", ["TakingPhoto 1", "Photo 1"]),
        ("S1", "WalkingDog-2", ["WalkingDog", "WalkDog"]),
        ("S5", "Directions-1", ["Directions 1"]),
        ("S5", "Directions-2", ["Directions 2"]),
        ("S5", "Discussion-2", ["Discussion 3"]),
        ("S5", "TakingPhoto-1", ["TakingPhoto", "Photo"]),
        ("S6", "Waiting-1", ["Waiting 3"]),
        ("S7", "Walking-2", ["Walking 2"]),
        ("S8", "WalkingTogether-2", ["WalkingTogether 2", "WalkTogether 2"]),
        ("S9", "SittingDown-1", ["SittingDown"]),
        ("S9", "SittingDown-2", ["SittingDown 1"]),
        ("S11", "Directions-2", ["Directions"]),
        ("S11", "Phoning-1", ["Phoning 3"]),
        ("S11", "Phoning-2", ["Phoning 2"]),
    ],
)
def test_uneven_file_names(subject, action, stems):
    assert file_stems(subject, action) == stems


def test_the_two_takes_of_an_action_have_different_files():
    for subject, others in OTHER_NUMBERS.items():
        assert set(others) <= set(ACTIONS)
        for action in ACTIONS:
            first, second = (file_stems(subject, f"{action}-{take}") for take in TAKES)
            assert not set(first) & set(second)


def test_the_short_name_of_an_action_is_found_in_each_folder(tmp_path):
    write_human36m(tmp_path, ["S1"], ["TakingPhoto"], 3)
    for path in (tmp_path / "S1/Videos").iterdir():
        path.rename(path.with_name(path.name.replace("TakingPhoto", "Photo")))
    source = Human36m(params(actions=("TakingPhoto",)), tmp_path)
    assert source.read(source.sequences()[0]).frames.path == "S1/Videos/Photo 1.54138969.mp4"


def test_boxes_come_from_the_joints_where_the_subject_has_none(folder, truth):
    shutil.rmtree(folder / "S1/MySegmentsMat")
    np.testing.assert_allclose(read(folder).sequence.boxes_px, truth.boxes_px, atol=0.01)


def test_a_frame_for_every_pose_is_enough_at_any_frame_rate(folder, truth):
    write_video(folder / VIDEO, images(truth), 25)
    recording = read(folder)
    assert len(recording.frames) == FRAMES and recording.sequence.fps == 50


def test_camera_space_files_may_be_left_out(folder):
    shutil.rmtree(folder / FEATURES / "D3_Positions_mono")
    assert len(read(folder).sequence) == FRAMES


@pytest.mark.parametrize("frames", [FRAMES - 2, 2 * FRAMES])
def test_camera_space_files_may_end_earlier_or_later(folder, truth, frames):
    longer = np.concatenate([truth.poses_cam_m, truth.poses_cam_m])
    write_cdf(folder / MONO, longer[:frames])
    assert len(read(folder).sequence) == FRAMES


def test_longer_videos_and_slightly_shorter_ones_are_cut_to_what_both_have(folder, truth):
    write_video(folder / VIDEO, images(truth) * 2)
    assert len(read(folder).frames) == FRAMES
    write_video(folder / VIDEO, images(truth)[:-3])
    recording = read(folder)
    assert len(recording.frames) == len(recording.sequence) == len(recording.sequence.boxes_px) == FRAMES - 3
    write_masks(folder / BOXES, truth.boxes_px[:-5], 1000, 1000)
    assert len(read(folder).sequence) == FRAMES - 5


def test_uneven_takes_of_all_cameras_are_cut_to_what_they_have(tmp_path):
    longer = dict(zip(CAMERAS, (29, 3, 0, -4), strict=True))
    written = write_human36m(tmp_path, ["S1"], ["Eating"], FRAMES, {("S1", "Eating-2"): 30}, longer)
    found = list(recordings(Human36m(params(actions=("Eating",)), tmp_path)))
    lengths = {r.sequence.key: (len(r.sequence), len(r.frames)) for r in found}
    assert lengths == {key: (n, n) for key, s in written.items() if (n := len(s) + min(0, longer[s.camera.id]))}
    assert set(dict(lengths.values())) == {FRAMES, FRAMES - 4, 30, 26}


def cut_off(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty_mask(path):
    with h5py.File(path, "r+") as file:
        file[file["Masks"][4, 0]][...] = 0


def masks_elsewhere(path, truth):
    """The masks in another file, which would be read without a word."""
    path.rename(path.with_name("other.mat"))
    with h5py.File(path, "w") as file:
        file["Masks"] = h5py.ExternalLink("other.mat", "Masks")


def mask_elsewhere(path, truth):
    """The content of a mask in a file that is none of HDF5; a reference leads there."""
    with h5py.File(path, "r+") as file:
        shape = file[file["Masks"][0, 0]].shape
        file.create_dataset("hidden", shape, "u1", external=[("/dev/zero", 0, shape[0] * shape[1])])
        file["Masks"][0, 0] = file["hidden"].ref


def packed_cdf(content):
    """What unpacks to ``content``, as a CDF file that is packed as a whole."""
    packed = gzip.compress(content)
    record = struct.pack(">QIQQI", 32 + len(packed), 10, 40 + len(packed), len(content), 0) + packed
    method = struct.pack(">QIIIII", 28, 11, 5, 0, 1, 6)
    return b"\xcd\xf3\x00\x01\xcc\xcc\x00\x01" + record + method


WRONG = {
    "masks in another file": (BOXES, masks_elsewhere, "Masks is a link to something else"),
    "a mask in another file": (BOXES, mask_elsewhere, "hidden is stored in other files"),
    "positions that unpack without end": (
        WORLD,
        lambda path, truth: path.write_bytes(packed_cdf(bytes(2**27 + 1))),
        "unpacks to more than a take has",
    ),
    "positions as large as a film": (
        WORLD,
        lambda path, truth: os.truncate(path, 2**33),
        "larger than any of a take",
    ),
    "the world positions are missing": (WORLD, lambda path, truth: path.unlink(), "is missing"),
    "the video is missing": (VIDEO, lambda path, truth: path.unlink(), "is missing"),
    "boxes are missing": (BOXES, lambda path, truth: path.unlink(), "is missing"),
    "no CDF": (WORLD, lambda path, truth: path.write_bytes(b"nothing"), "not a whole CDF file"),
    "an empty CDF": (WORLD, lambda path, truth: path.write_bytes(b""), "not a whole CDF file"),
    "a cut off CDF": (WORLD, lambda path, truth: cut_off(path), "not a whole CDF file"),
    "a cut off camera-space CDF": (MONO, lambda path, truth: cut_off(path), "not a whole CDF file"),
    "17 joints": (
        WORLD,
        lambda path, truth: write_cdf_values(path, truth.poses_world_m.reshape(FRAMES, 51) * 1000),
        r"shape \(12, 51\), not \(1, frames, 96\)",
    ),
    "NaN": (
        WORLD,
        lambda path, truth: write_cdf(
            path, np.where(np.arange(FRAMES)[:, None, None] == 7, np.nan, truth.poses_world_m)
        ),
        "not finite at frame 7",
    ),
    "metres": (WORLD, lambda path, truth: write_cdf(path, truth.poses_world_m / 1000), "in metres, not millimetres"),
    "another unit": (WORLD, lambda path, truth: write_cdf(path, truth.poses_world_m * 10), "another unit"),
    "camera space in metres": (MONO, lambda path, truth: write_cdf(path, truth.poses_cam_m / 1000), "in metres"),
    "swapped axes": (
        WORLD,
        lambda path, truth: write_cdf(path, truth.poses_world_m[..., [0, 2, 1]]),
        "axes are swapped",
    ),
    "a world that lies behind the camera": (
        WORLD,
        lambda path, truth: write_cdf(path, truth.poses_world_m + 3 * truth.camera.position_m),
        "lie behind camera 55011271",
    ),
    "another camera's positions": (
        MONO,
        lambda path, truth: write_cdf(path, truth.poses_cam_m * [-1, 1, 1]),
        "axes are swapped, or one of them is of another take or camera",
    ),
    "camera space that begins later": (
        MONO,
        lambda path, truth: write_cdf(path, truth.poses_cam_m[1:]),
        "lies 15 mm from .* one of them is of another take",
    ),
    "no video": (VIDEO, lambda path, truth: path.write_bytes(b"nothing"), "does not open as a video"),
    "a cut off video": (VIDEO, lambda path, truth: cut_off(path), "does not open as a video"),
    "a short video": (VIDEO, lambda path, truth: write_video(path, images(truth)[:6]), "has 6 frames for 12 poses"),
    "a resized video": (
        VIDEO,
        lambda path, truth: write_video(path, (cv2.resize(image, (500, 500)) for image in images(truth))),
        "is 500 x 500 px, camera 55011271 gives 1000 x 1000",
    ),
    "twice the frames": (
        VIDEO,
        lambda path, truth: write_video(path, images(truth) * 2, 100),
        "has 24 frames for 12 poses, and 100 a second, not 50",
    ),
    "no MAT": (BOXES, lambda path, truth: path.write_bytes(b"MATLAB 5.0 MAT-file"), "not a whole MAT file"),
    "a cut off MAT": (BOXES, lambda path, truth: cut_off(path), "not a whole MAT file"),
    "few masks": (
        BOXES,
        lambda path, truth: write_masks(path, truth.boxes_px[:6], 1000, 1000),
        "has 6 masks for 12 poses",
    ),
    "an empty mask": (BOXES, lambda path, truth: empty_mask(path), "mask 4 is empty"),
    "masks of another size": (
        BOXES,
        lambda path, truth: write_masks(path, truth.boxes_px, 1000, 1002),
        "the boxes are another camera's",
    ),
    "somebody else's boxes": (
        BOXES,
        lambda path, truth: write_masks(path, truth.boxes_px * 0 + [10, 10, 60, 90], 1000, 1000),
        "in 100 % of the frames the hip lies outside",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_is_refused_by_name(folder, truth, wrong):
    place, spoil, message = WRONG[wrong]
    spoil(folder / place, truth)
    with pytest.raises(InputError, match=message) as raised:
        read(folder)
    assert str(folder / place) in str(raised.value) and "\n" not in str(raised.value)


def test_all_problems_come_at_once_beside_what_can_be_read(folder):
    (folder / VIDEO).unlink()
    cut_off(folder / BOXES.replace("55011271", "58860488"))
    found = list(recordings(Human36m(params(), folder)))
    problems = [one for one in found if isinstance(one, Problem)]
    assert [problem.name.key for problem in problems] == ["S1/Directions-2/55011271", "S1/Directions-2/58860488"]
    assert len(problems) + sum(isinstance(one, Recording) for one in found) == len(found) == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": ("S1", "S5")}, "S5 is missing: fetch it, or take S5 out"),
        ({"train": ("S2",)}, "Human3.6M has poses of S1, S5, S6, S7, S8, S9, S11, not of S2"),
        ({"actions": ("Dancing",)}, "not Dancing"),
    ],
)
def test_subjects_and_actions_that_are_not_there(written, changes, message):
    with pytest.raises(InputError, match=message):
        Human36m(params(**changes), written[0])


def test_the_32_joints_hold_the_17_in_their_places(truth):
    joints = all_joints(truth.poses_world_m)
    assert joints.shape == (FRAMES, 32, 3)
    np.testing.assert_array_equal(joints[:, HUMAN36M_32_TO_17], truth.poses_world_m)
