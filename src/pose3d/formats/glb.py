"""Poses as GLB, the binary form of glTF 2.0, which browsers, game engines and Blender open.

A file is a header, a JSON text that describes nodes, meshes and animations, and one block of numbers. Axes are x right,
y up, z back, as glTF has y up and forward z; the unit is metres, times are in seconds. The skeleton is that of our BVH
files: bones of constant length, a T-pose at rest, joints at offset 0 where several bones start. It moves a simple
body, one octahedron for each bone, right red and left blue, because viewers show no joints by themselves.

It is written with the standard library: the only kept library that knows skins and animations, pygltflib, would bring
five packages for what is a dictionary and a header of 20 bytes here.
"""

import json
import os
import struct
from typing import Any

import numpy as np

from pose3d.formats.bvh import BONE_JOINTS
from pose3d.formats.motion import NAMES, Motion, as_skeleton, check_motion
from pose3d.geometry.skeleton import BONES, LEFT_JOINTS, N_JOINTS, RIGHT_JOINTS, ROOT
from pose3d.geometry.skeleton_fit import CHILDREN, REST_DIRECTIONS, SkeletonFit, check_poses, fit_bone_lengths
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import atomic_output
from pose3d.runtime.rows import chunks

MAGIC, JSON_CHUNK, NUMBERS_CHUNK = b"glTF", b"JSON", b"BIN\0"
COMPONENTS = {5121: "<u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
"""NumPy's types by glTF's numbers for them."""
_BYTE, _SHORT, _FLOAT = 5121, 5123, 5126
_TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
_VERTICES, _INDICES = 34962, 34963
_RED, _BLUE, _DARK = (0.8, 0.15, 0.15), (0.15, 0.3, 0.8), (0.2, 0.2, 0.2)
_TRIANGLES = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 1], [5, 2, 1], [5, 3, 2], [5, 4, 3], [5, 1, 4]])
_THICKEST_M = 0.03


def write_glb(path: str | os.PathLike, motion: Motion) -> None:
    """Write an animated skeleton with a body, atomically; all frames are held in memory.

    Gaps are filled (:func:`pose3d.formats.motion.filled`). What the skeleton does is
    :func:`pose3d.geometry.skeleton_fit.with_bone_lengths` with the poses' median lengths.

    Raises:
        InputError: a joint is missing in all frames, or :func:`pose3d.geometry.skeleton_fit.check_poses` or
            :func:`pose3d.formats.motion.check_motion` refuses the poses; or the file would have 4 GiB or more.
        OSError: the disk is full or not writable.
    """
    check_motion(motion, path)
    try:
        motion = as_skeleton(motion)
        check_poses(motion.positions_m, motion.fps)
    except InputError as error:
        raise InputError(f"{path} cannot be written: {in_words(error)}") from None
    lengths_m = fit_bone_lengths(motion.positions_m)
    nodes, joint_nodes, bone_nodes = _skeleton(lengths_m)
    numbers = _Numbers()
    rest_m = _rest_positions(nodes)
    matrices = np.tile(np.eye(4, dtype=np.float32), (len(nodes), 1, 1))
    matrices[:, 3, :3] = -rest_m  # columns come first in glTF
    skin: dict[str, Any] = {"joints": list(range(len(nodes))), "skeleton": 0, "name": "Skeleton"}
    skin["inverseBindMatrices"] = numbers.add(matrices.reshape(-1, 16), _FLOAT)
    body = _body(numbers, lengths_m, rest_m, joint_nodes, bone_nodes)
    animation = _animation(numbers, motion, lengths_m, joint_nodes, bone_nodes)
    content = {
        "asset": {"version": "2.0", "generator": "pose3d"},
        "scene": 0,
        "scenes": [{"nodes": [0, len(nodes)]}],
        "nodes": [*nodes, {"name": "Body", "mesh": 0, "skin": 0}],
        "skins": [skin],
        "meshes": [body],
        "materials": [{"name": "Body", "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}],
        "animations": [animation],
        "accessors": numbers.accessors,
        "bufferViews": numbers.views,
        "buffers": [{"byteLength": numbers.n_bytes}],
    }
    text = json.dumps(content, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + numbers.n_bytes
    if total >= 2**32:
        raise InputError(f"{path} would have {total / 2**30:.1f} GiB, but GLB ends at 4: give a shorter clip")
    with atomic_output(path) as partial, open(partial, "wb") as file:
        file.write(struct.pack("<4sII", MAGIC, 2, total))
        file.write(struct.pack("<I4s", len(text), JSON_CHUNK) + text)
        file.write(struct.pack("<I4s", numbers.n_bytes, NUMBERS_CHUNK))
        for part in numbers.parts:
            file.write(part)


class _Numbers:
    """The block of numbers and what glTF says of it."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.n_bytes = 0

    def add(self, rows: np.ndarray, component: int, target: int | None = None, bounds: bool = False) -> int:
        """Append (N, C) numbers; gives the number of their accessor.

        Args:
            component: glTF's number for their type.
            target: what they are for, where they are a mesh's.
            bounds: state the least and the greatest, as glTF wants of positions and times.
        """
        data = np.ascontiguousarray(rows, COMPONENTS[component])
        content = data.tobytes()
        content += b"\0" * (-len(content) % 4)
        view: dict[str, Any] = {"buffer": 0, "byteOffset": self.n_bytes, "byteLength": data.nbytes}
        accessor: dict[str, Any] = {"bufferView": len(self.views), "componentType": component}
        accessor |= {"count": len(data), "type": _TYPES[data.shape[1]]}
        if bounds:
            accessor |= {"min": data.min(0).tolist(), "max": data.max(0).tolist()}
        self.views.append(view if target is None else view | {"target": target})
        self.accessors.append(accessor)
        self.parts.append(content)
        self.n_bytes += len(content)
        return len(self.accessors) - 1


def _skeleton(lengths_m: np.ndarray) -> tuple[list[dict[str, Any]], dict[int, int], dict[int, int]]:
    """Nodes, parents before children; a joint's node by its number; and by a bone's end the node that turns it."""
    nodes: list[dict[str, Any]] = []
    joint_nodes: dict[int, int] = {}
    bone_nodes: dict[int, int] = {}

    def add(name: str, offset_m: np.ndarray, parent: int | None) -> int:
        nodes.append({"name": name, "translation": [float(value) + 0.0 for value in offset_m]})
        if parent is not None:
            nodes[parent].setdefault("children", []).append(len(nodes) - 1)
        return len(nodes) - 1

    def add_joint(joint: int, offset_m: np.ndarray, parent: int | None) -> None:
        joint_nodes[joint] = node = add(NAMES[joint], offset_m, parent)
        for child in CHILDREN[joint]:
            bone_nodes[child] = add(BONE_JOINTS[child], np.zeros(3), node) if child in BONE_JOINTS else node
            add_joint(child, REST_DIRECTIONS[child - 1] * lengths_m[child - 1], bone_nodes[child])

    add_joint(ROOT, np.zeros(3), None)
    return nodes, joint_nodes, bone_nodes


def _rest_positions(nodes: list[dict[str, Any]]) -> np.ndarray:
    """(N, 3) metres of the nodes at rest, where nothing turns."""
    positions = np.zeros((len(nodes), 3))
    for number, node in enumerate(nodes):
        positions[number] += node["translation"]
        for child in node.get("children", []):
            positions[child] = positions[number]
    return positions


def _body(
    numbers: _Numbers,
    lengths_m: np.ndarray,
    rest_m: np.ndarray,
    joint_nodes: dict[int, int],
    bone_nodes: dict[int, int],
) -> dict[str, Any]:
    """A mesh of one octahedron for each bone, which moves with the node that turns the bone."""
    vertices: list[np.ndarray] = []
    owners: list[int] = []
    colours: list[tuple[float, float, float]] = []
    for parent, child in BONES:
        start, along = rest_m[joint_nodes[parent]], REST_DIRECTIONS[child - 1]
        thick = min(_THICKEST_M, 0.15 * lengths_m[child - 1])
        around = np.array([axis * sign * thick for sign in (1, -1) for axis in np.eye(3) if not axis @ along])
        # Seen from the bone's end the ring goes clockwise, so that all triangles face outwards.
        ring = start + 0.2 * along * lengths_m[child - 1] + around
        if np.cross(around[0], around[1]) @ along > 0:
            ring = ring[[0, 3, 2, 1]]
        vertices += [start, *ring, start + along * lengths_m[child - 1]]
        owners += [bone_nodes[child]] * 6
        colours += [_RED if child in RIGHT_JOINTS else _BLUE if child in LEFT_JOINTS else _DARK] * 6
    joints = np.zeros((len(owners), 4), int)
    joints[:, 0] = owners
    triangles = (6 * np.arange(len(BONES))[:, None, None] + _TRIANGLES).reshape(-1, 1)
    attributes = {
        "POSITION": numbers.add(np.array(vertices), _FLOAT, _VERTICES, bounds=True),
        "COLOR_0": numbers.add(np.array(colours), _FLOAT, _VERTICES),
        "JOINTS_0": numbers.add(joints, _BYTE, _VERTICES),
        "WEIGHTS_0": numbers.add(np.tile([1.0, 0, 0, 0], (len(owners), 1)), _FLOAT, _VERTICES),
    }
    indices = numbers.add(triangles, _SHORT, _INDICES)
    return {"name": "Body", "primitives": [{"attributes": attributes, "indices": indices, "material": 0}]}


def _animation(
    numbers: _Numbers,
    motion: Motion,
    lengths_m: np.ndarray,
    joint_nodes: dict[int, int],
    bone_nodes: dict[int, int],
) -> dict[str, Any]:
    """The root's path, and the rotations of all nodes that turn."""
    turning = {joint: joint_nodes[joint] for joint in range(N_JOINTS) if CHILDREN[joint]}
    turning |= {N_JOINTS + child - 1: bone_nodes[child] for child in BONE_JOINTS}
    quaternions = np.empty((len(turning), len(motion), 4), np.float32)
    fit = SkeletonFit(lengths_m, motion.fps)
    for part in chunks(len(motion)):
        skeleton = fit(motion.positions_m[part])
        rotations = skeleton.joint_rotations + skeleton.bone_rotations
        for row, number in enumerate(turning):
            quaternions[row, part] = rotations[number].as_quat()
    times = numbers.add(motion.times_s[:, None], _FLOAT, bounds=True)
    samplers: list[dict[str, Any]] = [{"input": times, "output": numbers.add(motion.positions_m[:, ROOT], _FLOAT)}]
    channels: list[dict[str, Any]] = [{"sampler": 0, "target": {"node": joint_nodes[ROOT], "path": "translation"}}]
    for node, values in zip(turning.values(), quaternions, strict=True):
        channels.append({"sampler": len(samplers), "target": {"node": node, "path": "rotation"}})
        samplers.append({"input": times, "output": numbers.add(continuous_quaternions(values), _FLOAT)})
    return {"name": "Motion", "channels": channels, "samplers": samplers}


def continuous_quaternions(quaternions: np.ndarray) -> np.ndarray:
    """(T, 4) with signs that keep each near the one before: q and -q are one rotation, but not for who interpolates.

    Example:
        >>> continuous_quaternions(np.array([[0, 0, 0, 1.0], [0, 0, 0, -1.0]]))[1].tolist()
        [0.0, 0.0, 0.0, 1.0]
    """
    turned = np.sum(quaternions[1:] * quaternions[:-1], -1) < 0
    signs = np.concatenate([[1], np.where(np.cumsum(turned) % 2, -1, 1)])
    return quaternions * signs[:, None] + 0.0
