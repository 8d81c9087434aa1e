"""The root's distance over a clip: people do not jump towards the camera and back within a second."""

import numpy as np

_CUTOFF_RAD_S = 3.0
"""A swing of 2.1 s keeps half of its amplitude, slower ones more."""
_STIFFER, _NEAR_END_S = 20.0, 0.5
"""Beside an end, where values are known on one side only, a straight line is fitted through more of them."""


def smooth(values: np.ndarray, fps: float) -> np.ndarray:
    """The x that lowers |x - values|^2 + sum of weight (second difference of x)^2 (Whittaker 1923; Eilers 2003).

    One weight for all would let 1.94 times as much noise through at the first and last frame as in the middle. Weights
    that grow to 21-fold beside the ends let 1.64 times as much through, and leave a walk at an even pace as it is.

    Args:
        values: (T,).
        fps: frames per second.

    Returns:
        (T,) float64; straight lines come back as they are.
    """
    from scipy.linalg import solveh_banded  # here, so that a stage's `--help` does not wait for it

    frames = len(values)
    if frames < 3:
        return np.asarray(values, np.float64)
    start_s = np.arange(1, frames - 1) / fps
    near_end = np.exp(-start_s / _NEAR_END_S) + np.exp(-start_s[::-1] / _NEAR_END_S)
    weights = (fps / _CUTOFF_RAD_S) ** 4 * (1 + _STIFFER * near_end)
    second = np.array([1.0, -2.0, 1.0])
    banded = np.zeros((3, frames))  # upper diagonals of I + D^T W D, the main one last
    banded[2] = 1
    for offset in range(3):
        products = second[: 3 - offset] * second[offset:]
        for place, product in enumerate(products):
            column = place + offset
            banded[2 - offset, column : column + frames - 2] += weights * product
    return solveh_banded(banded, np.asarray(values, np.float64), check_finite=False)  # else NaN would crash


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
