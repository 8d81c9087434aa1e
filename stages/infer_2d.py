"""Find the joints in every crop, in px of the full image, with a confidence for each.

Keypoints that came with the data set are passed on as they are.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pose3d.config.blocks import Seed
from pose3d.config.pose2d import Infer2DParams
from pose3d.config.reading import StageParams
from pose3d.errors import InputError, run_stage
from pose3d.pose2d.batches import plain_batches
from pose3d.pose2d.crops import Crops
from pose3d.pose2d.inference import detect, load_network, to_full_image
from pose3d.processes import one_process
from pose3d.records import Keypoints2D, keys_in, read_keypoints2d, read_sequences, write_keypoints2d
from pose3d.training import seed_all
from pose3d.workers import worker_count

SEQUENCES = Path("data/sequences.h5")
CROPS = Path("data/crops.h5")
GIVEN_KEYPOINTS = Path("data/given_keypoints2d.h5")
MODEL = Path("data/models/pose2d.pt")
KEYPOINTS = Path("data/keypoints2d.h5")
BATCH_SIZE = 64


class Params(StageParams):
    seed: Seed
    infer_2d: Infer2DParams


def detections(params: Params) -> Iterator[tuple[str, Keypoints2D]]:
    """Key and keypoints of every sequence, detected in its crops."""
    seed_all(params.seed)
    fabric = one_process(mixed=True)
    network, architecture = load_network(MODEL)
    network = fabric.setup_module(network)
    for sequence in tqdm(read_sequences(SEQUENCES), desc="infer_2d", unit="sequence", mininterval=2):
        with Crops(CROPS, [sequence]) as crops:
            if crops.size_px != architecture["crop_size_px"]:
                raise InputError(
                    f"{CROPS} has crops of {crops.size_px} px, {MODEL} was trained on "
                    f"{architecture['crop_size_px']} px: run train_2d again"
                )
            detected = detect(
                network,
                plain_batches(crops, np.arange(len(crops)), BATCH_SIZE, worker_count()),
                fabric.device,
                params.infer_2d.decode,
                architecture["sigma_heatmap_px"],
                params.infer_2d.flip_test,
            )
            yield sequence.key, to_full_image(detected, crops.crop_from_image)


def given_keypoints() -> Iterator[tuple[str, Keypoints2D]]:
    """Key and keypoints of every sequence, as they came with the data set."""
    for sequence in tqdm(read_sequences(SEQUENCES), desc="infer_2d", unit="sequence", mininterval=2):
        yield sequence.key, read_keypoints2d(GIVEN_KEYPOINTS, [sequence])[0]


def main() -> None:
    params = Params.load()
    if keys_in(GIVEN_KEYPOINTS):
        print("the data set came with 2D keypoints: they are passed on")
        write_keypoints2d(KEYPOINTS, given_keypoints())
    else:
        write_keypoints2d(KEYPOINTS, detections(params))


if __name__ == "__main__":
    run_stage(main)
