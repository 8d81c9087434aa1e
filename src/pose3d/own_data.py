"""Where a recorded data set is that the user has on disk, and a manifest of what stood there."""

import json
import os
from pathlib import Path

from pose3d.errors import InputError
from pose3d.files import MANIFEST, atomic_folder, write_text

DATA_FOLDER_VARIABLE = "POSE3D_DATA"
LISTED_SUFFIXES = frozenset({".cdf", ".h5", ".json", ".mat", ".mp4", ".npz"})
"""Single images are left out: there may be millions, and each is named in frames.h5."""


def data_folder(configured: str | None) -> Path:
    """The folder of a recorded data set: ``dataset.folder`` of the profile or, where that is null, ``POSE3D_DATA``.

    Raises:
        InputError: neither is set, or there is no such folder.
    """
    folder = configured or os.environ.get(DATA_FOLDER_VARIABLE)
    if not folder:
        raise InputError(
            f"this profile reads your own data: set the environment variable {DATA_FOLDER_VARIABLE} "
            "(or dataset.folder in the profile) to its folder"
        )
    if not Path(folder).is_dir():
        named_by = "dataset.folder" if configured else DATA_FOLDER_VARIABLE
        raise InputError(f"{named_by} is {folder}, which is no folder; set it to where your data is")
    return Path(folder)


def list_own_files(source: str, folder: Path, output: Path) -> dict[str, int]:
    """Write ``output/manifest.json`` with the size of every file of the data set; nothing is copied.

    DVC does not watch the user's folder. A stage that depends on the manifest runs again once it was made anew and
    sizes differ.

    Returns:
        size in bytes by path relative to the folder, sorted.

    Raises:
        InputError: the folder holds no such file.
    """
    found = [
        Path(parent) / name
        for parent, _, names in os.walk(folder, followlinks=True)  # subjects may lie on several disks
        for name in names
        if Path(name).suffix in LISTED_SUFFIXES
    ]
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in sorted(found)}
    if not sizes:
        known = ", ".join(sorted(LISTED_SUFFIXES))
        raise InputError(f"{folder} holds no file of a data set ({known}); docs/datasets.md shows what belongs there")
    with atomic_folder(output) as partial:
        content = {"source": source, "files_bytes": sizes}
        write_text(partial / MANIFEST, json.dumps(content, indent=2) + "\n")
    return sizes
