"""keypoints2d.h5: 2D keypoints with confidences, as found or as given."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import h5py
import numpy as np

from pose3d.records.hdf5 import create_hdf5, open_hdf5, write_dataset
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError


@dataclass(frozen=True, eq=False)
class Keypoints2D:
    """Detected keypoints of one sequence: (T, 17, 2) px in the full image, (T, 17) confidence in [0, 1]."""

    keypoints_px: np.ndarray
    confidence: np.ndarray


def append_keypoints2d(file: h5py.File, key: str, detected: Keypoints2D) -> None:
    """Write a sequence's detections under ``key`` of an open keypoints2d.h5.

    Args:
        file: open for writing.
        key: of the sequence.
        detected: T frames.

    Raises:
        InputError: a keypoint is not finite.
    """
    if not (np.isfinite(detected.keypoints_px).all() and np.isfinite(detected.confidence).all()):
        raise InputError(f"{file.filename}: {key}: a detected keypoint is not finite; train_2d has diverged")
    group = file.create_group(key)
    write_dataset(group, "keypoints_px", detected.keypoints_px.astype(np.float32))
    write_dataset(group, "confidence", detected.confidence.astype(np.float32))


def write_keypoints2d(path: str | os.PathLike, detections: Iterable[tuple[str, Keypoints2D]]) -> None:
    """Write keypoints2d.h5 from (key, detections).

    Raises:
        InputError: a keypoint is not finite.
    """
    with create_hdf5(path) as file:
        for key, detected in detections:
            append_keypoints2d(file, key, detected)


def read_keypoints2d(path: str | os.PathLike, sequences: Iterable[PoseSequence]) -> list[Keypoints2D]:
    """Detections for the given sequences, in their order.

    Raises:
        InputError: a sequence has none, of another length, or not finite.
    """
    detections = []
    with open_hdf5(path) as file:
        for sequence in sequences:
            if sequence.key not in file:
                raise InputError(f"{path} has no keypoints for {sequence.key}: run infer_2d again")
            group = file[sequence.key]
            detected = Keypoints2D(group["keypoints_px"][...], group["confidence"][...])
            if detected.keypoints_px.shape != sequence.keypoints_px.shape:
                raise InputError(
                    f"{path}: {sequence.key} has keypoints of shape {detected.keypoints_px.shape}, "
                    f"the sequence {sequence.keypoints_px.shape}: run infer_2d again"
                )
            if detected.confidence.shape != detected.keypoints_px.shape[:-1]:
                raise InputError(
                    f"{path}: {sequence.key} has confidence of shape {detected.confidence.shape}, "
                    f"its keypoints {detected.keypoints_px.shape}: run infer_2d again"
                )
            for name, values in vars(detected).items():
                if not np.isfinite(values).all():
                    raise InputError(f"{path}: {sequence.key}: {name} is not finite; run infer_2d again")
            detections.append(detected)
    return detections
