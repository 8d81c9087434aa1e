"""What the models and the baselines make of some subjects, and how far off that is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose3d.config.evaluation import EvaluateParams
from pose3d.evaluation import baselines, coverage
from pose3d.evaluation.coverage import Intervals, intervals_of
from pose3d.evaluation.tables import LIFTERS, Errors, errors_of, summary
from pose3d.lifting.lift import lift_detections, load_lifter
from pose3d.pose2d.crops import read_crop_from_image
from pose3d.records.keypoints2d import Keypoints2D, read_keypoints2d, read_layout
from pose3d.records.sequences import PoseSequence, check_3d, read_sequences


@dataclass(frozen=True, eq=False)
class Predictions:
    """Some subjects' N sequences, what was detected in them, and each method's poses.

    Attributes:
        sequences: N, with 3D.
        detections: N, in the same order.
        poses_cam_m: method to N arrays (T, 17, 3).
        has_root: lifter to whether its poses have the root's place.
        errors: method to its errors.
        intervals: lifter to its errors and radii; of lifters whose files have a spread.
    """

    sequences: list[PoseSequence]
    detections: list[Keypoints2D]
    poses_cam_m: dict[str, list[np.ndarray]]
    has_root: dict[str, bool]
    errors: dict[str, Errors]
    intervals: dict[str, Intervals]


def predict(data: Path, subjects: list[str], prior_world_m: np.ndarray, params: EvaluateParams) -> Predictions:
    """Run both lifters and both baselines on some subjects.

    Args:
        data: folder of sequences.h5, keypoints2d.h5 and the models.
        subjects: whose sequences are read, all with 3D.
        prior_world_m: (N, 17, 3) poses that the baselines know.
        params: its ``nearest_yaws`` is used.
    """
    sequences = read_sequences(data / "sequences.h5", subjects)
    check_3d(sequences, data / "sequences.h5")
    keypoints = data / "keypoints2d.h5"
    detections = read_keypoints2d(keypoints, sequences, read_layout(keypoints))
    poses, has_root, intervals = {}, {}, {}
    for name in LIFTERS:
        lifter = load_lifter(data / "models" / f"{name}.pt", detections[0].layout)
        lifted = lift_detections(lifter, sequences, detections)
        if lifter.spread is not None:
            intervals[name] = intervals_of(sequences, lifted, lifter.spread.relative_factors())
        poses[name] = [one.poses_cam_m for one in lifted]
        has_root[name] = lifted[0].has_root
    poses["nearest_neighbour"] = list(
        baselines.nearest_neighbours(prior_world_m, params.nearest_yaws, sequences, detections)
    )
    poses["mean_pose"] = [baselines.mean_pose(prior_world_m, sequence) for sequence in sequences]
    errors = {name: errors_of(name, sequences, poses[name], has_root.get(name, False)) for name in poses}
    return Predictions(sequences, detections, poses, has_root, errors, intervals)


def metrics_of(data: Path, done: Predictions, pck_threshold: float) -> dict[str, dict]:
    """The content of metrics/evaluation.json and metrics/validation.json, by method.

    Args:
        data: folder of crops.h5.
        done: what is scored.
        pck_threshold: see :func:`pose3d.evaluation.tables.summary`.
    """
    crop_from_image = read_crop_from_image(data / "crops.h5", done.sequences)
    metrics = summary(done.sequences, done.detections, done.errors, pck_threshold, crop_from_image)
    for name, intervals in done.intervals.items():
        metrics[name] |= coverage.summary(intervals)
    return metrics
