"""BlazePose's trunk with a head for the 17 joints' heatmaps, which is trained on crops as pose_resnet is.

The trunk is that of Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking", CV4ARVR 2020, as MediaPipe
0.10 has it (pose_landmark_full.tflite): inverted residuals (Sandler et al., "MobileNetV2", CVPR 2018), and features of
four sizes added up. Its weights have seen real people. Written out here, the network needs no file of another format
once it is trained; and convolutions alone take crops of any size, where the file takes 256 px.
"""

import os
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pose3d.pose2d.batches import IMAGE_MEAN, IMAGE_STD
from pose3d.pose2d.convolution_relu6 import ConvolutionReLU6
from pose3d.pose2d.heatmap_layer import HeatmapLayer
from pose3d.pose2d.tflite_network import Convolution, load_tflite
from pose3d.runtime.errors import InputError

STRIDE_PX = 32
"""The side of a crop is a multiple of it."""
_HEATMAPS = "Identity_3"
_STAGES: tuple[tuple[tuple[int, int, int, int], ...], ...] = (
    ((64, 24, 3, 2), (144, 24, 3, 1)),
    ((144, 32, 5, 2), (192, 32, 5, 1)),
    ((192, 64, 3, 2), (384, 64, 3, 1), (384, 64, 3, 1), (384, 88, 5, 1), (528, 88, 5, 1), (528, 88, 5, 1)),
    ((528, 144, 5, 2), (864, 144, 5, 1), (864, 144, 5, 1), (864, 144, 5, 1)),
)
"""Blocks at a 4th, an 8th, a 16th and a 32nd of the crop: inner channels, channels, kernel, stride."""
_STEM, _DEEP, _MERGED = 16, 864, 48
_HEAD = (128, 96, 64, 64)
"""Channels of the head at a 32nd, a 16th, an 8th and a 4th of the crop."""


def _convolution(channels: int, width: int, kernel: int = 1, stride: int = 1) -> nn.Sequential:
    return ConvolutionReLU6(nn.Conv2d(channels, width, kernel, stride, kernel // 2))


def _by_channel(channels: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return ConvolutionReLU6(nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels))


class InvertedResidual(nn.Module):
    """More channels, a convolution by channel, fewer channels, and a skip where the shape stays (MobileNetV2, fig. 3).

    Args:
        channels: of the input.
        inner: channels between.
        width: channels of the output.
        kernel: of the convolution by channel.
        stride: of the same; 2 halves height and width.
    """

    def __init__(self, channels: int, inner: int, width: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.expand = _convolution(channels, inner)
        self.by_channel = _by_channel(inner, kernel, stride)
        self.project = nn.Conv2d(inner, width, 1)
        self.skips = stride == 1 and channels == width

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.by_channel(self.expand(x)))
        return x + y if self.skips else y


class BlazePoseTrunk(nn.Module):
    """RGB crops (B, 3, S, S) in [0, 1] to features at a 4th, an 8th, a 16th and a 32nd of S.

    The finest are those from which BlazePose reads its own heatmaps, (B, 48, S / 4, S / 4), then come those of the
    stages, (B, 32, ...) and (B, 88, ...), and the deepest, (B, 864, S / 32, S / 32).
    """

    channels = (_MERGED, 32, 88, _DEEP)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_convolution(3, 24, 3, 2), _by_channel(24), nn.Conv2d(24, _STEM, 1))
        self.stages, self.laterals = nn.ModuleList(), nn.ModuleList()
        channels = _STEM
        for stage in _STAGES:
            blocks = []
            for inner, width, kernel, stride in stage:
                blocks.append(InvertedResidual(channels, inner, width, kernel, stride))
                channels = width
            self.stages.append(nn.Sequential(*blocks))
            if len(self.stages) < len(_STAGES):
                self.laterals.append(nn.Sequential(_by_channel(channels), _convolution(channels, _MERGED)))
        self.deep = nn.Sequential(_convolution(channels, _DEEP), _by_channel(_DEEP))
        self.top = nn.Sequential(_by_channel(_DEEP), _convolution(_DEEP, _MERGED))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        x, of_stages = self.stem(images), []
        for stage in self.stages:
            x = stage(x)
            of_stages.append(x)
        deep = self.deep(x)
        merged = self.top(deep)
        for lateral, features in reversed(list(zip(self.laterals, of_stages, strict=False))):
            merged = _doubled(merged) + lateral(features)
        return merged, *of_stages[1:3], deep

    def convolutions(self) -> Iterator[nn.Conv2d]:
        """All of them in the file's order: a stage's lateral ones come after the next one's first."""
        yield from _convolutions(self.stem)
        yield from _convolutions(self.stages[0])
        for lateral, stage in zip(self.laterals, self.stages[1:], strict=True):
            first, *others = _convolutions(stage)
            yield from (first, *_convolutions(lateral), *others)
        yield from (*_convolutions(self.deep), *_convolutions(self.top))


def _convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [part for part in module.modules() if isinstance(part, nn.Conv2d)]


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class _Repeated(torch.autograd.Function):
    """Every px (B, C, H, W) as 2 x 2 px; torch's own gradient, the sum of these, takes three times as long on a CPU."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return F.avg_pool2d(gradient, 2, divisor_override=1)


class HeatmapHead(nn.Module):
    """The trunk's features, from the deepest on, to heatmaps (B, 17, S / 4, S / 4)."""

    def __init__(self) -> None:
        super().__init__()
        channels = 0
        self.layers = nn.ModuleList()
        for width, of_trunk in zip(_HEAD, reversed(BlazePoseTrunk.channels), strict=True):
            # The deepest features are many, and already at hand from all of the crop.
            kernel = 3 if channels else 1
            convolution = nn.Conv2d(channels + of_trunk, width, kernel, padding=kernel // 2, bias=False)
            if not convolution.weight.is_meta:  # where there is nothing to draw, and torch loads SymPy for it
                nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            self.layers.append(nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)))
            channels = width
        self.final_layer = HeatmapLayer(channels)
        if not self.final_layer.weight.is_meta:
            nn.init.normal_(self.final_layer.weight, std=0.001)  # heatmaps start at zero, as they mostly are
        nn.init.zeros_(self.final_layer.bias)  # type: ignore[arg-type]  # None without bias, which it has

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        *finer, deep = features
        x = self.layers[0](deep)
        for layer, of_trunk in zip(self.layers[1:], reversed(finer), strict=True):
            # Convolutions follow, so that values between need no interpolation, whose gradient takes long.
            doubled = _Repeated.apply(x) if x.requires_grad else F.interpolate(x, scale_factor=2)
            x = layer(torch.cat([doubled, of_trunk.to(x.dtype)], dim=1))
        return self.final_layer(x)


class BlazePoseHeatmaps(nn.Module):
    """Normalised RGB crops (B, 3, S, S), as pose_resnet takes them, to heatmaps (B, 17, S / 4, S / 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = BlazePoseTrunk()
        self.head = HeatmapHead()

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """What the head reads, see :class:`BlazePoseTrunk`."""
        mean, std = (images.new_tensor(values)[:, None, None] for values in (IMAGE_MEAN, IMAGE_STD))
        return self.trunk(torch.addcmul(mean, images, std))  # in one pass, of as many px the dearest there is

    def freeze(self, trainable: str) -> None:
        """Leave the trunk as it is, or all but its last two stages and what follows (last_blocks), or nothing (all).

        Args:
            trainable: head, last_blocks or all.
        """
        self.trunk.requires_grad_(trainable == "all")
        if trainable == "last_blocks":
            for part in (*self.trunk.stages[2:], self.trunk.deep, self.trunk.top, self.trunk.laterals[2]):
                part.requires_grad_(True)

    @torch.no_grad()
    def round_to_half(self) -> None:
        """Round the convolutions' weights to those of half precision, in which the file had them and ours has them."""
        for convolution in _convolutions(self):
            convolution.weight.copy_(convolution.weight.half())

    def stored_weights(self) -> dict[str, Tensor]:
        """For the model file, convolutions' weights in half precision: :meth:`round_to_half` comes first."""
        return {name: value.half() if value.ndim == 4 else value for name, value in self.state_dict().items()}


def load_trunk(trunk: BlazePoseTrunk, path: str | os.PathLike) -> None:
    """Copy the weights of MediaPipe's file into the trunk.

    Raises:
        InputError: the file is missing, damaged, or another network's.
    """
    layers = load_tflite(path, (_HEATMAPS,)).layers.values()
    *given, _ = [layer for layer in layers if isinstance(layer, Convolution)]  # the last gives BlazePose's own heatmaps
    own = list(trunk.convolutions())
    if [layer.weight.shape for layer in given] != [layer.weight.shape for layer in own]:
        raise InputError(f"{path} is not BlazePose's full network for landmarks: fetch it again with stage download")
    for mine, theirs in zip(own, given, strict=True):
        mine.load_state_dict(theirs.state_dict())
