"""Frames to square crops of the person at the network's size, with the transform from the full image to each crop."""

from pathlib import Path

from joblib import Parallel, delayed
from tqdm import tqdm

from pose3d.camera import crop_from_image
from pose3d.config import load_params
from pose3d.errors import InputError, run_stage
from pose3d.pose2d.crops import encode_crop, whole_px_square
from pose3d.records import (
    EncodedImages,
    create_hdf5,
    open_hdf5,
    read_sequences,
    write_dataset,
    write_encoded_images,
)
from pose3d.workers import worker_count

SEQUENCES = Path("data/sequences.h5")
FRAMES = Path("data/frames.h5")
CROPS = Path("data/crops.h5")


def main() -> None:
    params = load_params()
    sequences = read_sequences(SEQUENCES)
    with (
        open_hdf5(FRAMES) as frames,
        create_hdf5(CROPS) as crops,
        # Threads, in order: OpenCV releases Python's lock, and the bytes do not depend on how many there are.
        Parallel(n_jobs=worker_count(), prefer="threads", return_as="generator") as parallel,
        tqdm(
            total=sum(len(sequence) for sequence in sequences), desc="crop_resize", unit="frame", mininterval=2
        ) as bar,
    ):
        crops.attrs["size_px"] = params.crop_resize.size_px
        for sequence in sequences:
            if sequence.key not in frames or len(images := EncodedImages(frames[sequence.key])) != len(sequence):
                raise InputError(
                    f"{FRAMES} does not hold the {len(sequence)} frames of {sequence.key}: run prepare again"
                )
            squares = whole_px_square(sequence.boxes_px, params.crop_resize.margin)
            image_size_px = (sequence.camera.width_px, sequence.camera.height_px)
            encoded = []
            for crop in parallel(
                delayed(encode_crop)(
                    images[t],
                    squares[t],
                    params.crop_resize.size_px,
                    params.crop_resize.jpeg_quality,
                    image_size_px,
                    f"{FRAMES}: {sequence.key} frame {t}",
                )
                for t in range(len(sequence))
            ):
                encoded.append(crop)
                bar.update()
            group = write_encoded_images(crops, sequence.key, encoded)
            write_dataset(group, "crop_from_image", crop_from_image(squares, params.crop_resize.size_px))


if __name__ == "__main__":
    run_stage(main)
