"""Files of joints over time, in any format that their name's ending says."""

import os

from pose3d.formats.bvh import write_bvh
from pose3d.formats.bvh_reading import read_bvh
from pose3d.formats.c3d import read_c3d, write_c3d
from pose3d.formats.endings import OF_KEYPOINTS, OF_PREDICTIONS, format_of
from pose3d.formats.glb import write_glb
from pose3d.formats.glb_reading import read_glb
from pose3d.formats.joints_csv import read_joints_csv, write_joints_csv
from pose3d.formats.joints_npz import read_joints_npz, write_amass, write_joints_npz
from pose3d.formats.motion import Motion, as_skeleton, to_ours
from pose3d.formats.trc import read_trc, write_trc
from pose3d.runtime.errors import InputError, in_words

AXES = {
    "trc": "y up",
    "c3d": "mm, z up",
    "glb": "m, y up",
    "bvh": "cm, y up",
    "amass": "m, z up",
}
"""Of each format but our own, which say so in their columns' names."""


def read_motion(path: str | os.PathLike, frame: str | None = None, lifter: str = "temporal") -> Motion:
    """Read joints.

    Args:
        path: of the file.
        frame: ``camera`` or ``world``, of our own npz and CSV, which may hold both; None: the world's if they are
            there.
        lifter: whose poses, of what ``pose3d predict`` wrote.

    Raises:
        InputError: the file is missing, damaged, or holds no joints.
    """
    known = format_of(path)
    if known in OF_PREDICTIONS:
        held = "2D keypoints" if known in OF_KEYPOINTS else "a recording for a viewer"
        raise InputError(f"{path} holds {held}: give a file of joints in 3D")
    if known == "npz":
        return read_joints_npz(path, frame, lifter)
    if known == "csv":
        return read_joints_csv(path, frame, lifter)
    if frame is not None:
        raise InputError(f"{path} does not say which frame it is in: leave --frame out, it is for our npz and CSV")
    if known == "amass":
        return read_joints_npz(path)
    return {"trc": read_trc, "c3d": read_c3d, "glb": read_glb, "bvh": read_bvh}[known](path)


def write_motion(path: str | os.PathLike, motion: Motion, unit: str = "m") -> None:
    """Write joints, atomically.

    Args:
        path: of the new file.
        motion: what it will hold.
        unit: of TRC, ``m`` or ``mm``; other formats have one unit each.

    Raises:
        InputError: the format cannot hold this motion.
        OSError: the disk is full or not writable.
    """
    known = format_of(path)
    if known == "trc":
        write_trc(path, motion, unit)
    elif known == "bvh":
        try:
            skeleton = as_skeleton(motion)
        except InputError as error:
            raise InputError(f"{path} cannot be written: {in_words(error)}") from None
        write_bvh(path, to_ours(skeleton), motion.fps, motion.frame)
    else:
        writers = {
            "c3d": write_c3d,
            "glb": write_glb,
            "amass": write_amass,
            "npz": write_joints_npz,
            "csv": write_joints_csv,
        }
        writers[known](path, motion)
