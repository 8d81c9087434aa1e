"""Keypoints that lie where a lens shows nothing, beyond the fold of its distortion: nobody knows from where they come.

They are treated as keypoints that were not detected. What needs a place all the same gets that of the frames around.
"""

import numpy as np

from pose3d.geometry.camera import Camera

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
    given = np.isfinite(keypoints_px).all(-1)
    shown = camera.shows(keypoints_px)
    beyond = given & ~shown
    if not beyond.any():
        return keypoints_px, beyond
    moved = np.array(keypoints_px)
    axis_px = camera.intrinsics_px[:2, 2].astype(moved.dtype)
    filled = fill_in_time(moved, shown) if shown.any() else np.broadcast_to(axis_px, moved.shape)
    moved[beyond] = filled[beyond]
    still = beyond & ~camera.shows(moved)  # a line between two places near the edge may leave the picture
    moved[still] = axis_px
    return moved, beyond


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
    n_frames, ever = len(known), known.any(0)
    frame = np.arange(n_frames)[:, None]
    before = np.maximum.accumulate(np.where(known, frame, -1))
    after = np.minimum.accumulate(np.where(known, frame, n_frames)[::-1])[::-1]
    gone, point = np.nonzero(~known & ever)
    first, last = before[gone, point], after[gone, point]
    first, last = np.where(first < 0, last, first), np.where(last == n_frames, first, last)  # at the ends they stay
    start, end = keypoints_px[first, point], keypoints_px[last, point]
    share = (gone - first) / np.maximum(last - first, 1)
    filled = keypoints_px.copy()
    filled[gone, point] = start + share[:, None].clip(0, 1) * (end - start)
    filled[:, ~ever] = filled[:, ever].mean(1, keepdims=True)
    return filled
