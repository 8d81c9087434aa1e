"""Every form of checkpoint that train_2d.init takes, what becomes of its last layer, and every one it refuses."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from pose3d.config.pose2d import AugmentationParams, PoseResNetParams, StepSchedule, Train2DParams
from pose3d.lifting.lift import build_lifter
from pose3d.pose2d.network import PoseResNet
from pose3d.pose2d.pretrained import load_pretrained
from pose3d.pose2d.training import architecture, build_network
from pose3d.runtime.errors import InputError
from pose3d.training.model_file import save_model

SIZES = {"backbone": "resnet18", "stem_channels": 8, "deconv_channels": (8, 8, 8)}
COUNTER = "num_batches_tracked"


def params(path, **sizes) -> Train2DParams:
    """A file in any folder: test_config tests which folders are allowed."""
    still = AugmentationParams(flip=False, rotation_deg=0, scale=0, translation=0, color=0, occlusion=0, degradation=0)
    checked = Train2DParams(
        network=PoseResNetParams(kind="pose_resnet", **SIZES | sizes, left_right_weight=0),
        init=None,
        sigma_heatmap_px=1.5,
        frame_step=1,
        epochs=1,
        batch_size=4,
        lr=0.001,
        schedule=StepSchedule(kind="steps", after_epochs=(1,), factor=0.2),
        augmentation=still,
    )
    return checked.model_copy(update={"init": str(path)})


def small(joints=17, seed=1) -> dict[str, torch.Tensor]:
    """Weights of a trained network, none of them its start's."""
    torch.manual_seed(seed)
    network = PoseResNet(*(SIZES[name] for name in ("backbone", "deconv_channels", "stem_channels")))
    network.final_layer = nn.Conv2d(8, joints, 1)
    for value in network.state_dict().values():
        value.copy_(torch.randn(value.shape) if value.is_floating_point() else torch.tensor(1234))
    return network.state_dict()


def is_head(name):
    return name.startswith("final_layer.")


def start(path, **sizes) -> tuple[dict[str, torch.Tensor], PoseResNet, list[str]]:
    """Weights before, the network after, and the report."""
    chosen = params(path, **sizes)
    torch.manual_seed(2)
    network = PoseResNet(chosen.network.backbone, chosen.network.deconv_channels, chosen.network.stem_channels)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    return before, network, load_pretrained(network, chosen.init, chosen.network)


def check(path, weights, fate, fresh=is_head) -> None:
    """What is fresh is as it was before, all else equals the file's, and the report says the head's fate."""
    before, network, report = start(path)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name] if fresh(name) or name not in weights else weights[name]), name
    heads = [line for line in report if line.startswith("final_layer ")]
    assert len(heads) == 1 and fate in heads[0], report


def nothing(name):
    return False


def prefixed(weights):
    return OrderedDict((f"module.{name}", value) for name, value in weights.items())


def adam(weights):
    """State of an optimizer that has made a step."""
    parameters = [nn.Parameter(value.clone()) for value in weights.values() if value.is_floating_point()]
    optimizer = torch.optim.Adam(parameters, lr=2.5e-4)
    sum(parameter.sum() for parameter in parameters).backward()
    optimizer.step()
    return optimizer


def saved(path, content, legacy=False):
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


BOTH_FORMATS = pytest.mark.parametrize("legacy", [False, True], ids=["archive", "before PyTorch 1.6"])


@pytest.mark.parametrize("crop_size_px", [64, 256])
def test_our_own_model_is_taken_whole_whatever_its_crops(tmp_path, crop_size_px):
    weights = small()
    save_model(tmp_path / "pose2d.pt", architecture(params(None), crop_size_px), weights)
    check(tmp_path / "pose2d.pt", weights, "is taken over, because this project's", nothing)


@BOTH_FORMATS
def test_the_originals_checkpoint_is_taken_whole(tmp_path, legacy):
    weights = small()
    optimizer = adam(weights)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[5, 7], gamma=0.2)
    content = {
        "model": OrderedDict(weights),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "best_acc": np.float64(0.93),
    }
    path = saved(tmp_path / "pose_resnet_101_384x384.tar", content, legacy)
    check(path, weights, "is taken over, because the original's", nothing)
    content["model"] = prefixed(weights)
    check(saved(path, content), weights, "is taken over, because the original's", nothing)


@pytest.mark.parametrize(
    "beside", [{}, {"optimizer": {}}, {"optimizer": {}, "scheduler": {}, "best_acc": 1, "epoch": 3}]
)
def test_a_dict_under_model_with_fewer_or_other_things_beside_is_nobodys(tmp_path, beside):
    weights = small()
    path = saved(tmp_path / "a.pth", {"model": weights, **beside})
    check(path, weights, "starts fresh, because nothing says that its 17 outputs are Human3.6M's joints")


@BOTH_FORMATS
def test_two_dicts_of_the_same_tensors_are_one(tmp_path, legacy):
    """Trainers keep the best weights beside the last; on the first best step both are the same."""
    weights = small()
    content = {"state_dict": weights, "best_state_dict": dict(weights), "epoch": 1}
    check(saved(tmp_path / "a.pth", content, legacy), weights, "starts fresh, because nothing says")


@BOTH_FORMATS
@pytest.mark.parametrize(
    ("joints", "fate"),
    [
        (16, "starts fresh, because the file has final_layer.weight of shape (16, 8, 1, 1), not (17, 8, 1, 1)"),
        (17, "starts fresh, because nothing says that its 17 outputs are Human3.6M's joints: COCO has as many"),
    ],
)
def test_simple_baselines_checkpoints_start_with_a_fresh_head(tmp_path, legacy, joints, fate):
    weights = small(joints)
    path = tmp_path / "checkpoint.pth.tar"
    content = {
        "epoch": 140,
        "model": "pose_resnet_50",
        "state_dict": prefixed(weights),
        "perf": np.float64(88.5),
        "optimizer": adam(weights).state_dict(),
    }
    check(saved(path, content, legacy), weights, fate)
    check(saved(path, weights, legacy), weights, fate)
    check(saved(path, prefixed(weights), legacy), weights, fate)


@pytest.mark.parametrize("number", [np.float32(1.5), np.int64(3), np.bool_(True)])
def test_numpy_numbers_beside_are_no_obstacle(tmp_path, number):
    weights = small()
    check(saved(tmp_path / "a.pth.tar", {"state_dict": weights, "best": number}), weights, "starts fresh")


def test_numpy_numbers_as_numpy_1_wrote_them_are_no_obstacle(tmp_path):
    """It called its package numpy.core."""
    path = saved(tmp_path / "a.pth.tar", {"state_dict": small(), "best": np.float64(0.5)}, legacy=True)
    content = path.read_bytes()
    assert content.count(b"numpy._core.multiarray\n") == 1
    path.write_bytes(content.replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n"))
    check(path, small(), "starts fresh")


@BOTH_FORMATS
def test_an_imagenet_classifier_gives_its_backbone(tmp_path, legacy):
    def fresh(name):
        return name.startswith(("deconv_layers.", "final_layer."))

    weights = {name: value for name, value in small().items() if not fresh(name)}
    # The oldest have parameters for tensors, and no counters.
    file = {name: nn.Parameter(value, False) for name, value in weights.items() if not name.endswith(COUNTER)}
    file |= {"fc.weight": torch.zeros(10, 32), "fc.bias": torch.zeros(10)}
    path = saved(tmp_path / "resnet18-5c106cde.pth", OrderedDict(file), legacy)
    check(
        path, {name: file[name] for name in file if name in weights}, "starts fresh, because the file has none", fresh
    )
    _, _, report = start(path)
    assert report[0] == "the backbone is taken over; deconv_layers start fresh, because the file has none"
    assert report[1] == "fc, the classifier, is left out"


def test_half_precision_is_taken_over(tmp_path):
    weights = {name: value.half() if value.is_floating_point() else value for name, value in small().items()}
    check(
        saved(tmp_path / "a.pth", weights),
        {name: value.to(small()[name].dtype) for name, value in weights.items()},
        "starts fresh",
    )


def test_half_a_head_is_left_out(tmp_path):
    weights = small()
    del weights["final_layer.bias"]
    check(
        saved(tmp_path / "a.tar", {"model": weights}), weights, "starts fresh, because the file lacks final_layer.bias"
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


@pytest.mark.slow
def test_the_released_resnet101_is_taken_over_but_for_its_head(tmp_path):
    shapes = released_resnet101_shapes()
    weights = {name: torch.full(shape, float(number)) for number, (name, shape) in enumerate(shapes.items())}
    path = saved(tmp_path / "pose_resnet_101_384x384.pth.tar", weights)
    _, network, report = start(path, backbone="resnet101", stem_channels=64, deconv_channels=(256, 256, 256))
    assert report[0] == "backbone and deconv_layers are taken over"
    assert report[1].startswith("final_layer starts fresh, because the file has final_layer.weight of shape (16, ")
    loaded = {name: value for name, value in network.state_dict().items() if COUNTER not in name}
    assert set(loaded) == set(shapes)
    for name, value in loaded.items():
        if not is_head(name):
            assert value.shape == shapes[name] and bool((value == weights[name]).all()), name


def test_the_stage_prints_the_report(tmp_path, capsys):
    path = saved(tmp_path / "a.tar", {"model": small(), "optimizer": {}, "scheduler": {}, "best_acc": 0.9})
    network = build_network(params(path), Fabric(accelerator="cpu", devices=1))
    assert torch.equal(network.final_layer.bias, small()["final_layer.bias"])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{path}: backbone and deconv_layers are taken over",
        f"{path}: final_layer is taken over, because the original's checkpoints have Human3.6M's joints",
    ]


def test_of_several_processes_the_first_alone_prints_it(tmp_path, capsys, monkeypatch):
    path = saved(tmp_path / "a.tar", {"model": small(), "optimizer": {}, "scheduler": {}, "best_acc": 0.9})
    monkeypatch.setattr(Fabric, "is_global_zero", False)
    network = build_network(params(path), Fabric(accelerator="cpu", devices=1))
    assert torch.equal(network.final_layer.bias, small()["final_layer.bias"])
    assert capsys.readouterr().out == ""


def refused(path, match, **sizes):
    """One sentence, and the network is as it was."""
    chosen = params(path, **sizes)
    network = PoseResNet(chosen.network.backbone, chosen.network.deconv_channels, chosen.network.stem_channels)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(InputError, match=match) as caught:
        load_pretrained(network, chosen.init, chosen.network)
    sentence = str(caught.value)
    assert (
        sentence.isprintable() and str(path) in sentence and "train_2d" in sentence and "weights_only" not in sentence
    )
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda w: w.pop("layer2.0.conv1.weight"), "lacks layer2.0.conv1.weight"),
        (lambda w: w.pop("deconv_layers.3.weight"), "lacks deconv_layers.3.weight"),
        (lambda w: w.update({"bn1.weight": torch.zeros(7)}), r"has bn1.weight of shape \(7,\), not \(8,\)"),
        (lambda w: w.update({"layer5.0.conv1.weight": torch.zeros(7)}), "holds layer5.0.conv1.weight"),
        (lambda w: w.update({"deconv_layers.0.weight": torch.zeros(7)}), "has deconv_layers.0.weight"),
        (lambda w: w.update({"\x1b[31mred": torch.zeros(7)}), r"holds \\x1b\[31mred"),
        (lambda w: w["layer1.0.bn1.bias"].__setitem__(2, float("nan")), "layer1.0.bn1.bias is NaN or infinite"),
        (lambda w: w["bn1.running_var"].__setitem__(0, -float("inf")), "bn1.running_var is NaN or infinite"),
        (lambda w: w.update({"conv1.weight": w["conv1.weight"].double() * 1e300}), "conv1.weight is NaN or infinite"),
        (lambda w: w.update({"conv1.weight": w["conv1.weight"].cfloat()}), "conv1.weight in it is no array"),
        (lambda w: w.update({"epoch": 3}), "epoch in it is no array"),
    ],
)
def test_other_architectures_and_bad_weights_are_named(tmp_path, change, named):
    weights = small()
    change(weights)
    refused(saved(tmp_path / "other.pth", {"state_dict": prefixed(weights)}), named)


def test_nan_in_a_head_that_is_left_out_does_no_harm(tmp_path):
    weights = small()
    weights["final_layer.bias"][3] = float("nan")
    originals = {"model": weights, "optimizer": {}, "scheduler": {}, "best_acc": 0.9}
    refused(saved(tmp_path / "a.tar", originals), "final_layer.bias is NaN or infinite")
    check(saved(tmp_path / "a.tar", weights), weights, "starts fresh")


@pytest.mark.parametrize(
    ("sizes", "named"),
    [
        (
            {"backbone": "resnet34"},
            "has backbone resnet18, but train_2d.network.backbone is resnet34",
        ),
        ({"stem_channels": 16}, "has stem_channels 8, but train_2d.network.stem_channels is 16"),
        (
            {"deconv_channels": (8, 8)},
            r"has deconv_channels \[8, 8, 8\], but train_2d.network.deconv_channels is \(8, 8\)",
        ),
    ],
)
def test_our_own_model_of_other_sizes_is_named(tmp_path, sizes, named):
    save_model(tmp_path / "pose2d.pt", architecture(params(None), 64), small())
    refused(tmp_path / "pose2d.pt", named, **sizes)


def test_our_own_model_whose_weights_are_not_what_it_says(tmp_path):
    weights = small()
    del weights["layer4.0.conv1.weight"]
    save_model(tmp_path / "pose2d.pt", architecture(params(None), 64), weights)
    refused(tmp_path / "pose2d.pt", "lacks layer4.0.conv1.weight")


def test_other_networks_are_refused(tmp_path):
    sizes = {"lifter": "frame", "width": 16, "blocks": 1}
    save_model(tmp_path / "repnet.pt", sizes, build_lifter(sizes).state_dict())
    refused(tmp_path / "repnet.pt", "is a model file of kind frame, not of a pose_resnet")
    save_model(tmp_path / "pose2d.pt", {"model": "none, because the data set has no images"}, {})
    refused(tmp_path / "pose2d.pt", "is a model file of kind none, ")
    refused(saved(tmp_path / "repnet.tar", {"model_G": {"w1.weight": torch.zeros(3)}}), "model_G in it is no array")
    refused(saved(tmp_path / "vgg.pth", {"features.0.weight": torch.zeros(64, 3, 3, 3)}), "lacks conv1.weight")


class Trap:
    """What would run code if it were unpickled."""

    def __reduce__(self):
        return open, ("sprung", "w")


@BOTH_FORMATS
def test_whole_models_and_other_objects_are_refused_and_nothing_runs(tmp_path, monkeypatch, legacy):
    monkeypatch.chdir(tmp_path)
    refused(saved(tmp_path / "a.pth", PoseResNet("resnet18", (8, 8, 8), 4), legacy), "holds Python objects, .* no code")
    refused(
        saved(tmp_path / "a.pth", {"model": nn.Linear(2, 2)}, legacy), "holds Python objects, torch.nn.modules.linear"
    )
    refused(saved(tmp_path / "a.pth", {"state_dict": small(), "trap": Trap()}, legacy), "holds Python objects, .*open")
    array = {"state_dict": small(), "losses": np.zeros(3)}
    refused(saved(tmp_path / "a.pth", array, legacy), "holds Python objects, numpy")
    assert not (tmp_path / "sprung").exists()


def test_torchscript_is_refused(tmp_path):
    torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)).save(str(tmp_path / "a.pt"))
    refused(tmp_path / "a.pt", "is not a checkpoint, or damaged")


@pytest.mark.parametrize("content", [3, torch.zeros(2), [small()], {}, {"state_dict": {}}, {3: torch.zeros(2)}, None])
def test_no_state_dicts_are_refused(tmp_path, content):
    refused(saved(tmp_path / "a.pth", content), "not a state dict|holds no weights|is not a state dict")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"\x80\x02}.", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_files_that_are_no_checkpoint_are_refused(tmp_path, content):
    (tmp_path / "a.pth").write_bytes(content)
    refused(tmp_path / "a.pth", "is not a checkpoint, or damaged")


@BOTH_FORMATS
def test_a_cut_checkpoint_is_refused(tmp_path, legacy):
    content = saved(tmp_path / "a.pth", small(), legacy).read_bytes()
    for kept in (len(content) // 2, len(content) - 1):
        (tmp_path / "a.pth").write_bytes(content[:kept])
        refused(tmp_path / "a.pth", "is not a checkpoint, or damaged")


def test_missing_files_and_folders_are_refused(tmp_path):
    refused(tmp_path / "nowhere.pth", "train_2d.init names .*, which is missing")
    (tmp_path / "folder.pth").mkdir()
    refused(tmp_path / "folder.pth", "train_2d.init names .*, which is a folder")
