"""Small videos of a bright rectangle before a dark, noisy background."""

import struct
from pathlib import Path

import cv2
import numpy as np

RATE_HZ = 25.0


def picture(width_px: int, height_px: int, box: tuple[int, int, int, int] | None, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 with the px of a box x0, y0, x1, y1 bright."""
    image = np.random.default_rng(seed).integers(20, 30, (height_px, width_px, 3), np.uint8)
    if box is not None:
        x0, y0, x1, y1 = box
        image[y0:y1, x0:x1] = 220
    return image


def write_video(path: Path, images: list[np.ndarray], rate_hz: float = RATE_HZ) -> Path:
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), rate_hz, (width, height))
    assert writer.isOpened()
    for image in images:
        writer.write(image)
    writer.release()
    return path


def jpeg_that_claims(width_px: int, height_px: int) -> bytes:
    """Some hundred bytes of JPEG that start as a picture of that size does; what is cut off decodes to grey."""
    encoded = cv2.imencode(".jpg", np.full((16, 16, 3), 90, np.uint8))[1].tobytes()
    size = encoded.index(b"\xff\xc0") + 5
    return encoded[:size] + struct.pack(">HH", height_px, width_px) + encoded[size + 4 :]
