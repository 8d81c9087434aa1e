"""Write joints in other formats, for other programs.

    pose3d convert prediction/predictions.npz walk.trc walk.c3d walk.glb

Formats are known by how names end: .npz and .csv (our own), .bvh, .trc (OpenSim), .c3d, .glb, .amass.npz, and of
keypoints, from a predictions.npz only, .videopose3d.npz and .openpose (a folder). All but these two can be read as
well. docs/formats.md has axes, units and what other programs make of each.
"""

import argparse
from pathlib import Path

from pose3d.formats.endings import OF_KEYPOINTS, format_of
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import require_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, help="a file of joints")
    parser.add_argument("outputs", type=Path, nargs="+", metavar="output", help="files to write")
    parser.add_argument(
        "--frame", choices=("camera", "world"), help="of an npz or CSV that has both; by default world where there"
    )
    parser.add_argument(
        "--lifter", choices=("temporal", "repnet"), default="temporal", help="of predictions; by default temporal"
    )
    parser.add_argument("--unit", choices=("m", "mm"), default="m", help="of TRC; by default m")


def run(given: argparse.Namespace) -> None:
    formats = [format_of(output) for output in given.outputs]
    read = format_of(given.input)
    for output, known in zip(given.outputs, formats, strict=True):
        if output.resolve() == given.input.resolve():
            raise InputError(f"{output} is what is read: give another name for what is written")
        if known in OF_KEYPOINTS and read != "npz":
            raise InputError(f"{output} is for 2D keypoints, which {given.input} has not: give a predictions.npz")
    require_files(given.input, remedy="give a file of joints")
    motion = None
    for output, known in zip(given.outputs, formats, strict=True):
        if known in OF_KEYPOINTS:
            from pose3d.formats.keypoint_files import write_keypoints
            from pose3d.formats.predictions import read_predictions

            write_keypoints(output, read_predictions(given.input))
            print(f"{output}: px")
            continue
        from pose3d.formats.joint_files import AXES, read_motion, write_motion

        if motion is None:
            motion = read_motion(given.input, given.frame, given.lifter)
        write_motion(output, motion, given.unit)
        axes = AXES.get(known, f"m, {motion.frame}")
        said = f"{given.unit}, {axes}" if known == "trc" else axes
        print(f"{output}: {len(motion)} frames at {motion.fps:g} a second, {len(motion.joints)} joints, {said}")
