"""What `pose3d predict` says of one person in several calibrated videos, each seen by itself (docs/multiview.md).

    python -m benchmarks.predicted_views [--models models] [--output views.json]

`pose3d evaluate-views` finds the person in all views together. Here nothing of one view helps another: its keypoints
are triangulated afterwards, with the cameras as given and as refined on the other half of the frames, and each lifter's
poses from one video are compared with the triangulated ones.
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pose3d.commands.evaluate_views import as_text
from pose3d.commands.sample_video import camera_file
from pose3d.datasets.packages import multiview_folder
from pose3d.formats.predictions import Predictions
from pose3d.multiview.agreement import SEARCH_PX, agreement, compare_lifted, refined_figures
from pose3d.multiview.finding import FoundPerson
from pose3d.multiview.views import View, read_views
from pose3d.predict.pipeline import predict
from pose3d.runtime.files import write_text

FRAME_STEP = 2
"""Every n-th frame is measured, as evaluate-views does it; predict sees all of them."""


def predict_alone(view: View, models: Path | None) -> Predictions:
    """One video by itself, with its camera's lens."""
    with TemporaryDirectory() as folder:
        camera = Path(folder) / "camera.json"
        write_text(camera, camera_file(view.camera))
        return predict(view.video, camera, models=models)


def measure(folder: Path, models: Path | None) -> dict:
    """Figures as those of evaluate-views, and the share of frames that predict is sure of in each video."""
    views = read_views(folder)
    seen = [predict_alone(view, models) for view in views]
    every = slice(None, None, FRAME_STEP)
    person = FoundPerson(*(np.stack([getattr(p, name)[every] for p in seen]) for name in FoundPerson.__annotations__))
    lifted = {name: [p.lifted[name].poses_cam_m[every] for p in seen] for name in seen[0].lifted}
    cameras = [view.camera for view in views]
    points_m = person.triangulated(cameras, SEARCH_PX).points_world_m
    return {
        "frames": person.confidence.shape[1],
        "cameras": [camera.id for camera in cameras],
        "sure": {view.camera.id: round(100 * float(p.found.mean()), 1) for view, p in zip(views, seen, strict=True)},
        "triangulated": agreement(cameras, person),
        **{name: compare_lifted(poses, views, points_m) for name, poses in lifted.items()},
        "refined": refined_figures(views, person, views[0].fps / FRAME_STEP, "full", lifted),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, help="folder of the trained models; by default as pose3d predict")
    parser.add_argument("--folder", type=Path, help="calibration and videos; by default those of pose2sim")
    parser.add_argument("--output", type=Path, metavar="JSON", help="also write the figures there")
    given = parser.parse_args()
    report = measure(given.folder or multiview_folder(), given.models)
    print(as_text(report))
    if given.output:
        write_text(given.output, json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
