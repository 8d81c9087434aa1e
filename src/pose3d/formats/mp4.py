"""What MP4 files hold and FFmpeg hands on to nobody: sensors' tracks, and how a picture is to be shown.

MP4 and MOV are boxes in boxes: a size of 32 bits, a name of four letters, content. ``moov`` has a ``trak`` for each
track, which says where in the file its samples are: their sizes (``stsz``), how many lie in each chunk (``stsc``), and
where the chunks begin (``stco``, or ``co64`` with 64 bits). All numbers are big-endian.

References:
    ISO/IEC 14496-12, ISO base media file format: boxes 4.2, mvhd 8.2.2, tkhd 8.3.2, mdhd 8.4.2, stsd 8.5.2, stts
    8.6.1.2, ctts 8.6.1.3, elst 8.6.6, stsz 8.7.3, stsc 8.7.4, stco 8.7.5, clap 12.1.4. QuickTime File Format: keys,
    fiel.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

MAX_SAMPLE_BYTES = 2**18
"""Of metadata: a second of a GoPro's sensors has some ten kilobytes."""
_MAX_INDEX_BYTES = 2**24
"""Of ``moov``: ten hours of 60 frames a second have some 16 MB."""
_MAX_BOXES = 10_000
_MAX_SAMPLES = 4_000_000
"""Whose times are counted: ten hours of 60 frames a second have some two million."""
_MAX_XML_BYTES = 2**20
_ENTRY_BYTES = 86
"""Of a sample entry of pictures before the boxes in it."""


@dataclass(frozen=True, eq=False)
class Track:
    """One track.

    Attributes:
        handler: four letters, such as ``vide``.
        entry: name of its first sample entry, four letters, such as ``gpmd``.
        tables: content of the boxes of ``stbl`` by name.
        matrix: (2, 2), from px as stored, to the right and down, to px as shown; the movie's own is in it.
        size_px: width and height of its pictures as stored; 0, 0 where it has none.
        shown: content of the boxes of its sample entry by name, such as ``clap``.
        edits: from its time, seconds, up to which, seconds; infinite where it goes on to the end. None: as it is.
        ticks_per_s: of its times.
        respeeded: an edit plays it at another speed.
    """

    handler: bytes
    entry: bytes
    tables: dict[bytes, memoryview]
    matrix: np.ndarray = field(default_factory=lambda: np.eye(2))
    size_px: tuple[int, int] = (0, 0)
    shown: dict[bytes, memoryview] = field(default_factory=dict)
    edits: list[tuple[float, float]] | None = None
    ticks_per_s: int = 0
    respeeded: bool = False

    @property
    def upright(self) -> bool:
        """Its picture is shown as it is stored; True where it has none."""
        return bool((self.matrix == np.eye(2)).all())


def read_tracks(path: str | os.PathLike) -> list[Track]:
    """The tracks of a file; none where it is no MP4.

    Raises:
        ValueError: it is damaged.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        index = _outer(file, os.path.getsize(path), b"moov", _MAX_INDEX_BYTES)
    head = _one(index, b"mvhd")
    start = 20 if len(head) and head[0] == 1 else 12
    (ticks_per_s,) = struct.unpack_from(">I", head, start) if len(head) >= start + 4 else (0,)
    movie_matrix = _matrix(head, 48 if start == 20 else 36)
    return [_track(content, movie_matrix, ticks_per_s) for name, content in _boxes(index) if name == b"trak"]


def shown_frames(track: Track) -> int | None:
    """How many frames are to be shown, by the tables of times; None where these do not say.

    Of a file that was cut without encoding it again the tables have hidden frames as well, from which those that are
    shown are decoded.

    Raises:
        ValueError: a table is damaged.
    """
    if b"stts" not in track.tables or not track.ticks_per_s:
        return None
    runs = _numbers(track.tables, b"stts", ">u4", 2, _MAX_SAMPLES).astype(np.int64)
    n_frames = int(runs[:, 0].sum())
    if not 0 < n_frames <= _MAX_SAMPLES or track.edits is None:
        return n_frames if 0 < n_frames <= _MAX_SAMPLES else None
    ticks = np.repeat(runs[:, 1], runs[:, 0]).cumsum()
    times = np.concatenate([[0], ticks[:-1]])
    if b"ctts" in track.tables:
        later = _numbers(track.tables, b"ctts", ">i4", 2, _MAX_SAMPLES).astype(np.int64)
        if not (later[:, 0] >= 0).all() or later[:, 0].sum() > _MAX_SAMPLES:
            raise ValueError("a table of times of more frames than there are")
        shifts = np.repeat(later[:, 1], later[:, 0])[:n_frames]
        times[: len(shifts)] += shifts
    times_s, half_tick_s = times / track.ticks_per_s, 0.5 / track.ticks_per_s
    return sum(
        int(((times_s > start - half_tick_s) & (times_s < end - half_tick_s)).sum()) for start, end in track.edits
    )


def read_keys(path: str | os.PathLike) -> dict[str, str | float]:
    """What cameras and phones write of a film as keys and values, text and numbers; empty where there is none.

    Raises:
        ValueError: it is damaged.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        index = _outer(file, os.path.getsize(path), b"moov", _MAX_INDEX_BYTES)
    found: dict[str, str | float] = {}
    for content in (_one(index, b"meta"), _one(index, b"udta", b"meta")):
        # QuickTime's has no version before its boxes.
        inner = content if content[4:8] == b"hdlr" else content[4:]
        names = _key_names(_one(inner, b"keys"))
        for number, item in _boxes(_one(inner, b"ilst")):
            place, value = int.from_bytes(number, "big") - 1, _one(item, b"data")
            if 0 <= place < len(names) and len(value) >= 8:
                said = _key_value(int.from_bytes(value[:4], "big"), bytes(value[8:]))
                if said is not None:
                    found[names[place]] = said
    return found


def read_xml(path: str | os.PathLike) -> str:
    """The XML that some cameras write beside the index; empty where there is none.

    Raises:
        ValueError: it is damaged.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        content = _outer(file, os.path.getsize(path), b"meta", _MAX_XML_BYTES)
    return bytes(_one(content[4:], b"xml ")[4:]).decode("utf-8", "replace")


def _key_names(content: memoryview) -> list[str]:
    names, place = [], 8
    while place + 8 <= len(content):
        n_bytes = int.from_bytes(content[place : place + 4], "big")
        if n_bytes < 8:
            raise ValueError(f"a key of {n_bytes} bytes")
        names.append(bytes(content[place + 8 : place + n_bytes]).decode("utf-8", "replace"))
        place += n_bytes
    return names


def _key_value(kind: int, content: bytes) -> str | float | None:
    """By QuickTime's well-known types; None of another."""
    if kind == 1:
        return content.decode("utf-8", "replace")
    if kind in (23, 24) and len(content) == (4 if kind == 23 else 8):
        return float(struct.unpack(">f" if kind == 23 else ">d", content)[0])
    if kind in (21, 22, 65, 66, 67, 75, 76, 77) and 0 < len(content) <= 8:
        return float(int.from_bytes(content, "big", signed=kind in (21, 65, 66, 67)))
    return None


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


def _outer(file: BinaryIO, file_bytes: int, wanted: bytes, most_bytes: int) -> memoryview:
    """Content of the file's first box of a name; empty if there is none."""
    place = 0
    for _ in range(_MAX_BOXES):
        file.seek(place)
        header = file.read(16)
        if len(header) < 8 or (place == 0 and header[4:8] != b"ftyp"):
            break  # the end, or something else, whose bytes are no boxes
        name, start, n_bytes = _header(memoryview(header), 0, file_bytes - place)
        if name == wanted:
            if n_bytes > most_bytes:
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


def _track(content: memoryview, movie_matrix: np.ndarray, movie_ticks_per_s: int) -> Track:
    head, handler = _one(content, b"tkhd"), _one(content, b"mdia", b"hdlr")
    media = _one(content, b"mdia", b"mdhd")
    tables = dict(_boxes(_one(content, b"mdia", b"minf", b"stbl")))
    start = 52 if len(head) and head[0] == 1 else 40  # version 1 has times of 64 bits
    clock = 20 if len(media) and media[0] == 1 else 12
    (ticks_per_s,) = struct.unpack_from(">I", media, clock) if len(media) >= clock + 4 else (0,)
    entries = tables.get(b"stsd", memoryview(b""))
    edits, respeeded = _edits(_one(content, b"edts", b"elst"), ticks_per_s, movie_ticks_per_s)
    pictures = bytes(handler[8:12]) == b"vide" and len(entries) >= 8 + _ENTRY_BYTES
    return Track(
        bytes(handler[8:12]),
        bytes(entries[12:16]),
        tables,
        _matrix(head, start) @ movie_matrix,
        struct.unpack_from(">HH", entries, 40) if pictures else (0, 0),
        _entry_boxes(entries) if pictures else {},
        edits,
        ticks_per_s,
        respeeded,
    )


def _matrix(head: memoryview, start: int) -> np.ndarray:
    """(2, 2) of a header, from columns x, y to columns x, y; the identity where there is none."""
    if len(head) < start + 36:
        return np.eye(2)
    a, b, _, c, d, *_ = struct.unpack_from(">9i", head, start)  # 16 bits behind the point; rows x' = a x + c y
    return np.array([[a, c], [b, d]]) / (1 << 16)


def _entry_boxes(entries: memoryview) -> dict[bytes, memoryview]:
    """Boxes of the first sample entry; what ends with bytes that are no box, as QuickTime's do, loses those alone."""
    (n_bytes,) = struct.unpack_from(">I", entries, 8)
    found = {}
    try:
        for name, inner in _boxes(entries[8 + _ENTRY_BYTES : 8 + n_bytes]):
            found[name] = inner
    except ValueError:
        pass
    return found


def _edits(
    content: memoryview, ticks_per_s: int, movie_ticks_per_s: int
) -> tuple[list[tuple[float, float]] | None, bool]:
    """Edits of a track, and whether one plays it at another speed."""
    if len(content) < 8 or not ticks_per_s or not movie_ticks_per_s:
        return None, False
    form = ">qqi" if content[0] == 1 else ">iii"
    (count,) = struct.unpack_from(">I", content, 4)
    if count > _MAX_BOXES or 8 + count * struct.calcsize(form) > len(content):
        raise ValueError(f"an edit list of {count} edits in {len(content)} bytes")
    edits, respeeded = [], False
    for place in range(count):
        lasts, start, speed = struct.unpack_from(form, content, 8 + place * struct.calcsize(form))
        if start >= 0:  # else nothing is shown for a while
            start_s = start / ticks_per_s
            edits.append((start_s, start_s + lasts / movie_ticks_per_s if lasts > 0 else np.inf))
            respeeded |= speed != 1 << 16
    return edits or None, respeeded


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
