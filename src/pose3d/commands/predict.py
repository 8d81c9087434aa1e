"""Predict the 3D poses of people in a video.

    pose3d predict video.mp4 --out folder

The models are those that the pipeline trained here, else the released ones of models/. Writes predictions.npz,
predictions.csv and predictions.bvh into the folder, with --show also player.html, demo.webm and demo.gif; with --person
all these of everybody, into a folder each. Start it in the root of the repository, whose params.yaml says how crops are
cut and heatmaps decoded, and whose models/ has the detector of people. docs/predict.md explains the choices.
"""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pose3d.predict.models import default_models, require_models
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import exclusive, require_files

if TYPE_CHECKING:
    from pose3d.formats.predictions import Predictions

FOV_DEG = 60.0
SHOWN_S = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", help="of one person or several")
    view = parser.add_mutually_exclusive_group()
    view.add_argument(
        "--camera",
        metavar="FILE",
        help="calibration: of this project, Pose2Sim, anipose, OpenCV, Kalibr, Qualisys, ...",
    )
    view.add_argument(
        "--fov",
        type=float,
        default=FOV_DEG,
        metavar="DEGREES",
        help=f"field of view along the picture's longer side, where there is no calibration; by default {FOV_DEG:g}",
    )
    parser.add_argument(
        "--camera-name", metavar="NAME", help="which of a calibration's cameras; by default the one named as the video"
    )
    parser.add_argument(
        "--height", type=float, metavar="METRES", help="standing height of the person; by default what lifters guess"
    )
    parser.add_argument(
        "--up",
        default="estimate",
        metavar="estimate|level|calibration|X,Y,Z",
        help="which way is up: found from the person and the picture's edges, the default; as a level camera has it; "
        "the calibration's z axis; or a direction in camera space, x right, y down, z forward",
    )
    parser.add_argument(
        "--boxes", metavar="CSV", help="frame,x0,y0,x1,y1 in px; by default people are found and followed"
    )
    parser.add_argument(
        "--person",
        metavar="N|largest|all",
        help="the N-th from the left where people first appear; who takes up the most of the picture over the whole "
        "video, the default; or everybody, in folders person-1, person-2, ...",
    )
    parser.add_argument(
        "--runtime",
        choices=("torch", "onnx"),
        default="torch",
        help="onnx: onnxruntime, on what pose3d export wrote; by default torch",
    )
    parser.add_argument(
        "--models",
        metavar="FOLDER",
        help="by default data/models, or models where nothing was trained here; with --runtime onnx data/onnx",
    )
    parser.add_argument("--out", default="prediction", metavar="FOLDER", help="by default prediction")
    parser.add_argument(
        "--show",
        nargs="?",
        type=float,
        const=SHOWN_S,
        metavar="SECONDS",
        help=f"also write a page with a 3D player, a video and a GIF of the beginning, {SHOWN_S:g} s if not said",
    )


def run(given: argparse.Namespace) -> None:
    # OpenCV and FFmpeg say nothing of a file that is no video: ours is the one sentence. Read when OpenCV is loaded.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)  # before the long part: a wrong name shows now
    with exclusive(out / "predictions", wait=False):  # two at once would mix their files
        _predict(given, out)


def _predict(given: argparse.Namespace, out: Path) -> None:
    if given.show is not None and not given.show > 0:
        raise InputError(f"--show takes a number of seconds above 0, not {given.show:g}")
    person = _person(given.person)
    if given.person is not None and given.boxes is not None:
        raise InputError("--person goes without --boxes, which say who it is")
    models = default_models(given.runtime) if given.models is None else Path(given.models)
    require_models(models, given.runtime)
    require_files(given.video, remedy="give the path of a video")
    if given.camera is not None:
        require_files(given.camera, remedy="give a calibration")
    if given.boxes is not None:
        require_files(given.boxes, remedy="give a CSV file of boxes")
    from pose3d.predict.pipeline import predict, predict_people

    settings: dict[str, Any] = {"models": models, "runtime": given.runtime, "scratch": out}
    settings |= {"camera_name": given.camera_name, "height_m": given.height, "up": given.up}
    if person == "all":
        earlier = sorted(path.name for path in out.glob("person-*"))
        if earlier:
            raise InputError(
                f"{out} has people of an earlier run already ({earlier[0]}): delete them, or give another --out"
            )
        for number, predictions in predict_people(given.video, given.camera, given.fov, **settings):
            folder = out / f"person-{number}"
            folder.mkdir()
            _write(folder, given, predictions)
    else:
        _write(out, given, predict(given.video, given.camera, given.fov, given.boxes, person, **settings))


def _person(given: str | None) -> int | Literal["all"] | None:
    if given is None or given == "largest":
        return None
    if given == "all":
        return "all"
    try:
        return int(given)
    except ValueError:
        raise InputError(f"--person takes a number from 1, largest or all, not {given}") from None


def _write(folder: Path, given: argparse.Namespace, predictions: "Predictions") -> None:
    from pose3d.formats.predictions import write_csv, write_npz
    from pose3d.predict.animation import write_animation

    writers = {"predictions.npz": write_npz, "predictions.csv": write_csv, "predictions.bvh": write_animation}
    for name, write in writers.items():
        write(folder / name, predictions)
        print(folder / name)
    if given.show is not None:
        from pose3d.predict.show import write_show  # here, because it takes half a second to load

        print(*write_show(folder, given.video, predictions, given.show), sep="\n")
