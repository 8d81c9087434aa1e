"""Crops changed by OpenCV, one by one, where the network runs on the CPU.

On a CPU this takes about a ninth of the time that :mod:`pose3d.pose2d.changed_batches` takes, because OpenCV works on
bytes and torch on numbers of four bytes. The pictures are the same up to rounding and the border's last px.
"""

from functools import cache
from typing import cast

import cv2
import numpy as np

from pose3d.pose2d.augmentation import NOISE_PX, Changes
from pose3d.training.seeds import numpy_generator

NOISE_LEVELS = 20
"""Standard deviation of the strongest noise, grey levels."""
NOISE_STD = 30
"""Of the noise that is kept as bytes around 128."""
_LEAST_BLUR_PX = 0.2
"""Below it a Gaussian's neighbours weigh less than rounding."""


def change_picture(image_rgb: np.ndarray, changes: Changes, row: int) -> np.ndarray:
    """Change one crop.

    Args:
        image_rgb: (S, S, 3) uint8; it stays as it is.
        changes: of a batch.
        row: which of the batch.
    """
    if not np.array_equal(changes.transforms[row], np.eye(2, 3)):
        image_rgb = warp(image_rgb, changes.transforms[row])
    if not np.array_equal(changes.colors[row], np.eye(3, 4)):
        image_rgb = cv2.transform(image_rgb, changes.colors[row])
    (x0, y0), (x1, y1), (width, height) = changes.pieces_px[row].tolist()
    (left, top), (right, bottom) = changes.rectangles_px[row].tolist()
    if width or right > left:
        original, image_rgb = image_rgb, image_rgb.copy()
        image_rgb[y1 : y1 + height, x1 : x1 + width] = original[y0 : y0 + height, x0 : x0 + width]
        image_rgb[top:bottom, left:right] = changes.fills[row]
    if changes.degraded[row]:
        image_rgb = degrade(image_rgb, changes.worse[row], changes.noise_px[row])
    return image_rgb


def warp(image: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Move an image's content by a (2, 3) transform in px with centres at +0.5; the border is repeated."""
    opencv = transform.copy()  # OpenCV has px centres at whole numbers
    opencv[:, 2] += 0.5 * transform[:, :2].sum(1) - 0.5
    four = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)  # of four channels warping takes half of the time
    four = cv2.warpAffine(four, opencv, image.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.cvtColor(four, cv2.COLOR_RGBA2RGB)


def degrade(image: np.ndarray, strengths: np.ndarray, noise_px: np.ndarray) -> np.ndarray:
    """Make a picture (S, S, 3) worse, as lenses, sensors and codecs do.

    Args:
        image: (S, S, 3) uint8.
        strengths: (5,) in [0, 1] of low resolution (to 1/3), blur (a standard deviation of up to 1.5 px at 128 px), its
            direction, noise (up to 20 grey levels) and compression (JPEG quality 95 to 15).
        noise_px: (2,) x, y where in the noise the picture's begins.
    """
    side = len(image)
    _, _, _, grain, compression = strengths
    small = int(low_resolution_px(strengths[None], side)[0])
    if small < side:
        image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)
    sigma_x, sigma_y = blur_px(strengths[None], side)[0]
    if max(sigma_x, sigma_y) > _LEAST_BLUR_PX:
        image = cv2.GaussianBlur(image, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y)
    x, y = noise_px
    noise = _tiled_noise(side)[y : y + side, 3 * x : 3 * (x + side)]
    share = NOISE_LEVELS * grain**2 / NOISE_STD
    image = cv2.addWeighted(image.reshape(side, 3 * side), 1, noise, share, -128 * share).reshape(image.shape)
    quality = [cv2.IMWRITE_JPEG_QUALITY, round(95 - 80 * compression)]
    encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
    return cast(np.ndarray, decoded)  # None is for what does not decode


def low_resolution_px(strengths: np.ndarray, side_px: int) -> np.ndarray:
    """Side (B,) int64 to which pictures shrink in between.

    Args:
        strengths: (B, 5), as :func:`degrade` has them.
        side_px: of the pictures.
    """
    return np.maximum(np.round(side_px / (1 + 2 * strengths[:, 0] ** 2)), 1).astype(int)


def blur_px(strengths: np.ndarray, side_px: int) -> np.ndarray:
    """Standard deviations (B, 2) of the blur along x and y: a camera or a limb that moves blurs along one direction.

    Args:
        strengths: (B, 5), as :func:`degrade` has them.
        side_px: of the pictures.
    """
    sigma = np.maximum((strengths[:, 1] ** 2 * 1.5 * side_px / 128)[:, None] * np.array([1, 0.2]), 1e-3)
    return np.where(strengths[:, 2:3] > 0.5, sigma[:, ::-1], sigma)


@cache
def noise_bytes() -> np.ndarray:
    """(NOISE_PX, NOISE_PX, 3) uint8: the same noise for all pictures, which begin in it at different places."""
    normal = numpy_generator(0, NOISE_PX).standard_normal((NOISE_PX, NOISE_PX, 3))
    return np.clip(np.round(128 + NOISE_STD * normal), 0, 255).astype(np.uint8)


@cache
def _tiled_noise(side_px: int) -> np.ndarray:
    """Noise repeated until pictures fit wherever they begin, its rows as one channel."""
    repeats = -(-(NOISE_PX + side_px) // NOISE_PX)
    tiled = np.tile(noise_bytes(), (repeats, repeats, 1))
    return tiled.reshape(len(tiled), -1)
