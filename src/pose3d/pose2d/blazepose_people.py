"""BlazePose's detector: people in whole pictures, each by the circle that its body fits into.

Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking", CV4ARVR 2020, section 2; anchors as Liu et al.,
"SSD", ECCV 2016. The network and its conventions are those of MediaPipe 0.10 (pose_detection.tflite).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from pose3d.geometry.boxes import box_overlaps
from pose3d.geometry.camera import apply_affine, invert_affine
from pose3d.pose2d.rotated_crops import crop_from_rotated_square, cut_rotated, squares_of_pictures

INPUT_PX = 224
OUTPUTS = ("Identity", "Identity_1")
"""Of the file: (B, 2254, 12) boxes and keypoints relative to the anchors, and (B, 2254, 1) logits."""
MIN_SCORE = 0.5
MAX_OVERLAP = 0.3
"""As in MediaPipe, which makes one of people who overlap: who follows several takes more, and the same person twice."""
_ANCHORS = ((8, 2), (16, 2), (32, 6))
"""Stride in px, and how many anchors lie in each cell."""
_N_KEYPOINTS = 4


@dataclass(frozen=True, eq=False)
class People:
    """Who is in one picture, N people by falling score.

    Attributes:
        scores: (N,) in [0, 1].
        boxes_px: (N, 4) x0, y0, x1, y1 around head and trunk.
        hips_px: (N, 2) the middle between the hips, the centre of the body's circle.
        tops_px: (N, 2) a point on the circle, straight above the hips in a person who stands.
    """

    scores: np.ndarray
    boxes_px: np.ndarray
    hips_px: np.ndarray
    tops_px: np.ndarray


def anchors() -> np.ndarray:
    """Centres of the anchors, (2254, 2), in px of the network's input."""
    centres = []
    for stride, count in _ANCHORS:
        cells = (np.arange(INPUT_PX // stride) + 0.5) * stride
        grid = np.stack(np.meshgrid(cells, cells), axis=-1).reshape(-1, 2)
        centres.append(np.repeat(grid, count, axis=0))
    return np.concatenate(centres)


def decode(values: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The network's outputs for one picture, in px of its input.

    Args:
        values: (A, 12) centre and size of a box and 4 keypoints for each anchor, px, all but the size relative to the
            anchor.
        logits: (A, 1).

    Returns:
        scores (A,), boxes (A, 4) x0, y0, x1, y1, and keypoints (A, 4, 2).
    """
    centres, half = values[:, :2] + anchors(), values[:, 2:4] / 2
    keypoints = values[:, 4:].reshape(-1, _N_KEYPOINTS, 2) + anchors()[:, None]
    scores = sigmoid(logits[:, 0])
    return scores, np.concatenate([centres - half, centres + half], axis=1), keypoints


def merge(
    scores: np.ndarray, boxes: np.ndarray, keypoints: np.ndarray, max_overlap: float = MAX_OVERLAP
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One detection for each person: the mean, weighted by score, of all that overlap the person's best.

    Args:
        scores: (A,).
        boxes: (A, 4) x0, y0, x1, y1.
        keypoints: (A, K, 2).
        max_overlap: boxes that overlap more (intersection over union) are of one person.

    Returns:
        The same of N people by falling score; a person's score is that of the best detection.
    """
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= MIN_SCORE]
    merged = []
    while len(order):
        of_person = box_overlaps(boxes[order[:1]], boxes[order])[0] > max_overlap
        of_person[0] = True  # also of a box without area
        group, order = order[of_person], order[~of_person]
        weights = scores[group] / scores[group].sum()
        merged.append((scores[group[0]], weights @ boxes[group], np.einsum("a,akc->kc", weights, keypoints[group])))
    if not merged:
        return np.empty(0), np.empty((0, 4)), np.empty((0, *keypoints.shape[1:]))
    score, box, points = zip(*merged, strict=True)
    return np.array(score), np.stack(box), np.stack(points)


@dataclass(frozen=True, eq=False)
class PersonDetector:
    """Finds people in whole pictures.

    Attributes:
        network: gives :data:`OUTPUTS` of images (B, 3, 224, 224) in [-1, 1]; on the device, in evaluation mode.
        device: where the images go.
    """

    network: nn.Module
    device: torch.device

    def __call__(self, images_bgr: Sequence[np.ndarray]) -> list[People]:
        """The people of each picture (H, W, 3) uint8."""
        squares = [squares_of_pictures(image.shape[1], image.shape[0]) for image in images_bgr]
        return self.in_squares(images_bgr, np.stack(squares))

    @torch.inference_mode()
    def in_squares(
        self, images_bgr: Sequence[np.ndarray], squares: np.ndarray, max_overlap: float = MAX_OVERLAP
    ) -> list[People]:
        """The people in each of N rotated squares (N, 4), each in a picture of its own (H, W, 3), or in the same.

        Who is less than about a third of a square high is hardly found in it.
        """
        transforms = crop_from_rotated_square(squares, INPUT_PX)
        crops = [
            cut_rotated(image, transform, INPUT_PX) for image, transform in zip(images_bgr, transforms, strict=True)
        ]
        images = network_input(np.stack(crops), self.device) * 2 - 1
        values, logits = (output.float().cpu().numpy().astype(np.float64) for output in self.network(images))
        people = []
        for transform, *outputs in zip(transforms, values, logits, strict=True):
            scores, boxes, keypoints = merge(*decode(*outputs), max_overlap)
            back = invert_affine(transform)
            corners_px = apply_affine(back, boxes.reshape(-1, 2, 2)).reshape(-1, 4)
            points_px = apply_affine(back, keypoints)
            people.append(People(scores, corners_px, points_px[:, 0], points_px[:, 1]))
        return people


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Logits to what they stand for, in [0, 1]."""
    return 1 / (1 + np.exp(-np.clip(logits, -80, 80)))  # beyond that nothing changes but exp overflows


def network_input(crops_bgr: np.ndarray, device: torch.device) -> torch.Tensor:
    """Crops (B, S, S, 3) uint8 BGR to images (B, 3, S, S) RGB in [0, 1], channels last."""
    # Of crops with channels last this is channels last as well, without a copy.
    return torch.from_numpy(crops_bgr).to(device).permute(0, 3, 1, 2).flip(1).float() / 255
