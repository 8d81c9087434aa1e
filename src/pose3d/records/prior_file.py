"""A prior of one's own: sequences.h5 of people who only teach, so that it has no test split.

Datasets and attributes are those of :mod:`pose3d.records.sequences`, which reads it.
"""

import os
from collections.abc import Iterable

from pose3d.records.hdf5 import create_hdf5, write_strings
from pose3d.records.sequences import SPLITS, PoseSequence, append_sequence


def write_prior(path: str | os.PathLike, sequences: Iterable[PoseSequence]) -> tuple[int, int]:
    """Write sequences one after another as they come; everybody is of the training split.

    Args:
        path: of the new file.
        sequences: one is held at a time.

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
            append_sequence(file, sequence, path)
            subjects[sequence.subject] = None
            n_sequences, n_frames = n_sequences + 1, n_frames + len(sequence)
        for split in SPLITS:
            write_strings(file, f"split_{split}", list(subjects) if split == "train" else [])
    return n_sequences, n_frames
