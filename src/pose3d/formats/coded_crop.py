"""What a codec's header cuts off the left side of its pictures, because OpenCV does not cut there but squeezes.

FFmpeg's decoders move a picture's beginning by :data:`ALIGNED_PX` at a time, for the sake of speed; the rest of a cut
stays in the picture, and OpenCV 5.0.0 scales that to the width that it should have. Cuts at the other sides are exact.

References:
    ITU-T H.264, 7.3.2.1.1 (frame_crop_left_offset); ITU-T H.265, 7.3.2.2.1 (conf_win_left_offset), 7.3.3; ISO/IEC
    14496-15, 5.3.3.1 (avcC), 8.3.3.1 (hvcC).
"""

import re

import cv2

from pose3d.records.codec_header import Bits, codec_header, codec_of, h264_parameters, read_until_fields

ALIGNED_PX = 64
_CODECS = {"h264": "h264", "avc1": "h264", "x264": "h264", "hevc": "hevc", "hev1": "hevc", "hvc1": "hevc"}
_HEVC_PARAMETERS = re.compile(rb"(?:\x00\x00\x01|[\x21\xa1]\x00\x01..)\x42\x01", re.DOTALL)
"""How the first set of parameters begins, behind a start code, or behind how many there are and its length."""


def left_crop_px(video: cv2.VideoCapture) -> int:
    """Of an open video; 0 where nothing is cut, or the header of its codec is not known here."""
    codec = _CODECS.get(codec_of(video).lower())
    return 0 if codec is None else left_crop_of(codec, codec_header(video))


def left_crop_of(codec: str, header: bytes) -> int:
    """Px by a codec's header; 0 also where that is damaged.

    Args:
        codec: h264 or hevc.
        header: what the container has of it beside the pictures: avcC or hvcC, or as it begins in a stream.
    """
    try:
        if codec == "h264":
            return _of_h264(h264_parameters(header))
        start = _HEVC_PARAMETERS.search(header)
        return _of_hevc(Bits(header[start.end() :])) if start else 0
    except (IndexError, ValueError):
        return 0


def _of_h264(bits: Bits) -> int:
    chroma, fields = read_until_fields(bits)
    bits.take(2 if fields else 1)
    return _px(bits, chroma)


def _of_hevc(bits: Bits) -> int:
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    bits.take(96)  # profile and level
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile, level in present:
        bits.take(88 * profile + 8 * level)
    bits.count()
    chroma = bits.count()
    if chroma == 3:
        bits.take(1)
    bits.count(), bits.count()
    return _px(bits, chroma)


def _px(bits: Bits, chroma: int) -> int:
    """From the flag that something is cut on; in 4:2:0 and 4:2:2 the unit is two px."""
    return bits.count() * (2 if chroma in (1, 2) else 1) if bits.take(1) else 0
