"""Lens distortion in the image plane x/z, y/z: OpenCV's formulas, and the one that Human3.6M was calibrated with.

Coefficients are five in the order k1, k2, p1, p2, k3, or eight of OpenCV's rational model: k4, k5, k6 after them. With
r^2 = x^2 + y^2 the radial factor is (1 + k1 r^2 + k2 r^4 + k3 r^6) / (1 + k4 r^2 + k5 r^4 + k6 r^6). Human3.6M's model
has five, and another tangential part, where OpenCV has twice the mixed and squared terms:

=========  ==========================================  ==========================================
model      x                                           y
=========  ==========================================  ==========================================
opencv     x radial + 2 p1 x y + p2 (r^2 + 2 x^2)      y radial + p1 (r^2 + 2 y^2) + 2 p2 x y
human36m   x (radial + p1 y + p2 x) + p2 r^2           y (radial + p1 y + p2 x) + p1 r^2
=========  ==========================================  ==========================================

OpenCV's is Brown-Conrady; the rational factor is of Claus and Fitzgibbon, CVPR 2005. Human3.6M's (Ionescu et al., PAMI
2014) is as its authors' code projects; VideoPose3D lists its p1 and p2 the other way round.
"""

from functools import lru_cache
from typing import Literal

import numpy as np

DistortionModel = Literal["opencv", "human36m"]
DISTORTION_MODELS: tuple[DistortionModel, ...] = ("opencv", "human36m")

COEFFICIENTS: dict[DistortionModel, tuple[int, ...]] = {"opencv": (5, 8), "human36m": (5,)}
"""How many a lens of each model may have."""

_NEWTON_STEPS = 20  # Human3.6M's lenses need three inside the picture
_CONVERGED, _NO_POINT = 1e-13, 1e-8
_TABLE = 512
_TINY = 1e-300
_REAL = 1e-6  # of a double root's computed value the imaginary part is the root of the rounding
_WITHIN = 1 - 1e-9  # of the fold, which may be a pole


def distort(
    x: np.ndarray, y: np.ndarray, coefficients: np.ndarray, model: DistortionModel
) -> tuple[np.ndarray, np.ndarray]:
    """Image-plane coordinates of a pinhole to those behind the lens, same shape; NaN beyond the lens's fold.

    Args:
        x, y: x/z and y/z, any shape, no unit.
        coefficients: (5,) or (8,) k1, k2, p1, p2, k3, k4, k5, k6.
        model: one of :data:`DISTORTION_MODELS`.

    Example:
        >>> x, y, only_p1 = np.array([0.5]), np.array([0.5]), np.array([0, 0, 0.1, 0, 0])
        >>> np.concatenate(distort(x, y, only_p1, "opencv")).round(9).tolist()
        [0.55, 0.6]
        >>> np.concatenate(distort(x, y, only_p1, "human36m")).round(9).tolist()
        [0.525, 0.575]

        A lens whose fold is at r = 1: what lies farther out would be seen in the picture, where it is not.

        >>> x, _ = distort(np.array([0.3, 1.1]), np.zeros(2), np.array([-1 / 3, 0, 0, 0, 0]), "opencv")
        >>> x.tolist()
        [0.291, nan]
    """
    r2 = x * x + y * y
    beyond = r2 > fold_radius(coefficients) ** 2
    with np.errstate(all="ignore"):  # beyond, where a pole may be
        radial, _ = _radial(r2, coefficients)
        bent_x, bent_y = _bent(x, y, radial, coefficients, model)
    return np.where(beyond, np.nan, bent_x), np.where(beyond, np.nan, bent_y)


def undistort(
    x: np.ndarray, y: np.ndarray, coefficients: np.ndarray, model: DistortionModel
) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of :func:`distort`, NaN where no point comes from: as x/z and y/z, each of the same shape.

    With k1 below 0 the radius behind the lens grows up to a greatest one and folds back from there. What is seen
    farther out comes from nowhere, and of two points that fold onto each other the inner one is meant. So the radius is
    looked up in a table that ends at the fold, and Newton's method adds the tangential terms. The table is one of
    angles, because these stay finite where radii do not: far out, and at the pole of a rational lens.

    Args:
        x, y: distorted image-plane coordinates, any shape, no unit; NaN gives NaN.
        coefficients: (5,) or (8,) k1, k2, p1, p2, k3, k4, k5, k6.
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
    angles = np.linspace(0, np.arctan(fold), _TABLE) * _WITHIN
    radii = np.tan(angles)
    behind = np.arctan(radii * _radial(radii * radii, coefficients)[0])
    inner = np.tan(np.interp(np.arctan(radius), behind, angles)) / np.maximum(radius, _TINY)
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
    """The least r = tan(angle) from which on the radius behind the lens falls, or a pole; infinite where neither is.

    That radius is r n / d, polynomials of s = r^2, so it turns where n d + 2 s (n' d - n d') is 0, and leaves for
    infinity where d is. Both are 1 at the centre: of 1 / s their leading coefficient is 1, whichever k are 0, and the
    least root is the greatest.

    Args:
        coefficients: (5,) or (8,) k1, k2, p1, p2, k3, k4, k5, k6, of which p1 and p2 are left out: they move the fold
            by little.

    Example:
        >>> round(fold_radius(np.array([-1 / 3, 0, 0, 0, 0])), 9)
        1.0
        >>> round(fold_radius(np.array([0, 0, 0, 0, 0, -0.25, 0, 0])), 9)
        2.0
    """
    return _fold_radius(*np.asarray(coefficients, np.float64).tolist())


@lru_cache(maxsize=256)  # a camera asks for each point that it projects
def _fold_radius(k1: float, k2: float, p1: float, p2: float, k3: float, *below: float) -> float:
    radial, powers = np.array([[k1, k2, k3], below or [0.0] * 3]), np.array([1, 2, 3])
    unit = np.max(np.abs(radial) ** (1 / powers))  # of 1 / s, so that no product leaves the range of numbers
    if not unit:
        return np.inf
    n, d = (np.poly1d([*k[::-1], 1]) for k in radial / unit**powers)
    turning = n * d + np.poly1d([2, 0]) * (n.deriv() * d - n * d.deriv())
    inverse = unit * np.concatenate([np.roots(one.coeffs[::-1]) for one in (turning, d)])
    real = inverse[(np.abs(inverse.imag) < _REAL * np.abs(inverse)) & (inverse.real > 0)].real
    return float(1 / np.sqrt(real.max())) if len(real) else np.inf


def _radial(r2: np.ndarray, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The radial factor, and its derivative by r^2."""
    k1, k2, _, _, k3, *below = coefficients
    factor, slope = _polynomial(r2, k1, k2, k3)
    if below:
        divisor, steepness = _polynomial(r2, *below)
        factor = factor / divisor
        slope = (slope - factor * steepness) / divisor
    return factor, slope


def _polynomial(r2: np.ndarray, a: float, b: float, c: float) -> tuple[np.ndarray, np.ndarray]:
    """1 + a r^2 + b r^4 + c r^6, and its derivative by r^2."""
    return 1 + r2 * (a + r2 * (b + r2 * c)), a + r2 * (2 * b + r2 * 3 * c)


def _bent(
    x: np.ndarray, y: np.ndarray, radial: np.ndarray, coefficients: np.ndarray, model: DistortionModel
) -> tuple[np.ndarray, np.ndarray]:
    """Where points with a radial factor come to lie behind the lens."""
    p1, p2 = coefficients[2:4]
    r2 = x * x + y * y
    if model == "opencv":
        return (
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        )
    factor = radial + p1 * y + p2 * x
    return x * factor + p2 * r2, y * factor + p1 * r2


def _linearised(
    u: np.ndarray, v: np.ndarray, coefficients: np.ndarray, model: DistortionModel
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Where a point comes to lie behind the lens, and the derivatives of x by u, x by v, y by u and y by v."""
    p1, p2 = coefficients[2:4]
    radial, slope = _radial(u * u + v * v, coefficients)
    slope = 2 * slope
    x, y = _bent(u, v, radial, coefficients, model)
    if model == "opencv":
        mixed = slope * u * v + 2 * p1 * u + 2 * p2 * v
        along_u = radial + slope * u * u + 2 * p1 * v + 6 * p2 * u
        return x, y, (along_u, mixed, mixed, radial + slope * v * v + 6 * p1 * v + 2 * p2 * u)
    factor, factor_u, factor_v = radial + p1 * v + p2 * u, slope * u + p2, slope * v + p1
    xu, xv = factor + u * factor_u + 2 * p2 * u, u * factor_v + 2 * p2 * v
    return x, y, (xu, xv, v * factor_u + 2 * p1 * u, factor + v * factor_v + 2 * p1 * v)
