"""Arrays with a row for every frame of a clip of any length, kept in a file instead of in memory.

A resizable dataset of h5py would hold them too, but not in a file without a name, which a kill cannot leave behind; and
on a full disk HDF5 says so late and may crash (:mod:`pose3d.records.hdf5`).
"""

import errno
import io
import os
import tempfile
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike

CHUNK_ROWS = 1024
"""Rows that are worked on together."""


class Sliceable(Protocol):
    """An array or :class:`Rows`: anything whose slices are arrays."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice) -> np.ndarray: ...


class Rows:
    """Rows of one shape, appended at the end; slices of them (without a step) are read into new arrays.

    Args:
        folder: where they lie in a file without a name, which goes with the object or the process, however that ends;
            None: in memory.
        row_shape: shape of a row.
        dtype: type of its numbers.
    """

    def __init__(
        self, folder: str | os.PathLike | None, row_shape: tuple[int, ...] = (), dtype: DTypeLike = np.float32
    ) -> None:
        # Without a buffer, so that a full disk shows where it is written to.
        self._file = io.BytesIO() if folder is None else tempfile.TemporaryFile(dir=os.fspath(folder), buffering=0)  # noqa: SIM115
        self._row_shape, self.dtype = row_shape, np.dtype(dtype)
        self._row_bytes = self.dtype.itemsize * int(np.prod(row_shape))
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def shape(self) -> tuple[int, ...]:
        return (self._length, *self._row_shape)

    def append(self, rows: np.ndarray) -> None:
        """Add (N, ...) rows.

        Raises:
            OSError: the disk is full.
        """
        self._write(self._length, rows)
        self._length += len(rows)

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, step = rows.indices(self._length)
        if step != 1:
            raise ValueError("rows are read without a step")
        read = np.empty((max(0, stop - start), *self._row_shape), self.dtype)
        if read.size:
            self._file.seek(start * self._row_bytes)
            self._file.readinto(read.data.cast("B"))
        return read

    def __setitem__(self, rows: slice, values: np.ndarray) -> None:
        start, stop, step = rows.indices(self._length)
        if step != 1 or len(values) != stop - start:
            raise ValueError(f"{len(values)} rows do not go to {rows}")
        self._write(start, values)

    def _write(self, start: int, rows: np.ndarray) -> None:
        rows = np.ascontiguousarray(rows, self.dtype)
        if rows.shape[1:] != self._row_shape:
            raise ValueError(f"rows are of shape {self._row_shape}, not {rows.shape[1:]}")
        self._file.seek(start * self._row_bytes)
        if self._file.write(rows.tobytes()) < rows.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


RowsOrArray = np.ndarray | Rows


def chunks(n_rows: int, chunk_rows: int = CHUNK_ROWS) -> Iterator[slice]:
    """Slices that together are all of the rows, in order."""
    for start in range(0, n_rows, chunk_rows):
        yield slice(start, min(start + chunk_rows, n_rows))
