"""Where another data set puts its joints, found from 2D alone."""

import numpy as np
import pytest
import torch
from seen_people import observed, people

from pose3d.geometry.skeleton import JOINT_NAMES, mirror_permutation
from pose3d.lifting import joint_places
from pose3d.lifting.joint_places import fit_places
from pose3d.lifting.prior import mirror_world
from pose3d.lifting.virtual_camera import view_from_image_plane

SWINGS_RAD = np.array([0.05, 0.4, 0.3, 0.05, 0.4, 0.3, *[0.05] * 4, 0.05, 0.4, 0.3, 0.05, 0.4, 0.3])
AHEAD = torch.tensor([0.0, 1, 0])  # of people who hardly turn: x is their right


def index(name):
    return JOINT_NAMES.index(name)


def other_skeleton(poses):
    """The neck 0.1 m ahead, where others have the nose, hips 0.03 m wider on either side, shins 1.15 times as long."""
    moved = poses.clone()
    moved[:, [index("Neck/Nose"), index("Head")]] += 0.1 * AHEAD
    for side, sign in (("R", 1), ("L", -1)):
        moved[:, [index(side + part) for part in ("Hip", "Knee", "Foot")]] += sign * torch.tensor([0.03, 0, 0])
        shin = moved[:, index(side + "Foot")] - moved[:, index(side + "Knee")]
        moved[:, index(side + "Foot")] += 0.15 * shin
    return moved


def mean_places(poses):
    return (poses - poses[:, :1]).mean(0) / (poses - poses[:, :1]).square().sum(-1).mean().sqrt()


@pytest.fixture(scope="module")
def prior():
    return people(5000, 0, SWINGS_RAD)


def test_joints_go_where_the_annotations_have_them(prior):
    seen = other_skeleton(people(5000, 1, SWINGS_RAD))
    fitted = fit_places(prior, observed(seen, 2), np.random.default_rng(3))
    before, after = ((mean_places(p) - mean_places(seen)).norm(dim=-1) for p in (prior, fitted))
    assert before.max() > 0.15
    assert after.max() < 0.035
    size = [(p - p[:, :1]).square().sum(-1).mean().sqrt() for p in (prior, fitted)]
    torch.testing.assert_close(*size)


def test_who_fits_already_is_left_alone(prior):
    fitted = fit_places(prior, observed(people(5000, 1, SWINGS_RAD), 2), np.random.default_rng(3))
    assert (fitted - prior).norm(dim=-1).mean() < 0.01


def test_each_unknown_moves_both_sides_alike_and_what_hangs_on_them_along():
    poses = people(3, 0)
    moves = joint_places._moves(poses)
    of_mirrored = joint_places._moves(mirror_world(poses))
    mirrored = moves[:, torch.from_numpy(mirror_permutation())] * torch.tensor([-1.0, 1, 1])[:, None]
    torch.testing.assert_close(of_mirrored, mirrored, atol=1e-5, rtol=0)
    hip_width = moves[..., 0]
    right, left = (hip_width[:, [index(side + part) for part in ("Hip", "Knee", "Foot")]] for side in "RL")
    across = torch.nn.functional.normalize(poses[:, index("LHip")] - poses[:, index("RHip")], dim=-1)
    torch.testing.assert_close(right, across[:, None].expand(-1, 3, -1))
    torch.testing.assert_close(left, -right)
    assert not hip_width[:, [index(name) for name in ("Hip", "Spine", "Head", "LWrist")]].any()


def test_the_solution_is_that_of_the_true_projection_where_joints_are_a_little_off():
    """Unknowns of some millimetres are found in what they change, the body's size apart, which does not show."""
    poses = people(200, 0) @ torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]).T + torch.tensor([0, 0, 5.0])
    poses = poses - poses[:, :1] * torch.tensor([1.0, 1, 0])
    moves = joint_places._moves(poses)
    off = torch.from_numpy(np.random.default_rng(1).normal(0, 0.004, moves.shape[-1])).float()
    view, wanted = (view_from_image_plane(p[..., :2] / p[..., 2:]) for p in (poses, poses + moves @ off))
    looks = joint_places._Looks(poses, view.keypoints, view.scale)
    found = joint_places._unknowns(looks, wanted.keypoints)
    moved = poses + moves @ found
    again = view_from_image_plane(moved[..., :2] / moved[..., 2:]).keypoints
    before, after = ((k - wanted.keypoints).norm(dim=-1).mean() for k in (view.keypoints, again))
    assert after < 0.1 * before
