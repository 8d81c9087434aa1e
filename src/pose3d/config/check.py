"""All blocks of params.yaml, data set and size at once, as ``make repro`` and ``pose3d check-data`` check them."""

from pydantic import ConfigDict, model_validator

from pose3d.config.blocks import Seed, require_init_file
from pose3d.config.dataset import DatasetParams, EmbeddedParams, KeypointsParams
from pose3d.config.evaluation import EvaluateParams
from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.config.pose2d import CropResizeParams, Infer2DParams, Train2DParams
from pose3d.config.reading import StageParams
from pose3d.runtime.errors import run_stage


class Params(StageParams):
    """Everything, as merged from the three files; an unknown block is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str
    size: str
    seed: Seed
    dataset: DatasetParams
    embedded: EmbeddedParams
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

    @model_validator(mode="after")
    def _the_original_has_its_critic(self) -> "Params":
        for block in ("repnet", "temporal"):
            self.lifting.require_critic(block, getattr(self, block).critic_weight)
        return self


def load_and_check_files() -> Params:
    """:meth:`Params.load`, and what they name beside the data set is there.

    Raises:
        InputError: a param is wrong, or an ``init`` or a file of ``lifting.prior`` is missing, which would come to
            light hours later.
    """
    params = Params.load()
    for block in ("train_2d", "repnet", "temporal"):
        require_init_file(f"{block}.init", getattr(params, block).init)
    params.lifting.require_prior_files()
    return params


def main() -> None:
    """``python -m pose3d.config.check``: an error in any block is found before the first stage runs."""
    load_and_check_files()


if __name__ == "__main__":
    run_stage(main)
