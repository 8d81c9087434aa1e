"""The files of a prediction, which ``pose3d predict`` and ``pose3d lift`` write alike, and the options about them."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pose3d.formats.endings import ENDINGS, OF_KEYPOINTS, OF_PREDICTIONS, check_formats
from pose3d.runtime.errors import InputError

if TYPE_CHECKING:
    from pose3d.formats.predictions import Predictions

SHOWN_S = 20.0
OPTIONAL = tuple(name for name in ENDINGS if name not in ("npz", "csv", "bvh"))
"""Formats that are written where they are asked for; the others always are."""
_SHOWN = ("player.html", "demo.webm", "demo.gif")


def add_result_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", default="prediction", metavar="FOLDER", help="by default prediction")
    parser.add_argument(
        "--format",
        default="",
        metavar="NAMES",
        help=f"also write these, commas between them, of {', '.join(OPTIONAL)}",
    )
    parser.add_argument(
        "--frame",
        choices=("camera", "world"),
        default="camera",
        help="of BVH and the formats of --format: the camera's, the default, or one with the floor at 0 and the "
        "vertical upright; npz and CSV have both",
    )
    parser.add_argument(
        "--show",
        nargs="?",
        type=float,
        const=SHOWN_S,
        metavar="SECONDS",
        help=f"also write a page with a 3D player, a video and a GIF of the beginning, {SHOWN_S:g} s if not said",
    )


def check_result_options(given: argparse.Namespace) -> None:
    """Before the long part; says on stderr what a world of everybody's own means.

    Raises:
        InputError: ``--show`` is no time, a format is unknown, its package is missing, or what is read would be
            overwritten.
    """
    if given.show is not None and not given.show > 0:
        raise InputError(f"--show takes a number of seconds above 0, not {given.show:g}")
    check_formats(_formats(given))
    if "rrd" in _formats(given):
        from pose3d.formats.rrd import require_rerun

        require_rerun()
    written = {f"predictions{ENDINGS[name]}" for name in ("npz", "csv", *_needed(given, no_world=False))}
    written |= set(_SHOWN) if given.show is not None else set()
    for source in filter(None, (given.video, given.keypoints) if given.person != "all" else ()):
        if Path(source).resolve() in {(Path(given.out) / name).resolve() for name in written}:
            raise InputError(f"{source} is what is read and would be overwritten: give another --out")
    if given.frame == "world" and given.person == "all":
        print(
            "--frame world: each person's world begins below that person, so that people of one video are not beside "
            "each other in it; --frame camera has them so",
            file=sys.stderr,
        )


def require_no_people(out: Path) -> None:
    """Refuse a folder with people of an earlier run, so that nobody of another video stays beside new ones.

    Raises:
        InputError: there are some.
    """
    earlier = sorted(path.name for path in out.glob("person-*"))
    if earlier:
        raise InputError(
            f"{out} has people of an earlier run already ({earlier[0]}): delete them, or give another --out"
        )


def _formats(given: argparse.Namespace) -> list[str]:
    """Names of ``--format``, each once; C3D and .c3d are c3d."""
    names = (name.strip().lower().removeprefix(".") for name in given.format.split(","))
    return list(dict.fromkeys(filter(None, names)))


def _needed(given: argparse.Namespace, no_world: bool) -> list[str]:
    """Formats to write besides npz and CSV, in this order; without a world those that need none."""
    names = ["bvh", *(name for name in _formats(given) if name in OPTIONAL)]
    return [name for name in names if name in OF_PREDICTIONS or not no_world]


def _earlier(folder: Path, given: argparse.Namespace, needed: list[str]) -> list[str]:
    """Names of results in the folder that this run does not write, and which may be of another video."""
    names = [f"predictions{ENDINGS[name]}" for name in ("bvh", *OPTIONAL) if name not in needed]
    names += _SHOWN if given.show is None else ()
    return [name for name in names if (folder / name).exists()]


def write_results(folder: Path, given: argparse.Namespace, predictions: "Predictions") -> None:
    """Write all files of one person, and print their paths; ``--show`` decodes ``given.video``.

    Files of an earlier run that are not written anew stay, and are named on stderr.

    Raises:
        InputError: the world's frame is asked for and there is none; all that needs none is written by then.
        OSError: the disk is full or not writable.
    """
    from pose3d.formats.even_times import said_gaps
    from pose3d.formats.predictions import write_csv, write_npz
    from pose3d.predict.animation import NO_WORLD

    no_world = given.frame == "world" and predictions.standing is None
    needed = _needed(given, no_world)
    if earlier := _earlier(folder, given, needed):
        print(f"{folder} has files of an earlier run beside those of this one: {', '.join(earlier)}", file=sys.stderr)
    for sentence in said_gaps(predictions.time_s[:]):
        ours = f"{folder}: predictions.npz and predictions.csv alone have the video's times"
        print(f"{ours}: {sentence}", file=sys.stderr)
    for name, write in {"predictions.npz": write_npz, "predictions.csv": write_csv}.items():
        write(folder / name, predictions)
        print(folder / name)
    for name in needed:
        path = folder / f"predictions{ENDINGS[name]}"
        _write_format(path, name, given, predictions)
        print(path)
    if given.show is not None:
        from pose3d.predict.show import write_show  # here, because it takes half a second to load

        print(*write_show(folder, given.video, predictions, given.show, given.fps), sep="\n")
    if no_world:
        raise InputError(NO_WORLD)


def _write_format(path: Path, name: str, given: argparse.Namespace, predictions: "Predictions") -> None:
    if name == "bvh":
        from pose3d.predict.animation import write_animation

        write_animation(path, predictions, given.frame)
    elif name in OF_KEYPOINTS:
        from pose3d.formats.keypoint_files import write_keypoints

        write_keypoints(path, predictions)
    elif name == "rrd":
        _write_recording(path, given, predictions)
    else:
        from pose3d.formats.joint_files import write_motion
        from pose3d.predict.animation import motion_of

        write_motion(path, motion_of(predictions, given.frame))


def _write_recording(path: Path, given: argparse.Namespace, predictions: "Predictions") -> None:
    """With the video, where there is one."""
    from pose3d.formats.clip import Clip
    from pose3d.formats.rrd import write_rrd

    if given.video is None:
        write_rrd(path, predictions)
        return
    with Clip(given.video, given.fps) as clip:
        write_rrd(path, predictions, (frame.image_bgr for frame in clip))
