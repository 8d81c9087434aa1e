"""Score the detector, both lifters and two baselines; draw tables, curves, pictures and a video of test subjects.

Reads  data/sequences.h5, data/frames.h5, data/crops.h5, data/keypoints2d.h5, data/models/repnet.pt,
       data/models/temporal.pt, and the files in priors/ that lifting.prior names
Writes metrics/evaluation.json (test subjects), metrics/validation.json (the same for the validation subjects, on which
       choices are made), plots/evaluation/
Where dataset.real_views asks for it, the models are also measured on the real videos in data/raw/multiview, without
labels, into evaluation.json, with the cameras as given and refined.
"""

import json
from pathlib import Path

from pose3d.config.dataset import DatasetParams, EmbeddedDataset
from pose3d.config.evaluation import EvaluateParams
from pose3d.config.lifting import LiftingParams
from pose3d.config.reading import StageParams
from pose3d.datasets.manifest import check_manifest
from pose3d.runtime.errors import run_stage
from pose3d.runtime.files import require_files, write_text

DATA, PLOTS, METRICS = Path("data"), Path("plots/evaluation"), Path("metrics")
SEQUENCES, FRAMES = DATA / "sequences.h5", DATA / "frames.h5"
PANEL_PERCENTILES = (10, 30, 50, 70, 90)
WORST_PERCENTILES = (99.9, 99.5, 99)
REAL_VIEWS = DATA / "raw" / "multiview"
REAL_VIEWS_STEP = 2
"""Take every second frame of the real videos, which have 60 a second."""


class Params(StageParams):
    dataset: DatasetParams
    lifting: LiftingParams
    evaluate: EvaluateParams


def write_json(path: Path, content: dict) -> None:
    write_text(path, json.dumps(content, indent=2) + "\n")


def main() -> None:
    params = Params.load()
    require_files(SEQUENCES, FRAMES, DATA / "crops.h5", DATA / "keypoints2d.h5")
    require_files(DATA / "models/repnet.pt", DATA / "models/temporal.pt")
    params.lifting.require_prior_files()
    real_views = isinstance(params.dataset, EmbeddedDataset) and params.dataset.real_views is not None
    if real_views:
        check_manifest(REAL_VIEWS.parent)
        require_files(DATA / "models/pose2d.pt")
    from pose3d.evaluation import baselines, coverage, tables
    from pose3d.evaluation.drawings import draw_clip, draw_panel
    from pose3d.evaluation.protocols import protocols_mm
    from pose3d.evaluation.scoring import metrics_of, predict
    from pose3d.lifting.supervision import read_prior
    from pose3d.multiview.agreement import measure_models
    from pose3d.records.sequences import read_splits
    from pose3d.show import figures
    from pose3d.show.reliability import reliability_figure

    prior_sequences = read_prior(SEQUENCES, params.lifting)
    prior = baselines.prior_poses(prior_sequences, params.evaluate.nearest_poses)
    splits = read_splits(SEQUENCES)

    validation = {"data": {"frames": 0}}  # a data set may train on everybody, as the original does
    if splits["validation"]:
        done = predict(DATA, splits["validation"], prior, params.evaluate)
        validation = metrics_of(DATA, done, params.evaluate.pck_threshold)
    write_json(METRICS / "validation.json", validation)
    test = predict(DATA, splits["test"], prior, params.evaluate)
    report = metrics_of(DATA, test, params.evaluate.pck_threshold)
    if real_views:
        picture = PLOTS / "real_views.png"
        report["real_views"] = measure_models(DATA / "models", REAL_VIEWS, REAL_VIEWS_STEP, picture, refine="full")
    write_json(METRICS / "evaluation.json", report)

    left_out = test.left_out()
    if left_out.total:
        print(left_out.sentence(sum(map(len, test.sequences))))
    write_text(PLOTS / "protocols.csv", protocols_mm(test.errors).to_csv())
    write_text(PLOTS / "per_action.csv", tables.per_action_mm(test.errors, left_out).to_csv())
    write_text(PLOTS / "per_subject.csv", tables.per_subject_mm(test.errors, left_out).to_csv())
    write_text(PLOTS / "per_joint.csv", tables.per_joint_mm(test.errors).to_csv())
    hidden = tables.per_occlusion_mm(test.scored, test.errors, test.scored_poses_cam_m)
    write_text(PLOTS / "occlusion.csv", hidden.to_csv())
    if test.intervals:
        write_text(PLOTS / "coverage.csv", coverage.coverage_table(test.sequences, test.intervals).to_csv())
        reliability = coverage.reliability_table(test.intervals)
        write_text(PLOTS / "reliability.csv", reliability.to_csv())
        figures.save_png(reliability_figure(reliability), PLOTS / "reliability.png")
    curve = tables.pck3d_table(test.errors)
    write_text(PLOTS / "pck3d_curve.csv", curve.to_csv())
    figures.save_png(figures.pck3d_figure(curve), PLOTS / "pck3d_curve.png")
    draw_clip(PLOTS, FRAMES, test)
    draw_panel(PLOTS / "panel.png", FRAMES, test, PANEL_PERCENTILES)
    draw_panel(PLOTS / "worst.png", FRAMES, test, WORST_PERCENTILES)


if __name__ == "__main__":
    run_stage(main)
