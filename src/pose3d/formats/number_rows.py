"""Text files of other programs: a few lines of header, then a row of numbers for each frame.

Files may be anything, also endless: lines are read one at a time, and no more of them than fit into memory. None of
these formats has a declared encoding: a line that is no UTF-8 is taken as Latin-1.
"""

import math
import os
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import numpy as np

from pose3d.runtime.errors import InputError

MAX_LINE = 2**20
"""Characters of a line: some ten thousand numbers."""
MAX_NUMBERS = 2**27
"""Of a whole file, 1 GiB in memory: fourteen hours of 17 joints at 50 frames a second."""


class Lines:
    """The lines of an open text file, without their ends, one after the other.

    Attributes:
        number: of the line read last, from 1; 0 before the first.
    """

    def __init__(self, file: TextIO, path: str | os.PathLike) -> None:
        self._file, self.path, self.number = file, path, 0

    def next(self) -> str | None:
        """The next line, or None at the file's end.

        Raises:
            InputError: it is too long, or no text.
        """
        self.number += 1
        line = self._file.readline(MAX_LINE)
        if len(line) == MAX_LINE:
            raise self.error(f"has more than {MAX_LINE:,} characters: give a text file with a line for each frame")
        try:
            line.encode()
        except UnicodeEncodeError:  # it was no UTF-8
            if "\0" in line:
                raise self.error("is no text: give a text file") from None
            line = line.encode("utf-8", "surrogateescape").decode("latin-1")
        return line.rstrip("\r\n") if line else None

    def __iter__(self) -> Iterator[str]:
        while (line := self.next()) is not None:
            yield line

    def error(self, problem: str) -> InputError:
        """What is wrong with the line read last, and what to do, as an error to raise."""
        return InputError(f"{self.path}, line {self.number}, {problem}")


@contextmanager
def open_lines(path: str | os.PathLike) -> Iterator[Lines]:
    """Open a text file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        file = open(path, encoding="utf-8-sig", errors="surrogateescape")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a file that you may read") from None
    with file:
        yield Lines(file, path)


def read_rows(lines: Lines, n_columns: int, n_rows: int | None = None) -> np.ndarray:
    """The rows of numbers from here to the file's end, (N, n_columns) float64; blank lines are passed over.

    Args:
        lines: past the header.
        n_columns: numbers of a row, which tabs or spaces separate; "nan" is one, and so is nothing between two tabs.
        n_rows: what the header claims; None: it says nothing.

    Raises:
        InputError: a row has more or fewer numbers, or what is none or infinite; there are more or fewer rows.
    """
    numbers = array("d")
    for line in lines:
        if not line.strip():
            continue
        words = line.split("\t") if "\t" in line else line.split()
        while len(words) > n_columns and not words[-1].strip():  # some programs end rows with tabs
            words.pop()
        if len(words) != n_columns:
            raise lines.error(f"has {len(words)} numbers in place of {n_columns}: write the file again, missing as nan")
        try:
            row = [float(word) if word.strip() else math.nan for word in words]
        except ValueError:
            if "," in line:
                raise lines.error("has commas in its numbers: write points") from None
            raise lines.error("has what is no number: write the file again") from None
        if any(map(math.isinf, row)):
            raise lines.error("has an infinite number: write what is missing as nan")
        numbers.extend(row)
        if len(numbers) > MAX_NUMBERS:
            raise lines.error(f"brings more than {MAX_NUMBERS:,} numbers: give a shorter clip")
    rows = np.array(numbers, np.float64).reshape(-1, n_columns)
    if n_rows is not None and len(rows) != n_rows:
        advice = "is it cut off? Write it again" if len(rows) < n_rows else "correct that number"
        raise InputError(f"{lines.path} has {len(rows)} frames, but its header says {n_rows}: {advice}")
    return rows


def write_rows(file: TextIO, rows: np.ndarray, decimals: int, first_frame: int | None = None) -> None:
    """Write (N, C) numbers as rows with tabs between them, NaN as ``nan``.

    Args:
        file: open for writing.
        rows: times in seconds are the first column, always with six decimals.
        decimals: of the other columns.
        first_frame: number of the first row, if rows begin with one.
    """
    for index, (time_s, *row) in enumerate(rows.tolist()):
        number = [] if first_frame is None else [str(first_frame + index)]
        file.write("\t".join([*number, f"{time_s:.6f}", *(f"{value:.{decimals}f}" for value in row)]) + "\n")
