"""Show what the trained models make of a sequence.

    pose3d demo [--sequence S9/Walk-1/cam0] [--data data] [--out demo] [--start 0] [--seconds 6] [--no-truth]

Writes a page with a 3D player, a video and an animated GIF into the folder: player.html, demo.webm and demo.gif. With
``--no-truth`` they show the models' poses alone.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pose3d.runtime.errors import InputError
from pose3d.runtime.files import require_files

if TYPE_CHECKING:
    from pose3d.records.sequences import PoseSequence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sequence", metavar="KEY", help="which one; by default the first of the test subjects")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the pipeline's folder; by default data")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="where to write; by default demo")
    parser.add_argument("--start", type=float, default=0.0, metavar="SECONDS", help="where to begin; by default 0")
    parser.add_argument("--seconds", type=float, default=6.0, help="how much of it; by default 6")
    parser.add_argument("--no-truth", action="store_true", help="leave the ground truth out")


def run(given: argparse.Namespace) -> None:
    for path in demo_of_sequence(given.data, given.sequence, given.out, given.start, given.seconds, not given.no_truth):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def demo_of_sequence(
    data: Path, key: str | None, folder: Path, start_s: float, seconds: float, show_truth: bool
) -> list[Path]:
    """Lift one sequence of the pipeline's data and write the demo of a part of it.

    Args:
        data: the pipeline's folder, with sequences.h5, frames.h5, keypoints2d.h5 and models/.
        key: of the sequence; None: the first of the test subjects.
        folder: to write the demo to.
        start_s, seconds: where the part begins and how long it is; it ends with the sequence at the latest.
        show_truth: the ground truth has its panel and is drawn behind the models' poses.

    Raises:
        InputError: a file is missing or damaged, there is no such sequence, it has no truth to show, or no time.
    """
    if not start_s >= 0:
        raise InputError(f"--start must be 0 or more, not {start_s:g}")
    if not seconds > 0:
        raise InputError(f"--seconds must be more than 0, not {seconds:g}")
    path = data / "sequences.h5"
    require_files(path, data / "frames.h5", data / "keypoints2d.h5")
    require_files(*(data / "models" / f"{name}.pt" for name in ("repnet", "temporal")))
    from pose3d.lifting.lift import lift_sequences
    from pose3d.records.frames import read_rgb
    from pose3d.records.keypoints2d import read_keypoints2d
    from pose3d.records.sequences import read_sequences, read_splits
    from pose3d.show.demo_files import write_demo
    from pose3d.show.figures import METHOD_TITLES, reproject
    from pose3d.show.video import demo_poses

    subjects = read_splits(path)["test"] if key is None else [key.split("/")[0]]
    found = [sequence for sequence in read_sequences(path, subjects) if key in (None, sequence.key)]
    if not found:
        raise InputError(f"{path} has no sequence {key}: names are <subject>/<action>/<camera>, such as S9/Walk-1/cam0")
    sequence = found[0]
    if show_truth and not sequence.has_3d:
        raise InputError(f"{path}: {sequence.key} has no 3D poses to show: give --no-truth")
    shown = part_of(sequence, start_s, seconds)
    detections = read_keypoints2d(data / "keypoints2d.h5", [sequence])
    single, temporal = (
        lift_sequences(data / "models" / f"{name}.pt", [sequence], detections)[0] for name in ("repnet", "temporal")
    )
    temporal_cam_m = temporal.poses_cam_m[shown]
    truth_cam_m = sequence.poses_cam_m[shown] if show_truth else None
    lifted = {METHOD_TITLES["repnet"]: single, METHOD_TITLES["temporal"]: temporal}
    return write_demo(
        folder,
        read_rgb(data / "frames.h5", sequence, range(shown.start, shown.stop)),
        sequence.fps,
        reproject(sequence.camera, temporal_cam_m),
        sequence.boxes_px[shown],
        demo_poses(single.poses_cam_m[shown], temporal_cam_m, truth_cam_m, single.has_root),
        sequence.key,
        sequence.camera.rotation[:, 2],
        {title: one.radii_m[shown] for title, one in lifted.items() if one.radii_m is not None},
    )


def part_of(sequence: "PoseSequence", start_s: float, seconds: float) -> slice:
    """The frames from ``start_s`` on, one at least, none past the end.

    Args:
        sequence: T frames.
        start_s: from the sequence's first frame, at least 0.
        seconds: length of the part, at least 0; less where the sequence ends before.

    Raises:
        InputError: the sequence ends before ``start_s``.
    """
    duration_s = len(sequence) / sequence.fps
    if start_s >= duration_s:
        raise InputError(f"--start must be less than the {duration_s:g} s that {sequence.key} has, not {start_s:g}")
    start = min(len(sequence) - 1, round(start_s * sequence.fps))
    return slice(start, min(len(sequence), start + max(1, round(min(seconds, duration_s) * sequence.fps))))
