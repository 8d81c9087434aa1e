import numpy as np
import pytest
from coded_headers import avcc, exp_golomb, h264_until_fields, in_stream, unit

from pose3d.formats.coded_crop import left_crop_of


def crop(left: int | None) -> str:
    return "0" if left is None else "1" + "".join(map(exp_golomb, (left, 3, 0, 5)))


def h264(left: int | None, profile: int = 77, order: int = 2, fields: bool = False, chroma: int = 1) -> bytes:
    bits = h264_until_fields(fields, profile, order, chroma) + "0" * fields + "1" + crop(left)
    return unit(b"\x67", bits + "0")


def hevc(left: int | None, layers: int = 0, chroma: int = 1) -> bytes:
    bits = "0000" + f"{layers:03b}" + "1" + "01" * 48
    bits += "11" * layers + ("00" * (8 - layers) + "01" * 48 * layers if layers else "")
    bits += exp_golomb(0) + exp_golomb(chroma) + "0" * (chroma == 3) + exp_golomb(639) + exp_golomb(479) + crop(left)
    return unit(b"\x42\x01", bits + "0")


def in_file(codec: str, one: bytes) -> bytes:
    if codec == "h264":
        return avcc(one)
    return b"\1\1" + bytes(20) + b"\2\xa0\0\1\0\2\x40\1\xa1\0\1" + len(one).to_bytes(2, "big") + one


@pytest.mark.parametrize("wrap", [in_file, lambda _, one: in_stream(one)])
@pytest.mark.parametrize(("left", "px"), [(None, 0), (0, 0), (8, 16), (48, 96)])
def test_px_of_both_codecs(wrap, left, px):
    for order in (0, 1, 2):
        for profile in (77, 100):
            for fields in (False, True):
                assert left_crop_of("h264", wrap("h264", h264(left, profile, order, fields))) == px
    for layers in (0, 2):
        assert left_crop_of("hevc", wrap("hevc", hevc(left, layers))) == px
    assert left_crop_of("h264", wrap("h264", h264(left, 100, chroma=3))) == px // 2
    assert left_crop_of("hevc", wrap("hevc", hevc(left, chroma=3))) == px // 2


def test_what_is_damaged_cuts_nothing():
    rng = np.random.default_rng(0)
    for codec, one in (("h264", h264(8)), ("hevc", hevc(8))):
        whole = in_file(codec, one)
        assert left_crop_of(codec, whole) == 16
        assert not any(left_crop_of(codec, whole[:n_bytes]) for n_bytes in range(len(whole) - 3))
        for n_bytes in range(60):
            assert left_crop_of(codec, rng.integers(0, 256, n_bytes, np.uint8).tobytes()) >= 0
