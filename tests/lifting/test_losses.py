"""Losses, kinematic chain space, critic and schedules against values worked out by hand."""

import math

import numpy as np
import pytest
import torch

from pose3d.lifting.critic import Critic, critic_terms, gradient_penalty
from pose3d.lifting.kcs import KinematicChainSpace
from pose3d.lifting.losses import (
    joint_distance,
    orthogonal_camera,
    perspective_without_division,
    reprojection_l1,
    velocity_distance,
    weak_perspective_reprojection,
)
from pose3d.lifting.networks import RepNet
from pose3d.lifting.schedule import averaging_decay, cosine_decay, geometric_ramp
from pose3d.skeleton import PARENTS


def poses(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 0.3, (*shape, 16, 3)))


def test_kcs_holds_squared_lengths_and_inner_products_of_bones():
    pose = poses(2)
    joints = torch.cat([torch.zeros(2, 1, 3, dtype=torch.float64), pose], 1)
    bones = torch.stack([joints[:, child] - joints[:, PARENTS[child]] for child in range(1, 17)], 1)
    kcs = KinematicChainSpace()
    values = kcs(pose)
    assert values.shape == (2, 136)
    torch.testing.assert_close(values[:, 0], bones[:, 0].square().sum(-1))  # first bone with itself
    torch.testing.assert_close(values[:, 1], (bones[:, 0] * bones[:, 1]).sum(-1))
    torch.testing.assert_close(values[:, -1], bones[:, 15].square().sum(-1))


def test_kcs_does_not_change_under_rotation():
    rotation = torch.linalg.qr(torch.from_numpy(np.random.default_rng(1).normal(size=(3, 3)))).Q
    kcs = KinematicChainSpace()
    torch.testing.assert_close(kcs(poses(3) @ rotation), kcs(poses(3)))


def test_weak_perspective_reprojection():
    pose = torch.zeros(1, 16, 3)
    pose[0, 0] = torch.tensor([1.0, 2.0, 3.0])
    camera = torch.tensor([[[1.0, 0], [0, 1], [0, 0]]])
    keypoints = torch.zeros(1, 16, 2)  # squares 1 + 4 over 32 numbers
    assert weak_perspective_reprojection(pose, camera, keypoints).item() == pytest.approx(5 / 32)


def test_orthogonal_camera_is_zero_for_scaled_orthogonal_columns_and_known_for_others():
    scaled = 3 * torch.eye(3)[:, :2]
    assert orthogonal_camera(scaled[None]).item() == pytest.approx(0, abs=1e-5)
    # K^T K = diag(4, 0): 2/4 * diag(4, 0) - I = diag(1, -1)
    flat = torch.tensor([[[2.0, 0], [0, 0], [0, 0]]])
    assert orthogonal_camera(flat).item() == pytest.approx(math.sqrt(2), rel=1e-6)


def test_perspective_without_division():
    joints = torch.zeros(1, 17, 3)
    joints[..., 2] = 2.0
    focal, centre = torch.full((1, 2), 2.0), torch.zeros(1, 2)
    keypoints = torch.zeros(1, 17, 2)
    assert perspective_without_division(joints, focal, centre, keypoints).item() == 0
    keypoints[0, 0, 0] = 0.1  # (0.1 * 2)^2 over 34 numbers, times 100
    assert perspective_without_division(joints, focal, centre, keypoints).item() == pytest.approx(4 / 34)


def test_distances():
    a, b = torch.zeros(1, 2, 16, 3), torch.zeros(1, 2, 16, 3)
    b[0, 1, :, 0] = 0.3
    b[0, 1, :, 1] = 0.4
    assert joint_distance(a, b).item() == pytest.approx(0.25, abs=1e-4)
    assert velocity_distance(a, b).item() == pytest.approx(0.5, abs=1e-4)
    assert velocity_distance(a[:, :1], b[:, :1]).item() == 0
    assert reprojection_l1(a[..., :2], b[..., :2]).item() == pytest.approx(0.7 / 4)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: joint_distance(x, poses(2, 3, seed=5)),
        lambda x: velocity_distance(x, poses(2, 3, seed=5)),
        lambda x: reprojection_l1(x[..., :2], poses(2, 3, seed=5)[..., :2]),
        lambda x: KinematicChainSpace()(x),
        lambda x: orthogonal_camera(x[0, :, :3, :2]),
    ],
)
def test_gradients(loss):
    assert torch.autograd.gradcheck(loss, poses(2, 3).requires_grad_())


def test_gradient_penalty_of_a_linear_critic():
    slope = torch.full((16, 3), 0.5, dtype=torch.float64)  # norm 0.5 sqrt(48)
    penalty = gradient_penalty(
        lambda x: (x * slope).sum((-2, -1)), poses(4), poses(4, seed=1), torch.rand(4, dtype=torch.float64)
    )
    assert penalty.item() == pytest.approx((0.5 * math.sqrt(48) - 1) ** 2)


def test_critic_step_leaves_the_generator_alone():
    torch.manual_seed(0)
    generator, critic = RepNet(8).double(), Critic(8).double()
    fake, _ = generator(torch.randn(4, 32, dtype=torch.float64))
    distance, penalty = critic_terms(critic, poses(4), fake, torch.rand(4, dtype=torch.float64))
    (10 * penalty - distance).backward()
    assert all(p.grad is None for p in generator.parameters())
    # The last bias cancels from both terms; everything else learns.
    assert all(p.grad is not None for name, p in critic.named_parameters() if name != "score.2.bias")


def test_wasserstein_gradient_against_differences():
    torch.manual_seed(0)
    critic = Critic(4).double()
    real, fake, mix = poses(3), poses(3, seed=1), torch.rand(3, dtype=torch.float64)
    weight = critic.joints_path[0].weight

    def loss():
        distance, penalty = critic_terms(critic, real, fake, mix)
        return 10 * penalty - distance

    (gradient,) = torch.autograd.grad(loss(), weight)
    step = torch.zeros_like(weight)
    step[0, 0] = 1e-6
    with torch.no_grad():
        weight += step
    higher = loss().item()
    with torch.no_grad():
        weight -= 2 * step
    assert gradient[0, 0].item() == pytest.approx((higher - loss().item()) / 2e-6, rel=1e-4)


def test_schedules():
    assert [geometric_ramp(s, 1, 100, 10) for s in (0, 5, 10, 50)] == pytest.approx([1, 10, 100, 100])
    assert geometric_ramp(3, 0, 7, 10) == 7 and geometric_ramp(3, 5, 0, 10) == 0
    assert [cosine_decay(s, 2.0, 0.1, 10) for s in (0, 5, 10, 11)] == pytest.approx([2, 1.1, 0.2, 0.2])
    assert averaging_decay(0, 0.999) == pytest.approx(0.1) and averaging_decay(10**6, 0.999) == 0.999
