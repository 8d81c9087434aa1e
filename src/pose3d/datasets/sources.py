"""The module that reads each recorded data set."""

from typing import assert_never

from pose3d.config.dataset import (
    H36mFetchParams,
    Human36mParams,
    OriginalCropsParams,
    OriginalNpzParams,
    RecordedDataset,
    VideoPose3DParams,
)
from pose3d.datasets.h36m_fetch import H36mFetch
from pose3d.datasets.human36m import Human36m
from pose3d.datasets.original_crops import OriginalCrops
from pose3d.datasets.original_npz import OriginalNpz
from pose3d.datasets.recording import Source
from pose3d.datasets.videopose3d import VideoPose3D
from pose3d.runtime.user_data import data_folder


def open_source(dataset: RecordedDataset) -> Source:
    """The data set that block ``dataset`` names.

    Raises:
        InputError: its folder is not set, or nothing there is of this kind.
    """
    folder = data_folder(dataset.folder)
    match dataset:
        case Human36mParams():
            return Human36m(dataset, folder)
        case H36mFetchParams():
            return H36mFetch(dataset, folder)
        case VideoPose3DParams():
            return VideoPose3D(dataset, folder)
        case OriginalCropsParams():
            return OriginalCrops(dataset, folder)
        case OriginalNpzParams():
            return OriginalNpz(dataset, folder)
        case _:
            assert_never(dataset)
