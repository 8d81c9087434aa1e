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

from pose3d.synthetic.appearance import cloud_noise, random_colour, skin_colour
from pose3d.synthetic.background import View

_FEWEST, _MOST = 30, 500
_SMALLEST, _LARGEST = 0.01, 0.25  # half size of a leaf, of the image's width
_LIMB_SHARE = 0.12
_SHADED = 0.7  # what a leaf keeps of its light in the person's shadow
_SUBPIXEL_BITS = 4


def clutter(view: View, rng: np.random.Generator) -> View:
    """The view with leaves over parts of its room; depth and so what the person hides stay as they are."""
    height, width = view.image.shape[:2]
    leaves, coverage = dead_leaves(rng, height, width)
    seen = 1 - coverage[..., None]
    lit = view.lit * seen + leaves * coverage[..., None] * view.exposure
    unlit = view.unlit * seen + _SHADED * leaves * coverage[..., None] * view.exposure
    image = np.clip(lit * 255 + 0.5, 0, 255).astype(np.uint8)
    return replace(view, lit=lit, unlit=unlit, image=image)


def dead_leaves(rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Leaves on nothing, each over those before it.

    Args:
        rng: every draw comes from it.
        height, width: of the image, px.

    Returns:
        colours (H, W, 3) float32 in [0, 1], and how much of each pixel is covered, (H, W) float32.
    """
    # NumPy takes several times as long where the innermost axis is three long.
    planes, coverage = np.zeros((3, height, width), np.float32), np.zeros((height, width), np.float32)
    grains = [cloud_noise(rng, roughness).astype(np.float32) for roughness in (0.6, 1.2, 2.0)]
    saturation, count = rng.uniform(0.2, 0.9), np.exp(rng.uniform(np.log(_FEWEST), np.log(_MOST)))
    for _ in range(int(count)):
        if rng.random() < _LIMB_SHARE:
            outline, colour = _limb(rng, width)
        else:
            outline, colour = _shape(rng, width), random_colour(rng, (0.0, saturation), (0.05, 1.0))
        outline += rng.uniform(0, 1, 2) * (width, height)
        low = np.clip(np.floor(outline.min(0)).astype(int) - 1, 0, (width, height))
        high = np.clip(np.ceil(outline.max(0)).astype(int) + 2, 0, (width, height))
        (x0, y0), (x1, y1) = low, high
        if x0 >= x1 or y0 >= y1:
            continue
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        corners = np.round((outline - low - 0.5) * 2**_SUBPIXEL_BITS).astype(np.int32)
        cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        alpha = mask.astype(np.float32) / 255
        brightness = _pattern(rng, grains, mask.shape)
        for plane, value in zip(planes, colour.astype(np.float32), strict=True):
            plane[y0:y1, x0:x1] += alpha * (brightness * value - plane[y0:y1, x0:x1])
        coverage[y0:y1, x0:x1] += alpha * (1 - coverage[y0:y1, x0:x1])
    return np.clip(planes.transpose(1, 2, 0), 0, 1), coverage


def _shape(rng: np.random.Generator, width: int) -> np.ndarray:
    """Outline (N, 2) px about the origin of a box, a bar, an ellipse or a polygon, upright more often than not."""
    kind, half = rng.integers(4), width * np.exp(rng.uniform(np.log(_SMALLEST), np.log(_LARGEST)))
    aspect = rng.uniform(0.1, 0.3) if kind == 1 else rng.uniform(0.4, 1)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    if kind < 2:
        outline = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    elif kind == 2:
        outline = np.stack([np.cos(angles), np.sin(angles)], -1)
    else:
        corners = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8)))
        outline = rng.uniform(0.5, 1, len(corners))[:, None] * np.stack([np.cos(corners), np.sin(corners)], -1)
    turn = rng.normal(0, 0.1) + rng.integers(2) * np.pi / 2 if rng.random() < 0.6 else rng.uniform(0, np.pi)
    return half * (outline * (1, aspect)) @ _turned(turn)


def _limb(rng: np.random.Generator, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Outline (N, 2) px about the origin of a bar with a joint in it, thinner towards its end, and its colour (3,)."""
    length = width * rng.uniform(0.03, 0.12)
    bend = rng.normal(0, 0.8)
    directions = np.array([[0.0, 1.0], [np.sin(bend), np.cos(bend)]])
    points = np.concatenate([np.zeros((1, 2)), np.cumsum(length * directions, axis=0)])
    across = np.array([[1.0, 0.0], [np.cos(bend / 2), -np.sin(bend / 2)], [np.cos(bend), -np.sin(bend)]])
    across *= (length * rng.uniform(0.12, 0.25) * np.array([1.0, 0.8, 0.55]))[:, None]
    outline = np.concatenate([points + across, (points - across)[::-1]]) @ _turned(rng.uniform(0, 2 * np.pi))
    colour = skin_colour(rng) if rng.random() < 0.6 else random_colour(rng, (0.0, 0.7), (0.1, 0.9))
    return outline - outline.mean(0), colour


def _turned(angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, sine], [-sine, cosine]])


def _pattern(rng: np.random.Generator, grains: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Brightness (H, W) about 1: a gradient, grain, and on some leaves stripes."""
    rows, columns = (np.linspace(-0.5, 0.5, n, dtype=np.float32) for n in shape)
    slope_y, slope_x = rng.uniform(-0.5, 0.5, 2).astype(np.float32)
    brightness = 1 + slope_y * rows[:, None] + slope_x * columns[None]
    grain = grains[rng.integers(len(grains))]
    top, left = rng.integers(0, len(grain), 2)
    grain = np.take(
        np.take(grain, np.arange(top, top + shape[0]), 0, mode="wrap"), np.arange(left, left + shape[1]), 1, mode="wrap"
    )
    brightness += np.float32(rng.uniform(0, 0.25)) * grain
    if rng.random() < 0.3:
        period, angle = rng.uniform(4, 30), rng.uniform(0, np.pi)
        phase = np.cos(angle) * np.arange(shape[1])[None] + np.sin(angle) * np.arange(shape[0])[:, None]
        brightness *= 1 + np.float32(rng.uniform(-0.5, 0.5)) * (np.sin(2 * np.pi / period * phase) > 0)
    return brightness
