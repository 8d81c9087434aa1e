"""A video as frames with their times, and the camera that it was taken with."""

import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pose3d.formats.calibrated import Calibrated
from pose3d.formats.calibrations import read_calibration, the_camera
from pose3d.geometry.camera import Camera
from pose3d.runtime.errors import InputError
from pose3d.runtime.prefetch import prefetch

MAX_PICTURE_PX = 2**25
"""Of one frame: 8K has 33 million. A decoder holds some frames, and memory for them is set aside as the header says."""
_USUAL_RATE_HZ = 25.0
"""Of videos that name no frame rate."""
_RATES_HZ = (0.001, 10_000.0)
"""Frame rates to believe."""
_PLAYLISTS = (b"#EXTM3U", b"ffconcat")
"""Beginnings of texts that FFmpeg takes for videos, and that tell it which other files to read."""


@dataclass(frozen=True, eq=False)
class ClipFrame:
    """One frame: seconds since the first one, strictly ascending, and the upright picture (H, W, 3) uint8, BGR."""

    time_s: float
    image_bgr: np.ndarray


class Clip:
    """A video, opened for one reading from its start to its end. Use it in a ``with`` statement.

    The picture is turned upright as the file's metadata ask, and its size is that of the turned picture.

    Attributes:
        width_px, height_px: size of the upright picture.
        claimed_frames: what the file's header says, which may be wrong; 0 where it says nothing.

    Raises:
        InputError: the file is missing, is no video, or its picture is larger than :data:`MAX_PICTURE_PX`.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self._path = path
        if not os.path.isfile(path):
            raise InputError(f"{path} is missing: give the path of a video")
        if _is_playlist(path):
            raise InputError(f"{path} is a list of other files, no video: give one of those")
        # FFmpeg alone: OpenCV's other readers take the name for a pattern of image files.
        self._video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        self._video.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        width, height = (self._video.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > MAX_PICTURE_PX:
            self._video.release()
            raise InputError(f"{path} has a picture of {width:g} x {height:g} px: shrink it, 8K is the most")
        rate_hz = self._video.get(cv2.CAP_PROP_FPS)
        self._step_s = 1 / (rate_hz if _RATES_HZ[0] < rate_hz < _RATES_HZ[1] else _USUAL_RATE_HZ)
        self._next = self._read()
        if self._next is None:
            self._video.release()
            raise InputError(f"{path} does not open as a video: it is damaged, or of a format that OpenCV lacks")
        self._first_s = self._next.time_s
        self.height_px, self.width_px = self._next.image_bgr.shape[:2]
        claimed = self._video.get(cv2.CAP_PROP_FRAME_COUNT)
        self.claimed_frames = int(claimed) if 0 < claimed < np.inf else 0

    def __enter__(self) -> "Clip":
        return self

    def __exit__(self, *_: object) -> None:
        self._video.release()

    def _read(self) -> ClipFrame | None:
        decoded, image = self._video.read()
        return ClipFrame(self._video.get(cv2.CAP_PROP_POS_MSEC) / 1000, image) if decoded else None

    def __iter__(self) -> Iterator[ClipFrame]:
        """The frames in order, up to the first that does not decode; a thread decodes at most three ahead of use.

        A frame that has no time of its own after the one before is one step of the frame rate later.

        Raises:
            InputError: the picture's size changes within the video.
        """

        def following_frame(_: int) -> ClipFrame | None:
            frame, self._next = self._next, None
            return frame or self._read()

        before_s = -self._step_s
        frames = prefetch(following_frame, itertools.count(), workers=1)
        try:
            for number, frame in enumerate(frames):
                if frame is None:
                    return
                if frame.image_bgr.shape[:2] != (self.height_px, self.width_px):
                    raise InputError(f"{self._path} changes its picture's size at frame {number}: cut it there")
                time_s = frame.time_s - self._first_s
                before_s = time_s if time_s > before_s else before_s + self._step_s
                yield ClipFrame(before_s, frame.image_bgr)
        finally:
            frames.close()


def _is_playlist(path: str | os.PathLike) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(8).startswith(_PLAYLISTS)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give the path of a video") from None


def read_camera(
    path: str | os.PathLike, width_px: int, height_px: int, name: str | None = None, video: str = ""
) -> Calibrated:
    """The camera of a calibration of any format that :mod:`pose3d.formats.calibrations` reads.

    Args:
        path: of the calibration.
        width_px, height_px: of the video, which the calibration's must equal.
        name: of the camera, where the file has several.
        video: the video's name without its suffix, which tells where nothing is said.

    Raises:
        InputError: the file is missing or wrong, the camera is not in it, or it is of another size; names what.
    """
    calibration = read_calibration(path)
    for doubt in calibration.doubts:
        print(f"{path}: {doubt}", file=sys.stderr)
    one = the_camera(path, calibration.cameras, name, video)
    camera = one.camera
    if not one.size_known:
        print(f"{path} says no size: it is taken for that of the video, {width_px} x {height_px}", file=sys.stderr)
        return replace(one, camera=replace(camera, width_px=width_px, height_px=height_px))
    if (camera.width_px, camera.height_px) != (width_px, height_px):
        raise InputError(
            f"{path}: width and height are {camera.width_px} x {camera.height_px}, the video has "
            f"{width_px} x {height_px}: give the calibration of the video's own size"
        )
    return one


def camera_from_view(width_px: int, height_px: int, fov_deg: float) -> Camera:
    """A camera without distortion that looks through the picture's middle.

    Args:
        width_px, height_px: of the picture.
        fov_deg: field of view along the picture's longer side, between 5 and 170.

    Raises:
        InputError: no camera has that field of view.
    """
    if not 5 <= fov_deg <= 170:
        raise InputError(f"the field of view must lie between 5 and 170 degrees, not {fov_deg:g}")
    focal_px = max(width_px, height_px) / 2 / np.tan(np.radians(fov_deg) / 2)
    intrinsics = np.array([[focal_px, 0, width_px / 2], [0, focal_px, height_px / 2], [0, 0, 1]])
    return Camera("clip", width_px, height_px, intrinsics, np.zeros(5), np.eye(3), np.zeros(3))
