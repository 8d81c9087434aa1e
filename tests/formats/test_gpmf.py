"""The direction upwards of a GoPro's metadata, worked out by hand, and what has none."""

import numpy as np
import pytest
from tiny_gopro import UPSIDE_DOWN, item, payload, stream, write_gopro

from pose3d.formats.gpmf import gopro_up
from pose3d.runtime.errors import InputError

LEVEL = stream(b"GRAV", (0, 32767, 0))


def test_a_level_camera_and_tilted_ones(tmp_path):
    """A camera that looks down sees gravity ahead of it; one that is rolled clockwise, to the right of its picture."""
    for gravity, up in (
        ((0, 32767, 0), [0, -1, 0]),
        ((0, 4000, 3000), [0, -0.8, -0.6]),
        ((-3000, 4000, 0), [0.6, -0.8, 0]),
    ):
        path = write_gopro(tmp_path / "a.mp4", payload(stream(b"GRAV", gravity)))
        np.testing.assert_allclose(gopro_up(path), up, atol=1e-9)


def test_the_middle_of_a_minute_counts_and_zeros_do_not(tmp_path):
    """A shaken frame in each payload, and one of zeros."""
    rows = [(0, 4000, 3000)] * 4 + [(0, 0, 32767), (0, 0, 0)]
    other = stream(b"ACCL", (9, 9, 9), (8, 8, 8))
    path = write_gopro(tmp_path / "a.mp4", *[payload(other, stream(b"GRAV", *rows))] * 3)
    np.testing.assert_allclose(gopro_up(path), [0, -0.8, -0.6], atol=1e-9)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\x1aE\xdf\xa3" + bytes(99)),
        lambda path: write_gopro(path, payload(LEVEL), entry=b"camm"),
        lambda path: write_gopro(path),
        lambda path: write_gopro(path, payload(stream(b"ACCL", (0, 1, 0)))),
        lambda path: write_gopro(path, payload(stream(b"GRAV", (0, 0, 0), (0, 0, 0)))),
        lambda path: write_gopro(path, payload(item(b"STRM", b"\0", 1, 8, item(b"GRAV", b"s", 6, 0, b"")))),
    ],
    ids=["empty", "WebM", "another track", "no payload", "no GRAV", "HERO8", "no rows"],
)
def test_what_has_no_gravity_is_one_sentence(tmp_path, write):
    write(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=r"a.mp4 has no gravity in its metadata, as GoPros .*: give another --up$"):
        gopro_up(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("streams", "matrix"),
    [
        ((stream(b"GRAV", (0, -32767, 0)),), None),
        ((stream(b"GRAV", (32767, 0, 0)),), None),
        ((LEVEL,), UPSIDE_DOWN),
        ((LEVEL, stream(b"IORI", (32610, 0, 0, 3212))), None),  # by 11 degrees
    ],
    ids=["upside down", "on its side", "shown upside down", "levelled"],
)
def test_a_picture_turned_against_the_body_is_one_sentence(tmp_path, streams, matrix):
    options = {} if matrix is None else {"matrix": matrix}
    path = write_gopro(tmp_path / "a.mp4", payload(*streams), **options)
    with pytest.raises(InputError, match=r"a.mp4 has a picture that is turned against the camera's body, .* --up$"):
        gopro_up(path)


def test_a_picture_that_is_steadied_a_little_is_taken(tmp_path):
    steadied = stream(b"IORI", (32767, 0, 0, 0), (32762, 300, 0, 400), (0, 0, 0, 0))
    np.testing.assert_allclose(gopro_up(write_gopro(tmp_path / "a.mp4", payload(LEVEL, steadied))), [0, -1, 0])


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        (payload(LEVEL)[:-30], "an item b'DEVC' of "),
        (item(b"DEVC", b"\0", 1, 8, b"STRM\0\1\xff\xff"), "an item b'STRM' of 65535 bytes where 0 are left"),
        (payload(stream(b"GRAV", (1, 2))), "GRAV in elements of 4 bytes of type b's'"),
        (
            payload(item(b"STRM", b"\0", 1, 20, item(b"GRAV", b"f", 12, 1, bytes(12)))),
            "GRAV in elements of 12 bytes of type b'f'",
        ),
    ],
)
def test_damage_is_one_sentence(tmp_path, damaged, said):
    path = write_gopro(tmp_path / "a.mp4", payload(LEVEL), damaged)
    with pytest.raises(InputError, match=rf"a.mp4 does not tell its gravity \({said}.*\): give another --up$"):
        gopro_up(path)


def test_any_byte_may_be_wrong(tmp_path):
    """What comes back is a direction, or one sentence."""
    path = write_gopro(tmp_path / "a.mp4", payload(LEVEL), payload(stream(b"IORI", (32767, 0, 0, 0))))
    data, rng = path.read_bytes(), np.random.default_rng(0)
    said = 0
    for place in range(0, len(data), 3):
        changed = bytearray(data)
        changed[place] = rng.integers(256)
        path.write_bytes(changed)
        try:
            assert gopro_up(path)[1] < 0
        except InputError:
            said += 1
    assert 20 < said < len(data) // 3
