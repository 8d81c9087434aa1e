"""Changes to MP4 files of OpenCV's, whose index comes after the pictures, so that it may grow."""

import struct
from pathlib import Path

_TO_TABLES = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_ONE = 1 << 16


def _replace(path: Path, place: int, n_bytes: int, new: bytes, parents: tuple[bytes, ...]) -> None:
    """Put other bytes in place of some; the boxes around grow alike."""
    content = bytearray(path.read_bytes())
    assert content.index(b"mdat") < content.rindex(b"moov") < place
    for name in parents:
        start = content.rindex(name, 0, place) - 4
        (before,) = struct.unpack_from(">I", content, start)
        struct.pack_into(">I", content, start, before + len(new) - n_bytes)
    content[place : place + n_bytes] = new
    path.write_bytes(content)


def set_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Write x' = a x + c y, y' = b x + d y into the track's header, where the identity stands."""
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44
    assert struct.unpack_from(">9i", content, place) == (_ONE, 0, 0, 0, _ONE, 0, 0, 0, 1 << 30)
    struct.pack_into(">9i", content, place, a * _ONE, b * _ONE, 0, c * _ONE, d * _ONE, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def insert_in_entry(path: Path, boxes: bytes) -> None:
    """Add boxes to the sample entry."""
    content = path.read_bytes()
    entry = content.index(b"stsd") + 12
    (n_bytes,) = struct.unpack_from(">I", content, entry)
    _replace(path, entry + n_bytes, 0, boxes, (*_TO_TABLES, b"stsd", content[entry + 4 : entry + 8]))


def insert_in_index(path: Path, box: bytes) -> None:
    """Add a box to ``moov``."""
    content = path.read_bytes()
    start = content.rindex(b"moov") - 4
    _replace(path, start + struct.unpack_from(">I", content, start)[0], 0, box, (b"moov",))


def hide_frames(path: Path, n_frames: int) -> None:
    """Have the edit list begin that many frames later, as a cut without encoding leaves it."""
    content = bytearray(path.read_bytes())
    _, n_all, ticks = struct.unpack_from(">III", content, content.index(b"stts") + 8)
    place = content.index(b"elst") + 12  # after version and count
    lasts, start = struct.unpack_from(">Ii", content, place)
    struct.pack_into(">Ii", content, place, lasts * (n_all - n_frames) // n_all, start + n_frames * ticks)
    path.write_bytes(content)


def make_frames_uneven(path: Path) -> None:
    """Replace the table of durations (stts: all alike) by one in which they are half a step and one and a half.

    The whole lasts as long as before, for an edit list says how much of it is played.
    """
    content = bytearray(path.read_bytes())
    place = content.index(b"stts") - 4
    size, _, _, entries, n_frames, ticks = struct.unpack_from(">I4sIIII", content, place)
    assert (size, entries, n_frames) == (24, 1, 10)
    runs = [(1, ticks * (1 + 2 * (frame % 2)) // 2) for frame in range(n_frames)]
    table = struct.pack(">4sII", b"stts", 0, len(runs)) + b"".join(struct.pack(">II", *run) for run in runs)
    _replace(path, place, size, struct.pack(">I", len(table) + 4) + table, _TO_TABLES)
