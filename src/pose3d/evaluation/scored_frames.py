"""Which frames count: those in which enough is detected for a pose, by themselves or through a short gap.

All methods are scored on the same frames, whether the poses are the pipeline's or somebody else's.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pose3d.records.keypoints2d import Keypoints2D, read_keypoints2d, read_layout, spans_of, usable_frames
from pose3d.records.sequences import PoseSequence, keys_in
from pose3d.runtime.errors import InputError


def scored_frames(path: Path, sequences: Sequence[PoseSequence], detections: Sequence[Keypoints2D]) -> list[np.ndarray]:
    """N arrays (T,) bool: which frames are scored.

    Args:
        path: of the detections, for the message.
        sequences: N.
        detections: N, in the same order.

    Raises:
        InputError: none is; names the file and the subjects.

    Example:
        >>> from pose3d.geometry.camera import Camera
        >>> camera = Camera("cam0", 100, 100, np.eye(3), np.zeros(5), np.eye(3), np.zeros(3))
        >>> poses_m, seen_px = np.ones((3, 17, 3)), np.ones((3, 17, 2))
        >>> walk = PoseSequence("S1", "Walk-1", camera, 50, poses_m, poses_m, seen_px, np.ones((3, 4)))
        >>> detected = Keypoints2D(seen_px, np.repeat([[1.0], [0], [0]], 17, axis=1))
        >>> scored_frames(Path("keypoints2d.h5"), [walk], [detected])[0].tolist()
        [True, False, False]
    """
    found = [usable_frames(d, s.fps) for s, d in zip(sequences, detections, strict=True)]
    if not any(frames.any() for frames in found):
        subjects = ", ".join(sorted({sequence.subject for sequence in sequences}))
        raise InputError(f"{path}: no frame of {subjects} has enough keypoints to be scored")
    return found


def runs_of(found: Sequence[np.ndarray]) -> list[tuple[int, slice]]:
    """Runs of frames that are scored: the number of the sequence, and which of its frames.

    Example:
        >>> runs_of([np.array([True, False, True]), np.array([True])])
        [(0, slice(0, 1, None)), (0, slice(2, 3, None)), (1, slice(0, 1, None))]
    """
    return [(number, span) for number, frames in enumerate(found) for span in spans_of(frames)]


def read_scored_frames(path: Path, sequences: Sequence[PoseSequence]) -> tuple[list[np.ndarray], str | None]:
    """As :func:`scored_frames`, where detections may be missing: all frames are scored there, and a sentence says so.

    Args:
        path: of a keypoints2d.h5, which may not be there, or hold the sequences of some subjects only.
        sequences: N.

    Raises:
        InputError: it is damaged, does not fit the sequences, or no frame is scored.
    """
    whole = [np.ones(len(sequence), bool) for sequence in sequences]
    if not path.exists():
        return whole, f"{path} is missing, which says where nobody is detected: all frames are scored."
    known = set(keys_in(path))
    detected = [sequence for sequence in sequences if sequence.key in known]
    if detected:
        detections = read_keypoints2d(path, detected, read_layout(path))
        found = dict(zip([s.key for s in detected], scored_frames(path, detected, detections), strict=True))
        whole = [found.get(sequence.key, frames) for sequence, frames in zip(sequences, whole, strict=True)]
    n_missing = len(sequences) - len(detected)
    if not n_missing:
        return whole, None
    return whole, f"{path} lacks {n_missing} of the {len(sequences)} sequences: all frames of these are scored."
