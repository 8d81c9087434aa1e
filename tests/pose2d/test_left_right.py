"""The lesson on the side: values by hand, and why mirroring does not confuse it as it confuses heatmaps."""

import pytest
import torch

from pose3d.geometry.skeleton import LEFT_JOINTS, RIGHT_JOINTS, mirror_permutation
from pose3d.pose2d.left_right import PoseResNetWithSides, sides_loss
from pose3d.pose2d.network import PoseResNet

SIZE_PX = 100


def offsets(keypoints_px: torch.Tensor) -> torch.Tensor:
    """From right joints to left ones in fifths of the crop."""
    return (keypoints_px[:, list(LEFT_JOINTS)] - keypoints_px[:, list(RIGHT_JOINTS)]) / 20


def test_loss_is_the_mean_square_in_fifths_of_the_crop():
    keypoints = torch.zeros(1, 17, 2)
    keypoints[0, 4] = torch.tensor([40.0, 0.0])  # LHip two fifths to the right of RHip
    assert sides_loss(torch.zeros(1, 6, 2), keypoints, SIZE_PX).item() == pytest.approx(4 / 12)
    assert sides_loss(offsets(keypoints), keypoints, SIZE_PX).item() == 0


def test_mirror_images_face_the_same_way():
    """Across the image the offsets of a crop and of its mirror image are equal: a front view stays a front view."""
    keypoints = torch.rand(5, 17, 2, generator=torch.Generator().manual_seed(0)) * SIZE_PX
    mirrored = keypoints[:, torch.from_numpy(mirror_permutation())] * torch.tensor([-1.0, 1.0])
    mirrored[..., 0] += SIZE_PX
    torch.testing.assert_close(offsets(mirrored), offsets(keypoints) * torch.tensor([1.0, -1.0]))


def test_heatmaps_are_those_of_the_network_alone():
    network = PoseResNet("resnet18", (8, 8, 8), stem_channels=8).eval()
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    heatmaps, sides = PoseResNetWithSides(network).eval()(images)
    torch.testing.assert_close(heatmaps, network(images))
    assert sides.shape == (2, 6, 2)


def test_gradients_reach_the_resnet_but_not_the_deconvolutions():
    network = PoseResNet("resnet18", (8, 8, 8), stem_channels=8)
    _, sides = PoseResNetWithSides(network)(torch.randn(2, 3, 64, 64))
    sides_loss(sides, torch.rand(2, 17, 2) * 64, 64).backward()
    assert network.conv1.weight.grad.abs().sum() > 0
    assert network.final_layer.weight.grad is None
