"""Errors of 3D poses and 2D keypoints, as the field defines them.

Poses are (..., J, 3) in metres and keypoints (..., J, 2) in px, any float type; all arithmetic is float64 and results
are in the input's unit. The root counts among the J joints of every mean, as it does in the published Human3.6M tables.
An error that would be infinite is NaN: of a joint at infinity no more is known than of one that is NaN. Shapes must be
equal, else it is a ValueError (nothing is broadcast here: a pose against a batch is a mistake).

A protocol is an alignment of the prediction followed by :func:`joint_errors`:

==========  ======================================================  ============================================
name        alignment                                               known as
==========  ======================================================  ============================================
absolute    none                                                    absolute MPJPE, A-MPJPE
mpjpe       the roots coincide                                      Protocol 1, P1
n_mpjpe     and the least-squares scale about the root              N-MPJPE (Rhodin et al., ECCV 2018)
pa_mpjpe    similarity: rotation, translation, scale                Protocol 2, P2; no reflection is ever allowed
==========  ======================================================  ============================================

The last two are least squares, which one bad joint spoils for all: with a wrist off by a metre both exceed MPJPE. And
the factor of N-MPJPE may be negative, which no similarity's is, so that it can lie below PA-MPJPE. Of
:func:`pa_l1_mpjpe` neither is true: it takes the similarity that makes the mean distance itself least.

Two more alignments, :func:`align_size` and :func:`align_procrustes` with reflections, are nobody's P1 or P2: ElePose's
published figures were made with them and compare with nothing else.
"""

import numpy as np
from numpy.typing import ArrayLike

from pose3d.geometry.rotations import best_rotation
from pose3d.geometry.skeleton import ROOT

AUC_THRESHOLDS_M = np.arange(0, 151, 5) / 1000
"""0, 5, ..., 150 mm: the 31 thresholds of the AUC of MPI-INF-3DHP (Mehta et al., 3DV 2017)."""
PCK_THRESHOLD_M = 0.150
"""150 mm: the threshold of the PCK of MPI-INF-3DHP."""
REWEIGHTINGS = 10
_COINCIDENT = 1e-4
"""Of a pose's extent: nearer joints count as much as those at that distance."""
_WITHIN_HEATMAP_PX = (1, 2, 4)
_CROP_PX_PER_HEATMAP_PX = 4
"""Of the original's network, whose crops have 384 px and whose heatmaps have 96."""


def _pair(predicted: ArrayLike, truth: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    p, t = (np.asarray(poses, np.float64, order="C") for poses in (predicted, truth))
    if p.shape != t.shape or p.ndim < 2:
        raise ValueError(f"shapes must be equal and (..., joints, coordinates), not {p.shape} and {t.shape}")
    return p, t


@np.errstate(invalid="ignore")  # of a pose that is not finite the error is NaN, and that is all
def joint_errors(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Euclidean distance of each joint without any alignment, (..., J, D) to (..., J), in the unit given, at least 0.

    Example:
        >>> joint_errors([[0, 0, 0], [3, 4, 0]], [[0, 0, 0], [0, 0, 0]]).tolist()
        [0.0, 5.0]
    """
    p, t = _pair(predicted, truth)
    return _lengths(p - t)


def _lengths(differences: np.ndarray) -> np.ndarray:
    """(..., J, D) to (..., J), NaN for infinity."""
    lengths = np.linalg.norm(differences, axis=-1)
    lengths[np.isinf(lengths)] = np.nan
    return lengths


def root_relative(poses: ArrayLike) -> np.ndarray:
    """Poses (..., J, D) with the root moved to the origin, same shape and unit, float64.

    Example:
        >>> root_relative([[1, 1, 1], [2, 3, 4]]).tolist()
        [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]
    """
    moved = np.asarray(poses, np.float64)
    return moved - moved[..., ROOT : ROOT + 1, :]


@np.errstate(invalid="ignore")
def align_root(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Move each prediction so that its root coincides with the true root, (..., J, D), same shape and unit.

    Example:
        >>> align_root([[1, 1, 1], [2, 3, 4]], [[0, 0, 5], [0, 0, 6]]).tolist()
        [[0.0, 0.0, 5.0], [1.0, 2.0, 8.0]]
    """
    p, t = _pair(predicted, truth)
    return root_relative(p) + t[..., ROOT : ROOT + 1, :]


@np.errstate(invalid="ignore")
def align_scale(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Root alignment, then the factor s = <p, t> / <p, p> about the root that minimises |s p - t|, same shape.

    A prediction that is a single point keeps its scale.

    Args:
        predicted, truth: (..., J, D), one unit.

    Example:
        >>> align_scale([[0, 0, 0], [2, 0, 0]], [[0, 0, 0], [1, 1, 0]]).tolist()
        [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    predicted, truth = _pair(predicted, truth)
    p, t = root_relative(predicted), root_relative(truth)
    power = (p * p).sum((-2, -1), keepdims=True)
    scale = np.divide((p * t).sum((-2, -1), keepdims=True), power, out=np.ones_like(power), where=power > 0)
    return scale * p + truth[..., ROOT : ROOT + 1, :]


@np.errstate(invalid="ignore")
def align_size(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Root alignment, then the factor s = |t| / |p| that makes both poses equally large about the root, same shape.

    Not the N-MPJPE of the field: its factor is :func:`align_scale`'s, s = <p, t> / <p, p>, which is never larger.
    A prediction that is a single point keeps its scale.

    Args:
        predicted, truth: (..., J, D), one unit.

    Example:
        >>> align_size([[0, 0, 0], [2, 0, 0]], [[0, 0, 0], [0, 1, 0]]).tolist()
        [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    predicted, truth = _pair(predicted, truth)
    p, t = root_relative(predicted), root_relative(truth)
    size_p, size_t = (np.sqrt((x * x).sum((-2, -1), keepdims=True)) for x in (p, t))
    return np.divide(size_t, size_p, out=np.ones_like(size_p), where=size_p > 0) * p + truth[..., ROOT : ROOT + 1, :]


@np.errstate(over="ignore", invalid="ignore")
def align_procrustes(predicted: ArrayLike, truth: ArrayLike, *, allow_reflection: bool = False) -> np.ndarray:
    """Turn, move and scale each prediction onto the truth in the least-squares sense, (..., J, 3), same shape.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (PAMI 1991), equations
    39-43: with U D V^T the SVD of the cross-covariance and S = diag(1, 1, +-1) so that U S V^T is a rotation and not a
    reflection, the scale is tr(D S) / sum |p|^2. Flat, collinear and single-point poses have many best rotations, of
    which one is taken; their error is the minimum all the same. A pose with a joint that is not finite, in the
    prediction or in the truth, becomes NaN as a whole.

    Args:
        predicted, truth: (..., J, 3), one unit.
        allow_reflection: S = I, so that a mirrored person may fit better than any turned one. That is not Protocol 2.

    Example:
        The truth is the prediction twice as large, a quarter turn about z, and 5 away.

        >>> aligned = align_procrustes([[0, 0, 0], [1, 0, 0], [0, 2, 0]], [[0, 0, 5], [0, 2, 5], [-4, 0, 5]])
        >>> (aligned.round(9) + 0).tolist()
        [[0.0, 0.0, 5.0], [0.0, 2.0, 5.0], [-4.0, 0.0, 5.0]]
    """
    predicted, truth = _pair(predicted, truth)
    mean_p, mean_t = predicted.mean(-2, keepdims=True), truth.mean(-2, keepdims=True)
    p, t = predicted - mean_p, truth - mean_t
    covariance = np.swapaxes(p, -1, -2) @ t
    finite = np.isfinite(covariance).all((-2, -1))
    covariance[~finite] = 0  # else LAPACK would give up the whole batch
    rotation, signed = best_rotation(covariance, allow_reflection)
    power = (p * p).sum((-2, -1))
    scale = np.divide(signed.sum(-1), power, out=np.ones_like(power), where=power > 0)
    aligned = scale[..., None, None] * (p @ rotation) + mean_t
    aligned[~finite] = np.nan
    return aligned


@np.errstate(over="ignore", invalid="ignore")
def align_procrustes_l1(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Turn, move and scale each prediction so that the mean distance itself is least, (..., J, 3), same shape.

    Least squares spreads the error of one bad joint over all others, so that :func:`pa_mpjpe` can exceed :func:`mpjpe`.
    Here each joint's square counts by the inverse of its distance: iteratively reweighted least squares (Weiszfeld,
    Tohoku Mathematical Journal 1937, for points), which lowers the sum of distances at every step, from the better of
    the roots' and the least-squares alignment on; :data:`REWEIGHTINGS` steps. A pose with a joint that is not finite
    becomes NaN as a whole.

    Args:
        predicted, truth: (..., J, 3), one unit.

    Example:
        One of five joints is wrong: the others stay where they are right.

        >>> truth = [[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]]
        >>> predicted = [[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -1], [0, 0, 2]]
        >>> (align_procrustes_l1(predicted, truth).round(3) + 0).tolist()
        [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [0.0, 0.0, 2.0]]
    """
    p, t = _pair(predicted, truth)
    nearest = _COINCIDENT * np.maximum(np.ptp(t, axis=(-2, -1))[..., None], 1e-9)
    starts = align_root(p, t), align_procrustes(p, t)
    of_root, of_squares = (joint_errors(start, t).sum(-1, keepdims=True) for start in starts)
    aligned = np.where((of_root < of_squares)[..., None], *starts)
    best, least = aligned, np.minimum(of_root, of_squares)
    for _ in range(REWEIGHTINGS):
        errors = joint_errors(aligned, t)
        aligned = _align_weighted(p, t, 1 / np.maximum(errors, nearest)[..., None])
    total = joint_errors(aligned, t).sum(-1, keepdims=True)
    return np.where((total < least)[..., None], aligned, best)


def _align_weighted(p: np.ndarray, t: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """:func:`align_procrustes` of weighted squares, (..., J, 1)."""
    weights = weights / weights.sum(-2, keepdims=True)
    mean_p, mean_t = (weights * p).sum(-2, keepdims=True), (weights * t).sum(-2, keepdims=True)
    centred = p - mean_p
    covariance = np.swapaxes(weights * centred, -1, -2) @ (t - mean_t)
    covariance[~np.isfinite(covariance).all((-2, -1))] = 0
    rotation, signed = best_rotation(covariance)
    power = (weights * centred * centred).sum((-2, -1))
    scale = np.divide(signed.sum(-1), power, out=np.ones_like(power), where=power > 0)
    return scale[..., None, None] * (centred @ rotation) + mean_t


def mpjpe(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Mean per-joint position error with the roots aligned (Protocol 1), (..., J, 3) to (...), in the unit given.

    Example:
        >>> float(mpjpe([[0, 0, 1], [0, 3, 1]], [[0, 0, 0], [0, 0, 0]]))
        1.5
    """
    return joint_errors(align_root(predicted, truth), truth).mean(-1)


def n_mpjpe(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """MPJPE after root and scale alignment, (..., J, 3) to (...), in the unit given.

    Example:
        >>> float(n_mpjpe([[0, 0, 0], [2, 0, 0]], [[0, 0, 0], [1, 1, 0]]))
        0.5
    """
    return joint_errors(align_scale(predicted, truth), truth).mean(-1)


def pa_mpjpe(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """MPJPE after Procrustes alignment of each pose by itself (Protocol 2), (..., J, 3) to (...), in the unit given.

    Example:
        >>> float(pa_mpjpe([[0, 0, 0], [1, 0, 0], [0, 2, 0]], [[0, 0, 5], [0, 2, 5], [-4, 0, 5]]).round(9))
        0.0
    """
    return joint_errors(align_procrustes(predicted, truth), truth).mean(-1)


def pa_l1_mpjpe(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """MPJPE after the similarity that makes it least, (..., J, 3) to (...): at most PA-MPJPE, and at most MPJPE.

    Example:
        >>> truth = [[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]]
        >>> predicted = [[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -1], [0, 0, 2]]
        >>> [round(float(metric(predicted, truth)), 3) for metric in (mpjpe, pa_mpjpe, pa_l1_mpjpe)]
        [0.2, 0.233, 0.2]
    """
    return joint_errors(align_procrustes_l1(predicted, truth), truth).mean(-1)


def velocity_errors(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Error of the root-relative first difference p[t] - p[t-1] of one sequence, per frame: MPJVE is its mean.

    Pavllo et al., "3D human pose estimation in video with temporal convolutions and semi-supervised training" (CVPR
    2019). Metres per frame; see :func:`acceleration_errors` for what that means and for the seams of takes.

    Args:
        predicted, truth: (T, J, 3), metres.

    Returns:
        (max(T - 1, 0), J), metres per frame, at least 0.

    Example:
        The root rests; the other joint is predicted at 0, 1 and 3 m where it rests as well.

        >>> predicted = [[[0, 0, 0], [x, 0, 0]] for x in (0, 1, 3)]
        >>> velocity_errors(predicted, np.zeros((3, 2, 3))).tolist()
        [[0.0, 1.0], [0.0, 2.0]]
    """
    return _difference_errors(predicted, truth, 1)


def acceleration_errors(predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Error of the root-relative second difference p[t-1] - 2 p[t] + p[t+1] of one sequence, per frame squared.

    Kanazawa et al., "Learning 3D Human Dynamics from Video" (CVPR 2019). The unit is metres per frame squared at the
    data's own frame rate: figures at other rates do not compare. Call it on one sequence at a time, because a
    difference across the seam of two takes means nothing.

    Args:
        predicted, truth: (T, J, 3), metres.

    Returns:
        (max(T - 2, 0), J), metres per frame squared, at least 0.

    Example:
        >>> predicted = [[[0, 0, 0], [x, 0, 0]] for x in (0, 1, 3)]
        >>> acceleration_errors(predicted, np.zeros((3, 2, 3))).tolist()
        [[0.0, 1.0]]
    """
    return _difference_errors(predicted, truth, 2)


def _difference_errors(predicted: ArrayLike, truth: ArrayLike, order: int) -> np.ndarray:
    predicted, truth = _pair(predicted, truth)
    if predicted.ndim != 3:
        raise ValueError(f"one sequence (T, J, 3) at a time, not {predicted.shape}")
    with np.errstate(invalid="ignore"):
        return _lengths(np.diff(root_relative(predicted) - root_relative(truth), n=order, axis=0))


def pck_curve(errors_m: ArrayLike, thresholds_m: ArrayLike = AUC_THRESHOLDS_M) -> np.ndarray:
    """Fraction of errors strictly below each threshold.

    Args:
        errors_m: any shape, at least 0; NaN is below no threshold.
        thresholds_m: (K,).

    Returns:
        (K,), 0 to 1.

    Raises:
        ValueError: no errors.

    Example:
        >>> pck_curve([0.01, 0.02, 0.03, 0.2], [0.015, 0.15]).tolist()
        [0.25, 0.75]
    """
    errors = np.asarray(errors_m)
    if not errors.size:
        raise ValueError("no errors to count")
    # Thresholds take the errors' own precision, or 5 mm in float32 would lie below 5 mm in float64.
    thresholds = np.asarray(thresholds_m, np.result_type(errors, np.float32))
    return np.array([np.count_nonzero(errors < threshold) for threshold in thresholds]) / errors.size


def pck150(errors_m: ArrayLike) -> float:
    """Fraction of errors strictly below 150 mm, as in MPI-INF-3DHP; give it root-aligned errors without the root's.

    Args:
        errors_m: any shape, at least 0.

    Raises:
        ValueError: no errors.

    Example:
        >>> pck150([0.149, 0.15])
        0.5
    """
    return float(pck_curve(errors_m, [PCK_THRESHOLD_M])[0])


def auc(errors_m: ArrayLike) -> float:
    """Mean of :func:`pck_curve` over the 31 thresholds 0, 5, ..., 150 mm (0 included), as in MPI-INF-3DHP.

    Args:
        errors_m: any shape, at least 0.

    Raises:
        ValueError: no errors.

    Example:
        An error of 0 is below 30 of the 31 thresholds, one of 200 mm below none: 15 / 31.

        >>> round(auc([0.0, 0.2]), 4)
        0.4839
    """
    return float(pck_curve(errors_m).mean())


def pck_px(predicted_px: ArrayLike, truth_px: ArrayLike, threshold_px: float) -> float:
    """Fraction of keypoints nearer to the truth than a threshold in the px they are given in.

    Args:
        predicted_px, truth_px: (..., J, 2).
        threshold_px: more than 0; a keypoint at exactly this distance does not count.

    Raises:
        ValueError: no keypoints.

    Example:
        >>> pck_px([[0, 0], [3, 4]], [[0, 0], [0, 0]], threshold_px=5)
        0.5
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
        ``pck_at_1_heatmap_px`` and so on, 0 to 1, rounded to four digits.

    Raises:
        ValueError: no keypoints.

    Example:
        Errors of 2 and 12 px in the crop are 0.5 and 3 px in the heatmap.

        >>> heatmap_pck([[2, 0], [12, 0]], [[0, 0], [0, 0]])
        {'pck_at_1_heatmap_px': 0.5, 'pck_at_2_heatmap_px': 0.5, 'pck_at_4_heatmap_px': 1.0}
    """
    predicted, truth = (np.asarray(px) / _CROP_PX_PER_HEATMAP_PX for px in (predicted_crop_px, truth_crop_px))
    return {f"pck_at_{px}_heatmap_px": round(pck_px(predicted, truth, px), 4) for px in _WITHIN_HEATMAP_PX}


def pck_2d(predicted_px: ArrayLike, truth_px: ArrayLike, boxes_px: ArrayLike, threshold: float) -> float:
    """Fraction of keypoints nearer to the truth than ``threshold`` times the longer side of the person's box.

    Args:
        predicted_px, truth_px: (..., J, 2).
        boxes_px: (..., 4) x0, y0, x1, y1.
        threshold: share of the box's longer side, more than 0.

    Raises:
        ValueError: no keypoints.

    Example:
        A twentieth of the box's height is 5 px.

        >>> pck_2d([[0, 0], [0, 9]], [[0, 0], [0, 0]], [0, 0, 50, 100], threshold=0.05)
        0.5
    """
    errors = joint_errors(predicted_px, truth_px)
    if not errors.size:
        raise ValueError("no keypoints to count")
    boxes = np.asarray(boxes_px, np.float64)
    longer_side = (boxes[..., 2:] - boxes[..., :2]).max(-1)
    return float((errors < threshold * longer_side[..., None]).mean())
