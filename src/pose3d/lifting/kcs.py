"""Kinematic chain space: a pose as the inner products of its bones (Wandt and Rosenhahn, CVPR 2019, section 3.2)."""

import torch
from torch import Tensor, nn

from pose3d.geometry.skeleton import BONES, bone_matrix

N_BONES = len(BONES)


class KinematicChainSpace(nn.Module):
    """The upper triangle of Psi = B B^T, B the bone vectors: lengths squared on the diagonal, angles beside it.

    Psi is symmetric, so that a linear layer on its triangle can do whatever one on all of it can.
    """

    bones: Tensor
    triangle: Tensor

    def __init__(self) -> None:
        super().__init__()
        # The root is at the origin, so its column drops out. Constants: not part of the weights.
        self.register_buffer("bones", torch.from_numpy(bone_matrix()[:, 1:]).float(), persistent=False)
        self.register_buffer("triangle", torch.triu_indices(N_BONES, N_BONES), persistent=False)

    def forward(self, poses: Tensor) -> Tensor:
        """(B, 16, 3) root-relative poses to (B, 136)."""
        bones = self.bones.to(poses.dtype) @ poses
        psi = bones @ bones.transpose(-1, -2)
        return psi[..., self.triangle[0], self.triangle[1]]
