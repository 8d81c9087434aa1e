"""Which way is down, as a GoPro writes it beside its pictures.

GPMF, GoPro's metadata format, is a track ``gpmd`` of an MP4 file with about one payload a second: items of a key of
four letters, a type of one letter, the size and the number of elements, and the elements, filled up to four bytes;
big-endian. Items of type 0 have items in them: a device (``DEVC``) its streams (``STRM``). Two of these are taken, both
of 16-bit numbers with one scale for all, which does not matter to a direction:

* ``GRAV``, for each frame the direction of gravity in the axes of the camera's body: x right, y down, z forward in the
  picture that it takes, so that a level camera has 0, 1, 0. At rest it is the accelerometer's X, Z and Y in units of
  their length, which point left, up and back, and show what gravity is held up by. HERO8 writes nothing but zeros;
  later ones and the MAX fill it (gpmf-parser, issues 100, 110 and 170).
* ``IORI``, for each frame the turn from the body to the picture, which levelling and stabilising make: a quaternion,
  its real part first. Where it turns by more than :data:`_TURNED_DEG`, gravity does not tell about the picture.

The format is described at https://github.com/gopro/gpmf-parser.
"""

import os
import struct
from collections.abc import Iterator

import numpy as np

from pose3d.formats.mp4 import read_samples, read_tracks
from pose3d.geometry.rotations import unit
from pose3d.runtime.errors import InputError, in_words

_PAYLOADS = 60
"""As many are read: a minute. A camera at rest has the same gravity throughout."""
_TURNED_DEG = 3.0
_UP_IN_PICTURE = -0.17
"""y of a direction that is 10 degrees above the picture's rows: nothing lower is up in an upright picture."""


def gopro_up(path: str | os.PathLike) -> np.ndarray:
    """Direction upwards in camera space (x right, y down, z forward), (3,), by a video's own gravity.

    Raises:
        InputError: it has none, the picture is turned against it, or the file is damaged; says what to do.
    """
    try:
        tracks = read_tracks(path)
        track = next((one for one in tracks if one.entry == b"gpmd"), None)
        streams = [] if track is None else list(_streams(read_samples(path, track, _PAYLOADS)))
        gravity = _rows(streams, b"GRAV", 3)
        image = _rows(streams, b"IORI", 4)
    except (ValueError, OSError) as error:
        raise InputError(f"{path} does not tell its gravity ({in_words(error)}): give another --up") from None
    gravity = gravity[gravity.any(1)]
    if not len(gravity):
        raise InputError(f"{path} has no gravity in its metadata, as GoPros from HERO9 on write it: give another --up")
    up = -unit(np.median(unit(gravity), axis=0))
    image = image[image.any(1)]
    turned_deg = np.degrees(2 * np.arccos(np.abs(unit(image)[:, 0]).clip(0, 1))) if len(image) else np.zeros(1)
    upright = all(one.upright for one in tracks if one.handler == b"vide")
    if not upright or np.median(turned_deg) > _TURNED_DEG or not up[1] < _UP_IN_PICTURE:
        raise InputError(
            f"{path} has a picture that is turned against the camera's body, whose gravity its metadata have: give "
            "another --up"
        )
    return up


def _streams(payloads: Iterator[bytes]) -> Iterator[dict[bytes, tuple[bytes, int, memoryview]]]:
    """Items of each stream by key: type, size of an element, and content."""
    for payload in payloads:
        for key, _, _, device in _items(memoryview(payload)):
            if key == b"DEVC":
                for inner, _, _, content in _items(device):
                    if inner == b"STRM":
                        yield {name: (kind, size, data) for name, kind, size, data in _items(content)}


def _items(content: memoryview) -> Iterator[tuple[bytes, bytes, int, memoryview]]:
    place = 0
    while place + 8 <= len(content):
        key, kind, size, count = struct.unpack_from(">4scBH", content, place)
        if key == b"\0\0\0\0":  # what is left is filling
            return
        end = place + 8 + size * count
        if end > len(content):
            raise ValueError(f"an item {key!r} of {size * count} bytes where {len(content) - place - 8} are left")
        yield key, kind, size, content[place + 8 : end]
        place = end + -end % 4


def _rows(streams: list[dict[bytes, tuple[bytes, int, memoryview]]], key: bytes, width: int) -> np.ndarray:
    """(N, width) of all streams with that key, float64."""
    parts = [np.zeros((0, width))]
    for stream in streams:
        if key in stream:
            kind, size, content = stream[key]
            if (kind, size) != (b"s", 2 * width):
                raise ValueError(f"{key.decode()} in elements of {size} bytes of type {kind!r}")
            parts.append(np.frombuffer(content, ">i2").reshape(-1, width).astype(np.float64))
    return np.concatenate(parts)
