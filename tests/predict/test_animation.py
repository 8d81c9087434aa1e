import numpy as np
import pybvh
import pytest
from people import swinging_poses

from pose3d.formats.bvh import NAMES
from pose3d.formats.predictions import Predictions
from pose3d.geometry.skeleton_fit import fit_bone_lengths, with_bone_lengths
from pose3d.lifting.lift import Lifted
from pose3d.predict.animation import without_gaps, write_animation
from pose3d.predict.clip import camera_from_view


def predictions_of(poses, time_s, found):
    n_frames = len(poses)
    nothing = np.zeros((n_frames, 17, 3), np.float32)
    lifted = {"repnet": Lifted(nothing, True), "temporal": Lifted(poses, True)}
    boxes, keypoints, confidence = nothing[:, 0, [0, 0, 0, 0]], nothing[..., :2], nothing[..., 0]
    return Predictions(time_s, boxes, keypoints, confidence, found, lifted, camera_from_view(64, 48, 60))


@pytest.fixture
def poses():
    upright = swinging_poses(np.random.default_rng(0), 9) * [1, -1, -1] + [0, 0, 4]
    return with_bone_lengths(upright, fit_bone_lengths(upright)).astype(np.float32)


def joints_m(path):
    """(T, 17, 3) in camera space, and seconds per frame."""
    read = pybvh.read_bvh_file(path, world_up="+y")
    joints = read.joint_positions()[:, [read.joint_index[name] for name in NAMES]]
    return joints / 100 * [1, -1, -1], read.frame_time


def test_the_temporal_poses_are_what_moves(tmp_path, poses):
    write_animation(tmp_path / "a.bvh", predictions_of(poses, np.arange(9) / 30, np.ones(9, bool)))
    joints, frame_s = joints_m(tmp_path / "a.bvh")
    np.testing.assert_allclose(joints, poses, atol=1e-4)
    assert frame_s == pytest.approx(1 / 30)


def test_frames_without_a_person_lie_between_those_with_one(tmp_path, poses):
    found = np.array([0, 0, 1, 1, 0, 0, 0, 1, 0], bool)
    poses[~found] = np.nan
    write_animation(tmp_path / "a.bvh", predictions_of(poses, np.arange(9) / 25, found))
    roots = joints_m(tmp_path / "a.bvh")[0][:, 0]
    start, end = poses[3, 0], poses[7, 0]
    np.testing.assert_allclose(roots[4:7], [start + (end - start) * share for share in (0.25, 0.5, 0.75)], atol=1e-4)
    np.testing.assert_allclose(roots[:2], roots[[2, 2]], atol=1e-4)
    np.testing.assert_allclose(roots[8], roots[7], atol=1e-4)


def test_uneven_times_become_even():
    time_s, fps = without_gaps(np.array([5.0, 5.1, 5.4, 5.5, 905.5, 905.7]))
    assert fps == pytest.approx(4 / 0.7)
    np.testing.assert_allclose(time_s, [0, 0.1, 0.4, 0.5, 0.675, 0.875])
    assert without_gaps(np.array([3.0]))[1] == 25
    assert without_gaps(np.array([3.0]), 50)[1] == pytest.approx(50)


def test_frames_that_are_all_far_apart_keep_their_step():
    """Time lapse, of every 2 s with a pause; and at one frame a second with a second shot."""
    time_s, fps = without_gaps(np.array([0.0, 2, 4, 90, 92]))
    assert fps == 0.5
    np.testing.assert_allclose(time_s, [0, 2, 4, 6, 8])
    time_s, fps = without_gaps(np.array([0.0, 1, 2, 60, 61]))
    assert fps == 1
    np.testing.assert_allclose(time_s, [0, 1, 2, 3, 4])


def test_a_slow_clip_is_as_slow_in_bvh(tmp_path, poses):
    write_animation(tmp_path / "a.bvh", predictions_of(poses, np.arange(9) * 2.0, np.ones(9, bool)))
    joints, frame_s = joints_m(tmp_path / "a.bvh")
    assert frame_s == pytest.approx(2)
    np.testing.assert_allclose(joints, poses, atol=1e-4)
