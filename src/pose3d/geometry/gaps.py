"""Points that are not known in some frames: the frames around that know them, and places between these."""

import numpy as np


def frames_around(known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of (T, ...) bool the last frame up to each, and the first from each on, that is true; -1 and T where none is.

    Example:
        >>> before, after = frames_around(np.array([False, True, False]))
        >>> before.tolist(), after.tolist()
        ([-1, 1, 1], [1, 1, 3])
    """
    frames = np.arange(len(known)).reshape(-1, *[1] * (known.ndim - 1))
    before = np.maximum.accumulate(np.where(known, frames, -1), 0)
    after = np.minimum.accumulate(np.where(known, frames, len(known))[::-1], 0)[::-1]
    return before, after


def fill_in_time(keypoints_px: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(T, K, 2) with points that are not known (T, K) interpolated in time, or where they never are amid the others.

    Args:
        keypoints_px: (T, K, 2).
        known: (T, K) bool, at least one of them.

    Example:
        >>> points_px = np.array([[[0.0, 0.0]], [[9.0, 9.0]], [[2.0, 4.0]]])
        >>> fill_in_time(points_px, np.array([[True], [False], [True]]))[:, 0].tolist()
        [[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]
    """
    if known.all():
        return keypoints_px
    ever = known.any(0)
    gone, point = np.nonzero(~known & ever)
    first, last = (edges[gone, point] for edges in frames_around(known))
    first, last = np.where(first < 0, last, first), np.where(last == len(known), first, last)  # at the ends they stay
    start, end = keypoints_px[first, point], keypoints_px[last, point]
    share = (gone - first) / np.maximum(last - first, 1)
    filled = keypoints_px.copy()
    filled[gone, point] = start + share[:, None].clip(0, 1) * (end - start)
    filled[:, ~ever] = filled[:, ever].mean(1, keepdims=True)
    return filled
