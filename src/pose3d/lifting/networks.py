"""The virtual camera's single-frame generator, and what all lifters have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor, nn

from pose3d.geometry.layouts import OURS
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.dense import LeakyReLU, Linear, ResidualBlock, Sequential, through
from pose3d.lifting.layout_view import pose_channels

if TYPE_CHECKING:
    from pose3d.lifting.landmark_head import LandmarkHead
    from pose3d.lifting.spread import Spread

POSE_SIZE = 3 * (N_JOINTS - 1)
ROOT_SIZE = 3

Forward = Callable[..., tuple[Tensor, Tensor]]
"""A generator's forward pass: features to poses, and to cameras or roots. Its ``poses`` gives the first alone."""


class Lifter(nn.Module):
    """Interface of a generator, of torch or of onnxruntime, for lifting clips.

    Attributes:
        kind: name of its architecture in model files.
        frames_before, frames_after: frames that it needs around those with an output.
        layout: whose points it takes, a name of :data:`pose3d.geometry.layouts.LAYOUTS`.
        with_motion: whether its features include the motion since the frame before, see
            :func:`pose3d.lifting.virtual_camera.lifter_features`.
        forward_clip: whole clips to poses and root codes or roots.
        poses: the poses of its forward pass alone, for training.
        channels: numbers of one frame that it takes, of the virtual camera's.
        spread: how far off its joints may be; None: its file does not say.
        landmarks: where its layout's own points are; None: its file does not say, or there are none.
    """

    kind: str
    layout: str = OURS
    frames_before: int
    frames_after: int
    with_motion: bool
    forward_clip: Callable[..., tuple[Tensor, Tensor]]
    poses: Callable[[Tensor], Tensor]
    channels: int

    def __init__(self) -> None:
        super().__init__()
        self.spread: Spread | None = None
        self.landmarks: LandmarkHead | None = None


class FrameLifter(Lifter):
    """The virtual camera's single-frame generator: one network for the pose, a narrower one for the root.

    It is a window of one frame: (B, T, C) features of a layout, see
    :func:`pose3d.lifting.layout_view.features_of`, to a pose (B, T, 16, 3) in metres and a root code (B, T, 3), see
    :func:`pose3d.lifting.virtual_camera.root_position`, each frame by itself.
    """

    kind = "frame"
    frames_before = frames_after = 0
    with_motion = False

    def __init__(self, width: int, blocks: int, layout: str = OURS) -> None:
        super().__init__()
        self.layout = layout
        self.channels = pose_channels(layout)
        self.pose = _frame_network(self.channels, width, blocks, POSE_SIZE)
        self.root = _frame_network(self.channels, width // 2, blocks, ROOT_SIZE)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.poses(features), _by_frame(self.root, features)

    def poses(self, features: Tensor) -> Tensor:
        return _by_frame(self.pose, features).unflatten(-1, (N_JOINTS - 1, 3))

    def forward_clip(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self(features)


def _by_frame(network: Sequential, features: Tensor) -> Tensor:
    return through(network, features.flatten(0, -2)).unflatten(0, features.shape[:-1])


def _frame_network(channels: int, width: int, blocks: int, outputs: int) -> Sequential:
    return Sequential(
        Linear(channels, width),
        LeakyReLU(),
        *(ResidualBlock(width) for _ in range(blocks)),
        Linear(width, outputs),
    )
