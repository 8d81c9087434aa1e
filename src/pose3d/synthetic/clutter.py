"""Clutter behind the person: a "dead leaves" picture, painted over a view's room.

Rooms with plain walls teach a network that what is conspicuous is the person. Dead leaves, shapes of many sizes that
cover each other, have the statistics of natural images without being any (Lee, Mumford and Huang, "Occlusion models for
natural images", IJCV 2001), and networks trained on them carry over to photographs (Baradad et al., "Learning to see by
looking at noise", NeurIPS 2021). Some of the leaves here are jointed bars in the colours of skin and cloth: what else
looks like a limb.
"""

from dataclasses import replace

import cv2
import numpy as np

from pose3d.geometry.rotations import product
from pose3d.synthetic.appearance import TEXTURE_SIZE, cloud_noise, random_colour, skin_colour
from pose3d.synthetic.background import View, mixed

_FEWEST, _MOST = 30, 500
_SMALLEST, _LARGEST = 0.01, 0.25  # half size of a leaf, of the image's width
_LIMB_SHARE = 0.12
_SHADED = 0.7  # what a leaf keeps of its light in the person's shadow
_SUBPIXEL_BITS = 4
_CIRCLE = np.array([[np.cos(angle), np.sin(angle)] for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False)])


def clutter(view: View, rng: np.random.Generator) -> View:
    """The view with leaves over parts of its room; depth and so what the person hides stay as they are."""
    height, width = view.lit.shape[:2]
    leaves, coverage = dead_leaves(rng, height, width)
    lit, unlit = (
        mixed(_exposed(leaves, light * view.exposure), room, coverage)
        for light, room in ((1, view.lit), (_SHADED, view.unlit))
    )
    return replace(view, lit=lit, unlit=unlit)


def _exposed(image: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) uint8, its colours times (3,)."""
    planes = zip(cv2.split(image), gain.tolist(), strict=True)
    return cv2.merge([cv2.convertScaleAbs(plane, alpha=of_colour) for plane, of_colour in planes])


def dead_leaves(rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Leaves on nothing, each over those before it.

    Args:
        rng: every draw comes from it.
        height, width: of the image, px.

    Returns:
        colours (H, W, 3) uint8, and how much of each pixel is covered, (H, W) uint8.
    """
    colours, bare = np.zeros((height, width, 3), np.uint8), np.full((height, width), 255, np.uint8)
    grains = [_without_end(cloud_noise(rng, roughness), height, width) for roughness in (0.6, 1.2, 2.0)]
    saturation, count = rng.uniform(0.2, 0.9), np.exp(rng.uniform(np.log(_FEWEST), np.log(_MOST)))
    for _ in range(int(count)):
        if rng.random() < _LIMB_SHARE:
            outline, colour = _limb(rng, width)
        else:
            outline, colour = _shape(rng, width), random_colour(rng, (0.0, saturation), (0.05, 1.0))
        outline += rng.uniform(0, 1, 2) * (width, height)
        low = np.clip(np.floor(outline.min(0)).astype(int) - 1, 0, (width, height))
        high = np.clip(np.ceil(outline.max(0)).astype(int) + 2, 0, (width, height))
        (x0, y0), (x1, y1) = low.tolist(), high.tolist()
        if x0 >= x1 or y0 >= y1:
            continue
        part = (slice(y0, y1), slice(x0, x1))
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        corners = np.round((outline - low - 0.5) * 2**_SUBPIXEL_BITS).astype(np.int32)
        cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        brightness = _pattern(rng, grains, mask.shape)
        leaf = cv2.merge([cv2.convertScaleAbs(brightness, alpha=value) for value in (255 * colour).tolist()])
        colours[part] = mixed(leaf, colours[part], mask)
        bare[part] = cv2.multiply(bare[part], ~mask, scale=1 / 255)
    return colours, ~bare


def _without_end(noise: np.ndarray, height: int, width: int) -> np.ndarray:
    """Seamless noise (N, N), repeated so that a window of the image's size fits at each of its places, as float32."""
    rows, columns = (-(-(len(noise) + size) // len(noise)) for size in (height, width))
    return np.tile(noise.astype(np.float32), (rows, columns))


def _shape(rng: np.random.Generator, width: int) -> np.ndarray:
    """Outline (N, 2) px about the origin of a box, a bar, an ellipse or a polygon, upright more often than not."""
    kind, half = rng.integers(4), width * np.exp(rng.uniform(np.log(_SMALLEST), np.log(_LARGEST)))
    aspect = rng.uniform(0.1, 0.3) if kind == 1 else rng.uniform(0.4, 1)
    if kind < 2:
        outline = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    elif kind == 2:
        outline = _CIRCLE
    else:
        corners = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8)))
        outline = rng.uniform(0.5, 1, len(corners))[:, None] * np.stack([np.cos(corners), np.sin(corners)], -1)
    turn = rng.normal(0, 0.1) + rng.integers(2) * np.pi / 2 if rng.random() < 0.6 else rng.uniform(0, np.pi)
    return half * product(outline * (1, aspect), _turned(turn))


def _limb(rng: np.random.Generator, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Outline (N, 2) px about the origin of a bar with a joint in it, thinner towards its end, and its colour (3,)."""
    length = width * rng.uniform(0.03, 0.12)
    bend = rng.normal(0, 0.8)
    directions = np.array([[0.0, 1.0], [np.sin(bend), np.cos(bend)]])
    points = np.concatenate([np.zeros((1, 2)), np.cumsum(length * directions, axis=0)])
    across = np.array([[1.0, 0.0], [np.cos(bend / 2), -np.sin(bend / 2)], [np.cos(bend), -np.sin(bend)]])
    across *= (length * rng.uniform(0.12, 0.25) * np.array([1.0, 0.8, 0.55]))[:, None]
    outline = np.concatenate([points + across, (points - across)[::-1]])
    outline = product(outline, _turned(rng.uniform(0, 2 * np.pi)))
    colour = skin_colour(rng) if rng.random() < 0.6 else random_colour(rng, (0.0, 0.7), (0.1, 0.9))
    return outline - outline.mean(0), colour


def _turned(angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, sine], [-sine, cosine]])


def _pattern(rng: np.random.Generator, grains: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Brightness (H, W) about 1, not negative: a gradient, grain, and on some leaves stripes."""
    slopes = rng.uniform(-0.5, 0.5, 2).tolist()
    down, right = (_ramp(n, slope) for n, slope in zip(shape, slopes, strict=True))
    gradient = np.add.outer(down + 1, right)
    grain = grains[rng.integers(len(grains))]
    top, left = rng.integers(0, TEXTURE_SIZE, 2).tolist()
    grain = grain[top : top + shape[0], left : left + shape[1]]
    # Not by OpenCV's scaleAdd, which rounds otherwise where a processor multiplies and adds at once.
    brightness = grain * np.float32(rng.uniform(0, 0.25)) + gradient
    if rng.random() < 0.3:
        period, angle = rng.uniform(4, 30), rng.uniform(0, np.pi)
        across, along = (
            np.arange(size, dtype=np.float32) * float(share / period)
            for share, size in ((np.cos(angle), shape[1]), (np.sin(angle), shape[0]))
        )
        periods = np.add.outer(along, across)
        stripe = np.float32(rng.uniform(-0.5, 0.5))
        brightness *= 1 + stripe * (periods - np.floor(periods) < 0.5)
    return np.maximum(brightness, 0, out=brightness)


def _ramp(n: int, slope: float) -> np.ndarray:
    """(n,) float32 from ``-slope / 2`` to ``slope / 2``."""
    return np.arange(n, dtype=np.float32) * (slope / max(n - 1, 1)) - slope / 2
