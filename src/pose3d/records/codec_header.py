"""What the codec of a video says of its pictures, apart from its container: which it is, and its header's bits.

Of H.264's sequence parameter set whatever comes before the flag of fields is read here, and the flag.

References:
    ITU-T H.264, 7.3.2.1.1 and 9.1; ISO/IEC 14496-15, 5.3.3.1 (avcC).
"""

import cv2

_PARAMETERS_BYTES = 512
_WITH_CHROMA = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
"""Profiles of H.264 whose parameters say more of colours."""


def codec_of(video: cv2.VideoCapture) -> str:
    """Four letters, by FFmpeg; empty where nothing is open."""
    code = float(video.get(cv2.CAP_PROP_FOURCC))
    return int(code).to_bytes(4, "little").decode("latin-1") if 0 < code < 2**32 else ""


def codec_header(video: cv2.VideoCapture) -> bytes:
    """What the container has of the codec beside the pictures, such as avcC; empty where it has nothing.

    Args:
        video: an open one, read by FFmpeg.
    """
    index = float(video.get(cv2.CAP_PROP_CODEC_EXTRADATA_INDEX))
    if index < 0:
        return b""
    found, content = video.retrieve(None, int(index))
    return content.tobytes() if found and content is not None else b""


class Bits:
    """A unit of a header, read bit by bit.

    Example:
        >>> bits = Bits(b"\\xa0")
        >>> bits.take(1), bits.count(), bits.take(4)
        (1, 1, 0)
    """

    def __init__(self, unit: bytes) -> None:
        # Within a unit three bytes 0 0 3 stand for two, so that none looks like a beginning.
        content = unit[:_PARAMETERS_BYTES].replace(b"\0\0\3", b"\0\0")
        self._bits = "".join(f"{byte:08b}" for byte in content)
        self._place = 0

    def take(self, n_bits: int) -> int:
        """The next bits as a whole number; IndexError behind the end."""
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


def h264_parameters(header: bytes) -> Bits:
    """The first sequence parameter set in avcC, or in a stream as it begins.

    Raises:
        IndexError, ValueError: there is none.
    """
    if header[:1] == b"\1":  # avcC: five bytes, how many sets, and the length of the first
        return Bits(header[9:])
    start = header.index(b"\0\0\1") + 3
    while header[start] & 0x1F != 7:
        start = header.index(b"\0\0\1", start) + 3
    return Bits(header[start + 1 :])


def read_until_fields(bits: Bits) -> tuple[int, bool]:
    """Read H.264's parameters up to ``frame_mbs_only_flag``.

    Returns:
        ``chroma_format_idc``, and whether pictures may be stored as fields.

    Raises:
        IndexError: they end before.
        ValueError: they have a matrix of scales, which is not read.
    """
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
    return chroma, not bits.take(1)
