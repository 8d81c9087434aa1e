"""Which way the hips and the chest of a pose face."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from pose3d.geometry.skeleton import JOINT_NAMES

HIPS, CHEST = range(2)
LEFT, AHEAD, UP = range(3)


def body_axes(poses_m: Tensor) -> Tensor:
    """Left, ahead and up of hips and chest of (..., 17, 3) poses, landmarks after the joints or not.

    Left is from one hip or shoulder to the other, ahead is across the trunk, and up is across both.

    Returns:
        (..., 2, 3, 3): of ``HIPS`` and ``CHEST`` the unit vectors ``LEFT``, ``AHEAD`` and ``UP``.
    """

    def between(start: str, end: str) -> Tensor:
        return poses_m[..., JOINT_NAMES.index(end), :] - poses_m[..., JOINT_NAMES.index(start), :]

    left = normalize(torch.stack([between("RHip", "LHip"), between("RShoulder", "LShoulder")], -2), dim=-1)
    trunk = torch.stack([between("Hip", "Thorax"), between("Spine", "Thorax")], -2)
    ahead = normalize(torch.linalg.cross(left, trunk), dim=-1)
    return torch.stack([left, ahead, torch.linalg.cross(ahead, left)], -2)
