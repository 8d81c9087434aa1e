"""Score trained models on calibrated videos, no labels.

    pose3d evaluate-views --models data/models --output views.json

The videos are synchronised. Without ``--folder`` they are those of the Python package pose2sim: one person, four
cameras. A folder of one's own holds calibration.qca.txt and one mp4 for each camera (docs/multiview.md, which says what
is measured).
"""

import argparse
import json
from pathlib import Path

from pose3d.runtime.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="folder of the trained models")
    parser.add_argument("--folder", type=Path, help="calibration and videos; by default those of pose2sim")
    parser.add_argument("--frame-step", type=int, default=2, metavar="N", help="take every n-th frame; by default 2")
    parser.add_argument("--output", type=Path, metavar="JSON", help="also write the figures there")
    parser.add_argument("--overlay", type=Path, metavar="PNG", help="draw the detections")


def run(given: argparse.Namespace) -> None:
    if given.frame_step < 1:
        raise InputError(f"--frame-step must be at least 1, not {given.frame_step}")
    from pose3d.datasets.packages import multiview_folder
    from pose3d.multiview.agreement import measure_models
    from pose3d.runtime.files import write_text

    report = measure_models(given.models, given.folder or multiview_folder(), given.frame_step, given.overlay)
    print(as_text(report))
    if given.output:
        write_text(given.output, json.dumps(report, indent=2) + "\n")


def as_text(report: dict) -> str:
    """The figures as lines for people."""
    lines = [f"{report['frames']} frames of {len(report['cameras'])} cameras"]
    for part, figures in report.items():
        if isinstance(figures, dict):
            lines += ["", part, *(f"  {name:32} {value}" for name, value in figures.items())]
    return "\n".join(lines)
