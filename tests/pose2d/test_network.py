import pytest
import torch

from pose3d.errors import InputError
from pose3d.pose2d.network import PoseResNet, heatmap_size
from pose3d.pose2d.pretrained import load_pretrained


def small() -> PoseResNet:
    return PoseResNet("resnet18", (8, 8, 8), stem_channels=4)


@pytest.mark.parametrize("deconv_channels, size_px", [((8, 8, 8), 64), ((8, 8), 64), ((8, 8, 8), 96)])
def test_heatmaps_have_the_announced_size(deconv_channels, size_px):
    network = PoseResNet("resnet18", deconv_channels, stem_channels=4)
    size = heatmap_size(size_px, deconv_channels)
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


def save(path, weights):
    torch.save(weights, path)
    return path


def test_mpii_checkpoint_loads_but_for_its_final_layer(tmp_path):
    weights = small().state_dict()
    weights["final_layer.weight"], weights["final_layer.bias"] = torch.zeros(16, 8, 1, 1), torch.zeros(16)
    path = save(tmp_path / "mpii.pth.tar", {"state_dict": {f"module.{name}": value for name, value in weights.items()}})
    network = small()
    initial = network.final_layer.weight.clone()
    report = load_pretrained(network, path)
    assert len(report) == 2 and all(line.startswith("final_layer.") for line in report)
    assert torch.equal(network.final_layer.weight, initial)
    assert all(
        torch.equal(value, weights[name])
        for name, value in network.state_dict().items()
        if not name.startswith("final_layer.")
    )


def released_resnet101_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes in pose_resnet_101_384x384.pth.tar, spelt out and not taken from our code."""

    def norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
        return {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}

    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7)} | norm("bn1", 64)
    before = 64
    for layer, (blocks, width) in enumerate([(3, 64), (4, 128), (23, 256), (3, 512)], start=1):
        for block in range(blocks):
            name = f"layer{layer}.{block}"
            shapes[f"{name}.conv1.weight"] = (width, before, 1, 1)
            shapes[f"{name}.conv2.weight"] = (width, width, 3, 3)
            shapes[f"{name}.conv3.weight"] = (4 * width, width, 1, 1)
            shapes |= norm(f"{name}.bn1", width) | norm(f"{name}.bn2", width) | norm(f"{name}.bn3", 4 * width)
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = (4 * width, before, 1, 1)
                shapes |= norm(f"{name}.downsample.1", 4 * width)
            before = 4 * width
    for index, inputs in ((0, 2048), (3, 256), (6, 256)):
        shapes[f"deconv_layers.{index}.weight"] = (inputs, 256, 4, 4)
        shapes |= norm(f"deconv_layers.{index + 1}", 256)
    return shapes | {"final_layer.weight": (16, 256, 1, 1), "final_layer.bias": (16,)}


def test_the_released_resnet101_loads_whole_but_for_its_final_layer(tmp_path):
    shapes = released_resnet101_shapes()
    weights = {name: torch.full(shape, float(number)) for number, (name, shape) in enumerate(shapes.items())}
    network = PoseResNet("resnet101", (256, 256, 256))
    report = load_pretrained(network, save(tmp_path / "pose_resnet_101_384x384.pth.tar", weights))
    assert sorted(line.split(":")[0] for line in report) == ["final_layer.bias", "final_layer.weight"]
    loaded = {name: value for name, value in network.state_dict().items() if "num_batches_tracked" not in name}
    assert set(loaded) == set(shapes)
    for name, value in loaded.items():
        if not name.startswith("final_layer."):
            assert value.shape == shapes[name] and bool((value == weights[name]).all()), name


def test_imagenet_checkpoint_loads_but_for_its_head(tmp_path):
    weights = {k: v for k, v in small().state_dict().items() if not k.startswith(("deconv_layers.", "final_layer."))}
    weights = {k: v for k, v in weights.items() if not k.endswith("num_batches_tracked")}
    weights |= {"fc.weight": torch.zeros(10, 32), "fc.bias": torch.zeros(10)}
    network = small()
    report = load_pretrained(network, save(tmp_path / "resnet18.pth", weights))
    assert {line.split(".")[0] for line in report} == {"deconv_layers", "final_layer", "fc"}
    assert torch.equal(network.layer4[1].conv2.weight, weights["layer4.1.conv2.weight"])


@pytest.mark.parametrize(
    "change, named",
    [
        (lambda w: w.pop("layer2.0.conv1.weight"), "layer2.0.conv1.weight"),
        (lambda w: w.pop("deconv_layers.3.weight"), "deconv_layers.3.weight"),
        (lambda w: w.update({"bn1.weight": torch.zeros(7)}), "bn1.weight"),
        (lambda w: w.update({"layer5.0.conv1.weight": torch.zeros(7)}), "layer5.0.conv1.weight"),
        (lambda w: w.update({"deconv_layers.0.weight": torch.zeros(7)}), "deconv_layers.0.weight"),
    ],
)
def test_another_checkpoint_is_refused_by_key(tmp_path, change, named):
    weights = small().state_dict()
    change(weights)
    with pytest.raises(InputError, match=named):
        load_pretrained(small(), save(tmp_path / "other.pth", weights))


def test_missing_or_unreadable_checkpoint_is_refused(tmp_path):
    with pytest.raises(InputError, match="missing"):
        load_pretrained(small(), tmp_path / "nowhere.pth")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(InputError, match="text.pth"):
        load_pretrained(small(), tmp_path / "text.pth")
