"""People in full pictures: boxes around joints, the network's crops around boxes, and what it finds in them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from pose3d.geometry.camera import crop_from_image
from pose3d.pose2d.batches import Batch
from pose3d.pose2d.crops import cut_square, whole_px_square
from pose3d.pose2d.inference import detect, to_full_image
from pose3d.records.keypoints2d import Keypoints2D

KeypointDetector = Callable[[Sequence[np.ndarray], np.ndarray], Keypoints2D]
"""N pictures (H, W, 3) BGR and a box in each, (N, 4) px, to keypoints in px of the picture."""

SMALLEST_SIDE_PX = 16.0
_BODY_BEYOND_JOINTS = np.array([0.03, 0.01, 0.03, 0.07])
"""How far the body goes beyond its joints to the left, top, right and bottom, in longer sides of the joints' box.
Somewhat less than the training subjects' medians (0.05, 0.02, 0.05, 0.08): with those, people who turn or climb in
short takes of training and validation subjects are lost sooner."""
_BATCH = 16


def box_around_joints(keypoints_px: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    """The box of a body, cut off at the picture's border as the boxes of the training data are.

    Args:
        keypoints_px: (J, 2). Unsure ones count as well: without them a box loses the legs that it once cut off.
        width_px, height_px: of the picture.

    Returns:
        (4,) x0, y0, x1, y1, px.
    """
    low, high = keypoints_px.min(0), keypoints_px.max(0)
    side = max(float((high - low).max()), SMALLEST_SIDE_PX)
    return box_within(np.concatenate([low, high]) + _BODY_BEYOND_JOINTS * side * [-1, -1, 1, 1], width_px, height_px)


def box_within(box_px: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    """A box (4,) cut off at the picture's border; at least :data:`SMALLEST_SIDE_PX` of it stay inside.

    Args:
        box_px: (4,) x0, y0, x1, y1.
        width_px, height_px: of the picture.
    """
    least = min(SMALLEST_SIDE_PX, width_px, height_px)
    low = np.clip(box_px[:2], 0, np.array([width_px, height_px]) - least)
    high = np.clip(np.maximum(box_px[2:], low + least), 0, [width_px, height_px])
    return np.concatenate([low, high])


def cut_crops(
    images_bgr: Sequence[np.ndarray], boxes_px: np.ndarray, margin: float, size_px: int
) -> tuple[np.ndarray, np.ndarray]:
    """Squares around boxes (N, 4) as training crops have them.

    Args:
        images_bgr: N pictures (H, W, 3) uint8.
        boxes_px: (N, 4) x0, y0, x1, y1.
        margin: side of the square in longer sides of the box.
        size_px: side of the crops.

    Returns:
        (N, size, size, 3) uint8 RGB, and the (N, 2, 3) transforms from px of the pictures into them.
    """
    sides = whole_px_square(boxes_px, margin)[:, 2]
    # Blocks of px are averaged first where a crop shrinks fourfold or more: the rest then takes a fraction of the time.
    blocks = 2 ** np.maximum(np.floor(np.log2(sides / size_px)).astype(int) - 1, 0)
    squares = blocks[:, None] * whole_px_square(boxes_px / blocks[:, None], margin)
    crops = [
        cut_square(*_in_blocks(image, square, block), size_px)[..., ::-1]
        for image, square, block in zip(images_bgr, squares, blocks.tolist(), strict=True)
    ]
    return np.stack(crops), crop_from_image(squares, size_px)


def _in_blocks(image: np.ndarray, square_px: np.ndarray, block: int) -> tuple[np.ndarray, np.ndarray]:
    """What a square (3,) of whole blocks of px shows of a picture (H, W, 3), each block one px, and the square in it.

    An incomplete block at the picture's right or lower edge is left out.
    """
    if block == 1:
        return image, square_px
    low, side = (square_px[:2] - square_px[2] / 2).astype(int), int(square_px[2])
    whole = np.maximum(np.array(image.shape[1::-1]) // block * block, block)
    start, stop = np.clip(low, 0, whole - block), np.clip(low + side, block, whole)
    part = image[start[1] : stop[1], start[0] : stop[0]]
    part = cv2.resize(part, tuple((stop - start) // block), interpolation=cv2.INTER_AREA)
    return part, np.append(square_px[:2] - start, side) / block


@dataclass(frozen=True, eq=False)
class Detector:
    """The 2D network on boxes of pictures, a :data:`KeypointDetector`.

    Attributes:
        network: of (B, 3, S, S) normalised images, on the device.
        architecture: from :func:`pose3d.pose2d.inference.load_network`.
        device: where the images go.
        margin, decode, flip_test: as ``crop_resize.margin``, ``infer_2d.decode`` and ``infer_2d.flip_test``.
    """

    network: nn.Module
    architecture: dict[str, Any]
    device: torch.device
    margin: float
    decode: str
    flip_test: bool

    def __call__(self, images_bgr: Sequence[np.ndarray], boxes_px: np.ndarray) -> Keypoints2D:
        """Keypoints (N, 17, 2) in px of the pictures; N pictures (H, W, 3) and (N, 4) boxes."""
        crops, transforms = cut_crops(images_bgr, boxes_px, self.margin, self.architecture["crop_size_px"])

        def batches() -> Iterator[Batch]:
            for images in torch.from_numpy(crops).split(_BATCH):
                yield Batch(images, torch.empty(0))  # no truth

        sigma_px = self.architecture["sigma_heatmap_px"]
        found = detect(self.network, batches(), self.device, self.decode, sigma_px, self.flip_test)
        return to_full_image(found, transforms)
