"""How much less a lifter of another keypoint layout knows than one of Human3.6M's 17 joints, on the same takes.

    python -m benchmarks.layouts --data data                        # from the repository's root, after stage infer_2d
    python -m benchmarks.layouts --data data --layouts coco17 --steps 500

Trains both lifters of each layout on the data's training subjects, with params.yaml but the projected prior alone, as
lifters of other layouts learn, and lifts true 2D of the test subjects, or with ``--split validation`` of those that
choices are made on: all points, and with a fifth of them missing at random. Landmarks are the data's own, or estimated
from the 17 joints where it has none. Trained lifters stay in ``--out``, and are not trained again.
"""

import argparse
from pathlib import Path

from pose3d.config.blocks import Seed
from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.config.reading import StageParams
from pose3d.evaluation.layouts import layout_errors_mm
from pose3d.geometry.layouts import OURS
from pose3d.lifting.lift import load_lifter
from pose3d.lifting.training import fit_layout
from pose3d.predict.models import lifter_file
from pose3d.records.sequences import read_sequences, read_splits
from pose3d.training.model_file import save_model

MISSING = 0.2


class Params(StageParams):
    seed: Seed
    lifting: LiftingParams
    repnet: RepnetParams
    temporal: TemporalParams


def train(data: Path, out: Path, name: str, block: str, steps: int | None) -> Path:
    """Train a lifter of a layout, unless it is there."""
    path = out / lifter_file(block, name)
    if not path.exists():
        given = Params.load()
        own: RepnetParams | TemporalParams = getattr(given, block)
        params = own.model_copy(update={"steps": steps or own.steps})
        fitted = fit_layout(name, block, params, given.lifting, given.seed, data, __file__)
        save_model(path, fitted.architecture, fitted.weights)
    return path


def main(arguments: list[str] | None = None) -> None:
    """Print the table of docs/layouts.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="has sequences.h5 and keypoints2d.h5")
    parser.add_argument("--layouts", nargs="+", default=["coco17", "halpe26", "body25", "mediapipe33"])
    parser.add_argument("--lifters", nargs="+", default=["repnet", "temporal"], choices=["repnet", "temporal"])
    parser.add_argument("--steps", type=int, help="instead of the params'")
    parser.add_argument("--out", type=Path, default=Path("data/layouts"))
    parser.add_argument("--split", default="test", choices=["validation", "test"], help="whose true 2D is lifted")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    sequences = read_sequences(given.data / "sequences.h5", read_splits(given.data / "sequences.h5")[given.split])
    print("| lifter | layout | missing | MPJPE mm | PA-MPJPE mm | over h36m17 |\n|---|---|---|---|---|---|")
    for block in given.lifters:
        whole = None
        for name in dict.fromkeys([OURS, *given.layouts]):
            lifter = load_lifter(train(given.data, given.out, name, block, given.steps), name)
            for missing in (0.0,) if name == OURS else (0.0, MISSING):
                errors = layout_errors_mm(lifter, sequences, missing)
                whole = whole or errors["pa_mpjpe_mm"]
                values = f"{errors['mpjpe_mm']:.1f} | {errors['pa_mpjpe_mm']:.1f} | {errors['pa_mpjpe_mm'] / whole:.3f}"
                print(f"| {block} | {name} | {missing:.0%} | {values} |", flush=True)


if __name__ == "__main__":
    main()
