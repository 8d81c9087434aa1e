"""What a codec's header cuts off the left side of its pictures, because OpenCV does not cut there but squeezes.

FFmpeg's decoders move a picture's beginning by :data:`ALIGNED_PX` at a time, for the sake of speed; the rest of a cut
stays in the picture, and OpenCV 5.0.0 scales that to the width that it should have. Cuts at the other sides are exact.

References:
    ITU-T H.264, 7.3.2.1.1 (frame_crop_left_offset); ITU-T H.265, 7.3.2.2.1 (conf_win_left_offset), 7.3.3; ISO/IEC
    14496-15, 5.3.3.1 (avcC), 8.3.3.1 (hvcC).
"""

import re

import cv2

from pose3d.records.interlaced import codec_of

ALIGNED_PX = 64
_CODECS = {"h264": "h264", "avc1": "h264", "x264": "h264", "hevc": "hevc", "hev1": "hevc", "hvc1": "hevc"}
_PARAMETERS = {
    "h264": re.compile(rb"(?:\x00\x00\x01|\xe1..)[\x27\x47\x67]", re.DOTALL),
    "hevc": re.compile(rb"(?:\x00\x00\x01|[\x21\xa1]\x00\x01..)\x42\x01", re.DOTALL),
}
"""How the first set of parameters begins, behind a start code, or behind how many there are and its length."""
_PARAMETERS_BYTES = 512
_WITH_CHROMA = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
"""Profiles of H.264 whose parameters say more of colours."""


def left_crop_px(video: cv2.VideoCapture) -> int:
    """Of an open video; 0 where nothing is cut, or the header of its codec is not known here."""
    codec = _CODECS.get(codec_of(video).lower())
    index = float(video.get(cv2.CAP_PROP_CODEC_EXTRADATA_INDEX))
    if codec is None or index < 0:
        return 0
    found, content = video.retrieve(None, int(index))
    return left_crop_of(codec, content.tobytes()) if found and content is not None else 0


def left_crop_of(codec: str, header: bytes) -> int:
    """Px by a codec's header; 0 also where that is damaged.

    Args:
        codec: h264 or hevc.
        header: what the container has of it beside the pictures: avcC or hvcC, or as it begins in a stream.
    """
    start = _PARAMETERS[codec].search(header)
    if start is None:
        return 0
    # Within a unit three bytes 0 0 3 stand for two, so that none looks like a beginning.
    unit = header[start.end() : start.end() + _PARAMETERS_BYTES].replace(b"\0\0\3", b"\0\0")
    try:
        return _of_h264(_Bits(unit)) if codec == "h264" else _of_hevc(_Bits(unit))
    except IndexError:
        return 0


def _of_h264(bits: "_Bits") -> int:
    profile = bits.take(8)
    bits.take(16)
    bits.count()
    chroma = 1
    if profile in _WITH_CHROMA:
        chroma = bits.count()
        if chroma == 3:
            bits.take(1)
        bits.count(), bits.count(), bits.take(1)
        if bits.take(1):
            return 0  # a matrix of scales, which is not read
    bits.count()
    order = bits.count()
    if order == 0:
        bits.count()
    elif order == 1:
        bits.take(1), bits.count(), bits.count()
        for _ in range(bits.count()):
            bits.count()
    bits.count(), bits.take(1), bits.count(), bits.count()
    if not bits.take(1):
        bits.take(1)
    bits.take(1)
    return _px(bits, chroma)


def _of_hevc(bits: "_Bits") -> int:
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


def _px(bits: "_Bits", chroma: int) -> int:
    """From the flag that something is cut on; in 4:2:0 and 4:2:2 the unit is two px."""
    return bits.count() * (2 if chroma in (1, 2) else 1) if bits.take(1) else 0


class _Bits:
    def __init__(self, content: bytes) -> None:
        self._bits = "".join(f"{byte:08b}" for byte in content)
        self._place = 0

    def take(self, n_bits: int) -> int:
        if self._place + n_bits > len(self._bits):
            raise IndexError("the header ends")
        self._place += n_bits
        return int(self._bits[self._place - n_bits : self._place] or "0", 2)

    def count(self) -> int:
        """Exp-Golomb: as many zeros as there are digits after the first 1."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)
