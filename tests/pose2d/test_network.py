import pytest
import torch

from pose3d.pose2d.network import PoseResNet


@pytest.mark.parametrize(
    "deconv_channels, size_px, size", [((8, 8, 8), 64, 16), ((8, 8), 64, 8), ((8, 8, 8), 96, 24), ((8, 8, 8), 384, 96)]
)
def test_each_deconvolution_doubles_a_32th_of_the_crop(deconv_channels, size_px, size):
    network = PoseResNet("resnet18", deconv_channels, stem_channels=4)
    assert network(torch.zeros(2, 3, size_px, size_px)).shape == (2, 17, size, size)


@pytest.mark.parametrize(
    "backbone, parameters_m",
    # torchvision's counts without fc: 11.69 - 0.51, 21.80 - 0.51, 25.56 - 2.05, 44.55 - 2.05, 60.19 - 2.05
    [("resnet18", 11.18), ("resnet34", 21.28), ("resnet50", 23.51), ("resnet101", 42.50), ("resnet152", 58.14)],
)
def test_backbones_have_the_published_number_of_parameters(backbone, parameters_m):
    with torch.device("meta"):
        network = PoseResNet(backbone, (256, 256, 256))
    head = sum(p.numel() for part in (network.deconv_layers, network.final_layer) for p in part.parameters())
    total = sum(p.numel() for p in network.parameters())
    assert (total - head) / 1e6 == pytest.approx(parameters_m, abs=0.01)


def test_parameters_are_named_as_in_the_released_checkpoints():
    with torch.device("meta"):
        names = PoseResNet("resnet101", (256, 256, 256)).state_dict()
    expected = {
        "conv1.weight": (64, 3, 7, 7),
        "bn1.running_mean": (64,),
        "layer1.0.conv1.weight": (64, 64, 1, 1),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer1.0.downsample.1.running_var": (256,),
        "layer3.22.conv3.weight": (1024, 256, 1, 1),
        "layer4.0.conv2.weight": (512, 512, 3, 3),
        "deconv_layers.0.weight": (2048, 256, 4, 4),
        "deconv_layers.1.weight": (256,),
        "deconv_layers.6.weight": (256, 256, 4, 4),
        "final_layer.weight": (17, 256, 1, 1),
        "final_layer.bias": (17,),
    }
    assert {name: tuple(names[name].shape) for name in expected} == expected
    assert not any(name.startswith("fc.") or name == "deconv_layers.0.bias" for name in names)
