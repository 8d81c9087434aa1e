"""Heatmaps to keypoints: crops through the network, decoded on its device, back to px of the full image."""

import os
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from pose3d.geometry.camera import apply_affine, invert_affine
from pose3d.geometry.lens_edge import BEYOND
from pose3d.geometry.skeleton import mirror_permutation
from pose3d.pose2d.batches import Batch, normalize_images, plain_batches
from pose3d.pose2d.blazepose_network import BlazePoseHeatmaps
from pose3d.pose2d.crops import Crops
from pose3d.pose2d.heatmaps import confidence, heatmap_to_crop_px, local_soft_argmax, marginal_soft_argmax, unflip
from pose3d.pose2d.network import PoseResNet, channels_last
from pose3d.records.keypoints2d import Keypoints2D, within_lens
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError
from pose3d.runtime.torch_threads import map_in_threads
from pose3d.training.model_file import build_with, load_model, save_model

HeatmapNetwork = PoseResNet | BlazePoseHeatmaps
GROUP_CROPS = 1024


def batch_size(device: torch.device) -> int:
    """Crops that go through the network together: as many as keep a GPU busy, or as few as fit into a CPU's cache.

    BlazePose on 192 px, with mirror images: 11.4 ms of CPU time a crop in batches of 8, 12.8 of 16, 15.5 of 32.
    """
    return 8 if device.type == "cpu" else 128


def load_network(path: str | os.PathLike) -> tuple[HeatmapNetwork, dict]:
    """The trained network in evaluation mode, and its architecture (see :func:`pose3d.pose2d.training.architecture`).

    Raises:
        InputError: the file is missing or holds another model.
    """
    architecture, weights = load_model(path)
    if architecture.get("model") == "blazepose":
        return channels_last(build_with(BlazePoseHeatmaps, weights, path)).eval(), architecture
    try:
        sizes = architecture["backbone"], tuple(architecture["deconv_channels"]), architecture["stem_channels"]
        network = build_with(lambda: PoseResNet(*sizes), weights, path)
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path} holds neither a pose_resnet nor a blazepose: run train_2d again") from None
    return channels_last(network).eval(), architecture


def save_network(path: str | os.PathLike, architecture: dict, network: HeatmapNetwork) -> None:
    """Write what :func:`load_network` reads; BlazePose's convolutions in half precision, to which training rounds them.

    Raises:
        InputError: a weight is not finite; what was there stays.
    """
    weights = network.state_dict() if isinstance(network, PoseResNet) else network.stored_weights()
    save_model(path, architecture, weights)


def predict_heatmaps(network: nn.Module, images: Tensor, flip_test: bool) -> Tensor:
    """Heatmaps (B, 17, H, H), float32; with ``flip_test`` the mean of those of the images and of their mirror images.

    Args:
        network: gives heatmaps, on the images' device.
        images: (B, 3, S, S), normalised.
        flip_test: the mirror images are looked at as well, at twice the time.
    """
    if not flip_test:
        return network(images).float()
    permutation = torch.from_numpy(mirror_permutation()).to(images.device)
    plain, flipped = network(torch.cat([images, images.flip(-1)])).float().chunk(2)
    return (plain + unflip(flipped, permutation)) / 2


def decode(heatmaps: Tensor, method: str, sigma_px: float, crop_size_px: int) -> tuple[Tensor, Tensor]:
    """Heatmaps to keypoints (B, 17, 2) in crop px and confidence (B, 17) in [0, 1].

    Args:
        heatmaps: (B, 17, H, H).
        method: local_soft_argmax or marginal_soft_argmax.
        sigma_px: standard deviation of the training targets, heatmap px.
        crop_size_px: side of the crops.
    """
    if method == "local_soft_argmax":
        keypoints = local_soft_argmax(heatmaps, sigma_px)
    else:
        keypoints = marginal_soft_argmax(heatmaps)
    return heatmap_to_crop_px(keypoints, crop_size_px, heatmaps.shape[-1]), confidence(heatmaps)


def detect(
    network: nn.Module, batches: Iterable[Batch], device: torch.device, method: str, sigma_px: float, flip_test: bool
) -> Keypoints2D:
    """Keypoints of all crops of the batches, in crop px: (N, 17, 2) float32 and confidence (N, 17).

    Args:
        network: on ``device``, in evaluation mode.
        batches: of N crops together.
        device: where the images go.
        method: see :func:`decode`.
        sigma_px: see :func:`decode`.
        flip_test: see :func:`predict_heatmaps`.
    """

    @torch.inference_mode()
    def look(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        images = normalize_images(batch.images_rgb.to(device))
        heatmaps = predict_heatmaps(network, images, flip_test)
        found, sure = decode(heatmaps, method, sigma_px, batch.images_rgb.shape[1])
        return found.cpu().numpy(), sure.cpu().numpy()

    found = map_in_threads(look, batches) if device.type == "cpu" else map(look, batches)
    keypoints, confidences = zip(*found, strict=True)
    return Keypoints2D(np.concatenate(keypoints), np.concatenate(confidences))


def detect_sequences(
    network: nn.Module,
    architecture: dict,
    crops_path: str | os.PathLike,
    sequences: Iterable[PoseSequence],
    device: torch.device,
    method: str,
    flip_test: bool,
    workers: int,
) -> Iterator[tuple[str, Keypoints2D]]:
    """Key and keypoints of every sequence, detected in its crops, in px of the full image.

    Short sequences go through the network together, so that few batches are not full. Keypoints beyond
    a lens's fold are marked as missing; how many there are is printed at the end.

    Args:
        network, architecture: from :func:`load_network`.
        crops_path: crops.h5.
        sequences: whose crops are looked at, in this order.
        device: where the images go.
        method: see :func:`decode`.
        flip_test: see :func:`predict_heatmaps`.
        workers: threads that decode, at least 1.

    Raises:
        InputError: the crops are damaged, or of another size than the network was trained on.
    """
    n_beyond = 0
    for group in _groups(sequences, GROUP_CROPS):
        with Crops(crops_path, group) as crops:
            if crops.size_px != architecture["crop_size_px"]:
                raise InputError(
                    f"{crops_path} has crops of {crops.size_px} px, the 2D model was trained on "
                    f"{architecture['crop_size_px']} px: run train_2d again"
                )
            batches = plain_batches(crops, np.arange(len(crops)), batch_size(device), workers)
            detected = detect(network, batches, device, method, architecture["sigma_heatmap_px"], flip_test)
            detected = to_full_image(detected, crops.crop_from_image)
        ends = np.cumsum([len(sequence) for sequence in group])
        for sequence, end in zip(group, ends, strict=True):
            own = slice(end - len(sequence), end)
            of_clip = Keypoints2D(detected.keypoints_px[own], detected.confidence[own])
            of_clip, n_lost = within_lens(sequence.camera, of_clip)
            n_beyond += n_lost
            yield sequence.key, of_clip
    if n_beyond:
        print(f"{n_beyond:,} keypoints {BEYOND}")


def _groups(sequences: Iterable[PoseSequence], n_crops: int) -> Iterator[list[PoseSequence]]:
    """Consecutive sequences of at least ``n_crops`` crops in all; the last group may have fewer."""
    group: list[PoseSequence] = []
    for sequence in sequences:
        group.append(sequence)
        if sum(map(len, group)) >= n_crops:
            yield group
            group = []
    if group:
        yield group


def to_full_image(detected: Keypoints2D, crop_from_image: np.ndarray) -> Keypoints2D:
    """Keypoints in crop px to px of the full image.

    Args:
        crop_from_image: (N, 2, 3).
    """
    keypoints = apply_affine(invert_affine(crop_from_image), detected.keypoints_px)
    return Keypoints2D(keypoints.astype(np.float32), detected.confidence)
