"""Train the single-frame lifter: detected 2D of some subjects, unpaired 3D of others."""

from pose3d.config import load_params
from pose3d.errors import run_stage
from pose3d.lifting.fit import Supervision, fit_lifter
from pose3d.lifting.plots import save_curves_png
from pose3d.records import read_keypoints2d, read_sequences
from pose3d.training import Checkpoint, fingerprint, save_model, start_fabric, write_curves

SEQUENCES, KEYPOINTS = "data/sequences.h5", "data/keypoints2d.h5"
MODEL = "data/models/repnet.pt"
CURVES, PICTURE = "plots/repnet/curves.csv", "plots/repnet/curves.png"


def main() -> None:
    params = load_params()
    lifting, block = params.lifting, params.repnet
    sequences = read_sequences(SEQUENCES, lifting.keypoints_subjects)
    supervision = Supervision(
        sequences, read_keypoints2d(KEYPOINTS, sequences), read_sequences(SEQUENCES, lifting.prior_subjects)
    )
    used = {"seed": params.seed, "lifting": lifting.model_dump(), "repnet": block.model_dump()}
    checkpoint = Checkpoint("train_repnet", fingerprint(used, [SEQUENCES, KEYPOINTS], __file__))
    fitted = fit_lifter(lifting, block, supervision, params.seed, start_fabric().device, checkpoint)
    save_model(MODEL, fitted.architecture, fitted.weights)
    write_curves(CURVES, fitted.curves)
    save_curves_png(PICTURE, fitted.curves, "Single-frame lifter: unweighted loss terms")
    checkpoint.remove()


if __name__ == "__main__":
    run_stage(main)
