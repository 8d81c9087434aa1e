"""Errors of 3D poses and 2D keypoints, as the field defines them.

Poses are (..., J, 3) in metres and keypoints (..., J, 2) in px, any float type; all arithmetic is float64 and results
are in the input's unit. The root counts among the J joints of every mean, as it does in the published Human3.6M tables.
Any number of poses may come at once: they are worked through in chunks, so that little but the result takes memory. An
error that would be infinite is NaN: of a joint at infinity no more is known than of one that is NaN.

A protocol is an alignment of the prediction followed by :func:`joint_errors`:

==========  ======================================================  ============================================
name        alignment                                               known as
==========  ======================================================  ============================================
absolute    none                                                    absolute MPJPE, A-MPJPE
mpjpe       the roots coincide                                      Protocol 1, P1
n_mpjpe     and the least-squares scale about the root              N-MPJPE (Rhodin et al., ECCV 2018)
pa_mpjpe    similarity: rotation, translation, scale                Protocol 2, P2; no reflection is ever allowed
==========  ======================================================  ============================================

Two more alignments, :func:`align_size` and :func:`align_procrustes` with reflections, are nobody's P1 or P2: ElePose's
published figures were made with them and compare with nothing else.
"""

from collections.abc import Callable
from functools import wraps

import numpy as np
from numpy.typing import ArrayLike

from pose3d.geometry.skeleton import ROOT

AUC_THRESHOLDS_M = np.arange(0, 151, 5) / 1000
"""0, 5, ..., 150 mm: the 31 thresholds of the AUC of MPI-INF-3DHP (Mehta et al., 3DV 2017)."""
PCK_THRESHOLD_M = 0.150
"""150 mm: the threshold of the PCK of MPI-INF-3DHP."""
_WITHIN_HEATMAP_PX = (1, 2, 4)
_CROP_PX_PER_HEATMAP_PX = 4
CHUNK_POSES = 4096
"""Poses handled at once: a float64 copy of them is 1.6 MiB, so the temporaries of a metric stay near the cache."""


def _pair(predicted: ArrayLike, truth: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    predicted, truth = np.asarray(predicted), np.asarray(truth)
    if predicted.shape != truth.shape or predicted.ndim < 2:
        raise ValueError(
            f"shapes must be equal and (..., joints, coordinates), not {predicted.shape} and {truth.shape}"
        )
    return predicted, truth


def _in_chunks(of_poses: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Let a function of two float64 batches (N, J, D) take (..., J, D) of any type, a chunk at a time.

    Raises:
        ValueError: unequal shapes (nothing is broadcast here: a pose against a batch is a mistake).
    """

    @wraps(of_poses)
    def chunked(predicted: ArrayLike, truth: ArrayLike, **options: bool) -> np.ndarray:
        predicted, truth = _pair(predicted, truth)
        p, t = (poses.reshape(-1, *poses.shape[-2:]) for poses in (predicted, truth))
        result = None
        for start in range(0, max(len(p), 1), CHUNK_POSES):
            chunk = slice(start, start + CHUNK_POSES)
            with np.errstate(invalid="ignore"):  # of a pose that is not finite the error is NaN, and that is all
                part = of_poses(np.asarray(p[chunk], np.float64), np.asarray(t[chunk], np.float64), **options)
            if result is None:
                result = np.empty((len(p), *part.shape[1:]))
            result[chunk] = part
        return result.reshape(predicted.shape[:-2] + result.shape[1:])[()]

    return chunked


@_in_chunks
def joint_errors(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Euclidean distance of each joint as it stands, (..., J, D) to (..., J)."""
    return _lengths(predicted - truth)


def _lengths(differences: np.ndarray) -> np.ndarray:
    """(N, J, D) to (N, J), NaN for infinity."""
    lengths = np.linalg.norm(differences, axis=-1)
    lengths[np.isinf(lengths)] = np.nan
    return lengths


def root_relative(poses: ArrayLike) -> np.ndarray:
    """Poses with the root moved to the origin, same shape, float64."""
    poses = np.asarray(poses, np.float64)
    return poses - poses[..., ROOT : ROOT + 1, :]


@_in_chunks
def align_root(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Move each prediction so that its root stands on the true root, same shape."""
    return root_relative(predicted) + truth[..., ROOT : ROOT + 1, :]


@_in_chunks
def align_scale(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Root alignment, then the factor s = <p, t> / <p, p> about the root that minimises |s p - t|, same shape.

    A prediction that is a single point keeps its scale.
    """
    p, t = root_relative(predicted), root_relative(truth)
    power = (p * p).sum((-2, -1), keepdims=True)
    scale = np.divide((p * t).sum((-2, -1), keepdims=True), power, out=np.ones_like(power), where=power > 0)
    return scale * p + truth[..., ROOT : ROOT + 1, :]


@_in_chunks
def align_size(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Root alignment, then the factor s = |t| / |p| that makes both poses equally large about the root, same shape.

    Not the N-MPJPE of the field: its factor is :func:`align_scale`'s, s = <p, t> / <p, p>, which is never larger.
    A prediction that is a single point keeps its scale.
    """
    p, t = root_relative(predicted), root_relative(truth)
    size_p, size_t = (np.sqrt((x * x).sum((-2, -1), keepdims=True)) for x in (p, t))
    return np.divide(size_t, size_p, out=np.ones_like(size_p), where=size_p > 0) * p + truth[..., ROOT : ROOT + 1, :]


@_in_chunks
@np.errstate(over="ignore", invalid="ignore")
def align_procrustes(predicted: ArrayLike, truth: ArrayLike, *, allow_reflection: bool = False) -> np.ndarray:
    """Turn, move and scale each prediction onto the truth in the least-squares sense, (..., J, 3), same shape.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (PAMI 1991), equations
    39-43: with U D V^T the SVD of the cross-covariance and S = diag(1, 1, +-1) so that U S V^T is a rotation and not a
    reflection, the scale is tr(D S) / sum |p|^2. Flat, collinear and single-point poses have many best rotations, of
    which one is taken; their error is the minimum all the same. A pose with a joint that is not finite, in the
    prediction or in the truth, becomes NaN as a whole.

    Args:
        allow_reflection: S = I, so that a mirrored person may fit better than any turned one. That is not Protocol 2.
    """
    mean_p, mean_t = predicted.mean(-2, keepdims=True), truth.mean(-2, keepdims=True)
    p, t = predicted - mean_p, truth - mean_t
    covariance = np.swapaxes(p, -1, -2) @ t
    finite = np.isfinite(covariance).all((-2, -1))
    covariance[~finite] = 0  # else LAPACK would give up the whole batch
    u, d, vt = np.linalg.svd(covariance)
    sign = np.ones_like(d)
    if not allow_reflection:
        sign[..., 2] = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    rotation = (u * sign[..., None, :]) @ vt
    power = (p * p).sum((-2, -1))
    scale = np.divide((d * sign).sum(-1), power, out=np.ones_like(power), where=power > 0)
    aligned = scale[..., None, None] * (p @ rotation) + mean_t
    aligned[~finite] = np.nan
    return aligned


@_in_chunks
def mpjpe(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Mean per-joint position error with the roots aligned (Protocol 1), (..., J, 3) to (...)."""
    return joint_errors(align_root(predicted, truth), truth).mean(-1)


@_in_chunks
def n_mpjpe(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """MPJPE after root and scale alignment, (..., J, 3) to (...)."""
    return joint_errors(align_scale(predicted, truth), truth).mean(-1)


@_in_chunks
def pa_mpjpe(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """MPJPE after Procrustes alignment of each pose by itself (Protocol 2), (..., J, 3) to (...)."""
    return joint_errors(align_procrustes(predicted, truth), truth).mean(-1)


def velocity_errors(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Error of the root-relative first difference p[t] - p[t-1] of one sequence, per frame: MPJVE is its mean.

    Pavllo et al., "3D human pose estimation in video with temporal convolutions and semi-supervised training" (CVPR
    2019). Metres per frame; see :func:`acceleration_errors` for what that means and for the seams of takes.

    Args:
        predicted, truth: (T, J, 3).

    Returns:
        (max(T - 1, 0), J).
    """
    return _difference_errors(predicted, truth, 1)


def acceleration_errors(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Error of the root-relative second difference p[t-1] - 2 p[t] + p[t+1] of one sequence, per frame squared.

    Kanazawa et al., "Learning 3D Human Dynamics from Video" (CVPR 2019). The unit is metres per frame squared at the
    data's own frame rate: figures at other rates do not compare. Call it on one sequence at a time, for a difference
    across the seam of two takes means nothing.

    Args:
        predicted, truth: (T, J, 3).

    Returns:
        (max(T - 2, 0), J).
    """
    return _difference_errors(predicted, truth, 2)


def _difference_errors(predicted: ArrayLike, truth: ArrayLike, order: int) -> np.ndarray:
    predicted, truth = _pair(predicted, truth)
    if predicted.ndim != 3:
        raise ValueError(f"one sequence (T, J, 3) at a time, not {predicted.shape}")
    with np.errstate(invalid="ignore"):
        return _lengths(np.diff(root_relative(predicted) - root_relative(truth), n=order, axis=0))


def pck_curve(errors_m: ArrayLike, thresholds_m: ArrayLike = AUC_THRESHOLDS_M) -> np.ndarray:
    """Fraction of errors strictly below each threshold, any shape and (K,) to (K,).

    Raises:
        ValueError: no errors.
    """
    errors = np.asarray(errors_m)
    if not errors.size:
        raise ValueError("no errors to count")
    # Thresholds take the errors' own precision, or 5 mm in float32 would lie below 5 mm in float64.
    thresholds = np.asarray(thresholds_m, np.result_type(errors, np.float32))
    return np.array([np.count_nonzero(errors < threshold) for threshold in thresholds]) / errors.size


def pck150(errors_m: ArrayLike) -> float:
    """Fraction of errors strictly below 150 mm, as in MPI-INF-3DHP; give it root-aligned errors without the root's."""
    return float(pck_curve(errors_m, [PCK_THRESHOLD_M])[0])


def auc(errors_m: ArrayLike) -> float:
    """Mean of :func:`pck_curve` over the 31 thresholds 0, 5, ..., 150 mm (0 included), as in MPI-INF-3DHP."""
    return float(pck_curve(errors_m).mean())


def pck_px(predicted_px: ArrayLike, truth_px: ArrayLike, threshold_px: float) -> float:
    """Fraction of keypoints nearer to the truth than a threshold in the px they are given in.

    Args:
        predicted_px, truth_px: (..., J, 2).

    Raises:
        ValueError: no keypoints.
    """
    errors = joint_errors(predicted_px, truth_px)
    if not errors.size:
        raise ValueError("no keypoints to count")
    return float((errors < threshold_px).mean())


def heatmap_pck(predicted_crop_px: ArrayLike, truth_crop_px: ArrayLike) -> dict[str, float]:
    """The original system's 2D metric: shares within 1, 2 and 4 px of a heatmap, which has a quarter of a crop's sides.

    Args:
        predicted_crop_px, truth_crop_px: (..., J, 2).

    Returns:
        ``pck_at_1_heatmap_px`` and so on, rounded to four digits.

    Raises:
        ValueError: no keypoints.
    """
    predicted, truth = (np.asarray(px) / _CROP_PX_PER_HEATMAP_PX for px in (predicted_crop_px, truth_crop_px))
    return {f"pck_at_{px}_heatmap_px": round(pck_px(predicted, truth, px), 4) for px in _WITHIN_HEATMAP_PX}


def pck_2d(predicted_px: ArrayLike, truth_px: ArrayLike, boxes_px: ArrayLike, threshold: float) -> float:
    """Fraction of keypoints nearer to the truth than ``threshold`` times the longer side of the person's box.

    Args:
        predicted_px, truth_px: (..., J, 2).
        boxes_px: (..., 4) x0, y0, x1, y1.

    Raises:
        ValueError: no keypoints.
    """
    errors = joint_errors(predicted_px, truth_px)
    if not errors.size:
        raise ValueError("no keypoints to count")
    boxes = np.asarray(boxes_px, np.float64)
    longer_side = (boxes[..., 2:] - boxes[..., :2]).max(-1)
    return float((errors < threshold * longer_side[..., None]).mean())
