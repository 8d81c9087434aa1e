"""Fetch a short video of a real person, and its camera.

    pose3d sample-video --out demo

Writes walk.mp4, walk.json for `pose3d predict --camera`, and the licence of both: the video of one camera of the Python
package pose2sim, whose authors have pixelated the faces in it. `make demo` predicts on it.
"""

import argparse
import json
import shutil
from pathlib import Path

CAMERA = "cam02"
"""The one of the four that looks least down."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("demo"), metavar="FOLDER", help="by default demo")


def run(given: argparse.Namespace) -> None:
    from pose3d.datasets.packages import MULTIVIEW_PACKAGES, cached_files
    from pose3d.multiview.views import read_views
    from pose3d.runtime.files import atomic_output, write_text

    fetched = cached_files(MULTIVIEW_PACKAGES[0])
    (view,) = [view for view in read_views(fetched / "multiview") if view.camera.id == CAMERA]
    camera = {
        "width_px": view.camera.width_px,
        "height_px": view.camera.height_px,
        "intrinsics_px": view.camera.intrinsics_px.tolist(),
        "distortion": view.camera.distortion.tolist(),
    }
    for source, name in ((view.video, "walk.mp4"), (fetched / "licences/pose2sim.txt", "walk.LICENCE.txt")):
        with atomic_output(given.out / name) as partial:
            shutil.copyfile(source, partial)
    write_text(given.out / "walk.json", json.dumps(camera, indent=2) + "\n")
    print(
        f"{given.out}/walk.mp4, walk.json: {view.frames} frames of {view.camera.width_px} x {view.camera.height_px} px"
    )
