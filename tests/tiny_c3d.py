"""C3D files as other programs write them, byte by byte after the C3D user guide, for what no library here writes."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

_BLOCK = 512


def write_foreign_c3d(
    path: Path,
    points: np.ndarray,
    point: Mapping[str, str | Sequence[str]],
    rate_hz: float = 100.0,
    first: int = 1,
    analog_per_frame: int = 0,
    **numbers: Sequence[int] | float,
) -> Path:
    """Write (T, J, 3) points of no residual, in single precision.

    Args:
        point: text of the group POINT, such as LABELS and UNITS.
        first: the first frame's number; the header holds 16 bits of it, and of the last one's.
        analog_per_frame: samples of one channel, which are all 1.
        numbers: further parameters, ``POINT_LONG_FRAMES`` as a float, ``TRIAL_ACTUAL_START_FIELD`` as words.
    """
    n_frames, n_points = points.shape[:2]
    groups: dict[str, dict[str, bytes]] = {"POINT": {}, "ANALOG": {}, "TRIAL": {}}
    groups["POINT"] |= {"USED": _words(n_points), "SCALE": _float(-1), "RATE": _float(rate_hz)}
    groups["POINT"] |= {name: _text(text) for name, text in point.items()}
    if analog_per_frame:
        groups["ANALOG"] |= {"USED": _words(1), "RATE": _float(np.float32(rate_hz * analog_per_frame))}
    for name, value in numbers.items():
        group, _, key = name.partition("_")
        groups[group][key] = _float(value) if isinstance(value, float) else _words(*value)
    parameters = b""
    for number, (group, content) in enumerate(groups.items(), 1):
        parameters += struct.pack("<bb", len(group), -number) + group.encode() + struct.pack("<hB", 3, 0)
        for name, value in content.items():
            named = struct.pack("<bb", len(name), number) + name.encode()
            parameters += named + struct.pack("<h", 3 + len(value)) + value + b"\0"
    blocks = 1 + (len(parameters) + 6) // _BLOCK
    last = min(first + n_frames - 1, 65535)
    counts = n_points, analog_per_frame, min(first, 65535), last, 0
    header = struct.pack("<BB5HfHHf", 2, 80, *counts, -1, 2 + blocks, analog_per_frame, rate_hz)
    values = np.zeros((n_frames, n_points, 4), "<f4")
    values[..., :3] = points
    rows = np.concatenate([values.reshape(n_frames, -1), np.ones((n_frames, analog_per_frame), "<f4")], 1)
    data = rows.astype("<f4").tobytes()
    parts = header, struct.pack("<4B", 1, 80, blocks, 84) + parameters, data
    path.write_bytes(b"".join(part.ljust(-(-len(part) // _BLOCK) * _BLOCK, b"\0") for part in parts))
    return path


def _words(*values: int) -> bytes:
    dimensions = [len(values)] if len(values) > 1 else []
    return struct.pack(f"<bB{len(dimensions)}B{len(values)}H", 2, len(dimensions), *dimensions, *values)


def _float(value: float) -> bytes:
    return struct.pack("<bBf", 4, 0, value)


def _text(text: str | Sequence[str]) -> bytes:
    texts = [text] if isinstance(text, str) else text
    width = max(map(len, texts))
    return struct.pack("<bBBB", -1, 2, width, len(texts)) + "".join(one.ljust(width) for one in texts).encode("latin1")
