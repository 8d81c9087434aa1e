"""The root's distance over a clip: people do not jump towards the camera and back within a second."""

import numpy as np

_CUTOFF_RAD_S = 3.0
"""A swing of 2.1 s keeps half of its amplitude, slower ones more."""


def smooth(values: np.ndarray, fps: float) -> np.ndarray:
    """The x that lowers |x - values|^2 + weight |second differences of x|^2 (Whittaker 1923; Eilers 2003).

    Args:
        values: (T,).

    Returns:
        (T,) float64; straight lines come back as they are.
    """
    from scipy.linalg import solveh_banded  # here, so that a stage's `--help` does not wait for it

    frames = len(values)
    if frames < 3:
        return np.asarray(values, np.float64)
    weight = (fps / _CUTOFF_RAD_S) ** 4
    second = np.array([1.0, -2.0, 1.0])
    banded = np.zeros((3, frames))  # upper diagonals of I + weight D^T D, the main one last
    banded[2] = 1
    for offset in range(3):
        products = second[: 3 - offset] * second[offset:]
        for place, product in enumerate(products):
            column = place + offset
            banded[2 - offset, column : column + frames - 2] += weight * product
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
