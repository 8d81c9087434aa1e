"""The folder of a recorded data set on the user's disk."""

import os
import re
import subprocess
from pathlib import Path

from pose3d.runtime.errors import InputError

DATA_FOLDER_VARIABLE = "POSE3D_DATA"


def data_folder(configured: str | None) -> Path:
    """The folder of a recorded data set: ``dataset.folder`` or, where that is null, ``POSE3D_DATA``.

    Raises:
        InputError: neither is set, or there is no such folder.
    """
    folder = configured or os.environ.get(DATA_FOLDER_VARIABLE)
    if not folder:
        raise InputError(
            f"this data set is your own: set the environment variable {DATA_FOLDER_VARIABLE} "
            "(or dataset.folder in its file of data_sets/) to its folder"
        )
    if not Path(folder).is_dir():
        named_by = "dataset.folder" if configured else DATA_FOLDER_VARIABLE
        where = "set it to where your data is"
        if re.match(r"~|\$|%", folder):
            where = "write the path out, because no ~ or variable in it is read"
        elif not Path(folder).is_absolute():
            where = f"it counts from {Path.cwd()}, and experiments of the queue run in a copy: give the whole path"
        raise InputError(f"{named_by} is {folder}, which is no folder; {where}")
    return Path(folder)


def relative_folder(configured: str | None) -> list[str]:
    """A sentence where the data's folder would not be found by experiments of the queue, which run in a copy."""
    folder, named_by = configured, "dataset.folder"
    if not configured:
        folder, named_by = os.environ.get(DATA_FOLDER_VARIABLE), DATA_FOLDER_VARIABLE
    if not folder or Path(folder).is_absolute() or not Path(folder).is_dir():
        return []  # of a folder that is not there another sentence speaks
    return [
        f"{named_by} is {folder}, which leads elsewhere from the copies that experiments of the queue run in: give the "
        f"whole path, {Path(folder).absolute()}"
    ]


def untracked_files(files: list[Path]) -> list[str]:
    """A sentence for each file that experiments of the queue would not have, because they run in a copy by git."""
    return [
        f"{file} is not in git, and experiments of the queue run without it: `git add {file}`"
        for file in files
        if _untracked(file)
    ]


def files_without_dvc(files: list[Path]) -> list[str]:
    """As :func:`untracked_files`, of large files, which DVC keeps and git knows by a small file ``<name>.dvc``."""
    said = []
    for file in files:
        pointer = Path(f"{file}.dvc")
        if _untracked(file) and _untracked(pointer):
            keep = f"`git add {pointer}`" if pointer.exists() else f"`dvc add {file}` and `git add {pointer}`"
            said.append(f"{file} is not in DVC and git, and experiments of the queue run without it: {keep}")
    return said


def _untracked(file: Path) -> bool:
    """True where git is there and does not track a file."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--", file.name], cwd=file.absolute().parent, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.returncode == 0 and not listed.stdout.strip()
