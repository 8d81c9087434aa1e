"""Kinematic chain space: a pose as the inner products of its bones (Wandt and Rosenhahn, CVPR 2019, section 3.2)."""

import numpy as np
import torch
from torch import Tensor, nn

from pose3d.geometry.skeleton import BONES, bone_matrix
from pose3d.lifting.dense import Trace

N_BONES = len(BONES)


class KinematicChainSpace(nn.Module):
    """Entries of Psi = B B^T, B the bone vectors: lengths squared on the diagonal, angles beside it.

    Psi is symmetric, so that a linear layer on its upper triangle can do whatever one on all of it can.

    Args:
        bones: (K, 16) matrix that makes bone vectors of joints without the root; our 16 bones where it is None.
        whole: whether all K^2 entries are given, and not the upper triangle's alone.
        channels: numbers of each joint, of which the first three are its place.
    """

    bones_from_joints: Tensor
    entries: Tensor
    twice: Tensor

    def __init__(self, bones: np.ndarray | None = None, whole: bool = False, channels: int = 3) -> None:
        super().__init__()
        # The root is at the origin, so its column drops out. Constants: not part of the weights.
        # One matrix product for all coordinates of a pose, and one index into all of Psi.
        matrix = bone_matrix()[:, 1:] if bones is None else bones
        self.n_bones = len(matrix)
        rows, columns = np.indices((self.n_bones,) * 2).reshape(2, -1) if whole else np.triu_indices(self.n_bones)
        entries = rows * self.n_bones + columns
        # Psi's change is X + X^T, X = dB B^T: the entries' change is this matrix times X.
        twice = np.zeros((len(entries), self.n_bones**2))
        np.add.at(twice, (np.arange(len(entries)), entries), 1)
        np.add.at(twice, (np.arange(len(entries)), columns * self.n_bones + rows), 1)
        bones_from_joints = np.kron(matrix, np.eye(3, channels)).T
        self.register_buffer("bones_from_joints", torch.from_numpy(bones_from_joints).float(), False)
        self.register_buffer("entries", torch.from_numpy(entries), False)
        self.register_buffer("twice", torch.from_numpy(twice).float(), False)

    @property
    def outputs(self) -> int:
        """Number of entries."""
        return len(self.entries)

    def forward(self, poses: Tensor) -> Tensor:
        """(B, 16, channels) root-relative poses to (B, outputs)."""
        return self.run(poses.flatten(1), Trace())

    def run(self, poses: Tensor, trace: Trace) -> Tensor:
        """(B, 16 channels) to (B, outputs)."""
        bones = self._bones(poses)
        trace.kept[self] = bones
        return torch.bmm(bones, bones.transpose(1, 2)).flatten(1).index_select(1, self.entries)

    def pull(self, cotangents: Tensor, trace: Trace) -> Tensor:
        """(B, outputs) to (B, 16 channels)."""
        of_psi = cotangents.mm(self.twice.to(cotangents.dtype)).unflatten(1, (self.n_bones, self.n_bones))
        of_bones = torch.bmm(of_psi, trace.kept[self]).flatten(1)
        return of_bones.mm(self.bones_from_joints.to(cotangents.dtype).t())

    def push(self, tangents: Tensor, trace: Trace) -> Tensor:
        """(R, 16 channels) of the pushed rows to (R, outputs)."""
        of_psi = torch.bmm(self._bones(tangents), trace.kept[self][trace.rows].transpose(1, 2))
        return of_psi.flatten(1).mm(self.twice.to(tangents.dtype).t())

    def _bones(self, poses: Tensor) -> Tensor:
        return (poses @ self.bones_from_joints.to(poses.dtype)).unflatten(-1, (self.n_bones, 3))
