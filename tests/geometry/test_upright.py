import numpy as np
import pytest
from people import camera_ring, take

from pose3d.geometry.upright import floor_height, stand, upright_from_camera


def test_axes_of_level_and_tipped_cameras():
    np.testing.assert_allclose(upright_from_camera(np.array([0, -1.0, 0])), [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=0)
    tipped = upright_from_camera(np.array([0.1, -2.0, -0.4]))
    np.testing.assert_allclose(tipped @ tipped.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(tipped) == pytest.approx(1)
    with pytest.raises(ValueError, match="up_cam"):
        upright_from_camera(np.array([1.0, 0, 0]))


def test_floor_ignores_one_bad_frame_and_frames_without_a_person():
    poses = np.ones((100, 17, 3))
    poses[3, 4, 2] = -5
    poses[7] = np.nan
    assert floor_height(poses) == 1


def test_standing_poses_are_the_world_turned_about_its_vertical_and_moved_alike():
    sequence = take("S9", "Walk-1", 50, camera_ring(1))[0]
    shifted = sequence.poses_cam_m + [0.3, 0, 0]
    poses = stand({"temporal": shifted, "ground truth": sequence.poses_cam_m}, sequence.camera.rotation[:, 2])
    truth = poses["ground truth"]
    world = sequence.poses_world_m
    np.testing.assert_allclose(np.ptp(truth[..., 2], 1), np.ptp(world[..., 2], 1), atol=1e-6)
    np.testing.assert_allclose(truth[..., 2], world[..., 2] - floor_height(world), atol=1e-6)
    np.testing.assert_allclose(np.median(truth[:, 0, :2], 0), 0, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(poses["temporal"] - truth, axis=-1), 0.3, atol=1e-6)


def test_a_level_camera_is_assumed():
    pose = np.zeros((1, 17, 3))
    pose[0, 10] = [0, -1.5, 2.0]  # head above the root, two metres farther from the camera
    np.testing.assert_allclose(stand({"temporal": pose})["temporal"][0, 10], [0, 2.0, 1.5])
