"""Keypoints of a prediction of ours: of predictions.npz and predictions.csv that ``pose3d predict`` wrote.

:mod:`pose3d.formats.predictions` has their schema, and reads the whole of the former; that loads torch, which is not
needed here.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from pose3d.formats.keypoints import KeypointFile, keypoint_file
from pose3d.geometry.layouts import LANDMARK_NAMES
from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS
from pose3d.records.pickled_npz import read_pickled_npz
from pose3d.runtime.errors import InputError

_SHAPES = {
    "time_s": (),
    "keypoints_px": (N_JOINTS, 2),
    "confidence": (N_JOINTS,),
    "found": (),
}
_LANDMARKS = [[name] for name in LANDMARK_NAMES]
"""Rows of these have no keypoints."""
COLUMNS = ("frame", "time_s", "joint", "found", "keypoint_x_px", "keypoint_y_px", "confidence")


def read_own_npz(path: str | os.PathLike) -> KeypointFile:
    """Read predictions.npz, with the camera that was assumed.

    Raises:
        InputError: it is damaged; names the array.
    """
    arrays = read_pickled_npz(path, [*_SHAPES, "width_px", "height_px", "intrinsics_px", "distortion"])
    n_frames = len(arrays["time_s"]) if getattr(arrays.get("time_s"), "ndim", 0) == 1 else 0
    shapes = {name: (n_frames, *shape) for name, shape in _SHAPES.items()}
    shapes |= {
        "width_px": (),
        "height_px": (),
        "intrinsics_px": (3, 3),
        "distortion": (8,) if getattr(arrays.get("distortion"), "shape", ()) == (8,) else (5,),
    }
    for name, shape in shapes.items():
        array = arrays.get(name)
        if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype.kind not in "fiub":
            raise InputError(f"{path} has no array {name} of numbers of shape {shape}: predict again")
    return _file(
        path,
        np.arange(n_frames),
        arrays["time_s"],
        arrays["keypoints_px"],
        arrays["confidence"],
        arrays["found"],
        size_px=(int(arrays["width_px"]), int(arrays["height_px"])),
        intrinsics_px=arrays["intrinsics_px"],
        distortion=arrays["distortion"],
    )


def read_own_csv(path: str | os.PathLike, rows: Sequence[Sequence[str]]) -> KeypointFile:
    """Read predictions.csv.

    Args:
        path: of the file, for messages.
        rows: of the table, the header first.

    Raises:
        InputError: a row is wrong or missing; names the line.
    """
    header = [name.strip() for name in rows[0]]
    where = [header.index(name) for name in COLUMNS]
    joint_column = header.index("joint")
    of_joints = [
        (line, row) for line, row in enumerate(rows[1:], 2) if row[joint_column : joint_column + 1] not in _LANDMARKS
    ]
    n_frames = len(of_joints) // N_JOINTS
    if len(of_joints) % N_JOINTS or not n_frames:
        raise InputError(f"{path} has {len(of_joints)} rows, not 17 for each frame: it breaks off, predict again")
    numbers = np.empty((n_frames * N_JOINTS, 6))
    for number, (line, row) in enumerate(of_joints):
        try:
            frame, time, joint, seen, x, y, sure = (row[column] for column in where)
            numbers[number] = [float(cell) for cell in (frame, time, seen, x, y, sure)]
        except (ValueError, IndexError):
            raise InputError(f"{path} line {line}: a cell is missing or no number: predict again") from None
        if joint != JOINT_NAMES[number % N_JOINTS]:
            raise InputError(f"{path} line {line}: the joint must be {JOINT_NAMES[number % N_JOINTS]}: predict again")
    by_frame = numbers.reshape(n_frames, N_JOINTS, 6)
    frames, time_s, found = by_frame[:, 0, 0], by_frame[:, 0, 1], by_frame[:, 0, 2]
    if (frames != np.arange(n_frames)).any():
        raise InputError(f"{path}: frames are not numbered from 0 one by one: predict again")
    return _file(path, frames, time_s, by_frame[..., 3:5], by_frame[..., 5], found)


def _file(
    path: str | os.PathLike,
    frames: np.ndarray,
    time_s: np.ndarray,
    keypoints_px: np.ndarray,
    confidence: np.ndarray,
    found: np.ndarray,
    **known: Any,
) -> KeypointFile:
    if not (np.diff(time_s) > 0).all() or not np.isfinite(time_s).all():
        raise InputError(f"{path}: times do not ascend: predict again")
    seen = found.astype(bool)
    points = np.concatenate([keypoints_px, confidence[..., None]], -1)[seen].astype(np.float32)
    return keypoint_file(
        path,
        "pose3d",
        frames[seen],
        None,
        points,
        one_person=True,
        layout="h36m17",
        normalised=False,
        time_s=np.asarray(time_s, np.float64),
        n_frames=len(time_s),
        **known,
    )
