"""What lifters of other keypoint layouts are worth on true 2D: nobody detects those points here."""

from collections.abc import Sequence

import numpy as np

from pose3d.evaluation.coverage import intervals_of, summary
from pose3d.evaluation.metrics import mpjpe, pa_mpjpe
from pose3d.geometry.layouts import Layout, layout
from pose3d.lifting.lift import lift_keypoints
from pose3d.lifting.networks import Lifter
from pose3d.lifting.prior import points_cam_m
from pose3d.records.sequences import PoseSequence

_DRAWS = 7  # key of random numbers, apart from other uses


def true_points_px(sequence: PoseSequence, points: Layout) -> np.ndarray:
    """Where the points of a layout truly appear, (T, K, 2); landmarks are estimated where the sequence has none."""
    return sequence.camera.project(points_cam_m(sequence, points))


def layout_errors_mm(lifter: Lifter, sequences: Sequence[PoseSequence], missing: float = 0.0) -> dict[str, float]:
    """Errors over all frames that have enough points.

    Args:
        lifter: of any layout.
        sequences: with 3D.
        missing: share of the points that are missing, at random and the same ones at each call. Lifters of Human3.6M's
            17 joints get all.

    Returns:
        mpjpe_mm (relative to the root), pa_mpjpe_mm and root_error_mm.
    """
    points = layout(lifter.layout)
    errors: dict[str, list[np.ndarray]] = {"mpjpe_mm": [], "pa_mpjpe_mm": [], "root_error_mm": []}
    for number, sequence in enumerate(sequences):
        confidence = np.random.default_rng([_DRAWS, number]).random((len(sequence), len(points))) >= missing
        px = true_points_px(sequence, points)
        poses = lift_keypoints(lifter, sequence.camera, px, sequence.fps, confidence).poses_cam_m
        known = np.isfinite(poses).all((1, 2))
        poses, truth = poses[known], sequence.poses_cam_m[known]
        errors["mpjpe_mm"].append(mpjpe(poses, truth))
        errors["pa_mpjpe_mm"].append(pa_mpjpe(poses, truth))
        errors["root_error_mm"].append(np.linalg.norm(poses[:, 0] - truth[:, 0], axis=-1))
    return {name: 1000 * float(np.concatenate(values).mean()) for name, values in errors.items()}


def layout_coverage(lifter: Lifter, sequences: Sequence[PoseSequence]) -> dict[str, float]:
    """How many errors a lifter's radii hold: :func:`pose3d.evaluation.coverage.summary`.

    Args:
        lifter: of any layout, with a spread.
        sequences: with 3D, whose true 2D it lifts.
    """
    assert lifter.spread is not None
    points = layout(lifter.layout)
    lifted = [lift_keypoints(lifter, s.camera, true_points_px(s, points), s.fps) for s in sequences]
    return summary(intervals_of(sequences, lifted, lifter.spread.relative_factors()))
