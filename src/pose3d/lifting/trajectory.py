"""Smoothing over a clip, of lifters that look ahead: people neither jump towards the camera nor shake in a moment."""

import numpy as np

_CUTOFF_RAD_S = 3.0
"""A swing of the distance of 2.1 s keeps half of its amplitude, slower ones more."""
_STIFFER, _NEAR_END_S = 20.0, 0.5
"""Beside an end, where values are known on one side only, a straight line is fitted through more of them."""
_POSE_CUTOFF_RAD_S = 25.0
"""A swing of a joint of 0.25 s keeps half of its amplitude, slower ones more. Slower cut-offs cost movements."""
POSE_REACH_S = 1.0
"""Frames further away than this have no part in a smoothed pose: less than 1e-7 (exp(-25 / sqrt(2)))."""


def smooth(values: np.ndarray, fps: float) -> np.ndarray:
    """The x that lowers |x - values|^2 + sum of weight (second difference of x)^2 (Whittaker 1923; Eilers 2003).

    For the root's distance. One weight for all would let 1.94 times as much noise through at the first and last frame
    as in the middle. Weights that grow to 21-fold beside the ends let 1.64 times as much through, and leave a walk at
    an even pace as it is.

    Args:
        values: (T,).
        fps: frames per second.

    Returns:
        (T,) float64; straight lines come back as they are.
    """
    start_s = np.arange(1, len(values) - 1) / fps
    near_end = np.exp(-start_s / _NEAR_END_S) + np.exp(-start_s[::-1] / _NEAR_END_S)
    return _whittaker(values, (fps / _CUTOFF_RAD_S) ** 4 * (1 + _STIFFER * near_end))


def smooth_known(values: np.ndarray, known: np.ndarray | None, fps: float) -> np.ndarray:
    """:func:`smooth` where some values mean nothing: they draw at no other, and lie evenly between their neighbours.

    Args:
        values: (T,).
        known: (T,) bool; None: all. Where none is, they are taken as they are.
        fps: frames per second.
    """
    if known is not None and known.any() and not known.all():
        frames = np.arange(len(values))
        values = np.interp(frames, frames[known], values[known])
    return smooth(values, fps)


def smooth_poses(poses_m: np.ndarray, known: np.ndarray | None, fps: float) -> np.ndarray:
    """Poses whose joints move about the root as :func:`smooth` has it, with one weight for all frames.

    Args:
        poses_m: (T, 17, 3), the root first, which stays.
        known: (T,) bool, frames whose pose means something; None: all. Each run of them is smoothed by itself.
        fps: frames per second.
    """
    known = np.ones(len(poses_m), bool) if known is None else known
    smoothed = poses_m.copy()
    ends = np.flatnonzero(np.diff(known, prepend=False, append=False)).reshape(-1, 2)
    for start, end in ends:
        run = poses_m[start:end]
        weights = np.full(max(0, end - start - 2), (fps / _POSE_CUTOFF_RAD_S) ** 4)
        about_root = _whittaker((run - run[:, :1]).reshape(end - start, -1), weights)
        smoothed[start:end, 1:] = run[:, :1] + about_root.reshape(run.shape)[:, 1:]
    return smoothed


def _whittaker(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(T, ...) smoothed with the (T - 2,) weights of second differences; float64."""
    from scipy.linalg import solveh_banded  # here, so that a stage's `--help` does not wait for it

    values, frames = np.asarray(values, np.float64), len(values)
    if frames < 3:
        return values
    second = np.array([1.0, -2.0, 1.0])
    banded = np.zeros((3, frames))  # upper diagonals of I + D^T W D, the main one last
    banded[2] = 1
    for offset in range(3):
        products = second[: 3 - offset] * second[offset:]
        for place, product in enumerate(products):
            column = place + offset
            banded[2 - offset, column : column + frames - 2] += weights * product
    return solveh_banded(banded, values, check_finite=False)  # else NaN would crash
