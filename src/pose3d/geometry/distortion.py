"""Lens distortion in the image plane x/z, y/z: OpenCV's formula, and the one that Human3.6M was calibrated with.

Both have five coefficients in the order k1, k2, p1, p2, k3, with r^2 = x^2 + y^2 and the radial factor
1 + k1 r^2 + k2 r^4 + k3 r^6. They differ in the tangential part, where OpenCV has twice the mixed and squared terms:

=========  ==========================================  ==========================================
model      x                                           y
=========  ==========================================  ==========================================
opencv     x radial + 2 p1 x y + p2 (r^2 + 2 x^2)      y radial + p1 (r^2 + 2 y^2) + 2 p2 x y
human36m   x (radial + p1 y + p2 x) + p2 r^2           y (radial + p1 y + p2 x) + p1 r^2
=========  ==========================================  ==========================================

OpenCV's is Brown-Conrady. Human3.6M's (Ionescu et al., PAMI 2014) is as its authors' code projects; VideoPose3D lists
its p1 and p2 the other way round.
"""

from typing import Literal

import numpy as np

DistortionModel = Literal["opencv", "human36m"]
DISTORTION_MODELS: tuple[DistortionModel, ...] = ("opencv", "human36m")

_NEWTON_STEPS = 20  # Human3.6M's lenses need four inside the picture


def distort(
    x: np.ndarray, y: np.ndarray, coefficients: np.ndarray, model: DistortionModel
) -> tuple[np.ndarray, np.ndarray]:
    """Image-plane coordinates of a pinhole to those behind the lens, same shape.

    Args:
        x, y: x/z and y/z, any shape, no unit.
        coefficients: (5,) k1, k2, p1, p2, k3.
        model: one of :data:`DISTORTION_MODELS`.

    Example:
        >>> x, y, only_p1 = np.array([0.5]), np.array([0.5]), np.array([0, 0, 0.1, 0, 0])
        >>> np.concatenate(distort(x, y, only_p1, "opencv")).round(9).tolist()
        [0.55, 0.6]
        >>> np.concatenate(distort(x, y, only_p1, "human36m")).round(9).tolist()
        [0.525, 0.575]
    """
    k1, k2, p1, p2, k3 = coefficients
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    if model == "opencv":
        return (
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        )
    factor = radial + p1 * y + p2 * x
    return x * factor + p2 * r2, y * factor + p1 * r2


def undistort_human36m(x: np.ndarray, y: np.ndarray, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of :func:`distort` with Human3.6M's model, by Newton's method from the distorted point on.

    Args:
        x, y: distorted image-plane coordinates, any shape, no unit.
        coefficients: (5,) k1, k2, p1, p2, k3.

    Returns:
        x/z and y/z, each of the same shape.

    Example:
        >>> x, y, only_p1 = np.array([0.525]), np.array([0.575]), np.array([0, 0, 0.1, 0, 0])
        >>> np.concatenate(undistort_human36m(x, y, only_p1)).round(9).tolist()
        [0.5, 0.5]
    """
    k1, k2, p1, p2, k3 = coefficients
    u, v = x, y
    for _ in range(_NEWTON_STEPS):
        r2 = u * u + v * v
        factor = 1 + r2 * (k1 + r2 * (k2 + r2 * k3)) + p1 * v + p2 * u
        slope = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))
        factor_u, factor_v = slope * u + p2, slope * v + p1
        error_x, error_y = u * factor + p2 * r2 - x, v * factor + p1 * r2 - y
        xu, xv = factor + u * factor_u + 2 * p2 * u, u * factor_v + 2 * p2 * v
        yu, yv = v * factor_u + 2 * p1 * u, factor + v * factor_v + 2 * p1 * v
        determinant = xu * yv - xv * yu
        u, v = (
            u - (yv * error_x - xv * error_y) / determinant,
            v - (xu * error_y - yu * error_x) / determinant,
        )
    return u, v
