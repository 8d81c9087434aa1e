"""A folder of synchronised videos from calibrated cameras, without any labels.

calibration.qca.txt   Qualisys calibration, see :mod:`pose3d.formats.qualisys`, or another
<serial>.mp4          the video of each of its cameras; or another ending of videos, or a folder of pictures <serial>
"""

import glob
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pose3d.formats.calibrated import Calibrated, Units
from pose3d.formats.calibrations import read_calibration, size_advice, with_size, with_whole_size
from pose3d.formats.clip import Clip
from pose3d.geometry.camera import Camera
from pose3d.runtime.errors import InputError

CALIBRATION = "calibration.qca.txt"
_SUFFIXES = (".qca.txt", ".toml", ".yaml", ".yml", ".json")
TRIMMED_PX = 16
"""Most columns or rows that a video may lack against its calibration: codecs and editors cut to sizes they like."""
BLACK = 16
"""Mean grey level below which rows at the edge of a picture are a border."""

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mts", ".mpg")
_UNEVEN = 0.5
"""Of a step: frames farther from where they would lie evenly are said to be uneven."""


@dataclass(frozen=True, eq=False)
class View:
    """One camera's video.

    Attributes:
        camera: calibrated.
        video: the file.
        frames: how many there are, counted by decoding them.
        fps: frames per second.
        rate_hz: the same where a person said it, as for :class:`pose3d.formats.clip.Clip`; else None.
    """

    camera: Camera
    video: Path
    frames: int
    fps: float
    rate_hz: float | None = None


def read_views(folder: Path, units: Units | None = None, rate_hz: float | None = None) -> list[View]:
    """The views of a folder, in the calibration's order.

    Marker cameras, which have no video, are left out, and so are videos of no camera; a sentence on stderr names each.
    Another says for what unit positions were taken where the format does not fix it.

    Args:
        folder: of one calibration and the videos.
        units: of the calibration's positions, see :func:`pose3d.formats.calibrations.read_calibration`.
        rate_hz: true frames a second, for slow motion and folders of pictures; None: as the videos say.

    Raises:
        InputError: a file is missing or damaged, a video's frames are at uneven times, there are fewer than two views,
            or they are not of one take.
    """
    path = calibration_in(folder)
    calibration = read_calibration(path, units)
    for sentence in (*calibration.doubts, *filter(None, [calibration.units])):
        print(f"{path}: {sentence}", file=sys.stderr)
    views = []
    strangers = _of_no_camera(folder, [one.camera.id for one in calibration.cameras])
    for one in calibration.cameras:
        video = video_of(folder, one.camera.id)
        if one.sees_markers and video is None:
            print(f"{path}: camera {one.camera.id} sees markers and has no video: it is left out", file=sys.stderr)
            continue
        if not one.placed:
            raise InputError(f"{path} does not say where camera {one.camera.id} is: calibrate all cameras together")
        if video is None:
            missing = f"{folder / one.camera.id}.mp4 is missing"
            if strangers:
                raise InputError(
                    f"{missing}, and {strangers[0].name} is named as no camera of {path.name}: rename it, if it is the "
                    f"video of camera {one.camera.id}"
                )
            raise InputError(
                f"{missing}: put the video of camera {one.camera.id} there, or take that camera out of {path.name}"
            )
        views.append(_view(path, one, video, rate_hz))
    for video in strangers:
        print(f"{video} is named as no camera of {path.name}: it is left out", file=sys.stderr)
    if len(views) < 2:
        raise InputError(
            f"{path} has {'one' if views else 'no'} camera with a video: joints are triangulated from two or more"
        )
    first = views[0]
    for view in views[1:]:
        if view.frames != first.frames or abs(view.fps - first.fps) > 1e-3 * first.fps:
            raise InputError(
                f"{view.video} has {view.frames} frames at {view.fps:g} frames/s, {first.video.name} {first.frames} at "
                f"{first.fps:g}: the videos must be of one take and start together, so cut them to the same frames"
            )
    return views


def calibration_in(folder: Path) -> Path:
    """The calibration of a folder: calibration.qca.txt, or the only file that may be one.

    Raises:
        InputError: there is none, or there are several.
    """
    if (folder / CALIBRATION).is_file():
        return folder / CALIBRATION
    found = sorted(path for path in _files(folder) if path.name.endswith(_SUFFIXES))
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(f"{folder / CALIBRATION} is missing, and so is any other calibration ({', '.join(_SUFFIXES)})")
    raise InputError(f"{folder} has {found[0].name} and {found[1].name}: leave the calibration there, nothing else")


def video_of(folder: Path, name: str) -> Path | None:
    """The video of a camera in a folder: a file of its name and an ending of videos, or a folder of pictures.

    Raises:
        InputError: there are two.
    """
    files = (path for path in folder.glob(f"{glob.escape(name)}.*") if path.stem == name)
    found = sorted(path for path in files if path.suffix.lower() in VIDEO_SUFFIXES)
    found += [folder / name] if (folder / name).is_dir() else []
    if len(found) > 1:
        raise InputError(f"{found[0]} and {found[1].name} are both of camera {name}: leave the one to read")
    return found[0] if found else None


def _of_no_camera(folder: Path, names: list[str]) -> list[Path]:
    """Files with an ending of videos that are named as no camera is."""
    videos = (path for path in _files(folder) if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
    return sorted(path for path in videos if path.stem not in names)


def _files(folder: Path) -> Iterator[Path]:
    """Without hidden ones, as macOS leaves beside others on disks of other systems."""
    return (path for path in folder.glob("*") if not path.name.startswith("."))


def _view(calibration: Path, one: Calibrated, path: Path, rate_hz: float | None) -> View:
    with Clip(path, rate_hz) as clip:
        picture = next(clip.pictures(np.zeros(1, int)))
        width, height, fps, shown = clip.width_px, clip.height_px, clip.rate_hz, clip.shown
        said = clip.said
    with Clip(path, rate_hz) as clip:
        times_s = clip.times_s()
        early = clip.ends_early(len(times_s), float(times_s[-1]))
    for sentence in (*said, *filter(None, [early])):
        print(sentence, file=sys.stderr)
    steps_s = np.diff(times_s)
    if len(steps_s) and np.abs(steps_s - np.median(steps_s)).max() > _UNEVEN * np.median(steps_s):
        frame = int(np.abs(steps_s - np.median(steps_s)).argmax())
        raise InputError(
            f"{path} has frames at uneven times, {steps_s[frame]:.3f} s apart at frame {frame}, mostly "
            f"{np.median(steps_s):.3f}: views are matched frame by frame, so export it at an even rate, or say with "
            f"--rate {fps:.4g} that its frames are even"
        )
    if not one.size_known:
        one, doubts = with_size(calibration, one, *shown.turned_px)
        for doubt in doubts:
            print(f"{calibration}: {doubt}", file=sys.stderr)
    one, taken = with_whole_size(calibration, one, *shown.turned_px)
    for sentence in taken:
        print(f"{calibration}: {sentence}", file=sys.stderr)
    camera = shown.camera(one.camera)
    if not (0 <= camera.width_px - width <= TRIMMED_PX and 0 <= camera.height_px - height <= TRIMMED_PX):
        raise InputError(
            f"{path} has {width} x {height} px, its calibration {camera.width_px} x {camera.height_px}: "
            f"{size_advice(camera, width, height)}"
        )
    short_px = camera.width_px - width, camera.height_px - height
    if min(short_px) > 0 and abs(short_px[0] * camera.height_px - short_px[1] * camera.width_px) <= camera.width_px:
        print(
            f"{path} has {width} x {height} px, its calibration {camera.width_px} x {camera.height_px}: taken for cut "
            "at the right and the bottom; if it was scaled, scale the calibration as well",
            file=sys.stderr,
        )
    return View(camera_of_video(camera, picture), path, len(times_s), fps, rate_hz)


def camera_of_video(camera: Camera, picture: np.ndarray) -> Camera:
    """The camera for pictures that are smaller than those it was calibrated with.

    An editor either cuts columns and rows off, at the right and the bottom, or scales the whole picture and fills what
    is left of the new size with black, equally at both sides (letterbox). The borders tell.

    Args:
        camera: as calibrated.
        picture: (H, W, 3) uint8, one of the video's, not larger.
    """
    height, width = picture.shape[:2]
    smaller = replace(camera, width_px=width, height_px=height)
    scale = min(width / camera.width_px, height / camera.height_px)
    border_x, border_y = (width - scale * camera.width_px) / 2, (height - scale * camera.height_px) / 2
    across = picture if border_y > border_x else picture.swapaxes(0, 1)
    rows = int(max(border_x, border_y))
    if not rows or max(across[:rows].mean(), across[-rows:].mean()) >= BLACK or across[rows:-rows].mean() < BLACK:
        return smaller  # a picture that is dark all over, as where a video fades in, has no borders
    to_video = np.array([[scale, 0, border_x], [0, scale, border_y], [0, 0, 1]])
    return replace(smaller, intrinsics_px=to_video @ camera.intrinsics_px)
