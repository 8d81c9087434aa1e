"""Fetch a short video of a real person, and its camera.

    pose3d sample-video --out demo

Writes walk.mp4, walk.json for `pose3d predict --camera`, and the licence of both: the video of one camera of the Python
package pose2sim, in which a man is seen from behind and nobody else. `make demo` predicts on it.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pose3d.geometry.camera import Camera

CAMERA = "cam03"
"""Of the four the one that shows no face and no bystander, so that its pictures may be shown."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("demo"), metavar="FOLDER", help="by default demo")


def run(given: argparse.Namespace) -> None:
    from pose3d.datasets.packages import MULTIVIEW_PACKAGES, cached_files
    from pose3d.multiview.views import read_views
    from pose3d.runtime.files import atomic_output, write_text

    fetched = cached_files(MULTIVIEW_PACKAGES[0])
    (view,) = [view for view in read_views(fetched / "multiview") if view.camera.id == CAMERA]
    for source, name in ((view.video, "walk.mp4"), (fetched / "licences/pose2sim.txt", "walk.LICENCE.txt")):
        with atomic_output(given.out / name) as partial:
            shutil.copyfile(source, partial)
    write_text(given.out / "walk.json", camera_file(view.camera))
    print(given.out / "walk.mp4", given.out / "walk.json", sep="\n")


def camera_file(camera: "Camera") -> str:
    """What ``pose3d predict --camera`` reads."""
    content = {
        "width_px": camera.width_px,
        "height_px": camera.height_px,
        "intrinsics_px": camera.intrinsics_px.tolist(),
        "distortion": camera.distortion.tolist(),
    }
    return json.dumps(content, indent=2) + "\n"
