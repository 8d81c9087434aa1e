import pytest
import torch
from torch import nn

from pose3d.pose2d.blazepose_network import BlazePoseHeatmaps
from pose3d.pose2d.heatmap_layer import HeatmapLayer
from pose3d.pose2d.heatmaps import gaussian_targets, marginal_soft_argmax
from pose3d.pose2d.network import PoseResNet


def layer_of_one_feature_per_joint() -> HeatmapLayer:
    """Adds two features up for each joint."""
    layer = HeatmapLayer(34)
    nn.init.zeros_(layer.bias)
    layer.weight.data = torch.cat([torch.eye(17), torch.eye(17)], 1)[..., None, None]
    return layer


def test_under_autocast_a_marginal_soft_argmax_finds_the_same():
    """The features are exact in bfloat16 and their sums, the heatmaps, are not."""
    generator = torch.Generator().manual_seed(0)
    keypoints = 6 + 52 * torch.rand(20, 17, 2, generator=generator)
    targets, _ = gaussian_targets(keypoints, 64, 2.0)
    coarse = targets.bfloat16()
    features = torch.cat([coarse, (targets - coarse.float()).bfloat16()], 1)
    layer = layer_of_one_feature_per_joint()
    expected = layer(features.float())
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(features)
    assert found.dtype == torch.float32 and torch.equal(found, expected)
    assert (marginal_soft_argmax(found) - marginal_soft_argmax(targets)).abs().max() < 0.01
    # What is lost where the heatmaps themselves are rounded:
    assert (marginal_soft_argmax(found.bfloat16()) - marginal_soft_argmax(targets)).abs().max() > 0.3


@pytest.mark.parametrize(
    "network", [lambda: PoseResNet("resnet18", (8, 8), stem_channels=8), BlazePoseHeatmaps], ids=["resnet", "blazepose"]
)
def test_both_networks_give_float32_under_autocast(network):
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert network().eval()(torch.zeros(1, 3, 64, 64)).dtype == torch.float32
