"""Train pose_resnet on crops: a fixed schedule, which no validation figure changes, and exact resumption."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from pose3d.config.pose2d import CosineSchedule, StepSchedule, Train2DParams
from pose3d.pose2d.batch_norm import share_batch_statistics
from pose3d.pose2d.batches import Batch, batches_per_epoch, normalize_images, plain_batches, training_batches
from pose3d.pose2d.crops import Crops
from pose3d.pose2d.heatmaps import crop_to_heatmap_px, gaussian_targets
from pose3d.pose2d.inference import decode, predict_heatmaps
from pose3d.pose2d.left_right import PoseResNetWithSides, sides_loss
from pose3d.pose2d.network import PoseResNet, channels_last
from pose3d.pose2d.pretrained import load_pretrained
from pose3d.runtime.errors import InputError
from pose3d.runtime.prefetch import Awaited
from pose3d.runtime.processes import Share, mean_over_processes
from pose3d.runtime.signals import Terminated, sigterm_held
from pose3d.runtime.workers import worker_count
from pose3d.training.checkpoint import Checkpoint, require_finite

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CHECKPOINT_STEPS = 250
"""Steps between checkpoints within an epoch; each epoch ends with one too."""
LOGGED_STEPS = 50
"""Steps that one row of the curves averages over."""
MEASURED_CROPS = 512
"""Crops of the measured subjects, evenly spaced over all of them, that each point of the curve is measured on."""
PCK_SHARE = 0.1
"""A joint counts as found within this share of the longer side of the person's box."""


def architecture(params: Train2DParams, crop_size_px: int) -> dict[str, Any]:
    """The architecture, which :func:`pose3d.pose2d.inference.load_network` needs beside the weights."""
    return {
        "model": "pose_resnet",
        "backbone": params.backbone,
        "stem_channels": params.stem_channels,
        "deconv_channels": list(params.deconv_channels),
        "crop_size_px": crop_size_px,
        "sigma_heatmap_px": params.sigma_heatmap_px,
    }


def build_network(params: Train2DParams, fabric: Fabric) -> PoseResNet:
    """The network with its initial weights, from torch's global seed or from ``params.init``, then reported once."""
    network = PoseResNet(params.backbone, params.deconv_channels, params.stem_channels)
    if params.init is not None:
        report = load_pretrained(network, params)
        if fabric.is_global_zero:
            print(*(f"{params.init}: {line}" for line in report), sep="\n")
    return channels_last(network)


def learning_rate_factor(
    step: int, n_steps: int, steps_per_epoch: int, schedule: CosineSchedule | StepSchedule
) -> float:
    """Share of ``params.lr`` to use at a step (0 ... n_steps - 1).

    ``steps``: times ``factor`` after each of ``after_epochs``. ``cosine``: linear warm-up over the first ``warmup``
    share of all steps, then half a cosine to zero (Loshchilov and Hutter, ICLR 2017, equation 5, without restarts).

    Args:
        step: 0 to n_steps - 1.
        n_steps: of the whole training.
        steps_per_epoch: steps of one epoch.
        schedule: which of the two, with its settings.
    """
    if schedule.kind == "steps":
        return schedule.factor ** sum(step >= epoch * steps_per_epoch for epoch in schedule.after_epochs)
    warmup_steps = max(1, round(schedule.warmup * n_steps))
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    return 0.5 * (1 + math.cos(math.pi * (step - warmup_steps) / max(1, n_steps - warmup_steps)))


def heatmap_loss(heatmaps: Tensor, keypoints_crop_px: Tensor, crop_size_px: int, sigma_px: float) -> Tensor:
    """Mean squared error to Gaussian targets over the joints within the crop, times the number of px of a heatmap.

    The sum over px in place of the mean keeps the loss of a missed joint the same for all heatmap sizes (a Gaussian has
    the squared mass ``pi sigma^2``).

    On several processes it is this one's part: the mean of all parts is the loss of the whole batch, in which a joint
    weighs the same whoever has it.

    Args:
        heatmaps: (B, 17, H, H).
        keypoints_crop_px: (B, 17, 2).
        crop_size_px: side of the crops.
        sigma_px: standard deviation of the targets, heatmap px.
    """
    size = heatmaps.shape[-1]
    targets, weights = gaussian_targets(crop_to_heatmap_px(keypoints_crop_px, crop_size_px, size), size, sigma_px)
    squared = ((heatmaps - targets) ** 2).sum((-2, -1))
    joints = mean_over_processes(weights.sum())
    return (squared * weights).sum() / torch.where(joints > 0, joints, 1)


def keypoint_errors(detected_crop_px: np.ndarray, crops: Crops, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Errors (N, 17) of detections in crop px: in px of the full image, and as shares of the box's longer side.

    The former use the geometric mean of the scales along x and y, which are equal but for crops that came stretched.

    Args:
        detected_crop_px: (N, 17, 2).
        crops: with the true keypoints.
        indices: (N,) which of the crops were looked at.
    """
    error = np.linalg.norm(detected_crop_px - crops.keypoints_px[indices], axis=-1)
    scale = np.sqrt(crops.crop_from_image[indices, 0, 0] * crops.crop_from_image[indices, 1, 1])
    return error / scale[:, None], error / crops.box_sides_px[indices, None]


def evenly_spaced(n_samples: int, n_chosen: int) -> np.ndarray:
    """At most ``n_chosen`` indices spread over all samples."""
    return np.unique(np.linspace(0, n_samples - 1, min(n_samples, n_chosen)).astype(np.int64))


def train(
    params: Train2DParams,
    training: Crops,
    measured: Crops,
    seed: int,
    fabric: Fabric,
    checkpoint: Checkpoint,
    on_step: Callable[[int], None] = lambda step: None,
) -> tuple[nn.Module, list[dict[str, float]]]:
    """Train from the start, or from the checkpoint where there is one, to the same weights either way.

    Args:
        params: network, schedule and augmentation.
        training: crops to learn from, at least two.
        measured: crops that the learning curves are measured on; they choose nothing.
        seed: of the order and the augmentation.
        fabric: device, processes and precision.
        checkpoint: where training is saved and resumed.
        on_step: called with the number of steps done after each of them.

    Returns:
        The network in evaluation mode, and the rows of the learning curves.

    Raises:
        InputError: the loss or a weight stopped being finite, and the last good checkpoint stays; there is one crop
            alone, or one is damaged; or the processes cannot share a batch equally.
        Terminated: SIGTERM came; the step is done and in the checkpoint, which the first process writes.
    """
    if len(training) < 2:
        raise InputError("one crop is too few to train on, for batch normalisation compares: lower train_2d.frame_step")
    share = Share.of(fabric)
    share.require_equal("train_2d.batch_size, or the number of crops,", min(params.batch_size, len(training)))
    learner = PoseResNetWithSides(share_batch_statistics(build_network(params, fabric), fabric.device))
    optimizer = torch.optim.Adam(learner.parameters(), lr=params.lr, fused=True)
    model, optimizer = fabric.setup(learner, optimizer)
    workers = worker_count()
    steps_per_epoch = batches_per_epoch(len(training), params.batch_size)
    n_steps = params.epochs * steps_per_epoch
    step = 0
    rows: list[dict[str, float]] = []
    losses: list[float] = []

    def state_now() -> dict[str, Any]:
        return {"learner": learner, "optimizer": optimizer, "step": step, "rows": rows, "losses": losses}

    state = fabric.broadcast(checkpoint.load(state_now()) if fabric.is_global_zero else None)
    if state is not None:
        learner.load_state_dict(state["learner"])
        optimizer.load_state_dict(state["optimizer"])
        step, rows, losses = state["step"], state["rows"], state["losses"]
        print(f"going on from step {step} of {n_steps} ({checkpoint.path})")

    progress = tqdm(
        total=n_steps,
        initial=step,
        desc="train_2d",
        unit="step",
        mininterval=2,
        disable=not fabric.is_global_zero,
    )
    with progress, sigterm_held() as terminated:  # the bar closes before any message of an end
        while step < n_steps:
            epoch, done = divmod(step, steps_per_epoch)
            batches = Awaited(
                training_batches(training, params.augmentation, params.batch_size, seed, epoch, done, workers, share)
            )
            for batch in batches:
                for group in optimizer.param_groups:
                    group["lr"] = params.lr * learning_rate_factor(step, n_steps, steps_per_epoch, params.schedule)
                loss, sides = _training_step(model, optimizer, batch, fabric, params)
                step += 1
                require_finite(step, checkpoint, heatmap_loss=loss, sides_loss=sides)
                losses.append(loss)
                epoch_ends = step % steps_per_epoch == 0
                if len(losses) == LOGGED_STEPS or epoch_ends:
                    rows.append({"step": step, "epoch": step / steps_per_epoch, "train_loss": float(np.mean(losses))})
                    losses = []
                    progress.set_postfix({"busy": f"{100 * batches.busy_share():.0f} %"}, refresh=False)
                if epoch_ends:
                    rows[-1] |= measure(learner.network, measured, params, fabric)
                    require_finite(step, checkpoint, **rows[-1])
                    progress.write(", ".join(f"{name} {value:.4g}" for name, value in rows[-1].items()))
                ends = terminated() and fabric.is_global_zero
                if fabric.is_global_zero and (ends or epoch_ends or step % CHECKPOINT_STEPS == 0):
                    checkpoint.save(state_now())
                if ends:
                    raise Terminated
                progress.update()
                on_step(step)
    return learner.network.eval(), rows


def _training_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    fabric: Fabric,
    params: Train2DParams,
) -> tuple[float, float]:
    """One step; the heatmaps' loss and the sides', unweighted, of the whole batch."""
    model.train()
    images, keypoints_px = normalize_images(batch.images_rgb.to(fabric.device)), batch.keypoints_px.to(fabric.device)
    heatmaps, offsets = model(images)
    loss = heatmap_loss(heatmaps.float(), keypoints_px, images.shape[-1], params.sigma_heatmap_px)
    sides = sides_loss(offsets.float(), keypoints_px, images.shape[-1])
    optimizer.zero_grad()
    fabric.backward(loss + params.left_right_weight * sides)
    optimizer.step()
    loss, sides = mean_over_processes(torch.stack([loss, sides]).detach()).tolist()
    return loss, sides


@torch.inference_mode()
def measure(model: nn.Module, measured: Crops, params: Train2DParams, fabric: Fabric) -> dict[str, float]:
    """Loss, share of joints found and mean error on some crops, spread over all of them, without the flip test.

    Args:
        model: the network; it is left in evaluation mode.
        measured: at most :data:`MEASURED_CROPS` of these are looked at.
        params: its ``batch_size`` and ``sigma_heatmap_px`` are used.
        fabric: device and precision.
    """
    model.eval()
    indices = evenly_spaced(len(measured), MEASURED_CROPS)
    losses, detected = [], []
    for batch in plain_batches(measured, indices, params.batch_size, worker_count()):
        with fabric.autocast():
            images = fabric.strategy.precision.convert_input(normalize_images(batch.images_rgb.to(fabric.device)))
            heatmaps = predict_heatmaps(model, images, flip_test=False)
        targets_px = batch.keypoints_px.to(fabric.device)
        losses.append(len(batch) * float(heatmap_loss(heatmaps, targets_px, measured.size_px, params.sigma_heatmap_px)))
        detected.append(decode(heatmaps, "local_soft_argmax", params.sigma_heatmap_px, measured.size_px)[0].cpu())
    error_px, error_share = keypoint_errors(torch.cat(detected).numpy(), measured, indices)
    return {
        "measured_loss": sum(losses) / len(indices),
        "measured_pck": float((error_share < PCK_SHARE).mean()),
        "measured_error_px": float(error_px.mean()),
    }
