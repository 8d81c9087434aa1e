import numpy as np
import pytest
from people import camera_ring, swinging_poses

from pose3d.geometry.skeleton import LEFT_JOINTS, RIGHT_JOINTS
from pose3d.multiview.finding import FoundPerson
from pose3d.multiview.left_right import with_settled_sides


@pytest.fixture
def scene():
    cameras, poses = camera_ring(4), swinging_poses(np.random.default_rng(0), 8)
    keypoints = np.stack([camera.project(camera.world_to_camera(poses)) for camera in cameras])
    return cameras, FoundPerson(keypoints, np.full(keypoints.shape[:-1], 0.8), np.zeros((4, 8, 4)))


def exchange(person, view, frame, limbs=slice(None)):
    left, right = list(LEFT_JOINTS[limbs]), list(RIGHT_JOINTS[limbs])
    person.keypoints_px[view, frame, left + right] = person.keypoints_px[view, frame, right + left]


def test_right_sides_stay(scene):
    cameras, person = scene
    settled, exchanged = with_settled_sides(cameras, person, 30)
    assert not exchanged.any()
    np.testing.assert_array_equal(settled.keypoints_px, person.keypoints_px)


def test_one_views_legs_and_another_ones_arms_are_put_right(scene):
    cameras, person = scene
    truth = person.keypoints_px.copy()
    exchange(person, 1, 3, slice(0, 3))
    exchange(person, 2, 5, slice(3, 6))
    settled, exchanged = with_settled_sides(cameras, person, 30)
    np.testing.assert_array_equal(settled.keypoints_px, truth)
    assert exchanged.sum() == 2 and exchanged[1, 3, 0] and exchanged[2, 5, 1]


def test_a_frame_exchanged_in_all_views_is_outvoted_over_time(scene):
    cameras, person = scene
    truth = person.keypoints_px.copy()
    for view in range(4):
        exchange(person, view, 4)
        exchange(person, view, 0)  # the first frame, too: no frame is trusted for its place
    settled, _ = with_settled_sides(cameras, person, 30)
    np.testing.assert_array_equal(settled.keypoints_px, truth)


def test_what_is_exchanged_everywhere_cannot_be_told(scene):
    """The limit that the module names: perfect agreement, all of it wrong."""
    cameras, person = scene
    for view in range(4):
        for frame in range(8):
            exchange(person, view, frame)
    _, exchanged = with_settled_sides(cameras, person, 30)
    assert not exchanged.any()
