from dataclasses import replace

import numpy as np
import pytest
from people import OFFSETS_M, looking_at

from pose3d.geometry.skeleton import PARENTS, ROOT
from pose3d.world.standing import floor, stand, with_landmarks

CAMERA = looking_at(np.array([0, 0, 0.95]), np.array([3.0, -4.0, 1.6]), "cam0")
FRAMES = 50


def standing_person(heading_rad: float, climbs_m: float = 0.0) -> np.ndarray:
    """(T, 17, 3) in the world: at rest, ankles at 0.045 of the height of 1.57 m, later on a step of that height."""
    pose = np.zeros((17, 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            pose[joint] = pose[parent] + OFFSETS_M[joint]
    cosine, sine = np.cos(heading_rad), np.sin(heading_rad)  # of somebody who looks along -y before
    pose = pose @ np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]).T
    pose[:, 2] += 0.0706 - pose[[3, 6], 2].mean()
    poses = np.repeat(pose[None], FRAMES, axis=0)
    poses[FRAMES // 2 :, :, 2] += climbs_m
    return poses


def put(poses_world: np.ndarray, **given):
    poses = CAMERA.world_to_camera(poses_world)
    return stand(poses, CAMERA, CAMERA.project(poses), np.ones(FRAMES, bool), np.arange(FRAMES) / 25, **given)


@pytest.mark.parametrize("heading_rad", [0.3, 2.0, -1.2])
def test_the_world_has_z_up_the_floor_at_0_and_the_heading_along_y(heading_rad):
    truth = standing_person(heading_rad)
    standing = put(truth, up_cam=CAMERA.rotation[:, 2])
    poses = standing.poses_world_m[:]
    assert poses.shape == (FRAMES, 17, 3) and poses.dtype == np.float32
    assert standing.contact.all()
    np.testing.assert_allclose(poses[0, ROOT, :2], 0, atol=1e-6)
    np.testing.assert_allclose(poses[..., 2], truth[..., 2], atol=1e-3)
    right = poses[0, 1] - poses[0, 4]
    np.testing.assert_allclose(right, [0.26, 0, 0], atol=1e-6)
    from_neck = poses[0, 9] - poses[0, 8]  # the nose is before the neck
    assert from_neck[1] == pytest.approx(0.03, abs=1e-6)


def test_the_transform_is_that_of_the_poses():
    truth = standing_person(0.3)
    standing = put(truth, up_cam=CAMERA.rotation[:, 2])
    rotation = standing.world_from_camera[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    again = CAMERA.world_to_camera(truth) @ rotation.T + standing.world_from_camera[:3, 3]
    np.testing.assert_allclose(standing.poses_world_m[:], again, atol=1e-6)  # at rest, nothing is planted
    np.testing.assert_array_equal(standing.world_from_camera[3], [0, 0, 0, 1])


def test_landmarks_stay_beside_their_joints():
    """A toe 15 cm before the right ankle and 5 below, which stays where the planted foot does."""
    truth = standing_person(0.3)
    toe = truth[:, 3] + [0.15, 0, -0.05]
    standing = put(truth, up_cam=CAMERA.rotation[:, 2])
    moved = standing.poses_world_m[:].copy()
    moved[:, 3] += [0, 0.01, 0]  # as planting does
    standing = replace(standing, poses_world_m=moved)
    poses_cam = CAMERA.world_to_camera(truth)
    found = with_landmarks(standing, poses_cam, CAMERA.world_to_camera(toe)[:, None], [3]).landmarks_world_m
    offset = found[:, 0] - moved[:, 3]
    assert found.shape == (FRAMES, 1, 3) and found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(offset, axis=1), np.hypot(0.15, 0.05), atol=1e-5)
    np.testing.assert_allclose(offset[:, 2], -0.05, atol=1e-5)


def test_the_floor_is_below_whoever_climbs():
    standing = put(standing_person(0.3, climbs_m=0.5), up_cam=CAMERA.rotation[:, 2])
    heights = standing.poses_world_m[:][:, [3, 6], 2]
    assert heights[5] == pytest.approx(0.07, abs=0.01) and heights[-5] == pytest.approx(0.57, abs=0.02)


def test_without_a_given_direction_legs_and_a_level_camera_tell():
    standing = put(standing_person(0.3))
    tipped = np.degrees(np.arccos(standing.world_from_camera[2, :3] @ CAMERA.rotation[:, 2]))
    assert tipped < 2


def test_frames_without_the_person_have_no_contact():
    poses = CAMERA.world_to_camera(standing_person(0.3))
    found = np.arange(FRAMES) >= 10
    standing = stand(poses, CAMERA, CAMERA.project(poses), found, np.arange(FRAMES) / 25, CAMERA.rotation[:, 2])
    assert not standing.contact[:10].any() and standing.contact[10:].all()


def test_the_floor_of_somebody_who_never_stands_is_at_the_lowest_joint():
    assert floor(np.empty(0), np.array([0.3] * 100), 0.08) == pytest.approx(0.3)
