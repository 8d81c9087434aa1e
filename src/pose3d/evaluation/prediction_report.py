"""A text report on somebody else's 3D poses, scored exactly as the pipeline scores its own.

``pose3d evaluate-predictions --help`` says what the poses may be and what is reported.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pose3d.evaluation.angles import angle_agreement_deg
from pose3d.evaluation.prediction_doubts import doubts
from pose3d.evaluation.protocols import protocols_mm
from pose3d.evaluation.scored_frames import read_scored_frames, runs_of
from pose3d.evaluation.tables import LeftOut, errors_of, per_action_mm, per_subject_mm, summary_mm
from pose3d.formats.prediction_files import is_one_array, read_one_array, read_predictions
from pose3d.geometry.skeleton import JOINT_NAMES, ROOT
from pose3d.records.sequences import PoseSequence, check_3d, cut_sequence, keys_in, read_sequences, read_splits
from pose3d.runtime.errors import InputError

ROOTS = {"relative": "root-relative and have no absolute figures", "camera": "in camera space"}
"""What --root may say of the poses, and how the report puts it."""
_AT_ZERO_M = 1e-4
"""Of poses relative to a joint, what rounding leaves of its place."""
NEAR_ROOT = 0.1
"""How far from 0 the root of root-relative poses may be, as a share of how far from the camera the person truly is:
networks that predict the root too miss 0 by some mm or cm, and nobody who is seen as a whole is nearer to a camera."""


def sequences_to_score(
    dataset: str, known: list[str], subjects: list[str] | None, key: str | None
) -> list[PoseSequence]:
    """The sequence of that key; else those of the subjects, by default the test subjects.

    Args:
        dataset: path of a sequences.h5.
        known: keys of all sequences of the data set.
        subjects: their names; None: those of the test split.
        key: of one sequence, ``<subject>/<action>/<camera>``; None: all of the subjects.

    Raises:
        InputError: the data set lacks it or one of them, or their 3D.
    """
    for subject in subjects or []:
        if not any(key.startswith(f"{subject}/") for key in known):
            raise InputError(f"{dataset} has no subject {subject}: it has {', '.join(sorted(subjects_of(known)))}")
    if key is not None and key not in known:
        raise InputError(
            f"{dataset} has no sequence {key}: names are <subject>/<action>/<camera>, for instance {known[0]}"
        )
    of_subjects = (subjects or read_splits(dataset)["test"]) if key is None else [key.split("/")[0]]
    sequences = [sequence for sequence in read_sequences(dataset, of_subjects) if key in (None, sequence.key)]
    check_3d(sequences, dataset)
    return sequences


def root_of(
    path: str | os.PathLike,
    sequences: list[PoseSequence],
    poses_m: list[np.ndarray],
    scored: Sequence[np.ndarray],
    told: str | None,
) -> tuple[str, str]:
    """The one of :data:`ROOTS` that the (T, 17, 3) poses have, and a sentence that says so and why.

    Args:
        path: of the poses, for messages.
        sequences: whose poses they are.
        poses_m: for each sequence (T, 17, 3).
        scored: for each sequence (T,) bool: the frames that decide, because where nobody is detected anything may be.
        told: which one the user says; None: the poses decide.

    Raises:
        InputError: the root is near 0 in some frames and far in others; names a sequence and a frame of each.

    Example:
        >>> from pose3d.geometry.camera import Camera
        >>> camera = Camera("cam0", 100, 100, np.eye(3), np.zeros(5), np.eye(3), np.zeros(3))
        >>> truth_m = np.full((3, 17, 3), [0, 0, 2.0])
        >>> walk = PoseSequence("S1", "Walk-1", camera, 50, truth_m, truth_m, truth_m[..., :2], np.ones((3, 4)))
        >>> kind, why = root_of("mine.npz", [walk], [truth_m - [0, 0, 0.5]], [np.ones(3, bool)], told=None)
        >>> print(kind, why, sep=": ")
        camera: The root is 1.5 m from 0 in the median: the poses are in camera space.
    """
    if told:
        return told, f"The poses are {ROOTS[told]}, as --root says."
    farthest_m = np.max([np.linalg.norm(poses, axis=-1).max(0) for poses in poses_m], axis=0)
    if farthest_m.min() < _AT_ZERO_M < farthest_m[ROOT]:
        name = JOINT_NAMES[int(farthest_m.argmin())]
        return "relative", f"{name} is at 0 in every frame: the poses are {ROOTS['relative']}."
    distance_m = np.concatenate([np.linalg.norm(poses[:, ROOT], axis=-1) for poses in poses_m])
    true_m = np.concatenate([np.linalg.norm(sequence.poses_cam_m[:, ROOT], axis=-1) for sequence in sequences])
    counts = np.concatenate(scored)
    is_near = distance_m < NEAR_ROOT * true_m
    near, far = counts & is_near, counts & ~is_near
    median_m, person_m = np.median(distance_m[counts]), np.median(true_m[counts])
    if not far.any():
        return "relative", (
            f"The root is {1000 * median_m:.3g} mm from 0 in the median, the person {person_m:.3g} m from the camera: "
            f"the poses are {ROOTS['relative']}."
        )
    if not near.any():
        said = f"The root is {median_m:.3g} m from 0 in the median: the poses are {ROOTS['camera']}."
        return "camera", said + _doubt(sequences, poses_m, counts, person_m)
    ends = np.cumsum([len(sequence) for sequence in sequences])
    one, other = (_frame_of(sequences, ends, int(frames.argmax())) for frames in (near, far))
    raise InputError(
        f"{path}: the root of {one} lies near 0 and that of {other} does not: give all frames root-relative or all in "
        "camera space, or say with --root which they are"
    )


def _doubt(sequences: list[PoseSequence], poses_m: list[np.ndarray], counts: np.ndarray, person_m: float) -> str:
    """A sentence where people are not even roughly where they truly are, as in world space or another camera's."""
    pairs = zip(sequences, poses_m, strict=True)
    apart_m = np.concatenate([np.linalg.norm((p - s.poses_cam_m)[:, ROOT], axis=-1) for s, p in pairs])[counts]
    if np.median(apart_m) <= person_m / 2:
        return ""
    return (
        f" But it lies {np.median(apart_m):.3g} m from where the person is, {person_m:.3g} m from the camera: are they "
        "of another space, or root-relative (--root relative)?"
    )


def _frame_of(sequences: list[PoseSequence], ends: np.ndarray, place: int) -> str:
    number = int(np.searchsorted(ends, place, side="right"))
    sequence = sequences[number]
    return f"{sequence.key} at frame {place - int(ends[number]) + len(sequence)}"


def report(
    predictions: str,
    dataset: str,
    subjects: list[str] | None = None,
    sequence: str | None = None,
    unit: str | None = None,
    root: str | None = None,
    angles: bool = False,
) -> str:
    """The tables by protocol, action and subject and the summary as text; the arguments are the program's.

    Frames in which too little is detected are left out, as stage evaluate leaves them out.

    Args:
        predictions: path of the poses.
        dataset: path of a sequences.h5; a keypoints2d.h5 beside it says what is detected.
        subjects, sequence: which sequences are scored, see :func:`sequences_to_score`.
        unit: of the poses; None: m for one array, mm for a file of many.
        root: one of :data:`ROOTS`; None: the poses decide.
        angles: joint angles are compared too.

    Raises:
        InputError: a file is not what it should be, or the data set lacks one of the subjects or the sequence.
    """
    known = keys_in(dataset)
    sequences = sequences_to_score(dataset, known, subjects, sequence)
    if is_one_array(predictions):
        if sequence is None:
            raise InputError(
                f"{predictions} is one array without a name: say with --sequence whose poses they are, for instance "
                f"--sequence {sequences[0].key}"
            )
        poses_cam_m = [read_one_array(predictions, sequences[0], unit or "m")]
    else:
        poses_cam_m = read_predictions(predictions, sequences, known, unit or "mm")
    found, undetected = read_scored_frames(Path(dataset).with_name("keypoints2d.h5"), sequences)
    left_out = LeftOut.of(sequences, found)
    root, about_root = root_of(predictions, sequences, poses_cam_m, found, root)
    spans = runs_of(found)
    scored = [cut_sequence(sequences[number], span) for number, span in spans]
    scored_cam_m = [poses_cam_m[number][span] for number, span in spans]
    errors = errors_of(predictions, scored, scored_cam_m, root == "camera")
    methods = {"predictions": errors}

    keys = sorted({sequence.key for sequence in scored})
    rates = ", ".join(f"{rate:g}" for rate in sorted({sequence.fps for sequence in scored}))
    lines = [
        f"{len(errors.action)} frames of {len(keys)} sequences at {rates} frames/s, "
        f"subjects {', '.join(sorted(subjects_of(keys)))}",
        *([f"{left_out.sentence(sum(map(len, sequences)))}."] if left_out.total else []),
        *filter(None, [undetected, about_root]),
        *doubts(errors, scored, scored_cam_m),
    ]
    by_angle = []
    if angles:
        table = as_text(angle_agreement_deg(scored, scored_cam_m))
        by_angle = ["", "Joint angles, predicted minus true, with 95 % limits of agreement", table]
    summary = summary_mm(errors)
    width = max(map(len, summary))
    lines += [
        "",
        "By protocol, as published (compare within a row only)",
        as_text(protocols_mm(methods)),
        "",
        "By action",
        as_text(per_action_mm(methods, left_out)),
        "",
        "By subject, means over each one's actions",
        as_text(per_subject_mm(methods, left_out)),
        *by_angle,
        "",
        "Summary, over frames where not said otherwise",
        *(f"{name:{width}}  {'-' if value is None else value}" for name, value in summary.items()),
    ]
    return "\n".join(lines)


def as_text(table: pd.DataFrame) -> str:
    """A table of words, flush left, and figures, flush right; a dash where there is no figure.

    Example:
        >>> table = pd.DataFrame({"action": ["Walk", "Sit"], "mpjpe_mm": [10.0, np.nan]}).set_index("action")
        >>> print(as_text(table))
        action  mpjpe_mm
        Walk       10.00
        Sit            -
    """
    table = table.reset_index()
    for name in map(str, table):
        if not pd.api.types.is_numeric_dtype(table[name]):
            words = [name, *table[name]]
            width = max(map(len, words))
            table = table.rename(columns={name: name.ljust(width)})
            table[name.ljust(width)] = [word.ljust(width) for word in words[1:]]
    return table.to_string(index=False, na_rep="-", float_format="{:.2f}".format)


def subjects_of(keys: list[str]) -> set[str]:
    """The subjects of sequences' keys.

    Example:
        >>> subjects_of(["S9/Walk-1/cam0", "S9/Sit-1/cam1"])
        {'S9'}
    """
    return {key.split("/")[0] for key in keys}
