"""Temporal convolution over windows of 3^n frames (Pavllo et al., CVPR 2019, in the original's smaller form)."""

from torch import Tensor, nn
from torch.nn import functional

from pose3d.lifting.networks import POSE_SIZE
from pose3d.lifting.virtual_camera import MOTION_CHANNELS, POSE_CHANNELS
from pose3d.skeleton import N_JOINTS

_KERNEL = 3


def window_levels(window_frames: int) -> int:
    """n with 3^n frames in a window.

    Raises:
        ValueError: not a power of three from 3 on.
    """
    levels, frames = 0, 1
    while frames < window_frames:
        levels, frames = levels + 1, frames * _KERNEL
    if frames != window_frames or levels < 1:
        raise ValueError(f"a temporal window has 3, 9, 27, 81, 243, ... frames, not {window_frames}")
    return levels


class TemporalNetwork(nn.Module):
    """Frames to one output per window.

    A window is reduced threefold at every level, so that training on single windows computes nothing twice. The same
    weights dilated instead of strided (:meth:`forward_clip`) give every frame of a clip in one pass, and the same
    numbers.

    Args:
        channels: numbers per input frame.
        outputs: numbers per output frame.
        width: features.
        window_frames: 3^n.
    """

    def __init__(self, channels: int, outputs: int, width: int, window_frames: int) -> None:
        super().__init__()
        levels = window_levels(window_frames)
        self.window_frames = window_frames
        self.first = nn.Conv1d(channels, width, _KERNEL)
        self.reduce = nn.ModuleList(nn.Conv1d(width, width, _KERNEL) for _ in range(levels - 1))
        self.mix = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(levels - 1))
        self.last = nn.Conv1d(width, outputs, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """(B, window_frames, channels) to (B, outputs), for the centre frame."""
        x = functional.leaky_relu(_reduce_threefold(self.first, windows))
        for reduce, mix in zip(self.reduce, self.mix, strict=True):
            centre = x[:, 1::_KERNEL]
            x = functional.leaky_relu(_reduce_threefold(reduce, x))
            x = centre + functional.leaky_relu(functional.linear(x, mix.weight.squeeze(-1), mix.bias))
        return functional.linear(x.squeeze(1), self.last.weight.squeeze(-1), self.last.bias)

    def forward_clip(self, clips: Tensor) -> Tensor:
        """(B, T, channels) to (B, T - window_frames + 1, outputs): every whole window of the clip."""
        x = functional.leaky_relu(self.first(clips.transpose(1, 2)))
        for level, (reduce, mix) in enumerate(zip(self.reduce, self.mix, strict=True), start=1):
            step = _KERNEL**level
            centre = x[..., step:-step]
            x = functional.leaky_relu(functional.conv1d(x, reduce.weight, reduce.bias, dilation=step))
            x = centre + functional.leaky_relu(mix(x))
        return self.last(x).transpose(1, 2)


def _reduce_threefold(layer: nn.Conv1d, x: Tensor) -> Tensor:
    """The layer with stride 3 on (B, T, C), as a matrix product: on short windows twice as fast as a convolution."""
    triples = x.unflatten(1, (-1, _KERNEL)).flatten(2)
    return functional.linear(triples, layer.weight.transpose(1, 2).flatten(1), layer.bias)


class TemporalLifter(nn.Module):
    """The virtual camera's temporal generator.

    (B, T, 35) features of whole clips or runs to a pose (B, T - window_frames + 1, 16, 3) in metres and the logarithm
    of the root distance's correction (B, T - window_frames + 1).
    """

    def __init__(self, width: int, window_frames: int) -> None:
        super().__init__()
        self.window_frames = window_frames
        self.network = TemporalNetwork(POSE_CHANNELS + MOTION_CHANNELS, POSE_SIZE + 1, width, window_frames)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Every window by itself, strided: the cheaper way for the short runs of training."""
        windows = features.unfold(1, self.window_frames, 1).transpose(2, 3)
        return self._split(self.network(windows.flatten(0, 1)).unflatten(0, windows.shape[:2]))

    def forward_clip(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """All windows at once, dilated: the cheaper way for clips."""
        return self._split(self.network.forward_clip(features))

    @staticmethod
    def _split(output: Tensor) -> tuple[Tensor, Tensor]:
        return output[..., :POSE_SIZE].unflatten(-1, (N_JOINTS - 1, 3)), output[..., POSE_SIZE]


class OriginalTemporal(nn.Module):
    """The original's two networks: root-relative pose (B, 16, 3) and root in camera space (B, 3), centre frame."""

    def __init__(self, width: int, window_frames: int) -> None:
        super().__init__()
        self.window_frames = window_frames
        self.pose = TemporalNetwork(2 * (N_JOINTS - 1), POSE_SIZE, width, window_frames)
        self.root = TemporalNetwork(2 * N_JOINTS, 3, width, window_frames)

    def forward(self, relative: Tensor, absolute: Tensor) -> tuple[Tensor, Tensor]:
        """(B, window_frames, 32) and (B, window_frames, 34) normalised image coordinates."""
        return self.pose(relative).unflatten(-1, (N_JOINTS - 1, 3)), self.root(absolute)

    def forward_clip(self, relative: Tensor, absolute: Tensor) -> tuple[Tensor, Tensor]:
        """The same for whole clips, (B, T, 32) and (B, T, 34): T - window_frames + 1 outputs each."""
        pose = self.pose.forward_clip(relative).unflatten(-1, (N_JOINTS - 1, 3))
        return pose, self.root.forward_clip(absolute)
