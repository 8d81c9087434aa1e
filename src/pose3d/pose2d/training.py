"""Train the 2D network on crops: a fixed schedule, which no validation figure changes, and exact resumption."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from pose3d.config.pose2d import (
    BLAZEPOSE,
    BlazePoseParams,
    CosineSchedule,
    PoseResNetParams,
    StepSchedule,
    Train2DParams,
)
from pose3d.pose2d.batch_norm import share_batch_statistics
from pose3d.pose2d.batches import Batch, batches_per_epoch, normalize_images, plain_batches, training_batches
from pose3d.pose2d.blazepose_network import STRIDE_PX, BlazePoseHeatmaps, load_trunk
from pose3d.pose2d.crops import Crops
from pose3d.pose2d.heatmaps import crop_to_heatmap_px, gaussian_targets
from pose3d.pose2d.inference import HeatmapNetwork, decode, predict_heatmaps
from pose3d.pose2d.left_right import PoseResNetWithSides, sides_loss
from pose3d.pose2d.network import PoseResNet, channels_last
from pose3d.pose2d.pretrained import load_blazepose, load_pretrained
from pose3d.runtime.errors import InputError
from pose3d.runtime.memory import keep_freed_memory
from pose3d.runtime.prefetch import Awaited, clock_of
from pose3d.runtime.processes import Share, mean_over_processes
from pose3d.runtime.torch_threads import map_in_threads, torch_threads
from pose3d.runtime.workers import worker_count
from pose3d.training.checkpoint import Checkpoint
from pose3d.training.loop import run_training

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CHECKPOINT_STEPS = 250
"""Steps between checkpoints within an epoch; each epoch ends with one too."""
LOGGED_STEPS = 50
"""Steps that one row of the curves averages over."""
MEASURED_CROPS = 512
"""Crops of the measured subjects, evenly spaced over all of them, that each point of the curve is measured on."""
TRUNK_LR_SHARE = 0.1
"""BlazePose's own weights learn at this share of the head's rate, which starts from nothing."""
PCK_SHARE = 0.1
"""A joint counts as found within this share of the longer side of the person's box."""


def architecture(params: Train2DParams, crop_size_px: int) -> dict[str, Any]:
    """The architecture, which :func:`pose3d.pose2d.inference.load_network` needs beside the weights."""
    sizes: dict[str, Any] = {"model": params.network.kind}
    if isinstance(params.network, PoseResNetParams):
        sizes |= {
            "backbone": params.network.backbone,
            "stem_channels": params.network.stem_channels,
            "deconv_channels": list(params.network.deconv_channels),
        }
    return sizes | {"crop_size_px": crop_size_px, "sigma_heatmap_px": params.sigma_heatmap_px}


def build_network(params: Train2DParams, fabric: Fabric) -> HeatmapNetwork:
    """The network with its initial weights, from torch's global seed or from ``params.init``, then reported once.

    BlazePose's trunk has the weights of :data:`BLAZEPOSE` where ``params.init`` gives no others.

    Raises:
        InputError: weights are missing, damaged, or another network's.
    """
    sizes, report = params.network, []
    network: HeatmapNetwork
    if isinstance(sizes, PoseResNetParams):
        network = PoseResNet(sizes.backbone, sizes.deconv_channels, sizes.stem_channels)
        if params.init is not None:
            report = load_pretrained(network, params.init, sizes)
    else:
        network = BlazePoseHeatmaps()
        network.freeze(sizes.trainable)
        if params.init is None:
            load_trunk(network.trunk, BLAZEPOSE)
        else:
            report = load_blazepose(network, params.init)
    if fabric.is_global_zero:
        print(*(f"{params.init}: {line}\n" for line in report), sep="", end="")
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


@dataclass(frozen=True, eq=False)
class Ready:
    """A batch as the learner takes it.

    Attributes:
        inputs: normalised images (B, 3, S, S), or features of a trunk that does not learn.
        keypoints_px: (B, 17, 2) in crop px.
        size_px: S.
    """

    inputs: Tensor | tuple[Tensor, ...]
    keypoints_px: Tensor
    size_px: int


class NetworkTrainer:
    """Steps of the 2D training, see :class:`pose3d.training.loop.Trainer`.

    Args:
        params: network, schedule and augmentation.
        training: crops to learn from.
        measured: crops that each epoch's row of the curves measures.
        seed: of the order and the augmentation.
        fabric: device, processes and precision.

    Attributes:
        network: what is trained.
    """

    def __init__(self, params: Train2DParams, training: Crops, measured: Crops, seed: int, fabric: Fabric) -> None:
        self._params, self._training, self._measured = params, training, measured
        self._seed, self._fabric = seed, fabric
        self._epoch_steps = batches_per_epoch(len(training), params.batch_size)
        self.steps = params.epochs * self._epoch_steps
        self.network = share_batch_statistics(build_network(params, fabric), fabric.device)
        self._threads, self._features_ahead = torch.get_num_threads(), False
        learner: nn.Module
        groups: list[dict[str, Any]]
        if isinstance(self.network, PoseResNet):
            learner = PoseResNetWithSides(self.network)
            groups = [{"params": list(learner.parameters())}]
        elif isinstance(params.network, BlazePoseParams) and params.network.trainable == "head":
            self.network.trunk.to(fabric.device)
            learner = self.network.head
            groups = [{"params": list(learner.parameters())}]
            self._features_ahead = fabric.device.type == "cpu"
        else:
            learner = self.network
            own = [weights for weights in learner.trunk.parameters() if weights.requires_grad]
            groups = [{"params": list(learner.head.parameters())}, {"params": own, "lr": TRUNK_LR_SHARE * params.lr}]
        optimizer = torch.optim.Adam(groups, lr=params.lr, fused=True)
        self._model, self._optimizer = fabric.setup(learner, optimizer)
        self._schedule = LambdaLR(self._optimizer, self._lr_factor)
        self.parts = {"learner": learner, "optimizer": self._optimizer, "schedule": self._schedule}
        self._batches: Awaited[Batch | Ready] | None = None  # from the first step on, which a checkpoint may say

    def _lr_factor(self, step: int) -> float:
        return learning_rate_factor(step, self.steps, self._epoch_steps, self._params.schedule)

    def step(self, step: int) -> dict[str, Tensor]:
        if self._batches is None:
            batches = self._batches_from(step)
            ahead = map_in_threads(self._ready, batches) if self._features_ahead else batches
            self._batches = Awaited(ahead, clock_of(self._fabric.device))
        batch = next(self._batches)
        ready = batch if isinstance(batch, Ready) else self._ready(batch)
        with torch_threads(max(1, self._threads // 2) if self._features_ahead else self._threads):
            losses = _training_step(self._model, self._optimizer, ready, self._fabric, self._params)
        self._schedule.step()
        return losses

    def _ready(self, batch: Batch) -> Ready:
        """A batch on the device, gone through what does not learn."""
        batch = batch.to(self._fabric.device)
        size_px = batch.images_rgb.shape[1]
        images = normalize_images(batch.images_rgb)
        if not (isinstance(self.network, BlazePoseHeatmaps) and self._model.module is self.network.head):
            return Ready(images, batch.keypoints_px, size_px)
        with torch.no_grad(), self._fabric.autocast():
            return Ready(self.network.features(images), batch.keypoints_px, size_px)

    def _batches_from(self, step: int) -> Iterator[Batch]:
        augmentation, batch_size, workers = self._params.augmentation, self._params.batch_size, worker_count()
        epoch, done = divmod(step, self._epoch_steps)
        for number in range(epoch, self._params.epochs):
            first, share = done if number == epoch else 0, Share.of(self._fabric)
            yield from training_batches(
                self._training, augmentation, batch_size, self._seed, number, first, workers, share, self._fabric.device
            )

    def logs(self, done: int) -> bool:
        return done % self._epoch_steps % LOGGED_STEPS == 0

    def saves(self, done: int) -> bool:
        return done % self._epoch_steps == 0 or done % CHECKPOINT_STEPS == 0

    def row(self, done: int, terms: Mapping[str, Tensor], progress: tqdm) -> dict[str, float]:
        """Mean loss over the steps; behind an epoch what the measured subjects show, too."""
        row = {"epoch": done / self._epoch_steps, "train_loss": float(np.mean(terms["heatmap_loss"].tolist()))}
        if self._batches is not None:
            progress.set_postfix({"busy": f"{100 * self._batches.busy_share():.0f} %"}, refresh=False)
        if done % self._epoch_steps == 0:
            row |= measure(self.network, self._measured, self._params, self._fabric)
            progress.write(", ".join(f"{name} {value:.4g}" for name, value in ({"step": done} | row).items()))
        return row


def train(
    params: Train2DParams, training: Crops, measured: Crops, seed: int, fabric: Fabric, checkpoint: Checkpoint
) -> tuple[HeatmapNetwork, list[dict[str, float]]]:
    """Train from the start, or from the checkpoint where there is one, to the same weights either way.

    Args:
        params: network, schedule and augmentation.
        training: crops to learn from, at least two.
        measured: crops that the learning curves are measured on; they choose nothing.
        seed: of the order and the augmentation.
        fabric: device, processes and precision.
        checkpoint: where training is saved and resumed.

    Returns:
        The network in evaluation mode, and the rows of the learning curves.

    Raises:
        InputError: the loss or a weight stopped being finite, and the last good checkpoint stays; there is one crop
            alone, or one is damaged; or the processes cannot share a batch equally.
        Terminated: SIGTERM came; the step is done and in the checkpoint, which the first process writes.
    """
    if len(training) < 2:
        raise InputError(
            "one crop is too few to train on, because batch normalisation compares crops: lower train_2d.frame_step"
        )
    if isinstance(params.network, BlazePoseParams) and training.size_px % STRIDE_PX:
        raise InputError(
            f"crops of {training.size_px} px do not go through BlazePose: set crop_resize.size_px to a multiple of "
            f"{STRIDE_PX}, such as 192 or 256"
        )
    keep_freed_memory()
    batch_size = min(params.batch_size, len(training))
    Share.of(fabric).require_equal("train_2d.batch_size, or the number of crops,", batch_size)
    trainer = NetworkTrainer(params, training, measured, seed, fabric)
    rows = run_training(trainer, fabric, checkpoint, "train_2d")
    if isinstance(trainer.network, BlazePoseHeatmaps):
        trainer.network.round_to_half()  # what is measured is what the model file holds
    return trainer.network.eval(), rows


def _training_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Ready,
    fabric: Fabric,
    params: Train2DParams,
) -> dict[str, Tensor]:
    """One step; the heatmaps' loss and, of pose_resnet, the sides', unweighted, of this process's share of a batch."""
    model.train()
    losses, weight = {}, 0.0
    if isinstance(params.network, PoseResNetParams):
        heatmaps, offsets = model(batch.inputs)
        losses["sides_loss"] = sides_loss(offsets.float(), batch.keypoints_px, batch.size_px)
        weight = params.network.left_right_weight
    else:
        heatmaps = model(batch.inputs)
    losses["heatmap_loss"] = heatmap_loss(heatmaps.float(), batch.keypoints_px, batch.size_px, params.sigma_heatmap_px)
    optimizer.zero_grad()
    fabric.backward(losses["heatmap_loss"] + weight * losses.get("sides_loss", 0))
    optimizer.step()
    return {name: loss.detach() for name, loss in losses.items()}


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
