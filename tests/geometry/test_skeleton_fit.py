import numpy as np
import pytest
from people import swinging_poses
from scipy.spatial.transform import Rotation

from pose3d.geometry.rotations import least_rotation
from pose3d.geometry.skeleton import BONES, bone_matrix
from pose3d.geometry.skeleton_fit import (
    REST_DIRECTIONS,
    SkeletonFit,
    Swing,
    check_poses,
    fit_bone_lengths,
    with_bone_lengths,
)
from pose3d.runtime.errors import InputError

UP = np.array([0.0, 1.0, 0.0])


def fit_skeleton(poses, fps):
    return SkeletonFit(fit_bone_lengths(poses), fps)(poses)


def resting(frames=1):
    poses = np.zeros((frames, 17, 3))
    for parent, child in BONES:
        poses[:, child] = poses[:, parent] + 0.3 * REST_DIRECTIONS[child - 1]
    return poses


def test_lengths_are_medians_alike_on_both_sides():
    poses = resting(3)
    poses[:, 3] += [[0, -0.1, 0], [0, -0.1, 0], [0, -9.0, 0]]  # right shin 0.4, 0.4 and, an outlier, 9.3; left 0.3
    lengths = fit_bone_lengths(poses)
    assert lengths[2] == lengths[5] == pytest.approx(0.35)
    np.testing.assert_allclose(np.delete(lengths, [2, 5]), 0.3)


def test_bone_lengths_change_and_directions_stay():
    poses = swinging_poses(np.random.default_rng(0), 4)
    lengths = np.linspace(0.1, 0.5, 16)
    posed = with_bone_lengths(poses, lengths)
    bones, before = bone_matrix() @ posed, bone_matrix() @ poses
    np.testing.assert_allclose(np.linalg.norm(bones, axis=-1), np.tile(lengths, (4, 1)))
    np.testing.assert_allclose(np.cross(bones, before), 0, atol=1e-12)
    assert ((bones * before).sum(-1) > 0).all()
    np.testing.assert_array_equal(posed[:, 0], poses[:, 0])


def test_resting_and_turned_bodies_need_only_the_root():
    turn = Rotation.from_euler("ZXY", [20, 30, 40], degrees=True)
    skeleton = fit_skeleton(turn.apply(resting(2).reshape(-1, 3)).reshape(2, 17, 3), 25)
    np.testing.assert_allclose((skeleton.joint_rotations[0] * turn.inv()).magnitude(), 0, atol=1e-7)
    for rotation in (*skeleton.joint_rotations[1:], *skeleton.bone_rotations):
        np.testing.assert_allclose(rotation.magnitude(), 0, atol=1e-7)


def test_bent_elbow_turns_the_elbow_alone():
    poses = resting()
    poses[:, 13] = poses[:, 12] + [0, 0.3, 0]  # the left arm points along x at rest; the forearm up is +90 about z
    skeleton = fit_skeleton(poses, 25)
    np.testing.assert_allclose(skeleton.joint_rotations[12].as_rotvec(), [[0, 0, np.pi / 2]], atol=1e-9)
    np.testing.assert_allclose(skeleton.joint_rotations[11].magnitude(), 0, atol=1e-7)


def test_swing_is_the_shortest_rotation_in_ordinary_motion():
    angle = np.linspace(0, 4, 100)[:, None]
    directions = np.concatenate([0.5 * np.cos(angle), np.full_like(angle, 0.75**0.5), 0.5 * np.sin(angle)], 1)
    rotations = Swing(UP, fps=25)(directions)
    np.testing.assert_allclose(
        (rotations.inv() * Rotation.from_matrix(least_rotation(UP, directions))).magnitude(), 0, atol=1e-7
    )


def test_swing_past_the_opposite_does_not_jump_and_then_unwinds():
    """Through a point 0.01 rad beside the opposite of rest, where the shortest rotation turns over at once."""
    passing = np.pi + np.linspace(-0.4, 0.4, 41)
    angle = np.concatenate([passing, np.full(60, passing[-1])])
    directions = np.stack([np.sin(angle), np.cos(angle), np.full_like(angle, 0.01)], 1)
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    shortest, rotations = Rotation.from_matrix(least_rotation(UP, directions)), Swing(UP, fps=50)(directions)

    def steps(turning):
        return (turning[1:] * turning[:-1].inv()).magnitude()

    assert steps(shortest).max() > 1.5
    assert steps(rotations).max() < 4 * np.pi / 50 + 0.05
    np.testing.assert_allclose(rotations.apply(UP), directions, atol=1e-9)
    assert (rotations[-1].inv() * shortest[-1]).magnitude() < 1e-6


def test_some_frames_at_a_time_give_what_all_together_do():
    poses = swinging_poses(np.random.default_rng(3), 40)
    poses[:, 12:14] = 2 * poses[:, 11:12] - poses[:, 12:14]  # an arm near the opposite of rest
    whole = fit_skeleton(poses, 25)
    fit = SkeletonFit(whole.bone_lengths_m, 25)
    parts = [fit(poses[start : start + 7]) for start in range(0, 40, 7)]
    for name in ("joint_rotations", "bone_rotations"):
        for number, rotation in enumerate(getattr(whole, name)):
            joined = Rotation.concatenate([getattr(part, name)[number] for part in parts])
            np.testing.assert_allclose((joined * rotation.inv()).magnitude(), 0, atol=1e-7)


@pytest.mark.parametrize(
    ("poses", "fps", "message"),
    [
        (np.zeros((0, 17, 3)), 25, "there are no poses: give one frame"),
        (np.zeros((2, 16, 3)), 25, r"poses have shape \(2, 16, 3\): give"),
        (np.zeros((2, 17, 3)), 25, "frame 0, the bone from Hip to RHip has no length: give"),
        (resting(), 0, "the frame rate is 0: give a positive"),
        (resting(), np.nan, "the frame rate is nan: give a positive"),
    ],
)
def test_bad_input_is_named(poses, fps, message):
    with pytest.raises(InputError, match=message):
        check_poses(poses, fps)
