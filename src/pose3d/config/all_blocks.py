"""Every block of params.yaml and of the profile at once, as ``make repro`` and ``pose3d.check_data`` check them."""

from pathlib import Path

from pydantic import ConfigDict, model_validator

from pose3d.config.blocks import Seed
from pose3d.config.dataset import DatasetParams, KeypointsParams
from pose3d.config.evaluation import EvaluateParams
from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.config.pose2d import CropResizeParams, Infer2DParams, Train2DParams
from pose3d.config.reading import StageParams
from pose3d.errors import InputError, run_stage


class Params(StageParams):
    """Everything, as merged from both files; an unknown block is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: str
    seed: Seed
    dataset: DatasetParams
    crop_resize: CropResizeParams
    train_2d: Train2DParams
    infer_2d: Infer2DParams
    lifting: LiftingParams
    repnet: RepnetParams
    temporal: TemporalParams
    evaluate: EvaluateParams

    @model_validator(mode="after")
    def _prior_and_keypoints_subjects_train(self) -> "Params":
        self.lifting.require_training_subjects(self.dataset.subjects.train)
        if isinstance(self.dataset, KeypointsParams):
            self.lifting.require_3d(self.dataset.keypoints_only)
        return self


def load_and_check_files() -> Params:
    """:meth:`Params.load`, and what they name beside the data set is there.

    Raises:
        InputError: a param is wrong, or ``train_2d.init`` or a file of ``lifting.prior`` is missing, which would come
            to light hours later.
    """
    params = Params.load()
    init = params.train_2d.init
    if init is not None and not Path(init).exists():
        raise InputError(f"train_2d.init names {init}, which is missing: put it there or set init to null")
    params.lifting.require_prior_files()
    return params


def main() -> None:
    """``python -m pose3d.config.all_blocks``: an error in any block is found before the first stage runs."""
    load_and_check_files()


if __name__ == "__main__":
    run_stage(main)
