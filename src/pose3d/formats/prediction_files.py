"""Somebody else's 3D poses as files: an npz of one array for each sequence, or an npy of one sequence.

Nothing in them is run, and an array's claimed shape is checked before its content is read.
"""

import functools
import os
import zipfile
from collections.abc import Callable

import numpy as np

from pose3d.geometry.skeleton import JOINT_NAMES, ROOT
from pose3d.records.pickled_npz import is_refused_by_system, read_member, read_npy, reason_of
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError

UNITS_M = {"mm": 0.001, "m": 1.0}
PERSON_M = (0.1, 2.0)
"""Between which a person's joints lie from the root, in the median of a sequence."""


def is_one_array(path: str | os.PathLike) -> bool:
    """True if the file begins as numpy.save writes it.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): give a file made by numpy.savez or numpy.save"
        ) from None


def read_one_array(path: str | os.PathLike, sequence: PoseSequence, unit: str) -> np.ndarray:
    """The (T, 17, 3) poses of a file made by numpy.save, which are predictions for this sequence, float64 metres.

    Args:
        path: of the file.
        sequence: whose T frames and key the poses must fit.
        unit: of the file, ``mm`` or ``m``.

    Raises:
        InputError: it is damaged or refused by :func:`check_header` or :func:`check_poses`.
    """
    with open(path, "rb") as file:
        read = functools.partial(read_npy, file, "its array", os.path.getsize(path))
        return _checked(read, sequence, unit, f"{path} for {sequence.key}")


def read_predictions(path: str | os.PathLike, sequences: list[PoseSequence], known: list[str], unit: str) -> list:
    """The (T, 17, 3) predictions of an npz for the given sequences, in their order, float64 metres.

    Args:
        path: of the file.
        sequences: those that are wanted.
        known: keys of all sequences of the data set; arrays of those that are not wanted are passed over.
        unit: of the file, ``mm`` or ``m``.

    Raises:
        InputError: the file is no npz, a sequence is missing or unknown, or an array is damaged or refused by
            :func:`check_header` or :func:`check_poses`.
    """
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # zipfile raises many kinds where a file is no archive
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
        return [
            _checked(
                functools.partial(read_member, archive, members[sequence.key]),
                sequence,
                unit,
                f"{path}: {sequence.key}",
            )
            for sequence in sequences
        ]


def _checked(read: Callable[..., np.ndarray], sequence: PoseSequence, unit: str, where: str) -> np.ndarray:
    """Read poses with ``read``, check that they can be this sequence's, and convert them to float64 metres.

    Args:
        read: takes ``check`` as :func:`pose3d.records.pickled_npz.read_member` has it.
    """
    try:
        poses = read(check=functools.partial(check_header, sequence=sequence, where=where))
    except InputError:
        raise
    except Exception as error:  # whatever damage makes zlib, zipfile or NumPy raise
        raise InputError(f"{where} is damaged or no array ({reason_of(error)}): write the file again") from None
    check_poses(poses, unit, where)
    return np.asarray(poses, np.float64) * UNITS_M[unit]


def check_header(shape: tuple[int, ...], dtype: np.dtype, sequence: PoseSequence, where: str) -> None:
    """Refuse an array that cannot be this sequence's poses before its content is read.

    Args:
        shape, dtype: what the file says of its array.
        sequence: whose T frames the array must have, (T, 17, 3).
        where: file and sequence, for messages.

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

    Args:
        poses: (T, 17, 3), any origin.
        unit: ``mm`` or ``m``.
        where: file and sequence, for messages.

    Raises:
        InputError: they are not finite, one is a single point, or no person has that size; begins with ``where``.
    """
    poses = np.asarray(poses, np.float64)  # squares of mm do not fit into float16
    if not np.isfinite(poses).all():
        t, joint = np.argwhere(~np.isfinite(poses))[0][:2]
        raise InputError(
            f"{where} is not finite at frame {t}, joint {JOINT_NAMES[joint]}: predict every joint of every frame"
        )
    gone = np.ptp(poses, axis=1).max(-1) == 0
    if gone.any() and not gone.all():
        raise InputError(
            f"{where} has all joints of frame {int(gone.argmax())} in one point, as where nobody was found: predict "
            "every frame"
        )
    from_root = np.delete(poses - poses[:, ROOT : ROOT + 1], ROOT, axis=1)
    distance = float(np.median(np.linalg.norm(from_root, axis=-1)))
    fitting = [name for name, metres in UNITS_M.items() if PERSON_M[0] <= distance * metres <= PERSON_M[1]]
    if unit not in fitting:
        advice = f"give --unit {fitting[0]}" if fitting else "scale the poses to a person's size in mm"
        raise InputError(f"{where} has joints {distance:.3g} {unit} from the root, which no person has: {advice}")
