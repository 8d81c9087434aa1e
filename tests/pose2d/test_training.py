"""The training loop: schedule, loss, batches, and resumption to the same bytes."""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pytest
import torch
import two_processes
from lightning_fabric import Fabric
from toy_crops import write_toy_data

from pose3d.config.pose2d import AugmentationParams, CosineSchedule, PoseResNetParams, StepSchedule, Train2DParams
from pose3d.pose2d import training as training_module
from pose3d.pose2d.batches import epoch_order, normalize_images, training_batches
from pose3d.pose2d.crops import Crops
from pose3d.pose2d.left_right import sides_loss
from pose3d.pose2d.training import (
    NetworkTrainer,
    evenly_spaced,
    heatmap_loss,
    keypoint_errors,
    learning_rate_factor,
    train,
)
from pose3d.records.encoded_images import write_encoded_images
from pose3d.records.hdf5 import create_hdf5, write_dataset
from pose3d.records.sequences import read_sequences
from pose3d.runtime.errors import InputError
from pose3d.runtime.prefetch import prefetch
from pose3d.runtime.signals import Terminated
from pose3d.training.checkpoint import Checkpoint
from pose3d.training.model_file import save_model
from pose3d.training.seeds import seed_all

PARAMS = Train2DParams(
    network=PoseResNetParams(
        kind="pose_resnet", backbone="resnet18", stem_channels=8, deconv_channels=(8, 8, 8), left_right_weight=3.0
    ),
    init=None,
    sigma_heatmap_px=1.5,
    frame_step=1,
    epochs=3,
    batch_size=4,
    lr=0.002,
    schedule=CosineSchedule(kind="cosine", warmup=0.2),
    augmentation=AugmentationParams(
        flip=True, rotation_deg=20, scale=0.1, translation=0.05, color=0.3, occlusion=0.3, degradation=0.3
    ),
)


def run_training(
    folder: Path,
    outputs: Path,
    stop_at: int | None = None,
    kill_at: int | None = None,
    terminate_at: int | None = None,
    fabric: Fabric | None = None,
) -> list:
    """Train on the toy data in ``folder`` with its checkpoint there, write the model to ``outputs``, give the rows."""
    torch.set_num_threads(1)
    training_module.CHECKPOINT_STEPS = 2

    take_step = NetworkTrainer.step

    def interrupted_step(trainer, step: int) -> dict:
        if step == stop_at:
            raise KeyboardInterrupt
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == terminate_at:
            signal.raise_signal(signal.SIGTERM)
        return take_step(trainer, step)

    fabric = fabric or Fabric(accelerator="cpu", devices=1)
    if fabric.is_global_zero:
        write_toy_data(folder)
    fabric.barrier()
    sequences = read_sequences(folder / "data/sequences.h5")
    seed_all(1)
    checkpoint = Checkpoint("train_2d", "test")
    checkpoint.path = folder / "checkpoint.pt"
    crops_path = folder / "data/crops.h5"
    with (
        Crops(crops_path, sequences[:1]) as training,
        Crops(crops_path, sequences[1:2]) as validation,
        mock.patch.object(NetworkTrainer, "step", interrupted_step),
    ):
        network, rows = train(PARAMS, training, validation, 1, fabric, checkpoint)
    if fabric.is_global_zero:
        save_model(outputs / "pose2d.pt", {}, network.state_dict())
    return rows


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    rows = run_training(folder, folder)
    return rows, (folder / "pose2d.pt").read_bytes()


def test_training_lowers_the_loss_and_reports_each_epoch(undisturbed):
    rows, _ = undisturbed
    assert [row["step"] for row in rows] == [3, 6, 9]
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert all(0 <= row["measured_pck"] <= 1 and row["measured_error_px"] > 0 for row in rows)


def test_same_seed_gives_the_same_bytes_for_any_number_of_workers(undisturbed, tmp_path, monkeypatch):
    monkeypatch.setenv("POSE3D_WORKERS", "3")
    run_training(tmp_path, tmp_path)
    assert (tmp_path / "pose2d.pt").read_bytes() == undisturbed[1]


@pytest.mark.parametrize("stop_at", [1, 3, 5])  # before any checkpoint, at an epoch's end, within an epoch
def test_stopped_and_resumed_gives_the_same_bytes(undisturbed, tmp_path, stop_at, capsys):
    with pytest.raises(KeyboardInterrupt):
        run_training(tmp_path, tmp_path, stop_at=stop_at)
    assert (tmp_path / "checkpoint.pt").exists() == (stop_at > 1)
    rows = run_training(tmp_path, tmp_path)
    resumed_at = {1: None, 3: 3, 5: 4}[stop_at]
    assert (f"going on from step {resumed_at} of 9" in capsys.readouterr().err) == (resumed_at is not None)
    assert rows == undisturbed[0]
    assert (tmp_path / "pose2d.pt").read_bytes() == undisturbed[1]


def test_sigterm_finishes_the_step_and_its_checkpoint_goes_on_to_the_same_bytes(undisturbed, tmp_path, capsys):
    with pytest.raises(Terminated):
        run_training(tmp_path, tmp_path, terminate_at=4)
    rows = run_training(tmp_path, tmp_path)
    assert "going on from step 5 of 9" in capsys.readouterr().err  # a regular checkpoint would be of step 4
    assert rows == undisturbed[0]
    assert (tmp_path / "pose2d.pt").read_bytes() == undisturbed[1]


def test_killed_process_resumes_to_the_same_bytes(undisturbed, tmp_path, capsys):
    code = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}\n"
        "from pathlib import Path; from test_training import run_training\n"
        f"run_training(Path({str(tmp_path)!r}), Path({str(tmp_path)!r}), kill_at=5)"
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "pose2d.pt").exists()
    assert run_training(tmp_path, tmp_path) == undisturbed[0]
    assert "going on from step 4 of 9" in capsys.readouterr().err
    assert (tmp_path / "pose2d.pt").read_bytes() == undisturbed[1]


def test_mixed_precision_trains_about_as_well_and_resumes_to_the_same_bytes(undisturbed, tmp_path):
    mixed = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    rows = run_training(tmp_path / "mixed", tmp_path / "mixed", fabric=mixed)
    assert rows[0]["train_loss"] != undisturbed[0][0]["train_loss"]
    assert [row["train_loss"] for row in rows] == pytest.approx([row["train_loss"] for row in undisturbed[0]], rel=0.05)
    with pytest.raises(KeyboardInterrupt):
        run_training(tmp_path / "resumed", tmp_path / "resumed", stop_at=5, fabric=mixed)
    assert run_training(tmp_path / "resumed", tmp_path / "resumed", fabric=mixed) == rows
    files = [tmp_path / name / "pose2d.pt" for name in ("mixed", "resumed")]
    assert files[0].read_bytes() == files[1].read_bytes()
    weights = torch.load(files[0])["weights"].values()
    assert {value.dtype for value in weights if value.is_floating_point()} == {torch.float32}


def test_two_processes_train_as_one_does_and_go_on_from_its_checkpoint_and_it_from_theirs(tmp_path, monkeypatch):
    """In double precision: batch statistics of four small crops make the roundings of float32 grow to percents."""
    monkeypatch.setattr(training_module, "LOGGED_STEPS", 1)
    double = Fabric(accelerator="cpu", devices=1, precision="64-true")
    one = run_training(tmp_path / "one", tmp_path / "one", fabric=double)
    with pytest.raises(KeyboardInterrupt):
        run_training(tmp_path / "from_one", tmp_path / "from_one", stop_at=5, fabric=double)
    code = """
import json
from pathlib import Path
from test_training import run_training, training_module
from pose3d.runtime.processes import all_processes

training_module.LOGGED_STEPS = 1
with all_processes() as fabric:
    assert fabric.world_size == 2
    two = run_training(Path("two"), Path("two"), fabric=fabric)
    from_one = run_training(Path("from_one"), Path("from_one"), fabric=fabric)
    try:
        run_training(Path("from_two"), Path("from_two"), stop_at=5, fabric=fabric)
    except KeyboardInterrupt:
        pass
Path("rows.json").write_text(json.dumps({"two": two, "from one": from_one}))
"""
    two_processes.run(tmp_path, code, POSE3D_PRECISION="64-true")
    runs = json.loads((tmp_path / "rows.json").read_text())
    runs["from two"] = run_training(tmp_path / "from_two", tmp_path / "from_two", fabric=double)
    output = (tmp_path / "err.txt").read_text()
    assert output.count("going on from step 4 of 9") == 1, output
    for name, rows in runs.items():
        assert [row["step"] for row in rows] == list(range(1, 10))
        for row, of_one in zip(rows, one, strict=True):
            assert row == pytest.approx(of_one, rel=1e-6), name
    expected = torch.load(tmp_path / "one/pose2d.pt")["weights"]
    for folder in ("two", "from_one", "from_two"):
        weights = torch.load(tmp_path / folder / "pose2d.pt")["weights"]
        assert list(weights) == list(expected)
        for name, value in expected.items():
            torch.testing.assert_close(weights[name], value, rtol=1e-9, atol=1e-9, msg=lambda m, n=name: f"{n}: {m}")


def test_crops_that_the_processes_cannot_share_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Fabric, "world_size", 8)
    with pytest.raises(InputError, match="train_2d.batch_size.* is 4, which 8 processes cannot share equally"):
        run_training(tmp_path, tmp_path)


def test_divergence_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(training_module, "heatmap_loss", lambda heatmaps, *_: heatmaps.sum() * math.nan)
    with pytest.raises(InputError, match="diverged at step 1"):
        run_training(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("overflowing", "named"),
    [
        ("weight", "learner.network.conv1.weight"),
        ("statistics", "learner.network.bn1.running_var"),
        ("moment", "optimizer.state.0.exp_avg_sq"),
    ],
)
def test_overflow_behind_the_last_losses_is_no_model_and_no_checkpoint(overflowing, named, tmp_path, monkeypatch):
    steps, step = [], training_module._training_step

    def overflow(model, optimizer, *rest):
        losses = step(model, optimizer, *rest)
        steps.append(losses)
        if len(steps) == 9:
            network, first = model.module.network, optimizer.param_groups[0]["params"][0]
            if overflowing == "moment":
                optimizer.state[first]["exp_avg_sq"][1] = math.inf
            else:
                tensor = network.conv1.weight.data if overflowing == "weight" else network.bn1.running_var
                tensor[1] = math.nan
        return losses

    monkeypatch.setattr(training_module, "_training_step", overflow)
    monkeypatch.setattr(training_module, "measure", lambda *_: {"measured_loss": 1.0})
    with pytest.raises(InputError, match=rf"diverged at step 9 \({named} is not finite\).*checkpoint\.pt$"):
        run_training(tmp_path, tmp_path)
    assert all(math.isfinite(loss) for losses in steps for loss in losses.values())
    assert torch.load(tmp_path / "checkpoint.pt")["step"] == 8
    assert not (tmp_path / "pose2d.pt").exists()


def test_what_the_measured_subjects_show_is_finite_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr(training_module, "measure", lambda *_: {"measured_loss": math.inf})
    with pytest.raises(InputError, match=r"diverged at step 3 \(.*measured_loss inf\).*checkpoint\.pt$"):
        run_training(tmp_path, tmp_path)


def test_one_crop_is_too_few(tmp_path):
    sequences = write_toy_data(tmp_path, n_frames=1)
    with (
        Crops(tmp_path / "data/crops.h5", sequences[:1]) as crops,
        pytest.raises(InputError, match="one crop is too few to train on"),
    ):
        train(PARAMS, crops, crops, 1, Fabric(accelerator="cpu", devices=1), Checkpoint("t", "x"))


@pytest.mark.parametrize("number", [math.nan, math.inf, 0.0])
def test_crops_with_an_impossible_transform_are_refused(number, tmp_path):
    sequences = write_toy_data(tmp_path)
    with h5py.File(tmp_path / "data/crops.h5", "r+") as file:
        file[sequences[0].key]["crop_from_image"][5, 0, 0] = number
    with pytest.raises(InputError, match="S1/Dots-1/cam0 has a crop_from_image that is not finite or does not scale"):
        Crops(tmp_path / "data/crops.h5", sequences)


@pytest.mark.parametrize("place_px", [-5.0, 16.0, 31.99, 1e30])
def test_losses_of_degenerate_batches_and_their_gradients_are_finite(place_px):
    """One crop; all joints in one place, inside, on the edge or far outside."""
    heatmaps = torch.randn(1, 17, 8, 8, requires_grad=True)
    offsets = torch.randn(1, 6, 2, requires_grad=True)
    keypoints = torch.full((1, 17, 2), place_px)
    loss = heatmap_loss(heatmaps, keypoints, 32, 1.5) + sides_loss(offsets, keypoints, 32)
    for value in (loss, *torch.autograd.grad(loss, [heatmaps, offsets])):
        assert torch.isfinite(value).all()


def test_heatmap_loss_is_zero_for_the_targets_and_ignores_joints_outside():
    keypoints = torch.full((1, 17, 2), 30.0)
    targets, _ = training_module.gaussian_targets(keypoints / 4, 16, 1.5)
    assert heatmap_loss(targets, keypoints, 64, 1.5) == 0
    keypoints[0, 3] = -5.0
    targets[0, 3] = 9.0
    assert heatmap_loss(targets, keypoints, 64, 1.5) == 0
    assert heatmap_loss(targets, torch.full((1, 17, 2), -1.0), 64, 1.5) == 0  # no joint at all: not NaN


@pytest.mark.parametrize("seen", [40, 3, 0])
def test_heatmap_losses_of_shares_average_to_that_of_the_whole(seen, monkeypatch):
    """However few joints are inside the crop, and whoever has them."""
    torch.manual_seed(0)
    heatmaps, keypoints = torch.randn(4, 17, 8, 8), torch.full((4, 17, 2), -1.0)
    keypoints.view(-1, 2)[:seen] = torch.rand(seen, 2) * 32
    whole = heatmap_loss(heatmaps, keypoints, 32, 1.5)
    monkeypatch.setattr(training_module, "mean_over_processes", lambda joints: torch.tensor(seen / 2))
    parts = [heatmap_loss(heatmaps[part], keypoints[part], 32, 1.5) for part in (slice(2), slice(2, 4))]
    torch.testing.assert_close(sum(parts) / 2, whole)


def test_missed_joint_costs_the_squared_mass_of_a_gaussian():
    loss = heatmap_loss(torch.zeros(1, 17, 32, 32), torch.full((1, 17, 2), 66.0), 128, 1.5)
    assert loss.item() == pytest.approx(math.pi * 1.5**2, rel=1e-3)


def test_step_schedule_is_the_original_one():
    schedule = StepSchedule(kind="steps", after_epochs=(5, 7), factor=0.2)
    factors = [learning_rate_factor(10 * epoch, 80, 10, schedule) for epoch in range(8)]
    assert factors == pytest.approx([1] * 5 + [0.2] * 2 + [0.04])


def test_cosine_schedule_warms_up_and_ends_near_zero():
    schedule = CosineSchedule(kind="cosine", warmup=0.1)
    factors = [learning_rate_factor(step, 100, 10, schedule) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert max(factors) == factors[9] == factors[10] == 1
    assert all(a > b for a, b in zip(factors[10:], factors[11:], strict=False))
    assert 0 < factors[-1] < 0.001


def test_epoch_orders_are_permutations_that_differ():
    orders = [epoch_order(20, seed=1, epoch=epoch) for epoch in range(2)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert not np.array_equal(*orders)


def test_batches_go_on_in_mid_epoch_as_if_never_stopped(tmp_path):
    sequences = write_toy_data(tmp_path)
    with Crops(tmp_path / "data/crops.h5", sequences) as crops:
        whole = list(training_batches(crops, PARAMS.augmentation, 8, 1, 2, 0, workers=1))
        rest = list(training_batches(crops, PARAMS.augmentation, 8, 1, 2, 3, workers=2))
    assert [len(batch) for batch in whole] == [8] * 4
    assert torch.equal(whole[3].images_rgb, rest[0].images_rgb)
    assert torch.equal(whole[3].keypoints_px, rest[0].keypoints_px)


def test_a_samples_augmentation_does_not_depend_on_its_batch(tmp_path):
    with Crops(tmp_path / "data/crops.h5", write_toy_data(tmp_path)) as crops:
        eights, fours = (
            list(training_batches(crops, PARAMS.augmentation, size, 1, 0, 0, workers=1)) for size in (8, 4)
        )
        next_epoch = next(training_batches(crops, PARAMS.augmentation, 8, 1, 1, 0, workers=1))
    assert torch.equal(torch.cat([batch.images_rgb for batch in fours[:2]]), eights[0].images_rgb)
    assert torch.equal(torch.cat([batch.keypoints_px for batch in fours[:2]]), eights[0].keypoints_px)
    assert not torch.equal(next_epoch.keypoints_px, eights[0].keypoints_px)


def test_pictures_for_a_gpu_are_left_to_it_and_become_those_of_the_cpu(tmp_path):
    """The device "meta" is none that computes: what counts is who changes the pictures."""
    strengths = PARAMS.augmentation.model_copy(update={"degradation": 0})
    with Crops(tmp_path / "data/crops.h5", write_toy_data(tmp_path)) as crops:
        of_cpu, for_gpu = (
            next(training_batches(crops, strengths, 8, 1, 0, 0, workers=1, device=torch.device(kind)))
            for kind in ("cpu", "meta")
        )
    assert of_cpu.changes is None and for_gpu.changes is not None
    assert not torch.equal(for_gpu.images_rgb, of_cpu.images_rgb)
    changed = for_gpu.to(torch.device("cpu"))
    assert changed.changes is None and torch.equal(changed.keypoints_px, of_cpu.keypoints_px)
    assert (changed.images_rgb.int() - of_cpu.images_rgb).abs().max() <= 3


def test_normalised_images_are_channels_last_and_standardised():
    images = normalize_images(torch.full((2, 8, 8, 3), 255, dtype=torch.uint8))
    assert images.shape == (2, 3, 8, 8)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert images[0, 0, 0, 0].item() == pytest.approx((1 - 0.44487878) / 0.25466519, rel=1e-5)


def test_prefetch_keeps_the_order_and_the_error():
    assert list(prefetch(lambda i: i * i, range(20), workers=4)) == [i * i for i in range(20)]

    def load(i):
        if i == 3:
            raise InputError("crop 3 is damaged")
        return i

    with pytest.raises(InputError, match="^crop 3 is damaged$"):
        list(prefetch(load, range(20), workers=2))


def test_damaged_crop_stops_training_with_its_name(tmp_path):
    sequences = write_toy_data(tmp_path)
    with create_hdf5(tmp_path / "broken.h5") as file:
        file.attrs["size_px"] = 32
        group = write_encoded_images(file, sequences[0].key, [b"not an image"] * 12)
        write_dataset(group, "crop_from_image", np.tile(np.eye(2, 3), (12, 1, 1)))
    with (
        Crops(tmp_path / "broken.h5", sequences[:1]) as crops,
        pytest.raises(InputError, match="S1/Dots-1/cam0 frame 0"),
    ):
        crops.image_rgb(0)


def test_errors_are_in_px_of_the_image_and_shares_of_the_box(tmp_path):
    sequences = write_toy_data(tmp_path)
    with Crops(tmp_path / "data/crops.h5", sequences[:1]) as crops:
        indices = np.array([2, 5])
        scale = crops.crop_from_image[indices, 0, 0]
        moved = crops.keypoints_px[indices] + np.array([3.0, 4.0]) * scale[:, None, None]  # 5 px in the image
        error_px, error_share = keypoint_errors(moved, crops, indices)
    assert np.allclose(error_px, 5, atol=1e-3)
    boxes = sequences[0].boxes_px[indices]
    assert np.allclose(error_share, 5 / (boxes[:, 2:] - boxes[:, :2]).max(-1)[:, None], rtol=1e-3)


def test_errors_in_a_stretched_crop(tmp_path):
    """Crops stretched fourfold along y: the box's longer side is that in the crop, and scales go by their mean."""
    sequences = write_toy_data(tmp_path)
    path = tmp_path / "data/crops.h5"
    with h5py.File(path, "r+") as file:
        stretched = file[sequences[0].key]["crop_from_image"]
        stretched[...] = stretched[...] * [[[1], [4]]]
    with Crops(path, sequences[:1]) as crops:
        scale = crops.crop_from_image[0, 0, 0]
        size = sequences[0].boxes_px[0, 2:] - sequences[0].boxes_px[0, :2]
        assert crops.box_sides_px[0] == pytest.approx(scale * max(size[0], 4 * size[1]), rel=1e-6)
        moved = crops.keypoints_px + np.array([3.0, 4.0], np.float32)
        error_px, error_share = keypoint_errors(moved, crops, np.arange(len(crops)))
        assert error_px[0] == pytest.approx(5 / (2 * scale), rel=1e-4)
        assert error_share[0] == pytest.approx(5 / crops.box_sides_px[0], rel=1e-4)


def test_evenly_spaced_covers_both_ends_once():
    assert evenly_spaced(3, 512).tolist() == [0, 1, 2]
    chosen = evenly_spaced(10_000, 512)
    assert (len(chosen), chosen[0], chosen[-1]) == (512, 0, 9999)
