"""Poses that the prior does not hold, made from those that it does: limbs turned about hip and shoulder, and bent.

A small prior shows few of the poses that people take. Hips and shoulders are balls in sockets and turn any way; knees
and elbows are hinges and bend in the plane in which they are bent. How far, the prior itself says: a thigh or an upper
arm points no further from where it mostly does, and a hinge bends no more and no less, than there and a margin.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS
from pose3d.lifting.body_axes import CHEST, HIPS, body_axes
from pose3d.lifting.prior import LANDMARK_PARENTS

_LIMBS = [
    [JOINT_NAMES.index(side + joint) for joint in joints]
    for joints in (("Hip", "Knee", "Foot"), ("Shoulder", "Elbow", "Wrist"))
    for side in "RL"
]
_PARTS = [HIPS, HIPS, CHEST, CHEST]
_WIDEST, _MARGIN_RAD = 0.995, np.radians(10)
_BENT_RAD = 0.15
"""A limb that is straighter shows no hinge to bend about."""


class Ranges(NamedTuple):
    """Of the four limbs, right and left leg, right and left arm.

    Attributes:
        usual: (4, 3) unit vectors, in the axes of hips or chest, where the upper bone mostly points.
        widest_cos: (4,) cosine of the largest angle to it.
        least_rad, most_rad: (4,) how much the hinge is bent, 0 where it is straight.
    """

    usual: Tensor
    widest_cos: Tensor
    least_rad: Tensor
    most_rad: Tensor


def ranges_of(poses_m: Tensor) -> Ranges:
    """What the poses (N, 17, 3) show, and a margin; right and left take the wider of both."""
    upper, lower = _bones(poses_m)
    directions = _in_body(body_axes(poses_m), normalize(upper, dim=-1))
    directions[:, 1::2] *= torch.tensor([-1.0, 1, 1]).to(directions)  # the left mirrored
    sides = directions.unflatten(1, (2, 2)).transpose(0, 1).flatten(1, 2)  # (2, 2N, 3) legs and arms
    usual = normalize(sides.mean(1), dim=-1)
    widest = _angle(sides, usual[:, None]).quantile(_WIDEST, 1) + _MARGIN_RAD
    bent = _angle(upper, lower).unflatten(1, (2, 2)).transpose(0, 1).flatten(1)
    least = (bent.quantile(1 - _WIDEST, 1) - _MARGIN_RAD).clamp(min=0)
    most = (bent.quantile(_WIDEST, 1) + _MARGIN_RAD).clamp(max=np.pi)
    mirror = torch.tensor([[1.0, 1, 1], [-1, 1, 1]]).to(usual)
    usual = (usual[:, None] * mirror).flatten(0, 1)
    return Ranges(usual, *(r.repeat_interleave(2) for r in (widest.clamp(max=np.pi).cos(), least, most)))


def turns(rng: np.random.Generator, batch_size: int, most_deg: float) -> np.ndarray:
    """(B, 4, 4): of each limb a rotation vector in the world and how much further the hinge bends, radians.

    Args:
        rng: every draw comes from it.
        batch_size: takes to draw for, B.
        most_deg: each take has its own standard deviation, drawn evenly from 0 to this.
    """
    spread = rng.uniform(0, np.radians(most_deg), (batch_size, 1, 1))
    return spread * rng.normal(size=(batch_size, len(_LIMBS), 4))


def turn_limbs(poses_world_m: Tensor, turned: Tensor, ranges: Ranges) -> Tensor:
    """Turn and bend the limbs of takes, in all frames alike, so that they move as they did.

    A limb that would leave its range in any frame is only bent. A hinge that would is bent back as much as it is over.

    Args:
        poses_world_m: (B, T, 17, 3); landmarks may follow the joints, and turn with what they hang on.
        turned: (B, 4, 4), see :func:`turns`.
        ranges: what is possible.
    """
    upper, lower = _bones(poses_world_m)
    turn = _rotation(turned[..., :3])[:, None].expand(-1, poses_world_m.shape[1], -1, -1, -1)
    new = (turn @ upper[..., None]).squeeze(-1)
    along = (_in_body(body_axes(poses_world_m), normalize(new, dim=-1)) * ranges.usual).sum(-1)
    possible = (along >= ranges.widest_cos).all(1, keepdim=True)
    turn = torch.where(possible[..., None, None], turn, torch.eye(3).to(turn))
    upper, lower = ((turn @ bones[..., None]).squeeze(-1) for bones in (upper, lower))
    bent = _angle(upper, lower)
    least, most = torch.minimum(ranges.least_rad, bent), torch.maximum(ranges.most_rad, bent)
    wanted = least + (bent + turned[:, None, :, 3] - least).abs()
    wanted = (most - (most - wanted).abs()).maximum(least)
    further = torch.where(bent < _BENT_RAD, 0, wanted - bent)
    bend = _rotation(normalize(torch.linalg.cross(upper, lower), dim=-1) * further[..., None])
    turn_of_lower = bend @ turn
    lower = (bend @ lower[..., None]).squeeze(-1)

    result = poses_world_m.clone()
    for limb, (start, hinge, end) in enumerate(_LIMBS):
        result[..., hinge, :] = result[..., start, :] + upper[..., limb, :]
        result[..., end, :] = result[..., hinge, :] + lower[..., limb, :]
        for landmark in _landmarks_of(end, poses_world_m.shape[-2]):
            offset = poses_world_m[..., landmark, :] - poses_world_m[..., end, :]
            turned_offset = (turn_of_lower[..., limb, :, :] @ offset[..., None]).squeeze(-1)
            result[..., landmark, :] = result[..., end, :] + turned_offset
    return result


def _landmarks_of(joint: int, points: int) -> Sequence[int]:
    if points == N_JOINTS:
        return []
    return [N_JOINTS + number for number, parent in enumerate(LANDMARK_PARENTS) if parent == joint]


def _bones(poses_m: Tensor) -> tuple[Tensor, Tensor]:
    """Thighs and upper arms, and shins and forearms, (..., 4, 3) each, of (..., 17, 3)."""
    start, hinge, end = torch.tensor(_LIMBS).T
    return poses_m[..., hinge, :] - poses_m[..., start, :], poses_m[..., end, :] - poses_m[..., hinge, :]


def _in_body(axes: Tensor, bones: Tensor) -> Tensor:
    """(..., 4, 3) in the world in the axes (..., 2, 3, 3) of the limbs' part of the body."""
    return (axes[..., _PARTS, :, :] @ bones[..., None]).squeeze(-1)


def _angle(a: Tensor, b: Tensor) -> Tensor:
    """Between (..., 3) vectors, radians; by the tangent, because the cosine is flat where they are alike."""
    return torch.atan2(torch.linalg.cross(*torch.broadcast_tensors(a, b)).norm(dim=-1), (a * b).sum(-1))


def _rotation(vectors: Tensor) -> Tensor:
    """Rotation vectors (..., 3) to matrices (..., 3, 3), by Rodrigues' formula."""
    angle = vectors.norm(dim=-1)[..., None, None]
    x, y, z = normalize(vectors, dim=-1).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    return torch.eye(3).to(vectors) + angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)
