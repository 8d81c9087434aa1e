"""Score somebody else's 3D poses exactly as the pipeline scores its own, and print what comes out.

    python -m pose3d.evaluate_predictions --predictions p.npz --dataset data/sequences.h5

The file of predictions is what ``numpy.savez`` writes: for every sequence of the chosen subjects one array of shape
(T, 17, 3) under its key ``<subject>/<action>/<camera>``, in that camera's space (x right, y down, z forward), in
millimetres unless ``--unit m`` says metres, the joints in the order of pose3d.skeleton. Where the root is 0 in every
frame the poses are root-relative, and absolute errors, which would be the person's distance, are left out.

Printed are the errors by protocol and by action and their summary, in the figures of the stage evaluate. What else that
stage writes, the errors of single joints and the curve of PCK among it, is not.
"""

import argparse
import functools
import os
import sys
import zipfile

import numpy as np
import pandas as pd

from pose3d import evaluation
from pose3d.datasets.pickled_npz import is_refused_by_system, read_member, reason_of
from pose3d.errors import InputError
from pose3d.metrics import root_relative
from pose3d.records import Sequence, check_3d, keys_in, read_sequences, read_splits
from pose3d.skeleton import ROOT

UNITS_M = {"mm": 0.001, "m": 1.0}
PERSON_M = (0.1, 2.0)
"""Between which a person's joints lie from the root, in the median of a sequence."""


def read_predictions(path: str | os.PathLike, sequences: list[Sequence], known: list[str], unit: str) -> list:
    """The (T, 17, 3) predictions for the given sequences, in their order, float64 metres.

    Args:
        known: keys of all sequences of the data set; arrays of those that are not wanted are passed over.

    Raises:
        InputError: the file is no npz, a sequence is missing or unknown, or an array is damaged or refused by
            :func:`check_header` or :func:`check_poses`.
    """
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # whatever a file that is none makes zipfile raise
        if is_refused_by_system(error):
            raise InputError(f"{path} cannot be read ({error.strerror}): give a file made by numpy.savez") from None
        raise InputError(f"{path} is not an npz file: write it with numpy.savez, one array for each sequence") from None
    with archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        unknown = sorted(set(members) - set(known))
        if unknown:
            raise InputError(
                f"{path} has an array {unknown[0]!r}, which is no sequence of the data set: "
                f"name arrays <subject>/<action>/<camera>, for instance {sequences[0].key!r}"
            )
        missing = [sequence.key for sequence in sequences if sequence.key not in members]
        if missing:
            raise InputError(
                f"{path} has no array {missing[0]!r} ({len(missing)} of {len(sequences)} sequences are missing): "
                "predict every sequence of the subjects, or name fewer with --subjects"
            )
        predictions = []
        for sequence in sequences:
            where = f"{path}: {sequence.key}"
            check = functools.partial(check_header, sequence=sequence, where=where)
            try:
                poses = read_member(archive, members[sequence.key], check)
            except InputError:
                raise
            except Exception as error:  # whatever damage makes zlib, zipfile or NumPy raise
                raise InputError(f"{where} is damaged or no array ({reason_of(error)}): write the file again") from None
            check_poses(poses, unit, where)
            predictions.append(np.asarray(poses, np.float64) * UNITS_M[unit])
    return predictions


def check_header(shape: tuple[int, ...], dtype: np.dtype, sequence: Sequence, where: str) -> None:
    """Refuse an array that cannot be this sequence's poses before its content is read.

    Raises:
        InputError: it has another shape or type; begins with ``where``.
    """
    expected = sequence.poses_cam_m.shape
    if dtype.kind not in "fiu":
        raise InputError(f"{where} is not an array of numbers: save floats of shape {expected}")
    if shape != expected:
        raise InputError(f"{where} has shape {shape}, not {expected}: give one pose of 17 joints for each frame")


def check_poses(poses: np.ndarray, unit: str, where: str) -> None:
    """Refuse poses that cannot be a person's in this unit.

    Raises:
        InputError: they are not finite, or no person has that size; begins with ``where``.
    """
    if not np.isfinite(poses).all():
        t, joint = np.argwhere(~np.isfinite(poses))[0][:2]
        raise InputError(f"{where} is not finite at frame {t}, joint {joint}: predict every joint of every frame")
    distance = float(np.median(np.linalg.norm(np.delete(root_relative(poses), ROOT, axis=1), axis=-1)))
    fitting = [name for name, metres in UNITS_M.items() if PERSON_M[0] <= distance * metres <= PERSON_M[1]]
    if unit not in fitting:
        advice = f"give --unit {fitting[0]}" if fitting else "scale the poses to a person's size in mm"
        raise InputError(f"{where} has joints {distance:.3g} {unit} from the root, which no person has: {advice}")


def stands_in_camera_space(path: str | os.PathLike, sequences: list[Sequence], predictions: list[np.ndarray]) -> bool:
    """False where the root is 0 in every frame of every sequence.

    Raises:
        InputError: it is so in some sequences only.
    """
    rootless = [not poses[:, ROOT].any() for poses in predictions]
    if any(rootless) and not all(rootless):
        key = sequences[rootless.index(True)].key
        raise InputError(f"{path}: {key} has its root at 0 and other sequences have not: give all in camera space")
    return not rootless[0]


def report(predictions: str, dataset: str, subjects: list[str] | None, unit: str) -> str:
    """The tables by protocol and by action and the summary as text.

    Raises:
        InputError: either file is not what it should be, or the data set lacks one of the subjects or their 3D.
    """
    known = keys_in(dataset)
    for subject in subjects or []:
        if not any(key.startswith(f"{subject}/") for key in known):
            raise InputError(f"{dataset} has no subject {subject}: it has {', '.join(sorted(subjects_of(known)))}")
    sequences = read_sequences(dataset, subjects or read_splits(dataset)["test"])
    check_3d(sequences, dataset)
    poses_cam_m = read_predictions(predictions, sequences, known, unit)
    has_root = stands_in_camera_space(predictions, sequences, poses_cam_m)
    errors = evaluation.errors_of(predictions, sequences, poses_cam_m, has_root)
    methods = {"predictions": errors}

    scored = [sequence.key for sequence in sequences]
    rates = ", ".join(f"{rate:g}" for rate in sorted({sequence.fps for sequence in sequences}))
    lines = [
        f"{len(errors.action)} frames of {len(scored)} sequences at {rates} frames/s, "
        f"subjects {', '.join(sorted(subjects_of(scored)))}"
    ]
    if not has_root:
        lines.append("The root is 0 in every frame: the poses are root-relative and have no absolute figures.")
    summary = evaluation.summary_mm(errors)
    width = max(map(len, summary))
    lines += [
        "",
        "By protocol, as published (compare within a row only)",
        as_text(evaluation.protocols_mm(methods)),
        "",
        "By action",
        as_text(evaluation.per_action_mm(methods)),
        "",
        "Summary, over frames where not said otherwise",
        *(f"{name:{width}}  {'-' if value is None else value}" for name, value in summary.items()),
    ]
    return "\n".join(lines)


def as_text(table: pd.DataFrame) -> str:
    """A table of words, flush left, and figures, flush right; a dash where there is no figure."""
    table = table.reset_index()
    for name in table:
        if not pd.api.types.is_numeric_dtype(table[name]):
            words = [name, *table[name]]
            width = max(map(len, words))
            table = table.rename(columns={name: name.ljust(width)})
            table[name.ljust(width)] = [word.ljust(width) for word in words[1:]]
    return table.to_string(index=False, na_rep="-", float_format="{:.2f}".format)


def subjects_of(keys: list[str]) -> set[str]:
    """The subjects of sequences' keys."""
    return {key.split("/")[0] for key in keys}


def main(arguments: list[str] | None = None) -> None:
    """Print the report; bad input ends it with one sentence and exit status 1."""
    parser = argparse.ArgumentParser(
        prog="python -m pose3d.evaluate_predictions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--predictions", required=True, metavar="NPZ", help="one (T, 17, 3) array for each sequence")
    parser.add_argument("--dataset", required=True, metavar="H5", help="sequences.h5, as the stage prepare writes it")
    parser.add_argument("--subjects", nargs="+", help="whom to score; by default the subjects of the test split")
    parser.add_argument("--unit", choices=UNITS_M, default="mm", help="of the predictions; by default mm")
    given = parser.parse_args(arguments)
    try:
        print(report(given.predictions, given.dataset, given.subjects, given.unit))
    except InputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
