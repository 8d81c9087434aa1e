"""Writing npz archives of pickled dicts and arrays, as the original system and VideoPose3D have them.

numpy.savez has two faults here: it writes the time into the archive, so that the same data has other bytes each time,
and since NumPy 2 it names functions that the NumPy of those projects' days does not have.
"""

import io
import os
import pickle
import zipfile
from typing import Any

import numpy as np

_PROTOCOL = 3  # the last that names functions by lines of text
_RECONSTRUCT = np.empty(0).__reduce__()[0]
_OLDEST_TIME = (1980, 1, 1, 0, 0, 0)


def write_pickled_npz(path: str | os.PathLike, members: dict[str, Any]) -> None:
    """Write each value as an array that holds one pickled object; same values, same bytes.

    :func:`pose3d.records.pickled_npz.read_pickled_npz` and ``numpy.load(path, allow_pickle=True)[name].item()`` read
    it.

    Args:
        members: dicts, lists, tuples, numbers, strings and arrays of numbers by name.

    Raises:
        OSError: the disk is full or not writable.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, value in members.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy", _OLDEST_TIME), "w", force_zip64=True) as file:
                file.write(_member(value))


def _member(value: Any) -> bytes:
    holder = np.empty((), object)
    holder[()] = value
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(holder))
    _Pickler(file, _PROTOCOL).dump(holder)
    return file.getvalue()


class _Pickler(pickle._Pickler):
    """Python's pickler, which calls NumPy's function that makes arrays by the name that every NumPy knows."""

    def save_global(self, obj: Any, name: str | None = None) -> None:
        if obj is _RECONSTRUCT:
            self.write(pickle.GLOBAL + b"numpy.core.multiarray\n_reconstruct\n")
            self.memoize(obj)
        else:
            super().save_global(obj, name)
