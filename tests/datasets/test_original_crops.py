import shutil

import cv2
import h5py
import numpy as np
import pytest
from tiny_original_crops import LAST_CAMERA, original_crops_params, write_original_crops
from tiny_video import jpeg_that_claims

from pose3d.config.dataset import Subjects
from pose3d.datasets.original_crops import OriginalCrops, fit_crops
from pose3d.datasets.recording import Problem, SequenceName, recordings
from pose3d.runtime.errors import InputError

FRAMES = 4
NAME = SequenceName("S1", "Walking-2", "55011271")
TAKE = "cropped/S1/Walking-2"
ANNOTATIONS = f"{TAKE}/annot.h5"
IMAGE = f"{TAKE}/55011271/img_000001.jpg"
MINE = slice(FRAMES, 2 * FRAMES)
"""The rows of that camera, the second of four."""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("original")
    return folder, write_original_crops(folder, ["S1"], ["S9"], frames=FRAMES)


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written[0], tmp_path / "data")


def read(folder, **changes):
    return OriginalCrops(original_crops_params(**changes), folder).read(NAME)


def test_scale_and_offset_by_hand():
    """Crop 0..4 by 0..2 lies at 10..18 by 20..21, so that x is stretched twofold and y to half."""
    crop = np.array([[[0.0, 0.0], [4.0, 2.0], [2.0, 0.0]]])
    image = np.array([[[10.0, 20.0], [18.0, 21.0], [14.0, 20.0]]])
    scale, offset, apart = fit_crops(crop, image)
    np.testing.assert_allclose(scale, [[2, 0.5]], atol=1e-12)
    np.testing.assert_allclose(offset, [[10, 20]], atol=1e-12)
    np.testing.assert_allclose(apart, 0, atol=1e-12)


def test_what_no_scale_explains_is_left_over():
    """y of 0, 0, 1, 1 as seen at 0, 3, 0, 3 has no slope: 1.5 px remain at each of the four, x fits."""
    crop = np.array([[[0.0, 0.0], [1.0, 0.0], [2.0, 1.0], [3.0, 1.0]]])
    image = np.array([[[0.0, 0.0], [1.0, 3.0], [2.0, 0.0], [3.0, 3.0]]])
    scale, offset, apart = fit_crops(crop, image)
    np.testing.assert_allclose([scale[0], offset[0]], [[1, 0], [0, 1.5]], atol=1e-12)
    np.testing.assert_allclose(apart, 1.5, atol=1e-12)
    assert np.isnan(fit_crops(crop * [1, 0], image)[2]).all()


def test_the_full_image_is_found_again(written):
    folder, sequences = written
    found = list(recordings(OriginalCrops(original_crops_params(), folder)))
    assert [recording.sequence.key for recording in found] == sorted(sequences)
    for recording in found:
        sequence, truth = recording.sequence, sequences[recording.sequence.key]
        for name, tolerance in (("poses_world_m", 1e-5), ("poses_cam_m", 1e-5), ("keypoints_px", 0.01)):
            np.testing.assert_allclose(getattr(sequence, name), getattr(truth, name), atol=tolerance)
        np.testing.assert_allclose(sequence.boxes_px, truth.boxes_px, atol=0.01)
        assert (sequence.fps, sequence.camera.width_px) == (50, truth.camera.width_px)
        np.testing.assert_array_equal(recording.frames.crop_sizes_px, truth.boxes_px[:, 2:] - truth.boxes_px[:, :2])
        assert len(sequence) == FRAMES - (sequence.camera.id == LAST_CAMERA) and recording.detected is None
        assert all((folder / path).exists() for path in recording.frames.paths)
    assert found[-1].frames.paths[1] == "cropped/S9/Walking-2/60457274/img_000002.jpg"


def test_crops_of_one_size_are_stretched_back(written, tmp_path):
    sequences = write_original_crops(tmp_path, ["S1"], ["S9"], frames=FRAMES, crop_px=64)
    recording = read(tmp_path)
    assert recording.frames.crop_sizes_px.tolist() == [[64, 64]] * FRAMES
    np.testing.assert_allclose(recording.sequence.boxes_px, sequences[NAME.key].boxes_px, atol=0.01)
    np.testing.assert_allclose(recording.sequence.keypoints_px, sequences[NAME.key].keypoints_px, atol=0.01)


def test_without_3d_the_crop_is_the_image(written):
    folder, sequences = written
    with h5py.File(folder / ANNOTATIONS) as file:
        rows = file["pose2d"][...]
    source = OriginalCrops(original_crops_params(poses=()), folder)
    found = list(recordings(source))
    assert [recording.sequence.key for recording in found] == sorted(sequences)
    sequence = source.read(NAME).sequence
    boxes_px = sequences[NAME.key].boxes_px
    sizes_px = boxes_px[:, 2:] - boxes_px[:, :2]
    assert len(np.unique(sizes_px, axis=0)) > 1
    assert not sequence.has_3d
    assert [sequence.camera.width_px, sequence.camera.height_px] == sizes_px.max(0).tolist()
    np.testing.assert_array_equal(sequence.keypoints_px, rows[MINE].astype(np.float32))
    np.testing.assert_array_equal(sequence.boxes_px, [[0, 0, width, height] for width, height in sizes_px])


def test_images_are_in_the_order_of_their_numbers_and_the_rate_is_theirs(folder):
    camera = folder / TAKE / "55011271"
    # Sorted as text, 110 would come first.
    for number, new in zip(range(1, FRAMES + 1), (20, 25, 30, 110), strict=True):
        (camera / f"img_{number:06d}.jpg").rename(camera / f"S1_Walking.55011271_{new}.jpg")
    (camera / "._S1_Walking.55011271_20.jpg").write_bytes(b"what macOS leaves behind")
    recording = read(folder)
    assert [path.rsplit("_", 1)[1] for path in recording.frames.paths] == ["20.jpg", "25.jpg", "30.jpg", "110.jpg"]
    assert recording.sequence.fps == 10
    recording = read(folder, frame_step=2)
    assert [path.rsplit("_", 1)[1] for path in recording.frames.paths] == ["20.jpg", "30.jpg"]
    assert recording.sequence.fps == 5 and len(recording.sequence) == 2


def test_names_that_are_numbers_only(folder):
    """As text, and without a name's first digit, 0999 comes last."""
    camera = folder / TAKE / "55011271"
    names = ["0998.jpg", "0999.jpg", "1000.jpg", "1001.jpg"]
    for number, new in enumerate(names, 1):
        (camera / f"img_{number:06d}.jpg").rename(camera / new)
    recording = read(folder)
    assert [path.rsplit("/", 1)[1] for path in recording.frames.paths] == names
    assert recording.sequence.fps == 50


def test_the_broken_take_has_three_cameras(tmp_path):
    written = write_original_crops(tmp_path, ["S1"], ["S11"], ["Directions-1", "Directions-2"], frames=1)
    subjects = Subjects(train=("S1",), validation=(), test=("S11",))
    found = list(recordings(OriginalCrops(original_crops_params(subjects=subjects, actions=("Directions",)), tmp_path)))
    assert [recording.sequence.key for recording in found] == sorted(written) and len(found) == 15


def change(path, new):
    """Replace pose2d by what ``new`` makes of it; None removes it."""
    with h5py.File(path, "r+") as file:
        values = file["pose2d"][...]
        del file["pose2d"]
        if new is not None:
            file["pose2d"] = new(values)


def change_mine(new):
    """Change the rows of one camera."""

    def changed(values):
        values = values.copy()
        values[MINE] = new(values[MINE])
        return values

    return lambda path: change(path, changed)


def with_nan(rows):
    rows[1, 4, 0] = np.nan
    return rows


def cut_off(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def linked(path):
    """The keypoints in another file, which would be read without a word."""
    with h5py.File(path, "r+") as file, h5py.File(path.with_name("other.h5"), "w") as other:
        other["pose2d"] = file["pose2d"][...]
        del file["pose2d"]
        file["pose2d"] = h5py.ExternalLink("other.h5", "pose2d")


def claims_rows(path):
    """A million rows of which the file holds none."""
    with h5py.File(path, "r+") as file:
        del file["pose2d"]
        file.create_dataset("pose2d", (10**6, 17, 2), "f8", chunks=(1000, 17, 2), compression="gzip")


WRONG = {
    "no annotations": (ANNOTATIONS, lambda path: path.unlink(), "is missing: cut the crops again"),
    "cut off annotations": (ANNOTATIONS, cut_off, "not a whole HDF5 file"),
    "other annotations": (ANNOTATIONS, lambda path: path.write_bytes(b"nothing"), "not a whole HDF5 file"),
    "no pose2d": (ANNOTATIONS, lambda path: change(path, None), "has no pose2d"),
    "an external link": (ANNOTATIONS, linked, "pose2d is a link to something else"),
    "rows that are not there": (ANNOTATIONS, claims_rows, "claims shape"),
    "32 joints": (
        ANNOTATIONS,
        lambda path: change(path, lambda rows: np.concatenate([rows, rows[:, :15]], 1)),
        r"pose2d has shape \(15, 32, 2\)",
    ),
    "text": (ANNOTATIONS, lambda path: change(path, lambda rows: rows.astype("S8")), "of type|and type"),
    "a row too few": (
        ANNOTATIONS,
        lambda path: change(path, lambda rows: rows[1:]),
        r"14 rows of pose2d for 15 images \(4 of 54138969, 4 of 55011271, 4 of 58860488, 3 of 60457274\)",
    ),
    "NaN": (ANNOTATIONS, change_mine(with_nan), "camera 55011271 is not finite at frame 1, joint LHip"),
    "px of the full image": (ANNOTATIONS, change_mine(lambda rows: rows + 3000), "0 % of the joints lie in the crops"),
    "a missing image": (IMAGE, lambda path: path.unlink(), None),
    "a cut off image": (IMAGE.replace("01.jpg", "03.jpg"), cut_off, "no whole JPEG"),
    "an empty image": (IMAGE.replace("01.jpg", "03.jpg"), lambda path: path.write_bytes(b""), "no whole JPEG"),
    "a damaged image": (IMAGE, lambda path: path.write_bytes(b"\xff\xd8 nothing \xff\xd9"), "does not decode"),
    "an image that claims 4 billion px": (
        IMAGE,
        lambda path: path.write_bytes(jpeg_that_claims(65_000, 65_000) + b"\xff\xd9"),
        "does not decode",
    ),
    "a name without a number": (
        f"{TAKE}/55011271/first.jpg",
        lambda path: (path.parent / "img_000001.jpg").rename(path),
        "must end in a number",
    ),
    "a number of too many digits": (
        f"{TAKE}/55011271/1234567890.jpg",
        lambda path: (path.parent / "img_000001.jpg").rename(path),
        "a number of up to nine digits",
    ),
    "a number twice": (
        f"{TAKE}/55011271/img_1.jpg",
        lambda path: shutil.copy(path.parent / "img_000001.jpg", path),
        "same number as img_000001.jpg",
    ),
    "a missing camera": (f"{TAKE}/55011271", shutil.rmtree, "is missing: cut"),
    "a camera without images": (
        f"{TAKE}/55011271",
        lambda path: [image.unlink() for image in path.iterdir()],
        "holds no images",
    ),
    "joints in another order": (
        ANNOTATIONS,
        change_mine(lambda rows: np.roll(rows, 5, 1)),
        "does not fit pose3d",
    ),
    "joints in one column": (
        ANNOTATIONS,
        change_mine(lambda rows: rows * [0, 1] + [5, 0]),
        "all joints have one x or one y",
    ),
    "nobody in a frame": (
        ANNOTATIONS,
        change_mine(lambda rows: np.where(np.arange(len(rows))[:, None, None] == 1, 0, rows)),
        r"of img_\d+.jpg: Hip is at \(0, 0\): nobody is annotated; cut the crops again",
    ),
    "a person of some px": (
        ANNOTATIONS,
        change_mine(lambda rows: np.where(np.arange(len(rows))[:, None, None] == 1, 50 + rows / 100, rows)),
        r"of img_\d+.jpg: Hip and all others lie within 10 px: nobody is annotated",
    ),
    "mirrored": (
        ANNOTATIONS,
        change_mine(lambda rows: [rows[..., 0].max(), 0] + [-1, 1] * rows),
        "does not fit pose3d",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_is_refused_by_name(folder, wrong):
    place, spoil, message = WRONG[wrong]
    spoil(folder / place)
    with pytest.raises(InputError, match=message or "15 rows of pose2d for 14 images") as raised:
        read(folder)
    assert str(folder / (place if message else ANNOTATIONS)) in str(raised.value) and "\n" not in str(raised.value)


def change_poses(folder, new):
    path = folder / "h36m_gt_train.npz"
    poses = np.load(path, allow_pickle=True)["pose3d"].item()
    new(poses["S1"]["Walking-2"])
    np.savez(path, pose3d=poses)


@pytest.mark.parametrize(
    "new, message",
    [
        (lambda take: take.update({"55011271": take["55011271"][1:]}), "3 poses for 4 crops"),
        (lambda take: take.pop("55011271"), "no pose3d of S1/Walking-2/55011271"),
        (lambda take: take.update({"55011271": take["55011271"] / 1000}), "look like metres where millimetres belong"),
        (lambda take: take.update({"55011271": -take["55011271"]}), "joints lie behind camera 55011271"),
        (lambda take: take["55011271"].__setitem__((2, 10, 1), np.inf), "pose3d is not finite at frame 2, joint Head"),
        (lambda take: take.update({"55011271": take["58860488"]}), "does not fit pose3d"),
        (lambda take: take.update({"55011271": {}}), "is no array of numbers"),
    ],
)
def test_wrong_poses_are_refused_by_file(folder, new, message):
    change_poses(folder, new)
    with pytest.raises(InputError, match=message) as raised:
        read(folder)
    assert str(folder / "h36m_gt_train.npz") in str(raised.value) and "\n" not in str(raised.value)


def test_what_concerns_the_whole(written):
    folder, _ = written
    for changes, message in (
        ({"poses": ("none.npz",)}, "none.npz is missing"),
        ({"crops": "elsewhere"}, "elsewhere/S1 is missing"),
        ({"crops": "../cropped"}, "must name a folder inside of"),
        ({"actions": ("Dancing",)}, "not Dancing"),
    ):
        with pytest.raises(InputError, match=message):
            OriginalCrops(original_crops_params(**changes), folder)


def test_all_problems_come_at_once_beside_what_can_be_read(folder):
    cut_off(folder / IMAGE)
    (folder / "cropped/S1/Walking-1/annot.h5").unlink()
    found = list(recordings(OriginalCrops(original_crops_params(), folder)))
    assert [isinstance(one, Problem) for one in found[:8]] == [True] * 4 + [False, True, False, False]
    assert not any(isinstance(one, Problem) for one in found[8:])


def test_each_image_has_its_own_size(folder, written):
    """The second crop twice as high shows the same box."""
    image = folder / IMAGE.replace("01.jpg", "02.jpg")
    height, width, _ = cv2.imread(str(image)).shape
    cv2.imwrite(str(image), np.zeros((2 * height, width, 3), np.uint8))
    change_mine(lambda rows: rows * [[[1, 1]], [[1, 2]], [[1, 1]], [[1, 1]]])(folder / ANNOTATIONS)
    recording = read(folder)
    assert recording.frames.crop_sizes_px[1].tolist() == [width, 2 * height]
    np.testing.assert_allclose(recording.sequence.boxes_px, written[1][NAME.key].boxes_px, atol=0.01)
    every_third = read(folder, frame_step=3).sequence
    np.testing.assert_array_equal(every_third.boxes_px, recording.sequence.boxes_px[::3])
    np.testing.assert_array_equal(every_third.poses_cam_m, recording.sequence.poses_cam_m[::3])
