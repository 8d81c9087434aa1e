import importlib.util
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose3d.formats import rrd
from pose3d.formats.predictions import Predictions
from pose3d.formats.rrd import write_rrd
from pose3d.geometry.skeleton import BONES, JOINT_NAMES
from pose3d.lifting.lift import Lifted
from pose3d.predict.clip import camera_from_view
from pose3d.runtime.errors import InputError
from pose3d.show.figures import bone_colour

FRAMES = 4
LOST = 2


def some_predictions():
    rng = np.random.default_rng(0)
    points_px = rng.uniform(0, 48, (FRAMES, 17, 2)).astype(np.float32)
    joints_m = rng.uniform(-1, 1, (FRAMES, 17, 3)).astype(np.float32)
    return Predictions(
        np.array([0, 0.04, 0.1, 0.15]),
        np.ones((FRAMES, 4), np.float32),
        points_px,
        np.ones((FRAMES, 17), np.float32),
        np.arange(FRAMES) != LOST,
        {"temporal": Lifted(joints_m, True)},
        camera_from_view(64, 48, 60),
    )


@pytest.fixture
def rerun():
    return pytest.importorskip("rerun", reason="extra rerun")


def read(path):
    """Entity to component to what is logged, and its times, by Rerun's own reader."""
    from rerun.chunk import RrdReader

    found = {}
    for chunk in RrdReader(path).stream():
        batch = chunk.to_record_batch()
        columns = dict(zip(batch.schema.names, batch.to_pydict().values(), strict=True))
        for name, values in columns.items():
            found.setdefault(chunk.entity_path, {}).setdefault(name, []).extend(values)
    return found


def test_video_2d_3d_and_camera_come_back_on_one_time_line(rerun, tmp_path):
    predictions = some_predictions()
    images = [np.full((48, 64, 3), 60 * frame, np.uint8) for frame in range(FRAMES)]
    write_rrd(tmp_path / "p.rrd", predictions, images)
    assert [path.name for path in tmp_path.iterdir()] == ["p.rrd"]
    found = read(tmp_path / "p.rrd")
    for entity in ("camera/image", "camera/image/keypoints", "camera/image/bones", "poses/joints", "poses/bones"):
        seconds = [time.total_seconds() for time in found[f"/{entity}"]["time"] if time is not None]
        np.testing.assert_allclose(seconds, predictions.time_s, atol=1e-9, err_msg=entity)
        assert [frame for frame in found[f"/{entity}"]["frame"] if frame is not None] == list(range(FRAMES))
    points_px, joints_m = predictions.keypoints_px, predictions.lifted["temporal"].poses_cam_m
    bones = np.array(BONES)
    for entity, component, values in (
        ("camera/image/keypoints", "Points2D:positions", points_px),
        ("camera/image/bones", "LineStrips2D:strips", points_px[:, bones]),
        ("poses/joints", "Points3D:positions", joints_m),
        ("poses/bones", "LineStrips3D:strips", joints_m[:, bones]),
    ):
        logged = found[f"/{entity}"][component]
        for frame in range(FRAMES):
            expected = [] if frame == LOST else values[frame]
            np.testing.assert_array_equal(np.array(logged[frame], np.float32).ravel(), np.ravel(expected))
    assert found["/poses/joints"]["Points3D:labels"] == [list(JOINT_NAMES)]
    (matrix,) = found["/camera"]["Pinhole:image_from_camera"]  # by columns
    np.testing.assert_allclose(np.reshape(matrix, (3, 3)).T, predictions.camera.intrinsics_px, rtol=1e-6)
    assert found["/camera"]["Pinhole:resolution"] == [[[64.0, 48.0]]]
    jpegs = [np.array(blob, np.uint8).ravel() for blob in found["/camera/image"]["EncodedImage:blob"]]
    means = [cv2.imdecode(jpeg, cv2.IMREAD_COLOR).mean() for jpeg in jpegs]
    np.testing.assert_allclose(means, [0, 60, 120, 180], atol=1)
    assert found["/camera/image"]["EncodedImage:media_type"] == [["image/jpeg"]] * FRAMES


def test_without_a_video_there_are_no_pictures_and_a_short_one_ends_early(rerun, tmp_path):
    write_rrd(tmp_path / "none.rrd", some_predictions())
    assert "/camera/image" not in read(tmp_path / "none.rrd")
    write_rrd(tmp_path / "short.rrd", some_predictions(), [np.zeros((48, 64, 3), np.uint8)])
    found = read(tmp_path / "short.rrd")
    assert len(found["/camera/image"]["EncodedImage:blob"]) == 1 and len(found["/poses/joints"]["frame"]) > FRAMES - 1


def test_error_bars_are_ellipsoids_along_the_sight_lines(rerun, tmp_path):
    plain = some_predictions()
    joints_m = plain.lifted["temporal"].poses_cam_m + np.float32([0, 0, 4])
    radii_m = np.random.default_rng(1).uniform(0.02, 0.2, (FRAMES, 17, 2)).astype(np.float32)
    write_rrd(tmp_path / "p.rrd", replace(plain, lifted={"temporal": Lifted(joints_m, True, radii_m)}))
    found = read(tmp_path / "p.rrd")["/poses/error_bars"]
    for frame in range(FRAMES):
        halves, centres, turns = (
            np.array(found[f"Ellipsoids3D:{name}"][frame]) for name in ("half_sizes", "centers", "quaternions")
        )
        if frame == LOST:
            assert len(halves) == len(centres) == len(turns) == 0
            continue
        np.testing.assert_array_equal(halves, radii_m[frame][:, [0, 0, 1]])
        np.testing.assert_array_equal(centres, joints_m[frame])
        sight = joints_m[frame] / np.linalg.norm(joints_m[frame], axis=-1, keepdims=True)
        np.testing.assert_allclose(Rotation.from_quat(turns).apply([0, 0, 1]), sight, atol=1e-6)
    write_rrd(tmp_path / "none.rrd", plain)
    assert "/poses/error_bars" not in read(tmp_path / "none.rrd")


def test_bones_have_the_colours_of_their_side(rerun, tmp_path):
    write_rrd(tmp_path / "p.rrd", some_predictions())
    (colours,) = read(tmp_path / "p.rrd")["/poses/bones"]["LineStrips3D:colors"]
    by_child = {child: f"#{colour >> 8:06x}" for (_, child), colour in zip(BONES, colours, strict=True)}
    assert by_child == {child: bone_colour(child) for _, child in BONES} and len(set(colours)) == 3


def test_a_failure_leaves_what_was_there(rerun, tmp_path):
    (tmp_path / "p.rrd").write_text("earlier")

    def images():
        yield np.zeros((48, 64, 3), np.uint8)
        raise OSError("the video cannot be read on")

    with pytest.raises(OSError, match="cannot be read on"):
        write_rrd(tmp_path / "p.rrd", some_predictions(), images())
    assert [path.name for path in tmp_path.iterdir()] == ["p.rrd"] and (tmp_path / "p.rrd").read_text() == "earlier"
    nobody = Predictions(**(vars(some_predictions()) | {"lifted": {}}))
    with pytest.raises(InputError, match=r"p\.rrd cannot be written: the predictions have no temporal poses"):
        write_rrd(tmp_path / "p.rrd", nobody)


def test_a_disk_that_is_nearly_full_is_not_filled(rerun, tmp_path, monkeypatch):
    monkeypatch.setattr(rrd.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2**23))
    with pytest.raises(OSError, match=r"No space left on device: .*p\.rrd"):
        write_rrd(tmp_path / "p.rrd", some_predictions())
    assert not list(tmp_path.iterdir())


def test_without_the_package_one_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        write_rrd(tmp_path / "p.rrd", some_predictions())
    assert str(caught.value) == "an rrd file needs the package rerun-sdk: run `pip install .[rerun]`"
    assert not list(tmp_path.iterdir())


def test_the_package_is_loaded_only_when_a_file_is_written():
    program = "import sys, pose3d.formats.rrd; print('rerun' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"
