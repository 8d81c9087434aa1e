"""Temporal convolution over windows of 3^n frames (after Pavllo et al., CVPR 2019), and a recurrent alternative.

``frames_before`` and ``frames_after`` of every network are the frames that it needs around those with an output.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from pose3d.geometry.layouts import OURS
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.dense import LeakyReLU, Product, Trace, through
from pose3d.lifting.layout_view import pose_channels
from pose3d.lifting.networks import POSE_SIZE, ROOT_SIZE, Lifter
from pose3d.lifting.virtual_camera import MOTION_CHANNELS

_KERNEL = 3
_GRU_LAYERS = 2


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


class Convolution(Product, nn.Conv1d):  # type: ignore[misc]  # to torch its bias may be missing
    """torch's, on rows of as many frames as its kernel has: on short windows twice as fast as a convolution.

    Its weight is (out, in, kernel), but in memory as its matrix (out, kernel * in).
    """

    def __init__(self, channels: int, outputs: int, kernel: int) -> None:
        super().__init__(channels, outputs, kernel)
        matrix = self.weight.detach().transpose(1, 2).contiguous().view(outputs, kernel, channels)
        self.weight = nn.Parameter(matrix.transpose(1, 2))

    def matrix(self) -> Tensor:
        return self.weight.transpose(1, 2).flatten(1)

    def gradient(self, cotangents: Tensor, inputs: Tensor) -> Tensor:
        return super().gradient(cotangents, inputs).as_strided(self.weight.shape, self.weight.stride())


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
        causal: a window's output belongs to its last frame instead of its centre.
    """

    def __init__(self, channels: int, outputs: int, width: int, window_frames: int, causal: bool = False) -> None:
        super().__init__()
        levels = window_levels(window_frames)
        self.frames_after = 0 if causal else window_frames // 2
        self.frames_before = window_frames - 1 - self.frames_after
        self._kept = _KERNEL - 1 if causal else _KERNEL // 2  # which of three frames a residual connection goes past
        self._past = slice(self._kept * width, (self._kept + 1) * width)  # and where it is in a row of three
        self.first = Convolution(channels, width, _KERNEL)
        self.reduce = _convolutions(width, _KERNEL, levels - 1)
        self.mix = _convolutions(width, 1, levels - 1)
        self.last = Convolution(width, outputs, 1)
        self.activations = _leaky_relus(levels)  # behind every layer that reduces, and
        self.joints = _leaky_relus(levels - 1)  # where a residual connection joins

    def forward(self, windows: Tensor) -> Tensor:
        """(..., window_frames, channels) to (B, outputs), those of all B windows in one row."""
        return through(self, windows)

    def run(self, windows: Tensor, trace: Trace) -> Tensor:
        """The forward pass, as :mod:`pose3d.lifting.dense` has them."""
        x = self.activations[0].run(self.first.run(_triples(windows), trace), trace)
        for reduce, activation, mix, joint in self._levels():
            triples = _triples(x)
            x = mix.run(activation.run(reduce.run(triples, trace), trace), trace)
            x = self.join(triples[:, self._past], x, joint, trace)
        return self.last.run(x, trace)

    def pull(self, cotangents: Tensor, trace: Trace) -> Tensor:
        """The backward pass; to (B, window_frames * channels)."""
        of_x = self.last.pull(cotangents, trace)
        for reduce, activation, mix, joint in reversed(self._levels()):
            of_kept, of_mixed = self.part(of_x, joint, trace)
            of_triples = reduce.pull(activation.pull(mix.pull(of_mixed, trace), trace), trace)
            of_triples[:, self._past].add_(of_kept)
            of_x = of_triples.view(-1, reduce.in_channels)
        return self.first.pull(self.activations[0].pull(of_x, trace), trace)

    def join(self, kept: Tensor, mixed: Tensor, joint: LeakyReLU, trace: Trace) -> Tensor:
        """A block's output from the frames that skip its convolutions and from the convolutions' output."""
        return kept + joint.run(mixed, trace)

    def part(self, cotangents: Tensor, joint: LeakyReLU, trace: Trace) -> tuple[Tensor, Tensor]:
        """Of :meth:`join` what goes back to each."""
        return cotangents, joint.pull(cotangents, trace)

    def _levels(self) -> list[tuple[Convolution, LeakyReLU, Convolution, LeakyReLU]]:
        return list(zip(self.reduce, self.activations[1:], self.mix, self.joints, strict=True))

    def forward_runs(self, runs: Tensor) -> Tensor:
        """(B, T, channels) to (B, T - window_frames + 1, outputs): every whole window by itself, strided.

        The cheaper way for the short runs of training.
        """
        windows = runs.unfold(1, self.frames_before + 1 + self.frames_after, 1).transpose(2, 3)
        return self(windows).unflatten(0, windows.shape[:2])

    def forward_clip(self, clips: Tensor) -> Tensor:
        """The same with all windows at once, dilated: the cheaper way for clips."""
        x = functional.leaky_relu(self.first(clips.transpose(1, 2)))
        for level, (reduce, mix) in enumerate(zip(self.reduce, self.mix, strict=True), start=1):
            step = _KERNEL**level
            outputs = x.shape[-1] - (_KERNEL - 1) * step
            kept = x[..., self._kept * step :][..., :outputs]
            x = functional.leaky_relu(functional.conv1d(x, reduce.weight, reduce.bias, dilation=step))
            x = self.residual(kept, mix(x))
        return self.last(x).transpose(1, 2)

    def residual(self, kept: Tensor, mixed: Tensor) -> Tensor:
        """:meth:`join` of clips."""
        return kept + functional.leaky_relu(mixed)


def _convolutions(width: int, kernel: int, number: int) -> Iterable[Convolution]:
    layers = nn.ModuleList(Convolution(width, width, kernel) for _ in range(number))
    return cast(Iterable[Convolution], layers)  # torch types what is in it as any nn.Module


def _leaky_relus(number: int) -> Sequence[LeakyReLU]:
    return cast(Sequence[LeakyReLU], nn.ModuleList(LeakyReLU() for _ in range(number)))


def _triples(x: Tensor) -> Tensor:
    """Frames (..., C) of windows end to end to rows (N / 3, 3 C): three frames of one window in each."""
    return x.reshape(-1, _KERNEL * x.shape[-1])


class RecurrentNetwork(nn.Module):
    """Gated recurrent units from the past on; the state carries over the whole run or clip.

    The first ``window_frames - 1`` frames only warm the state up.

    Args:
        channels: numbers per input frame.
        outputs: numbers per output frame.
        width: features.
        window_frames: the frames that an output has seen at least.
    """

    frames_after = 0

    def __init__(self, channels: int, outputs: int, width: int, window_frames: int) -> None:
        super().__init__()
        self.frames_before = window_frames - 1
        self.first = nn.Linear(channels, width)
        self.recurrent = nn.GRU(width, width, _GRU_LAYERS, batch_first=True)
        self.last = nn.Linear(width, outputs)

    def forward_clip(self, clips: Tensor) -> Tensor:
        """(B, T, channels) to (B, T - window_frames + 1, outputs)."""
        encoded = functional.leaky_relu(self.first(clips))
        states, _ = self.recurrent(encoded)
        return self.last((encoded + states)[:, self.frames_before :])

    forward_runs = forward_clip


class TemporalLifter(Lifter):
    """The virtual camera's temporal generator: one network for the pose, a narrower one for the root.

    (B, T, C) features of whole clips or runs (see :func:`pose3d.lifting.layout_view.features_of`) to a pose
    (B, T - window_frames + 1, 16, 3) in metres and a root code (B, T - window_frames + 1, 3), see
    :func:`pose3d.lifting.virtual_camera.root_position`.

    Args:
        width: channels of the pose's network; the root's has half.
        window_frames: frames that one output sees, 3^n for the convolutions.
        network: one of :attr:`pose3d.config.lifting.TemporalParams.network`.
        layout: whose points it takes.
    """

    kind = "temporal"
    with_motion = True

    def __init__(self, width: int, window_frames: int, network: str, layout: str = OURS) -> None:
        super().__init__()
        kinds: dict[str, Callable[..., TemporalNetwork | RecurrentNetwork]] = {
            "convolution": TemporalNetwork,
            "causal_convolution": partial(TemporalNetwork, causal=True),
            "gru": RecurrentNetwork,
        }
        kind = kinds[network]
        self.layout = layout
        self.channels = pose_channels(layout) + MOTION_CHANNELS
        self.pose = kind(self.channels, POSE_SIZE, width, window_frames)
        self.root = kind(self.channels, ROOT_SIZE, width // 2, window_frames)
        self.frames_before, self.frames_after = self.pose.frames_before, self.pose.frames_after

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """For the short runs of training."""
        return self.poses(features), self.root.forward_runs(features)

    def poses(self, features: Tensor) -> Tensor:
        return self.pose.forward_runs(features).unflatten(-1, (N_JOINTS - 1, 3))

    def forward_clip(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The same numbers, for whole clips."""
        return self.pose.forward_clip(features).unflatten(-1, (N_JOINTS - 1, 3)), self.root.forward_clip(features)
