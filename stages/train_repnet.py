"""Train the single-frame lifter: detected 2D of some subjects, unpaired 3D of others."""

from pose3d.config.blocks import Seed, require_init_file
from pose3d.config.lifting import LiftingParams, RepnetParams
from pose3d.config.reading import StageParams
from pose3d.lifting.fit import fit_lifter
from pose3d.lifting.plots import save_curves_png
from pose3d.lifting.supervision import read_supervision
from pose3d.runtime.errors import run_stage
from pose3d.runtime.processes import all_processes
from pose3d.training.checkpoint import Checkpoint, fingerprint
from pose3d.training.curves import write_curves
from pose3d.training.model_file import save_model

SEQUENCES, KEYPOINTS = "data/sequences.h5", "data/keypoints2d.h5"
MODEL = "data/models/repnet.pt"
CURVES, PICTURE = "plots/repnet/curves.csv", "plots/repnet/curves.png"


class Params(StageParams):
    seed: Seed
    lifting: LiftingParams
    repnet: RepnetParams


def main() -> None:
    params = Params.load()
    lifting, block = params.lifting, params.repnet
    require_init_file("repnet.init", block.init)
    supervision = read_supervision(SEQUENCES, KEYPOINTS, lifting)
    used = {"seed": params.seed, "lifting": lifting.model_dump(), "repnet": block.model_dump()}
    inputs = [SEQUENCES, KEYPOINTS, *lifting.prior_files, *([block.init] if block.init else [])]
    checkpoint = Checkpoint("train_repnet", fingerprint(used, inputs, __file__))
    with all_processes() as fabric:
        fitted = fit_lifter(lifting, block, supervision, params.seed, fabric, checkpoint)
    save_model(MODEL, fitted.architecture, fitted.weights)
    write_curves(CURVES, fitted.curves)
    save_curves_png(PICTURE, fitted.curves, "Single-frame lifter: unweighted loss terms")
    checkpoint.remove()


if __name__ == "__main__":
    run_stage(main)
