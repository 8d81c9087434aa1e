"""BlazePose with a head for our joints: the file's trunk, what learns, and model files."""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from toy_crops import write_toy_data

from pose3d.config.pose2d import AugmentationParams, BlazePoseParams, CosineSchedule, Train2DParams
from pose3d.onnx.export import network_graph, write_onnx
from pose3d.pose2d import convolution_relu6
from pose3d.pose2d import training as training_module
from pose3d.pose2d.blazepose_network import BlazePoseHeatmaps, BlazePoseTrunk, _Repeated, load_trunk
from pose3d.pose2d.crops import Crops
from pose3d.pose2d.inference import load_network, save_network
from pose3d.pose2d.network import channels_last
from pose3d.pose2d.pretrained import load_blazepose
from pose3d.pose2d.tflite_network import Convolution, load_tflite
from pose3d.pose2d.training import NetworkTrainer, architecture, build_network, train
from pose3d.records.sequences import read_sequences
from pose3d.runtime.errors import InputError
from pose3d.runtime.torch_threads import torch_threads
from pose3d.training.checkpoint import Checkpoint
from pose3d.training.model_file import save_model
from pose3d.training.seeds import seed_all

FABRIC = Fabric(accelerator="cpu", devices=1)
LEARNING = Train2DParams(
    network=BlazePoseParams(kind="blazepose", trainable="head"),
    init=None,
    sigma_heatmap_px=1.5,
    frame_step=1,
    epochs=2,
    batch_size=4,
    lr=0.002,
    schedule=CosineSchedule(kind="cosine", warmup=0.2),
    augmentation=AugmentationParams(
        flip=True, rotation_deg=20, scale=0.1, translation=0.05, color=0.3, occlusion=0.3, degradation=0.3
    ),
)


@pytest.fixture
def landmark_file(blazepose_files):
    return blazepose_files / "pose_landmark_full.tflite"


def test_the_trunk_is_that_of_the_file(landmark_file):
    images = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    file = load_tflite(landmark_file, ("Identity_3",))
    *_, own_heatmaps = [layer for layer in file.layers.values() if isinstance(layer, Convolution)]
    trunk = channels_last(BlazePoseTrunk())
    load_trunk(trunk, landmark_file)
    with torch.no_grad():
        torch.testing.assert_close(own_heatmaps(trunk(images)[0]), file(images)[0], rtol=0, atol=1e-3)


def test_the_detectors_file_is_refused(blazepose_files):
    with pytest.raises(InputError, match=r"pose_detection.tflite .*: fetch it again"):
        load_trunk(BlazePoseTrunk(), blazepose_files / "pose_detection.tflite")


@pytest.mark.parametrize("size_px", [32, 96])
def test_heatmaps_have_a_fourth_of_the_crops_side(size_px):
    assert BlazePoseHeatmaps()(torch.zeros(2, 3, size_px, size_px)).shape == (2, 17, size_px // 4, size_px // 4)


@pytest.mark.parametrize(
    ("trainable", "learning", "still"),
    [
        ("head", [], ["stem.0.0", "stages.3.0.project", "top.1.0"]),
        (
            "last_blocks",
            ["stages.2.0.expand.0", "deep.0.0", "top.1.0", "laterals.2.0.0"],
            ["stem.2", "stages.1.1.project"],
        ),
        ("all", ["stem.0.0", "laterals.0.0.0", "top.1.0"], []),
    ],
)
def test_gradients_reach_what_is_to_learn_and_nothing_else(trainable, learning, still):
    torch.manual_seed(0)
    network = BlazePoseHeatmaps()
    network.freeze(trainable)
    torch.nn.init.normal_(network.head.final_layer.weight)
    network(torch.randn(2, 3, 64, 64)).square().mean().backward()
    assert all(weights.grad is not None for weights in network.head.parameters())
    gradients = {name.removesuffix(".weight"): weights.grad for name, weights in network.trunk.named_parameters()}
    assert all(gradients[name].abs().sum() > 0 for name in learning)
    assert all(gradients[name] is None for name in still)


@pytest.fixture
def trained(landmark_file, tmp_path, monkeypatch):
    """Trains on toy data and writes the model file; stops before a step where asked to."""
    monkeypatch.setattr(training_module, "BLAZEPOSE", landmark_file)
    monkeypatch.setattr(training_module, "CHECKPOINT_STEPS", 2)
    write_toy_data(tmp_path)
    sequences = read_sequences(tmp_path / "data/sequences.h5")
    take_step = NetworkTrainer.step

    def run(name: str, stop_at: int | None = None):
        def step(trainer, number):
            if number == stop_at:
                raise KeyboardInterrupt
            return take_step(trainer, number)

        monkeypatch.setattr(NetworkTrainer, "step", step)
        seed_all(1)
        checkpoint = Checkpoint("train_2d", "test")
        checkpoint.path = tmp_path / f"{name}.ckpt"
        crops = tmp_path / "data/crops.h5"
        with Crops(crops, sequences[:1]) as training, Crops(crops, sequences[1:2]) as measured:
            network, rows = train(LEARNING, training, measured, 1, FABRIC, checkpoint)
        save_network(tmp_path / name / "pose2d.pt", architecture(LEARNING, training.size_px), network)
        return network, rows

    return run


def test_training_resumes_to_the_same_bytes_and_its_file_gives_the_same_network(trained, tmp_path, landmark_file):
    network, rows = trained("whole")
    assert all(set(row) >= {"train_loss", "measured_pck"} for row in rows) and "sides_loss" not in rows[0]
    with pytest.raises(KeyboardInterrupt):
        trained("stopped", stop_at=3)
    assert (tmp_path / "stopped.ckpt").exists()
    trained("stopped")
    assert (tmp_path / "stopped/pose2d.pt").read_bytes() == (tmp_path / "whole/pose2d.pt").read_bytes()

    with torch_threads(2):  # of which one computes features, ahead of the other
        trained("two_threads")
    assert (tmp_path / "two_threads/pose2d.pt").read_bytes() == (tmp_path / "whole/pose2d.pt").read_bytes()

    loaded, sizes = load_network(tmp_path / "whole/pose2d.pt")
    assert sizes["model"] == "blazepose" and (tmp_path / "whole/pose2d.pt").stat().st_size < 7e6
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in loaded.state_dict().items())
    untouched = BlazePoseTrunk()
    load_trunk(untouched, landmark_file)
    assert all(torch.equal(value, loaded.trunk.state_dict()[name]) for name, value in untouched.state_dict().items())
    graph = network_graph(tmp_path / "whole/pose2d.pt")
    assert write_onnx(tmp_path / "pose2d.onnx", graph) < 1e-4

    again = LEARNING.model_copy(update={"init": str(tmp_path / "whole/pose2d.pt")})
    started = build_network(again, FABRIC)
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in started.state_dict().items())


def test_other_files_to_start_from_are_named(tmp_path):
    path = str(tmp_path / "start.pt")
    network = BlazePoseHeatmaps()
    weights = network.state_dict()
    save_model(path, {"model": "pose_resnet"}, weights)
    with pytest.raises(InputError, match="of kind pose_resnet, not of a blazepose: check train_2d.init"):
        load_blazepose(network, path)
    save_model(path, {"model": "blazepose"}, {name: value for name, value in weights.items() if "stem.0.0" not in name})
    with pytest.raises(InputError, match="start.pt lacks trunk.stem.0.0.weight"):
        load_blazepose(network, path)
    torch.save(weights, path)
    with pytest.raises(InputError, match="start.pt is not a model file of this project"):
        load_blazepose(network, path)


def test_crops_that_do_not_halve_are_refused(tmp_path):
    write_toy_data(tmp_path)
    sequences = read_sequences(tmp_path / "data/sequences.h5")
    with Crops(tmp_path / "data/crops.h5", sequences[:1]) as crops:
        crops.size_px = 100
        with pytest.raises(InputError, match=r"crops of 100 px .* crop_resize.size_px to a multiple of 32"):
            train(LEARNING, crops, crops, 1, FABRIC, Checkpoint("train_2d", "test"))


def test_rounding_to_half_precision_leaves_what_the_file_holds():
    network = BlazePoseHeatmaps()
    network.round_to_half()
    stored = network.stored_weights()
    assert stored["trunk.stem.0.0.weight"].dtype == torch.float16
    assert stored["head.layers.0.1.running_var"].dtype == torch.float32
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(stored[name].to(value.dtype), value)


@pytest.mark.parametrize(("autocast", "rounding"), [(False, 1e-5), (True, 0.02)])
def test_a_clamp_within_the_convolution_changes_no_more_than_rounding(autocast, rounding, monkeypatch):
    torch.manual_seed(0)
    images, trunk = 9 * torch.randn(2, 3, 64, 64), channels_last(BlazePoseTrunk())
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        at_once = trunk(images)
        monkeypatch.setattr(convolution_relu6, "_is_fused", lambda dtype: False)
        apart = trunk(images)
    for one, other in zip(at_once, apart, strict=True):
        torch.testing.assert_close(one, other, rtol=rounding, atol=rounding * float(other.abs().max()))


def test_a_repeated_pxs_gradient_is_the_sum_of_its_copies():
    x = torch.arange(4.0).view(1, 1, 2, 2).requires_grad_()
    repeated = _Repeated.apply(x)
    assert repeated[0, 0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    (repeated * torch.arange(16.0).view(1, 1, 4, 4)).sum().backward()
    assert x.grad[0, 0].tolist() == [[10, 18], [42, 50]]


def test_a_frozen_layer_clamps_at_six_and_a_layer_that_learns_has_gradients():
    layer = convolution_relu6.ConvolutionReLU6(torch.nn.Conv2d(1, 1, 1))
    torch.nn.init.ones_(layer[0].weight)
    torch.nn.init.ones_(layer[0].bias)
    values = torch.tensor([-2.0, 1, 4, 9]).view(1, 1, 2, 2)
    layer(values).sum().backward()
    assert layer[0].bias.grad.item() == 2  # of those between 0 and 6
    assert layer.requires_grad_(False)(values).flatten().tolist() == [0, 2, 5, 6]
