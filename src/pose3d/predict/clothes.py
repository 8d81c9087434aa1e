"""What a person wears, as colours: tells people apart who cross, and knows one again who comes back."""

import cv2
import numpy as np

_BINS = (6, 7, 7)
_LIGHTNESS, _COLOUR = (0, 256), (86, 170)
"""Ranges of OpenCV's 8-bit L, a and b; clothes are hardly more colourful."""
_FEWEST_PX = 20
_TRUNK_PX = 96  # of people who are larger every n-th px is enough


def clothes(image_bgr: np.ndarray, shoulders_px: np.ndarray, hips_px: np.ndarray, knees_px: np.ndarray) -> np.ndarray:
    """The colours of trunk and thighs, each a histogram in CIE L*a*b* of which the square roots are kept.

    Square roots make the Euclidean distance Hellinger's, which no single bin rules.

    Args:
        image_bgr: (H, W, 3) uint8.
        shoulders_px, hips_px, knees_px: (2, 2), left and right.

    Returns:
        (2 * 294,) float32; zeros for a part that lies outside of the picture or is too small to have colours.
    """
    length = max(float(np.linalg.norm(shoulders_px.mean(0) - hips_px.mean(0))), 1.0)
    step = max(1, int(length // _TRUNK_PX))
    image_bgr, length = image_bgr[::step, ::step], length / step
    shoulders, hips, knees = shoulders_px / step, hips_px / step, knees_px / step
    return np.concatenate(
        [
            _colours(image_bgr, [(shoulders.mean(0), hips.mean(0))], 0.4 * length),
            _colours(image_bgr, list(zip(hips, knees, strict=True)), 0.2 * length),
        ]
    )


def difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Hellinger's distance in [0, 1] of clothes (..., D), over the parts that both show; 0.5 where that is none."""
    parts = first.reshape(*first.shape[:-1], 2, -1), second.reshape(*second.shape[:-1], 2, -1)
    both = (parts[0].any(-1) & parts[1].any(-1)).astype(float)
    squared = ((parts[0] - parts[1]) ** 2).sum(-1) / 2 * both
    return np.sqrt(np.where(both.any(-1), squared.sum(-1) / np.maximum(both.sum(-1), 1), 0.25))


def _colours(image_bgr: np.ndarray, limbs: list[tuple[np.ndarray, np.ndarray]], width_px: float) -> np.ndarray:
    """Square roots of the shares (294,) of colours along some limbs."""
    ends = np.array(limbs)
    low = np.clip(np.floor(ends.min((0, 1)) - width_px).astype(int), 0, image_bgr.shape[1::-1])
    high = np.clip(np.ceil(ends.max((0, 1)) + width_px).astype(int), 0, image_bgr.shape[1::-1])
    nothing = np.zeros(np.prod(_BINS), np.float32)
    if (low >= high).any():
        return nothing
    part = cv2.cvtColor(np.ascontiguousarray(image_bgr[low[1] : high[1], low[0] : high[0]]), cv2.COLOR_BGR2LAB)
    mask = np.zeros(part.shape[:2], np.uint8)
    for start, end in np.round(ends - low).astype(int).tolist():
        cv2.line(mask, start, end, 255, max(1, round(width_px)))
    if np.count_nonzero(mask) < _FEWEST_PX:
        return nothing
    part[..., 1:] = np.clip(part[..., 1:], _COLOUR[0], _COLOUR[1] - 1)  # what is beyond its range is not counted
    histogram = cv2.calcHist([part], [0, 1, 2], mask, _BINS, [*_LIGHTNESS, *_COLOUR, *_COLOUR])
    # A colour at a bin's edge must not fall into the one or the other by chance.
    for axis in range(3):
        padded = np.pad(histogram, [(1, 1) if other == axis else (0, 0) for other in range(3)], mode="edge")
        before, here, after = (np.take(padded, np.arange(histogram.shape[axis]) + k, axis) for k in range(3))
        histogram = before / 4 + here / 2 + after / 4
    return np.sqrt(histogram / max(histogram.sum(), 1e-9)).ravel().astype(np.float32)
