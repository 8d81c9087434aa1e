"""Every form of checkpoint that repnet.init and temporal.init take, and every one they refuse."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from pose3d.lifting.lift import build_lifter
from pose3d.lifting.starting_weights import load_starting_weights
from pose3d.runtime.errors import InputError
from pose3d.training.model_file import save_model

FRAME = {"lifter": "frame", "width": 16, "blocks": 2}
TEMPORAL = {"lifter": "temporal", "width": 16, "window_frames": 9, "network": "convolution"}
ORIGINAL_FRAME = {"lifter": "original_repnet", "width": 12}
ORIGINAL_TEMPORAL = {"lifter": "original_video_gan", "width": 12, "window_frames": 27}
ALL = [FRAME, TEMPORAL, ORIGINAL_FRAME, ORIGINAL_TEMPORAL]


def block(architecture):
    return "temporal" if "window_frames" in architecture else "repnet"


class OriginalBlock(nn.Module):
    """The original's residual block, by its parameters' names."""

    def __init__(self, width):
        super().__init__()
        self.w1, self.w2 = nn.Linear(width, width), nn.Linear(width, width)


class OriginalGenerator(nn.Module):
    """The original's single-frame generator, by its parameters' names and as its description has it."""

    def __init__(self, width):
        super().__init__()
        self.w1, self.linear_stage = nn.Linear(32, width), OriginalBlock(width)
        self.pose3d_stages1, self.pose3d_stages2 = OriginalBlock(width), OriginalBlock(width)
        self.w21, self.w22 = nn.Linear(width, width), nn.Linear(width, 48)
        self.camera_stages1, self.camera_stages2 = OriginalBlock(width), OriginalBlock(width)
        self.w3 = nn.Linear(width, 6)


class OriginalConvolutions(nn.Module):
    """One of the original's two temporal networks, likewise: frames in threes to one, 27 to 9 to 3 to 1."""

    def __init__(self, inputs, outputs, width):
        super().__init__()
        self.w1 = nn.Conv1d(inputs, width, 3, stride=3)
        self.w21, self.w22 = nn.Conv1d(width, width, 3, stride=3), nn.Conv1d(width, width, 1)
        self.w31, self.w32 = nn.Conv1d(width, width, 3), nn.Conv1d(width, width, 1)
        self.w4 = nn.Conv1d(width, outputs, 1)


def original_checkpoint(kind, width=12):
    """What the original's trainers save, numbers of NumPy and an optimizer's state included."""
    torch.manual_seed(3)
    if kind == "original_repnet":
        networks = {"model_G": OriginalGenerator(width)}
    else:
        networks = {
            "model_G_root": OriginalConvolutions(34, 3, width),
            "model_G_pose": OriginalConvolutions(32, 48, width),
        }
    critic = nn.Linear(48, 1)
    optimizer = torch.optim.Adam(critic.parameters(), betas=(0.5, 0.9))
    critic(torch.ones(1, 48)).sum().backward()
    optimizer.step()
    return {
        **{name: network.state_dict() for name, network in networks.items()},
        "model_D": critic.state_dict(),
        "optimizer_G": optimizer.state_dict(),
        "optimizer_D": optimizer.state_dict(),
        "iteration": 500,
        "best_error": np.float64(76.5),
    }


def saved(path, content, legacy=False):
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def trained(architecture, seed=1):
    torch.manual_seed(seed)
    return build_lifter(architecture)


def start(path, architecture):
    lifter = trained(architecture, seed=2)
    return lifter, load_starting_weights(lifter, architecture, str(path), block(architecture))


@pytest.mark.parametrize("architecture", ALL, ids=lambda a: a["lifter"])
def test_our_own_model_is_taken_whole(tmp_path, architecture):
    weights = trained(architecture).state_dict()
    save_model(tmp_path / "model.pt", architecture, weights)
    lifter, report = start(tmp_path / "model.pt", architecture)
    assert all(torch.equal(value, weights[name]) for name, value in lifter.state_dict().items())
    assert report == [
        "the lifter is taken over whole, its input and output layers too, because this project's model files have its "
        "joints",
        "the critic starts fresh",
    ]


@pytest.mark.parametrize("architecture", ALL, ids=lambda a: a["lifter"])
def test_a_released_model_is_taken_in_single_precision(tmp_path, architecture):
    weights = {name: w.half() if w.ndim > 1 else w for name, w in trained(architecture).state_dict().items()}
    save_model(tmp_path / "model.pt", architecture, weights)
    lifter, _ = start(tmp_path / "model.pt", architecture)
    for name, value in lifter.state_dict().items():
        assert value.dtype == trained(architecture).state_dict()[name].dtype and torch.equal(
            value, weights[name].to(value)
        )


BOTH_FORMATS = pytest.mark.parametrize("legacy", [False, True], ids=["archive", "before PyTorch 1.6"])


@BOTH_FORMATS
def test_the_originals_single_frame_generator_is_taken_whole(tmp_path, legacy):
    content = original_checkpoint("original_repnet")
    lifter, report = start(saved(tmp_path / "repnet_resnet.tar", content, legacy), ORIGINAL_FRAME)
    assert "taken over whole" in report[0] and "because the original's checkpoints have Human3.6M's joints" in report[0]
    given = content["model_G"]
    layers = {"w1": "shared.0", "w21": "pose.2", "w22": "pose.4", "w3": "camera.2"}
    blocks = {
        "linear_stage": "shared.2",
        "pose3d_stages1": "pose.0",
        "pose3d_stages2": "pose.1",
        "camera_stages1": "camera.0",
        "camera_stages2": "camera.1",
    }
    for theirs, ours in blocks.items():
        layers |= {f"{theirs}.w1": f"{ours}.layers.0", f"{theirs}.w2": f"{ours}.layers.2"}
    assert sorted(given) == sorted(f"{name}.{part}" for name in layers for part in ("weight", "bias"))
    weights = lifter.state_dict()
    for theirs, ours in layers.items():
        for part in ("weight", "bias"):
            assert torch.equal(weights.pop(f"{ours}.{part}"), given[f"{theirs}.{part}"]), theirs
    assert not weights


@BOTH_FORMATS
def test_the_originals_temporal_generators_are_taken_whole(tmp_path, legacy):
    content = original_checkpoint("original_video_gan")
    content["model_G_pose"] = OrderedDict((f"module.{name}", w) for name, w in content["model_G_pose"].items())
    lifter, report = start(saved(tmp_path / "video_absolute_resnet.tar", content, legacy), ORIGINAL_TEMPORAL)
    assert "taken over whole" in report[0] and "because the original's checkpoints have Human3.6M's joints" in report[0]
    layers = {"w1": "first", "w21": "reduce.0", "w22": "mix.0", "w31": "reduce.1", "w32": "mix.1", "w4": "last"}
    weights = lifter.state_dict()
    for network, prefix in (("pose", "module."), ("root", "")):
        given = content[f"model_G_{network}"]
        assert sorted(given) == sorted(f"{prefix}{name}.{part}" for name in layers for part in ("weight", "bias"))
        for theirs, ours in layers.items():
            for part in ("weight", "bias"):
                taken = weights.pop(f"{network}.{ours}.{part}")
                assert torch.equal(taken, given[f"{prefix}{theirs}.{part}"]), (network, theirs)
    assert not weights


def refused(path, architecture, match):
    """One sentence, and the lifter is as it was."""
    lifter = trained(architecture)
    before = {name: value.clone() for name, value in lifter.state_dict().items()}
    with pytest.raises(InputError, match=match) as caught:
        load_starting_weights(lifter, architecture, str(path), block(architecture))
    assert str(caught.value).isprintable() and str(path) in str(caught.value)
    assert all(torch.equal(value, before[name]) for name, value in lifter.state_dict().items())


@pytest.mark.parametrize("given", ALL, ids=lambda a: a["lifter"])
@pytest.mark.parametrize("wanted", ALL, ids=lambda a: f"in {a['lifter']}")
def test_other_kinds_of_our_own_are_refused(tmp_path, given, wanted):
    save_model(tmp_path / "model.pt", given, trained(given).state_dict())
    if given != wanted:
        refused(
            tmp_path / "model.pt", wanted, rf"holds the .* lifter, but .* check {block(wanted)}\.init and lifting\.form"
        )


@pytest.mark.parametrize("kind", ["original_repnet", "original_video_gan"])
@pytest.mark.parametrize("wanted", ALL, ids=lambda a: f"in {a['lifter']}")
def test_the_originals_are_for_its_own_formulation_and_kind(tmp_path, kind, wanted):
    path = saved(tmp_path / "a.tar", original_checkpoint(kind))
    if kind != wanted["lifter"]:
        refused(
            path, wanted, r"holds the original's .*, but this run trains .*: check .*\.init and lifting\.formulation"
        )


def test_other_sizes_are_named(tmp_path):
    path = tmp_path / "a.pt"
    save_model(path, FRAME, trained(FRAME).state_dict())
    refused(path, FRAME | {"width": 8}, r"has width 16, but repnet\.width is 8: make them equal")
    refused(path, FRAME | {"blocks": 1}, r"has blocks 2, but repnet\.blocks is 1")
    save_model(path, TEMPORAL, trained(TEMPORAL).state_dict())
    refused(path, TEMPORAL | {"network": "gru"}, r"has network convolution, but temporal\.network is gru")
    refused(path, TEMPORAL | {"window_frames": 3}, r"has window_frames 9, but temporal\.window_frames is 3")
    saved(path, original_checkpoint("original_repnet"))
    refused(path, ORIGINAL_FRAME | {"width": 8}, r"has model_G\.w1\.weight of shape \(12, 32\), not \(8, 32\)")
    saved(path, original_checkpoint("original_video_gan"))
    refused(path, ORIGINAL_TEMPORAL | {"width": 8}, r"has model_G_pose\.w1\.weight of shape \(12, 32, 3\)")
    refused(path, ORIGINAL_TEMPORAL | {"window_frames": 9}, r"has windows of 27 frames, .*temporal\.window_frames is 9")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda g: g.pop("pose3d_stages1.w2.bias"), r"lacks model_G\.pose3d_stages1\.w2\.bias"),
        (lambda g: g.update({"w4.bias": torch.zeros(3)}), r"holds model_G\.w4\.bias"),
        (lambda g: g["w3.bias"].fill_(float("nan")), r"model_G\.w3\.bias is NaN or infinite"),
        (lambda g: g.update({"w3.bias": 3}), r"w3\.bias in it is no array"),
        (lambda g: g.clear(), "holds no weights where they should be"),
    ],
)
def test_the_originals_with_something_else_in_it(tmp_path, change, named):
    content = original_checkpoint("original_repnet")
    change(content["model_G"])
    refused(saved(tmp_path / "a.tar", content), ORIGINAL_FRAME, named)


def test_nan_in_our_own_is_named(tmp_path):
    weights = trained(FRAME).state_dict()
    weights["root.0.bias"][1] = float("inf")
    saved(tmp_path / "a.pt", {"architecture": FRAME, "weights": weights})
    refused(tmp_path / "a.pt", FRAME, r"root\.0\.bias is NaN or infinite")


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.pt"
    refused(path, FRAME, r"repnet\.init names .*, which is missing")
    save_model(path, {"model": "pose_resnet", "backbone": "resnet18"}, {"conv1.weight": torch.zeros(1)})
    refused(path, TEMPORAL, "holds a network of kind pose_resnet, but this run trains")
    saved(path, {"architecture": {"lifter": [1, 2]}, "weights": {}})
    refused(path, TEMPORAL, r"holds a network of kind \[1, 2\]")
    saved(path, {"state_dict": trained(FRAME).state_dict()})
    refused(path, FRAME, r"is neither a lifter's model file of this project nor a checkpoint of the original's")
    saved(path, trained(FRAME))
    refused(path, FRAME, r"holds Python objects, pose3d\.lifting\.networks\.FrameLifter first")
    path.write_text("weights")
    refused(path, FRAME, "is not a checkpoint, or damaged: repnet.init")
