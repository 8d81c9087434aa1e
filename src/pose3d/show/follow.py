"""Where a picture of a moving person looks: calm paths that keep the whole person in view."""

from itertools import pairwise

import numpy as np

CALM_S = 0.5
"""Standard deviation of the Gaussian that smooths the path."""
STILL = 1.5
"""A view of the whole clip that is always at most so many times as wide as one that follows stands still."""
JUMP = 0.5
"""Of the person's size within one frame: more is a cut, or somebody else."""
PICTURE_MARGIN = 1.15
"""A picture's side by that of the tightest square around the person."""
LEAST_PART = 1 / 8
"""Of the picture's shorter side, at least: somebody far away would only be larger, not clearer."""


def follow(points: np.ndarray, fps: float, plane: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Centres (T, D) and half sides (T,) of squares that hold all points of their frame.

    The centre goes smoothly with the middle of the points, the square is as large as it must be in the frames around.
    Where the points stay in one place nothing moves. At jumps the view jumps along.

    Args:
        points: (T, N, D); all of a frame's points are NaN where nobody was found, there the view goes evenly on.
        fps: frames per second.
        plane: (2, D) axes of the picture plane that the squares lie in; None: D is 2 and the points are in it.

    Example:
        Somebody 2 high who stands.

        >>> centres, halves = follow(np.array([[[4.0, 1.0], [4.0, 3.0]]] * 3), fps=25)
        >>> centres.tolist(), halves.tolist()
        ([[4.0, 2.0], [4.0, 2.0], [4.0, 2.0]], [1.0, 1.0, 1.0])
    """
    n_frames, _, n_axes = points.shape
    plane = np.eye(n_axes) if plane is None else plane
    found = np.flatnonzero(np.isfinite(points).all((1, 2)))
    if not len(found):
        return np.zeros((n_frames, n_axes)), np.ones(n_frames)
    known = points[found].astype(np.float64)
    low, high = known.min(1), known.max(1)
    from scipy.ndimage import gaussian_filter1d, maximum_filter1d  # here, so that a stage's --help does not wait for it

    middles, seen = (low + high) / 2, known @ plane.T

    def needed(centres: np.ndarray) -> np.ndarray:
        return np.abs(seen - (centres @ plane.T)[..., None, :]).max((1, 2))

    moved = np.linalg.norm(np.diff(middles, axis=0), axis=1) / np.diff(found)
    jumps = np.flatnonzero(moved > JUMP * (high - low).max(1)[1:]) + 1
    shots = [slice(a, b) for a, b in pairwise([0, *jumps, len(found)])]
    parts = [slice(a, b) for a, b in pairwise([0, *found[jumps], n_frames])]

    radius = max(1, round(3 * CALM_S * fps))
    centres, halves = np.empty((n_frames, n_axes)), np.empty(n_frames)

    def smooth(values: np.ndarray) -> np.ndarray:
        return gaussian_filter1d(values, CALM_S * fps, axis=0, mode="nearest", radius=radius)

    for shot, part in zip(shots, parts, strict=True):
        frames = np.arange(part.start, part.stop)
        centres[part] = smooth(np.stack([np.interp(frames, found[shot], axis) for axis in middles[shot].T], 1))
    tight = needed(centres[found])
    for shot, part in zip(shots, parts, strict=True):
        halves_needed = np.interp(np.arange(part.start, part.stop), found[shot], tight[shot])
        # The mean of maxima over windows that all hold a frame is no less than what that frame needs.
        halves[part] = smooth(maximum_filter1d(halves_needed, 2 * radius + 1, mode="nearest"))
    still = (low.min(0) + high.max(0)) / 2
    widest = needed(still).max()
    if widest <= STILL * halves.min():
        return np.tile(still, (n_frames, 1)), np.full(n_frames, widest)
    return centres, halves


def picture_squares(keypoints_px: np.ndarray, boxes_px: np.ndarray, size_px: tuple[int, int], fps: float) -> np.ndarray:
    """Squares (T, 3), centre x, centre y and side in px, of a picture's part with the whole person in it.

    They lie in the picture, unless the person is larger than its shorter side.

    Args:
        keypoints_px: (T, J, 2), NaN where nobody was found, and of joints that the lens does not show.
        boxes_px: (T, 4), also NaN there.
        size_px: width and height of the picture.
        fps: frames per second.
    """
    size = np.array(size_px, np.float64)
    middles = boxes_px.reshape(-1, 2, 2).mean(1, keepdims=True)
    keypoints_px = np.where(np.isnan(keypoints_px), middles, keypoints_px)
    points = np.concatenate([keypoints_px, boxes_px.reshape(-1, 2, 2)], axis=1)
    centres, halves = follow(np.clip(points, 0, size), fps)
    sides = np.minimum(2 * PICTURE_MARGIN * halves, np.maximum(size.min(), 2 * halves))
    sides = np.maximum(sides, LEAST_PART * size.min())[:, None]
    room = np.maximum(size - sides, 0)
    return np.concatenate([np.clip(centres, (size - room) / 2, (size + room) / 2), sides], axis=1)
