"""Lift keypoints that another program found to 3D poses.

    pose3d lift keypoints.json --layout coco17 --fps 30 --size 1920x1080 --out folder

Reads OpenPose's folders, results of COCO, COCO-WholeBody, AlphaPose and MMPose, MediaPipe's landmarks, arrays as rtmlib
gives them, VideoPose3D's npz, tables of DeepLabCut and SLEAP, and what pose3d predict writes. Which it is shows in the
file. Writes what pose3d predict writes; with --video and --show also the page, a video and a GIF. Start it in the root
of the repository, whose models/ has lifters. docs/keypoints.md has a table of the formats and what each does not say.
"""

import argparse
from pathlib import Path

from pose3d.predict.keypoint_options import add_keypoint_options, lift
from pose3d.predict.result_files import add_result_options
from pose3d.predict.view_options import add_rate_option, add_view_options
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import exclusive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("keypoints", help="a file of keypoints, or the folder that OpenPose wrote")
    add_keypoint_options(parser)
    add_rate_option(parser)
    parser.add_argument("--size", metavar="WIDTHxHEIGHT", help="of the picture in px, where no file says it")
    parser.add_argument("--video", help="whose keypoints they are: its size and its frames' times are taken")
    add_view_options(parser)
    parser.add_argument(
        "--person",
        metavar="N|largest|all",
        help="the file's number of a person, or where it has none the N-th from the left where people first appear; "
        "who takes up the most of the picture, the default; or everybody, in folders person-1, person-2, ...",
    )
    parser.add_argument("--models", metavar="FOLDER", help="by default data/models, or models where none was trained")
    add_result_options(parser)


def run(given: argparse.Namespace) -> None:
    if given.show is not None and given.video is None:
        raise InputError("--show needs --video, whose pictures it shows")
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)  # before the long part: a wrong name shows now
    with exclusive(out / "predictions", wait=False):  # two at once would mix their files
        lift(given, out)
