"""Files that are either whole or not there.

The lock beside them is flock's and not filelock's, because that one leaves its file in the folder of the outputs, and
fails on network file systems that have no locks.
"""

import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pose3d.runtime.errors import InputError
from pose3d.runtime.signals import uninterrupted

_WAIT_S = 0.05
_FLUSHED_AT_ONCE = 16


@contextmanager
def exclusive(path: str | os.PathLike, wait: bool = True) -> Iterator[None]:
    """Keep every other process of this project from writing ``path`` (a file or folder, there or not) meanwhile.

    The operating system lets go of the lock when the process ends, however that comes about. A file system that has no
    locks excludes nobody.

    Args:
        wait: until another process lets go, which is said once; else raise.

    Raises:
        InputError: another process has it, and ``wait`` is false.
    """
    path = Path(path)
    lock = path.with_name(f".{path.name}.lock")
    held: list[int] = []
    said = False
    try:
        while not _try_lock(lock, held):
            if not wait:
                raise InputError(f"another run is writing {path}: wait for it, or write elsewhere")
            if not said:
                print(f"another run is writing {path}: waiting for it", file=sys.stderr, flush=True)
                said = True
            time.sleep(_WAIT_S)
        yield
    finally:
        _let_go(lock, held)


@uninterrupted
def _try_lock(lock: Path, held: list[int]) -> bool:
    """Try to take the lock. If that worked its descriptor is in ``held``, where no signal can lose it."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:
            pass  # ENOLCK, ENOSYS or EOPNOTSUPP, as on some network file systems
        if os.fstat(descriptor).st_nlink:
            held.append(descriptor)
            return True
        os.close(descriptor)  # whoever had it has removed the file meanwhile: a lock on it would exclude nobody


@uninterrupted
def _let_go(lock: Path, held: list[int]) -> None:
    if held:
        lock.unlink(missing_ok=True)
        os.close(held.pop())


def require_files(*paths: str | os.PathLike, remedy: str = "run `make repro` (or `dvc repro`) to make it") -> None:
    """Look for what another stage or command makes.

    Stages and commands do so before they import what takes seconds to load.

    Args:
        paths: of files or folders.
        remedy: how one comes to be there.

    Raises:
        InputError: names the first that is not there.
    """
    for path in paths:
        if not os.path.exists(path):
            raise InputError(f"{path} is missing: {remedy}")


def partial_path(path: Path) -> Path:
    """The path of a file or folder while it is written.

    The name is fixed, because torch.save writes the file's name into its bytes.
    """
    return path.with_name(f".{path.name}.partial")


@contextmanager
def atomic_output(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path in the same folder; on success it is flushed to disk and renamed to ``path``.

    On any failure the temporary file is removed and whatever was at ``path`` stays as it was. Of two processes that
    write one path the second waits; what it writes stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    with exclusive(path):
        try:
            yield partial
            _flush(partial)
            os.replace(partial, path)
            _flush(path.parent)
        except OSError as error:
            if error.errno is not None and error.filename is None:  # what a full disk raises names no file
                error.filename = str(path)
            raise
        finally:
            _discard_file(partial)


@contextmanager
def atomic_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary folder beside ``path``; on success its files are flushed to disk and it is renamed to ``path``.

    On failure it is removed and ``path`` stays as it was. What was there is renamed as well before it is deleted, so
    that a kill leaves nothing there rather than half of it. Two processes take turns, as for :func:`atomic_output`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    new, old = partial / "new", partial / "old"
    with exclusive(path):
        _discard_folder(partial)
        try:
            new.mkdir(parents=True)
            yield new
            with ThreadPoolExecutor(_FLUSHED_AT_ONCE) as flushing:  # the disk writes what waits for it together
                list(flushing.map(_flush, [*new.rglob("*"), new]))
            _exchange(path, old, new)
            _flush(path.parent)
        finally:
            _discard_folder(partial)


@uninterrupted
def _exchange(path: Path, old: Path, new: Path) -> None:
    if path.exists():
        os.replace(path, old)
    os.replace(new, path)


@uninterrupted
def _discard_file(partial: Path) -> None:
    partial.unlink(missing_ok=True)


@uninterrupted
def _discard_folder(partial: Path) -> None:
    shutil.rmtree(partial, ignore_errors=True)


def _flush(path: Path) -> None:
    """Have a file's content, or a folder's names, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_output(path) as partial:
        partial.write_text(text, encoding="utf-8")


def sha256_of(path: str | os.PathLike) -> str:
    """Hash of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_small_text(path: str | os.PathLike, max_bytes: int = 2**20) -> str:
    """Read UTF-8 text that people write or edit, whatever the path leads to: no more than ``max_bytes`` are read.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger, or no text.
    """
    with open(path, "rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(f"it is larger than {max_bytes / 2**20:g} MiB")
    return content.decode("utf-8")


def video_path(path: str | os.PathLike) -> str:
    """A path as OpenCV takes it for a video: FFmpeg takes what is before a colon in a name alone for a protocol.

    Raises:
        InputError: it is no UTF-8, which OpenCV does not take.

    Example:
        >>> video_path("2024-05-01T12:30:45.mp4"), video_path("/walk.mp4")
        ('./2024-05-01T12:30:45.mp4', '/walk.mp4')
    """
    name = os.path.join(os.curdir, path)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InputError(f"{path} has a name with bytes that are no UTF-8: rename the file or its folder") from None
    return name
