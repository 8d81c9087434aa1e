"""What the models and the baselines make of some subjects, and how far off that is."""

from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from pose3d.config.evaluation import EvaluateParams
from pose3d.evaluation import baselines, coverage
from pose3d.evaluation.coverage import Intervals, intervals_of
from pose3d.evaluation.scored_frames import runs_of, scored_frames
from pose3d.evaluation.tables import LIFTERS, Errors, LeftOut, errors_of, summary
from pose3d.lifting.lift import lift_detections, load_lifter
from pose3d.pose2d.crops import read_crop_from_image
from pose3d.records.keypoints2d import Keypoints2D, read_keypoints2d, read_layout
from pose3d.records.sequences import PoseSequence, check_3d, cut_sequence, read_sequences


@dataclass(frozen=True, eq=False)
class Predictions:
    """Some subjects' N sequences, what was detected in them, and each method's poses.

    Frames in which too little is detected for longer than is bridged are left out of all errors.

    Attributes:
        sequences: N, with 3D.
        detections: N, in the same order.
        poses_cam_m: method to N arrays (T, 17, 3).
        has_root: lifter to whether its poses have the root's place.
        found: N arrays (T,) bool: which frames are scored.
        scored: runs of those frames, in the same order.
        scored_poses_cam_m: method to the poses of these runs.
        errors: method to its errors in them.
        intervals: lifter to its errors and radii in them; of lifters whose files have a spread.
    """

    sequences: list[PoseSequence]
    detections: list[Keypoints2D]
    poses_cam_m: dict[str, list[np.ndarray]]
    has_root: dict[str, bool]
    found: list[np.ndarray]
    scored: list[PoseSequence]
    scored_poses_cam_m: dict[str, list[np.ndarray]]
    errors: dict[str, Errors]
    intervals: dict[str, Intervals]

    def left_out(self) -> LeftOut:
        """How many frames are not scored."""
        return LeftOut.of(self.sequences, self.found)


def predict(data: Path, subjects: list[str], prior_world_m: np.ndarray, params: EvaluateParams) -> Predictions:
    """Run both lifters and both baselines on some subjects.

    Args:
        data: folder of sequences.h5, keypoints2d.h5 and the models.
        subjects: whose sequences are read, all with 3D.
        prior_world_m: (N, 17, 3) poses that the baselines know.
        params: its ``nearest_yaws`` is used.

    Raises:
        InputError: a file is missing or damaged, or nothing is detected in any frame.
    """
    sequences = read_sequences(data / "sequences.h5", subjects)
    check_3d(sequences, data / "sequences.h5")
    keypoints = data / "keypoints2d.h5"
    detections = read_keypoints2d(keypoints, sequences, read_layout(keypoints))
    found = scored_frames(keypoints, sequences, detections)
    spans = runs_of(found)
    scored = [cut_sequence(sequences[number], span) for number, span in spans]
    poses, has_root, intervals = {}, {}, {}
    for name in LIFTERS:
        lifter = load_lifter(data / "models" / f"{name}.pt", detections[0].layout)
        lifted = lift_detections(lifter, sequences, detections)
        if lifter.spread is not None:
            runs = [lifted[number].each(itemgetter(span)) for number, span in spans]
            intervals[name] = intervals_of(scored, runs, lifter.spread.relative_factors())
        poses[name] = [one.poses_cam_m for one in lifted]
        has_root[name] = lifted[0].has_root
    poses["nearest_neighbour"] = list(
        baselines.nearest_neighbours(prior_world_m, params.nearest_yaws, sequences, detections)
    )
    poses["mean_pose"] = [baselines.mean_pose(prior_world_m, sequence) for sequence in sequences]
    in_runs = {name: [of[number][span] for number, span in spans] for name, of in poses.items()}
    errors = {name: errors_of(name, scored, in_runs[name], has_root.get(name, False)) for name in poses}
    return Predictions(sequences, detections, poses, has_root, found, scored, in_runs, errors, intervals)


def metrics_of(data: Path, done: Predictions, pck_threshold: float) -> dict[str, dict]:
    """The content of metrics/evaluation.json and metrics/validation.json, by method.

    Args:
        data: folder of crops.h5.
        done: what is scored.
        pck_threshold: see :func:`pose3d.evaluation.tables.summary`.
    """
    crop_from_image = read_crop_from_image(data / "crops.h5", done.sequences)
    metrics = summary(done.sequences, done.detections, done.errors, pck_threshold, crop_from_image)
    metrics["data"] |= {"frames": sum(map(len, done.scored)), "frames_left_out": done.left_out().total}
    for name, intervals in done.intervals.items():
        metrics[name] |= coverage.summary(intervals)
    return metrics
