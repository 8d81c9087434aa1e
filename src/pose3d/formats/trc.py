"""Joints as TRC, the marker files of OpenSim and of the motion capture programs that feed it.

TRC is text: the rate, the number of frames and markers and the unit, the markers' names, and for each frame its number
(from 1), its time in seconds and x, y, z of every marker, tabs between them. Axes are x right, y up, z back, as
OpenSim's models have y up. Here every joint is a marker.

A missing marker is ``nan`` three times and never empty: opensim 4.6 refuses rows that end with an empty marker, and
other readers shift what follows. The unit is metres unless millimetres are asked for: of opensim's readers only
MarkersReference converts it.
"""

import os
from pathlib import Path

import numpy as np

from pose3d.formats.motion import Motion, check_motion, check_read, late_start, names_of_others, unit_m, zeros_as_gaps
from pose3d.formats.number_rows import Lines, open_lines, read_rows, write_rows
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_output
from pose3d.runtime.rows import chunks

UNITS_M = {"m": 1.0, "mm": 0.001}
_DECIMALS = {"m": 6, "mm": 3}
_TIME_FRAMES, _TIME_SHARE = 1.5, 0.005  # by which times may be off: rounding, and 29.97 for 30
_KEYS = ("DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate", "OrigDataStartFrame")


def write_trc(path: str | os.PathLike, motion: Motion, unit: str = "m") -> None:
    """Write joints as markers, atomically, to a micrometre in either unit.

    Args:
        path: of the new file.
        motion: at least one frame.
        unit: ``m`` or ``mm``.

    Raises:
        InputError: see :func:`pose3d.formats.motion.check_motion`.
        OSError: the disk is full or not writable.
    """
    check_motion(motion, path)
    rate, n_frames, n_joints = f"{motion.fps:.9g}", len(motion), len(motion.joints)
    axes = [f"{axis}{number}" for number in range(1, 1 + n_joints) for axis in "XYZ"]
    name = os.fsencode(Path(path).name).decode("utf-8", "replace")  # it may have bytes that are no UTF-8
    header: list[list[object]] = [
        ["PathFileType", "4", "(X/Y/Z)", name],
        [*_KEYS, "OrigNumFrames"],
        [rate, rate, n_frames, n_joints, unit, rate, 1, n_frames],
        ["Frame#", "Time", *(cell for name in motion.joints for cell in (name, "", ""))],
        ["", "", *axes],
    ]
    with atomic_output(path) as partial, open(partial, "w", encoding="utf-8") as file:
        file.writelines("\t".join(map(str, line)) + "\n" for line in header)
        file.write("\n")
        for part in chunks(n_frames):
            positions = motion.positions_m[part].reshape(-1, 3 * n_joints) / UNITS_M[unit] + 0.0  # no -0
            rows = np.column_stack([motion.times_s[part], positions])
            write_rows(file, rows, _DECIMALS[unit], first_frame=1 + part.start)


def read_trc(path: str | os.PathLike) -> Motion:
    """Read a TRC file whose axes are x right, y up, z back, in m, cm or mm; markers at 0, 0, 0 are missing.

    Raises:
        InputError: the file is missing, damaged, cut off, or something else, or its times are not those of its rate;
            names the line or the frame.
    """
    with open_lines(path) as lines:
        if not (lines.next() or "").startswith("PathFileType"):
            raise lines.error("does not begin with PathFileType: give a TRC file")
        header = _header(lines.next() or "", lines.next() or "")
        fps = _number(lines, header, "DataRate")
        n_frames, n_markers = (int(_number(lines, header, key)) for key in ("NumFrames", "NumMarkers"))
        unit = header.get("Units", "")
        length_m = unit_m(unit)
        if length_m is None:
            raise lines.error(f"has the unit {unit!r}: write m, cm or mm there")
        names = names_of_others(name for name in (lines.next() or "").split("\t")[2:] if name.strip())
        if len(names) != n_markers:
            raise lines.error(f"names {len(names)} markers, but the header says {n_markers}: write the file again")
        lines.next()  # X1 Y1 Z1 ...
        rows = read_rows(lines, 2 + 3 * n_markers, n_frames)
    _check_times(path, rows[:, 1], fps)
    said = late_start(float(rows[0, 1]), fps)
    motion = Motion(names, rows[:, 2:].reshape(len(rows), n_markers, 3) * length_m, fps, said=said)
    check_read(motion, path)
    return zeros_as_gaps(motion)


def _check_times(path: str | os.PathLike, times_s: np.ndarray, fps: float) -> None:
    """Refuse another rate, and frames that are missing; times that do not ascend, as where all are 0, say nothing."""
    if not (np.diff(times_s) > 0).all():
        return
    frames = np.arange(len(times_s))
    wrong = np.abs((times_s - times_s[0]) * fps - frames) > _TIME_FRAMES + _TIME_SHARE * frames
    if wrong.any():
        frame = int(wrong.argmax())
        raise InputError(
            f"{path}: its frame {frame + 1} comes {times_s[frame] - times_s[0]:.4g} s after the first by its Time, and "
            f"{frame / fps:.4g} s by DataRate {fps:g}: correct what is wrong, and write missing frames as nan"
        )


def _header(keys: str, values: str) -> dict[str, str]:
    """What two lines say, where a value may be empty, by their tabs if both have as many."""
    by = "\t" if keys.count("\t") == values.count("\t") > 0 else None
    return {key.strip(): value.strip() for key, value in zip(keys.split(by), values.split(by), strict=False)}


def _number(lines: Lines, header: dict[str, str], key: str) -> float:
    try:
        value = float(header[key])
    except (KeyError, ValueError):
        raise lines.error(f"has no number for {key}: give a TRC file") from None
    if not 0 < value < 2**31:
        raise lines.error(f"has {value:g} for {key}: write the file again")
    return value
