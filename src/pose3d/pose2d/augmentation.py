"""Random changes to a training crop that leave its meaning: one affine warp, one colour transform, one occluder."""

import cv2
import numpy as np

from pose3d.camera import apply_affine
from pose3d.config.pose2d import AugmentationParams
from pose3d.skeleton import mirror_permutation

_MIRROR = mirror_permutation()
_LUMA = np.array([0.299, 0.587, 0.114])  # of R, G, B; ITU-R BT.601
_GREY_AXIS = np.full(3, 3**-0.5)


def augment(
    image_rgb: np.ndarray, keypoints_px: np.ndarray, strengths: AugmentationParams, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Augment one crop.

    Args:
        image_rgb: (S, S, 3) uint8.
        keypoints_px: (17, 2) crop px.
        rng: every draw comes from it, and always as many, so that one strength does not change another's draws.

    Returns:
        The same, of the same shapes; joints that leave the crop have keypoints outside it.
    """
    flip, transform = geometric_transform(image_rgb.shape[0], strengths, rng)
    color = color_transform(strengths.color, rng)
    rectangle = rng.random(2), rng.uniform(0.1, 0.4, 2), rng.integers(0, 256, 3), rng.random()

    if not np.array_equal(transform, np.eye(2, 3)):
        image_rgb = warp(image_rgb, transform)
        keypoints_px = apply_affine(transform, keypoints_px)
    if flip:
        keypoints_px = keypoints_px[_MIRROR]
    if strengths.color > 0:
        image_rgb = cv2.transform(image_rgb, color)
    centre, size, fill, draw = rectangle
    if draw < strengths.occlusion:
        image_rgb = image_rgb.copy()
        (x0, y0), (x1, y1) = (((centre + side * size / 2) * len(image_rgb)).astype(int) for side in (-1, 1))
        image_rgb[max(y0, 0) : y1, max(x0, 0) : x1] = fill
    return image_rgb, keypoints_px


def geometric_transform(
    size_px: int, strengths: AugmentationParams, rng: np.random.Generator
) -> tuple[bool, np.ndarray]:
    """Flip, rotation and scale about the crop's centre as one affine transform.

    The angle is uniform within +-rotation_deg, the factor uniform within 1 +- scale, the flip a fair coin.

    Returns:
        Whether left and right change places, and the (2, 3) transform from crop px to augmented crop px.
    """
    flip = bool(rng.random() < 0.5) and strengths.flip
    angle = np.radians(rng.uniform(-1, 1) * strengths.rotation_deg)
    factor = 1 + rng.uniform(-1, 1) * strengths.scale
    linear = factor * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if flip:
        linear = linear @ np.diag([-1.0, 1.0])
    centre = np.full(2, size_px / 2)
    return flip, np.concatenate([linear, (centre - linear @ centre)[:, None]], axis=1)


def warp(image: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Move an image's content by a (2, 3) transform in px with centres at +0.5; beyond its border that repeats."""
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
