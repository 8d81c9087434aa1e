"""All that a lifter learns from: 2D of some subjects, unpaired 3D of others."""

import os
from collections.abc import Sequence as ListLike
from dataclasses import dataclass

from pose3d.config.lifting import LiftingParams
from pose3d.errors import InputError
from pose3d.records import Keypoints2D, Sequence, read_keypoints2d, read_sequences, read_splits


@dataclass(frozen=True)
class Supervision:
    """Detections of some sequences, and sequences whose 3D poses are the prior.

    Where a subject stands in both, batches are drawn independently, so that a detection meets its own 3D by chance
    only.
    """

    sequences: ListLike[Sequence]
    detections: ListLike[Keypoints2D]
    prior: ListLike[Sequence]


def read_supervision(
    sequences_path: str | os.PathLike, keypoints_path: str | os.PathLike, lifting: LiftingParams
) -> Supervision:
    """Read what ``lifting`` names from the earlier stages' files.

    Raises:
        InputError: a file is missing or damaged, or a named subject is not one of the training subjects.
    """
    try:
        lifting.require_training_subjects(read_splits(sequences_path)["train"])
    except ValueError as error:
        raise InputError(str(error)) from None
    sequences = read_sequences(sequences_path, lifting.keypoints_subjects)
    prior = read_sequences(sequences_path, lifting.prior_subjects)
    return Supervision(sequences, read_keypoints2d(keypoints_path, sequences), prior)
