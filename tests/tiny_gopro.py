"""MP4 files with a track of GoPro's metadata, written by hand."""

import struct
from pathlib import Path

UPRIGHT = (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
UPSIDE_DOWN = (-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30)


def box(name: bytes, *content: bytes) -> bytes:
    inner = b"".join(content)
    return struct.pack(">I4s", 8 + len(inner), name) + inner


def item(key: bytes, kind: bytes, size: int, count: int, content: bytes) -> bytes:
    """Of GPMF, filled up to four bytes."""
    assert len(content) == size * count
    return struct.pack(">4scBH", key, kind, size, count) + content + b"\0" * (-len(content) % 4)


def stream(key: bytes, *rows: tuple[int, ...]) -> bytes:
    """A STRM of rows of 16-bit numbers."""
    numbers = b"".join(struct.pack(f">{len(row)}h", *row) for row in rows)
    scale = item(b"SCAL", b"s", 2, 1, struct.pack(">h", 32767))
    content = item(b"STNM", b"c", 1, 3, b"abc") + scale + item(key, b"s", 2 * len(rows[0]), len(rows), numbers)
    return item(b"STRM", b"\0", 1, len(content), content)


def payload(*streams: bytes) -> bytes:
    content = item(b"DVID", b"L", 4, 1, b"\0\0\0\1") + b"".join(streams)
    return item(b"DEVC", b"\0", 1, len(content), content) + b"\0" * 4


def track(handler: bytes, entry: bytes, samples: list[tuple[int, int]], matrix: tuple[int, ...] = UPRIGHT) -> bytes:
    """A trak of samples, each in a chunk of its own: where they begin in the file, and how many bytes they have."""
    n = len(samples)
    head = box(b"tkhd", bytes(12), struct.pack(">I", 9), bytes(24), struct.pack(">9i", *matrix), bytes(8))
    tables = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), box(entry, bytes(6), struct.pack(">H", 1))),
        box(b"stts", struct.pack(">IIII", 0, 1, n, 1000)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)),
        box(b"stsz", struct.pack(">III", 0, 0, n), *(struct.pack(">I", n_bytes) for _, n_bytes in samples)),
        box(b"stco", struct.pack(">II", 0, n), *(struct.pack(">I", place) for place, _ in samples)),
    )
    media = box(
        b"mdia",
        box(b"mdhd", bytes(12), struct.pack(">III", 1000, 1000 * n, 0)),
        box(b"hdlr", bytes(8), handler, bytes(12), b"GoPro MET\0"),
        box(b"minf", tables),
    )
    return box(b"trak", head, media)


def write_gopro(path: Path, *payloads: bytes, matrix: tuple[int, ...] = UPRIGHT, entry: bytes = b"gpmd") -> Path:
    """A file of metadata, and a video track without samples."""
    start = box(b"ftyp", b"mp41", bytes(4))
    places, place = [], len(start) + 8
    for one in payloads:
        places.append((place, len(one)))
        place += len(one)
    index = box(b"moov", track(b"vide", b"avc1", [], matrix), track(b"meta", entry, places))
    path.write_bytes(start + box(b"mdat", *payloads) + index)
    return path


def add_gravity(video: Path, *rows: tuple[int, int, int]) -> None:
    """Give a video of OpenCV's, which ends with its moov, a track of one payload."""
    data = video.read_bytes()
    place = data.rindex(b"moov") - 4
    assert place + struct.unpack_from(">I", data, place)[0] == len(data)
    sample = payload(stream(b"GRAV", *rows))
    content = data[place + 8 :]
    index_bytes = len(content) + len(track(b"meta", b"gpmd", [(0, 0)])) + 8
    metadata = track(b"meta", b"gpmd", [(place + index_bytes + 8, len(sample))])
    video.write_bytes(data[:place] + box(b"moov", content, metadata) + box(b"free", sample))
