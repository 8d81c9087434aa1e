"""Make a prior of 3D poses of your own motion capture.

    pose3d make-prior mocap --out priors/mine.h5        # then lifting.prior: [{file: priors/mine.h5}]

Reads BVH, C3D, TRC and npz files in a folder. Joints and markers are known by the usual names, or by a map (--map).
Poses are brought to metres, z up and the frame rate of training, and onto the body of the embedded data's prior. What
no person does is left out; a table says how much and why. Files directly in the folder are one subject, those of each
folder below it another. docs/datasets.md has more.
"""

import argparse
from pathlib import Path

from pose3d.runtime.errors import InputError
from pose3d.runtime.files import require_files

BODIES, SEQUENCES = Path("data/bodies.h5"), Path("data/sequences.h5")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="of the files, also in folders below it")
    parser.add_argument("--out", type=Path, required=True, metavar="priors/NAME.h5", help="file to write")
    parser.add_argument(
        "--map", type=Path, metavar="FILE.yaml", help="lines such as `LKnee: NAME` or `LKnee: [NAME, NAME]`"
    )
    parser.add_argument(
        "--up",
        choices=("x", "y", "z", "format"),
        help="an axis of BVH and TRC, or what each format has; by default how people stand",
    )
    parser.add_argument(
        "--fps", type=float, metavar="N", help="frame rate of training; by default that of data/sequences.h5, or 25"
    )


def run(given: argparse.Namespace) -> None:
    if given.out.absolute().parent.name != "priors" or given.out.suffix != ".h5":
        raise InputError(f"{given.out} is not priors/NAME.h5, which is all that lifting.prior reads: give such a name")
    if given.fps is not None and not 1 <= given.fps <= 1000:
        raise InputError(f"--fps {given.fps:g} is no frame rate: give 1 to 1000")
    require_files(given.folder, *([given.map] if given.map else []), remedy="give one that is there")
    from pose3d.priors.making import doubt_verticals, prior_body, read_folder, upwards, write_takes
    from pose3d.priors.point_map import read_map
    from pose3d.priors.table import table

    rate_hz = given.fps or _rate_of_training()
    takes = read_folder(given.folder, read_map(given.map) if given.map else {}, rate_hz)
    up = upwards(takes, given.up)
    directions = {ending: direction for ending, (direction, _) in up.items()}
    doubt_verticals(takes, directions)
    print(table(takes))
    print(*(sentence for _, sentence in up.values()), sep="\n")
    n_sequences, n_frames = write_takes(given.out, given.folder, takes, directions, prior_body(BODIES), rate_hz)
    print(f"{given.out}: {n_sequences} sequences, {n_frames} frames at {rate_hz:g} a second")


def _rate_of_training() -> float:
    from pose3d.lifting.long_clips import TRAINED_RATE_HZ
    from pose3d.records.sequences import each_sequence

    return next(each_sequence(SEQUENCES)).fps if SEQUENCES.exists() else TRAINED_RATE_HZ
