"""Find the joints in every crop, in px of the full image, with a confidence for each.

Keypoints that came with the data set are passed on as they are.
"""

from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from pose3d.config.blocks import Seed
from pose3d.config.pose2d import Infer2DParams
from pose3d.config.reading import StageParams
from pose3d.pose2d.inference import detect_sequences, load_network
from pose3d.records.keypoints2d import Keypoints2D, read_keypoints2d, write_keypoints2d
from pose3d.records.sequences import PoseSequence, each_sequence, keys_in
from pose3d.runtime.errors import run_stage
from pose3d.runtime.processes import one_process
from pose3d.runtime.workers import worker_count
from pose3d.training.seeds import seed_all

SEQUENCES = Path("data/sequences.h5")
CROPS = Path("data/crops.h5")
GIVEN_KEYPOINTS = Path("data/given_keypoints2d.h5")
MODEL = Path("data/models/pose2d.pt")
KEYPOINTS = Path("data/keypoints2d.h5")


class Params(StageParams):
    seed: Seed
    infer_2d: Infer2DParams


def sequences() -> Iterator[PoseSequence]:
    """All sequences, one at a time, with a progress bar."""
    total = len(keys_in(SEQUENCES))
    return tqdm(each_sequence(SEQUENCES), total=total, desc="infer_2d", unit="sequence", mininterval=2)


def detections(params: Params) -> Iterator[tuple[str, Keypoints2D]]:
    """Key and keypoints of every sequence, detected in its crops."""
    seed_all(params.seed)
    fabric = one_process(mixed=True)
    network, architecture = load_network(MODEL)
    network = fabric.setup_module(network)
    how = params.infer_2d
    return detect_sequences(
        network, architecture, CROPS, sequences(), fabric.device, how.decode, how.flip_test, worker_count()
    )


def given_keypoints() -> Iterator[tuple[str, Keypoints2D]]:
    """Key and keypoints of every sequence, as they came with the data set."""
    for sequence in sequences():
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
