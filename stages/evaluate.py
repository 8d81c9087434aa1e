"""Score the detector, both lifters and two baselines; draw tables, curves, pictures and a video of test subjects.

Reads  data/sequences.h5, data/frames.h5, data/crops.h5, data/keypoints2d.h5, data/models/repnet.pt,
       data/models/temporal.pt, and the files in priors/ that lifting.prior names
Writes metrics/evaluation.json (test subjects), metrics/validation.json (the same for the validation subjects, on which
       choices are made), plots/evaluation/
Where dataset.real_views asks for it, the models are also measured on the real videos in data/raw/multiview, without
labels, into evaluation.json, with the cameras as given and refined.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose3d.config.dataset import DatasetParams, EmbeddedDataset
from pose3d.config.evaluation import EvaluateParams
from pose3d.config.lifting import LiftingParams
from pose3d.config.reading import StageParams
from pose3d.datasets.manifest import check_manifest
from pose3d.evaluation import baselines, metrics
from pose3d.evaluation.examples import error_over_time_mm, example_frames, median_sequence
from pose3d.evaluation.protocols import protocols_mm
from pose3d.evaluation.tables import (
    LIFTERS,
    Errors,
    action_name,
    errors_of,
    pck3d_table,
    per_action_mm,
    per_joint_mm,
    per_occlusion_mm,
    per_subject_mm,
    summary,
)
from pose3d.lifting.lift import lift_sequences
from pose3d.lifting.supervision import read_prior
from pose3d.multiview.agreement import measure_models
from pose3d.pose2d.crops import read_crop_from_image
from pose3d.records.frames import read_rgb
from pose3d.records.keypoints2d import Keypoints2D, read_keypoints2d
from pose3d.records.sequences import PoseSequence, check_3d, read_sequences, read_splits
from pose3d.runtime.errors import run_stage
from pose3d.runtime.files import write_text
from pose3d.show import figures, video
from pose3d.show.webm import write_webm

DATA, PLOTS, METRICS = Path("data"), Path("plots/evaluation"), Path("metrics")
PANEL_PERCENTILES = (10, 30, 50, 70, 90)
WORST_PERCENTILES = (99.9, 99.5, 99)
CLIP_S = 6.0
REAL_VIEWS = DATA / "raw" / "multiview"
REAL_VIEWS_STEP = 2
"""Take every second frame of the real videos, which have 60 a second."""


class Params(StageParams):
    dataset: DatasetParams
    lifting: LiftingParams
    evaluate: EvaluateParams


@dataclass(frozen=True, eq=False)
class Predictions:
    """Some subjects' N sequences, what was detected in them, and each method's poses.

    Attributes:
        sequences: N, with 3D.
        detections: N, in the same order.
        poses_cam_m: method to N arrays (T, 17, 3).
        has_root: lifter to whether its poses have the root's place.
        errors: method to its errors.
    """

    sequences: list[PoseSequence]
    detections: list[Keypoints2D]
    poses_cam_m: dict[str, list[np.ndarray]]
    has_root: dict[str, bool]
    errors: dict[str, Errors]


def predict(subjects: list[str], prior_world_m: np.ndarray, params: EvaluateParams) -> Predictions:
    """Run both lifters and both baselines on some subjects.

    Args:
        subjects: whose sequences are read, all with 3D.
        prior_world_m: (N, 17, 3) poses that the baselines know.
        params: its ``nearest_yaws`` is used.
    """
    sequences = read_sequences(DATA / "sequences.h5", subjects)
    check_3d(sequences, DATA / "sequences.h5")
    detections = read_keypoints2d(DATA / "keypoints2d.h5", sequences)
    poses, has_root = {}, {}
    for name in LIFTERS:
        lifted = lift_sequences(DATA / "models" / f"{name}.pt", sequences, detections)
        poses[name] = [one.poses_cam_m for one in lifted]
        has_root[name] = lifted[0].has_root
    poses["nearest_neighbour"] = list(
        baselines.nearest_neighbours(prior_world_m, params.nearest_yaws, sequences, detections)
    )
    poses["mean_pose"] = [baselines.mean_pose(prior_world_m, sequence) for sequence in sequences]
    errors = {name: errors_of(name, sequences, poses[name], has_root.get(name, False)) for name in poses}
    return Predictions(sequences, detections, poses, has_root, errors)


def metrics_of(done: Predictions, pck_threshold: float) -> dict[str, dict]:
    """The content of metrics/evaluation.json and metrics/validation.json, by method."""
    crop_from_image = read_crop_from_image(DATA / "crops.h5", done.sequences)
    return summary(done.sequences, done.detections, done.errors, pck_threshold, crop_from_image)


def write_json(path: Path, content: dict) -> None:
    write_text(path, json.dumps(content, indent=2) + "\n")


def draw_panel(path: Path, done: Predictions, percentiles: tuple[float, ...]) -> None:
    """Frames at fixed percentiles of the temporal model's error, one a row.

    Args:
        path: the PNG to write.
        done: sequences and what the models made of them.
        percentiles: of the error, 0 to 100.
    """
    rows = []
    for i, t in example_frames(done.sequences, done.poses_cam_m["temporal"], percentiles):
        sequence = done.sequences[i]
        truth = sequence.poses_cam_m[t]
        poses = {name: done.poses_cam_m[name][i][t] for name in LIFTERS}
        row = {
            "title": f"{action_name(sequence.action)}, {sequence.camera.id}",
            "image_rgb": next(read_rgb(DATA / "frames.h5", sequence, [t])),
            "keypoints_px": figures.reproject(sequence.camera, poses["temporal"]),
            "box_px": sequence.boxes_px[t],
            "truth_m": metrics.root_relative(truth),
            "methods": {n: (metrics.root_relative(p), 1000 * metrics.mpjpe(p, truth)) for n, p in poses.items()},
        }
        rows.append(row)
    figures.save_png(figures.panel(rows), path)


def draw_clip(done: Predictions) -> None:
    """Errors over time and the video, both of the test sequence of median error."""
    i = median_sequence(done.sequences, done.poses_cam_m["temporal"])
    sequence, poses = done.sequences[i], {name: done.poses_cam_m[name][i] for name in LIFTERS}
    table = error_over_time_mm(sequence, poses)
    write_text(PLOTS / "error_over_time.csv", table.to_csv())
    figures.save_png(figures.error_over_time_figure(table, sequence.key), PLOTS / "error_over_time.png")

    shown = slice(0, min(len(sequence), max(1, round(CLIP_S * sequence.fps))))
    truth, single, temporal = (p[shown] for p in (sequence.poses_cam_m, poses["repnet"], poses["temporal"]))
    panels = video.side_by_side(
        read_rgb(DATA / "frames.h5", sequence, range(shown.stop)),
        sequence.fps,
        figures.reproject(sequence.camera, temporal),
        sequence.boxes_px[shown],
        video.demo_poses(single, temporal, truth, done.has_root["repnet"]),
        sequence.camera.rotation[:, 2],
    )
    write_webm(PLOTS / "demo.webm", panels, sequence.fps)


def main() -> None:
    params = Params.load()
    real_views = isinstance(params.dataset, EmbeddedDataset) and params.dataset.real_views is not None
    if real_views:
        check_manifest(REAL_VIEWS.parent)
    prior_sequences = read_prior(DATA / "sequences.h5", params.lifting)
    prior = baselines.prior_poses(prior_sequences, params.evaluate.nearest_poses)
    splits = read_splits(DATA / "sequences.h5")

    validation = {"data": {"frames": 0}}  # a data set may train on everybody, as the original does
    if splits["validation"]:
        validation = metrics_of(predict(splits["validation"], prior, params.evaluate), params.evaluate.pck_threshold)
    write_json(METRICS / "validation.json", validation)
    test = predict(splits["test"], prior, params.evaluate)
    report = metrics_of(test, params.evaluate.pck_threshold)
    if real_views:
        picture = PLOTS / "real_views.png"
        report["real_views"] = measure_models(DATA / "models", REAL_VIEWS, REAL_VIEWS_STEP, picture, refine="full")
    write_json(METRICS / "evaluation.json", report)

    write_text(PLOTS / "protocols.csv", protocols_mm(test.errors).to_csv())
    write_text(PLOTS / "per_action.csv", per_action_mm(test.errors).to_csv())
    write_text(PLOTS / "per_subject.csv", per_subject_mm(test.errors).to_csv())
    write_text(PLOTS / "per_joint.csv", per_joint_mm(test.errors).to_csv())
    hidden = per_occlusion_mm(test.sequences, test.errors, test.poses_cam_m)
    write_text(PLOTS / "occlusion.csv", hidden.to_csv())
    curve = pck3d_table(test.errors)
    write_text(PLOTS / "pck3d_curve.csv", curve.to_csv())
    figures.save_png(figures.pck3d_figure(curve), PLOTS / "pck3d_curve.png")
    draw_clip(test)
    draw_panel(PLOTS / "panel.png", test, PANEL_PERCENTILES)
    draw_panel(PLOTS / "worst.png", test, WORST_PERCENTILES)


if __name__ == "__main__":
    run_stage(main)
