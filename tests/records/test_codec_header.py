import pytest
from coded_headers import avcc, h264_until_fields, in_stream, unit

from pose3d.records.codec_header import Bits, h264_parameters, read_until_fields


def test_bits_are_whole_numbers_and_counts():
    bits = Bits(bytes([0b00110_101, 0b1_0000000]))
    assert bits.count() == 5  # 00110 is 6 = 5 + 1
    assert (bits.take(3), bits.take(0), bits.take(8)) == (0b101, 0, 0b10000000)
    with pytest.raises(IndexError):
        bits.take(1)


def test_three_bytes_in_a_unit_stand_for_two():
    assert Bits(b"\0\0\3\7").take(24) == 7


@pytest.mark.parametrize("wrap", [avcc, in_stream])
@pytest.mark.parametrize(("profile", "chroma"), [(77, 1), (100, 0), (100, 3)])
@pytest.mark.parametrize("fields", [False, True])
def test_h264_up_to_its_fields(wrap, profile, chroma, fields):
    header = wrap(unit(b"\x67", h264_until_fields(fields, profile, chroma=chroma) + "101"))
    bits = h264_parameters(header)
    assert read_until_fields(bits) == (chroma, fields)
    assert bits.take(3) == 0b101


def test_a_matrix_of_scales_is_not_read():
    plain = h264_until_fields(False, profile=100)
    scaled = plain[:25] + "010" + "11" + "01" + plain[32:]  # 4:2:0, 8 bits twice, no bypass, a matrix
    with pytest.raises(ValueError, match="matrix of scales"):
        read_until_fields(h264_parameters(avcc(unit(b"\x67", scaled))))


@pytest.mark.parametrize("header", [b"", b"\1", b"\0\0\1\x09\xf0", b"no unit"])
def test_without_parameters_nothing_is_read(header):
    with pytest.raises((IndexError, ValueError)):
        read_until_fields(h264_parameters(header))
