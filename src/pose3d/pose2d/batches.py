"""Batches of crops, decoded by threads ahead of their use, the same for any number of threads.

Training's are augmented too: by the threads where the network runs on the CPU, else on its GPU, a batch at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pose3d.config.pose2d import AugmentationParams
from pose3d.pose2d.augmentation import N_DRAWS, Changes, changes_of
from pose3d.pose2d.changed_batches import change_batch
from pose3d.pose2d.changed_pictures import change_picture
from pose3d.pose2d.crops import Crops
from pose3d.runtime.prefetch import prefetch
from pose3d.runtime.processes import WHOLE, Share
from pose3d.training.seeds import numbered_draws, numpy_generator

IMAGE_MEAN = (0.44487878, 0.27743985, 0.2616888)
IMAGE_STD = (0.25466519, 0.26579411, 0.24354595)
"""Mean and standard deviation of R, G and B in Human3.6M's training crops, values in 0 ... 1."""

_ORDER, _AUGMENTATION = 1, 2  # purposes of numpy_generator
_CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Batch:
    """B crops.

    Attributes:
        images_rgb: (B, S, S, 3) uint8.
        keypoints_px: (B, 17, 2) float32 in crop px.
        changes: what :meth:`to` still does to the pictures, and was done to the keypoints; None for nothing.
    """

    images_rgb: Tensor
    keypoints_px: Tensor
    changes: Changes | None = None

    def __len__(self) -> int:
        return len(self.images_rgb)

    def pinned(self) -> "Batch":
        """In memory from which a GPU copies while the host goes on."""
        return Batch(self.images_rgb.pin_memory(), self.keypoints_px.pin_memory(), self.changes)

    def to(self, device: torch.device) -> "Batch":
        """On a device, and changed there; the host does not wait for it."""
        images_rgb = self.images_rgb.to(device, non_blocking=True)
        if self.changes is not None:
            images_rgb = change_batch(images_rgb, self.changes)
        return Batch(images_rgb, self.keypoints_px.to(device, non_blocking=True))


def normalize_images(images_rgb: Tensor) -> Tensor:
    """(B, S, S, 3) uint8 to the network's (B, 3, S, S) float32, in channels-last memory layout as it already is."""
    mean = torch.tensor(IMAGE_MEAN, device=images_rgb.device) * 255
    std = torch.tensor(IMAGE_STD, device=images_rgb.device) * 255
    images = images_rgb.float()
    return torch.addcmul(-mean / std, images, 1 / std, out=images).permute(0, 3, 1, 2)  # in one pass, and in place


def epoch_order(n_samples: int, seed: int, epoch: int) -> np.ndarray:
    """Every sample once, in an order that depends on the seed and the epoch only. (N,) int64.

    Args:
        n_samples: N.
        seed: of the training.
        epoch: from 0.
    """
    return numpy_generator(seed, _ORDER, epoch).permutation(n_samples)


class TrainingCrops(Protocol):
    """Source of :func:`training_batches`: N crops with keypoints, as of :class:`pose3d.pose2d.crops.Crops`."""

    @property
    def keypoints_px(self) -> np.ndarray: ...

    def __len__(self) -> int: ...

    def image_rgb(self, index: int) -> np.ndarray: ...


def training_batches(
    crops: TrainingCrops,
    strengths: AugmentationParams,
    batch_size: int,
    seed: int,
    epoch: int,
    first_batch: int,
    workers: int,
    share: Share = WHOLE,
    device: torch.device = _CPU,
) -> Iterator[Batch]:
    """This process's share of an epoch's augmented batches from ``first_batch`` on.

    A last, smaller batch is left out unless it is the only one.

    Each sample's augmentation depends on the seed, the epoch and the sample's index alone: neither resuming in
    mid-epoch nor the size of batches nor the number of workers changes it.

    Args:
        crops: N of them.
        strengths: of the augmentation.
        batch_size: crops of all processes together.
        seed: of the training.
        epoch: from 0.
        first_batch: batch of the epoch to begin with, from 0.
        workers: threads that load, at least 1.
        share: what this process has of each batch.
        device: where the batches will go. For another than the CPU, pictures are left for :meth:`Batch.to` to change.
    """

    def load(indices: np.ndarray) -> Batch:
        images = [crops.image_rgb(int(i)) for i in indices]
        changes = changes_of(numbered_draws(indices, N_DRAWS, seed, _AUGMENTATION, epoch), len(images[0]), strengths)
        keypoints_px = torch.from_numpy(changes.keypoints_px(crops.keypoints_px[indices]))
        if device.type == "cpu":
            images = [change_picture(image, changes, row) for row, image in enumerate(images)]
            return Batch(torch.from_numpy(np.stack(images)), keypoints_px)
        batch = Batch(torch.from_numpy(np.stack(images)), keypoints_px, changes)
        return batch.pinned() if device.type == "cuda" else batch

    order = epoch_order(len(crops), seed, epoch)
    chunks = [
        share.part(order[k * batch_size : (k + 1) * batch_size])
        for k in range(first_batch, batches_per_epoch(len(crops), batch_size))
    ]
    return prefetch(load, chunks, workers)


def batches_per_epoch(n_samples: int, batch_size: int) -> int:
    """Number of batches that :func:`training_batches` gives."""
    return max(1, n_samples // batch_size)


def plain_batches(crops: Crops, indices: np.ndarray, batch_size: int, workers: int) -> Iterator[Batch]:
    """The given crops in their order, as they are.

    Args:
        crops: N of them.
        indices: (M,) which ones, in [0, N).
        batch_size: crops of a batch; the last one may be smaller.
        workers: threads that decode, at least 1.
    """

    def load(chunk: np.ndarray) -> Batch:
        return _stack([(crops.image_rgb(i), crops.keypoints_px[i]) for i in chunk])

    return prefetch(load, [indices[k : k + batch_size] for k in range(0, len(indices), batch_size)], workers)


def _stack(pairs: list[tuple[np.ndarray, np.ndarray]]) -> Batch:
    images, keypoints = zip(*pairs, strict=True)
    return Batch(torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(keypoints).astype(np.float32)))
