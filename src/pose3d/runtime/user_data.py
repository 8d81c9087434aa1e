"""The folder of a recorded data set on the user's disk."""

import os
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
        raise InputError(f"{named_by} is {folder}, which is no folder; set it to where your data is")
    return Path(folder)
