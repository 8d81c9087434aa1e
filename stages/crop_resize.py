"""Frames to square crops of the person at the network's size, with the transform from the full image to each crop.

POSE3D_WORKERS sets the number of processes (one per CPU core by default), POSE3D_DASK_SCHEDULER a cluster in their
place; the file is the same for any number. Each holds the crops of at most two parts of 256 frames, or of two videos,
which are decoded whole and in order. Pictures that are cut already are at most resized. A data set without images
gives an empty file.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pose3d.config.pose2d import CropResizeParams
from pose3d.config.reading import StageParams
from pose3d.geometry.camera import crop_from_image
from pose3d.pose2d.crops import crop_from_box, encode_crops, whole_px_square
from pose3d.records.encoded_images import write_encoded_images
from pose3d.records.frames import Frames
from pose3d.records.hdf5 import create_hdf5, write_dataset
from pose3d.records.sequences import each_sequence, keys_in
from pose3d.runtime.errors import InputError, run_stage
from pose3d.runtime.frame_jobs import in_order

SEQUENCES = Path("data/sequences.h5")
FRAMES = Path("data/frames.h5")
CROPS = Path("data/crops.h5")


class Params(StageParams):
    crop_resize: CropResizeParams


def crop_jobs(frames: Frames, params: CropResizeParams) -> Iterator[tuple]:
    """Arguments of :func:`pose3d.pose2d.crops.encode_crops` for every part of every sequence."""
    for sequence in each_sequence(SEQUENCES):
        if frames.count(sequence.key) != len(sequence):
            raise InputError(f"{FRAMES} does not hold the {len(sequence)} frames of {sequence.key}: run prepare again")
        sizes_px, squares = frames.crop_sizes_px(sequence.key), None
        if sizes_px is None:
            sizes_px = np.tile([sequence.camera.width_px, sequence.camera.height_px], (len(sequence), 1))
            squares = whole_px_square(sequence.boxes_px, params.margin)
        for part in frames.parts(sequence.key):
            of_part = slice(part.start, part.stop)
            cut = (None if squares is None else squares[of_part], params.size_px, params.jpeg_quality)
            yield (FRAMES.absolute(), frames.folder, sequence.key, part, *cut, sizes_px[of_part])


def main() -> None:
    params = Params.load().crop_resize
    with Frames(FRAMES) as frames, create_hdf5(CROPS) as crops:
        crops.attrs["size_px"] = params.size_px
        if frames.empty:
            print("the data set has no images: there is nothing to crop")
            return
        frames_in_all = sum(map(frames.count, keys_in(SEQUENCES)))
        with (
            closing(in_order(encode_crops, crop_jobs(frames, params))) as parts,
            tqdm(total=frames_in_all, desc="crop_resize", unit="frame", mininterval=2) as bar,
        ):
            for sequence in each_sequence(SEQUENCES):
                encoded: list[bytes] = []
                while len(encoded) < len(sequence):
                    part = next(parts)
                    encoded += part
                    bar.update(len(part))
                group = write_encoded_images(crops, sequence.key, encoded)
                if frames.crop_sizes_px(sequence.key) is not None:
                    transforms = crop_from_box(sequence.boxes_px, params.size_px)
                else:
                    squares = whole_px_square(sequence.boxes_px, params.margin)
                    transforms = crop_from_image(squares, params.size_px)
                write_dataset(group, "crop_from_image", transforms)


if __name__ == "__main__":
    run_stage(main)
