"""Find the joints in every crop, in px of the full image, with a confidence for each.

Keypoints that came with the data set are passed on as they are. Subjects whose frames only train the 2D network
(``skip_subjects``) are left out.
"""

from pathlib import Path

from pose3d.config.blocks import Seed
from pose3d.config.pose2d import Infer2DParams
from pose3d.config.reading import StageParams
from pose3d.runtime.errors import run_stage
from pose3d.runtime.files import require_files

SEQUENCES = Path("data/sequences.h5")
CROPS = Path("data/crops.h5")
GIVEN_KEYPOINTS = Path("data/given_keypoints2d.h5")
MODEL = Path("data/models/pose2d.pt")
KEYPOINTS = Path("data/keypoints2d.h5")


class Params(StageParams):
    seed: Seed
    infer_2d: Infer2DParams


def main() -> None:
    params = Params.load()
    require_files(SEQUENCES, CROPS, GIVEN_KEYPOINTS, MODEL)
    from tqdm import tqdm

    from pose3d.pose2d.inference import detect_sequences, load_network
    from pose3d.records.keypoints2d import read_keypoints2d, read_layout, write_keypoints2d
    from pose3d.records.sequences import each_sequence, keys_in
    from pose3d.runtime.processes import one_process
    from pose3d.runtime.workers import worker_count
    from pose3d.training.seeds import seed_all

    keys = keys_in(SEQUENCES)
    subjects = sorted({key.split("/")[0] for key in keys} - set(params.infer_2d.skip_subjects))
    total = sum(key.split("/")[0] in subjects for key in keys)
    sequences = tqdm(each_sequence(SEQUENCES, subjects), total=total, desc="infer_2d", unit="sequence", mininterval=2)
    if keys_in(GIVEN_KEYPOINTS):
        print("the data set came with 2D keypoints: they are passed on")
        layout = read_layout(GIVEN_KEYPOINTS)
        given = ((sequence.key, read_keypoints2d(GIVEN_KEYPOINTS, [sequence], layout)[0]) for sequence in sequences)
        write_keypoints2d(KEYPOINTS, given)
    else:
        seed_all(params.seed)
        fabric = one_process()
        network, architecture = load_network(MODEL)
        model, how = fabric.setup_module(network), params.infer_2d
        detected = detect_sequences(
            model, architecture, CROPS, sequences, fabric.device, how.decode, how.flip_test, worker_count()
        )
        write_keypoints2d(KEYPOINTS, detected)


if __name__ == "__main__":
    run_stage(main)
