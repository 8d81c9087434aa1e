"""The original system's lifters, layer by layer: its input space and its two generators.

What it takes from others: RepNet (Wandt and Rosenhahn, CVPR 2019) for single frames, the temporal convolution of
VideoPose3D (Pavllo et al., CVPR 2019) in a smaller form for windows. Both learn from the same critic
(:mod:`pose3d.lifting.original_critic`).
"""

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from pose3d.geometry.skeleton import N_JOINTS, ROOT
from pose3d.lifting.dense import LeakyReLU, Linear, Sequential, Trace, through
from pose3d.lifting.networks import POSE_SIZE, Lifter
from pose3d.lifting.temporal import TemporalNetwork
from pose3d.records.sequences import PoseSequence

KEYPOINTS_SIZE = 2 * (N_JOINTS - 1)


def normalise_px(keypoints_px: np.ndarray, width_px: int) -> np.ndarray:
    """px to px / width * 2 - 1, both axes by the width, so that the image keeps its shape."""
    return keypoints_px / width_px * 2 - 1


def relative_to_root(absolute: Tensor) -> Tensor:
    """(..., 17, D) to (..., 16, D): the other joints minus the root."""
    return absolute[..., 1:, :] - absolute[..., ROOT : ROOT + 1, :]


def normalised_intrinsics(sequence: PoseSequence) -> tuple[np.ndarray, np.ndarray]:
    """Focal lengths f / width * 2 and centre c / width * 2 - 1 of a camera, (2,) each; the lens is ignored."""
    intrinsics, width = sequence.camera.intrinsics_px, sequence.camera.width_px
    return np.diag(intrinsics)[:2] / width * 2, normalise_px(intrinsics[:2, 2], width)


class ResidualBlock(nn.Module):
    """LeakyReLU(x + W2 LeakyReLU(W1 x)): the activation follows the sum, as in ResNets of images."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = Sequential(Linear(width, width), LeakyReLU(), Linear(width, width))
        self.activation = LeakyReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x + self.layers(x))

    def run(self, x: Tensor, trace: Trace) -> Tensor:
        return self.activation.run(self.layers.run(x, trace).add_(x), trace)

    def pull(self, cotangents: Tensor, trace: Trace) -> Tensor:
        cotangents = self.activation.pull(cotangents, trace)
        return self.layers.pull(cotangents, trace).add_(cotangents)

    def push(self, tangents: Tensor, trace: Trace) -> Tensor:
        return self.activation.push(self.layers.push(tangents, trace).add_(tangents), trace)


class RepNet(Lifter):
    """The single-frame generator: (B, 32) to a pose (B, 16, 3) in metres and a weak-perspective camera K (B, 3, 2)."""

    kind = "original_repnet"

    def __init__(self, width: int) -> None:
        super().__init__()
        self.shared = Sequential(Linear(KEYPOINTS_SIZE, width), LeakyReLU(), ResidualBlock(width))
        self.pose = Sequential(
            ResidualBlock(width), ResidualBlock(width), Linear(width, width), LeakyReLU(), Linear(width, POSE_SIZE)
        )
        self.camera = Sequential(ResidualBlock(width), ResidualBlock(width), Linear(width, 6))

    def forward(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        shared = through(self.shared, keypoints)
        return self._pose(shared), through(self.camera, shared).unflatten(-1, (3, 2))

    def poses(self, keypoints: Tensor) -> Tensor:
        return self._pose(through(self.shared, keypoints))

    def _pose(self, shared: Tensor) -> Tensor:
        return through(self.pose, shared).unflatten(-1, (N_JOINTS - 1, 3))


class WindowNetwork(TemporalNetwork):
    """A temporal network whose activation follows the sum of each block, LeakyReLU(skip + convolutions)."""

    def join(self, kept: Tensor, mixed: Tensor, joint: LeakyReLU, trace: Trace) -> Tensor:
        return joint.run(mixed.add_(kept), trace)

    def part(self, cotangents: Tensor, joint: LeakyReLU, trace: Trace) -> tuple[Tensor, Tensor]:
        joined = joint.pull(cotangents, trace)
        return joined, joined

    def residual(self, kept: Tensor, mixed: Tensor) -> Tensor:
        return functional.leaky_relu(kept + mixed)


class OriginalTemporal(Lifter):
    """The temporal generator: root-relative pose (B, 16, 3) and root in camera space (B, 3), metres, centre frame."""

    kind = "original_video_gan"

    def __init__(self, width: int, window_frames: int) -> None:
        super().__init__()
        self.pose = WindowNetwork(KEYPOINTS_SIZE, POSE_SIZE, width, window_frames)
        self.root = WindowNetwork(2 * N_JOINTS, 3, width, window_frames)
        self.frames_before, self.frames_after = self.pose.frames_before, self.pose.frames_after

    def forward(self, relative: Tensor, absolute: Tensor) -> tuple[Tensor, Tensor]:
        """(B, window_frames, 32) and (B, window_frames, 34) normalised image coordinates."""
        return self.poses(relative), self.root(absolute)

    def poses(self, relative: Tensor) -> Tensor:
        return self.pose(relative).unflatten(-1, (N_JOINTS - 1, 3))

    def forward_clip(self, relative: Tensor, absolute: Tensor) -> tuple[Tensor, Tensor]:
        """The same for whole clips, (B, T, 32) and (B, T, 34): T - window_frames + 1 outputs each."""
        pose = self.pose.forward_clip(relative).unflatten(-1, (N_JOINTS - 1, 3))
        return pose, self.root.forward_clip(absolute)
