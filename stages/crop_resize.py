"""Frames to square crops of the person at the network's size, with the transform from the full image to each crop.

A data set without images gives an empty file.
"""

from pathlib import Path

from joblib import Parallel, delayed
from tqdm import tqdm

from pose3d.camera import crop_from_image
from pose3d.config.pose2d import CropResizeParams
from pose3d.config.reading import StageParams
from pose3d.errors import InputError, run_stage
from pose3d.frames import Frames
from pose3d.pose2d.crops import encode_crop, whole_px_square
from pose3d.records import create_hdf5, read_sequences, write_dataset, write_encoded_images
from pose3d.workers import worker_count

SEQUENCES = Path("data/sequences.h5")
FRAMES = Path("data/frames.h5")
CROPS = Path("data/crops.h5")


class Params(StageParams):
    crop_resize: CropResizeParams


def main() -> None:
    params = Params.load().crop_resize
    sequences = read_sequences(SEQUENCES)
    with (
        Frames(FRAMES) as frames,
        create_hdf5(CROPS) as crops,
        # Threads, in order: OpenCV releases Python's lock, and the bytes do not depend on how many there are.
        Parallel(n_jobs=worker_count(), prefer="threads", return_as="generator") as parallel,
    ):
        crops.attrs["size_px"] = params.size_px
        if frames.empty:
            print("the data set has no images: there is nothing to crop")
            return
        with tqdm(total=sum(map(len, sequences)), desc="crop_resize", unit="frame", mininterval=2) as bar:
            for sequence in sequences:
                if frames.count(sequence.key) != len(sequence):
                    raise InputError(
                        f"{FRAMES} does not hold the {len(sequence)} frames of {sequence.key}: run prepare again"
                    )
                names = frames.names(sequence.key)
                squares = whole_px_square(sequence.boxes_px, params.margin)
                image_size_px = (sequence.camera.width_px, sequence.camera.height_px)
                encoded = []
                for crop in parallel(
                    delayed(encode_crop)(
                        frame,
                        squares[t],
                        params.size_px,
                        params.jpeg_quality,
                        image_size_px,
                        names[t],
                    )
                    for t, frame in enumerate(frames.read(sequence.key, range(len(sequence))))
                ):
                    encoded.append(crop)
                    bar.update()
                group = write_encoded_images(crops, sequence.key, encoded)
                write_dataset(group, "crop_from_image", crop_from_image(squares, params.size_px))


if __name__ == "__main__":
    run_stage(main)
