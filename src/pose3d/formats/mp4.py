"""Tracks of MP4 files that FFmpeg hands on to nobody, such as what a camera's sensors measured.

MP4 and MOV are boxes in boxes: a size of 32 bits, a name of four letters, content. ``moov`` has a ``trak`` for each
track, which says where in the file its samples are: their sizes (``stsz``), how many lie in each chunk (``stsc``), and
where the chunks begin (``stco``, or ``co64`` with 64 bits). All numbers are big-endian.

References:
    ISO/IEC 14496-12, ISO base media file format: boxes 4.2, tkhd 8.3.2, stsd 8.5.2, stsz 8.7.3, stsc 8.7.4, stco 8.7.5.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

MAX_SAMPLE_BYTES = 2**18
"""Of metadata: a second of a GoPro's sensors has some ten kilobytes."""
_MAX_INDEX_BYTES = 2**24
"""Of ``moov``: ten hours of 60 frames a second have some 16 MB."""
_MAX_BOXES = 10_000
_UPRIGHT = (1 << 16, 0, 0, 1 << 16)
"""The first four numbers of tkhd's matrix that turn, where it turns nothing; 16 bits behind the point."""


@dataclass(frozen=True, eq=False)
class Track:
    """One track.

    Attributes:
        handler: four letters, such as ``vide``.
        entry: name of its first sample entry, four letters, such as ``gpmd``.
        upright: its picture is shown as it is stored; True where it has none.
        tables: content of the boxes of ``stbl`` by name.
    """

    handler: bytes
    entry: bytes
    upright: bool
    tables: dict[bytes, memoryview]


def read_tracks(path: str | os.PathLike) -> list[Track]:
    """The tracks of a file; none where it is no MP4.

    Raises:
        ValueError: it is damaged.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        index = _index(file, os.path.getsize(path))
    return [_track(content) for name, content in _boxes(index) if name == b"trak"]


def read_samples(path: str | os.PathLike, track: Track, most: int) -> Iterator[bytes]:
    """The first samples of a track, ``most`` of them if it has as many.

    Raises:
        ValueError: a table is damaged, or a sample is larger than :data:`MAX_SAMPLE_BYTES` or not in the file.
        OSError: it cannot be read.
    """
    file_bytes = os.path.getsize(path)
    with open(path, "rb") as file:
        for place, n_bytes in _places(track.tables, most):
            if n_bytes > MAX_SAMPLE_BYTES or place + n_bytes > file_bytes:
                raise ValueError(f"a sample of {n_bytes} bytes at byte {place} of {file_bytes}")
            file.seek(place)
            yield file.read(n_bytes)


def _index(file: BinaryIO, file_bytes: int) -> memoryview:
    """Content of ``moov``; empty if there is none."""
    place = 0
    for _ in range(_MAX_BOXES):
        file.seek(place)
        header = file.read(16)
        if len(header) < 8 or (place == 0 and header[4:8] != b"ftyp"):
            break  # the end, or something else, whose bytes are no boxes
        name, start, n_bytes = _header(memoryview(header), 0, file_bytes - place)
        if name == b"moov":
            if n_bytes > _MAX_INDEX_BYTES:
                raise ValueError(f"an index of {n_bytes} bytes")
            file.seek(place + start)
            return memoryview(file.read(n_bytes - start))
        place += n_bytes
    return memoryview(b"")


def _boxes(content: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    place = 0
    for _ in range(_MAX_BOXES):
        if place + 8 > len(content):
            return
        name, start, n_bytes = _header(content, place, len(content) - place)
        yield name, content[place + start : place + n_bytes]
        place += n_bytes
    raise ValueError(f"more than {_MAX_BOXES} boxes")


def _header(content: memoryview, place: int, left: int) -> tuple[bytes, int, int]:
    """Name, length of the header and length of a box, of which ``left`` bytes can be there."""
    n_bytes, name = struct.unpack_from(">I4s", content, place)
    start = 8
    if n_bytes == 1 and place + 16 <= len(content):
        start, n_bytes = 16, struct.unpack_from(">Q", content, place + 8)[0]
    elif n_bytes == 0:  # up to the end
        n_bytes = left
    if not start <= n_bytes <= left:
        raise ValueError(f"a box {name!r} of {n_bytes} bytes where {left} are left")
    return name, start, n_bytes


def _one(content: memoryview, *names: bytes) -> memoryview:
    """Content of the box that a path of names leads to; empty if there is none."""
    for name in names:
        content = next((inner for own, inner in _boxes(content) if own == name), memoryview(b""))
    return content


def _track(content: memoryview) -> Track:
    head, handler = _one(content, b"tkhd"), _one(content, b"mdia", b"hdlr")
    tables = dict(_boxes(_one(content, b"mdia", b"minf", b"stbl")))
    start = 52 if len(head) and head[0] == 1 else 40  # version 1 has times of 64 bits
    turned = False
    if len(head) >= start + 36:
        a, b, _, c, d, *_ = struct.unpack_from(">9i", head, start)
        turned = (a, b, c, d) != _UPRIGHT
    entries = tables.get(b"stsd", memoryview(b""))
    return Track(bytes(handler[8:12]), bytes(entries[12:16]), not turned, tables)


def _places(tables: dict[bytes, memoryview], most: int) -> Iterator[tuple[int, int]]:
    """Where samples begin in the file, and how many bytes they have."""
    wide = b"co64" in tables
    offsets = _numbers(tables, b"co64" if wide else b"stco", ">u8" if wide else ">u4", 1, most)[:, 0]
    runs = _numbers(tables, b"stsc", ">u4", 3, most)
    one_size, count = _head(tables, b"stsz", ">4xII")
    if one_size:
        sizes = [one_size] * min(count, most)
    else:
        sizes = _numbers(tables, b"stsz", ">u4", 1, most, start=8)[:, 0].tolist()
    sample = 0
    for chunk, offset in enumerate(offsets.tolist(), 1):
        before = runs[runs[:, 0] <= chunk]
        if not len(before) or not before[-1, 1]:
            raise ValueError(f"no samples in chunk {chunk}")
        for n_bytes in sizes[sample : sample + int(before[-1, 1])]:
            yield offset, n_bytes
            offset += n_bytes
            sample += 1


def _head(tables: dict[bytes, memoryview], name: bytes, form: str) -> tuple[int, ...]:
    table = tables.get(name, memoryview(b""))
    if len(table) < struct.calcsize(form):
        raise ValueError(f"a table {name!r} of {len(table)} bytes")
    return struct.unpack_from(form, table)


def _numbers(
    tables: dict[bytes, memoryview], name: bytes, form: str, columns: int, most: int, start: int = 4
) -> np.ndarray:
    """The first rows of a table whose number of rows stands at ``start``."""
    (rows,) = _head(tables, name, f">{start}xI")
    count, table = min(rows, most) * columns, tables[name]
    if start + 4 + count * np.dtype(form).itemsize > len(table):
        raise ValueError(f"a table {name!r} of {rows} rows in {len(table)} bytes")
    return np.frombuffer(table, form, count, start + 4).reshape(-1, columns)
