"""Videos whose pictures are stored as two fields, every second row of two moments, and what is done about them.

Told by the codec's own header: H.264's sequence parameter set (``frame_mbs_only_flag`` is 0) and MPEG-2's sequence
extension (``progressive_sequence`` is 0). That is how the pictures are coded; a film may lie in them whole all the
same. Where a picture is of fields, OpenCV 5.0.0 hands out memory that nothing was written to: such videos are refused.

References:
    ITU-T H.264, 7.3.2.1.1 and 9.1; ISO/IEC 14496-15, 5.3.3.1 (avcC); ITU-T H.262, 6.2.2.3.
"""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pose3d.runtime.errors import InputError

COMBS = "where a picture holds two moments, moving limbs look like combs"
_FIELDS = {"h264": "h264", "avc1": "h264", "x264": "h264", "mpg2": "mpeg2", "mp2v": "mpeg2"}
"""Codecs by FFmpeg's four letters."""
_SAME_GREY = 20.0
"""Mean difference, of 255, up to which two ways of decoding gave the same picture."""
_SEQUENCE_EXTENSION = b"\0\0\1\xb5"
_WITH_CHROMA = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
"""Profiles of H.264 whose parameters say more of colours."""


def codec_of(video: cv2.VideoCapture) -> str:
    """Four letters, by FFmpeg; empty where nothing is open."""
    code = float(video.get(cv2.CAP_PROP_FOURCC))
    return int(code).to_bytes(4, "little").decode("latin-1") if 0 < code < 2**32 else ""


def codec_is_interlaced(video: cv2.VideoCapture) -> bool:
    """Whether the header of an open video's codec says so; FFmpeg's only."""
    fields = _FIELDS.get(codec_of(video).lower())
    index = float(video.get(cv2.CAP_PROP_CODEC_EXTRADATA_INDEX))
    if fields is None or index < 0:
        return False
    found, content = video.retrieve(None, int(index))
    return bool(found) and content is not None and is_interlaced(fields, content.tobytes())


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
    again = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_CONVERT_RGB, 0])
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
        return _fields_of_h264(header)
    except (IndexError, ValueError):
        return False


def _fields_of_h264(header: bytes) -> bool:
    if header[:1] == b"\1":  # avcC: five bytes, how many sets, and the length of the first
        start = 8
    else:
        start = header.index(b"\0\0\1") + 3
        while header[start] & 0x1F != 7:
            start = header.index(b"\0\0\1", start) + 3
    # Within a unit three bytes 0 0 3 stand for two, so that none looks like a beginning.
    bits = _Bits(header[start + 1 : start + 257].replace(b"\0\0\3", b"\0\0"))
    profile = bits.take(8)
    bits.take(16)
    bits.count()
    if profile in _WITH_CHROMA:
        if bits.count() == 3:
            bits.take(1)
        bits.count(), bits.count(), bits.take(1)
        if bits.take(1):
            raise ValueError("a matrix of scales is not read")
    bits.count()
    order = bits.count()
    if order == 0:
        bits.count()
    elif order == 1:
        bits.take(1), bits.count(), bits.count()
        for _ in range(bits.count()):
            bits.count()
    bits.count(), bits.take(1), bits.count(), bits.count()
    return not bits.take(1)


class _Bits:
    def __init__(self, content: bytes) -> None:
        self._bits = "".join(f"{byte:08b}" for byte in content)
        self._place = 0

    def take(self, n_bits: int) -> int:
        if self._place + n_bits > len(self._bits):
            raise IndexError("the header ends")
        self._place += n_bits
        return int(self._bits[self._place - n_bits : self._place], 2)

    def count(self) -> int:
        """Exp-Golomb: as many zeros as there are digits after the first 1."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + (self.take(zeros) if zeros else 0)
