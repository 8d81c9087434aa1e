"""torch archives, read without running code and written whole or not at all."""

import errno
import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from pose3d.runtime.errors import FOREIGN, in_words
from pose3d.training.finite import leaves

_FOLDER = 0x10
"""Among a member's attributes, as MS-DOS has them."""


def read_archive(path: str | os.PathLike) -> Any:
    """Read a zip archive of ``torch.save`` to the CPU without running code from it.

    ``torch.load`` does not compare the archive's checksums, and a flipped bit would go unnoticed as a wrong weight.

    Raises:
        Exception: it is damaged or something else. Of such bytes zipfile and torch raise nearly every kind there is.
    """
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > os.path.getsize(path):  # it is never packed
            raise zipfile.BadZipFile("it claims to unpack to more than it holds")
        if any(member.external_attr & _FOLDER for member in archive.infolist()):  # torch would read nothing there
            raise zipfile.BadZipFile("a part of it says that it is a folder")
        damaged = archive.testzip()
    if damaged:
        raise zipfile.BadZipFile(f"wrong checksum of {damaged}")
    return read_tensors(path)


def read_tensors(path: str | os.PathLike) -> Any:
    """Read a file of ``torch.save`` in any of its formats; only the size of its tensors is checked.

    Raises:
        Exception: as of :func:`read_archive`.
    """
    content = torch.load(path, map_location="cpu", weights_only=True)
    tensors = [leaf for _, leaf in leaves(content, "", {}) if isinstance(leaf, torch.Tensor)]
    if not all(tensor.layout == torch.strided and tensor.device.type == "cpu" for tensor in tensors):
        raise TypeError("a tensor in it is no plain array")
    # A single number can be as many as one likes, and several tensors may share what the file holds once.
    held = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    repeated = any(tensor.nbytes > tensor.untyped_storage().nbytes() for tensor in tensors)
    if repeated or sum(held.values()) > os.path.getsize(path):
        raise ValueError("its tensors claim more than it holds")
    return content


def write_archive(content: dict[str, Any], path: Path) -> None:
    """``torch.save``, which says of a full disk that it got to an unexpected position.

    Raises:
        OSError: as every other writer does.
    """
    try:
        torch.save(content, path)
    except RuntimeError as error:
        raise OSError(errno.EIO, f"cannot write all of a file ({first_line(error)})", str(path)) from None


def first_line(error: Exception) -> str:
    """What went wrong, without words of Python or of libraries."""
    said = str(error).strip().split("\n")[0]
    return in_words(error) if not said or FOREIGN.search(said) else said
