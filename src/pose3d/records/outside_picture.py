"""Points of which a picture cannot have shown anything, wherever 2D comes in from files."""

import numpy as np


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
