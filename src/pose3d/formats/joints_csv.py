"""Joints over time as a table: our own CSV.

One row for each frame and joint: frame (from 0), time_s, joint, and camera_x_m, camera_y_m, camera_z_m (camera space: x
right, y down, z forward) or world_x_m, world_y_m, world_z_m (z up), in metres; ``nan`` where missing. The tables of
``pose3d predict`` are read as well, which have columns for each lifter, and found; and those that a spreadsheet saved
again, with semicolons or tabs between cells and perhaps commas in numbers, and of which frames were cut.
"""

import csv
import math
import os
from array import array

import numpy as np

from pose3d.formats.even_times import even_motion
from pose3d.formats.motion import Motion, check_motion, check_read, to_ours, without_blanks
from pose3d.formats.number_rows import MAX_NUMBERS, Lines, open_lines
from pose3d.formats.pose_choice import choose_poses
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import atomic_output

_X = "_x_m"
_INDEX = ("frame", "time_s", "joint")
_FOUND = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}
"""As Python's and spreadsheets' tables have it."""


def write_joints_csv(path: str | os.PathLike, motion: Motion) -> None:
    """Write the table, atomically.

    Raises:
        InputError: see :func:`pose3d.formats.motion.check_motion`.
        OSError: the disk is full or not writable.
    """
    check_motion(motion, path)
    with atomic_output(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*_INDEX, *(f"{motion.frame}_{axis}_m" for axis in "xyz")])
        for t, pose_m in enumerate(to_ours(motion) + 0.0):
            time_s = f"{t / motion.fps:.6f}"
            for name, position in zip(motion.joints, pose_m.tolist(), strict=True):
                table.writerow([t, time_s, name, *(f"{value:.6f}" for value in position)])


def read_joints_csv(path: str | os.PathLike, frame: str | None = None, lifter: str = "temporal") -> Motion:
    """Read such a table.

    Args:
        path: of the file.
        frame: ``camera`` or ``world``; None: the world's poses if there are any.
        lifter: whose poses, of several.

    Raises:
        InputError: the file is missing, damaged, cut off, or holds no such poses; names the line.
    """
    with open_lines(path) as lines:
        try:
            first = lines.next() or ""
            parted_by = max(",;\t", key=first.count)
            header = [cell.strip() for cell in next(csv.reader([first], delimiter=parted_by, strict=True), [])]
            columns = {name: index for index, name in enumerate(header)}
            groups = {
                name[: -len(_X)]: "world" if "world" in name else "camera" for name in header if name.endswith(_X)
            }
            if not set(_INDEX) <= set(columns):
                raise lines.error("does not name the columns frame, time_s and joint: give a table of joints")
            chosen, frame = choose_poses(path, groups, frame, lifter)
            wanted = [columns.get(f"{chosen}_{axis}_m", len(header)) for axis in "xyz"]
            table = _Table(lines, [columns[name] for name in _INDEX], wanted, columns.get("found"), len(header))
            for row in csv.reader(lines, delimiter=parted_by, strict=True):
                if any(map(str.strip, row)):
                    table.add([cell.strip() if parted_by == "," else cell.strip().replace(",", ".") for cell in row])
        except csv.Error as error:
            raise lines.error(f"is no row of a table ({in_words(error)}): write the file again") from None
    joints, time_s, poses_m, found = table.finished()
    names = without_blanks(joints)
    motion = even_motion(time_s, poses_m, found, frame, names)
    check_read(motion, path)
    return motion


class _Table:
    """Rows, sorted into frames as they come."""

    def __init__(self, lines: Lines, index: list[int], wanted: list[int], found: int | None, n_cells: int) -> None:
        self._lines, self._index, self._wanted, self._found, self._n_cells = lines, index, wanted, found, n_cells
        self._names: list[str] = []
        self._times_s: list[float] = []
        self._seen: list[bool] = []
        self._numbers = array("d")
        self._n_rows, self._first = 0, 0.0

    def add(self, row: list[str]) -> None:
        """One row.

        Raises:
            InputError: it has too few or too many cells, no numbers, or comes out of order.
        """
        error = self._lines.error
        if len(row) != self._n_cells or max(self._wanted) >= self._n_cells:
            raise error(f"has {len(row)} cells under {self._n_cells} names, or the table lacks an axis: write it again")
        try:
            frame, time_s = float(row[self._index[0]]), float(row[self._index[1]])
            found = self._found is None or _FOUND[row[self._found].lower()]
            position = [float(row[column] or "nan") for column in self._wanted]
        except KeyError:
            raise error(f"has {row[self._found or 0]!r} under found: write 1 or 0 there") from None
        except ValueError:
            raise error("has what is no number: write the file again") from None
        if any(map(math.isinf, position)):
            raise error("has an infinite number: write what is missing as nan")
        name = row[self._index[2]]
        if not self._n_rows:
            self._first = frame
        if frame == self._first and len(self._names) == self._n_rows and name not in self._names:
            self._names.append(name)
        t, joint = divmod(self._n_rows, max(1, len(self._names)))
        if not self._names or (frame - self._first, name) != (t, self._names[joint]):
            out_of_order = f"has frame {frame:g} and joint {name} out of order"
            raise error(f"{out_of_order}: give all joints of each frame, in one order")
        if joint == 0:
            if not math.isfinite(time_s) or (self._times_s and time_s <= self._times_s[-1]):
                raise error(f"has the time {time_s}: times must ascend")
            self._times_s.append(time_s)
            self._seen.append(found)
        self._numbers.extend(position)
        self._n_rows += 1
        if len(self._numbers) > MAX_NUMBERS:
            raise error(f"brings more than {MAX_NUMBERS:,} numbers: give a shorter clip")

    def finished(self) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
        """The names, (T,) times, (T, J, 3) poses and (T,) whether somebody was found.

        Raises:
            InputError: there is no row, or the last frame is cut off.
        """
        if not self._n_rows or self._n_rows % len(self._names):
            raise InputError(f"{self._lines.path} ends within a frame: is it cut off? Write it again")
        poses_m = np.array(self._numbers, np.float64).reshape(-1, len(self._names), 3)
        return self._names, np.array(self._times_s), poses_m, np.array(self._seen)
