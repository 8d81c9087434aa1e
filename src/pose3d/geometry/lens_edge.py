"""Keypoints that lie where a lens shows nothing, beyond the fold of its distortion: nobody knows from where they come.

They are treated as keypoints that were not detected. What needs a place all the same gets that of the frames around.
"""

import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.gaps import fill_in_time

BEYOND = "lie where the camera's distortion shows nothing, beyond its fold: they are marked as missing"
"""What is said of them, after how many there are."""


def mark_beyond(camera: Camera, keypoints_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the keypoints beyond a lens's fold, and move them to where they were seen and will be seen next.

    Args:
        camera: that saw them.
        keypoints_px: (T, K, 2) in the full image; NaN is not known anyhow, and stays.

    Returns:
        (T, K, 2) the keypoints, the same array where none lies beyond, and (T, K) bool: which did. A point that always
        does lies amid those that never do; where all do, all are at the optical axis.

    Example:
        A lens that shows 667 px about (0, 0), and a point that leaves that for a frame.

        >>> intrinsics_px, distortion = np.diag([1000.0, 1000, 1]), np.array([-1 / 3, 0, 0, 0, 0])
        >>> camera = Camera("cam0", 800, 800, intrinsics_px, distortion, np.eye(3), np.zeros(3))
        >>> moved, beyond = mark_beyond(camera, np.array([[[600.0, 0.0]], [[700, 0]], [[620, 0]]]))
        >>> moved[:, 0, 0].tolist(), beyond[:, 0].tolist()
        ([600.0, 610.0, 620.0], [False, True, False])
    """
    if not camera.distortion.any():
        return keypoints_px, np.zeros(keypoints_px.shape[:-1], bool)
    shown = camera.shows(keypoints_px)
    beyond = np.isfinite(keypoints_px).all(-1) & ~shown
    if not beyond.any():
        return keypoints_px, beyond
    return np.where(beyond[..., None], moved_within(camera, keypoints_px, shown), keypoints_px), beyond


def moved_within(camera: Camera, keypoints_px: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """(T, K, 2) px in which each point that a lens does not show is where it was seen and will be seen next.

    Args:
        camera: that looks at them.
        keypoints_px: (T, K, 2); may be NaN where a point is not shown, as :meth:`Camera.project` has it.
        shown: (T, K) bool; where none is, all are at the optical axis.

    Example:
        >>> camera = Camera("cam0", 800, 800, np.diag([1000.0, 1000, 1]), np.zeros(5), np.eye(3), np.zeros(3))
        >>> points_px = np.array([[[600.0, 0.0]], [[np.nan, np.nan]], [[620.0, 0.0]]])
        >>> moved_within(camera, points_px, camera.shows(points_px))[:, 0, 0].tolist()
        [600.0, 610.0, 620.0]
    """
    if shown.all():
        return keypoints_px
    axis_px = camera.intrinsics_px[:2, 2].astype(keypoints_px.dtype)
    moved = fill_in_time(keypoints_px, shown) if shown.any() else np.broadcast_to(axis_px, keypoints_px.shape)
    # A line between two places near the edge may leave the picture.
    return np.where((shown | camera.shows(moved))[..., None], moved, axis_px)
