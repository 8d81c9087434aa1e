import numpy as np
import pytest
from people import camera_ring, swinging_poses

from pose3d.runtime.errors import InputError
from pose3d.world.stature import (
    HEIGHT_PER_SKELETON,
    bone_lengths,
    check_height,
    height_factors,
    of_height,
    seen_distance,
    standing_height,
)

CAMERA = camera_ring(1)[0]
TALL = HEIGHT_PER_SKELETON * (0.45 + 0.44 + 0.24 + 0.25 + np.hypot(0.03, 0.11) + 0.12)
"""Of the people of tests: their bones."""


@pytest.fixture
def clip():
    """40 frames of one person: true poses in camera space and where they are seen."""
    poses = CAMERA.world_to_camera(swinging_poses(np.random.default_rng(0), 40))
    return poses, CAMERA.project(poses)


@pytest.mark.parametrize(
    ("height", "advice"), [(178, "give --height 1.78"), (1780, "give --height 1.78"), (0, "0.5 to 2.6"), (-1.8, "0.5")]
)
def test_heights_that_nobody_has(height, advice):
    with pytest.raises(InputError, match=advice):
        check_height(height)
    with pytest.raises(InputError):
        check_height(float("nan"))


def test_height_is_that_of_the_bones(clip):
    assert standing_height(clip[0]) == pytest.approx(TALL)
    assert standing_height(clip[0] * 1.1) == pytest.approx(1.1 * TALL)


def test_the_embedded_bodies_have_the_ratio(clip):
    bones = of_height(bone_lengths(clip[0])[0], 2.0)
    np.testing.assert_allclose(bones * TALL / 2.0, bone_lengths(clip[0])[0])


def test_a_person_is_as_far_away_as_their_size_says(clip):
    poses, keypoints_px = clip
    plane = CAMERA.normalize(keypoints_px)
    found = seen_distance(poses * 0.8, bone_lengths(poses)[0], plane, np.ones(plane.shape[:2]))
    np.testing.assert_allclose(found, poses[:, 0, 2], rtol=1e-6)
    plane[:, 13] += 0.3  # one bad wrist
    found = seen_distance(poses * 0.8, bone_lengths(poses)[0], plane, np.ones(plane.shape[:2]))
    np.testing.assert_allclose(found, poses[:, 0, 2], rtol=0.01)


def test_the_height_brings_a_lift_to_its_place_and_leaves_the_picture(clip):
    poses, keypoints_px = clip
    lifted = poses * 0.9
    found, time_s = np.ones(40, bool), np.arange(40) / 25
    factors = height_factors(lifted, CAMERA, keypoints_px, np.ones((40, 17)), found, time_s, TALL)
    np.testing.assert_allclose(factors, 1 / 0.9, rtol=1e-6)
    np.testing.assert_allclose(CAMERA.project(lifted * factors[:, None, None]), keypoints_px, atol=1e-6)


def test_frames_without_the_person_count_for_nothing(clip):
    poses, keypoints_px = clip
    lifted, found = poses * 0.9, np.arange(40) % 4 > 0
    keypoints_px = np.where(found[:, None, None], keypoints_px, 0.0)
    lifted[~found] *= 3
    factors = height_factors(lifted, CAMERA, keypoints_px, np.ones((40, 17)), found, np.arange(40) / 25, TALL)
    np.testing.assert_allclose(factors, 1 / 0.9, rtol=1e-6)


def test_joints_that_fell_together_do_no_harm():
    poses = np.zeros((3, 17, 3)) + [0, 0, 5.0]
    factors = height_factors(
        poses, CAMERA, CAMERA.project(poses), np.ones((3, 17)), np.ones(3, bool), np.arange(3) / 25, 1.8
    )
    assert np.isfinite(factors).all()
