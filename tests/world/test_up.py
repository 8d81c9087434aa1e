import cv2
import numpy as np
import pytest

from pose3d.geometry.camera import Camera
from pose3d.geometry.rotations import unit
from pose3d.runtime.errors import InputError
from pose3d.world.up import edge_planes, given_up, leg_directions, points_up, robust_mean, up_direction

K = np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]])


def pitched(deg: float) -> np.ndarray:
    cosine, sine = np.cos(np.radians(deg)), np.sin(np.radians(deg))
    return np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])


def angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(unit(a) @ unit(b), -1, 1))))


def picture_of_posts(rotation: np.ndarray, camera: Camera) -> np.ndarray:
    """Bright upright posts in a world whose up is -y, seen by a camera turned by ``rotation``."""
    image = np.full((480, 640, 3), 40, np.uint8)
    for x in (-1.6, -0.7, 0.5, 1.4):
        ends = np.array([[x, -1.0, 5.0], [x + 0.15, -1.0, 5.0], [x + 0.15, 1.2, 5.0], [x, 1.2, 5.0]]) @ rotation.T
        cv2.fillPoly(image, [np.round(camera.project(ends)).astype(np.int32)], (220, 220, 220))
    return image


@pytest.mark.parametrize("pitch_deg", [-20, 0, 20])
def test_posts_put_right_what_legs_say(pitch_deg):
    camera = Camera("cam", 640, 480, K, np.zeros(5), np.eye(3), np.zeros(3))
    rotation = pitched(pitch_deg)
    true_up = rotation @ [0.0, -1, 0]
    legs = np.tile(pitched(6) @ true_up, (20, 1))  # the lifter tips them by 6 degrees
    planes = edge_planes(picture_of_posts(rotation, camera), camera)
    assert len(planes) >= 6
    assert angle_deg(up_direction(legs, planes), true_up) < 1
    assert 2 < angle_deg(up_direction(legs), true_up) < 8


def test_somebody_who_lies_does_not_turn_the_world():
    lying = np.tile([1.0, 0, 0.2], (20, 1))
    assert angle_deg(up_direction(lying), np.array([0.0, -1, 0])) < 10


def test_a_plain_picture_has_no_edges():
    camera = Camera("cam", 640, 480, K, np.zeros(5), np.eye(3), np.zeros(3))
    assert edge_planes(np.full((480, 640, 3), 90, np.uint8), camera).shape == (0, 3)


def test_planes_hold_their_edges_and_know_their_lengths():
    camera = Camera("cam", 640, 480, K, np.zeros(5), np.eye(3), np.zeros(3))
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, 400:] = 255
    (plane,) = edge_planes(image, camera)
    assert abs(unit(plane) @ unit(np.array([80 / 600, 0.1, 1]))) < 2e-3  # x 400 is 80 px right of the middle
    assert np.linalg.norm(plane) == pytest.approx(480, abs=8)


def test_edges_that_the_lens_does_not_show_say_nothing():
    """A post at x = 620, 500 px from the middle of a lens whose fold is 390 px out, and one at 140."""
    lens = Camera(
        "cam", 640, 480, [[600, 0, 120], [0, 600, 240], [0, 0, 1]], [-0.35, 0, 0, 0, 0], np.eye(3), np.zeros(3)
    )
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, 620:] = 255
    assert edge_planes(image, lens).shape == (0, 3)
    image[:, 140:] = 255
    (plane,) = edge_planes(image, lens)
    assert np.isfinite(plane).all()


def test_the_mean_of_legs_is_robust():
    legs = np.array([[0.0, -1, 0]] * 8 + [[1.0, 0, 0]] * 2)
    assert angle_deg(robust_mean(legs), np.array([0.0, -1, 0])) < 1.5


def test_legs_point_from_the_ankles_to_the_hip():
    pose = np.zeros((1, 17, 3))
    pose[0, 3], pose[0, 6] = [0.2, 0.9, 5], [-0.2, 0.7, 5]
    pose[0, 0] = [0, 0, 5]
    np.testing.assert_allclose(leg_directions(pose), [[0, -0.8, 0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sideways", "takes estimate, level, calibration, metadata or three numbers"),
        ("0,1", "takes estimate, level, calibration, metadata or three numbers"),
        ("0,nan,0", "takes estimate, level, calibration, metadata or three numbers"),
        ("0,0,0", "has no length"),
        ("0,1,0", "does not point up in the picture"),
        ("1,0,0", "does not point up in the picture"),
    ],
)
def test_nonsense_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        given_up(text)


def test_within_ten_degrees_of_the_horizon_nothing_points_up():
    angles = np.radians([5, 15, 90, 165, 175])
    found = [points_up(np.array([np.cos(angle), -np.sin(angle), 0])) for angle in angles]
    assert found == [False, True, True, True, False]


def test_level_and_directions():
    assert given_up("level").tolist() == [0, -1, 0]
    np.testing.assert_allclose(given_up("0,-4,3"), [0, -0.8, 0.6])
