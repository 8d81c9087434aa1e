"""All blocks of params.yaml, data set and size at once, as ``make repro`` and ``pose3d check-data`` check them."""

import sys
from pathlib import Path

from pydantic import ConfigDict, model_validator

from pose3d.config.blocks import Seed, require_init_file
from pose3d.config.dataset import DatasetParams, EmbeddedDataset, EmbeddedParams, KeypointsParams
from pose3d.config.evaluation import EvaluateParams
from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.config.pose2d import CropResizeParams, Infer2DParams, Train2DParams
from pose3d.config.reading import DATA_SETS_FOLDER, PARAMS_FILE, SIZES_FOLDER, StageParams, read_yaml
from pose3d.runtime.errors import InputError, run_stage
from pose3d.runtime.user_data import files_without_dvc, relative_folder, untracked_files

BLOCKS = {
    "params": {"data", "size", "seed", "crop_resize", "infer_2d", "lifting", "repnet", "temporal", "evaluate"},
    "data_sets": {"dataset", "train_2d", "infer_2d", "lifting", "repnet", "temporal"},
    "sizes": {"embedded", "crop_resize", "train_2d", "repnet", "temporal"},
}
"""Blocks of each of the three files, as dvc.yaml watches them."""
_ORIGINAL_REPROJECTION = {
    "repnet": "reproj_weight_start 100 and reproj_weight 10000",
    "temporal": "100 for it and reproj_weight_start",
}


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
    def _keypoints_that_are_read_are_found(self) -> "Params":
        paired = self.lifting.paired
        taught = {*self.lifting.keypoints_subjects, *(paired.subjects if paired else ())}
        self.infer_2d.require_unread_skipped(self.dataset.subjects.train, taught)
        return self

    @model_validator(mode="after")
    def _the_original_has_its_own_settings(self) -> "Params":
        if self.lifting.formulation != "original":
            return self
        for block, weights in _ORIGINAL_REPROJECTION.items():
            self.lifting.require_critic(block, getattr(self, block).critic_weight)
            if 0 < getattr(self, block).reproj_weight < 1:
                raise ValueError(
                    f"{block}.reproj_weight is the virtual camera's: with lifting.formulation original write "
                    f"{weights}, and the other keys that docs/method.md names for this formulation"
                )
        if self.lifting.paired is not None:
            raise ValueError("lifting.paired has no effect with lifting.formulation original: set it to null")
        if self.temporal.network != "convolution":
            raise ValueError(
                f"temporal.network {self.temporal.network} is not the original's, which is the convolution: set that, "
                "or lifting.formulation to virtual_camera"
            )
        return self


def require_watched_files(params: Params) -> None:
    """Refuse keys in a file that DVC does not watch for their stages: a change of them would rerun nothing.

    Raises:
        InputError: names the file, the block and where it belongs.
    """
    files = {
        "params": PARAMS_FILE,
        "data_sets": DATA_SETS_FOLDER / f"{params.data}.yaml",
        "sizes": SIZES_FOLDER / f"{params.size}.yaml",
    }
    for kind, file in files.items():
        for block in read_yaml(file):
            if block not in BLOCKS[kind]:
                where = " or ".join(str(files[other]) for other in BLOCKS if block in BLOCKS[other])
                raise InputError(f"{file}: block '{block}' is not read from there; move its keys to {where}")


def load_and_check_files() -> Params:
    """:meth:`Params.load`, each key is in a file that DVC watches, and what they name beside the data set is there.

    Raises:
        InputError: a param is wrong or in the wrong file, or an ``init`` or a file of ``lifting.prior`` is missing,
            which would come to light hours later.
    """
    params = Params.load()
    require_watched_files(params)
    inits = {f"{block}.init": getattr(params, block).init for block in ("train_2d", "repnet", "temporal")}
    for key, file in inits.items():
        require_init_file(key, file)
    params.lifting.require_prior_files()
    said = untracked_files([DATA_SETS_FOLDER / f"{params.data}.yaml", SIZES_FOLDER / f"{params.size}.yaml"])
    large = dict.fromkeys(file for file in (*inits.values(), *params.lifting.prior_files) if file is not None)
    said += _whose_poses_are_in_both(params.lifting)
    said += files_without_dvc([Path(file) for file in large])
    if not isinstance(params.dataset, EmbeddedDataset):
        said += relative_folder(params.dataset.folder)
    for sentence in said:
        print(sentence, file=sys.stderr)
    return params


def _whose_poses_are_in_both(lifting: LiftingParams) -> list[str]:
    """A sentence where the prior has the 3D of the very people whose 2D trains, as the original's has."""
    own = {name for source in lifting.prior if source.file is None for name in source.subjects or ()}
    both = [name for name in dict.fromkeys(lifting.keypoints_subjects) if name in own]
    if not both:
        return []
    return [
        f"lifting.prior and lifting.keypoints_subjects both name {', '.join(both)}: nothing is paired, but the prior "
        "holds the 3D of that very 2D, as the original's does; for other people's 3D name others in one of the two"
    ]


def main() -> None:
    """``python -m pose3d.config.check``: an error in any block is found before the first stage runs."""
    load_and_check_files()


if __name__ == "__main__":
    run_stage(main)
