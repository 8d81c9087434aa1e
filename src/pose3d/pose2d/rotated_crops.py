"""Square crops of pictures that are turned so that a person stands upright in them.

A rotated square is (centre x, centre y, side, angle): px, and radians by which the person is turned clockwise from
upright. All px have their centres at +0.5.
"""

import cv2
import numpy as np

from pose3d.geometry.camera import invert_affine


def squares_around(centres_px: np.ndarray, tops_px: np.ndarray, margin: float) -> np.ndarray:
    """The square around a circle, turned so that one point of the circle is its top.

    Args:
        centres_px: (..., 2) of the circles.
        tops_px: (..., 2), on the circles.
        margin: side over the circle's diameter.

    Returns:
        (..., 4) rotated squares, of at least one px.
    """
    up = tops_px - centres_px
    sides = np.maximum(2 * margin * np.linalg.norm(up, axis=-1), 1)
    angles = np.arctan2(up[..., 0], 0 - up[..., 1])
    return np.concatenate([centres_px, sides[..., None], angles[..., None]], axis=-1)


def squares_of_pictures(width_px: int, height_px: int) -> np.ndarray:
    """The upright square around a whole picture, (4,): beside the shorter side there is nothing."""
    return np.array([width_px / 2, height_px / 2, max(width_px, height_px), 0.0])


def crop_from_rotated_square(squares: np.ndarray, crop_size_px: int) -> np.ndarray:
    """The transforms (..., 2, 3) from px of the picture to px of the crop, of rotated squares (..., 4)."""
    scale = crop_size_px / squares[..., 2]
    cos, sin = scale * np.cos(squares[..., 3]), scale * np.sin(squares[..., 3])
    linear = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], -2)
    return np.concatenate([linear, crop_size_px / 2 - linear @ squares[..., :2, None]], axis=-1)


def cut_rotated(image: np.ndarray, transform: np.ndarray, crop_size_px: int) -> np.ndarray:
    """Cut a rotated square out of a picture; px beyond the picture are black.

    What is shrunk to less than half is halved before, as often as needed, so that no px of the picture is passed over.

    Args:
        image: (H, W, 3) uint8.
        transform: (2, 3) from :func:`crop_from_rotated_square`.
        crop_size_px: side of the crop.

    Returns:
        (crop_size_px, crop_size_px, 3) uint8.
    """
    corners = crop_size_px * np.array([[0, 0, 1, 1], [0, 1, 0, 1], [1 / crop_size_px] * 4])
    corners_px = invert_affine(transform) @ corners
    scale = np.sqrt(np.linalg.det(transform[:, :2]))
    halvings = max(0, int(np.ceil(np.log2(0.5 / scale))))
    block = 2**halvings
    # One block more on each side, because the interpolation looks beyond the square.
    low = np.clip(np.floor(corners_px.min(1) / block - 1).astype(int) * block, 0, image.shape[1::-1])
    high = np.clip(np.ceil(corners_px.max(1) / block + 1).astype(int) * block, 0, image.shape[1::-1])
    if (low >= high).any():
        return np.zeros((crop_size_px, crop_size_px, 3), np.uint8)
    part = image[low[1] : high[1], low[0] : high[0]]
    for _ in range(halvings):
        odd_rows, odd_columns = part.shape[0] % 2, part.shape[1] % 2
        if odd_rows or odd_columns:  # the last one is repeated, so that blocks stay where they are
            part = cv2.copyMakeBorder(part, 0, odd_rows, 0, odd_columns, cv2.BORDER_REPLICATE)
        part = cv2.resize(part, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    linear = transform[:, :2] * block
    # OpenCV has px centres at whole numbers.
    shift = transform[:, :2] @ low + transform[:, 2] + linear @ [0.5, 0.5] - 0.5
    return cv2.warpAffine(part, np.column_stack([linear, shift]), (crop_size_px, crop_size_px), flags=cv2.INTER_LINEAR)
