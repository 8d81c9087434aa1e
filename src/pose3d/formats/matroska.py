"""How Matroska and WebM say that a video's picture is to be shown, as far as OpenCV does not hand it on.

A file is elements in elements: an identifier, a length and content; both numbers say by their first bits how many bytes
they have. ``Segment`` has ``Tracks``, with a ``TrackEntry`` for each track, and ``Tags``, into which FFmpeg copies the
keys of an MP4.

Reference:
    RFC 9559, Matroska: 5.1.4 Tracks, 5.1.8 Tags; RFC 8794, EBML: 4 VINT, 6 Element Data Size.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_HEAD_BYTES = 2**20
"""Tracks, and FFmpeg's tags, come before the pictures; what is behind so much is not looked for."""
_EBML, _SEGMENT, _TRACKS, _TRACK = 0x1A45DFA3, 0x18538067, 0x1654AE6B, 0xAE
_TAGS, _TAG, _SIMPLE, _NAME, _STRING = 0x1254C367, 0x7373, 0x67C8, 0x45A3, 0x4487
_TYPE, _CODEC, _VIDEO = 0x83, 0x86, 0xE0
_INTERLACED, _WIDTH, _HEIGHT, _PROJECTION, _YAW, _ROLL = 0x9A, 0xB0, 0xBA, 0x7670, 0x7673, 0x7675
_CROP = {"x0": 0x54CC, "y0": 0x54BB, "x1": 0x54DD, "y1": 0x54AA}
_MAX_ELEMENTS = 10_000


@dataclass(frozen=True, eq=False)
class MatroskaTrack:
    """A video track.

    Attributes:
        codec: Matroska's name, such as V_AV1.
        size_px: width and height as stored.
        aperture_px: x0, y0, x1, y1 of what is shown; None: all.
        interlaced: the file says so.
        yaw_deg, roll_deg: by which the picture is turned: yaw 180 mirrors it, roll turns it counterclockwise.
    """

    codec: str
    size_px: tuple[int, int]
    aperture_px: tuple[int, int, int, int] | None
    interlaced: bool
    yaw_deg: float
    roll_deg: float


@dataclass(frozen=True, eq=False)
class Matroska:
    """What a file says near its start.

    Attributes:
        tracks: of video, in the file's order.
        n_tracks: of all kinds.
        tags: in capitals; of several with one name the first.
    """

    tracks: tuple[MatroskaTrack, ...]
    n_tracks: int
    tags: dict[str, str]


def read_matroska(path: str | os.PathLike) -> Matroska | None:
    """What a file says; None where it is no Matroska.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD_BYTES)
    if head[:4] != _EBML.to_bytes(4, "big"):
        return None
    entries: list[bytes] = []
    tags: dict[str, str] = {}
    for segment in _all(head, _SEGMENT):
        for identifier, content in _elements(segment):
            if identifier == _TRACKS:
                entries += _all(content, _TRACK)
            elif identifier == _TAGS:
                for tag in _all(content, _TAG):
                    for simple in map(dict, map(_elements, _all(tag, _SIMPLE))):
                        name, value = (_text(simple, one) for one in (_NAME, _STRING))
                        tags.setdefault(name.upper(), value)
    videos = tuple(video for video in map(_video, entries) if video is not None)
    return Matroska(videos, len(entries), tags)


def _all(content: bytes, wanted: int) -> list[bytes]:
    return [inner for identifier, inner in _elements(content) if identifier == wanted]


def _video(entry: bytes) -> MatroskaTrack | None:
    of_track = dict(_elements(entry))
    if _whole(of_track, _TYPE) != 1 or _VIDEO not in of_track:
        return None
    video = dict(_elements(of_track[_VIDEO]))
    projection = dict(_elements(video.get(_PROJECTION, b"")))
    width, height = _whole(video, _WIDTH), _whole(video, _HEIGHT)
    cut = {side: _whole(video, name) for side, name in _CROP.items()}
    aperture = cut["x0"], cut["y0"], width - cut["x1"], height - cut["y1"]
    return MatroskaTrack(
        _text(of_track, _CODEC),
        (width, height),
        aperture if any(cut.values()) and aperture[0] < aperture[2] and aperture[1] < aperture[3] else None,
        _whole(video, _INTERLACED) == 1,
        _real(projection, _YAW),
        _real(projection, _ROLL),
    )


def _whole(elements: dict[int, bytes], name: int) -> int:
    return int.from_bytes(elements.get(name, b"")[:8], "big")


def _text(elements: dict[int, bytes], name: int) -> str:
    return elements.get(name, b"").decode("utf-8", "replace").rstrip("\0")


def _real(elements: dict[int, bytes], name: int) -> float:
    content = elements.get(name, b"")
    value = float(np.frombuffer(content, f">f{len(content)}")[0]) if len(content) in (4, 8) else 0.0
    return value if np.isfinite(value) else 0.0


def _elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Identifiers, with their markers, and contents; up to what is cut off or no element."""
    place = 0
    for _ in range(_MAX_ELEMENTS):
        n_identifier = _length(content, place)
        n_size = _length(content, place + n_identifier)
        start = place + n_identifier + n_size
        if not n_identifier or not n_size or n_identifier > 4 or start > len(content):
            return
        size = int.from_bytes(content[place + n_identifier : start], "big") & ((1 << 7 * n_size) - 1)
        if size == (1 << 7 * n_size) - 1:  # not known: up to the end
            size = len(content) - start
        yield int.from_bytes(content[place : place + n_identifier], "big"), content[start : start + size]
        place = start + size


def _length(content: bytes, place: int) -> int:
    """Bytes of the number that begins there, 1 to 8; 0 where none does."""
    return 0 if place >= len(content) else 9 - content[place].bit_length() if content[place] else 0
