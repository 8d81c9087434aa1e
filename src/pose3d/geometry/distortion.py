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

_NEWTON_STEPS = 20  # Human3.6M's lenses need three inside the picture
_CONVERGED, _NO_POINT = 1e-13, 1e-8
_TABLE = 512
_TINY, _REAL = 1e-300, 1e-9


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


def undistort(
    x: np.ndarray, y: np.ndarray, coefficients: np.ndarray, model: DistortionModel
) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of :func:`distort`, NaN where no point comes from: as x/z and y/z, each of the same shape.

    With k1 below 0 the radius behind the lens grows up to a greatest one and folds back from there. What is seen
    farther out comes from nowhere, and of two points that fold onto each other the inner one is meant. So the radius is
    looked up in a table that ends at the fold, and Newton's method adds the tangential terms.

    Args:
        x, y: distorted image-plane coordinates, any shape, no unit; NaN gives NaN.
        coefficients: (5,) k1, k2, p1, p2, k3.
        model: one of :data:`DISTORTION_MODELS`.

    Example:
        A lens whose fold is at r = 1, where the radius behind it is 2/3: at 0.7 it shows nothing.

        >>> u, v = undistort(np.array([0.291, 0.7]), np.zeros(2), np.array([-1 / 3, 0, 0, 0, 0]), "opencv")
        >>> u.round(9).tolist()
        [0.3, nan]
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    radius = np.hypot(x, y)
    fold = fold_radius(coefficients)
    table = _radii(coefficients, fold, float(np.max(radius, initial=0.0, where=np.isfinite(radius))))
    inner = np.interp(radius, _behind(table, coefficients), table) / np.maximum(radius, _TINY)
    u, v = x * inner, y * inner
    with np.errstate(all="ignore"):
        for _ in range(_NEWTON_STEPS):
            error_x, error_y, (xu, xv, yu, yv) = _linearised(u, v, coefficients, model)
            error_x, error_y = error_x - x, error_y - y
            determinant = xu * yv - xv * yu
            u, v = u - (yv * error_x - xv * error_y) / determinant, v - (xu * error_y - yu * error_x) / determinant
            if not (np.maximum(np.abs(error_x), np.abs(error_y)) > _CONVERGED).any():
                break
        error_x, error_y, (xu, xv, yu, yv) = _linearised(u, v, coefficients, model)
        off = np.hypot(error_x - x, error_y - y) > _NO_POINT * np.maximum(radius, 1)
        nowhere = off | (np.hypot(u, v) > fold) | (xu * yv - xv * yu < 0) | ~np.isfinite(u + v)
    return np.where(nowhere, np.nan, u), np.where(nowhere, np.nan, v)


def fold_radius(coefficients: np.ndarray) -> float:
    """The least r = tan(angle) from which on r (1 + k1 r^2 + k2 r^4 + k3 r^6) falls; infinite where it never does.

    Args:
        coefficients: (5,) k1, k2, p1, p2, k3, of which p1 and p2 are left out: they move the fold by little.

    Example:
        >>> round(fold_radius(np.array([-1 / 3, 0, 0, 0, 0])), 9)
        1.0
    """
    k1, k2, _, _, k3 = coefficients
    roots = np.roots([7 * k3, 5 * k2, 3 * k1, 1])  # of r^2
    real = roots[(np.abs(roots.imag) < _REAL * np.abs(roots)) & (roots.real > 0)].real
    return float(np.sqrt(real.min())) if len(real) else np.inf


def _behind(radius: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Radii behind the lens, without its tangential terms."""
    k1, k2, _, _, k3 = coefficients
    r2 = radius * radius
    return radius * (1 + r2 * (k1 + r2 * (k2 + r2 * k3)))


def _radii(coefficients: np.ndarray, fold: float, farthest: float) -> np.ndarray:
    """Radii up to the fold, or to what lies ``farthest`` out behind the lens, dense near the centre."""
    end = 1.0
    while end < fold and _behind(np.array(end), coefficients) < farthest:
        end *= 2
    return min(end, fold) * np.linspace(0, 1, _TABLE) ** 2


def _linearised(
    u: np.ndarray, v: np.ndarray, coefficients: np.ndarray, model: DistortionModel
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Where a point comes to lie behind the lens, and the derivatives of x by u, x by v, y by u and y by v."""
    k1, k2, p1, p2, k3 = coefficients
    r2 = u * u + v * v
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    slope = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))
    x, y = distort(u, v, coefficients, model)
    if model == "opencv":
        mixed = slope * u * v + 2 * p1 * u + 2 * p2 * v
        along_u = radial + slope * u * u + 2 * p1 * v + 6 * p2 * u
        return x, y, (along_u, mixed, mixed, radial + slope * v * v + 6 * p1 * v + 2 * p2 * u)
    factor, factor_u, factor_v = radial + p1 * v + p2 * u, slope * u + p2, slope * v + p1
    xu, xv = factor + u * factor_u + 2 * p2 * u, u * factor_v + 2 * p2 * v
    return x, y, (xu, xv, v * factor_u + 2 * p1 * u, factor + v * factor_v + 2 * p1 * v)
