"""Limbs turned about hip and shoulder, and bent."""

import numpy as np
import pytest
import torch
from seen_people import people

from pose3d.geometry.landmarks import estimate_landmarks
from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS, bone_matrix
from pose3d.lifting.body_axes import body_axes
from pose3d.lifting.limb_turns import Ranges, ranges_of, turn_limbs, turns
from pose3d.lifting.prior import LANDMARK_PARENTS

RIGHT_LEG, LEFT_LEG, RIGHT_ARM, LEFT_ARM = range(4)
FREE = Ranges(torch.tensor([[0.0, 0, -1]] * 4), -torch.ones(4), torch.zeros(4), torch.full((4,), torch.pi))
STANDING = people(1, 0, 0.0)[:, None]  # (1, 1, 17, 3), looks along y


def index(name):
    return JOINT_NAMES.index(name)


def of_limb(limb, vector, bend=0.0):
    turned = torch.zeros(1, 4, 4)
    turned[0, limb] = torch.tensor([*vector, bend])
    return turned


def sitting():
    """Both knees bent by a right angle: thighs ahead, shins down."""
    poses = STANDING.clone()
    for side in "RL":
        hip = poses[..., index(side + "Hip"), :]
        poses[..., index(side + "Knee"), :] = hip + torch.tensor([0, 0.43, 0])
        poses[..., index(side + "Foot"), :] = hip + torch.tensor([0, 0.43, -0.42])
    return poses


def test_an_arm_turns_about_its_shoulder_and_nothing_else_moves():
    turned = turn_limbs(STANDING, of_limb(RIGHT_ARM, [torch.pi / 2, 0, 0]), FREE)  # about x: down goes ahead
    shoulder = STANDING[0, 0, index("RShoulder")]
    torch.testing.assert_close(turned[0, 0, index("RElbow")], shoulder + torch.tensor([0, 0.28, 0]))
    torch.testing.assert_close(turned[0, 0, index("RWrist")], shoulder + torch.tensor([0, 0.52, 0]))
    others = [joint for joint in range(N_JOINTS) if joint not in (index("RElbow"), index("RWrist"))]
    torch.testing.assert_close(turned[:, :, others], STANDING[:, :, others])


def test_a_knee_bends_further_in_its_own_plane_and_a_straight_one_stays():
    turned = turn_limbs(sitting(), of_limb(LEFT_LEG, [0, 0, 0], bend=torch.pi / 6), FREE)
    knee = turned[0, 0, index("LKnee")]
    expected = (
        knee + 0.42 * torch.tensor([0, -np.sin(np.pi / 6), -np.cos(np.pi / 6)]).float()
    )  # the foot under the seat
    torch.testing.assert_close(turned[0, 0, index("LFoot")], expected)
    straight = turn_limbs(STANDING, of_limb(LEFT_LEG, [0, 0, 0], bend=torch.pi / 6), FREE)
    torch.testing.assert_close(straight, STANDING)


def test_a_hinge_is_bent_back_as_much_as_it_is_over():
    narrow = FREE._replace(most_rad=torch.full((4,), np.radians(100.0)), least_rad=torch.full((4,), np.radians(80.0)))
    for bend_deg, found_deg in ((5, 95), (16, 94), (-13, 83)):
        turned = turn_limbs(sitting(), of_limb(RIGHT_LEG, [0, 0, 0], bend=np.radians(bend_deg)), narrow)
        thigh, shin = (
            turned[0, 0, index(end)] - turned[0, 0, index(start)]
            for start, end in (("RHip", "RKnee"), ("RKnee", "RFoot"))
        )
        cosine = (thigh @ shin / thigh.norm() / shin.norm()).item()
        assert np.degrees(np.arccos(cosine)) == pytest.approx(found_deg, abs=0.01)


def test_a_limb_that_would_leave_its_range_in_one_frame_stays_in_all():
    two = torch.cat([STANDING, sitting()], 1)
    ahead_or_down = FREE._replace(
        usual=torch.tensor([[0, 0.5**0.5, -(0.5**0.5)]] * 4), widest_cos=torch.full((4,), np.cos(np.radians(50)))
    )
    upwards = of_limb(RIGHT_LEG, [np.radians(30), 0, 0])  # 30 degrees up: too far for somebody who sits
    torch.testing.assert_close(turn_limbs(two, upwards, ahead_or_down), two)
    torch.testing.assert_close(
        turn_limbs(two[:, :1], upwards, ahead_or_down)[0, 0, index("RKnee")],
        STANDING[0, 0, index("RHip")] + 0.43 * torch.tensor([0, 0.5, -(0.75**0.5)]),
    )


def test_ranges_are_what_the_poses_show_and_a_margin():
    poses = people(4000, 0, np.array([0, 0.4, 0.3, 0, 0.4, 0.3, 0, 0, 0, 0, 0, 0.4, 0.3, 0, 0.4, 0.3]))
    ranges = ranges_of(poses)
    torch.testing.assert_close(ranges.usual, torch.tensor([[0.0, 0, -1]] * 4), atol=0.03, rtol=0)
    upper = torch.nn.functional.normalize(poses[:, index("LElbow")] - poses[:, index("LShoulder")], dim=-1)
    off = torch.acos(-upper[:, 2])
    assert ranges.widest_cos[LEFT_ARM].acos() - off.quantile(0.995) == pytest.approx(np.radians(10), abs=0.05)
    assert (ranges.least_rad == 0).all() and (ranges.most_rad < 1.8).all()
    turned = turn_limbs(poses[:, None], torch.from_numpy(turns(np.random.default_rng(1), 4000, 60)).float(), ranges)
    down = body_axes(turned[:, 0])[:, 1] @ (turned[:, 0, index("LElbow")] - turned[:, 0, index("LShoulder")])[..., None]
    kept = torch.acos((-down[:, 2, 0] / 0.28).clamp(-1, 1)) <= torch.maximum(
        ranges.widest_cos[LEFT_ARM].acos() + 0.05, off
    )
    assert kept.all()


def test_bones_keep_their_lengths_takes_their_speed_and_landmarks_their_limb():
    joints = people(60, 0).unflatten(0, (12, 5))
    landmarks = torch.from_numpy(np.stack([estimate_landmarks(p.numpy()) for p in joints])).float()
    takes = torch.cat([joints, landmarks], 2)
    turned = turn_limbs(takes, torch.from_numpy(turns(np.random.default_rng(0), 12, 40)).float(), ranges_of(joints[0]))
    matrix = torch.from_numpy(bone_matrix()).float()
    before, after = ((matrix @ p[..., :N_JOINTS, :]).norm(dim=-1) for p in (takes, turned))
    torch.testing.assert_close(before, after, atol=1e-5, rtol=0)
    before, after = ((p[..., N_JOINTS:, :] - p[..., LANDMARK_PARENTS, :]).norm(dim=-1) for p in (takes, turned))
    torch.testing.assert_close(before, after, atol=1e-5, rtol=0)
    assert (turned - takes).abs().amax((0, 1, 3))[
        [index("RKnee"), index("LWrist"), N_JOINTS + LANDMARK_PARENTS.index(index("RFoot"))]
    ].min() > 0.05
    torch.testing.assert_close(turn_limbs(takes, torch.zeros(12, 4, 4), FREE), takes, atol=1e-5, rtol=0)


def test_draws_spread_as_said():
    drawn = turns(np.random.default_rng(0), 4000, 30)
    assert drawn.shape == (4000, 4, 4)
    assert np.degrees(np.sqrt((drawn**2).mean())) == pytest.approx(30 / 3**0.5, rel=0.03)
