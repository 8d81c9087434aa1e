"""Poses as a BVH file, which Blender and other animation programs open.

BVH (Biovision Hierarchy) is text: a tree of joints, each with its offset from its parent at rest, then for every frame
the root's position and every joint's rotation. Here offsets and positions are in centimetres, y up. Of poses in camera
space x is to the camera's right, y up along its image and z from the scene towards it, the camera at the origin: a
person facing the camera faces z, as the format's users expect. Of poses in the world y is up, and the floor at 0. The
resting skeleton is a T-pose facing z.

A joint turns all bones that start there together. Where several do, at hip and thorax, each bone has a joint of its own
at offset 0 (as the BVH files of the CMU motion capture database have), so that every bone points where it should.
"""

import os

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.formats.motion import NAMES, Y_UP_FROM
from pose3d.geometry.skeleton import N_JOINTS, ROOT
from pose3d.geometry.skeleton_fit import CHILDREN, REST_DIRECTIONS, SkeletonFit, check_poses, fit_bone_lengths
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import atomic_output
from pose3d.runtime.rows import Sliceable, chunks

BONE_JOINTS = {1: "RHipJoint", 4: "LHipJoint", 7: "LowerBack", 9: "LowerNeck", 11: "LClavicle", 14: "RClavicle"}
"""Names of the joints at offset 0, by the joint where their bone ends."""

_CM = 100.0
_SAMPLED_FRAMES = 10_000
_END_CM = 5.0  # nothing is known past wrists, feet and head; without a length they could not be seen
_ROTATIONS = "Zrotation Xrotation Yrotation"


def write_bvh(path: str | os.PathLike, poses_m: Sliceable, fps: float, frame: str = "camera") -> None:
    """Write (T, 17, 3) joints in metres as BVH with constant bone lengths, atomically.

    What the file's skeleton does is :func:`pose3d.geometry.skeleton_fit.with_bone_lengths` with the poses' median
    lengths (of long clips those of some ten thousand frames, evenly spread): the root's path and the directions of all
    bones are the poses' own. Poses relative to their root stay at the origin. Some frames at a time are read and
    written.

    Args:
        path: of the new file.
        poses_m: (T, 17, 3), relative to the root or not; T at least 1.
        fps: frames per second, more than 0.
        frame: the poses', ``camera`` (x right, y down, z forward) or ``world`` (z up).

    Raises:
        InputError: the poses or ``fps`` are refused by :func:`pose3d.geometry.skeleton_fit.check_poses`.
        OSError: the disk is full or not writable.
    """
    n_frames, sample = len(poses_m), []
    try:
        check_poses(np.asarray(poses_m[:1], np.float64), fps)
        for part in chunks(n_frames):
            poses = np.asarray(poses_m[part], np.float64)
            check_poses(poses, fps, part.start)
            sample.append(poses[:: -(-n_frames // _SAMPLED_FRAMES)].copy())  # a view would keep all of them
    except InputError as error:
        raise InputError(f"{path} cannot be written: {in_words(error)}") from None
    lengths_m = fit_bone_lengths(np.concatenate(sample))
    hierarchy: list[str] = []
    turning: list[int] = []
    _add_joint(ROOT, 0, lengths_m, hierarchy, turning)
    fit, before_deg = SkeletonFit(lengths_m, fps), None
    with atomic_output(path) as partial, open(partial, "w", encoding="utf-8") as file:
        header = ["HIERARCHY", *hierarchy, "MOTION", f"Frames: {n_frames}", f"Frame Time: {1 / fps:.9f}"]
        file.writelines(line + "\n" for line in header)
        for part in chunks(n_frames):
            skeleton = fit(np.asarray(poses_m[part], np.float64) @ Y_UP_FROM[frame].T)
            rotations = skeleton.joint_rotations + skeleton.bone_rotations
            angles_deg = continuous_euler_deg([rotations[index] for index in turning], before_deg)
            before_deg = angles_deg[-1]
            frames = np.concatenate([skeleton.root_m * _CM, angles_deg.reshape(len(angles_deg), -1)], 1)
            file.writelines(" ".join(f"{value:.6f}" for value in frame) + "\n" for frame in frames.tolist())


def continuous_euler_deg(rotations: list[Rotation], before_deg: np.ndarray | None = None) -> np.ndarray:
    """Angles (T, K, 3) in degrees about z, x and y of K times T rotations R = Rz Rx Ry, with no jumps but needed ones.

    Every rotation has two such triples within a turn, and more with whole turns added; taken is the one nearest to the
    frame before, because programs interpolate each angle by itself.

    Args:
        before_deg: (K, 3) angles of the frame before these; None: no frame is before them.
    """
    angles_deg = np.stack([each.as_euler("ZXY", degrees=True, suppress_warnings=True) for each in rotations], 1)
    other_deg = angles_deg * [1, -1, 1] + 180
    joints = np.arange(len(rotations))
    for t in range(len(angles_deg)):
        if before_deg is not None:
            both = np.stack([angles_deg[t], other_deg[t]])
            both -= 360 * np.round((both - before_deg) / 360)
            angles_deg[t] = both[np.abs(both - before_deg).sum(-1).argmin(0), joints]
        before_deg = angles_deg[t]
    return angles_deg


def _add_joint(joint: int, depth: int, lengths_m: np.ndarray, hierarchy: list[str], turning: list[int]) -> None:
    """Append a joint's lines and what turns there, and those of all below it, depth first.

    Args:
        turning: numbers among the skeleton's joint rotations, followed by its bone rotations.
    """
    if joint == ROOT:
        _open("ROOT", NAMES[joint], np.zeros(3), depth, hierarchy)
    else:
        offset_cm = REST_DIRECTIONS[joint - 1] * lengths_m[joint - 1] * _CM
        _open("JOINT", NAMES[joint], offset_cm, depth, hierarchy)
    turning.append(joint)
    for child in CHILDREN[joint]:
        if child in BONE_JOINTS:
            _open("JOINT", BONE_JOINTS[child], np.zeros(3), depth + 1, hierarchy)
            turning.append(N_JOINTS + child - 1)
            _add_joint(child, depth + 2, lengths_m, hierarchy, turning)
            hierarchy.append("\t" * (depth + 1) + "}")
        else:
            _add_joint(child, depth + 1, lengths_m, hierarchy, turning)
    if not CHILDREN[joint]:
        _open("End", "Site", REST_DIRECTIONS[joint - 1] * _END_CM, depth + 1, hierarchy)
        hierarchy.append("\t" * (depth + 1) + "}")
    hierarchy.append("\t" * depth + "}")


def _open(kind: str, name: str, offset_cm: np.ndarray, depth: int, hierarchy: list[str]) -> None:
    """Append the lines of a joint or end up to where its children are."""
    outer, inner = "\t" * depth, "\t" * (depth + 1)
    hierarchy += [f"{outer}{kind} {name}", outer + "{"]
    hierarchy.append(f"{inner}OFFSET " + " ".join(f"{value + 0.0:.6f}" for value in offset_cm))
    if kind == "ROOT":
        hierarchy.append(f"{inner}CHANNELS 6 Xposition Yposition Zposition {_ROTATIONS}")
    elif kind == "JOINT":
        hierarchy.append(f"{inner}CHANNELS 3 {_ROTATIONS}")
