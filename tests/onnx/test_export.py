"""Small random models as files, exported, and run by onnxruntime beside torch."""

import json
import shutil

import numpy as np
import pytest
import torch
from tiny_models import NETWORK

from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.lifting.lift import build_lifter, load_lifter
from pose3d.onnx import export as onnx_export
from pose3d.onnx.runtime import load_lifter_onnx, load_network_onnx
from pose3d.pose2d.batches import IMAGE_MEAN, IMAGE_STD
from pose3d.pose2d.inference import load_network
from pose3d.pose2d.network import PoseResNet
from pose3d.runtime.errors import InputError
from pose3d.training.model_file import save_model

onnx = pytest.importorskip("onnx", reason="extra onnx")
pytest.importorskip("onnxruntime", reason="extra onnx")

LIFTERS = {
    "frame": {"lifter": "frame", "width": 16, "blocks": 2},
    "convolution": {"lifter": "temporal", "width": 16, "window_frames": 9, "network": "convolution"},
    "causal_convolution": {"lifter": "temporal", "width": 16, "window_frames": 9, "network": "causal_convolution"},
    "gru": {"lifter": "temporal", "width": 16, "window_frames": 9, "network": "gru"},
    "original_repnet": {"lifter": "original_repnet", "width": 16},
    "original_video_gan": {"lifter": "original_video_gan", "width": 16, "window_frames": 9},
}


def save_network(path, architecture=NETWORK):
    torch.manual_seed(0)
    network = PoseResNet(
        architecture["backbone"], tuple(architecture["deconv_channels"]), architecture["stem_channels"]
    )
    network.final_layer.weight.data.mul_(100)  # else all heatmaps are nearly zero
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as after training: no longer the identity
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    save_model(path, architecture, network.state_dict())
    return path


def save_lifter(path, architecture):
    torch.manual_seed(0)
    save_model(path, architecture, build_lifter(architecture).state_dict())
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_network(folder / "pose2d.pt")
    save_lifter(folder / "repnet.pt", LIFTERS["frame"])
    save_lifter(folder / "temporal.pt", LIFTERS["convolution"])
    return folder


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_network_gives_the_same_heatmaps_at_every_batch(models, tmp_path, batch):
    difference = onnx_export.write_onnx(tmp_path / "n.onnx", onnx_export.network_graph(models / "pose2d.pt"))
    assert difference < 1e-5
    network, architecture = load_network(models / "pose2d.pt")
    loaded, found = load_network_onnx(tmp_path / "n.onnx")
    assert found == architecture == NETWORK
    images = torch.randn(batch, 3, 64, 64)
    with torch.no_grad():
        expected = network(images)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(loaded(images), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", LIFTERS)
def test_lifters_give_the_same_outputs_for_clips_of_every_length(tmp_path, name):
    path = save_lifter(tmp_path / "l.pt", LIFTERS[name])
    assert onnx_export.write_onnx(tmp_path / "l.onnx", onnx_export.lifter_graph(path)) < 1e-5
    lifter, loaded = load_lifter(path), load_lifter_onnx(tmp_path / "l.onnx")
    for attribute in ("frames_before", "frames_after", "with_motion"):
        if hasattr(lifter, attribute):
            assert getattr(loaded, attribute) == getattr(lifter, attribute)
    forward = lifter if name == "original_repnet" else lifter.forward_clip
    window = 1 + loaded.frames_before + loaded.frames_after
    assert window == LIFTERS[name].get("window_frames", 1)
    for batch, frames in ((1, window), (2, window + 1), (3, 60)):
        inputs = {
            "original_repnet": [(frames, 32)],
            "original_video_gan": [(batch, frames, 32), (batch, frames, 34)],
            "frame": [(batch, frames, 32)],
        }.get(name, [(batch, frames, 35)])
        inputs = [torch.randn(shape) for shape in inputs]
        with torch.no_grad():
            expected = forward(*inputs)
        for a, b in zip(loaded.forward_clip(*inputs), expected, strict=True):
            assert b.abs().max() > 0.01
            torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_metadata_say_how_to_use_the_files(models, tmp_path):
    onnx_export.export(models, tmp_path)
    said = {}
    for name in ("pose2d", "temporal"):
        props = onnx.load(tmp_path / f"{name}.onnx").metadata_props
        said[name] = {prop.key: json.loads(prop.value) for prop in props}
        assert len(said[name].pop("sha256")) == 64
    assert said["pose2d"] == {
        "architecture": NETWORK,
        "joint_names": list(JOINT_NAMES),
        "crop_size_px": 64,
        "sigma_heatmap_px": 1.5,
        "image_mean": list(IMAGE_MEAN),
        "image_std": list(IMAGE_STD),
    }
    assert said["temporal"] == {
        "architecture": LIFTERS["convolution"],
        "joint_names": list(JOINT_NAMES),
        "frames_before": 4,
        "frames_after": 4,
    }


def test_error_bars_have_a_file_of_their_own_as_long_as_their_lifter_has_them(models, tmp_path):
    folder, out = tmp_path / "models", tmp_path / "out"
    shutil.copytree(models, folder)
    save_lifter(folder / "temporal.pt", LIFTERS["convolution"] | {"spread_width": 8})
    onnx_export.export(folder, out)
    assert {path.name for path in out.glob("*.spread.onnx")} == {"temporal.spread.onnx"}
    tried = onnx_export.spread_graph(folder / "temporal.pt", out / "temporal.onnx")
    with torch.no_grad():
        assert tried.module(*tried.inputs(20)).std(0).mean() > 0.01  # or the comparison with torch would say nothing
    graph = onnx.load(out / "temporal.spread.onnx").graph
    assert [value.name for value in graph.output] == ["radii_m"]
    assert {value.type.tensor_type.shape.dim[0].dim_param for value in (*graph.input, *graph.output)} == {"frames"}
    onnx_export.export(models, out)
    assert not list(out.glob("*.spread.onnx"))


def test_axes_of_any_size_have_names(tmp_path):
    path = save_lifter(tmp_path / "l.pt", LIFTERS["convolution"])
    onnx_export.write_onnx(tmp_path / "l.onnx", onnx_export.lifter_graph(path))
    graph = onnx.load(tmp_path / "l.onnx").graph
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes == {
        "features": ["batch", "frames", 35],
        "poses_m": ["batch", "outputs", 16, 3],
        "root_codes": ["batch", "outputs", 3],
    }


def test_the_same_model_gives_the_same_bytes_wherever_it_stands(models, tmp_path):
    copied = tmp_path / "elsewhere"
    shutil.copytree(models, copied)
    for folder, out in ((models, "a"), (copied, "b")):
        onnx_export.export(folder, tmp_path / out)
    for name in onnx_export.MODELS:
        assert (tmp_path / "a" / f"{name}.onnx").read_bytes() == (tmp_path / "b" / f"{name}.onnx").read_bytes()
        assert str(models).encode() not in (tmp_path / "a" / f"{name}.onnx").read_bytes()


@pytest.mark.parametrize(("error", "said"), [(1e-3, "0.001"), (float("nan"), "nan")])
def test_a_file_that_differs_from_torch_is_not_written(models, tmp_path, monkeypatch, error, said):
    graph = onnx_export.lifter_graph(models / "repnet.pt")
    traced = onnx_export._traced

    def damaged(graph):
        model = onnx.load_from_string(traced(graph))
        bias = next(i for i in model.graph.initializer if i.dims == [48])
        bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + np.float32(error), bias.name))
        return model.SerializeToString()

    monkeypatch.setattr(onnx_export, "_traced", damaged)
    with pytest.raises(InputError, match=f"outputs {said} away from the model's own, more than 0.0001"):
        onnx_export.write_onnx(tmp_path / "repnet.onnx", graph)
    assert not list(tmp_path.iterdir())
