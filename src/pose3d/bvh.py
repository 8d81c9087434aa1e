"""Poses as a BVH file, which Blender and other animation programs open.

BVH (Biovision Hierarchy) is text: a tree of joints, each with its offset from its parent at rest, then for every frame
the root's position and every joint's rotation. Here offsets and positions are in centimetres, x to the camera's right,
y up along its image and z from the scene towards it, the camera at the origin: a person facing the camera faces z, as
the format's users expect. The resting skeleton is a T-pose facing z.

A joint turns all bones that start there together. Where several do, at hip and thorax, each bone has a joint of its own
at offset 0 (as the BVH files of the CMU motion capture database have), so that every bone points where it should.
"""

import os

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.errors import InputError
from pose3d.files import write_text
from pose3d.skeleton import JOINT_NAMES, ROOT
from pose3d.skeleton_fit import CHILDREN, REST_DIRECTIONS, FittedSkeleton, check_poses, fit_skeleton

BVH_FROM_CAMERA = np.array([1.0, -1.0, -1.0])
"""Camera space (x right, y down, z forward) times this is the file's: half a turn about x."""

NAMES = tuple(name.split("/")[0] for name in JOINT_NAMES)
"""The file's names of the 17 joints; a slash would be a path in some programs."""

BONE_JOINTS = {1: "RHipJoint", 4: "LHipJoint", 7: "LowerBack", 9: "LowerNeck", 11: "LClavicle", 14: "RClavicle"}
"""Names of the joints at offset 0, by the joint where their bone ends."""

_CM = 100.0
_END_CM = 5.0  # nothing is known past wrists, feet and head; without a length they could not be seen
_ROTATIONS = "Zrotation Xrotation Yrotation"


def write_bvh(path: str | os.PathLike, poses_cam_m: np.ndarray, fps: float) -> None:
    """Write (T, 17, 3) joints in camera space, metres, as BVH with constant bone lengths.

    What the file's skeleton does is :func:`pose3d.skeleton_fit.with_bone_lengths` with the poses' median lengths: the
    root's path and the directions of all bones are the poses' own. Poses relative to their root stay at the origin.

    Raises:
        InputError: the poses or ``fps`` are refused by :func:`pose3d.skeleton_fit.check_poses`.
    """
    poses_cam_m = np.asarray(poses_cam_m, np.float64)
    try:
        check_poses(poses_cam_m, fps)
    except InputError as error:
        raise InputError(f"{path} cannot be written: {error}") from None
    skeleton = fit_skeleton(poses_cam_m * BVH_FROM_CAMERA, fps)
    hierarchy: list[str] = []
    rotations: list[Rotation] = []
    _add_joint(ROOT, 0, skeleton, hierarchy, rotations)
    angles_deg = np.stack([continuous_euler_deg(rotation) for rotation in rotations], 1)
    frames = np.concatenate([skeleton.root_m * _CM, angles_deg.reshape(len(angles_deg), -1)], 1)
    lines = [
        "HIERARCHY",
        *hierarchy,
        "MOTION",
        f"Frames: {len(frames)}",
        f"Frame Time: {1 / fps:.9f}",
        *(" ".join(f"{value:.6f}" for value in frame) for frame in frames),
    ]
    write_text(path, "\n".join(lines) + "\n")


def continuous_euler_deg(rotations: Rotation) -> np.ndarray:
    """Angles (T, 3) in degrees about z, x and y of T rotations R = Rz Rx Ry, with no jumps where none need be.

    Every rotation has two such triples within a turn, and more with whole turns added; taken is the one nearest to the
    frame before, because programs interpolate each angle by itself.
    """
    angles_deg = rotations.as_euler("ZXY", degrees=True, suppress_warnings=True)
    for t in range(1, len(angles_deg)):
        z, x, y = angles_deg[t]
        both = np.array([[z, x, y], [z + 180, 180 - x, y + 180]])
        both -= 360 * np.round((both - angles_deg[t - 1]) / 360)
        angles_deg[t] = both[np.abs(both - angles_deg[t - 1]).sum(-1).argmin()]
    return angles_deg


def _add_joint(
    joint: int, depth: int, skeleton: FittedSkeleton, hierarchy: list[str], rotations: list[Rotation]
) -> None:
    """Append a joint's lines and rotations and those of all below it, depth first."""
    if joint == ROOT:
        _open("ROOT", NAMES[joint], np.zeros(3), depth, hierarchy)
    else:
        offset_cm = REST_DIRECTIONS[joint - 1] * skeleton.bone_lengths_m[joint - 1] * _CM
        _open("JOINT", NAMES[joint], offset_cm, depth, hierarchy)
    rotations.append(skeleton.joint_rotations[joint])
    for child in CHILDREN[joint]:
        if child in BONE_JOINTS:
            _open("JOINT", BONE_JOINTS[child], np.zeros(3), depth + 1, hierarchy)
            rotations.append(skeleton.bone_rotations[child - 1])
            _add_joint(child, depth + 2, skeleton, hierarchy, rotations)
            hierarchy.append("\t" * (depth + 1) + "}")
        else:
            _add_joint(child, depth + 1, skeleton, hierarchy, rotations)
    if not CHILDREN[joint]:
        _open("End", "Site", REST_DIRECTIONS[joint - 1] * _END_CM, depth + 1, hierarchy)
        hierarchy.append("\t" * (depth + 1) + "}")
    hierarchy.append("\t" * depth + "}")


def _open(kind: str, name: str, offset_cm: np.ndarray, depth: int, hierarchy: list[str]) -> None:
    """Append the lines of a joint or end up to where its children stand."""
    outer, inner = "\t" * depth, "\t" * (depth + 1)
    hierarchy += [f"{outer}{kind} {name}", outer + "{"]
    hierarchy.append(f"{inner}OFFSET " + " ".join(f"{value + 0.0:.6f}" for value in offset_cm))
    if kind == "ROOT":
        hierarchy.append(f"{inner}CHANNELS 6 Xposition Yposition Zposition {_ROTATIONS}")
    elif kind == "JOINT":
        hierarchy.append(f"{inner}CHANNELS 3 {_ROTATIONS}")
