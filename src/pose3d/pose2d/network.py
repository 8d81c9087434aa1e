"""pose_resnet: a ResNet, transposed convolutions, and one heatmap per joint.

Xiao, Wu and Wei, "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018, section 2. Parameters are named
as in torchvision's ResNets and in the released pose_resnet checkpoints, so that both load.
"""

from typing import TypeVar

import torch
from torch import Tensor, nn

from pose3d.pose2d.heatmap_layer import HeatmapLayer

Network = TypeVar("Network", bound=nn.Module)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a skip connection (He et al., CVPR 2016, figure 5 left).

    Args:
        in_channels: channels of the input.
        channels: channels of the output.
        stride: of the first convolution; 2 halves height and width.
    """

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, channels * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a skip (figure 5 right); the stride is on the 3x3, as in torchvision.

    Args:
        in_channels: channels of the input.
        channels: of the two inner convolutions; the output has :attr:`expansion` times as many.
        stride: 2 halves height and width.
    """

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, channels * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, channels * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))


_BACKBONES: dict[str, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, ...]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
    "resnet152": (Bottleneck, (3, 8, 36, 3)),
}


class PoseResNet(nn.Module):
    """Normalised RGB crops (B, 3, S, S) to heatmaps (B, 17, H, H), H = S / 32 * 2 ** len(deconv_channels).

    Args:
        backbone: resnet18, resnet34, resnet50, resnet101 or resnet152.
        deconv_channels: width of each 4x4 stride-2 transposed convolution; three of 256 in the paper.
        stem_channels: width of the first convolution and stage, which doubles at each further stage; 64 in the paper.
    """

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(self, backbone: str, deconv_channels: tuple[int, ...], stem_channels: int = 64) -> None:
        super().__init__()
        block, depths = _BACKBONES[backbone]
        self.conv1 = nn.Conv2d(3, stem_channels, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem_channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = stem_channels
        for number, depth in enumerate(depths, start=1):
            width = stem_channels * 2 ** (number - 1)
            blocks = []
            for index in range(depth):
                blocks.append(block(channels, width, stride=2 if number > 1 and index == 0 else 1))
                channels = width * block.expansion
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
        self.encoded_channels = channels
        layers = []
        for width in deconv_channels:
            layers += [
                nn.ConvTranspose2d(channels, width, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            channels = width
        self.deconv_layers = nn.Sequential(*layers)
        self.final_layer = HeatmapLayer(channels)
        self._initialise()

    def _initialise(self) -> None:
        if self.conv1.weight.is_meta:  # there is nothing to draw, and torch loads SymPy for it
            return
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.ConvTranspose2d):
                # Each output px sees 2x2 of the 4x4 taps, so that this is He et al.'s initialisation.
                nn.init.normal_(module.weight, std=(2 / (4 * module.in_channels)) ** 0.5)
        nn.init.normal_(self.final_layer.weight, std=0.001)  # heatmaps start at zero, as they mostly are
        nn.init.zeros_(self.final_layer.bias)  # type: ignore[arg-type]  # None without bias, which it has

    def encode(self, x: Tensor) -> Tensor:
        """The ResNet's features, (B, encoded_channels, S / 32, S / 32)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def forward(self, x: Tensor) -> Tensor:
        return self.final_layer(self.deconv_layers(self.encode(x)))


def channels_last(network: Network) -> Network:
    """The memory layout in which convolutions run fastest, on CPUs by a third."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack it
