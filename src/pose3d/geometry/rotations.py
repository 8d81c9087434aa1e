"""Rotations as (..., 3, 3) matrices that turn column vectors: the least between directions, about z, the best fit.

NumPy in float64, because data and evaluation need that precision and load no torch. Training turns by the first two in
torch, in float32 on its device, in the shortest form for its case: see
:func:`pose3d.lifting.virtual_camera.optical_axis_rotation` and :func:`pose3d.lifting.prior.vertical_rotation`.
"""

import numpy as np
from numpy.typing import ArrayLike

_OPPOSITE = 1e-12


def unit(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) vectors at length 1; a zero vector stays zero.

    Example:
        >>> unit(np.array([0.0, 3.0, 4.0])).tolist()
        [0.0, 0.6, 0.8]
    """
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def product(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``first @ second``, the last bit of which differs from processor to processor, by sums in one order.

    Args:
        first, second: (..., I, J) and (..., J, K).

    Example:
        >>> product(np.array([[0.0, -1.0], [1.0, 0.0]]), np.array([[2.0], [3.0]])).tolist()
        [[-3.0], [2.0]]
    """
    return np.einsum("...ij,...jk->...ik", first, second)


def turned(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """:func:`product` of (..., I, J) matrices with (..., J) vectors, (..., I).

    Example:
        >>> turned(rotation_about_z(0.0, 1.0), np.array([2.0, 3.0, 4.0])).tolist()
        [-3.0, 2.0, 4.0]
    """
    return np.einsum("...ij,...j->...i", matrix, vector)


def least_rotation(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The rotations of least angle that turn directions onto others; opposite ones by some half turn.

    Rodrigues' formula about the axis start x end, whose length is the sine.

    Args:
        start, end: (..., 3), any length.

    Returns:
        (..., 3, 3) R with ``R @ unit(start) = unit(end)``.

    Example:
        >>> least_rotation(np.array([2.0, 0, 0]), np.array([0.0, 1, 0])).tolist()
        [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    start, end = np.broadcast_arrays(unit(start), unit(end))
    x, y, z = np.moveaxis(np.cross(start, end), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)], -2)
    cosine = (start * end).sum(-1)
    # Near opposite directions rounding would leave little of 1 + cosine; their sum's length says the same.
    above = np.where(cosine < -0.9, ((start + end) ** 2).sum(-1) / 2, 1 + cosine)
    rotations = np.eye(3) + cross + product(cross, cross) / np.maximum(above, _OPPOSITE)[..., None, None]
    opposite = above < _OPPOSITE
    axes = unit(np.cross(start[opposite], np.eye(3)[np.abs(start[opposite]).argmin(-1)]))
    rotations[opposite] = 2 * axes[:, :, None] * axes[:, None, :] - np.eye(3)
    return rotations


def rotation_about_z(cosine: ArrayLike, sine: ArrayLike) -> np.ndarray:
    """Rotations about +z, from x towards y: a yaw where z is up, a roll where it is a camera's optical axis.

    Args:
        cosine, sine: (...) of the angle.

    Returns:
        (..., 3, 3).

    Example:
        >>> rotation_about_z(0.0, 1.0).tolist()
        [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    cosine, sine = np.asarray(cosine, np.float64), np.asarray(sine, np.float64)
    rotations = np.zeros((*cosine.shape, 3, 3))
    rotations[..., 0, 0] = rotations[..., 1, 1] = cosine
    rotations[..., 0, 1], rotations[..., 1, 0] = -sine, sine
    rotations[..., 2, 2] = 1.0
    return rotations


def best_rotation(covariance: np.ndarray, allow_reflection: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The rotations R of largest tr(R^T C), which take points nearest to others in the least-squares sense.

    Kabsch, "A solution for the best rotation to relate two sets of vectors" (Acta Crystallographica A32, 1976): with
    U D V^T the SVD of C and S = diag(1, 1, +-1), R is U S V^T.

    Args:
        covariance: (..., 3, 3) C: the sum of y x^T over pairs of a vector x and the vector y that it should come to.
        allow_reflection: S = I.

    Returns:
        (..., 3, 3) rotations and (..., 3) the diagonal of D S, whose sum is tr(R^T C).

    Example:
        >>> x, y = np.eye(3), np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
        >>> (best_rotation(y.T @ x)[0].round(9) + 0).tolist()
        [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    u, d, vt = np.linalg.svd(covariance)
    sign = np.ones_like(d)
    if not allow_reflection:
        sign[..., 2] = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    return (u * sign[..., None, :]) @ vt, d * sign
