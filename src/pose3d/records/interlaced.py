"""Videos whose pictures are stored as two fields, every second row of two moments, and what is done about them.

Told by the codec's own header: H.264's sequence parameter set (``frame_mbs_only_flag`` is 0) and MPEG-2's sequence
extension (``progressive_sequence`` is 0). That is how the pictures are coded; a film may lie in them whole all the
same. Where a picture is of fields, OpenCV 5.0.0 hands out memory that nothing was written to: such videos are refused.

References:
    ITU-T H.264, 7.3.2.1.1; ITU-T H.262, 6.2.2.3.
"""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pose3d.records.codec_header import codec_header, codec_of, h264_parameters, read_until_fields
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import video_path

COMBS = "where a picture holds two moments, moving limbs look like combs"
_FIELDS = {"h264": "h264", "avc1": "h264", "x264": "h264", "mpg2": "mpeg2", "mp2v": "mpeg2"}
"""Codecs by FFmpeg's four letters."""
_SAME_GREY = 20.0
"""Mean difference, of 255, up to which two ways of decoding gave the same picture."""
_SEQUENCE_EXTENSION = b"\0\0\1\xb5"


def codec_is_interlaced(video: cv2.VideoCapture) -> bool:
    """Whether the header of an open video's codec says so; FFmpeg's only."""
    fields = _FIELDS.get(codec_of(video).lower())
    return fields is not None and is_interlaced(fields, codec_header(video))


def require_pictures(path: str | os.PathLike, first: Sequence[np.ndarray], interlaced: bool) -> None:
    """Refuse a video whose pictures are memory that nothing was written to, which is the same every time.

    Pictures at rest are the same as well: their grey, decoded once more, is that of their colours.

    Args:
        path: of the video.
        first: its first two pictures as stored, (H, W, 3) uint8 BGR, or the only one.
        interlaced: whether a header says so.

    Raises:
        InputError: they are; says what makes whole pictures of the video.
    """
    if len(first) < 2:
        untouched = interlaced
    elif not np.array_equal(first[0], first[1]):
        return
    else:
        untouched = interlaced or not _is_grey_of(path, first[0])
    if untouched:
        raise InputError(
            f"{path} is interlaced, which this build of OpenCV does not decode: "
            f"`{whole_pictures_command(path)}` makes whole pictures of it"
        )


def _is_grey_of(path: str | os.PathLike, picture: np.ndarray) -> bool:
    again = cv2.VideoCapture(video_path(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_CONVERT_RGB, 0])
    try:
        again.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        decoded, grey = again.read()
    finally:
        again.release()
    if not decoded or grey.shape != picture.shape[:2] or grey.dtype != np.uint8:
        return True
    return float(cv2.absdiff(grey, cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)).mean()) < _SAME_GREY


def whole_pictures_command(path: str | os.PathLike) -> str:
    """How FFmpeg writes a video of whole pictures beside an interlaced one."""
    return encode_command(path, "progressive", "-vf bwdif ")


def encode_command(path: str | os.PathLike, what: str, options: str = "") -> str:
    """How FFmpeg writes a video anew, as H.264 beside itself.

    Example:
        >>> encode_command("my walk.avi", "turned")
        "ffmpeg -i 'my walk.avi' -c:v libx264 -crf 18 -pix_fmt yuv420p 'my walk-turned.mp4'"
    """
    encode = f"{options}-c:v libx264 -crf 18 -pix_fmt yuv420p"
    return f"ffmpeg -i {shlex.quote(str(path))} {encode} {quoted_beside(path, what)}"


def quoted_beside(path: str | os.PathLike, what: str) -> str:
    """The name of a new video beside another, as a shell wants it.

    Example:
        >>> quoted_beside("my walk.avi", "turned")
        "'my walk-turned.mp4'"
    """
    return shlex.quote(str(Path(path).with_name(f"{Path(path).stem}-{what}.mp4")))


def is_interlaced(codec: str, header: bytes) -> bool:
    """Whether a codec's header says so; False also where the header is damaged or the codec another.

    Args:
        codec: h264 or mpeg2.
        header: what the container has of it beside the pictures: avcC, or as it begins in a stream.
    """
    if codec == "mpeg2":
        place = header.find(_SEQUENCE_EXTENSION)
        told = header[place + 4 : place + 6]
        return place >= 0 and len(told) == 2 and told[0] >> 4 == 1 and not told[1] & 0x08
    try:
        return read_until_fields(h264_parameters(header))[1]
    except (IndexError, ValueError):
        return False
