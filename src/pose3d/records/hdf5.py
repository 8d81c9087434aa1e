"""Opening, creating and reading the pipeline's HDF5 files."""

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

import h5py
import numpy as np

from pose3d.records.hdf5_checks import check_own_file, unreadable
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import atomic_output, require_files
from pose3d.runtime.signals import uninterrupted

if TYPE_CHECKING:
    from typing_extensions import Buffer

SCHEMA_VERSION = 2
LAYOUT = ("v110", "v110")
"""HDF5's own structures as of version 1.10: the oldest whose structures all have checksums, chunks' index as well.

What version 2 lays out anew, with ``latest``, no HDF5 1.x reads."""


class _PatientFile(io.RawIOBase):
    """A file for HDF5 to write to that keeps a write error instead of raising it inside the HDF5 library.

    When a write fails below it (a full disk), HDF5 prints pages, leaks the file and may crash the process. Here the
    first error is kept, the rest of the writing is feigned, and :func:`write_dataset` and :func:`create_hdf5` raise it.
    So it is once the file below is closed: where a signal has kept HDF5 from closing its own, it does so later. What a
    signal raises waits until HDF5 is done.
    """

    open_files: ClassVar[dict[str, "_PatientFile"]] = {}

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def __repr__(self) -> str:
        return str(self._file.name)  # what h5py reports as the name of the file

    @uninterrupted
    def write(self, data: "Buffer") -> int:
        view = memoryview(data)
        if self._writable():
            try:
                written = 0
                while written < len(view):
                    written += self._file.write(view[written:])
            except OSError as error:
                self.error = OSError(error.errno, error.strerror, str(self))
        return len(view)

    @uninterrupted
    def readinto(self, buffer: "Buffer") -> int:
        return 0 if self._file.closed else self._file.readinto(buffer)

    @uninterrupted
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return offset if self._file.closed else self._file.seek(offset, whence)

    @uninterrupted
    def truncate(self, size: int) -> int:  # type: ignore[override]  # HDF5 alone calls it, and with a size
        if self._writable():
            try:
                return self._file.truncate(size)
            except OSError as error:
                self.error = OSError(error.errno, error.strerror, str(self))
        return size

    def _writable(self) -> bool:
        return self.error is None and not self._file.closed

    def raise_error(self) -> None:
        if self.error is not None:
            raise self.error


@contextmanager
def create_hdf5(path: str | os.PathLike) -> Iterator[h5py.File]:
    """A new HDF5 file with the schema version, complete at ``path`` or not there at all.

    Raises:
        OSError: the disk is full or not writable.
    """
    with atomic_output(path) as partial, open(partial, "wb+", buffering=0) as raw:
        stream = _PatientFile(raw)
        _PatientFile.open_files[str(stream)] = stream
        try:
            with h5py.File(stream, "w", libver=LAYOUT) as file:
                file.attrs["schema_version"] = SCHEMA_VERSION
                yield file
        finally:
            del _PatientFile.open_files[str(stream)]
            stream.raise_error()


@contextmanager
def open_hdf5(path: str | os.PathLike) -> Iterator[h5py.File]:
    """Open a stage's file for reading.

    Raises:
        InputError: it is missing, truncated, damaged, of another schema version, or leads to other files.
    """
    require_files(path)
    check_own_file(path)
    try:
        file = h5py.File(path, "r")
        version = file.attrs.get("schema_version")
    except (OSError, KeyError) as error:
        raise unreadable(path, error, "delete it and run `dvc repro`") from None
    with file:
        if version != SCHEMA_VERSION:
            raise InputError(f"{path} has schema version {version}, not {SCHEMA_VERSION}: run `dvc repro` again")
        try:
            yield file
        except (OSError, KeyError) as error:
            if getattr(error, "errno", None) is not None:
                raise  # the system's, such as a full disk under an output: damage in HDF5 carries no number
            raise InputError(
                f"{path} is damaged or incomplete ({in_words(error)}): delete it and run `dvc repro`"
            ) from error


def write_dataset(group: h5py.Group, name: str, values: np.ndarray) -> None:
    """Write an array in chunks with a checksum; bytes depend on the values only.

    Args:
        group: where it is written.
        name: of the dataset.
        values: any shape and number type.

    Raises:
        OSError: the disk is full.
    """
    values = np.ascontiguousarray(values)
    if values.size:
        group.create_dataset(name, data=values, chunks=True, fletcher32=True)
    else:
        group.create_dataset(name, data=values)
    stream = _PatientFile.open_files.get(group.file.filename)
    if stream is not None:
        stream.raise_error()


def write_strings(holder: h5py.File | h5py.Group, name: str, strings: Sequence[str]) -> None:
    """Write an attribute of some strings, as UTF-8 of fixed length.

    Args:
        holder: whose attribute it is.
        name: of the attribute.
        strings: any text.
    """
    holder.attrs[name] = np.array([string.encode() for string in strings], np.bytes_)


def read_strings(holder: h5py.File | h5py.Group, name: str) -> list[str]:
    """Read strings that :func:`write_strings` wrote."""
    return [string.decode() for string in holder.attrs[name]]
