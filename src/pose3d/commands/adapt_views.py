"""Adapt the 2D network to calibrated videos, no labels.

    pose3d adapt-views --models data/models --out adapted

Adapts it to synchronised videos from calibrated cameras, and says what that changed. It learns from the first 60 % of
the frames; the last 40 % show what it can do with frames it has not learnt from. With --learnt-share 1 it learns from
all of them: the best keypoints in these videos, and nothing is held out. Where data/crops.h5 is there, its training
subjects' crops are half of each batch, and the validation subjects' show what was forgotten. Start it in the root of
the repository, whose params.yaml says how crops are augmented. The folder gets all three models, for
``pose3d evaluate-views --models``, and adaptation.json (docs/multiview.md).
"""

import argparse
from pathlib import Path

from pose3d.multiview.in_words import say_disagreement, shown
from pose3d.predict.models import require_models
from pose3d.predict.view_options import add_rate_option
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import exclusive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="folder of the trained models")
    parser.add_argument("--folder", type=Path, help="calibration and videos; by default those of pose2sim")
    parser.add_argument(
        "--units",
        choices=("mm", "cm", "in", "m"),
        help="of the calibration's positions; by default what its program writes",
    )
    add_rate_option(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder for the adapted models, another than --models")
    parser.add_argument("--frame-step", type=int, default=2, metavar="N", help="take every n-th frame; by default 2")
    parser.add_argument(
        "--learnt-share", type=float, default=0.6, metavar="SHARE", help="of the frames, the first; by default 0.6"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of labelling and learning; by default 3")
    parser.add_argument("--steps", type=int, default=200, help="of each round; by default 200")


def run(given: argparse.Namespace) -> None:
    if min(given.frame_step, given.rounds, given.steps) < 1:
        raise InputError("--frame-step, --rounds and --steps must be at least 1")
    if not 0 < given.learnt_share <= 1:
        raise InputError(f"--learnt-share must be above 0 and at most 1, not {given.learnt_share:g}")
    if given.out.resolve() == given.models.resolve():
        raise InputError("--out must be another folder than --models: the pipeline's own models stay as they are")
    require_models(given.models, "torch")
    from pose3d.datasets.packages import multiview_folder
    from pose3d.multiview.adaptation import adapt_models

    folder = given.folder or multiview_folder()
    given.out.mkdir(parents=True, exist_ok=True)
    with exclusive(given.out / "models", wait=False):  # two at once would mix their files
        report = adapt_models(
            given.models,
            folder,
            given.out,
            given.frame_step,
            given.learnt_share,
            given.rounds,
            given.steps,
            given.units,
            given.fps,
        )
    print(as_text(report))
    say_disagreement(report["before"]["all"])


def as_text(report: dict) -> str:
    """The figures before and after as lines for people."""
    lines = []
    for when in ("before", "after"):
        for part, found in report[when].items():
            if isinstance(found, dict):
                lines.append(
                    f"{when:7} {part:12} median residual {shown(found['residual_median_px'])} px, "
                    f"{found['consistent_pct']} % consistent, mean confidence {found['confidence_mean']}"
                )
        pck = shown(report[when]["rendered_validation_pck_pct"])
        lines.append(f"{when:7} rendered validation subjects: PCK {pck} %")
    return "\n".join(lines)
