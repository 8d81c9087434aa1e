"""What ``--up`` says."""

import numpy as np
import pytest
from tiny_gopro import payload, stream, write_gopro

from pose3d.formats.calibrated import calibrated
from pose3d.predict.vertical import calibrated_up, said_up
from pose3d.runtime.errors import InputError

K = [[700, 0, 320], [0, 700, 240], [0, 0, 1]]
LEVEL = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # x to the right, z up, y away from the camera


def test_what_is_found_elsewhere_is_none_and_a_direction_is_itself():
    assert said_up("estimate", "v.mp4") is None and said_up("calibration", None) is None
    assert said_up("level", None).tolist() == [0, -1, 0]
    np.testing.assert_allclose(said_up("0,-4,3", None), [0, -0.8, 0.6])


def test_metadata_are_the_videos_and_are_told(tmp_path, capsys):
    path = write_gopro(tmp_path / "a.mp4", payload(stream(b"GRAV", (0, 4000, 3000))))
    np.testing.assert_allclose(said_up("metadata", path), [0, -0.8, -0.6], atol=1e-9)
    assert capsys.readouterr().err == f"{path}: up by its metadata: 0.000,-0.800,-0.600\n"
    with pytest.raises(InputError, match="^--up metadata is about a video's: give --video$"):
        said_up("metadata", None)


@pytest.mark.parametrize("pitch_deg", [-60, -20, 0, 20, 60])
@pytest.mark.parametrize("roll_deg", [-60, 0, 45])
def test_the_calibrations_z_axis_is_up_where_a_camera_is_held_so(pitch_deg, roll_deg):
    pitch, roll = np.radians([pitch_deg, roll_deg])
    pitched = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    rolled = [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    one = calibrated("c", (640, 480), K, None, rolled @ np.array(pitched) @ LEVEL, [0, 0, 3])
    expected = np.cos(pitch) * np.sin(roll), -np.cos(pitch) * np.cos(roll), -np.sin(pitch)
    np.testing.assert_allclose(calibrated_up("c.json", one), expected, atol=1e-12)


@pytest.mark.parametrize("rotation", [LEVEL.T, np.eye(3)], ids=["inverse", "its own space"])
def test_a_z_axis_that_is_not_up_is_refused(rotation):
    with pytest.raises(InputError, match="^k.yml: of camera c the calibration's z axis does not point up in the pict"):
        calibrated_up("k.yml", calibrated("c", (640, 480), K, None, rotation, [0, 0, 3]))
    with pytest.raises(InputError, match="^k.yml does not say how camera c stands: give another --up$"):
        calibrated_up("k.yml", calibrated("c", (640, 480), K, None))


def test_a_camera_in_the_ceiling_looks_straight_down():
    from_above = [[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]
    up_cam = calibrated_up("c.json", calibrated("c", (640, 480), K, None, from_above, [0, 0, 3]))
    np.testing.assert_allclose(up_cam, [0, 0, -1], atol=1e-12)
