"""The last convolution to heatmaps, which keeps float32 where everything before it is of a lower precision."""

import torch
from torch import Tensor, nn

from pose3d.geometry.skeleton import N_JOINTS


class HeatmapLayer(nn.Conv2d):
    """Features (B, C, H, W) to heatmaps (B, 17, H, W) by a 1x1 convolution, in float32 under autocast as well.

    Rounded to bfloat16, heatmaps move what the marginal soft-argmax finds by up to half a heatmap px.

    Args:
        channels: of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, N_JOINTS, 1)

    def forward(self, features: Tensor) -> Tensor:
        device = features.device.type
        if not torch.is_autocast_enabled(device):
            return super().forward(features)
        with torch.autocast(device, enabled=False):
            return super().forward(features.float())
