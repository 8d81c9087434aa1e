"""Whether a video's codec stores each picture as two fields, every second row of two moments, by its own header.

Told by H.264's sequence parameter set (``frame_mbs_only_flag`` is 0) and by MPEG-2's sequence extension
(``progressive_sequence`` is 0). That is how the pictures are coded; a film may lie in them whole all the same.

References:
    ITU-T H.264, 7.3.2.1.1 and 9.1; ISO/IEC 14496-15, 5.3.3.1 (avcC); ITU-T H.262, 6.2.2.3.
"""

_SEQUENCE_EXTENSION = b"\0\0\1\xb5"
_WITH_CHROMA = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
"""Profiles of H.264 whose parameters say more of colours."""


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
