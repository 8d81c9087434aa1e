"""What ``--up`` says."""

import numpy as np
import pytest
from tiny_gopro import payload, stream, write_gopro

from pose3d.formats.calibrated import calibrated
from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.predict.vertical import ask_inverse, calibrated_up, said_up
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


def people(up_cam, n=20) -> np.ndarray:
    """(n, 17, 3) of which the ankles lie 0.8 m below the hip, as up is."""
    poses = np.zeros((n, 17, 3)) + [0, 0, 4.0]
    poses[:, [JOINT_NAMES.index("RFoot"), JOINT_NAMES.index("LFoot")]] -= 0.8 * np.asarray(up_cam)
    return poses


def heading(deg: float) -> np.ndarray:
    """(3, 3) of a level camera that looks along y turned by so much to the left: its up is (0, -1, 0)."""
    c, s = np.cos(np.radians(deg)), np.sin(np.radians(deg))
    return LEVEL @ [[c, s, 0], [-s, c, 0], [0, 0, 1]]


def test_an_inverse_rotation_is_asked_for_where_people_stand_by_the_other(capsys):
    """The inverse of a camera that looks along -y turned by 40 degrees has up 40 degrees aside in the picture."""
    inverse = calibrated("c", (640, 480), K, None, heading(180 + 40).T, [0, 0, 3])
    ask_inverse("k.json", inverse, people([0, -1, 0]), np.ones(20, bool))
    assert capsys.readouterr().err == (
        "k.json: by camera c the person leans by 40 degrees, by the inverse of its rotation by 0: does the rotation "
        "lead from camera to world? Poses in the world are tilted then; give it from world to camera\n"
    )


@pytest.mark.parametrize("legs_up", [[0, -1, 0], [1, 0, 0], [0, -0.6, 0.8], [0, 1, 0], [-0.2, -0.98, 0]])
@pytest.mark.parametrize("heading_deg", [0, 30, 90, 150, 180, 220, 270])
def test_people_who_stand_lie_or_hang_ask_for_nothing(legs_up, heading_deg, capsys):
    one = calibrated("c", (640, 480), K, None, heading(heading_deg), [0, 0, 3])
    ask_inverse("k.json", one, people(legs_up, 1), np.ones(1, bool))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("heading_deg", "legs_up"),
    [
        (180 + 45, [1, -1, 0]),  # somebody sits and faces left: the hip is as far behind the ankles as above
        (180 - 45, [-1, -1, 0]),
        (180 + 70, [0.94, -0.34, 0]),  # lies on a slope
        (180 + 30, [0.5, -0.87, 0]),  # leans on a wall
    ],
)
def test_people_whose_legs_are_where_the_inverse_has_up_ask_for_nothing(heading_deg, legs_up, capsys):
    one = calibrated("c", (640, 480), K, None, heading(heading_deg), [0, 0, 3])
    ask_inverse("k.json", one, people(legs_up), np.ones(20, bool))
    assert capsys.readouterr().err == ""
