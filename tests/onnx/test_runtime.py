"""Exported models in the places where torch's modules are called, and files that are something else."""

import json
import shutil
import sys

import pytest
import torch
from tiny_models import NETWORK
from torch import nn

from pose3d.lifting.lift import build_lifter, lift_virtual, load_lifter
from pose3d.onnx import export as onnx_export
from pose3d.onnx.runtime import digest_property, load_lifter_onnx, load_network_onnx, spread_path
from pose3d.pose2d.inference import load_network, predict_heatmaps
from pose3d.pose2d.network import PoseResNet
from pose3d.runtime.errors import InputError
from pose3d.training.model_file import save_model

onnx = pytest.importorskip("onnx", reason="extra onnx")
pytest.importorskip("onnxruntime", reason="extra onnx")

LIFTERS = {
    "frame": {"lifter": "frame", "width": 16, "blocks": 1},
    "convolution": {"lifter": "temporal", "width": 16, "window_frames": 9, "network": "convolution"},
    "gru": {"lifter": "temporal", "width": 16, "window_frames": 9, "network": "gru"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """pose2d.onnx and a lifter of each kind, with the .pt they were made of."""
    folder = tmp_path_factory.mktemp("onnx")
    torch.manual_seed(0)
    save_model(folder / "pose2d.pt", NETWORK, PoseResNet("resnet18", (8, 8), 8).state_dict())
    onnx_export.write_onnx(folder / "pose2d.onnx", onnx_export.network_graph(folder / "pose2d.pt"))
    for name, architecture in LIFTERS.items():
        save_model(folder / f"{name}.pt", architecture, build_lifter(architecture).state_dict())
        onnx_export.write_onnx(folder / f"{name}.onnx", onnx_export.lifter_graph(folder / f"{name}.pt"))
    return folder


@pytest.mark.parametrize("flip_test", [False, True])
def test_heatmaps_are_predicted_as_with_torch(folder, flip_test):
    network, _ = load_network(folder / "pose2d.pt")
    loaded, _ = load_network_onnx(folder / "pose2d.onnx")
    images = torch.randn(3, 64, 64, 3).permute(0, 3, 1, 2)  # channels last, as normalize_images has them
    with torch.inference_mode():
        expected = predict_heatmaps(network, images, flip_test)
        found = predict_heatmaps(loaded, images, flip_test)
    assert expected.std() > 1e-4
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 30])
@pytest.mark.parametrize("name", LIFTERS)
def test_clips_are_lifted_as_with_torch(folder, name, frames):
    clip = 0.1 * torch.randn(frames, 17, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = lift_virtual(load_lifter(folder / f"{name}.pt"), clip, fps=25)[0]
        found = lift_virtual(load_lifter_onnx(folder / f"{name}.onnx"), clip, fps=25)[0]
    assert found.shape == (frames, 17, 3)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def with_spread(tmp_path_factory):
    """Lifters of both kinds with error bars, as torch's files and as exported."""
    folder = tmp_path_factory.mktemp("spread")
    torch.manual_seed(0)
    for name in ("frame", "convolution"):
        architecture = LIFTERS[name] | {"spread_width": 8}
        weights = build_lifter(architecture).state_dict()
        weights["spread.factors"].uniform_(0.5, 2)
        save_model(folder / f"{name}.pt", architecture, weights)
        path = folder / f"{name}.onnx"
        onnx_export.write_onnx(path, onnx_export.lifter_graph(folder / f"{name}.pt"))
        onnx_export.write_onnx(spread_path(path), onnx_export.spread_graph(folder / f"{name}.pt", path))
    return folder


@pytest.mark.parametrize("frames", [1, 30])
@pytest.mark.parametrize("name", ["frame", "convolution"])
def test_error_bars_are_those_of_torch(with_spread, name, frames):
    clip = 0.1 * torch.randn(frames, 17, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = lift_virtual(load_lifter(with_spread / f"{name}.pt"), clip, fps=25)[1]
        found = lift_virtual(load_lifter_onnx(with_spread / f"{name}.onnx"), clip, fps=25)[1]
    assert found.shape == (frames, 17, 2) and expected.std() > 0.01
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_error_bars_of_another_lifter_are_one_sentence(with_spread, tmp_path):
    path = shutil.copyfile(with_spread / "frame.onnx", tmp_path / "l.onnx")
    assert load_lifter_onnx(path).spread is None
    shutil.copyfile(with_spread / "convolution.spread.onnx", spread_path(path))
    with pytest.raises(InputError, match=r"l\.spread\.onnx tells the errors of another lifter than .*l\.onnx: export"):
        load_lifter_onnx(path)
    shutil.copyfile(with_spread / "convolution.onnx", spread_path(path))
    with pytest.raises(InputError, match=r"l\.spread\.onnx does not hold a lifter's spread"):
        load_lifter_onnx(path)
    with pytest.raises(InputError, match=r"convolution\.spread\.onnx holds a lifter's spread, not a lifter"):
        load_lifter_onnx(with_spread / "convolution.spread.onnx")


def test_outputs_are_float32_whatever_the_input(folder):
    lifter = load_lifter_onnx(folder / "frame.onnx")
    poses, codes = lifter(torch.zeros(1, 2, 32, dtype=torch.float64, requires_grad=True))
    assert poses.dtype == codes.dtype == torch.float32


def resaved(folder, path, change):
    model = onnx.load(folder / "convolution.onnx")
    change(model)
    serialised = model.SerializeToString()
    path.write_bytes(serialised + digest_property(serialised))
    return path


def set_metadata(**values):
    def change(model):
        props = {prop.key: prop.value for prop in model.metadata_props}
        props |= {name: json.dumps(value) for name, value in values.items()}
        onnx.helper.set_model_props(model, props)

    return change


@pytest.mark.parametrize("load", [load_network_onnx, load_lifter_onnx])
def test_a_missing_or_damaged_file_is_one_sentence(folder, tmp_path, load):
    path = tmp_path / "m.onnx"
    with pytest.raises(InputError, match=r"m\.onnx is missing: run `pose3d export`"):
        load(path)
    whole = (folder / "convolution.onnx").read_bytes()
    for content in (b"", b"not a model", whole[: len(whole) // 2], (folder / "frame.pt").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"m\.onnx is damaged or was not written by `pose3d export`") as raised:
            load(path)
        assert "\n" not in str(raised.value)
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        load(tmp_path)


def test_one_flipped_bit_in_a_weight_is_found(folder, tmp_path):
    content = bytearray((folder / "frame.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(InputError, match=r"m\.onnx is damaged"):
        load_lifter_onnx(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda model: model.ClearField("metadata_props"), "it says no architecture"),
        (set_metadata(architecture=["temporal"]), "its architecture is"),
        (set_metadata(architecture={"lifter": "other"}), "its architecture is"),
        (set_metadata(architecture={"lifter": ["temporal"]}), "its architecture is"),
        (set_metadata(architecture={"lifter": "original_video_gan"}), "its inputs are features"),
        (set_metadata(architecture={"model": "pose_resnet"}), "its content is not put together as it should be"),
        (set_metadata(joint_names=["Hip"]), "its joints are others"),
        (set_metadata(frames_before=-1), "its frames_before is -1"),
        (set_metadata(frames_after="4"), "its frames_after is 4"),
        (lambda model: setattr(model.metadata_props[0], "value", "{"), "it breaks off or goes wrong in line 1"),
    ],
)
def test_a_graph_of_something_else_is_one_sentence(folder, tmp_path, change, reason):
    path = resaved(folder, tmp_path / "m.onnx", change)
    with pytest.raises(InputError, match=rf"m\.onnx was not written by `pose3d export` \({reason}"):
        load_lifter_onnx(path)


@pytest.mark.parametrize("place", ["../secret.bin", "sub/../../secret.bin", "{folder}/secret.bin", "link.bin"])
def test_weights_outside_of_the_models_folder_are_not_read(folder, tmp_path, place):
    (tmp_path / "secret.bin").write_bytes(bytes(2**20))
    inside = tmp_path / "models"
    (inside / "sub").mkdir(parents=True)
    (inside / "link.bin").symlink_to(tmp_path / "secret.bin")

    def lead_outside(model):
        weights = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
        weights.ClearField("raw_data")
        weights.data_location = onnx.TensorProto.EXTERNAL
        weights.external_data.add(key="location", value=place.format(folder=tmp_path))

    path = resaved(folder, inside / "m.onnx", lead_outside)
    with pytest.raises(InputError, match=r"m\.onnx is not an ONNX file that can be run \(.*[Ee]xternal") as raised:
        load_lifter_onnx(path)
    assert "\n" not in str(raised.value)


def test_the_wrong_one_of_the_files_is_one_sentence(folder):
    with pytest.raises(InputError, match=r"convolution\.onnx holds a lifter, not the 2D network"):
        load_network_onnx(folder / "convolution.onnx")
    with pytest.raises(InputError, match=r"pose2d\.onnx holds the 2D network, not a lifter"):
        load_lifter_onnx(folder / "pose2d.onnx")


@pytest.mark.parametrize(("load", "suffix"), [(load_lifter, "pt"), (load_lifter_onnx, "onnx")])
@pytest.mark.parametrize(("name", "held"), [("repnet", "convolution"), ("temporal", "frame")])
def test_exchanged_lifters_are_one_sentence(folder, tmp_path, load, suffix, name, held):
    exchanged = tmp_path / f"{name}.{suffix}"
    shutil.copyfile(folder / f"{held}.{suffix}", exchanged)
    with pytest.raises(InputError, match=rf"{name}\.{suffix} holds a lifter of kind \w+, not \w+ or \w+: was it exch"):
        load(exchanged)


@pytest.mark.parametrize("load", [load_network_onnx, load_lifter_onnx])
def test_a_missing_package_is_one_sentence(folder, monkeypatch, load):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # importing it raises
    with pytest.raises(InputError, match=r"^the package onnxruntime is not installed: install pose3d\[onnx\]$"):
        load(folder / "frame.onnx")


def test_it_takes_as_many_threads_as_torch(folder, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    network, _ = load_network_onnx(folder / "pose2d.onnx")
    assert isinstance(network, nn.Module)
    assert network._session.get_session_options().intra_op_num_threads == 3
