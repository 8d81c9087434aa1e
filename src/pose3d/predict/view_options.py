"""Options about the video, the camera and the person's size, which ``pose3d predict`` and ``pose3d lift`` share."""

import argparse

FOV_DEG = 60.0
"""Where nothing is known of the camera."""


def add_rate_option(parser: argparse.ArgumentParser) -> None:
    """One of two names: commands that lift keypoints without a video know it as frames per second."""
    parser.add_argument(
        "--fps",
        "--rate",
        type=float,
        metavar="N",
        help="true frames a second, where the video does not say it (a folder of pictures, or keypoints alone) or says "
        "another (slow motion)",
    )


def add_view_options(parser: argparse.ArgumentParser) -> None:
    view = parser.add_mutually_exclusive_group()
    view.add_argument(
        "--camera",
        metavar="FILE",
        help="calibration: of this project, Pose2Sim, anipose, OpenCV, Kalibr, Qualisys, ...",
    )
    view.add_argument(
        "--fov",
        type=float,
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
        metavar="estimate|level|calibration|metadata|X,Y,Z",
        help="which way is up: found from the person and the picture's edges, the default; as a level camera has it; "
        "the calibration's z axis; the gravity that a GoPro wrote into the video; or a direction in camera space, x "
        "right, y down, z forward",
    )
