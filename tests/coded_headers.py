"""Headers of codecs, written bit by bit."""


def exp_golomb(number: int) -> str:
    digits = f"{number + 1:b}"
    return "0" * (len(digits) - 1) + digits


def unit(name: bytes, bits: str) -> bytes:
    """A unit with its last bit 1, filled up with zeros, and with bytes 0 0 3 in place of 0 0."""
    bits += "1" + "0" * (-(len(bits) + 1) % 8)
    return name + int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\0\0", b"\0\0\3")


def h264_until_fields(fields: bool, profile: int = 77, order: int = 2, chroma: int = 1) -> str:
    """H.264's sequence parameter set up to ``frame_mbs_only_flag``, which is 0 where there may be fields."""
    bits = f"{profile:08b}" + "0" * 8 + f"{21:08b}" + exp_golomb(0)
    if profile == 100:
        bits += exp_golomb(chroma) + "0" * (chroma == 3) + exp_golomb(0) * 2 + "00"
    bits += exp_golomb(0) + exp_golomb(order)
    bits += {0: exp_golomb(4), 1: "0" + exp_golomb(0) * 2 + exp_golomb(2) + exp_golomb(3) * 2, 2: ""}[order]
    return bits + exp_golomb(3) + "0" + exp_golomb(16) + exp_golomb(29) + ("0" if fields else "1")


def avcc(parameters: bytes) -> bytes:
    """As MP4 and Matroska have them."""
    return b"\1\x4d\0\x15\xff\xe1" + len(parameters).to_bytes(2, "big") + parameters


def in_stream(parameters: bytes) -> bytes:
    """Behind another unit, and before one."""
    return b"\0\0\0\1\x09\xf0" + b"\0\0\0\1" + parameters + b"\0\0\0\1\x68"
