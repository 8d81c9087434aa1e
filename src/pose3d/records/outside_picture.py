"""Points of which a picture cannot have shown anything, or of a smaller picture, wherever 2D comes in from files."""

import numpy as np

CORNER_SHARE, CORNER_FRAMES = 0.99, 30
"""Share of points in the upper left quarter, and frames at least, of which one asks whether the picture was smaller."""


def far_outside(points_px: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    """Which points lie farther outside of a picture than it is wide or high: nobody can have seen what they are.

    Args:
        points_px: (..., 2); NaN lies nowhere.

    Returns:
        (...) bool.

    Example:
        >>> far_outside(np.array([[640.0, 100], [-630, 100], [1290, 100], [5, 1000]]), 640, 480).tolist()
        [False, False, True, True]
    """
    size_px = np.array([width_px, height_px], np.float32)
    return np.asarray(((points_px < -size_px) | (points_px > 2 * size_px)).any(-1))


def in_upper_left(points_px: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    """Which points lie in the upper left quarter of a picture, as all do that were found in one half as large.

    Args:
        points_px: (..., 2); NaN lies nowhere.

    Returns:
        (...) bool.

    Example:
        >>> in_upper_left(np.array([[310.0, 230], [330, 230], [310, 250], [np.nan, 1]]), 640, 480).tolist()
        [True, False, False, False]
    """
    return np.asarray((points_px < np.array([width_px, height_px]) / 2).all(-1))
