from dataclasses import replace

import numpy as np
import pytest
from people import camera_ring, looking_at, swinging_poses
from scipy.spatial.transform import Rotation

from pose3d.multiview import refinement
from pose3d.multiview.refinement import jacobian_pattern, laid_onto, moved_mm, refine_extrinsics, turned_deg
from pose3d.multiview.triangulation import triangulate
from pose3d.runtime.errors import InputError

THRESHOLD_PX, FPS = 60, 25


def seen(cameras, points_m):
    return np.stack([camera.project(camera.world_to_camera(points_m)) for camera in cameras])


def turned(cameras, turns_deg, moves_m=None):
    """Each camera turned about its own axes, and moved in the world."""
    moves_m = np.zeros((len(cameras), 3)) if moves_m is None else moves_m
    changed = []
    for camera, turn, move in zip(cameras, np.radians(turns_deg), moves_m, strict=True):
        rotation = Rotation.from_rotvec(turn).as_matrix() @ camera.rotation
        changed.append(replace(camera, rotation=rotation, translation_m=-rotation @ (camera.position_m + move)))
    return changed


TURNS_DEG = np.array([[0.6, -0.4, 0.3], [-0.5, 0.5, 0.2], [0.3, 0.6, -0.4], [-0.4, -0.3, 0.5]])
MOVES_M = np.array([[0.02, 0, -0.01], [-0.01, 0.02, 0], [0, -0.01, 0.02], [0.01, 0.01, -0.02]])


def scene(frames=8):
    return camera_ring(4), swinging_poses(np.random.default_rng(0), frames)


def test_turned_cameras_are_turned_back(monkeypatch):
    monkeypatch.setattr(refinement, "CALIBRATION_DEG", 100)  # so that the calibration is not believed
    true, poses = scene()
    given = turned(true, TURNS_DEG)
    keypoints = seen(true, poses)
    refined = refine_extrinsics(given, keypoints, np.ones(keypoints.shape[:-1]), THRESHOLD_PX, FPS, "rotations")
    assert turned_deg(true, given).min() > 0.7 and turned_deg(true, refined).max() < 0.02
    assert moved_mm(given, refined).max() < 1e-6
    np.testing.assert_allclose(turned_deg(given, refined), np.linalg.norm(TURNS_DEG, axis=1), atol=0.02)


def test_turned_and_moved_cameras_come_back_but_for_the_gauge(monkeypatch):
    monkeypatch.setattr(refinement, "CALIBRATION_DEG", 100)
    monkeypatch.setattr(refinement, "CALIBRATION_MM", 1e4)
    true, poses = scene()
    given = turned(true, TURNS_DEG, MOVES_M)
    keypoints = seen(true, poses)
    refined = refine_extrinsics(given, keypoints, np.ones(keypoints.shape[:-1]), THRESHOLD_PX, FPS, "full")
    expected = laid_onto(true, given)
    assert turned_deg(expected, given).max() > 0.5 and moved_mm(expected, given).max() > 10
    assert turned_deg(expected, refined).max() < 0.03 and moved_mm(expected, refined).max() < 3


@pytest.mark.parametrize("extrinsics", ["rotations", "full"])
def test_with_noise_and_a_wild_view_cameras_are_better_than_given(extrinsics):
    true, poses = scene(12)
    given = turned(true, TURNS_DEG)
    rng = np.random.default_rng(1)
    keypoints = seen(true, poses) + rng.normal(0, 3, (4, 12, 17, 2))
    wild = rng.random((4, 12, 17)) < 0.1
    keypoints[wild] += rng.choice([-1, 1], (wild.sum(), 2)) * rng.uniform(50, 300, (wild.sum(), 2))
    refined = refine_extrinsics(given, keypoints, np.ones(wild.shape), THRESHOLD_PX, FPS, extrinsics)
    # Other poses, seen without errors: what is left are the cameras' own.
    others = seen(true, swinging_poses(np.random.default_rng(2), 12))
    apart_px = [
        np.nanmedian(triangulate(cameras, others, np.ones(wild.shape), THRESHOLD_PX).residuals_px)
        for cameras in (given, refined)
    ]
    assert apart_px[0] > 4 and apart_px[1] < 0.5 * apart_px[0]


def test_true_cameras_stay():
    true, poses = scene()
    keypoints = seen(true, poses)
    refined = refine_extrinsics(true, keypoints, np.ones(keypoints.shape[:-1]), THRESHOLD_PX, FPS, "full")
    assert turned_deg(true, refined).max() < 1e-4 and moved_mm(true, refined).max() < 1e-2


def test_the_gauge_is_that_of_the_given_cameras():
    true, poses = scene(12)
    given = turned(true, TURNS_DEG, MOVES_M)
    keypoints = seen(true, poses) + np.random.default_rng(1).normal(0, 3, (4, 12, 17, 2))
    refined = refine_extrinsics(given, keypoints, np.ones(keypoints.shape[:-1]), THRESHOLD_PX, FPS, "full")
    assert turned_deg(given, refined).max() > 0.1
    before, after = (np.stack([camera.position_m for camera in some]) for some in (given, refined))
    np.testing.assert_allclose(after.mean(0), before.mean(0), atol=1e-9)
    assert np.linalg.norm(after - after.mean(0)) == pytest.approx(np.linalg.norm(before - before.mean(0)))
    mean_turn = sum(g.rotation.T @ r.rotation for g, r in zip(given, refined, strict=True))
    np.testing.assert_allclose(mean_turn, mean_turn.T, atol=1e-9)  # the nearest rotation to it is none at all


def test_cameras_of_another_world_are_laid_onto_theirs():
    cameras = camera_ring(4)
    turn, shift_m, scale = Rotation.from_euler("xyz", [0.4, -1, 2]).as_matrix(), np.array([1.0, -2, 3]), 1.7
    elsewhere = []
    for camera in cameras:
        rotation = camera.rotation @ turn.T
        position_m = scale * turn @ camera.position_m + shift_m
        elsewhere.append(replace(camera, rotation=rotation, translation_m=-rotation @ position_m))
    back = laid_onto(elsewhere, cameras)
    assert turned_deg(cameras, back).max() < 1e-6 and moved_mm(cameras, back).max() < 1e-6


def test_the_pattern_is_where_the_numbers_change():
    """Of two cameras, three points and the observations (0, 0), (0, 2), (1, 1), (1, 2)."""
    cameras = camera_ring(2)
    points = np.array([[0.1, 0.2, 0.9], [-0.3, 0.1, 1.2], [0.2, -0.2, 0.4]])
    view, point = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 2])

    def residuals(at):
        changed = turned(cameras, np.degrees(at[:12].reshape(2, 6)[:, :3]), at[:12].reshape(2, 6)[:, 3:])
        images = seen(changed, at[12:].reshape(3, 3))[view, point]
        return np.concatenate([images.ravel(), at[:12]])

    start = np.concatenate([np.zeros(12), points.ravel()])
    dense = np.stack([residuals(start + step) - residuals(start - step) for step in 1e-4 * np.eye(21)], axis=1)
    pattern = jacobian_pattern(view, point, 6, 2, 3).toarray()
    assert pattern.shape == dense.shape
    np.testing.assert_array_equal(pattern > 0, np.abs(dense) > 1e-9)


def test_two_cameras_are_refused():
    cameras, poses = camera_ring(2), swinging_poses(np.random.default_rng(0), 8)
    keypoints = seen(cameras, poses)
    with pytest.raises(InputError, match="three cameras or more, not 2"):
        refine_extrinsics(cameras, keypoints, np.ones(keypoints.shape[:-1]), THRESHOLD_PX, FPS, "full")


def test_too_few_joints_in_a_camera_are_refused():
    cameras, poses = scene(8)
    keypoints = seen(cameras, poses)
    confidence = np.ones(keypoints.shape[:-1])
    confidence[2, 2:] = 0  # 34 joints stay
    with pytest.raises(InputError, match="camera cam2 sees 34 joints together with two other cameras, and 50"):
        refine_extrinsics(cameras, keypoints, confidence, THRESHOLD_PX, FPS, "full")


def test_cameras_side_by_side_tell_no_depth():
    places = [np.array([0.1 * i, -5.0, 1.6]) for i in range(3)]
    cameras = [looking_at(np.array([0, 0, 0.95]), place, f"cam{i}") for i, place in enumerate(places)]
    keypoints = seen(cameras, swinging_poses(np.random.default_rng(0), 8))
    with pytest.raises(InputError, match="sees 0 joints"):
        refine_extrinsics(cameras, keypoints, np.ones(keypoints.shape[:-1]), THRESHOLD_PX, FPS, "full")


def test_a_camera_that_was_moved_since_is_named(monkeypatch):
    monkeypatch.setattr(refinement, "MAX_TURN_DEG", 0.5)
    true, poses = scene()
    given = turned(true, 2 * np.eye(4, 3))
    keypoints = seen(true, poses)
    with pytest.raises(InputError, match="camera cam0 would turn by [12] degrees"):
        refine_extrinsics(given, keypoints, np.ones(keypoints.shape[:-1]), 200, FPS, "rotations")
