import shutil

import cv2
import h5py
import numpy as np
import pytest
from tiny_human36m import write_h36m_fetch
from tiny_video import jpeg_that_claims

from pose3d.config.dataset import H36mFetchParams, Subjects
from pose3d.datasets.h36m_fetch import COLUMNS, H36mFetch
from pose3d.datasets.recording import Problem, Recording, SequenceName, recordings
from pose3d.runtime.errors import InputError

NUMBERS = [1, 3, 4, 9, 14, 19, 24, 30]
NAME = SequenceName("S1", "Directions-2", "55011271")
TAKE = "processed/S1/Directions-2"
ANNOTATIONS = f"{TAKE}/annot.h5"
IMAGE = f"{TAKE}/imageSequence/55011271/img_000001.jpg"
MINE = slice(len(NUMBERS), 2 * len(NUMBERS))
"""The rows of that camera, the second of four."""


def params(train=("S1",), frame_step=1):
    subjects = Subjects.model_construct(train=train, validation=(), test=())  # nobody to test on is enough here
    return H36mFetchParams(
        source="h36m_fetch", subjects=subjects, folder=None, actions=("Directions",), frame_step=frame_step
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("h36m_fetch")
    return folder, write_h36m_fetch(folder, ["S1"], ["Directions"], frame_numbers=NUMBERS)


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written[0], tmp_path / "data")


def read(folder, **changes):
    return H36mFetch(params(**changes), folder).read(NAME)


def test_what_was_written_comes_back(written):
    folder, sequences = written
    found = list(recordings(H36mFetch(params(), folder)))
    assert [recording.sequence.key for recording in found] == sorted(sequences)
    for recording in found:
        sequence, truth = recording.sequence, sequences[recording.sequence.key]
        np.testing.assert_allclose(sequence.poses_world_m, truth.poses_world_m, atol=1e-5)
        np.testing.assert_allclose(sequence.poses_cam_m, truth.poses_cam_m, atol=1e-5)
        np.testing.assert_allclose(sequence.keypoints_px, truth.keypoints_px, atol=0.01)
        np.testing.assert_allclose(sequence.boxes_px, truth.boxes_px, atol=0.01)
        assert all((folder / path).exists() for path in recording.frames.paths)
    assert found[-1].frames.paths[2] == "processed/S1/Directions-2/imageSequence/60457274/img_000004.jpg"


def test_the_frame_rate_is_that_of_the_median_step(folder):
    assert read(folder).sequence.fps == 10
    recording = read(folder, frame_step=2)
    assert recording.sequence.fps == 5 and len(recording.sequence) == 4
    assert [path[-10:-4] for path in recording.frames.paths] == ["000001", "000004", "000014", "000024"]
    assert read(folder, frame_step=100).sequence.fps == 50


def test_the_folder_may_be_the_processed_one(folder):
    recording = read(folder / "processed")
    assert recording.frames.paths[0] == "S1/Directions-2/imageSequence/55011271/img_000001.jpg"


def test_the_broken_take_is_left_out(tmp_path):
    written = write_h36m_fetch(tmp_path, ["S11"], ["Directions"], 2)
    found = list(recordings(H36mFetch(params(train=("S11",)), tmp_path)))
    assert [recording.sequence.key for recording in found] == sorted(written) and len(found) == 7


def test_takes_and_cameras_may_have_different_frames(tmp_path):
    kept = {"55011271": slice(1, None, 2), "60457274": slice(0, None, 3)}
    lengths = {("S1", "Directions-2"): 7}
    written = write_h36m_fetch(tmp_path, ["S1"], ["Directions"], 10, lengths=lengths, kept=kept)
    found = {recording.name: recording for recording in recordings(H36mFetch(params(), tmp_path))}
    assert [len(recording.sequence) for recording in found.values()] == [10, 5, 10, 4, 7, 3, 7, 3]
    for recording in found.values():
        truth = written[recording.sequence.key]
        np.testing.assert_allclose(recording.sequence.poses_world_m, truth.poses_world_m, atol=1e-5)
    assert [path[-10:-4] for path in found[NAME].frames.paths] == ["000002", "000004", "000006"]
    assert found[NAME].sequence.fps == 25 and found[NAME._replace(camera="60457274")].sequence.fps == 50 / 3


def change(path, column, new):
    """Replace a dataset by what ``new`` makes of its values; None removes it."""
    with h5py.File(path, "r+") as file:
        values = file[column][...]
        del file[column]
        if new is not None:
            file[column] = new(values)


def change_mine(column, new):
    """Change the rows of one camera."""

    def changed(values):
        values = values.copy()
        values[MINE] = new(values[MINE])
        return values

    return lambda path: change(path, column, changed)


def cut_off(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def linked(path):
    """The poses in another file, which would be read without a word."""
    with h5py.File(path, "r+") as file, h5py.File(path.with_name("other.h5"), "w") as other:
        other["poses"] = file["pose/3d"][...]
        del file["pose/3d"]
        file["pose/3d"] = h5py.ExternalLink("other.h5", "poses")


def claims_rows(path):
    """A million rows of which the file holds none."""
    with h5py.File(path, "r+") as file:
        shapes = {column: (10**6, *file[column].shape[1:]) for column in COLUMNS}
        for column, shape in shapes.items():
            dtype = file[column].dtype
            del file[column]
            file.create_dataset(column, shape, dtype, chunks=(1000, *shape[1:]), compression="gzip")


WRONG = {
    "an external link": (ANNOTATIONS, linked, "pose/3d is a link to something else"),
    "rows that are not there": (ANNOTATIONS, claims_rows, "claims shape"),
    "an image that claims 4 billion px": (
        IMAGE,
        lambda path: path.write_bytes(jpeg_that_claims(65_000, 65_000) + b"\xff\xd9"),
        "does not decode",
    ),
    "no annotations": (ANNOTATIONS, lambda path: path.unlink(), "is missing: run h36m-fetch"),
    "cut off annotations": (ANNOTATIONS, cut_off, "not a whole HDF5 file"),
    "other annotations": (ANNOTATIONS, lambda path: path.write_bytes(b"nothing"), "not a whole HDF5 file"),
    "an old h36m-fetch": (ANNOTATIONS, lambda path: change(path, "pose/3d", None), "has no pose/3d"),
    "17 joints": (
        ANNOTATIONS,
        lambda path: change(path, "pose/3d", lambda poses: poses[:, :17]),
        r"pose/3d has shape \(32, 17, 3\)",
    ),
    "unequal lengths": (ANNOTATIONS, lambda path: change(path, "pose/2d", lambda poses: poses[1:]), "for 32 frames"),
    "camera names": (
        ANNOTATIONS,
        lambda path: change(path, "camera", lambda ids: ids.astype("S8")),
        "camera has shape",
    ),
    "no such camera": (ANNOTATIONS, change_mine("camera", lambda ids: ids * 0), "no rows of camera 55011271"),
    "NaN": (ANNOTATIONS, change_mine("pose/3d", lambda poses: poses * np.nan), "not finite at frame 0"),
    "metres": (ANNOTATIONS, change_mine("pose/3d", lambda poses: poses / 1000), "in metres, not millimetres"),
    "behind the camera": (ANNOTATIONS, change_mine("pose/3d", lambda poses: -poses), "lie behind camera 55011271"),
    "another camera's 2D": (ANNOTATIONS, change_mine("pose/2d", lambda keypoints: keypoints + 40), "57 px from where"),
    "2D that is not finite": (ANNOTATIONS, change_mine("pose/2d", lambda keypoints: keypoints * np.nan), "nan px"),
    "shuffled rows": (ANNOTATIONS, change_mine("frame", lambda numbers: numbers[::-1]), "does not ascend"),
    "a missing image": (IMAGE, lambda path: path.unlink(), "is missing: run h36m-fetch"),
    "a cut off image": (IMAGE.replace("01.jpg", "24.jpg"), cut_off, "no whole JPEG"),
    "an empty image": (IMAGE.replace("01.jpg", "24.jpg"), lambda path: path.write_bytes(b""), "no whole JPEG"),
    "a damaged image": (IMAGE, lambda path: path.write_bytes(b"\xff\xd8 nothing \xff\xd9"), "does not decode"),
    "a resized image": (
        IMAGE,
        lambda path: cv2.imwrite(str(path), np.zeros((1002, 1000, 3), np.uint8)),
        "is 1000 x 1002 px, camera 55011271 gives 1000 x 1000",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_is_refused_by_name(folder, wrong):
    place, spoil, message = WRONG[wrong]
    spoil(folder / place)
    with pytest.raises(InputError, match=message) as raised:
        read(folder)
    assert str(folder / place) in str(raised.value) and "\n" not in str(raised.value)


def test_all_problems_come_at_once_beside_what_can_be_read(folder):
    (folder / IMAGE).unlink()
    (folder / "processed/S1/Directions-1/annot.h5").unlink()
    found = list(recordings(H36mFetch(params(), folder)))
    assert [isinstance(one, Problem) for one in found] == [True] * 4 + [False, True, False, False]
    assert all(isinstance(one, (Problem, Recording)) for one in found)


def test_a_missing_subject(written):
    with pytest.raises(InputError, match="processed/S5 is missing"):
        H36mFetch(params(train=("S1", "S5")), written[0])
