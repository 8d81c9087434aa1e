"""How much less a lifter of another keypoint layout knows than one of Human3.6M's 17 joints, on the same takes.

    python -m benchmarks.layouts --data data                        # from the repository's root, after stage infer_2d
    python -m benchmarks.layouts --data data --layouts coco17 --steps 500

Trains both lifters of each layout on the data's training subjects, with params.yaml but the projected prior alone, as
lifters of other layouts learn, and lifts the test subjects' true 2D: all points, and with a fifth of them missing at
random. Landmarks are the data's own, or estimated from the 17 joints where it has none. Trained lifters stay in
``--out``, and are not trained again.
"""

import argparse
from pathlib import Path

import numpy as np

from pose3d.config.blocks import Seed
from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.config.reading import StageParams
from pose3d.evaluation.metrics import mpjpe, pa_mpjpe
from pose3d.geometry.landmarks import estimate_landmarks
from pose3d.geometry.layouts import Layout, layout
from pose3d.lifting.fit import fit_lifter
from pose3d.lifting.layout_view import OURS
from pose3d.lifting.lift import lift_keypoints, load_lifter
from pose3d.lifting.networks import Lifter
from pose3d.lifting.supervision import read_supervision
from pose3d.predict.models import lifter_file
from pose3d.records.sequences import PoseSequence, read_sequences, read_splits
from pose3d.runtime.processes import all_processes
from pose3d.training.checkpoint import Checkpoint, fingerprint
from pose3d.training.model_file import save_model

MISSING = 0.2


class Params(StageParams):
    seed: Seed
    lifting: LiftingParams
    repnet: RepnetParams
    temporal: TemporalParams


def true_points_px(sequence: PoseSequence, points: Layout) -> np.ndarray:
    """A sequence's points of a layout where they truly appear, (T, K, 2)."""
    landmarks_m = sequence.landmarks_world_m
    if landmarks_m is None:
        landmarks_m = estimate_landmarks(sequence.poses_world_m)
    points_m = np.concatenate([sequence.poses_world_m, landmarks_m], 1)[:, points.numbers]
    return sequence.camera.project(sequence.camera.world_to_camera(points_m))


def errors_mm(lifter: Lifter, sequences: list[PoseSequence], missing: float) -> tuple[float, float]:
    """MPJPE relative to the root and PA-MPJPE of all frames; a share of the points is missing, the same ones always."""
    root_relative, aligned = [], []
    for number, sequence in enumerate(sequences):
        points = layout(lifter.layout)
        confidence = np.random.default_rng([7, number]).random((len(sequence), len(points))) >= missing
        found = lift_keypoints(lifter, sequence.camera, true_points_px(sequence, points), sequence.fps, confidence)
        poses = found.poses_cam_m
        known = np.isfinite(poses).all((1, 2))
        root_relative.append(mpjpe(poses[known], sequence.poses_cam_m[known]))
        aligned.append(pa_mpjpe(poses[known], sequence.poses_cam_m[known]))
    return tuple(1000 * float(np.concatenate(errors).mean()) for errors in (root_relative, aligned))  # type: ignore[return-value]


def train(data: Path, out: Path, name: str, block: str, steps: int | None) -> Path:
    """Train a lifter of a layout, unless it is there."""
    path = out / lifter_file(block, name)
    if path.exists():
        return path
    given = Params.load()
    lifting = given.lifting.model_copy(update={"layout": name})
    own: RepnetParams | TemporalParams = getattr(given, block)
    params = own.model_copy(update={"critic_weight": 0.0, "reproj_weight": 0.0, "steps": steps or own.steps})
    inputs = [data / "sequences.h5", data / "keypoints2d.h5"]
    supervision = read_supervision(*inputs, lifting)
    used = {"lifting": lifting.model_dump(), block: params.model_dump(), "seed": given.seed}
    checkpoint = Checkpoint(f"benchmark_{block}_{name}", fingerprint(used, [str(path) for path in inputs], __file__))
    with all_processes(mixed=block == "temporal") as fabric:
        fitted = fit_lifter(lifting, params, supervision, given.seed, fabric, checkpoint)
    save_model(path, fitted.architecture, fitted.weights)
    checkpoint.remove()
    return path


def main(arguments: list[str] | None = None) -> None:
    """Print the table of docs/layouts.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="has sequences.h5 and keypoints2d.h5")
    parser.add_argument("--layouts", nargs="+", default=["coco17", "halpe26", "body25", "mediapipe33"])
    parser.add_argument("--lifters", nargs="+", default=["repnet", "temporal"], choices=["repnet", "temporal"])
    parser.add_argument("--steps", type=int, help="instead of the params'")
    parser.add_argument("--out", type=Path, default=Path("data/layouts"))
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    sequences = read_sequences(given.data / "sequences.h5", read_splits(given.data / "sequences.h5")["test"])
    print("| lifter | layout | missing | MPJPE mm | PA-MPJPE mm | over h36m17 |\n|---|---|---|---|---|---|")
    for block in given.lifters:
        whole = None
        for name in dict.fromkeys([OURS, *given.layouts]):
            lifter = load_lifter(train(given.data, given.out, name, block, given.steps), name)
            for missing in (0.0,) if name == OURS else (0.0, MISSING):
                root_relative, aligned = errors_mm(lifter, sequences, missing)
                whole = whole or aligned
                cells = f"{missing:.0%} | {root_relative:.1f} | {aligned:.1f} | {aligned / whole:.3f}"
                print(f"| {block} | {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
