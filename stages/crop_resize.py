"""Frames to square crops of the person at the network's size, with the transform from the full image to each crop.

POSE3D_WORKERS sets the number of processes (one per CPU core by default), POSE3D_DASK_SCHEDULER a cluster in their
place; the file is the same for any number. Each holds the crops of at most two parts of 256 frames, or of two videos,
which are decoded whole and in order. Pictures that are cut already are at most resized. A data set without images
gives an empty file.
"""

from pathlib import Path

from pose3d.config.pose2d import CropResizeParams
from pose3d.config.reading import StageParams
from pose3d.runtime.errors import run_stage
from pose3d.runtime.files import require_files

SEQUENCES = Path("data/sequences.h5")
FRAMES = Path("data/frames.h5")
CROPS = Path("data/crops.h5")


class Params(StageParams):
    crop_resize: CropResizeParams


def main() -> None:
    params = Params.load()
    require_files(SEQUENCES, FRAMES)
    from pose3d.pose2d.cropping import crop_sequences

    crop_sequences(SEQUENCES, FRAMES, CROPS, params.crop_resize)


if __name__ == "__main__":
    run_stage(main)
