"""Elements by hand."""

import struct

import numpy as np
import pytest

from pose3d.formats.matroska import read_matroska
from pose3d.formats.video_header import read_video_header


def element(identifier: int, *content: bytes) -> bytes:
    inner = b"".join(content)
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    return name + (len(inner) | 1 << 28).to_bytes(4, "big") + inner


def whole(identifier: int, number: int) -> bytes:
    return element(identifier, number.to_bytes(2, "big"))


SOUND = element(0xAE, whole(0x83, 2), element(0x86, b"A_OPUS"))


def video(*of_video: bytes, width_px: int = 320) -> bytes:
    content = element(0xE0, whole(0xB0, width_px), whole(0xBA, 240), *of_video)
    return element(0xAE, whole(0x83, 1), element(0x86, b"V_AV1"), content)


def write_file(path, *tracks: bytes, tags: bytes = b""):
    unknown_length = b"\x18\x53\x80\x67\x01" + b"\xff" * 7
    head = element(0x1A45DFA3, b"") + unknown_length + element(0x1549A966, bytes(9))
    path.write_bytes(head + element(0x1654AE6B, *tracks) + tags)
    return path


def write(path, *of_video: bytes):
    return write_file(path, SOUND, video(*of_video))


def test_a_video_track(tmp_path):
    cut = [whole(name, n) for name, n in ((0x54CC, 10), (0x54DD, 20), (0x54BB, 6), (0x54AA, 4))]
    (one,) = read_matroska(write(tmp_path / "v.mkv", whole(0x9A, 1), *cut)).tracks
    assert (one.codec, one.size_px, one.aperture_px, one.interlaced) == ("V_AV1", (320, 240), (10, 6, 300, 236), True)
    (plain,) = read_matroska(write(tmp_path / "v.mkv", whole(0x9A, 2))).tracks
    assert (plain.aperture_px, plain.interlaced, plain.yaw_deg, plain.roll_deg) == (None, False, 0, 0)


@pytest.mark.parametrize(
    ("yaw", "roll", "matrix"),
    [
        (0, 0, ((1, 0), (0, 1))),
        (0, 90, ((0, 1), (-1, 0))),  # counterclockwise: the right edge comes to the top
        (180, 0, ((-1, 0), (0, 1))),
        (-180, 90, ((0, 1), (1, 0))),
    ],
)
def test_turns_and_mirrors(tmp_path, yaw, roll, matrix):
    angles = element(0x7673, struct.pack(">f", yaw)), element(0x7675, struct.pack(">f", roll))
    path = write(tmp_path / "v.mkv", element(0x7670, *angles))
    np.testing.assert_allclose(read_video_header(path, (320, 240), 25).matrix, matrix, atol=1e-9)
    # The only track is that of the pictures, also where they were cut; of two it is the one of their size.
    np.testing.assert_allclose(read_video_header(path, (100, 100), 25).matrix, matrix, atol=1e-9)
    two = write_file(tmp_path / "two.mkv", video(width_px=640), video(element(0x7670, *angles)))
    np.testing.assert_allclose(read_video_header(two, (320, 240), 25).matrix, matrix, atol=1e-9)
    assert read_video_header(two, (100, 100), 25).matrix is None


def test_a_crop_is_of_pictures_of_the_tracks_own_size(tmp_path):
    path = write(tmp_path / "v.mkv", whole(0x54CC, 10))
    assert read_video_header(path, (320, 240), 25).aperture_px == (10, 0, 320, 240)
    assert read_video_header(path, (310, 240), 25).aperture_px is None  # cut already


def test_the_rate_of_filming_survives_a_copy_from_mp4(tmp_path):
    def tag(name: bytes, value: bytes) -> bytes:
        return element(0x67C8, element(0x45A3, name), element(0x4487, value))

    tags = element(0x7373, tag(b"ENCODER", b"x"), tag(b"COM.ANDROID.CAPTURE.FPS", b"240.0"))
    path = write_file(tmp_path / "v.mkv", video(), tags=element(0x1254C367, tags))
    assert read_video_header(path, (320, 240), 30).slowed == 8
    path = write_file(tmp_path / "v.mkv", video(), tags=element(0x1254C367, element(0x7373, tag(b"FPS", b"240"))))
    assert read_video_header(path, (320, 240), 30).slowed is None


def test_what_is_no_matroska_or_damaged_says_nothing(tmp_path):
    path = write(tmp_path / "v.mkv")
    content = path.read_bytes()
    for n_bytes in range(len(content)):
        path.write_bytes(content[:n_bytes])
        read_matroska(path)
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(content)
        damaged[rng.integers(4, len(content))] = rng.integers(256)
        path.write_bytes(damaged)
        read_video_header(path, (320, 240), 25)
    path.write_bytes(b"RIFF" + bytes(100))
    assert read_matroska(path) is None
    assert read_video_header(write_file(path, SOUND), (0, 0), 25).codec == "sound"
