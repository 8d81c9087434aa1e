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
import re
import warnings
from collections.abc import Iterator
from typing import Any, BinaryIO

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
from pose3d.geometry.rotations import least_rotation
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import atomic_output

_MM = 1000.0
_NO_POSITIONS = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS")
"""Parameters of POINT that list what is stored as points and is no position, also as ANGLES2 and so on."""
_BLOCK_BYTES = 512
_UP = np.array([0.0, 0.0, 1.0])
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
    """Read the points of a C3D file, whichever axis is up on its screen, in m, cm or mm; mm where it names no unit.

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
            n_bytes = os.path.getsize(path)
            motion = _read(_Reader(file, n_bytes), n_bytes)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a C3D file that you may read") from None
    except Exception as error:  # whatever damage makes struct, NumPy or c3d raise
        raise InputError(f"{path} is no whole C3D file of points ({in_words(error)}): write it again") from None
    check_read(motion, path)
    return zeros_as_gaps(motion)


class _Reader(c3d.Reader):
    """c3d's, but for numbers that c3d 0.6.0 makes of sound files: it refuses analog data at 59.94 frames a second,
    because rates in single precision do not divide evenly, and those of one channel, whose offset is no list; counts
    one frame more for each 65,536 before the first, and takes a number of frames for that of the last.
    """

    def __init__(self, file: BinaryIO, n_bytes: int) -> None:
        self._n_bytes = n_bytes
        super().__init__(file)

    @property
    def analog_rate(self) -> float:
        return float(self.point_rate) * int(self.header.analog_per_frame)

    def get_analog_transform(self) -> tuple[float, float]:
        return 1.0, 0.0  # nobody looks at analog data

    @property
    def first_frame(self) -> int:
        return self._frames()[0]

    @property
    def last_frame(self) -> int:
        return sum(self._frames()) - 1

    def _frames(self) -> tuple[int, int]:
        """The first frame's number, and how many there are.

        The header has 16 bits for the last frame, and programs that cut a recording leave some of the other numbers as
        they were: the first that says no less than the header is true, if the file is large enough or the header full.
        """
        first, last = int(self.header.first_frame), int(self.header.last_frame)
        start, end = (self._number(f"TRIAL:ACTUAL_{edge}_FIELD") for edge in ("START", "END"))
        claims = [] if start is None or end is None else [(start, end - start + 1)]
        claims += [(first, n) for name in ("LONG_FRAMES", "FRAMES") if (n := self._number(f"POINT:{name}")) is not None]
        n_frames = last - first + 1
        return next(
            (claim for claim in claims if n_frames <= claim[1] and (self._left(claim[1]) >= 0 or last == _LONG)),
            (first, n_frames),
        )

    @property
    def is_longer(self) -> bool:
        """Whether the header is full, and whole blocks follow the last frame that anything in the file counts."""
        return int(self.header.last_frame) == _LONG and self._left(self._frames()[1]) >= _BLOCK_BYTES

    def _left(self, n_frames: int) -> int:
        """Bytes of the file after so many frames; below 0 where it is too short."""
        word = 4 if self.point_scale < 0 else 2
        frame_bytes = word * (4 * int(self.point_used) + int(self.analog_used) * int(self.header.analog_per_frame))
        return self._n_bytes - _BLOCK_BYTES * (int(self.header.data_block) - 1) - n_frames * frame_bytes

    def _number(self, name: str) -> int | None:
        """Of a parameter that counts frames: one number, or two words of 16 bits, the lower one first."""
        param = self.get(name)
        if param is None or len(param.bytes) not in (2, 4):
            return None
        if len(param.bytes) == 4 and param.bytes_per_element == 4:
            return int(np.nan_to_num(param.float_value))
        words = np.atleast_1d(param.uint16_value if len(param.bytes) == 2 else param.uint16_array).ravel()
        return sum(int(word) << 16 * place for place, word in enumerate(words))


def _read(reader: _Reader, n_bytes: int) -> Motion:
    n_points, n_frames = int(reader.point_used), int(reader.frame_count)
    word = 4 if reader.point_scale < 0 else 2
    if n_points < 1 or n_frames < 1 or n_frames * n_points * 4 * word > n_bytes:
        raise ValueError(f"it claims {n_frames} frames of {n_points} points")
    unit, up = (_text(reader.get(f"POINT:{name}")) for name in ("UNITS", "Y_SCREEN"))
    length_m = unit_m(unit or "mm")
    if length_m is None:
        raise ValueError(f"its unit is {unit!r}, not m, cm or mm")
    z_up_from_screen = least_rotation(_axis(up or "+Z"), _UP)
    labels = tuple(itertools.islice(_listed(reader, "LABELS"), n_points))
    if not labels:
        raise ValueError("it names none of its points")
    labels += ("",) * (n_points - len(labels))
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
    if reader.is_longer:
        said.append(f"it counts {n_frames:,} frames, the most that its header can, and is longer: the rest is left out")
    if not unit:
        said.append("it names no unit: mm are taken, as most C3D files have them")
    if len(kept) < n_points:
        left_out = [label for label in labels if label in others]
        more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
        listed = f"{', '.join(left_out[:_NAMED])}{more}"
        said.append(f"points that are angles, forces, moments, powers or scalars are left out: {listed}")
    positions_m = positions_m[:, kept] @ z_up_from_screen.T @ Z_UP_FROM_Y_UP
    return Motion(names_of_others(labels[place] for place in kept), positions_m, rate_hz, said=tuple(said))


def _no_positions(reader: _Reader) -> set[str]:
    """Labels of the points that are no positions."""
    return {label for kind in _NO_POSITIONS for label in _listed(reader, kind)} - {""}


def _listed(reader: _Reader, kind: str) -> Iterator[str]:
    """The labels in a parameter of POINT, which has room for 255, and in those that go on with it, such as LABELS2."""
    for number in itertools.count(1):
        param = reader.get(f"POINT:{kind}{'' if number == 1 else number}")
        if param is None or not param.bytes:
            return
        yield from _labels(param)


def _axis(name: str) -> np.ndarray:
    """The direction (3,) that X_SCREEN or Y_SCREEN name, such as ``+Z``."""
    named = re.fullmatch("([+-]?)([XYZ])", name.upper())
    if not named:
        raise ValueError(f"its axis {name} is up, not +X, -X, +Y, -Y, +Z or -Z")
    return (-1.0 if named[1] == "-" else 1.0) * np.eye(3)["XYZ".index(named[2])]


def _text(param: Any) -> str:
    return "" if param is None else param.bytes.decode("latin1").strip(" \0")


def _labels(param: Any) -> Iterator[str]:
    """The names in a parameter, read from the bytes, because c3d believes any dimensions."""
    if not param.dimensions or len(param.dimensions) > 2:
        raise ValueError("it does not name its points")
    length, n_labels = (*param.dimensions, 1)[:2]
    text = param.bytes.decode("latin1")
    for place in range(n_labels):
        yield text[length * place : length * (place + 1)].strip(" \0")
