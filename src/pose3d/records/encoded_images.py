"""Encoded pictures of one sequence in an HDF5 file, one after another."""

from collections.abc import Sequence

import h5py
import numpy as np

from pose3d.records.hdf5 import write_dataset


class EncodedImages:
    """Encoded images of one sequence, read one at a time: ``images[t]`` is (N,) uint8, undecoded."""

    def __init__(self, group: h5py.Group) -> None:
        self._encoded = group["encoded"]
        self._offsets = group["offsets"][...]

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, frame: int) -> np.ndarray:
        return self._encoded[self._offsets[frame] : self._offsets[frame + 1]]


def write_encoded_images(file: h5py.File, key: str, images: Sequence[bytes]) -> h5py.Group:
    """Append a sequence's encoded images under ``key``; the group is returned for what else belongs to it.

    Args:
        file: open for writing.
        key: of the sequence.
        images: bytes of T image files.
    """
    group = file.create_group(key)
    write_dataset(group, "encoded", np.frombuffer(b"".join(images), np.uint8))
    write_dataset(group, "offsets", np.cumsum([0, *(len(image) for image in images)], dtype=np.int64))
    return group
