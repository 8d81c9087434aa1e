import csv
import dataclasses
import errno

import numpy as np
import pytest

from pose3d.formats import predictions as module
from pose3d.formats.joint_files import read_motion
from pose3d.formats.motion import Y_UP_FROM
from pose3d.formats.predictions import Predictions, read_predictions, write_csv, write_npz
from pose3d.formats.read_keypoints import read_keypoints
from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.lifting.lift import Lifted
from pose3d.predict.clip import camera_from_view
from pose3d.runtime.errors import InputError
from pose3d.world.standing import Standing


@pytest.fixture
def predictions():
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.uniform(0, 1, (3, *shape)).astype(np.float32)

    lifted = {"repnet": Lifted(draw(17, 3), False), "temporal": Lifted(draw(17, 3), True, draw(17, 2))}
    return Predictions(
        np.array([0, 0.04, 0.1]),
        draw(4),
        draw(17, 2),
        draw(17),
        np.array([1, 0, 1], bool),
        lifted,
        camera_from_view(64, 48, 60),
    )


def test_npz_round_trip(tmp_path, predictions):
    write_npz(tmp_path / "p.npz", predictions)
    read = read_predictions(tmp_path / "p.npz")
    for name in ("time_s", "boxes_px", "keypoints_px", "confidence", "found"):
        np.testing.assert_array_equal(getattr(read, name), getattr(predictions, name))
        assert getattr(read, name).dtype == getattr(predictions, name).dtype
    assert read.lifted.keys() == predictions.lifted.keys()
    for name, lifted in predictions.lifted.items():
        np.testing.assert_array_equal(read.lifted[name].poses_cam_m, lifted.poses_cam_m)
        assert read.lifted[name].has_root is lifted.has_root
    assert read.lifted["repnet"].radii_m is None
    np.testing.assert_array_equal(read.lifted["temporal"].radii_m, predictions.lifted["temporal"].radii_m)
    np.testing.assert_array_equal(read.camera.intrinsics_px, predictions.camera.intrinsics_px)
    assert (read.camera.width_px, read.camera.height_px, len(read)) == (64, 48, 3)


def test_a_rational_lens_comes_back(tmp_path, predictions):
    eight = [0.5, -0.6, 0, 0, 0.3, 0.4, -0.4, 0.2]
    camera = dataclasses.replace(predictions.camera, distortion=np.array(eight))
    write_npz(tmp_path / "p.npz", dataclasses.replace(predictions, camera=camera))
    assert read_predictions(tmp_path / "p.npz").camera.distortion.tolist() == eight
    keypoints = read_keypoints(tmp_path / "p.npz").distortion
    assert keypoints is not None and keypoints.tolist() == eight


def test_poses_in_the_world_come_back_and_go_into_the_table(tmp_path, predictions):
    rng = np.random.default_rng(1)
    poses_m = rng.uniform(-1, 1, (3, 17, 3)).astype(np.float32)
    standing = Standing(poses_m, rng.random((3, 2)) < 0.5, np.eye(4) * 2.0)
    predictions = dataclasses.replace(predictions, standing=standing)
    write_npz(tmp_path / "p.npz", predictions)
    read = read_predictions(tmp_path / "p.npz").standing
    for name in ("poses_world_m", "contact", "world_from_camera"):
        np.testing.assert_array_equal(getattr(read, name), getattr(standing, name))
    write_csv(tmp_path / "p.csv", predictions)
    with open(tmp_path / "p.csv", newline="", encoding="utf-8") as file:
        row = list(csv.DictReader(file))[17 + 4]
    np.testing.assert_allclose([float(row[f"world_{axis}_m"]) for axis in "xyz"], poses_m[1, 4], atol=1e-5)
    with np.load(tmp_path / "p.npz") as file:
        np.savez(tmp_path / "p.npz", **dict(file) | {"contact": np.zeros((2, 2))})
    with pytest.raises(InputError, match=r"contact must be numbers of shape \(3, 2\), not \(2, 2\)"):
        read_predictions(tmp_path / "p.npz")


NAMES = ("nose", "left_heel")


@pytest.fixture
def with_landmarks(predictions):
    """In the world too; the single-frame lifter knows none."""
    rng = np.random.default_rng(2)
    in_camera, in_world, poses_m = (rng.uniform(0, 1, (3, n, 3)).astype(np.float32) for n in (2, 2, 17))
    temporal = dataclasses.replace(predictions.lifted["temporal"], landmarks_cam_m=in_camera)
    standing = Standing(poses_m, np.zeros((3, 2), bool), np.eye(4), in_world)
    lifted = predictions.lifted | {"temporal": temporal}
    return dataclasses.replace(predictions, lifted=lifted, standing=standing, landmarks=NAMES)


def test_landmarks_come_back_from_the_npz(tmp_path, with_landmarks):
    write_npz(tmp_path / "p.npz", with_landmarks)
    read = read_predictions(tmp_path / "p.npz")
    assert read.landmarks == NAMES and read.lifted["repnet"].landmarks_cam_m is None
    temporal = with_landmarks.lifted["temporal"].landmarks_cam_m
    np.testing.assert_array_equal(read.lifted["temporal"].landmarks_cam_m, temporal)
    np.testing.assert_array_equal(read.standing.landmarks_world_m, with_landmarks.standing.landmarks_world_m)
    for change, sentence in (
        ({"landmarks": np.array(["nose", "tail"])}, "landmarks are not those of pose3d.geometry.layouts"),
        ({"landmarks": np.array(["nose"])}, r"must be numbers of shape \(3, 1, 3\)"),
        ({"landmarks_world_m": np.zeros((2, 2, 3))}, r"landmarks_world_m must be numbers of shape \(3, 2, 3\)"),
    ):
        with np.load(tmp_path / "p.npz") as file:
            np.savez(tmp_path / "damaged.npz", **dict(file) | change)
        with pytest.raises(InputError, match=sentence):
            read_predictions(tmp_path / "damaged.npz")


def test_landmarks_have_rows_after_the_joints(tmp_path, with_landmarks):
    write_csv(tmp_path / "p.csv", with_landmarks)
    with open(tmp_path / "p.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["joint"] for row in rows] == [*JOINT_NAMES, *NAMES] * 3
    row = rows[2 * 19 + 18]
    temporal, world = with_landmarks.lifted["temporal"].landmarks_cam_m, with_landmarks.standing.landmarks_world_m
    for name, values in (("temporal", temporal), ("world", world)):
        np.testing.assert_allclose([float(row[f"{name}_{axis}_m"]) for axis in "xyz"], values[2, 1], atol=1e-5)
    empty = {name for name, cell in row.items() if not cell}
    assert empty == {
        *("keypoint_x_px", "keypoint_y_px", "confidence", "repnet_x_m", "repnet_y_m", "repnet_z_m"),
        *("temporal_radius_across_m", "temporal_radius_along_m"),
    }
    assert (row["frame"], row["found"]) == ("2", "1")


def test_readers_of_joints_take_landmarks_along_and_readers_of_keypoints_pass_over_them(tmp_path, with_landmarks):
    write_npz(tmp_path / "p.npz", with_landmarks)
    write_csv(tmp_path / "p.csv", with_landmarks)
    world = with_landmarks.standing.landmarks_world_m
    for name in ("p.npz", "p.csv"):
        motion = read_motion(tmp_path / name)
        assert motion.joints[17:] == NAMES
        at_own_times = motion.positions_m[[0, -1], 17:] @ Y_UP_FROM["world"]
        np.testing.assert_allclose(at_own_times, world[[0, 2]], atol=1e-5)
        assert np.isnan(motion.positions_m[1]).all()  # nobody was found
        camera = read_motion(tmp_path / name, "camera")
        expected = with_landmarks.lifted["temporal"].landmarks_cam_m[0]
        np.testing.assert_allclose(camera.positions_m[0, 17:] @ Y_UP_FROM["camera"], expected, atol=1e-5)
    found = read_keypoints(tmp_path / "p.csv")
    np.testing.assert_allclose(found.keypoints, with_landmarks.keypoints_px[[0, 2]], atol=1e-3)


def test_the_table_has_a_row_for_each_frame_and_joint(tmp_path, predictions):
    write_csv(tmp_path / "p.csv", predictions)
    with open(tmp_path / "p.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["frame"], row["joint"]) for row in rows] == [(str(t), j) for t in range(3) for j in JOINT_NAMES]
    row = rows[17 * 2 + 4]
    assert float(row["time_s"]) == 0.1
    assert [row["found"] for row in rows[::17]] == ["1", "0", "1"]
    columns = ("keypoint_x_px", "keypoint_y_px")
    np.testing.assert_allclose([float(row[c]) for c in columns], predictions.keypoints_px[2, 4], atol=1e-3)
    assert float(row["confidence"]) == pytest.approx(predictions.confidence[2, 4], abs=1e-4)
    for name, lifted in predictions.lifted.items():
        found = [float(row[f"{name}_{axis}_m"]) for axis in "xyz"]
        np.testing.assert_allclose(found, lifted.poses_cam_m[2, 4], atol=1e-5)
    found = [float(row[f"temporal_radius_{direction}_m"]) for direction in ("across", "along")]
    np.testing.assert_allclose(found, predictions.lifted["temporal"].radii_m[2, 4], atol=1e-5)
    assert not any(name.startswith("repnet_radius") for name in row)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"confidence": None}, "has no array confidence"),
        ({"time_s": None}, "has no array time_s"),
        ({"boxes_px": np.zeros((2, 4))}, r"boxes_px must be numbers of shape \(3, 4\), not \(2, 4\)"),
        ({"has_root_repnet": None}, "has no array has_root_repnet"),
        ({"radii_m_temporal": np.ones((3, 17))}, r"radii_m_temporal must be numbers of shape \(3, 17, 2\)"),
        ({"joints": np.array(["Hip"])}, "joints are not those"),
        ({"intrinsics_px": np.full((3, 3), np.nan)}, "intrinsics_px must be finite"),
        ({"keypoints_px": np.array([{}], object)}, "no whole npz file"),
    ],
)
def test_damaged_files_are_refused_by_the_array(tmp_path, predictions, change, sentence):
    write_npz(tmp_path / "p.npz", predictions)
    with np.load(tmp_path / "p.npz") as file:
        arrays = dict(file) | change
    np.savez(tmp_path / "p.npz", **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(InputError, match=rf"p\.npz.*{sentence}"):
        read_predictions(tmp_path / "p.npz")


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.npz cannot be read \(No such file"):
        read_predictions(tmp_path / "none.npz")
    (tmp_path / "p.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"p\.npz is no whole npz file of predictions"):
        read_predictions(tmp_path / "p.npz")


def test_an_archive_that_unpacks_to_more_than_it_holds_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "p.npz", time_s=np.zeros(10**6))
    with pytest.raises(InputError, match=r"p\.npz is no whole npz file .*claims to unpack to more than it holds"):
        read_predictions(tmp_path / "p.npz")


@pytest.mark.parametrize(("write", "name"), [(write_npz, "_write_array"), (write_csv, "chunks")])
def test_a_full_disk_leaves_the_old_file(tmp_path, predictions, monkeypatch, write, name):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "p").write_text("old")
    monkeypatch.setattr(module, name, full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "p", predictions)
    assert [path.name for path in tmp_path.iterdir()] == ["p"]
    assert (tmp_path / "p").read_text() == "old"
