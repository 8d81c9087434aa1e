"""A video file, decoded by OpenCV's FFmpeg, with what its header says of how it is to be shown."""

import os
import shlex

import cv2
import numpy as np

from pose3d.formats.coded_crop import ALIGNED_PX, left_crop_px
from pose3d.formats.shown_picture import SQUARE, ShownPicture
from pose3d.formats.video_header import SOUND, VideoHeader, read_video_header
from pose3d.records.codec_header import codec_of
from pose3d.records.interlaced import (
    COMBS,
    codec_is_interlaced,
    encode_command,
    quoted_beside,
    require_pictures,
    whole_pictures_command,
)
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import video_path

MAX_PICTURE_PX = 2**25
"""Of one frame: 8K has 33 million. A decoder holds some frames, and memory for them is set aside as the header says."""
USUAL_RATE_HZ = 25.0
"""Of videos that name no frame rate."""
RATES_HZ = (0.001, 10_000.0)
"""Frame rates to believe."""
_PLAYLISTS = (b"#EXTM3U", b"ffconcat")
"""Beginnings of texts that FFmpeg takes for videos, and that tell it which other files to read."""
_ASPECTS = (0.1, 10.0)
_SAME_RATE = (2 / 3, 3 / 2)
"""A captured rate within these of the played one is the same: phones round, and their rates vary."""
_PICTURES = {"mjpg", "mpng", "png ", "jpeg", "bmp ", "gif ", "webp"}
"""Codecs of covers."""
_CODEC_NAMES = {
    "av01": "AV1",
    "v_av1": "AV1",
    "hvc1": "HEVC",
    "hev1": "HEVC",
    "hevc": "HEVC",
    "v_mpegh/iso/hevc": "HEVC",
    "avc1": "H.264",
    "h264": "H.264",
    "vvc1": "VVC",
    "v_mpegi/iso/vvc": "VVC",
    "evc1": "EVC",
    "encv": "encrypted",
}
_TURNS = {0: ((1, 0), (0, 1)), 90: ((0, -1), (1, 0)), 180: ((-1, 0), (0, -1)), 270: ((0, 1), (-1, 0))}
"""Matrices of turns clockwise, degrees."""


class VideoFile:
    """A video file, opened for one reading from its start to its end.

    Attributes:
        shown: how its pictures are shown.
        said: sentences about what in it is not as usual.
        claimed_frames: what its header says, which may be wrong; 0 where it says nothing.
        claimed_exactly: that is the number of frames to be shown, and no estimate.
        step_s: from one frame to the next, by its frame rate.
        slowed: how many times slower it is played than it was filmed.

    Raises:
        InputError: it is no video, does not decode, or its picture is too large.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        if _is_playlist(path):
            raise InputError(f"{path} is a list of other files, no video: give one of those")
        self._path = path
        # FFmpeg alone: OpenCV's other readers take the name for a pattern of image files.
        self._video = cv2.VideoCapture(video_path(path), cv2.CAP_FFMPEG)
        try:
            self._open()
        except InputError:
            self._video.release()
            raise

    def _open(self) -> None:
        self._video.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        sides = cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT
        width, height = (max(0.0, self._number(side)) for side in sides)  # -1 where nothing is open
        if width * height > MAX_PICTURE_PX:
            raise InputError(f"{self._path} has a picture of {width:g} x {height:g} px: shrink it, 8K is the most")
        rate_hz = self._number(cv2.CAP_PROP_FPS)
        rate_hz = rate_hz if RATES_HZ[0] < rate_hz < RATES_HZ[1] else USUAL_RATE_HZ
        self.step_s = 1 / rate_hz
        self._ahead: list[tuple[float, np.ndarray]] = []
        first = self._decode()
        header = read_video_header(self._path, (int(width), int(height)), rate_hz)
        if first is None:
            raise self._nothing_decodes(header)
        self._ahead.append(first)
        claimed = self._number(cv2.CAP_PROP_FRAME_COUNT)
        self.claimed_frames = int(claimed) if 0 < claimed < np.inf else 0
        second = self._decode()
        if second is not None:
            self._ahead.append(second)
        elif codec_of(self._video).lower() in _PICTURES and self.claimed_frames > 1:
            raise InputError(f"{self._path} has one picture and no video, as sound with a cover has: give a video")
        interlaced = header.interlaced or codec_is_interlaced(self._video)
        require_pictures(self._path, [picture for _, picture in self._ahead], interlaced)
        left_px = left_crop_px(self._video)
        if left_px % ALIGNED_PX:
            raise InputError(
                f"{self._path} has {left_px} px cut off at the left by its codec, which OpenCV squeezes in place of "
                f"cutting: `{encode_command(self._path, 'cut')}` cuts them off"
            )
        self.claimed_exactly = header.n_frames is not None
        if header.n_frames is not None:
            self.claimed_frames = header.n_frames
        height_px, width_px = first[1].shape[:2]
        self.said: list[str] = []
        self.shown = self._shown(header, (width_px, height_px))
        if np.prod(self.shown.size_px) > MAX_PICTURE_PX:
            raise InputError(f"{self._path} has a picture of {self._shown_size()}: shrink it, 8K is the most")
        self.slowed = 1.0
        if header.slowed is not None and not _SAME_RATE[0] < header.slowed < _SAME_RATE[1]:
            self.slowed = header.slowed
            self.said.append(
                f"{self._path} says that it was filmed at {rate_hz * header.slowed:g} frames a second and plays at "
                f"{rate_hz:g}: times are those of filming; --rate {rate_hz:g} takes those of playing"
            )
        if header.respeeded:
            self.said.append(
                f"{self._path} has an edit list that plays parts of it at another speed, which OpenCV does not do: "
                "times are those of the recording, and frames may be missing; `ffmpeg -ignore_editlist 1 -i "
                f"{shlex.quote(str(self._path))} -c copy {quoted_beside(self._path, 'unedited')}` takes the edits out"
            )
        self._say(interlaced)

    def read(self) -> tuple[float, np.ndarray] | None:
        """The next frame's time, seconds, and its picture as stored, (H, W, 3) uint8 BGR; None after the last."""
        return self._ahead.pop(0) if self._ahead else self._decode()

    def skip(self) -> float | None:
        """Go on by a frame without making its picture; gives its time, or None after the last."""
        if self._ahead:
            return self._ahead.pop(0)[0]
        return self._number(cv2.CAP_PROP_POS_MSEC) / 1000 if self._video.grab() else None

    def close(self) -> None:
        self._video.release()

    def _decode(self) -> tuple[float, np.ndarray] | None:
        decoded, image = self._video.read()
        return (self._number(cv2.CAP_PROP_POS_MSEC) / 1000, image) if decoded else None

    def _number(self, what: int) -> float:
        return float(self._video.get(what))

    def _shown(self, header: VideoHeader, stored_px: tuple[int, int]) -> ShownPicture:
        matrix = header.matrix
        if matrix is None:
            turn = round(self._number(cv2.CAP_PROP_ORIENTATION_META)) % 360
            matrix = np.array(_TURNS.get(turn, _turned(turn)), np.float64)
        # A matrix may stretch, which FFmpeg tells as the shape of a px.
        length = np.abs(matrix).max(1, keepdims=True)
        straight = np.round(matrix / np.where(length > 0, length, 1), 2)
        if sorted(np.abs(straight).ravel().tolist()) != [0, 0, 1, 1] or abs(np.linalg.det(straight)) != 1:
            self.said.append(
                f"{self._path} asks to be shown turned by no quarter of a turn: it is taken as it is stored; "
                f"turn it with `{encode_command(self._path, 'turned')}`"
            )
            straight = np.eye(2)
        numerator, denominator = self._number(cv2.CAP_PROP_SAR_NUM), self._number(cv2.CAP_PROP_SAR_DEN)
        aspect = numerator / denominator if numerator > 0 and denominator > 0 else 1.0
        aspect = aspect if _ASPECTS[0] < aspect < _ASPECTS[1] else 1.0
        return ShownPicture(stored_px, straight.round().astype(int), header.aperture_px, aspect)

    def _shown_size(self) -> str:
        return "{} x {} px".format(*self.shown.size_px)

    def _say(self, interlaced: bool) -> None:
        width, height = self.shown.stored_px
        if abs(self.shown.px_aspect - 1) > SQUARE:
            self.said.append(
                f"{self._path} has px that are {self.shown.px_aspect:.4g} times as wide as high: {width} x {height} of "
                f"them are shown as {self._shown_size()} that are square, and so taken"
            )
        elif self.shown.aperture_px is not None:
            self.said.append(
                f"{self._path} is cut to its clean aperture, {self._shown_size()} of {width} x {height}, as players do"
            )
        if self.shown.mirrored:
            self.said.append(
                f"{self._path} asks to be shown mirrored, as selfies are, and is: left and right are those of the "
                f"picture; `ffmpeg -display_rotation:v:0 0 -i {shlex.quote(str(self._path))} -c copy "
                f"{quoted_beside(self._path, 'as-filmed')}` takes the mirror out"
            )
        if interlaced:
            self.said.append(
                f"{self._path} says that it is interlaced: {COMBS}, and `{whole_pictures_command(self._path)}` parts "
                "them"
            )

    def _nothing_decodes(self, header: VideoHeader) -> InputError:
        if os.path.getsize(self._path) == 0:
            return InputError(f"{self._path} is empty: fetch it again")
        if header.codec == SOUND:
            return InputError(f"{self._path} has sound and no video: give a video")
        if header.unfinished:
            return InputError(
                f"{self._path} does not open as a video: its index is missing or damaged, as where a recording or a "
                "copy was cut off; fetch it again"
            )
        codec = header.codec or codec_of(self._video)
        if not codec:
            return InputError(
                f"{self._path} does not open as a video: it is damaged, or of a format that OpenCV lacks; if it plays "
                f"elsewhere, `{encode_command(self._path, 'h264')}` converts it"
            )
        return InputError(
            f"{self._path} does not open as a video: nothing of its {_CODEC_NAMES.get(codec.lower(), codec.strip())} "
            "decodes, which this build of OpenCV may not know; if it plays elsewhere, "
            f"`{encode_command(self._path, 'h264')}` converts it"
        )


def _is_playlist(path: str | os.PathLike) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(8).startswith(_PLAYLISTS)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give the path of a video") from None


def _turned(degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
