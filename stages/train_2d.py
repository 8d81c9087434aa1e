"""Train the 2D network on the training subjects' crops, and show how well it finds the validation subjects' joints.

Where the data set names no validation subjects, the training subjects are shown instead, and the pictures say so.
metrics/pose2d.json has the original system's 2D metric on the same crops, also where a data set has no 3D and evaluate
cannot run. A data set without images trains nothing.
"""

import json
from pathlib import Path

from pose3d.config.blocks import Seed, require_init_file
from pose3d.config.pose2d import BLAZEPOSE, Train2DParams
from pose3d.config.reading import StageParams
from pose3d.runtime.errors import run_stage
from pose3d.runtime.files import require_files, write_text

SEQUENCES = Path("data/sequences.h5")
CROPS = Path("data/crops.h5")
MODEL = Path("data/models/pose2d.pt")
METRICS = Path("metrics/pose2d.json")
PLOTS = Path("plots/pose2d")
SHOWN_CROPS = 24
NO_NETWORK = {"model": "none, because the data set has no images"}


class Params(StageParams):
    seed: Seed
    train_2d: Train2DParams


def starting_weights(settings: Train2DParams) -> list[Path]:
    """The file that the network starts from, which must be there; none where it starts from random weights."""
    require_init_file("train_2d.init", settings.init)
    if settings.init is not None:
        return [Path(settings.init)]
    if settings.network.kind != "blazepose":
        return []
    require_files(BLAZEPOSE, remedy="run stage download, with network kind blazepose in the size")
    return [BLAZEPOSE]


def train_on_nothing() -> None:
    """A data set without images trains no network: the outputs are there, and empty."""
    from pose3d.training.curves import write_curves
    from pose3d.training.model_file import save_model

    print("the data set has no images: no 2D network is trained")
    write_text(METRICS, "{}\n")
    write_curves(PLOTS / "curves.csv", [])
    save_model(MODEL, NO_NETWORK, {})


def train_network(params: Params, inputs: list[Path]) -> None:
    """Train, or go on from the checkpoint of the same params, inputs and code, and write all outputs.

    Args:
        params: all that are read.
        inputs: files that the result depends on.
    """
    from pose3d.evaluation.metrics import heatmap_pck
    from pose3d.pose2d.batches import plain_batches
    from pose3d.pose2d.crops import Crops
    from pose3d.pose2d.inference import detect, save_network
    from pose3d.pose2d.plots import save_learning_curve, save_pck_curve, save_predictions
    from pose3d.pose2d.training import MEASURED_CROPS, architecture, evenly_spaced, keypoint_errors, train
    from pose3d.records.sequences import read_sequences, read_splits
    from pose3d.runtime.processes import all_processes
    from pose3d.runtime.workers import worker_count
    from pose3d.training.checkpoint import Checkpoint, fingerprint
    from pose3d.training.curves import write_curves
    from pose3d.training.seeds import seed_all

    settings = params.train_2d
    seed_all(params.seed)
    splits = read_splits(SEQUENCES)
    measured_split = "validation" if splits["validation"] else "train"
    checkpoint = Checkpoint("train_2d", fingerprint({"seed": params.seed, **settings.model_dump()}, inputs, __file__))
    with (
        Crops(CROPS, read_sequences(SEQUENCES, splits["train"]), settings.frame_step) as training,
        Crops(CROPS, read_sequences(SEQUENCES, splits[measured_split])) as measured,
    ):
        with all_processes() as fabric:
            network, rows = train(settings, training, measured, params.seed, fabric, checkpoint)
        indices = evenly_spaced(len(measured), MEASURED_CROPS)
        detected = detect(
            network,
            plain_batches(measured, indices, settings.batch_size, worker_count()),
            fabric.device,
            "local_soft_argmax",
            settings.sigma_heatmap_px,
            flip_test=True,
        )
        shown = evenly_spaced(len(indices), SHOWN_CROPS)
        images = [measured.image_rgb(i) for i in indices[shown]]
        truth_px = measured.keypoints_px[indices]
        _, error_share = keypoint_errors(detected.keypoints_px, measured, indices)
        size_px = training.size_px

    figures = {"crops": len(indices), **heatmap_pck(detected.keypoints_px, truth_px)}
    write_text(METRICS, json.dumps({measured_split: figures}, indent=2) + "\n")
    write_curves(PLOTS / "curves.csv", rows)
    shown_as = f"{measured_split} subjects"
    save_learning_curve(rows, shown_as, PLOTS / "learning_curve.png")
    save_pck_curve(error_share, shown_as, PLOTS / "pck_curve.png")
    save_predictions(images, detected.keypoints_px[shown], truth_px[shown], PLOTS / "predictions.png")
    save_network(MODEL, architecture(settings, size_px), network)
    checkpoint.remove()


def main() -> None:
    params = Params.load()
    require_files(SEQUENCES, CROPS)
    from pose3d.records.sequences import keys_in

    if keys_in(CROPS):
        train_network(params, [SEQUENCES, CROPS, *starting_weights(params.train_2d)])
    else:
        train_on_nothing()


if __name__ == "__main__":
    run_stage(main)
