"""Random changes to a training crop that keep its meaning: an affine warp, colours, occluders, a worse picture."""

from typing import cast

import cv2
import numpy as np

from pose3d.config.pose2d import AugmentationParams
from pose3d.geometry.camera import apply_affine
from pose3d.geometry.skeleton import mirror_permutation

_MIRROR = mirror_permutation()
_LUMA = np.array([0.299, 0.587, 0.114])  # of R, G, B; ITU-R BT.601
_NOISE_SHAPE = (32, 32, 3)
_GREY_AXIS = np.full(3, 3**-0.5)


def augment(
    image_rgb: np.ndarray, keypoints_px: np.ndarray, strengths: AugmentationParams, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Augment one crop.

    Args:
        image_rgb: (S, S, 3) uint8.
        keypoints_px: (17, 2) crop px.
        strengths: of each kind of change; 0 leaves the crop as it is.
        rng: every draw comes from it, and always as many, so that one strength does not change another's draws.

    Returns:
        The same, of the same shapes; joints that leave the crop have keypoints outside it.
    """
    flip, transform = geometric_transform(image_rgb.shape[0], strengths, rng)
    color = color_transform(strengths.color, rng)
    rectangle = rng.random(2), rng.uniform(0.1, 0.4, 2), rng.integers(0, 256, 3), rng.random()
    piece = rng.random(2), rng.random(2), rng.uniform(0.05, 0.3, 2), rng.random()
    worse = rng.random(5), rng.standard_normal(_NOISE_SHAPE), rng.random()

    if not np.array_equal(transform, np.eye(2, 3)):
        image_rgb = warp(image_rgb, transform)
        keypoints_px = apply_affine(transform, keypoints_px)
    if flip:
        keypoints_px = keypoints_px[_MIRROR]
    if strengths.color > 0:
        image_rgb = cv2.transform(image_rgb, color)
    if piece[-1] < strengths.occlusion:
        image_rgb = move_piece(image_rgb, *piece[:3])
    centre, size, fill, draw = rectangle
    if draw < strengths.occlusion:
        image_rgb = image_rgb.copy()
        (x0, y0), (x1, y1) = (((centre + side * size / 2) * len(image_rgb)).astype(int) for side in (-1, 1))
        image_rgb[max(y0, 0) : y1, max(x0, 0) : x1] = fill
    if worse[-1] < strengths.degradation:
        image_rgb = degrade(image_rgb, *worse[:2])
    return image_rgb, keypoints_px


def move_piece(image: np.ndarray, start: np.ndarray, end: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Copy a rectangle of an image to another place of it: a limb where no limb is.

    Args:
        image: (S, S, 3) uint8; it stays as it is.
        start, end: (2,) where in the image its corner is taken and put, x and y in [0, 1].
        size: (2,) of the image's size.
    """
    side = len(image)
    width, height = extent = np.maximum((size * side).astype(int), 1)
    (x0, y0), (x1, y1) = ((place * (side - extent)).astype(int) for place in (start, end))
    moved = image.copy()
    moved[y1 : y1 + height, x1 : x1 + width] = image[y0 : y0 + height, x0 : x0 + width]
    return moved


def degrade(image: np.ndarray, strengths: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Make a picture (S, S, 3) worse, as lenses, sensors and codecs do.

    Args:
        image: (S, S, 3) uint8.
        strengths: (5,) in [0, 1] of low resolution (to 1/3), blur (a standard deviation of up to 1.5 px at 128 px), its
            direction, noise (up to 20 grey levels) and compression (JPEG quality 95 to 15).
        noise: (N, N, 3) standard normal, repeated over the image.
    """
    side = len(image)
    resolution, blur, direction, grain, compression = strengths
    small = max(round(side / (1 + 2 * resolution**2)), 1)
    image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
    image = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)
    sigma = np.maximum(blur**2 * 1.5 * side / 128 * np.array([1, 0.2]), 1e-3)
    if direction > 0.5:  # a camera or a limb that moves blurs along one direction
        sigma = sigma[::-1]
    image = cv2.GaussianBlur(image, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1])
    repeats = -(-side // len(noise))
    noise = np.tile(noise, (repeats, repeats, 1))[:side, :side]
    image = np.clip(image + 20 * grain**2 * noise + 0.5, 0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, round(95 - 80 * compression)]
    decoded = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    return cast(np.ndarray, decoded)  # None is for what does not decode


def geometric_transform(
    size_px: int, strengths: AugmentationParams, rng: np.random.Generator
) -> tuple[bool, np.ndarray]:
    """Flip, rotation and scale about the crop's centre and a translation as one affine transform.

    The angle is uniform within +-rotation_deg, the factor uniform within 1 +- scale, the shift along both axes within
    +-translation of the crop, the flip a fair coin.

    Args:
        size_px: side of the crop.
        strengths: its ``flip``, ``rotation_deg``, ``scale`` and ``translation`` are used.
        rng: every draw comes from it.

    Returns:
        Whether left and right change places, and the (2, 3) transform from crop px to augmented crop px.
    """
    flip = bool(rng.random() < 0.5) and strengths.flip
    angle = np.radians(rng.uniform(-1, 1) * strengths.rotation_deg)
    factor = 1 + rng.uniform(-1, 1) * strengths.scale
    linear = factor * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if flip:
        linear = linear @ np.diag([-1.0, 1.0])
    centre, way = np.full(2, size_px / 2), rng.uniform(-1, 1, 2) * strengths.translation * size_px
    return flip, np.concatenate([linear, (centre + way - linear @ centre)[:, None]], axis=1)


def warp(image: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Move an image's content by a (2, 3) transform in px with centres at +0.5; the border is repeated."""
    opencv = transform.copy()  # OpenCV has px centres at whole numbers
    opencv[:, 2] += 0.5 * transform[:, :2].sum(1) - 0.5
    height, width = image.shape[:2]
    return cv2.warpAffine(image, opencv, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def color_transform(strength: float, rng: np.random.Generator) -> np.ndarray:
    """A (3, 4) affine map of RGB values in 0 ... 255.

    Composed of saturation (1 +- strength), hue (a turn about the grey axis by +-90 degrees times the strength), a gain
    per channel (1 +- strength / 2: the colour of the light), contrast about mid-grey (1 +- strength) and brightness
    (+- 64 times the strength).
    """
    saturation, turn, contrast, brightness = rng.uniform(-1, 1, 4) * strength
    gains = 1 + 0.5 * strength * rng.uniform(-1, 1, 3)
    mixing = (1 + saturation) * np.eye(3) - saturation * _LUMA
    hue, _ = cv2.Rodrigues(_GREY_AXIS * turn * np.pi / 2)
    linear = (1 + contrast) * gains[:, None] * (hue @ mixing)
    offset = -contrast * 127.5 + 64 * brightness
    return np.concatenate([linear, np.full((3, 1), offset)], axis=1)
