import numpy as np
import pytest
from people import camera_ring
from tiny_qualisys import CAMERA, element, write_calibration

from pose3d.formats.qualisys import read_qualisys
from pose3d.runtime.errors import InputError


def test_values_worked_out_by_hand(tmp_path):
    (one,) = read_qualisys(write_calibration(tmp_path / "c.qca.txt", CAMERA.format(serial="cam01")))
    camera = one.camera
    assert (camera.id, camera.width_px, camera.height_px) == ("cam01", 1000, 800)
    # 64000 / 64; 32640 / 64 - 10 + 0.5, 26880 / 64 - 20 + 0.5
    np.testing.assert_allclose(camera.intrinsics_px, [[1000, 0, 500.5], [0, 1100, 400.5], [0, 0, 1]])
    np.testing.assert_allclose(camera.distortion, [0.1, 0.2, 0.01, 0.02, 0.3])
    np.testing.assert_allclose(camera.position_m, [3, 0, 1])
    # 3 m ahead, 0.5 m to the world's left (+y, the camera's right) and 0.2 m up.
    np.testing.assert_allclose(camera.world_to_camera([0, 0.5, 1.2]), [0.5, -0.2, 3], atol=1e-12)


def _file(old, new, cameras=1):
    return f"<c><cameras>{CAMERA.replace(old, new) * cameras if old else CAMERA * cameras}</cameras></c>"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not XML", "is not XML"),
        ("<calibration/>", "no cameras"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><calibration/>', "is no Qualisys calibration"),
        (_file("focalLengthU", "f"), "has no focalLengthU"),
        (_file("<fov_video", "<other"), "has no fov_video"),
        (_file("64000", "wide"), "focalLengthU is .wide., no number with a point"),
        (_file('"64000"', '"0"'), "no focal length"),
        (_file('skew="0"', 'skew="3"'), "skew"),
        (_file('r12="1"', 'r12="-1"'), "reflection"),
        (_file("", "", 2), "two cameras of one serial"),
        (_file('x="3000"', 'x="3000,5"'), r"camera .*: x is '3000,5', no number with a point: export it again"),
        (_file('x="3000"', 'x="inf"'), r"camera .*: x is 'inf', no number"),
        (_file('right="1009"', 'right="9"'), r"camera .* has a picture without px"),
    ],
)
def test_what_is_no_calibration_is_refused(tmp_path, content, message):
    path = tmp_path / "c.qca.txt"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_qualisys(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.qca\.txt"):
        read_qualisys(tmp_path / "none.qca.txt")


def test_cameras_come_back_as_they_were_written(tmp_path):
    cameras = camera_ring(3)
    read = read_qualisys(write_calibration(tmp_path / "c.txt", *(element(camera) for camera in cameras)))
    for camera, again in zip(cameras, [one.camera for one in read], strict=True):
        assert (again.id, again.width_px, again.height_px) == (camera.id, camera.width_px, camera.height_px)
        for name in ("intrinsics_px", "rotation", "position_m", "distortion"):
            np.testing.assert_allclose(getattr(again, name), getattr(camera, name), atol=1e-9, err_msg=name)


@pytest.mark.parametrize(
    ("model", "markers"), [("Miqus M3", True), ("Arqus A12", True), ("Miqus Video", False), ("none", False)]
)
def test_marker_cameras_are_told_by_their_model(tmp_path, model, markers):
    camera = CAMERA.format(serial="1").replace("<camera ", f'<camera model="{model}" ')
    (one,) = read_qualisys(write_calibration(tmp_path / "c.qca.txt", camera))
    assert one.sees_markers is markers


@pytest.mark.parametrize("without", ['calibrated="false"', 'active="0"'])
def test_cameras_that_were_not_calibrated_are_left_out(tmp_path, without):
    """Files list all that are connected."""
    off = CAMERA.format(serial="2").replace("<camera ", f"<camera {without} ").replace("64000", "0.000000")
    path = write_calibration(tmp_path / "c.qca.txt", CAMERA.format(serial="1"), off)
    assert [one.camera.id for one in read_qualisys(path)] == ["1"]
    still = CAMERA.format(serial="2").replace("<camera ", '<camera active="0" calibrated="true" ')
    path = write_calibration(path, CAMERA.format(serial="1"), still)
    assert [one.camera.id for one in read_qualisys(path)] == ["1", "2"]


def test_a_camera_in_a_comment_is_left_out(tmp_path):
    path = write_calibration(tmp_path / "c.qca.txt", CAMERA.format(serial="1"), f"<!-- {CAMERA.format(serial='2')} -->")
    assert [one.camera.id for one in read_qualisys(path)] == ["1"]
