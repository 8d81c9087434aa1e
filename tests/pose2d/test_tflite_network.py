"""Files of TensorFlow Lite: against what its own runtime gives, damaged, and as any other torch module."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_person import detector_input, landmark_input

from pose3d.onnx.export import OPSET
from pose3d.pose2d.tflite_file import read_tflite
from pose3d.pose2d.tflite_network import DepthToSpace, TFLiteNetwork, load_tflite
from pose3d.runtime.errors import InputError

RECORDED = np.load(Path(__file__).with_name("litert_outputs.npz"))
INPUTS = {"pose_detection": detector_input, "pose_landmark_full": landmark_input}
CASES = [key.split() for key in RECORDED]


def batch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None]


@pytest.mark.parametrize(("network", "output"), CASES, ids=[f"{network}-{output}" for network, output in CASES])
@torch.inference_mode()
def test_outputs_are_those_of_litert(blazepose_files, network, output):
    (found,) = load_tflite(blazepose_files / f"{network}.tflite", [output])(batch(INPUTS[network]()))
    values = found[0].numpy()
    if values.ndim == 3:
        values = values.transpose(1, 2, 0)[::8, ::8]
    elif values.ndim == 2:
        values = values[::8]
    expected = RECORDED[f"{network} {output}"]
    assert values.shape == expected.shape
    assert (np.abs(values - expected) < 0.01 + 1e-4 * np.abs(expected)).all()
    if output == "Identity" and network == "pose_landmark_full":
        assert np.abs(values - expected).max() < 0.01  # px of the crop


@torch.inference_mode()
def test_a_batch_gives_what_its_pictures_give(blazepose_files):
    network = load_tflite(blazepose_files / "pose_landmark_full.tflite", ["Identity"])
    images = torch.cat([batch(landmark_input()), batch(landmark_input()).flip(-1)])
    together, apart = network(images)[0], torch.cat([network(image[None])[0] for image in images])
    torch.testing.assert_close(together, apart, atol=1e-3, rtol=0)


def test_weights_are_parameters_that_load_by_name(blazepose_files):
    path = blazepose_files / "pose_detection.tflite"
    network, other = load_tflite(path, ["Identity"]), load_tflite(path, ["Identity_1", "Identity"])
    names = [name for name, _ in network.named_parameters()]
    assert names[0] == "layers.1.weight" and set(names) < {name for name, _ in other.named_parameters()}
    images = batch(detector_input())
    network(images)[0].square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(0.5)
        other.load_state_dict(network.state_dict(), strict=False)
        torch.testing.assert_close(other(images)[1], network(images)[0])


def test_what_only_unwanted_outputs_need_is_left_out(blazepose_files):
    graph = read_tflite(blazepose_files / "pose_landmark_full.tflite")
    sizes = {
        output: sum(weight.numel() for weight in TFLiteNetwork(graph, [output]).parameters())
        for output in ("Identity", "Identity_3")
    }
    assert sizes["Identity_3"] < 0.6 * sizes["Identity"]  # heatmaps need nothing of what only landmarks need


def test_onnxruntime_gives_the_same(blazepose_files):
    pytest.importorskip("onnx", reason="extra onnx")
    onnxruntime = pytest.importorskip("onnxruntime", reason="extra onnx")
    network = load_tflite(blazepose_files / "pose_landmark_full.tflite", ["Identity", "Identity_3"])
    written, images = io.BytesIO(), batch(landmark_input())
    with warnings.catch_warnings(action="ignore"), torch.no_grad():  # as in pose3d.onnx.export
        torch.onnx.export(
            network,
            (images.repeat(2, 1, 1, 1),),
            written,
            input_names=["images"],
            dynamic_axes={"images": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
    session = onnxruntime.InferenceSession(written.getvalue(), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = network(images)
    for ours, theirs in zip(expected, session.run(None, {"images": images.numpy()}), strict=True):
        assert np.abs(ours.numpy() - theirs).max() < 0.01


def test_depth_to_space_puts_channels_into_blocks_row_by_row():
    x = torch.arange(8.0).reshape(1, 8, 1, 1)  # two channels in each of four places
    assert DepthToSpace(2)(x).tolist() == [[[[0, 2], [4, 6]], [[1, 3], [5, 7]]]]


@pytest.mark.parametrize("kept", [0, 6, 100, 0.5, 0.99])
def test_a_truncated_file_is_one_sentence(blazepose_files, tmp_path, kept):
    content = (blazepose_files / "pose_detection.tflite").read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(InputError, match="cut.tflite") as raised:
        load_tflite(path, ["Identity"])
    assert "\n" not in str(raised.value)


def test_a_damaged_file_is_one_sentence_or_still_a_network(blazepose_files, tmp_path):
    content = (blazepose_files / "pose_detection.tflite").read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for _ in range(40):
        damaged = bytearray(content)
        damaged[int(rng.integers(len(content) - 60_000, len(content)))] ^= int(rng.integers(1, 256))
        (tmp_path / "damaged.tflite").write_bytes(damaged)
        try:
            load_tflite(tmp_path / "damaged.tflite", ["Identity"])
        except InputError as error:
            refused += 1
            assert "damaged.tflite" in str(error) and "\n" not in str(error)
    assert 5 < refused < 40


def test_missing_files_other_files_and_missing_outputs_are_one_sentence(blazepose_files, tmp_path):
    with pytest.raises(InputError, match="none.tflite cannot be read"):
        read_tflite(tmp_path / "none.tflite")
    (tmp_path / "picture.tflite").write_bytes(b"\x89PNG\r\n\x1a\n" * 100)
    with pytest.raises(InputError, match="picture.tflite is not a TensorFlow Lite file"):
        read_tflite(tmp_path / "picture.tflite")
    with pytest.raises(InputError, match="pose_detection.tflite.*no output Heatmaps"):
        load_tflite(blazepose_files / "pose_detection.tflite", ["Heatmaps"])
