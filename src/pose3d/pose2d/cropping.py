"""From frames.h5 to crops.h5: the person cut out of every frame."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pose3d.config.pose2d import CropResizeParams
from pose3d.geometry.camera import crop_from_image
from pose3d.pose2d.crops import crop_from_box, encode_crops, whole_px_square
from pose3d.records.encoded_images import write_encoded_images
from pose3d.records.frames import Frames
from pose3d.records.hdf5 import create_hdf5, write_dataset
from pose3d.records.sequences import each_sequence, keys_in
from pose3d.runtime.errors import InputError
from pose3d.runtime.frame_jobs import in_order


def crop_sequences(sequences_path: Path, frames_path: Path, crops_path: Path, params: CropResizeParams) -> None:
    """Cut the crops of all sequences; of a data set without images the file is empty.

    Args:
        sequences_path, frames_path: sequences.h5 and frames.h5.
        crops_path: of the new file.
        params: how the crops are cut.

    Raises:
        InputError: a file or a frame is damaged, or the two files are not of the same sequences.
        OSError: the disk is full.
    """
    with Frames(frames_path) as frames, create_hdf5(crops_path) as crops:
        crops.attrs["size_px"] = params.size_px
        if frames.empty:
            print("the data set has no images: there is nothing to crop")
            return
        frames_in_all = sum(map(frames.count, keys_in(sequences_path)))
        with (
            closing(in_order(encode_crops, _jobs(sequences_path, frames_path, frames, params))) as parts,
            tqdm(total=frames_in_all, desc="crop_resize", unit="frame", mininterval=2) as bar,
        ):
            for sequence in each_sequence(sequences_path):
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


def _jobs(sequences_path: Path, frames_path: Path, frames: Frames, params: CropResizeParams) -> Iterator[tuple]:
    """Arguments of :func:`pose3d.pose2d.crops.encode_crops` for every part of every sequence."""
    for sequence in each_sequence(sequences_path):
        if frames.count(sequence.key) != len(sequence):
            raise InputError(
                f"{frames_path} does not hold the {len(sequence)} frames of {sequence.key}: run prepare again"
            )
        sizes_px, squares = frames.crop_sizes_px(sequence.key), None
        if sizes_px is None:
            sizes_px = np.tile([sequence.camera.width_px, sequence.camera.height_px], (len(sequence), 1))
            squares = whole_px_square(sequence.boxes_px, params.margin)
        for part in frames.parts(sequence.key):
            of_part = slice(part.start, part.stop)
            cut = (None if squares is None else squares[of_part], params.size_px, params.jpeg_quality)
            yield (frames_path.absolute(), frames.folder, sequence.key, part, *cut, sizes_px[of_part])
