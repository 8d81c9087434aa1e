"""The direction a person faces, an auxiliary task by which pose_resnet learns left from right sooner.

Heatmaps alone are slow to teach it. Mirroring makes left and right joints alike on average, so their heatmaps start out
equal, each with both peaks, and stay so for long: to part them, a network must combine where a joint is with which way
the person faces, and neither helps by itself. Where the left joints lie from the right ones can be read off the whole
person at once, and once the features tell that, the heatmaps follow. Training needs the head, the trained network does
not: it keeps the parameters of pose_resnet and no others.
"""

from torch import Tensor, nn

from pose3d.geometry.skeleton import LEFT_JOINTS, RIGHT_JOINTS
from pose3d.pose2d.network import PoseResNet

_UNIT_SHARE = 0.2
"""Offsets are measured in this share of the crop's side: about a person's width."""


class PoseResNetWithSides(nn.Module):
    """Images (B, 3, S, S) to heatmaps (B, 17, H, H) and the offsets from right joints to left ones (B, 6, 2).

    The offsets, in fifths of the crop's side, are a linear function of the mean of the ResNet's features.
    """

    def __init__(self, network: PoseResNet) -> None:
        super().__init__()
        self.network = network
        self.sides = nn.Linear(network.encoded_channels, 2 * len(LEFT_JOINTS))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.encode(images)
        heatmaps = self.network.final_layer(self.network.deconv_layers(features))
        return heatmaps, self.sides(features.mean((-2, -1))).unflatten(-1, (len(LEFT_JOINTS), 2))


def sides_loss(offsets: Tensor, keypoints_crop_px: Tensor, crop_size_px: int) -> Tensor:
    """Mean squared error of the offsets (B, 6, 2) against keypoints (B, 17, 2).

    Args:
        offsets: (B, 6, 2) from right joints to left ones, in fifths of the crop's side.
        keypoints_crop_px: (B, 17, 2).
        crop_size_px: side of the crops.
    """
    left, right = keypoints_crop_px[:, list(LEFT_JOINTS)], keypoints_crop_px[:, list(RIGHT_JOINTS)]
    return ((offsets - (left - right) / (_UNIT_SHARE * crop_size_px)) ** 2).mean()
