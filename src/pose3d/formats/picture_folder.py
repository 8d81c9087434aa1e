"""Pictures as a video: one, or those of a folder in the order of their names (:mod:`pose3d.formats.name_order`)."""

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pose3d.formats.frame_numbers import frame_numbers
from pose3d.formats.name_order import DECIMAL, natural, number_of, stem_of
from pose3d.formats.picture_series import farthest_step, form_of, two_series, varying_digits
from pose3d.formats.shown_picture import ShownPicture
from pose3d.formats.video_file import MAX_PICTURE_PX, USUAL_RATE_HZ
from pose3d.records.frames import is_jpeg, read_image_file
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import video_path

_KINDS = {".jpeg": ".jpg", ".jfif": ".jpg", ".jpe": ".jpg", ".tiff": ".tif"}
_READ = {".jpg", ".png", ".bmp", ".tif", ".webp", ".ppm", ".pgm", ".jp2", ".avif"}
_NOT_READ = {".heic", ".heif", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".raw", ".exr", ".gif", ".svg"}
_WEBP_ANIMATED = 2  # among the flags of its first chunk
_VIDEOS = {".mp4", ".mov", ".avi", ".mkv", ".m4v", ".webm", ".mts", ".mpg"}


def is_picture(path: str | os.PathLike) -> bool:
    """Whether a file is one picture, by its ending; animations are videos.

    FFmpeg decodes most of them, but does not turn them as their EXIF says.
    """
    kind = _kind(Path(path))
    if kind in _NOT_READ:
        return kind != ".gif"
    if kind not in _READ:
        return False
    try:
        with open(path, "rb") as file:
            head = file.read(2**16)
    except OSError:  # who reads it says so
        return True
    animated = {
        ".png": b"acTL" in head.partition(b"IDAT")[0],
        ".webp": head[12:16] == b"VP8X" and bool(head[20] & _WEBP_ANIMATED),
        ".avif": head[8:12] == b"avis",
    }
    return not animated.get(kind, False)


class PictureFolder:
    """A picture or those of a folder, opened for one reading, as :class:`pose3d.formats.video_file.VideoFile`.

    Hidden files, and those that are no pictures by their ending, are left alone.

    Args:
        path: of the folder, or of a picture.
        rate_hz: pictures a second; None: there is but one.

    Attributes:
        numbers: (T,) int64, those of :mod:`pose3d.formats.frame_numbers`; None where they do not strictly rise.
        names: T names of the pictures, see :func:`pose3d.formats.name_order.stem_of`.

    Raises:
        InputError: there are no pictures, or several kinds of them, the first does not decode, or no rate was given.
    """

    def __init__(self, path: str | os.PathLike, rate_hz: float | None) -> None:
        self.said: list[str] = []
        self._paths = _pictures(Path(path))
        self._place = 0
        if rate_hz is None and len(self._paths) > 1:
            raise InputError(
                f"{path} is a folder of {len(self._paths)} pictures, which do not say how many a second there are: "
                "give --fps 25, or as many as there are"
            )
        self.step_s, self.slowed = 1 / (rate_hz or USUAL_RATE_HZ), 1.0
        self.claimed_frames, self.claimed_exactly = len(self._paths), True
        height, width = _read(self._paths[0]).shape[:2]
        self.shown = ShownPicture((width, height), np.eye(2, dtype=int))
        if width * height > MAX_PICTURE_PX:
            what = "it" if len(self._paths) == 1 else "all of them"
            raise InputError(f"{self._paths[0]} has {width} x {height} px: shrink {what}, 8K is the most")
        self.numbers = _rising_numbers(self._paths)
        self.names = tuple(stem_of(path.name) for path in self._paths)
        self._say_pages()
        self._say_jumps()

    def read(self) -> tuple[float, np.ndarray] | None:
        """The next frame's time, seconds, and its picture (H, W, 3) uint8 BGR; None after the last.

        Raises:
            InputError: it does not decode, or is of another size.
        """
        place = self._place
        time_s = self.skip()
        if time_s is None:
            return None
        picture = _read(self._paths[place])
        if picture.shape[1::-1] != self.shown.stored_px:
            size, first = "{1} x {0}".format(*picture.shape), "{} x {}".format(*self.shown.stored_px)
            raise InputError(
                f"{self._paths[place]} has {size} px, {self._paths[0].name} {first}: a video's pictures have one size; "
                "take out what is not of it"
            )
        return time_s, picture

    def skip(self) -> float | None:
        """Go on by a picture; gives its time, or None after the last."""
        if self._place == len(self._paths):
            return None
        self._place += 1
        return (self._place - 1) * self.step_s

    def close(self) -> None:
        pass

    def _say_pages(self) -> None:
        first = self._paths[0]
        n_pages = _pages_of_tiff(first) if _kind(first) == ".tif" else 1
        if n_pages > 1:
            self.said.append(
                f"{first} holds {n_pages} pictures, of which the first is taken: save each as a file of its own if "
                "they are a video's"
            )

    def _say_jumps(self) -> None:
        folder = self._paths[0].parent
        if number_of(path.stem for path in self._paths) is DECIMAL:
            self.said.append(
                f"{folder} has pictures whose names end with decimals: they come in the order of these, "
                f"{self._paths[0].name} first and {self._paths[-1].name} last, all equally far apart in time"
            )
            return
        stems = [path.stem for path in self._paths]
        other = next((path for path in self._paths if form_of(path.stem) != form_of(stems[0])), None)
        if other is not None:
            self.said.append(
                f"{folder} has pictures named as {self._paths[0].name} and as {other.name}: all are taken, "
                f"{self._paths[0].name} first and {self._paths[-1].name} last"
            )
            return
        varying = varying_digits(stems)
        if not varying:
            return
        steps, farthest = np.diff(np.array(varying[-1], float)), farthest_step(varying[-1])
        series = two_series(stems)
        if series is not None:
            first, second = (f"{self._paths[one[0]].name} to {self._paths[one[-1]].name}" for one in series)
            self.said.append(
                f"{folder} seems to hold several series of pictures, {first} and {second}: all are taken as one video, "
                f"{self._paths[0].name} first and {self._paths[-1].name} last; give a folder for each"
            )
        elif (steps > farthest).any():
            jump = int(np.argmax(steps > farthest))
            self.said.append(
                f"{folder}: between {self._paths[jump].name} and {self._paths[jump + 1].name} pictures seem to be "
                "missing: all are taken as equally far apart in time"
            )


def _pictures(folder: Path) -> list[Path]:
    """The folder's pictures, numbers in names by their value; of a file itself.

    Raises:
        InputError: there are none, of several kinds, or some that are not read.
    """
    try:
        files = [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file()]
    except NotADirectoryError:
        files = [folder]
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}): give a folder that you may read") from None
    of_kind: dict[str, list[Path]] = {}
    number = number_of(path.stem for path in files if _kind(path) in _READ)
    for path in sorted(files, key=lambda one: (natural(one.stem, number), one.name)):
        of_kind.setdefault(_kind(path), []).append(path)
    unread = next((paths[0] for kind, paths in of_kind.items() if kind in _NOT_READ), None)
    if unread is not None:
        what = "it" if unread == folder else "all of them"
        raise InputError(f"{unread} is a picture of a kind that is not read: convert {what} to JPEG or PNG")
    kinds = [kind for kind in of_kind if kind in _READ]
    if len(kinds) > 1:
        first, second = of_kind[kinds[0]][0].name, of_kind[kinds[1]][0].name
        raise InputError(f"{folder} has pictures of several kinds, {first} and {second}: leave those of the video")
    if not kinds:
        video = next((paths[0] for kind, paths in of_kind.items() if kind in _VIDEOS), None)
        hint = f"give a video of it, such as {video}" if video else "give a video, or a folder of JPEG or PNG"
        raise InputError(f"{folder} is a folder without pictures: {hint}")
    empty = next((path for path in of_kind[kinds[0]] if not path.stat().st_size), None)
    if empty is not None:  # before the long part, because copies that were broken off leave such files
        raise InputError(f"{empty} is empty: make it again, or leave it out")
    return of_kind[kinds[0]]


def _pages_of_tiff(path: Path) -> int:
    try:
        return cv2.imcount(video_path(path))
    except InputError:  # of a name that OpenCV does not take nobody knows more than that there is one
        return 1


def _kind(path: Path) -> str:
    ending = path.suffix.lower()
    return _KINDS.get(ending, ending)


def _rising_numbers(paths: Sequence[Path]) -> np.ndarray | None:
    """Read as in files of keypoints that name pictures, so that equal names go together."""
    try:
        numbers = np.array(frame_numbers(paths[0].parent, [path.name for path in paths]))
    except InputError:
        return None
    return numbers if (np.diff(numbers) > 0).all() else None


def _read(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 BGR, turned as its EXIF says.

    Raises:
        InputError: it does not decode.
    """
    try:
        encoded = read_image_file(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give pictures that you may read") from None
    content = encoded.tobytes()
    # OpenCV decodes a JPEG that was cut off to grey below the cut. Cameras write more behind its end.
    cut_off = is_jpeg(encoded) and content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda")
    try:
        picture = None if cut_off or not len(encoded) else cv2.imdecode(encoded, cv2.IMREAD_COLOR_BGR)
    except cv2.error:  # its header claims more px than pose3d lets OpenCV make room for
        picture = None
    if picture is None:
        raise InputError(f"{path} does not decode as a picture: make it again, or leave it out")
    return picture
