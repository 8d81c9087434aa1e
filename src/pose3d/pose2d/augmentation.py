"""Random changes to training crops that keep their meaning: an affine warp, colours, occluders, a worse picture.

What changes is drawn for a batch at once, here. The pictures are changed by OpenCV, one by one, where the network runs
on the CPU (:mod:`pose3d.pose2d.changed_pictures`), and by torch, all together, where it runs on a GPU
(:mod:`pose3d.pose2d.changed_batches`).
"""

from dataclasses import dataclass

import numpy as np

from pose3d.config.pose2d import AugmentationParams
from pose3d.geometry.camera import apply_affine
from pose3d.geometry.skeleton import mirror_permutation

N_DRAWS = 35
"""Numbers drawn for a crop, always as many, so that one strength does not change another's draws."""
NOISE_PX = 256
"""Noise repeats after as many px."""
_MIRROR = mirror_permutation()
_LUMA = np.array([0.299, 0.587, 0.114])  # of R, G, B; ITU-R BT.601


@dataclass(frozen=True, eq=False)
class Changes:
    """What happens to B crops of S px.

    Attributes:
        flipped: (B,) bool, whether left and right change places.
        transforms: (B, 2, 3), crop px to changed crop px, the flip included.
        colors: (B, 3, 4) affine maps of RGB in 0 ... 255.
        pieces_px: (B, 3, 2) int64 x, y: a corner of the piece that is copied, where it goes, its size, which is 0 for
            none.
        rectangles_px: (B, 2, 2) int64 x, y: the first px that is painted over and the one behind the last.
        fills: (B, 3) uint8, with which colour.
        worse: (B, 5) in [0, 1], strengths of low resolution, blur, its direction, noise, compression.
        degraded: (B,) bool, whether the picture gets worse at all.
        noise_px: (B, 2) int64 x, y in the noise, where the picture's begins.
    """

    flipped: np.ndarray
    transforms: np.ndarray
    colors: np.ndarray
    pieces_px: np.ndarray
    rectangles_px: np.ndarray
    fills: np.ndarray
    worse: np.ndarray
    degraded: np.ndarray
    noise_px: np.ndarray

    def __len__(self) -> int:
        return len(self.flipped)

    def keypoints_px(self, keypoints_px: np.ndarray) -> np.ndarray:
        """Keypoints (B, 17, 2) in crop px to where they are afterwards, float32, joints that leave the crop too."""
        moved = apply_affine(self.transforms, keypoints_px)
        return np.where(self.flipped[:, None, None], moved[:, _MIRROR], moved).astype(np.float32)


def changes_of(draws: np.ndarray, size_px: int, strengths: AugmentationParams) -> Changes:
    """What happens to B crops.

    Args:
        draws: (B, :data:`N_DRAWS`), uniform in [0, 1).
        size_px: side of the crops.
        strengths: of each kind of change; 0 leaves crops as they are.
    """
    geometry, color, rectangle, piece, worse, noise = np.split(draws, [5, 12, 20, 27, 33], axis=1)
    flipped, transforms = geometric_transforms(geometry, size_px, strengths)

    centre, size = rectangle[:, 0:2], 0.1 + 0.3 * rectangle[:, 2:4]
    corners = np.stack([centre - size / 2, centre + size / 2], axis=1) * size_px
    corners[rectangle[:, 7] >= strengths.occlusion] = 0

    extent = np.maximum(((0.05 + 0.25 * piece[:, 4:6]) * size_px).astype(int), 1)
    pieces = np.stack([piece[:, 0:2] * (size_px - extent), piece[:, 2:4] * (size_px - extent), extent], axis=1)
    pieces[piece[:, 6] >= strengths.occlusion] = 0
    return Changes(
        flipped,
        transforms,
        color_transforms(color, strengths.color),
        pieces.astype(int),
        np.clip(corners.astype(int), 0, size_px),
        (256 * rectangle[:, 4:7]).astype(np.uint8),
        worse[:, :5],
        worse[:, 5] < strengths.degradation,
        (NOISE_PX * noise).astype(int),
    )


def geometric_transforms(
    draws: np.ndarray, size_px: int, strengths: AugmentationParams
) -> tuple[np.ndarray, np.ndarray]:
    """Flip, rotation and scale about the crop's centre and a translation as one affine transform.

    The angle is uniform within +-rotation_deg, the factor uniform within 1 +- scale, the shift along both axes within
    +-translation of the crop, the flip a fair coin.

    Args:
        draws: (B, 5), uniform in [0, 1).
        size_px: side of the crop.
        strengths: its ``flip``, ``rotation_deg``, ``scale`` and ``translation`` are used.

    Returns:
        (B,) whether left and right change places, and the (B, 2, 3) transforms from crop px to changed crop px.
    """
    flipped, both_ways = (draws[:, 0] < 0.5) & strengths.flip, 2 * draws[:, 1:] - 1
    angle, factor = np.radians(both_ways[:, 0] * strengths.rotation_deg), 1 + both_ways[:, 1] * strengths.scale
    cosine, sine = factor * np.cos(angle), factor * np.sin(angle)
    linear = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], axis=1)
    linear[flipped, :, 0] *= -1
    centre, way = np.full(2, size_px / 2), both_ways[:, 2:4] * strengths.translation * size_px
    return flipped, np.concatenate([linear, (centre + way - linear @ centre)[..., None]], axis=2)


def color_transforms(draws: np.ndarray, strength: float) -> np.ndarray:
    """(B, 3, 4) affine maps of RGB values in 0 ... 255.

    Composed of saturation (1 +- strength), hue (a turn about the grey axis by +-90 degrees times the strength), a gain
    per channel (1 +- strength / 2: the colour of the light), contrast about mid-grey (1 +- strength) and brightness
    (+- 64 times the strength).

    Args:
        draws: (B, 7), uniform in [0, 1).
        strength: 0 changes nothing.
    """
    both_ways = strength * (2 * draws - 1)
    saturation, turn, contrast, brightness = both_ways[:, :4].T
    gains = (1 + contrast)[:, None] * (1 + 0.5 * both_ways[:, 4:7])
    mixing = (1 + saturation)[:, None, None] * np.eye(3) - saturation[:, None, None] * _LUMA
    linear = gains[..., None] * (_turns_about_grey(turn * np.pi / 2) @ mixing)
    offset = -contrast * 127.5 + 64 * brightness
    return np.concatenate([linear, np.tile(offset[:, None, None], (1, 3, 1))], axis=2)


def _turns_about_grey(angles: np.ndarray) -> np.ndarray:
    """(B,) radians to the (B, 3, 3) rotations of RGB that keep greys (Rodrigues' formula)."""
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    cosine, sine = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    return cosine * np.eye(3) + (1 - cosine) / 3 + sine * cross
