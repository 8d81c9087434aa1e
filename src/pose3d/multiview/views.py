"""A folder of synchronised videos from calibrated cameras, without any labels.

calibration.qca.txt   Qualisys calibration, see :mod:`pose3d.formats.qualisys`
<serial>.mp4          the video of each of its cameras
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from pose3d.formats.calibrated import Calibrated, Units
from pose3d.formats.calibrations import read_calibration
from pose3d.geometry.camera import Camera
from pose3d.runtime.errors import InputError

CALIBRATION = "calibration.qca.txt"
_SUFFIXES = (".qca.txt", ".toml", ".yaml", ".yml", ".json")
TRIMMED_PX = 16
"""Most columns or rows that a video may lack against its calibration: codecs and editors cut to sizes they like."""
BLACK = 16
"""Mean grey level below which rows at the edge of a picture are a border."""

MAX_FRAMES = 10_000_000
"""Two days of video: a header that claims more is damaged."""


@dataclass(frozen=True, eq=False)
class View:
    """One camera's video.

    Attributes:
        camera: calibrated.
        video: the file.
        frames: how many there are.
        fps: frames per second.
    """

    camera: Camera
    video: Path
    frames: int
    fps: float


def read_views(folder: Path, units: Units | None = None) -> list[View]:
    """The views of a folder, in the calibration's order.

    Marker cameras, which have no video, are left out, and a sentence on stderr names them; another says for what unit
    positions were taken where the format does not fix it.

    Args:
        folder: of one calibration and the videos.
        units: of the calibration's positions, see :func:`pose3d.formats.calibrations.read_calibration`.

    Raises:
        InputError: a file is missing or damaged, there are fewer than two views, or they are not of one take.
    """
    path = calibration_in(folder)
    calibration = read_calibration(path, units)
    for sentence in (*calibration.doubts, *filter(None, [calibration.units])):
        print(f"{path}: {sentence}", file=sys.stderr)
    views = []
    for one in calibration.cameras:
        video = folder / f"{one.camera.id}.mp4"
        if one.sees_markers and not video.is_file():
            print(f"{path}: camera {one.camera.id} sees markers and has no video: it is left out", file=sys.stderr)
            continue
        if not one.placed:
            raise InputError(f"{path} does not say where camera {one.camera.id} is: calibrate all cameras together")
        views.append(_view(one, video))
    if len(views) < 2:
        raise InputError(f"{path} has one camera: joints are triangulated from two or more")
    first = views[0]
    for view in views[1:]:
        if view.frames != first.frames or abs(view.fps - first.fps) > 1e-3 * first.fps:
            raise InputError(
                f"{view.video} has {view.frames} frames at {view.fps:g} frames/s, {first.video.name} {first.frames} at "
                f"{first.fps:g}: the videos must be of one take and start together"
            )
    return views


def calibration_in(folder: Path) -> Path:
    """The calibration of a folder: calibration.qca.txt, or the only file that may be one.

    Raises:
        InputError: there is none, or there are several.
    """
    if (folder / CALIBRATION).is_file():
        return folder / CALIBRATION
    found = sorted(path for path in folder.glob("*") if path.name.endswith(_SUFFIXES))
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(f"{folder / CALIBRATION} is missing, and so is any other calibration ({', '.join(_SUFFIXES)})")
    raise InputError(f"{folder} has {found[0].name} and {found[1].name}: leave the calibration there, nothing else")


def _view(one: Calibrated, path: Path) -> View:
    camera = one.camera
    if not path.is_file():
        raise InputError(f"{path} is missing: put the video of camera {camera.id} there")
    video = cv2.VideoCapture(str(path))
    try:
        size = [int(video.get(what)) for what in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
        frames, fps = video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)
        opened, picture = video.read()
        if not opened or not 1 <= frames <= MAX_FRAMES or not 0 < fps < np.inf:
            raise InputError(f"{path} does not open as a video: the file is damaged, fetch it again")
    finally:
        video.release()
    width, height = size
    if not one.size_known:
        camera = replace(camera, width_px=width, height_px=height)
    if not (0 <= camera.width_px - width <= TRIMMED_PX and 0 <= camera.height_px - height <= TRIMMED_PX):
        raise InputError(
            f"{path} has {width} x {height} px, its calibration {camera.width_px} x {camera.height_px}: "
            "the calibration must be that of the video"
        )
    return View(camera_of_video(camera, picture), path, int(frames), fps)


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
    if not rows or max(across[:rows].mean(), across[-rows:].mean()) >= BLACK:
        return smaller
    to_video = np.array([[scale, 0, border_x], [0, scale, border_y], [0, 0, 1]])
    return replace(smaller, intrinsics_px=to_video @ camera.intrinsics_px)
