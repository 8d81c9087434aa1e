"""Joint angles of what `pose3d predict` wrote.

    pose3d angles prediction --out angles

Reads predictions.npz, or the folder that it lies in; where that has folders person-1, person-2, ... everybody's. Takes
the temporal lifter's poses and writes, into --out or a folder for each person there:

angles.csv   a row for each frame, a column for each angle, in degrees
angles.mot   the same for OpenSim
angles.png   the same as curves, right and left in each panel
strides.png  where the person walks: angles over the stride, mean and standard deviation

Ankles are there where heels and toes were lifted, from keypoints of a layout that has them. Frames in which the person
was not found have no angles. docs/angles.md defines them and says how exact they are.
"""

import argparse
import sys
from pathlib import Path

from pose3d.runtime.errors import InputError
from pose3d.runtime.files import require_files

PREDICTIONS = "predictions.npz"
LEAST_STRIDES = 2
"""Of each foot: with fewer there is nothing to take a mean of."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("predictions", type=Path, help=f"{PREDICTIONS}, or the folder that pose3d predict wrote")
    parser.add_argument("--out", type=Path, default=Path("angles"), metavar="FOLDER", help="by default angles")


def run(given: argparse.Namespace) -> None:
    require_files(given.predictions, remedy="run `pose3d predict` to make it")
    files = _files(given.predictions)
    ankles = [_write(file, given.out / person) for person, file in files.items()]
    if not all(ankles):
        print("no ankle angles: the poses have neither heels nor toes", file=sys.stderr)


def _files(given: Path) -> dict[str, Path]:
    """Predictions by the folder of --out that their angles go to; an only person's go to --out itself."""
    if not given.is_dir():
        return {"": given}
    if (given / PREDICTIONS).exists():
        return {"": given / PREDICTIONS}
    people = sorted(given.glob(f"person-*/{PREDICTIONS}"), key=lambda file: (len(file.parent.name), file.parent.name))
    if not people:
        raise InputError(f"{given} has no {PREDICTIONS}, nor folders person-N with one: run `pose3d predict` first")
    return {file.parent.name: file for file in people}


def _write(file: Path, out: Path) -> bool:
    """Whether there are ankles."""
    import numpy as np

    from pose3d.formats.angles import write_angles_csv
    from pose3d.formats.mot import write_mot
    from pose3d.formats.predictions import read_predictions
    from pose3d.geometry.joint_angles import joint_angles_deg
    from pose3d.geometry.landmarks import heels_and_toes
    from pose3d.geometry.strides import strides_s
    from pose3d.show.angles import angles_figure, strides_figure
    from pose3d.show.figures import save_png

    predictions = read_predictions(file)
    if "temporal" not in predictions.lifted:
        raise InputError(f"{file} has no temporal poses: predict again")
    found = np.asarray(predictions.found, bool)[:, None, None]
    temporal = predictions.lifted["temporal"]
    poses_m = np.where(found, temporal.poses_cam_m[:], np.nan)
    landmarks_m = temporal.landmarks_cam_m
    feet = None if landmarks_m is None else heels_and_toes(landmarks_m[:], predictions.landmarks)
    times_s = np.asarray(predictions.time_s, np.float64)
    angles_deg = joint_angles_deg(poses_m, *feet) if feet else joint_angles_deg(poses_m)
    strides = strides_s(times_s, poses_m)
    out.mkdir(parents=True, exist_ok=True)
    write_angles_csv(out / "angles.csv", times_s, angles_deg)
    write_mot(out / "angles.mot", times_s, angles_deg)
    written = ["angles.csv", "angles.mot", "angles.png"]
    save_png(angles_figure(times_s, angles_deg, "joint angles"), out / "angles.png")
    if min(map(len, strides.values())) >= LEAST_STRIDES:
        title = "joint angles over the stride, from where the foot is farthest forward (number of strides)"
        save_png(strides_figure(times_s, angles_deg, strides, title), out / "strides.png")
        written.append("strides.png")
    elif (out / "strides.png").exists():
        print(f"{out}/strides.png is of an earlier run: there are too few strides for it here", file=sys.stderr)
    print(*(out / name for name in written), sep="\n")
    return feet is not None
