"""Train the temporal lifter: detected 2D of some subjects, unpaired 3D of others."""

from pose3d.config.blocks import Seed, require_init_file
from pose3d.config.lifting import LiftingParams, TemporalParams
from pose3d.config.reading import StageParams
from pose3d.runtime.errors import run_stage
from pose3d.runtime.files import require_files


class Params(StageParams):
    seed: Seed
    lifting: LiftingParams
    temporal: TemporalParams


def main() -> None:
    params = Params.load()
    require_files("data/sequences.h5", "data/keypoints2d.h5")
    require_init_file("temporal.init", params.temporal.init)
    params.lifting.require_prior_files()
    from pose3d.lifting.training import train_lifter

    train_lifter("temporal", params.temporal, params.lifting, params.seed, __file__, "Temporal lifter")


if __name__ == "__main__":
    run_stage(main)
