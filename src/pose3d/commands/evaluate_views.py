"""Score trained models on calibrated videos, no labels.

    pose3d evaluate-views --models data/models --output views.json

The videos are synchronised. Without ``--folder`` they are those of the Python package pose2sim: one person, four
cameras. A folder of one's own holds a calibration and one video for each camera (docs/multiview.md, which says of which
formats it may be, and what is measured).
"""

import argparse
import json
from pathlib import Path

from pose3d.multiview.in_words import say_disagreement, shown
from pose3d.predict.models import require_models
from pose3d.predict.view_options import add_rate_option
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="folder of the trained models")
    parser.add_argument("--folder", type=Path, help="calibration and videos; by default those of pose2sim")
    parser.add_argument("--frame-step", type=int, default=2, metavar="N", help="take every n-th frame; by default 2")
    parser.add_argument(
        "--refine",
        nargs="?",
        const="full",
        choices=("rotations", "full"),
        help="also with the cameras' rotations, or rotations and positions (by default), refined on one half of the "
        "frames and judged on the other",
    )
    parser.add_argument(
        "--units",
        choices=("mm", "cm", "in", "m"),
        help="of the calibration's positions; by default what its program writes",
    )
    add_rate_option(parser)
    parser.add_argument("--output", type=Path, metavar="JSON", help="also write the figures there")
    parser.add_argument("--overlay", type=Path, metavar="PNG", help="draw the detections")


def run(given: argparse.Namespace) -> None:
    if given.frame_step < 1:
        raise InputError(f"--frame-step must be at least 1, not {given.frame_step}")
    require_models(given.models, "torch")
    from pose3d.datasets.packages import multiview_folder
    from pose3d.multiview.agreement import measure_models

    report = measure_models(
        given.models,
        given.folder or multiview_folder(),
        given.frame_step,
        given.overlay,
        given.refine,
        given.units,
        given.fps,
    )
    print(as_text(report))
    say_disagreement(report["triangulated"])
    if given.output:
        write_text(given.output, json.dumps(report, indent=2) + "\n")


def as_text(report: dict) -> str:
    """The figures as lines for people."""
    lines = [f"{report['frames']} frames of {len(report['cameras'])} cameras"]
    for part, figures in report.items():
        if part == "refined":
            lines += ["", *_refined_lines(figures)]
        elif isinstance(figures, dict):
            lines += ["", part, *_figure_lines(figures)]
    return "\n".join(lines)


def _figure_lines(figures: dict) -> list[str]:
    return [f"  {name:32} {shown(value)}" for name, value in figures.items()]


_NOT_LINES = "as_given", "refined", "refined_cameras"
"""Two that make a table, and the matrices, which are for programs."""


def _refined_lines(report: dict) -> list[str]:
    """Halves, each with cameras as given and refined side by side; then what else there is."""
    lines = [f"cameras refined ({report['extrinsics']}), on frames that they were not refined on"]
    for part, figures in report.items():
        if not isinstance(figures, dict):
            continue
        lines += ["", part]
        if "as_given" in figures:
            lines.append(f"  {'':32} {'as given':>10} {'refined':>10}")
            for name, value in figures["as_given"].items():
                if not isinstance(value, dict | list):
                    lines.append(f"  {name:32} {shown(value):>10} {shown(figures['refined'][name]):>10}")
        lines += _figure_lines({name: value for name, value in figures.items() if name not in _NOT_LINES})
    return lines
