"""The original's input space: px / width * 2 - 1, and the intrinsics in the same units."""

import numpy as np
from torch import Tensor

from pose3d.records import Sequence
from pose3d.skeleton import ROOT


def normalise_px(keypoints_px: np.ndarray, width_px: int) -> np.ndarray:
    """px to px / width * 2 - 1, both axes by the width, so that the image keeps its shape."""
    return keypoints_px / width_px * 2 - 1


def relative_to_root(absolute: Tensor) -> Tensor:
    """(..., 17, D) to (..., 16, D): the other joints minus the root."""
    return absolute[..., 1:, :] - absolute[..., ROOT : ROOT + 1, :]


def normalised_intrinsics(sequence: Sequence) -> tuple[np.ndarray, np.ndarray]:
    """Focal lengths f / width * 2 and centre c / width * 2 - 1 of a camera, (2,) each; the lens is ignored."""
    intrinsics, width = sequence.camera.intrinsics_px, sequence.camera.width_px
    return np.diag(intrinsics)[:2] / width * 2, normalise_px(intrinsics[:2, 2], width)
