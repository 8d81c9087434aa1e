"""OpenSim's motion files (MOT): named columns over time, such as joint angles.

MOT is text: a header up to the line ``endheader``, a line of names of which the first is ``time``, then a row for each
moment, tabs between the numbers. Angles are in degrees or radians, as the header's ``inDegrees`` says for the whole
file; lengths are in metres, times in seconds. Missing values are ``nan``.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pose3d.formats.number_rows import Lines, open_lines, read_rows, write_rows
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_output

TIME = "time"
_MAX_HEADER_LINES = 1000


def write_mot(path: Path, times_s: np.ndarray, columns: Mapping[str, np.ndarray], in_degrees: bool = True) -> None:
    """Write columns over time as an OpenSim motion, atomically.

    Args:
        path: of the new file.
        times_s: (T,) seconds, ascending.
        columns: name to (T,) values, NaN where missing; at least one. Names have neither blanks nor tabs, and none is
            ``time``.
        in_degrees: what the file says of its angles; values are written as they are.

    Raises:
        InputError: times or a column are not as above.
        OSError: the disk is full or not writable.
    """
    times_s = np.asarray(times_s, np.float64)
    if times_s.ndim != 1 or not len(times_s) or not np.isfinite(times_s).all() or (np.diff(times_s) <= 0).any():
        raise InputError(f"{path} cannot be written: its times are not ascending seconds, one at least")
    if not columns:
        raise InputError(f"{path} cannot be written: there is no column: give one at least")
    for name, values in columns.items():
        if not name or name.split() != [name] or name == TIME:
            raise InputError(f"{path} cannot be written: {name!r} is no name of a column: use letters without blanks")
        if np.shape(values) != times_s.shape or np.isinf(values).any():
            raise InputError(
                f"{path} cannot be written: column {name} has shape {np.shape(values)} or infinite values: give one "
                f"number for each of the {len(times_s)} times"
            )
    header = [
        Path(path).stem,
        "version=1",
        f"nRows={len(times_s)}",
        f"nColumns={1 + len(columns)}",
        f"inDegrees={'yes' if in_degrees else 'no'}",
        "",
        "Times are in seconds, lengths in metres; inDegrees says whether angles are in degrees (yes) or radians (no).",
        "",
        "endheader",
        "\t".join([TIME, *columns]),
    ]
    with atomic_output(path) as partial, open(partial, "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in header)
        write_rows(file, np.column_stack([times_s, *columns.values()]), decimals=8)


def read_mot(path: str | os.PathLike) -> tuple[np.ndarray, dict[str, np.ndarray], bool]:
    """Read an OpenSim motion or storage file.

    Returns:
        (T,) times in seconds; name to (T,) values, NaN where missing; whether angles are in degrees.

    Raises:
        InputError: the file is missing, damaged, cut off, or something else; names the line.
    """
    with open_lines(path) as lines:
        header = _read_header(lines)
        names = (lines.next() or "").split("\t")
        names = [name.strip() for name in names if name.strip()]
        if names[:1] != [TIME] or len(set(names)) != len(names):
            raise lines.error(f"must have {TIME} and then names, each once: write the file again")
        if "ncolumns" in header and header["ncolumns"] != str(len(names)):
            raise lines.error(f"has {len(names)} names, but the header says {header['ncolumns']}: write the file again")
        rows = read_rows(lines, len(names))
    if not len(rows) or np.isnan(rows[:, 0]).any() or (np.diff(rows[:, 0]) <= 0).any():
        raise InputError(f"{path} has no rows, or times that do not ascend: write the file again")
    claimed = header.get("nrows", str(len(rows)))
    if claimed != str(len(rows)):
        raise InputError(f"{path} has {len(rows)} rows, but its header says {claimed}: is it cut off? Write it again")
    return rows[:, 0], dict(zip(names[1:], rows[:, 1:].T, strict=True)), header.get("indegrees", "no") == "yes"


def _read_header(lines: Lines) -> dict[str, str]:
    """Its keys, in lower case, and values, up to the line ``endheader``."""
    header: dict[str, str] = {}
    for line in lines:
        if line.strip().lower() == "endheader":
            return header
        key, equals, value = line.partition("=")
        if equals:
            header[key.strip().lower()] = value.strip().lower()
        if lines.number == _MAX_HEADER_LINES:
            break
    raise InputError(f"{lines.path} has no line endheader: give a motion (.mot) or storage (.sto) file of OpenSim")
