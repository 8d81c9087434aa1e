import numpy as np
import pytest
from coded_headers import avcc, h264_until_fields, in_stream, unit

from pose3d.records.interlaced import is_interlaced


def parameters(frames_only: int, profile: int = 77, order: int = 2) -> bytes:
    return unit(b"\x67", h264_until_fields(not frames_only, profile, order))


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("profile", [77, 100])
@pytest.mark.parametrize("frames_only", [0, 1])
def test_h264_as_files_and_as_streams_have_it(frames_only, profile, order):
    one = parameters(frames_only, profile, order)
    assert is_interlaced("h264", avcc(one)) == is_interlaced("h264", in_stream(one)) == (not frames_only)


@pytest.mark.parametrize(("flags", "told"), [(0x82, True), (0x8A, False)])
def test_mpeg2(flags, told):
    assert is_interlaced("mpeg2", b"\0\0\1\xb3\x11\x01\xe0\x12\0\0\1\xb5\x14" + bytes([flags]) + b"\0\1") == told


def test_what_is_damaged_is_not_said_to_be_interlaced():
    whole = avcc(parameters(0))
    assert not any(is_interlaced("h264", whole[:n]) for n in range(len(whole) - 1))
    rng = np.random.default_rng(0)
    for codec in ("h264", "mpeg2"):
        for n_bytes in range(60):
            assert is_interlaced(codec, rng.integers(0, 256, n_bytes, np.uint8).tobytes()) in (True, False)
