"""Train the single-frame lifter: detected 2D of some subjects, unpaired 3D of others."""

from pose3d.config.blocks import Seed
from pose3d.config.lifting import LiftingParams, RepnetParams
from pose3d.config.reading import StageParams
from pose3d.lifting.training import train_lifter
from pose3d.runtime.errors import run_stage


class Params(StageParams):
    seed: Seed
    lifting: LiftingParams
    repnet: RepnetParams


def main() -> None:
    params = Params.load()
    train_lifter("repnet", params.repnet, params.lifting, params.seed, __file__, "Single-frame lifter")


if __name__ == "__main__":
    run_stage(main)
