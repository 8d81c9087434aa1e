"""All that a lifter learns from: 2D of some subjects, unpaired 3D of others, of this data set or of another."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pose3d.config.lifting import LiftingParams, PairedFrames
from pose3d.geometry.layouts import OURS
from pose3d.geometry.skeleton import ROOT
from pose3d.records.keypoints2d import (
    Keypoints2D,
    bridge_detections,
    enough_detected,
    read_keypoints2d,
    read_layout,
    spans_of,
)
from pose3d.records.sequences import (
    PoseSequence,
    check_3d,
    cut_sequence,
    first_poses_m,
    keys_in,
    read_poses_m,
    read_sequences,
    read_splits,
)
from pose3d.runtime.errors import InputError

_SAME_RATE = 0.05
"""Share by which rates may differ: 24 is 25 to a window of frames."""


@dataclass(frozen=True)
class Supervision:
    """Detections and, apart from them, 3D poses; detections with labels are the exception.

    Where a subject is in both, batches are drawn independently, so that a detection meets its own 3D by chance
    only.

    Attributes:
        sequences: N, whose 2D is used: clips, or what is left of them between frames without a detection.
        detections: N, in the same order.
        prior: sequences whose 3D poses are used.
        paired: sequences whose detections and 3D poses are used together; mostly empty.
        frames_left_out: how many frames of the clips are not used, because too little is detected in them for too long.
    """

    sequences: Sequence[PoseSequence]
    detections: Sequence[Keypoints2D]
    prior: Sequence[PoseSequence]
    paired: Sequence[tuple[PoseSequence, Keypoints2D]] = ()
    frames_left_out: int = 0

    def sentences(self) -> list[str]:
        """What is left out, if anything, and whose 3D has another frame rate."""
        said = []
        if self.frames_left_out:
            n_frames = sum(map(len, self.sequences)) + self.frames_left_out
            said.append(
                f"{self.frames_left_out:,} of {n_frames:,} frames with keypoints are left out: too little is detected "
                "in them for too long"
            )
        rates = {sequence.fps for sequence in self.sequences}
        other = [s for s in self.prior if all(abs(s.fps / rate - 1) > _SAME_RATE for rate in rates)]
        if other:
            said.append(
                f"lifting.prior has {other[0].subject} at {other[0].fps:g} frames a second and the keypoints are at "
                f"{min(rates):g}: windows of the temporal lifter count frames, so make the prior again at that rate"
            )
        return said


def read_supervision(
    sequences_path: str | os.PathLike, keypoints_path: str | os.PathLike, lifting: LiftingParams
) -> Supervision:
    """Read what ``lifting`` names from the earlier stages' files.

    Args:
        sequences_path: sequences.h5.
        keypoints_path: keypoints2d.h5.
        lifting: names the subjects, the prior and the paired frames.

    Raises:
        InputError: a file is missing or damaged, a named subject is not one of the training subjects, or one of
            another data set is not in its file, the keypoints are of another layout, or no frame has enough of them.
    """
    try:
        lifting.require_training_subjects(read_splits(sequences_path)["train"])
    except ValueError as error:
        raise InputError(str(error)) from None
    detected_layout = read_layout(keypoints_path)
    if detected_layout not in (OURS, lifting.layout):
        raise InputError(
            f"lifting.layout is {lifting.layout}, but {keypoints_path} holds keypoints of {detected_layout}: set "
            f"lifting.layout to {detected_layout}"
        )
    sequences = read_sequences(sequences_path, lifting.keypoints_subjects)
    detections = read_keypoints2d(keypoints_path, sequences, detected_layout)
    spans = spans_with_detections(zip(sequences, detections, strict=True))
    if not spans:
        raise InputError(
            f"{keypoints_path}: no frame of {', '.join(lifting.keypoints_subjects)} has enough keypoints to learn "
            "from: name others in lifting.keypoints_subjects"
        )
    paired = read_paired(sequences_path, keypoints_path, lifting.paired) if lifting.paired else []
    left_out = sum(map(len, sequences)) - sum(len(s) for s, _ in spans)
    prior = read_prior(sequences_path, lifting)
    return Supervision([s for s, _ in spans], [d for _, d in spans], prior, paired, left_out)


def spans_with_detections(
    pairs: Iterable[tuple[PoseSequence, Keypoints2D]],
) -> list[tuple[PoseSequence, Keypoints2D]]:
    """Clips whose short gaps are bridged, as when they are lifted, cut at frames that still lack a detection.

    Those are left out, because what is missing teaches nothing.

    Args:
        pairs: whole clips and what is detected in them.
    """
    spans = []
    for sequence, detected in pairs:
        known = bridge_detections(detected, sequence.fps)
        enough = enough_detected(known)
        spans += [frames_of(sequence, known, span) for span in spans_of(enough)]
    return spans


def read_paired(
    sequences_path: str | os.PathLike, keypoints_path: str | os.PathLike, paired: PairedFrames
) -> list[tuple[PoseSequence, Keypoints2D]]:
    """The first frames of the paired subjects' sequences, at least one of each, those without a detection left out.

    Args:
        sequences_path: sequences.h5.
        keypoints_path: keypoints2d.h5.
        paired: the subjects, and the share of each sequence's frames in (0, 1].

    Raises:
        InputError: a file is damaged, or a subject has no 3D poses.
    """
    sequences = read_sequences(sequences_path, paired.subjects)
    check_3d(sequences, sequences_path)
    detections = read_keypoints2d(keypoints_path, sequences)
    return spans_with_detections(
        frames_of(s, d, slice(math.ceil(paired.frames_share * len(s))))
        for s, d in zip(sequences, detections, strict=True)
    )


def frames_of(sequence: PoseSequence, detected: Keypoints2D, cut: slice) -> tuple[PoseSequence, Keypoints2D]:
    """Both cut to some of their frames.

    Args:
        sequence: T frames.
        detected: its T frames of keypoints.
        cut: which frames to keep, one at least.
    """
    shorter = replace(detected, keypoints_px=detected.keypoints_px[cut], confidence=detected.confidence[cut])
    return cut_sequence(sequence, cut), shorter


def read_prior(sequences_path: str | os.PathLike, lifting: LiftingParams) -> list[PoseSequence]:
    """The sequences of all sources of ``lifting.prior``, one source after the other.

    Subjects of another data set are named ``<file>:<subject>`` here, since theirs and this one's may have the same
    name: subject and action tell takes apart.

    Raises:
        InputError: a file is missing or damaged, a subject is not in it, one has no 3D poses, or a take is one of this
            data set's own that is scored.
    """
    lifting.require_prior_files()
    sequences = []
    for source in lifting.prior:
        if source.file is None:
            found = read_sequences(sequences_path, source.subjects)
        else:
            found = [replace(s, subject=f"{source.file}:{s.subject}") for s in _read_file(source.file, source.subjects)]
        check_3d(found, source.file or sequences_path)
        if source.file is not None:
            _refuse_scored(found, sequences_path)
        sequences += found
    return sequences


def _refuse_scored(others: Sequence[PoseSequence], sequences_path: str | os.PathLike) -> None:
    """Takes are the same where they begin alike, about the hip, and the middle pose of the one is in the other.

    Takes of two people may begin alike, in the pose of calibration that some programs write first.
    """
    splits = read_splits(sequences_path)
    own: dict[bytes, list[str]] = {}
    for key, pose_m in first_poses_m(sequences_path, [*splits["validation"], *splits["test"]]).items():
        own.setdefault(_about_the_hip(pose_m).tobytes(), []).append(key)
    for sequence in others:
        first, middle = sequence.poses_world_m[[0, len(sequence) // 2]]
        for key in own.get(_about_the_hip(first).tobytes(), []):
            apart_mm = _about_the_hip(read_poses_m(sequences_path, key)) - _about_the_hip(middle)
            if (np.abs(apart_mm) <= 1).all((1, 2)).any():
                raise InputError(
                    f"lifting.prior: take {sequence.action} of {sequence.subject} is {key} of this data set, which is "
                    "scored: name subjects in that file who are not"
                )


def _about_the_hip(poses_m: np.ndarray) -> np.ndarray:
    """(..., 17, 3) in metres to whole millimetres about the hip."""
    return np.round(1000 * (poses_m.astype(np.float64) - poses_m[..., ROOT : ROOT + 1, :])).astype(np.int64)


def _read_file(file: str, subjects: Sequence[str] | None) -> list[PoseSequence]:
    try:
        there = {key.split("/")[0] for key in keys_in(file)}
        wanted = subjects or sorted(there)
        missing = [name for name in wanted if name not in there]
        if not missing:
            return read_sequences(file, wanted)
    except InputError as error:
        # The reader's advice, to let the pipeline make the file again, holds for the pipeline's own files only.
        raise InputError(
            f"lifting.prior names {file}, which is damaged or no sequences.h5: make it again as priors/README.md says"
        ) from error
    raise InputError(
        f"lifting.prior names subject {missing[0]}, whom {file} does not have: choose among "
        f"{', '.join(sorted(there))}, or leave subjects out for all"
    )
