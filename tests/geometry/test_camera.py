import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import DISTORTION, INTRINSICS_PX, camera_ring, swinging_poses
from scipy.spatial.transform import Rotation

from pose3d.geometry.camera import (
    Camera,
    apply_affine,
    crop_from_image,
    invert_affine,
    rotation_to_optical_axis,
    square_box,
)


def points_in_view(n: int = 500) -> np.ndarray:
    """Camera-space points all over the image of a camera like Human3.6M's, 2 m to 8 m away."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.uniform(-0.42, 0.42, (n, 2)), np.ones((n, 1))], -1) * rng.uniform(2, 8, (n, 1))


def test_project_agrees_with_opencv():
    camera, points = camera_ring(1)[0], points_in_view()
    expected = cv2.projectPoints(points, np.zeros(3), np.zeros(3), INTRINSICS_PX, DISTORTION)[0][:, 0]
    np.testing.assert_allclose(camera.project(points), expected, atol=1e-9)


def test_project_by_hand():
    camera = Camera("c", 1000, 1000, [[1000, 0, 500], [0, 900, 400], [0, 0, 1]], np.zeros(5), np.eye(3), np.zeros(3))
    np.testing.assert_allclose(camera.project([1.0, -0.5, 5.0]), [700, 310])  # right and up of the centre


def test_world_axes_reach_the_image_the_right_way_round():
    camera = camera_ring(1)[0]
    low, high = camera.project(camera.world_to_camera([[0, 0, 0.0], [0, 0, 1.8]]))
    assert high[1] < low[1]  # z is up, y is down


@pytest.mark.parametrize("distortion", [DISTORTION, np.zeros(5), [*DISTORTION, 0.1, 0.02, 0.01]])
def test_normalize_inverts_project(distortion):
    camera = Camera("c", 1000, 1000, INTRINSICS_PX, distortion, np.eye(3), np.zeros(3))
    points = points_in_view().reshape(5, 100, 3)
    np.testing.assert_allclose(camera.normalize(camera.project(points)), points[..., :2] / points[..., 2:], atol=1e-6)
    assert camera.normalize(np.zeros((0, 17, 2))).shape == (0, 17, 2)


def test_normalize_takes_float32():
    camera = camera_ring(1)[0]
    pixels = camera.project(points_in_view()).astype(np.float32)
    assert camera.normalize(pixels).dtype == np.float64
    np.testing.assert_allclose(camera.project(np.c_[camera.normalize(pixels), np.ones(500)]), pixels, atol=1e-3)


def test_what_lies_beyond_the_fold_of_the_lens_has_no_image():
    """At 60 degrees, where a lens of k1 = -0.35 shows 44: folded back it would be in the picture."""
    camera = Camera("c", 1000, 1000, INTRINSICS_PX, [-0.35, 0, 0, 0, 0], np.eye(3), np.zeros(3))
    seen_px = camera.project([[0.9, 0, 1], [np.tan(np.radians(60)), 0, 1]])
    assert np.isfinite(seen_px[0]).all() and np.isnan(seen_px[1]).all()


def test_world_round_trip_and_position():
    camera = camera_ring(3)[1]
    poses = swinging_poses(np.random.default_rng(0), 4)
    np.testing.assert_allclose(camera.camera_to_world(camera.world_to_camera(poses)), poses, atol=1e-12)
    np.testing.assert_allclose(camera.world_to_camera(camera.position_m), 0, atol=1e-12)
    assert np.linalg.norm(camera.position_m[:2]) == pytest.approx(5.0)


def test_points_behind_the_camera_are_refused():
    with pytest.raises(ValueError, match="camera cam0: a point to project lies behind"):
        camera_ring(1)[0].project([[0, 0, 1.0], [0, 0, 0.0]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rotation": np.diag([1, 1, 2.0])}, "not orthonormal"),
        ({"distortion": np.zeros(4)}, r"distortion must be finite and of shape \(5,\) or \(8,\), not \(4,\)"),
        ({"distortion": np.zeros(8), "distortion_model": "human36m"}, r"of shape \(5,\), not \(8,\)"),
        ({"translation_m": [0, np.nan, 0]}, "translation_m must be finite"),
    ],
)
def test_impossible_calibration_is_refused(change, message):
    values = {
        "intrinsics_px": INTRINSICS_PX,
        "distortion": DISTORTION,
        "rotation": np.eye(3),
        "translation_m": np.zeros(3),
    }
    with pytest.raises(ValueError, match=message):
        Camera("c", 1000, 1000, **(values | change))


def test_a_mirroring_rotation_is_refused():
    with pytest.raises(ValueError, match="rotation"):
        Camera("c", 1000, 1000, INTRINSICS_PX, DISTORTION, np.diag([1.0, 1.0, -1.0]), np.zeros(3))


def test_calibration_cannot_be_changed_afterwards():
    rotation = np.eye(3)
    camera = Camera("c", 1000, 1000, INTRINSICS_PX, DISTORTION, rotation, np.zeros(3))
    rotation[0, 0] = 5
    assert camera.rotation[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        camera.rotation[0, 0] = 2


coordinate = st.floats(-5, 5)


@given(coordinate, coordinate, st.floats(0.01, 10))
@settings(deadline=None)
def test_rotation_to_optical_axis(x, y, z):
    direction = np.array([x, y, z])
    rotation = rotation_to_optical_axis(direction)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(rotation @ direction, [0, 0, np.linalg.norm(direction)], atol=1e-9)
    # The least rotation: its angle is that between the direction and the optical axis.
    angle = np.arctan2(np.hypot(x, y), z)
    assert Rotation.from_matrix(rotation).magnitude() == pytest.approx(angle, abs=1e-7)
    np.testing.assert_allclose(rotation_to_optical_axis(3 * direction), rotation, atol=1e-12)


def test_rotation_to_optical_axis_in_batches():
    directions = points_in_view(6).reshape(2, 3, 3)
    rotations = rotation_to_optical_axis(directions)
    assert rotations.shape == (2, 3, 3, 3)
    np.testing.assert_array_equal(rotations[1, 2], rotation_to_optical_axis(directions[1, 2]))
    np.testing.assert_array_equal(rotation_to_optical_axis([0, 0, 2.0]), np.eye(3))
    with pytest.raises(ValueError, match="forward"):
        rotation_to_optical_axis([0, 1.0, 0])


def test_square_box_by_hand():
    np.testing.assert_allclose(square_box([10, 20, 30, 100], 1.25), [20, 60, 100])
    assert square_box(np.tile([0, 0, 2.0, 1.0], (3, 2, 1)), 1).shape == (3, 2, 3)
    for empty in ([10, 20, 10, 100], [10, 20, 5, 100]):
        with pytest.raises(ValueError, match="no width or no height"):
            square_box(empty, 1.25)


@given(st.floats(-2000, 2000), st.floats(-2000, 2000), st.floats(1, 4000), st.integers(16, 512))
@settings(deadline=None)
def test_crop_transform_maps_corners_and_comes_back(x, y, side, size):
    transform = crop_from_image(np.array([x, y, side]), size)
    corners = np.array([[x - side / 2, y - side / 2], [x + side / 2, y - side / 2], [x, y], [x, y + side / 2]])
    in_crop = apply_affine(transform, corners)
    np.testing.assert_allclose(in_crop, [[0, 0], [size, 0], [size / 2, size / 2], [size / 2, size]], atol=1e-9 * size)
    np.testing.assert_allclose(apply_affine(invert_affine(transform), in_crop), corners, atol=1e-9)


def test_crop_transforms_in_batches():
    squares = np.array([[100, 120, 50.0], [300, 200, 80.0]])
    transforms = crop_from_image(squares, 64)
    assert transforms.shape == (2, 2, 3) and invert_affine(transforms).shape == (2, 2, 3)
    points = np.random.default_rng(0).uniform(0, 400, (2, 17, 2))
    batch = apply_affine(transforms, points)
    for i in range(2):
        np.testing.assert_allclose(batch[i], apply_affine(transforms[i], points[i]))
