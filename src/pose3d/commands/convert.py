"""Write joints in other formats, for other programs.

    pose3d convert prediction/predictions.npz walk.trc walk.c3d walk.glb

Formats are known by how names end: .npz and .csv (our own), .bvh, .trc (OpenSim), .c3d, .glb, .amass.npz, and of
keypoints, from a predictions.npz only, .videopose3d.npz and .openpose (a folder); from that also .rrd (the Rerun
viewer). All but these three can be read as well. docs/formats.md has axes, units and what other programs make of each.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pose3d.formats.endings import OF_KEYPOINTS, OF_PREDICTIONS, OF_SKELETONS, format_of
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import require_files

if TYPE_CHECKING:
    from pose3d.formats.motion import Motion

_SMALLEST_M, _LARGEST_M = 0.1, 10.0
"""Between which joints of a person lie apart, in the median of a clip."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, help="a file of joints")
    parser.add_argument("outputs", type=Path, nargs="+", metavar="output", help="files to write")
    parser.add_argument(
        "--frame", choices=("camera", "world"), help="of an npz or CSV that has both; by default world where there"
    )
    parser.add_argument(
        "--lifter",
        choices=("temporal", "repnet"),
        default="temporal",
        help="of predictions; by default temporal; repnet has no poses in the world",
    )
    parser.add_argument("--unit", choices=("m", "mm"), default="m", help="of TRC; by default m")


def run(given: argparse.Namespace) -> None:
    formats = [format_of(output) for output in given.outputs]
    read = format_of(given.input)
    for output, known in zip(given.outputs, formats, strict=True):
        if output.resolve() == given.input.resolve():
            raise InputError(f"{output} is what is read: give another name for what is written")
        if known in OF_PREDICTIONS and read != "npz":
            raise InputError(f"{output} is for 2D keypoints, which {given.input} has not: give a predictions.npz")
    require_files(given.input, remedy="give a file of joints")
    motion = None
    for output, known in zip(given.outputs, formats, strict=True):
        if known in OF_PREDICTIONS:
            from pose3d.formats.keypoint_files import write_keypoints
            from pose3d.formats.predictions import read_predictions
            from pose3d.formats.rrd import write_rrd

            write = write_keypoints if known in OF_KEYPOINTS else write_rrd
            write(output, read_predictions(given.input))
            print(f"{output}: px" if known in OF_KEYPOINTS else f"{output}: px and m, camera, no video")
            continue
        from pose3d.formats.even_times import doubt_step
        from pose3d.formats.joint_files import AXES, read_motion, write_motion
        from pose3d.formats.motion import NAMES
        from pose3d.priors.doubts import doubt_legs, doubt_level

        if motion is None:
            motion = read_motion(given.input, given.frame, given.lifter)
            for sentence in motion.said:
                print(f"{given.input}: {sentence}", file=sys.stderr)
            doubts = doubt_legs(given.input, motion, "cm" if read == "bvh" else "m") or _doubt_size(given.input, motion)
            doubts += doubt_level(given.input, motion) if read in ("bvh", "trc") else []
            for doubt in [*doubts, *doubt_step(given.input, motion.times_s)]:
                print(f"warning: {doubt}", file=sys.stderr)
        write_motion(output, motion, given.unit)
        axes = AXES.get(known, f"m, {motion.frame}")
        said = f"{given.unit}, {axes}" if known == "trc" else axes
        n_joints = len(NAMES if known in OF_SKELETONS else motion.joints)
        frames = "1 frame" if len(motion) == 1 else f"{len(motion)} frames"
        print(f"{output}: {frames} at {motion.fps:g} a second, {n_joints} joints, {said}")


def _doubt_size(path: Path, motion: "Motion") -> list[str]:
    """A sentence where joints are farther apart than a room is wide, or nearer than those of a hand; else none.

    There are TRC files of px that say m.
    """
    import numpy as np

    whole = motion.positions_m[~motion.missing.any(1)]
    if len(motion.joints) < 2 or not len(whole):
        return []
    size_m = float(np.median(np.ptp(whole, axis=1).max(1)))
    apart = not _SMALLEST_M < size_m < _LARGEST_M
    return [f"{path}: its joints lie {size_m:.3g} m apart: is its unit another?"] if apart else []
