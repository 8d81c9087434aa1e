"""Headers written bit by bit."""

import numpy as np
import pytest

from pose3d.records.interlaced import is_interlaced


def exp_golomb(number: int) -> str:
    digits = f"{number + 1:b}"
    return "0" * (len(digits) - 1) + digits


def parameters(frames_only: int, profile: int = 77, order: int = 2) -> bytes:
    """H.264's sequence parameter set up to that flag, with bytes 0 0 3 in place of 0 0 where it needs that."""
    bits = f"{profile:08b}" + "0" * 8 + f"{21:08b}" + exp_golomb(0)
    if profile == 100:
        bits += exp_golomb(1) + exp_golomb(0) * 2 + "00"
    bits += exp_golomb(0) + exp_golomb(order)
    if order == 0:
        bits += exp_golomb(4)
    elif order == 1:
        bits += "0" + exp_golomb(0) * 2 + exp_golomb(2) + exp_golomb(3) * 2
    bits += exp_golomb(3) + "0" + exp_golomb(16) + exp_golomb(29) + str(frames_only) + "1"
    bits += "0" * (-len(bits) % 8)
    content = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return b"\x67" + content.replace(b"\0\0", b"\0\0\3")


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("profile", [77, 100])
@pytest.mark.parametrize("frames_only", [0, 1])
def test_h264_as_files_and_as_streams_have_it(frames_only, profile, order):
    unit = parameters(frames_only, profile, order)
    in_file = b"\1\x4d\0\x15\xff\xe1" + len(unit).to_bytes(2, "big") + unit
    in_stream = b"\0\0\0\1\x09\xf0" + b"\0\0\0\1" + unit + b"\0\0\0\1\x68"
    assert is_interlaced("h264", in_file) == is_interlaced("h264", in_stream) == (not frames_only)


@pytest.mark.parametrize(("flags", "told"), [(0x82, True), (0x8A, False)])
def test_mpeg2(flags, told):
    assert is_interlaced("mpeg2", b"\0\0\1\xb3\x11\x01\xe0\x12\0\0\1\xb5\x14" + bytes([flags]) + b"\0\1") == told


def test_what_is_damaged_is_not_said_to_be_interlaced():
    unit = parameters(0)
    whole = b"\1\x4d\0\x15\xff\xe1" + len(unit).to_bytes(2, "big") + unit
    assert not any(is_interlaced("h264", whole[:n]) for n in range(len(whole) - 1))
    rng = np.random.default_rng(0)
    for codec in ("h264", "mpeg2"):
        for n_bytes in range(60):
            assert is_interlaced(codec, rng.integers(0, 256, n_bytes, np.uint8).tobytes()) in (True, False)
