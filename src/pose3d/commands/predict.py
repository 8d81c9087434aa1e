"""Predict the 3D poses of people in a video.

    pose3d predict video.mp4 --out folder

The models are those that the pipeline trained here, else the released ones of models/. Writes predictions.npz,
predictions.csv and predictions.bvh into the folder, with --format also predictions.trc and others, with --show also
player.html, demo.webm and demo.gif; with --person all these of everybody, into a folder each. Start it in the root of
the repository, whose params.yaml says how crops are cut and heatmaps decoded, and whose models/ has the detector of
people. docs/predict.md explains the choices; docs/keypoints.md those of --keypoints.
"""

import argparse
import os
from pathlib import Path
from typing import Any, Literal

from pose3d.predict.keypoint_options import add_keypoint_options, lift
from pose3d.predict.models import default_models, require_models
from pose3d.predict.result_files import add_result_options, check_result_options, require_no_people, write_results
from pose3d.predict.view_options import FOV_DEG, add_rate_option, add_view_options
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import exclusive, require_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", help="of one person or several: a file, or a folder of pictures")
    add_rate_option(parser)
    add_view_options(parser)
    parser.add_argument(
        "--boxes", metavar="CSV", help="frame,x0,y0,x1,y1 in px; by default people are found and followed"
    )
    parser.add_argument(
        "--keypoints",
        metavar="FILE",
        help="of another program: they are lifted, and no person is looked for (as pose3d lift does)",
    )
    add_keypoint_options(parser)
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
    add_result_options(parser)


def run(given: argparse.Namespace) -> None:
    # OpenCV and FFmpeg say nothing of a file that is no video: ours is the one sentence. Read when OpenCV is loaded.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)  # before the long part: a wrong name shows now
    with exclusive(out / "predictions", wait=False):  # two at once would mix their files
        _predict(given, out)


def _predict(given: argparse.Namespace, out: Path) -> None:
    if given.keypoints is not None:
        if given.boxes is not None or given.runtime != "torch":
            raise InputError("--keypoints goes with neither --boxes nor --runtime onnx: no network looks at the video")
        require_files(given.video, remedy="give the path of a video")
        given.size = None  # the video has it
        lift(given, out)
        return
    check_result_options(given)
    if given.layout is not None or given.names is not None or given.normalised:
        raise InputError("--layout, --names and --normalised are about a file of --keypoints: give one")
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

    fov_deg = FOV_DEG if given.fov is None else given.fov
    settings: dict[str, Any] = {"models": models, "runtime": given.runtime, "scratch": out}
    settings |= {"camera_name": given.camera_name, "height_m": given.height, "up": given.up}
    settings["rate_hz"] = given.fps
    if person == "all":
        require_no_people(out)
        refused: InputError | None = None
        for number, predictions in predict_people(given.video, given.camera, fov_deg, **settings):
            folder = out / f"person-{number}"
            folder.mkdir()
            try:
                write_results(folder, given, predictions)
            except InputError as error:  # that there is no world is so of everybody, whose other files are to be there
                refused = error
        if refused is not None:
            raise refused
    else:
        write_results(out, given, predict(given.video, given.camera, fov_deg, given.boxes, person, **settings))


def _person(given: str | None) -> int | Literal["all"] | None:
    if given is None or given == "largest":
        return None
    if given == "all":
        return "all"
    try:
        return int(given)
    except ValueError:
        raise InputError(f"--person takes a number from 1, largest or all, not {given}") from None
