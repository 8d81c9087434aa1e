"""Refusing HDF5 files that are more than data of their own.

HDF5 lets a file name other files (external and soft links, external storage, virtual datasets), ask for filters that
are loaded from plug-ins, and claim arrays of any size of which it holds next to nothing. No file that is read here
needs any of it.
"""

import math
import os
from functools import lru_cache

import h5py
from h5py import h5d, h5l, h5o, h5z

from pose3d.runtime.errors import InputError, in_words

MAX_UNPACKED_BYTES = 128 * 2**20
"""Of one dataset that is packed: Human3.6M's longest takes have 25 MB."""
MAX_PACKED_CHUNK_BYTES = 2**20
"""zlib unpacks a chunk to its end, at most 1032 times its size, before HDF5 compares it with what it should be."""
_UNWRITTEN_BYTES = 2**16
"""A dataset may claim this much more than is stored of it: those without rows are stored nowhere."""
_PLAIN_LAYOUTS = (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED)
_CHECKSUM_ONLY = frozenset({h5z.FILTER_FLETCHER32})
_PACKED = frozenset({h5z.FILTER_FLETCHER32, h5z.FILTER_SHUFFLE, h5z.FILTER_DEFLATE})


def check_own_file(path: str | os.PathLike) -> None:
    """Refuse what :func:`pose3d.records.hdf5.create_hdf5` cannot have made.

    Datasets are not packed there, so that no file may claim more than its size. Whole files of some thousand sequences
    take half a second; one that has not changed is checked once in a process, since some are opened for each job.

    Raises:
        InputError: it is damaged, or more than data; names the file.
    """
    status = os.stat(path)
    try:
        _check_own_file(os.path.abspath(path), status.st_ino, status.st_size, status.st_mtime_ns)
    except SystemError:
        raise  # a signal, see pose3d.runtime.errors.run_stage
    except Exception as error:  # h5py raises whatever fits the damage
        raise unreadable(path, error, "delete it and run `dvc repro`") from None


def unreadable(path: str | os.PathLike, error: Exception, advice: str) -> InputError:
    """The sentence for a file that HDF5 does not read: damaged, or in a layout of a later HDF5 than this one.

    Args:
        path: of the file.
        error: what h5py raised.
        advice: what to do about a damaged file.

    Example:
        >>> print(unreadable("a.h5", OSError("truncated file"), "fetch it again"))
        a.h5 is not a whole HDF5 file (truncated file): fetch it again
    """
    if "version number" in str(error):
        return InputError(
            f"{path} is laid out as HDF5 {h5py.version.hdf5_version} does not know: a later HDF5 probably wrote it; "
            "have it written again as this one knows it, or update this one"
        )
    return InputError(f"{path} is not a whole HDF5 file ({in_words(error)}): {advice}")


@lru_cache(maxsize=64)
def _check_own_file(path: str, _inode: int, size_bytes: int, _changed_ns: int) -> None:
    with h5py.File(path, "r") as file:
        places = check_links(file)
        stored_bytes = 0
        for name in places:
            found = h5o.open(file.id, name)
            if isinstance(found, h5d.DatasetID):
                _check_dataset(found, name.decode(errors="replace"), _CHECKSUM_ONLY)
                stored_bytes += found.get_storage_size()
    if stored_bytes > size_bytes:
        raise ValueError(f"its datasets claim {stored_bytes} bytes of the file's {size_bytes}")


def check_links(file: h5py.File) -> list[bytes]:
    """One name of each object in a file, whose links must lead to objects in it.

    Raises:
        ValueError: one leads elsewhere, or by name; says which.
    """
    names: dict[int, bytes] = {}
    odd: list[bytes] = []

    def visit(name: bytes, link: h5l.LinkInfo) -> None:
        if link.type == h5l.TYPE_HARD:
            names.setdefault(link.u, name)
        else:
            odd.append(name)

    file.id.links.visit(visit, info=True)
    if odd:
        raise ValueError(f"its {odd[0].decode(errors='replace')} is a link to something else, maybe in another file")
    return list(names.values())


def check_packed_dataset(dataset: h5py.Dataset) -> None:
    """Refuse a dataset of another's file that leads to other files or may unpack to more than memory holds.

    Raises:
        ValueError: says what is wrong, as the end of a sentence.
    """
    _check_dataset(dataset.id, dataset.name or "dataset", _PACKED)


def _check_dataset(dataset: h5d.DatasetID, name: str, admitted_filters: frozenset[int]) -> None:
    how = dataset.get_create_plist()
    if how.get_layout() not in _PLAIN_LAYOUTS or how.get_external_count():
        raise ValueError(f"its {name} is stored in other files")
    filters = [how.get_filter(i)[0] for i in range(how.get_nfilters())]
    if not admitted_filters.issuperset(filters) or len(set(filters)) < len(filters):
        raise ValueError(f"its {name} is packed in another way than data is")
    if dataset.dtype.kind not in "biufS" and h5py.check_ref_dtype(dataset.dtype) is not h5py.Reference:
        raise ValueError(f"its {name} is of another type than numbers")
    if dataset.shape is None:
        raise ValueError(f"its {name} has no shape")
    # Sides of 0 count as 1, because rows that hold nothing can be walked over as well.
    claimed_bytes = math.prod(side or 1 for side in dataset.shape) * dataset.dtype.itemsize
    held_bytes = dataset.get_storage_size() + _UNWRITTEN_BYTES
    if h5z.FILTER_DEFLATE in filters:
        held_bytes = MAX_UNPACKED_BYTES
        chunk_bytes = math.prod(how.get_chunk()) * dataset.dtype.itemsize
        packed_bytes: list[int] = []
        dataset.chunk_iter(lambda chunk: packed_bytes.append(chunk.size))
        if chunk_bytes > MAX_UNPACKED_BYTES or max(packed_bytes, default=0) > MAX_PACKED_CHUNK_BYTES:
            raise ValueError(f"its {name} is packed in pieces that are too large")
    if claimed_bytes > held_bytes:
        raise ValueError(f"its {name} claims shape {dataset.shape}, which the file does not hold")
