"""A prior of one's own: sequences.h5 of people who only teach, so that it has no test split.

Datasets and attributes are those of :mod:`pose3d.records.sequences`, which reads it.
"""

import os
from collections.abc import Iterable

import numpy as np

from pose3d.geometry.layouts import LANDMARK_NAMES
from pose3d.records.hdf5 import create_hdf5, write_dataset, write_strings
from pose3d.records.sequences import SPLITS, PoseSequence, check_sequence

_ARRAYS = ("poses_world_m", "poses_cam_m", "keypoints_px", "boxes_px")
_CAMERA_ARRAYS = ("intrinsics_px", "distortion", "rotation", "translation_m")


def write_prior(path: str | os.PathLike, sequences: Iterable[PoseSequence]) -> tuple[int, int]:
    """Write sequences one after another as they come; everybody is of the training split.

    Args:
        path: of the new file.
        sequences: with lenses of OpenCV's formula.

    Returns:
        How many sequences and frames there were.

    Raises:
        InputError: a sequence fails :func:`pose3d.records.sequences.check_sequence`.
        OSError: the disk is full or not writable.
    """
    subjects: dict[str, None] = {}
    n_sequences = n_frames = 0
    with create_hdf5(path) as file:
        for sequence in sequences:
            check_sequence(sequence, str(path))
            subjects[sequence.subject] = None
            n_sequences, n_frames = n_sequences + 1, n_frames + len(sequence)
            group = file.create_group(sequence.key)
            for name in _ARRAYS:
                write_dataset(group, name, getattr(sequence, name).astype(np.float32))
            if sequence.landmarks_world_m is not None:
                write_dataset(group, "landmarks_world_m", sequence.landmarks_world_m.astype(np.float32))
                write_strings(file, "landmarks", LANDMARK_NAMES)
            group.attrs["fps"] = float(sequence.fps)
            group.attrs["width_px"], group.attrs["height_px"] = sequence.camera.width_px, sequence.camera.height_px
            for name in _CAMERA_ARRAYS:
                group.attrs[name] = getattr(sequence.camera, name)
        for split in SPLITS:
            write_strings(file, f"split_{split}", list(subjects) if split == "train" else [])
    return n_sequences, n_frames
