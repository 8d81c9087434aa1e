from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import camera_ring, swinging_poses
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from pose3d.geometry.camera import Camera
from pose3d.multiview.triangulation import refine, reprojection_residuals_px, triangulate


def seen(cameras, points_m):
    return np.stack([camera.project(camera.world_to_camera(points_m)) for camera in cameras])


def scene(n_cameras=4, frames=3):
    cameras = camera_ring(n_cameras)
    points = swinging_poses(np.random.default_rng(0), frames)
    return cameras, points, seen(cameras, points)


def test_clean_views_give_the_points_back():
    cameras, points, keypoints = scene()
    found = triangulate(cameras, keypoints, np.ones(keypoints.shape[:-1]), 15)
    np.testing.assert_allclose(found.points_world_m, points, atol=1e-8)
    assert found.agreeing.all() and found.residuals_px.max() < 1e-5
    assert found.points_world_m.shape == (3, 17, 3) and found.residuals_px.shape == (4, 3, 17)


def test_one_wrong_view_changes_nothing():
    cameras, points, keypoints = scene()
    keypoints[2] += [120, -80]
    found = triangulate(cameras, keypoints, np.ones(keypoints.shape[:-1]), 15)
    np.testing.assert_allclose(found.points_world_m, points, atol=1e-8)
    assert not found.agreeing[2].any() and found.agreeing[[0, 1, 3]].all()
    np.testing.assert_allclose(found.residuals_px[2], np.hypot(120, 80), atol=1e-4)


def test_a_weight_of_zero_leaves_a_view_out():
    cameras, points, keypoints = scene(3)
    keypoints[0] += 8
    weights = np.ones(keypoints.shape[:-1])
    weights[0] = 0
    found = triangulate(cameras, keypoints, weights, 15)
    np.testing.assert_allclose(found.points_world_m, points, atol=1e-8)


def test_a_keypoint_that_its_lens_does_not_show_is_left_out():
    """Beyond the fold at 651 px of a barrel, which nothing that the other views see lies behind."""
    cameras, points, _ = scene(3)
    cameras = [replace(camera, distortion=np.array([-0.35, 0, 0, 0, 0])) for camera in cameras]
    keypoints = seen(cameras, points)
    keypoints[0, 1] = [1500, 500]
    assert not cameras[0].shows(keypoints[0, 1]).any()
    found = triangulate(cameras, keypoints, np.ones(keypoints.shape[:-1]), 15)
    np.testing.assert_allclose(found.points_world_m, points, atol=1e-6)
    assert found.agreeing[:, [0, 2]].all() and not found.agreeing[0, 1].any() and found.agreeing[1:, 1].all()


def test_a_point_beyond_the_fold_of_a_lens_is_as_far_from_its_keypoint_as_one_behind_the_camera():
    """At 60 degrees, where the lens shows 44: folded back it would lie on the keypoint."""
    barrel = Camera(
        "c", 1920, 1080, [[1000, 0, 960], [0, 1000, 540], [0, 0, 1]], [-0.35, 0, 0, 0, 0], np.eye(3), np.zeros(3)
    )
    r = np.tan(np.radians(60))
    folded_px = [960 + 1000 * r * (1 - 0.35 * r**2), 540]
    assert np.isinf(reprojection_residuals_px([barrel], np.array([[r, 0, 1]]), np.array([[folded_px]]))).all()


def test_views_that_do_not_agree_give_no_point():
    cameras, points, keypoints = scene()
    cameras, keypoints = (
        cameras[:2],
        keypoints[:2],
    )  # a right angle apart at one height: epipolar lines are nearly level
    keypoints[1, ..., 1] += 300
    found = triangulate(cameras, keypoints, np.ones(keypoints.shape[:-1]), 15)
    assert np.isnan(found.points_world_m).all() and np.isnan(found.residuals_px).all() and not found.agreeing.any()


def test_a_point_behind_a_camera_is_none():
    # Both look along +z, 1 m apart; the rays meet 2 m behind them.
    cameras = [
        Camera(f"c{x}", 1000, 1000, np.diag([1000, 1000, 1]), np.zeros(5), np.eye(3), [-x, 0, 0]) for x in (0, 1)
    ]
    point = np.array([0.5, 0.1, -2.0])
    keypoints = np.stack([1000 * (point + c.translation_m)[:2] / point[2] for c in cameras])[:, None]
    found = triangulate(cameras, keypoints, np.ones((2, 1)), 15)
    assert np.isnan(found.points_world_m).all()


def test_refinement_finds_the_same_minimum_as_scipy():
    cameras, points, keypoints = scene()
    rng = np.random.default_rng(1)
    keypoints = (keypoints + rng.normal(0, 3, keypoints.shape))[:, 0]
    weights = rng.uniform(0.2, 1, keypoints.shape[:-1])
    found = refine(cameras, points[0], keypoints, weights)
    for j in range(len(found)):

        def offsets(point, j=j):
            return (np.sqrt(weights[:, j, None]) * (seen(cameras, point[None])[:, 0] - keypoints[:, j])).ravel()

        np.testing.assert_allclose(found[j], least_squares(offsets, points[0, j], xtol=1e-14).x, atol=1e-6)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_moving_the_world_moves_the_points_and_the_order_of_views_is_free(seed):
    rng = np.random.default_rng(seed)
    cameras, _, keypoints = scene(4, 1)
    keypoints = keypoints + rng.normal(0, 2, keypoints.shape)
    weights = rng.uniform(0.2, 1, keypoints.shape[:-1])
    expected = triangulate(cameras, keypoints, weights, 15).points_world_m
    turn, shift = Rotation.random(rng=rng).as_matrix(), rng.uniform(-2, 2, 3)
    order = rng.permutation(4)
    moved = [
        Camera(c.id, c.width_px, c.height_px, c.intrinsics_px, c.distortion, c.rotation @ turn.T,
               c.translation_m - c.rotation @ turn.T @ shift)
        for c in (cameras[i] for i in order)
    ]  # fmt: skip
    found = triangulate(moved, keypoints[order], weights[order], 15).points_world_m
    np.testing.assert_allclose(found, expected @ turn.T + shift, atol=1e-6)


@pytest.mark.parametrize("bad", ["one view", "weights", "nan"])
def test_input_that_does_not_fit_is_refused(bad):
    cameras, _, keypoints = scene(2, 1)
    weights = np.ones(keypoints.shape[:-1])
    if bad == "one view":
        cameras, keypoints, weights = cameras[:1], keypoints[:1], weights[:1]
    elif bad == "weights":
        weights = weights[..., :5]
    else:
        keypoints[0, 0, 3, 1] = np.nan
    with pytest.raises(ValueError):
        triangulate(cameras, keypoints, weights, 15)
