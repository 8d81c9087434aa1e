"""Score trained models on synchronised videos from calibrated cameras that have no labels.

    python -m pose3d.evaluate_views --models data/models --output views.json

Without ``--folder`` the videos are those of the Python package pose2sim: one person, four cameras. A folder of one's
own holds calibration.qca.txt and one mp4 for each camera (docs/multiview.md, which says what is measured).
"""

import argparse
import json
import sys
from pathlib import Path

from pose3d.datasets.packages import MULTIVIEW_PACKAGES, cached_files
from pose3d.errors import InputError
from pose3d.files import write_text


def views_folder(given: Path | None) -> Path:
    """The given folder, or that of pose2sim's videos, which are fetched where they are not in the cache.

    Raises:
        InputError: they cannot be fetched.
    """
    return given or cached_files(MULTIVIEW_PACKAGES[0]) / "multiview"


def as_text(report: dict) -> str:
    """The figures as lines for people."""
    lines = [f"{report['frames']} frames of {len(report['cameras'])} cameras"]
    for part, figures in report.items():
        if isinstance(figures, dict):
            lines += ["", part, *(f"  {name:32} {value}" for name, value in figures.items())]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Print the figures; bad input ends it with one sentence and exit status 1."""
    parser = argparse.ArgumentParser(
        prog="python -m pose3d.evaluate_views",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="folder of the trained models")
    parser.add_argument("--folder", type=Path, help="calibration and videos; by default those of pose2sim")
    parser.add_argument("--frame-step", type=int, default=2, metavar="N", help="take every n-th frame; by default 2")
    parser.add_argument("--output", type=Path, metavar="JSON", help="also write the figures there")
    parser.add_argument("--overlay", type=Path, metavar="PNG", help="draw the detections")
    given = parser.parse_args(arguments)
    if given.frame_step < 1:
        parser.error("--frame-step must be at least 1")
    from pose3d.multiview.agreement import measure_models

    try:
        report = measure_models(given.models, views_folder(given.folder), given.frame_step, given.overlay)
    except InputError as error:
        sys.exit(f"error: {error}")
    if given.output:
        write_text(given.output, json.dumps(report, indent=2) + "\n")
    print(as_text(report))


if __name__ == "__main__":
    main()
