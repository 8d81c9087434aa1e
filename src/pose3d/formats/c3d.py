"""Joints as C3D, the binary files of motion capture laboratories (c3d.org), through the package c3d.

Every joint is a point. Axes are x right, y forward, z up, as most laboratories have them and POINT:X_SCREEN and
Y_SCREEN say; the unit is millimetres. A missing point has the residual -1 and zeros. All others have 0, which C3D keeps
for points that no cameras measured: the residual is a distance in the file's unit, and not the place for a detector's
confidence (ezc3d 1.7.2 would cut that to whole numbers).

Frames are numbered in 16 bits in the format's first version. Longer clips have POINT:LONG_FRAMES and
TRIAL:ACTUAL_END_FIELD, as c3d writes them, and end with their last frame: ezc3d 1.7.2 takes all up to the file's end
for frames then, the zeros that fill the last block among them. It and c3d 0.6.0 both read those.
"""

import itertools
import os
import warnings
from typing import Any

import c3d
import numpy as np

from pose3d.formats.motion import (
    Z_UP_FROM_Y_UP,
    Motion,
    check_motion,
    check_read,
    late_start,
    names_of_others,
    unit_m,
    zeros_as_gaps,
)
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import atomic_output

_MM = 1000.0
_NO_POSITIONS = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS")
"""Parameters of POINT that list what is stored as points and is no position, also as ANGLES2 and so on."""
_BLOCK_BYTES = 512
_Z_UP_FROM_SCREEN = {"+Z": np.eye(3), "+Y": Z_UP_FROM_Y_UP}
"""By what POINT:Y_SCREEN says is up."""
_NAMED = 4  # points in a sentence
_LONG = 65535
"""Frames from which on ezc3d reads to the file's end."""
MAX_BYTES = 2**31
"""Of a file that is read: forty hours of 17 joints at 50 frames a second."""
MAX_JOINTS = 255
"""What POINT:LABELS has room for."""


def write_c3d(path: str | os.PathLike, motion: Motion) -> None:
    """Write joints as points, atomically; all frames are held in memory.

    Raises:
        InputError: see :func:`pose3d.formats.motion.check_motion`; or there are more than 255 joints.
        OSError: the disk is full or not writable.
    """
    check_motion(motion, path)
    n_frames, n_joints = len(motion), len(motion.joints)
    if n_joints > MAX_JOINTS:
        raise InputError(f"{path} cannot hold {n_joints} joints: give {MAX_JOINTS} at most")
    positions_mm = motion.positions_m @ Z_UP_FROM_Y_UP.T * _MM
    missing = motion.missing
    points = np.zeros((n_frames, n_joints, 5), np.float32)
    points[..., :3] = np.where(missing[..., None], 0, positions_mm)
    points[..., 3] = np.where(missing, -1, 0)
    writer = c3d.Writer(point_rate=motion.fps, point_units="mm")
    writer.set_point_labels(motion.joints)
    writer.set_screen_axis("+X", "+Z")
    no_analog = np.zeros((0, 0), np.float32)
    for frame in points:
        writer.add_frames((frame, no_analog))
    with atomic_output(path) as partial, open(partial, "w+b") as file:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there are no analog data
            writer.write(file)
        file.flush()
        # Where a point is missing c3d 0.6.0 repeats the frame before, which some readers show.
        start = _BLOCK_BYTES * (int(writer.get("POINT:DATA_START").uint16_value) - 1)
        written = np.memmap(file, "<f4", "r+", start, (n_frames, n_joints, 4))
        written[missing, :3] = 0
        written.flush()
        if n_frames >= _LONG:
            file.truncate(start + written.nbytes)


def read_c3d(path: str | os.PathLike) -> Motion:
    """Read the points of a C3D file, of either screen axis that is up (+Y or +Z) and in m, cm or mm.

    Points at 0, 0, 0 are missing, whatever their residual. Angles, forces and the like, which lie among the points, are
    left out.

    Raises:
        InputError: the file is missing, damaged, cut off, or something else.
    """
    try:
        if os.path.getsize(path) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES / 2**30:g} GiB")
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there are no analog data
            motion = _read(c3d.Reader(file), os.path.getsize(path))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a C3D file that you may read") from None
    except Exception as error:  # whatever damage makes struct, NumPy or c3d raise
        raise InputError(f"{path} is no whole C3D file of points ({in_words(error)}): write it again") from None
    check_read(motion, path)
    return zeros_as_gaps(motion)


def _read(reader: c3d.Reader, n_bytes: int) -> Motion:
    n_points, n_frames = int(reader.point_used), int(reader.frame_count)
    word = 4 if reader.point_scale < 0 else 2
    if n_points < 1 or n_frames < 1 or n_frames * n_points * 4 * word > n_bytes:
        raise ValueError(f"it claims {n_frames} frames of {n_points} points")
    unit, up = (_text(reader.get(f"POINT:{name}")) for name in ("UNITS", "Y_SCREEN"))
    length_m = unit_m(unit)
    if length_m is None:
        raise ValueError(f"its unit is {unit!r}, not m, cm or mm")
    if (up or "+Z") not in _Z_UP_FROM_SCREEN:
        raise ValueError(f"its axis {up} is up, not +Y or +Z")
    labels = _labels(reader.get("POINT:LABELS"), n_points)
    others = _no_positions(reader)
    kept = [place for place, label in enumerate(labels) if label not in others]
    if not kept:
        raise ValueError("none of its points is a position")
    points = np.empty((n_frames, n_points, 4), np.float32)
    n_read = 0
    for _, frame, _ in reader.read_frames(copy=False):
        points[n_read] = frame[:, :4]
        n_read += 1
    if n_read < n_frames:
        raise ValueError(f"it claims {n_frames} frames and holds {n_read}")
    positions_m = points[..., :3].astype(np.float64) * length_m
    positions_m[points[..., 3] < 0] = np.nan
    rate_hz = float(reader.point_rate)
    said = [*late_start((reader.first_frame - 1) / rate_hz, rate_hz)] if rate_hz > 0 else []
    if len(kept) < n_points:
        left_out = [label for label in labels if label in others]
        more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
        listed = f"{', '.join(left_out[:_NAMED])}{more}"
        said.append(f"points that are angles, forces, moments, powers or scalars are left out: {listed}")
    positions_m = positions_m[:, kept] @ _Z_UP_FROM_SCREEN[up or "+Z"].T @ Z_UP_FROM_Y_UP
    return Motion(names_of_others(labels[place] for place in kept), positions_m, rate_hz, said=tuple(said))


def _no_positions(reader: c3d.Reader) -> set[str]:
    """Labels of the points that are no positions."""
    listed: set[str] = set()
    for kind in _NO_POSITIONS:
        for number in itertools.count(1):
            param = reader.get(f"POINT:{kind}{'' if number == 1 else number}")
            if param is None or not param.bytes:
                break
            n_labels = param.dimensions[1] if len(param.dimensions) == 2 else 1
            listed.update(_labels(param, n_labels))
    return listed - {""}


def _text(param: Any) -> str:
    return "" if param is None else param.bytes.decode("latin1").strip(" \0")


def _labels(param: Any, n_points: int) -> tuple[str, ...]:
    """Names of the points, read from the bytes, because c3d believes any dimensions."""
    if param is None or not param.dimensions or (*param.dimensions, 1)[1] < n_points or len(param.dimensions) > 2:
        raise ValueError("it does not name each of its points")
    length = param.dimensions[0]
    text = param.bytes.decode("latin1")
    return tuple(text[start : start + length].strip(" \0") for start in range(0, length * n_points, length or 1))
