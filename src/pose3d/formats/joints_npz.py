"""Joints over time as npz files: our own, and in the manner of AMASS.

============================  ===============================================================================
array of our own              content, T frames, J joints
============================  ===============================================================================
time_s                        (T,) float64, seconds since the first frame
joints                        (J,) names
poses_cam_m or poses_world_m  (T, J, 3) float32, metres, NaN where missing; camera space (x right, y down,
                              z forward) or the world (z up)
============================  ===============================================================================

The arrays that ``pose3d predict`` writes are read as well, whose poses have a lifter's name behind theirs, and to which
landmarks may come; and in place
of ``time_s`` ``fps``, frames a second, and in place of ``joints`` ``layout``, a name of
:data:`pose3d.geometry.layouts.LAYOUTS`.

=======================================  ====================================================================
array in the manner of AMASS             content
=======================================  ====================================================================
joints                                   (T, J, 3) float32, metres, x right, y forward, z up, no gaps
joint_names                              (J,)
trans                                    (T, 3) float32, metres, the first joint's path
mocap_framerate and mocap_frame_rate     () float64, frames a second; the first for SMPL+H, the other for SMPL-X
=======================================  ====================================================================

AMASS itself has rotations of a body model's joints (``poses``, ``betas``) and no positions; ours are joints alone.
"""

import functools
import io
import os
import zipfile
from collections.abc import Mapping

import numpy as np

from pose3d.formats.even_times import even_motion
from pose3d.formats.motion import (
    Z_UP_FROM_Y_UP,
    Motion,
    check_motion,
    check_read,
    filled,
    names_of_others,
    to_ours,
    without_blanks,
)
from pose3d.formats.pose_choice import choose_poses
from pose3d.geometry.layouts import layout
from pose3d.lifting.long_clips import TRAINED_RATE_HZ
from pose3d.records.pickled_npz import MAX_BYTES, MAX_EXPANSION, is_refused_by_system, read_member
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import atomic_output

_RATES = ("mocap_framerate", "mocap_frame_rate")
_OURS = {"camera": "poses_cam_m", "world": "poses_world_m"}
_NAMED = 8  # arrays in a sentence
_OLDEST_TIME = (1980, 1, 1, 0, 0, 0)


def write_joints_npz(path: str | os.PathLike, motion: Motion) -> None:
    """Write our own npz, atomically; same motion, same bytes.

    Raises:
        InputError: see :func:`pose3d.formats.motion.check_motion`.
        OSError: the disk is full or not writable.
    """
    check_motion(motion, path)
    arrays = {"time_s": motion.times_s, "joints": np.array(motion.joints)}
    _write(path, arrays | {_OURS[motion.frame]: to_ours(motion).astype(np.float32)})


def write_amass(path: str | os.PathLike, motion: Motion) -> None:
    """Write joints in the manner of AMASS, atomically, gaps filled; same motion, same bytes.

    Raises:
        InputError: see :func:`pose3d.formats.motion.check_motion`; or a joint is missing in all frames.
        OSError: the disk is full or not writable.
    """
    check_motion(motion, path)
    try:
        joints_m = (filled(motion).positions_m @ Z_UP_FROM_Y_UP.T).astype(np.float32)
    except InputError as error:
        raise InputError(f"{path} cannot be written: {in_words(error)}") from None
    arrays = {"joints": joints_m, "joint_names": np.array(motion.joints), "trans": joints_m[:, 0]}
    _write(path, arrays | {name: np.array(motion.fps) for name in _RATES})


def read_joints_npz(path: str | os.PathLike, frame: str | None = None, lifter: str = "temporal") -> Motion:
    """Read any of the above.

    Args:
        path: of the file.
        frame: ``camera`` or ``world``; None: the world's poses if there are any.
        lifter: whose poses, of several.

    Raises:
        InputError: the file is missing, damaged, or holds no such poses; names the array.
    """
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            claimed = sum(member.file_size for member in members.values())
            if claimed > min(MAX_BYTES, max(2**27, MAX_EXPANSION * os.path.getsize(path))):
                raise ValueError(f"it claims to unpack to {claimed / 2**30:.4g} GiB")
            wanted = {"time_s", "fps", "found", "joints", "layout", "joint_names", *_RATES}
            wanted |= {name for name in members if name.startswith((*_OURS.values(), "landmarks"))}
            arrays = {name: _read(archive, members[name]) for name in sorted(wanted & set(members))}
    except Exception as error:  # whatever damage makes zlib, zipfile or NumPy raise
        if is_refused_by_system(error):
            raise InputError(f"{path} cannot be read ({error.strerror}): give an npz file that you may read") from None
        raise InputError(f"{path} is no whole npz file of joints ({in_words(error)}): write it again") from None
    if set(_RATES) & set(arrays):
        motion = _amass(path, arrays)
    elif not any(name.startswith((*_OURS.values(),)) for name in arrays):
        held = ", ".join(map(ascii, sorted(members)[:_NAMED])) or "nothing"
        raise InputError(
            f"{path} has no array poses_world_m (z up) or poses_cam_m (it has {held}): give joints of shape (T, J, 3) "
            "in metres such a name, beside joints, their J names, and fps"
        )
    else:
        motion = _ours(path, arrays, frame, lifter)
    check_read(motion, path)
    return motion


def _ours(path: str | os.PathLike, arrays: Mapping[str, np.ndarray], frame: str | None, lifter: str) -> Motion:
    groups = {name: known for known, begin in _OURS.items() for name in arrays if name.startswith(begin)}
    name, frame = choose_poses(path, groups, frame, lifter)
    poses_m = _array(path, arrays, name, 3)
    if "layout" in arrays and "joints" not in arrays:
        try:
            names = without_blanks(layout(str(_array(path, arrays, "layout", 0, "U"))).points)
        except InputError as error:
            raise InputError(f"{path}: {in_words(error)}") from None
    elif "joints" not in arrays:
        raise InputError(f"{path} has no array joints: give the names of the {poses_m.shape[1]} joints there")
    else:
        names = names_of_others(_array(path, arrays, "joints", 1, "U").tolist())
    of_landmarks = name.replace("poses_", "landmarks_", 1)
    if "landmarks" in arrays and of_landmarks in arrays:
        names += without_blanks(_array(path, arrays, "landmarks", 1, "U").tolist())
        landmarks_m = _array(path, arrays, of_landmarks, 3)
        if landmarks_m.shape[::2] != poses_m.shape[::2]:
            raise InputError(
                f"{path}: {of_landmarks} has shape {landmarks_m.shape}, another than {name}: write it again"
            )
        poses_m = np.concatenate([poses_m, landmarks_m], 1)
    rate_hz = TRAINED_RATE_HZ
    if "fps" in arrays and "time_s" not in arrays:
        rate_hz = _rate(path, arrays, "fps")
        time_s = np.arange(len(poses_m)) / rate_hz
    elif "time_s" not in arrays:
        raise InputError(
            f"{path} has no array time_s: give the times of its frames in seconds there, or their rate as fps"
        )
    else:
        time_s = _array(path, arrays, "time_s", 1)
    if poses_m.shape != (len(time_s), len(names), 3) or not len(time_s):
        raise InputError(
            f"{path}: {name} has shape {poses_m.shape} for {len(time_s)} times and {len(names)} joints: write it again"
        )
    if not np.isfinite(time_s).all() or (np.diff(time_s) <= 0).any():
        raise InputError(f"{path}: time_s is not ascending: give a time in seconds for each frame, in order")
    found = _array(path, arrays, "found", 1, "b") if "found" in arrays else np.ones(len(time_s), bool)
    if len(found) != len(time_s):
        raise InputError(f"{path}: found has {len(found)} frames beside {len(time_s)} times: write it again")
    return even_motion(time_s, poses_m, found, frame, names, rate_hz)


def _amass(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> Motion:
    if "joints" not in arrays or "joint_names" not in arrays:
        raise InputError(f"{path} has no arrays joints and joint_names: give joints, as no body model is read here")
    joints_m = _array(path, arrays, "joints", 3)
    names = names_of_others(_array(path, arrays, "joint_names", 1, "U").tolist())
    if joints_m.shape[1:] != (len(names), 3):
        raise InputError(f"{path}: joints has shape {joints_m.shape} beside {len(names)} joint_names: write it again")
    rate = next(name for name in _RATES if name in arrays)
    return Motion(names, joints_m.astype(np.float64) @ Z_UP_FROM_Y_UP, _rate(path, arrays, rate))


def _rate(path: object, arrays: Mapping[str, np.ndarray], name: str) -> float:
    if arrays[name].size != 1 or arrays[name].dtype.kind not in "fiu" or not 0 < arrays[name].reshape(()) < np.inf:
        raise InputError(f"{path}: {name} is not one positive number: write the frames a second there")
    return float(arrays[name].reshape(()))


def _array(path: object, arrays: Mapping[str, np.ndarray], name: str, n_axes: int, kinds: str = "fiu") -> np.ndarray:
    if name not in arrays:
        raise InputError(f"{path} has no array {name}: give what `pose3d predict` or `pose3d convert` wrote")
    if arrays[name].ndim != n_axes or arrays[name].dtype.kind not in kinds:
        raise InputError(
            f"{path}: {name} is of type {arrays[name].dtype} and shape {arrays[name].shape}: write it again"
        )
    if arrays[name].dtype.kind == "f" and np.isinf(arrays[name]).any():
        raise InputError(f"{path}: {name} is infinite somewhere: give what is missing as NaN")
    return arrays[name]


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    array: np.ndarray = read_member(archive, member, functools.partial(_check, member.filename.removesuffix(".npy")))
    return np.char.decode(array, "latin-1") if array.dtype.kind == "S" else array


def _check(name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    if dtype.kind not in "fiubUS":
        raise ValueError(f"its array {name} of shape {shape} holds neither numbers nor names but objects")


def _write(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """As numpy.savez does, but without the time of day."""
    with atomic_output(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, array in arrays.items():
            file = io.BytesIO()
            np.lib.format.write_array(file, np.ascontiguousarray(array).reshape(array.shape), version=(1, 0))
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _OLDEST_TIME), file.getvalue())
