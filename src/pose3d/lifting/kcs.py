"""Kinematic chain space: a pose as the inner products of its bones (Wandt and Rosenhahn, CVPR 2019, section 3.2)."""

import numpy as np
import torch
from torch import Tensor, nn

from pose3d.geometry.skeleton import BONES, bone_matrix

N_BONES = len(BONES)


class KinematicChainSpace(nn.Module):
    """The upper triangle of Psi = B B^T, B the bone vectors: lengths squared on the diagonal, angles beside it.

    Psi is symmetric, so that a linear layer on its triangle can do whatever one on all of it can.
    """

    bones_from_joints: Tensor
    triangle: Tensor

    def __init__(self) -> None:
        super().__init__()
        # The root is at the origin, so its column drops out. Constants: not part of the weights.
        # One matrix product for all coordinates of a pose, and one index into all of Psi.
        matrix = np.kron(bone_matrix()[:, 1:], np.eye(3)).T
        self.register_buffer("bones_from_joints", torch.from_numpy(matrix).float(), persistent=False)
        rows, columns = np.triu_indices(N_BONES)
        self.register_buffer("triangle", torch.from_numpy(rows * N_BONES + columns), persistent=False)

    def forward(self, poses: Tensor) -> Tensor:
        """(B, 16, 3) root-relative poses to (B, 136)."""
        bones = (poses.flatten(1) @ self.bones_from_joints.to(poses.dtype)).unflatten(-1, (N_BONES, 3))
        psi = torch.bmm(bones, bones.transpose(1, 2))
        return psi.flatten(1).index_select(1, self.triangle)
