"""Every block of params.yaml and of the profile at once, as ``make repro`` and ``pose3d.check_data`` check them."""

import sys

from pydantic import ConfigDict, model_validator

from pose3d.config.blocks import Seed
from pose3d.config.dataset import DatasetParams
from pose3d.config.evaluation import EvaluateParams
from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.config.pose2d import CropResizeParams, Infer2DParams, Train2DParams
from pose3d.config.reading import StageParams
from pose3d.errors import InputError


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
        for key in ("keypoints_subjects", "prior_subjects"):
            names = getattr(self.lifting, key)
            unknown = [name for name in names if name not in self.dataset.subjects.train]
            if unknown or not names:
                raise ValueError(
                    f"lifting.{key} must name subjects of dataset.subjects.train "
                    f"({', '.join(self.dataset.subjects.train)}), not {', '.join(unknown) or 'nobody'}"
                )
        return self


def main() -> None:
    """``python -m pose3d.config.all_blocks``: an error in any block is found before the first stage runs."""
    try:
        Params.load()
    except InputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
