"""A baked body: rest mesh, bones and skinning weights, posed with nothing but NumPy and SciPy.

Rest space is the body's own: metres, z up, facing -y, its left towards +x. A pose is one rotation per bone, taken
relative to the rest pose and in world axes, plus the place of the pelvis.
"""

import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from pose3d.geometry.layouts import LANDMARK_NAMES
from pose3d.geometry.rotations import product, turned
from pose3d.records.hdf5 import create_hdf5, open_hdf5, read_strings, write_dataset, write_strings
from pose3d.runtime.errors import InputError
from pose3d.synthetic.surface import Surface

SIDES = ("L", "R")
_ARRAYS = {
    "bone_parents": np.int16,
    "bone_heads_m": np.float64,
    "vertices_m": np.float32,
    "faces": np.int32,
    "weight_bones": np.uint8,
    "weights": np.float32,
    "nose_vertices": np.int32,
    "crown_vertices": np.int32,
    "landmark_vertices": np.int32,
}
_FINGERS = {"thumb": "finger1-2", "index": "finger2-1", "pinky": "finger5-1"}
LANDMARK_BONES = {"upper_neck": "neck02"} | {
    f"{side}_{name}": f"{bone}.{side[0].upper()}" for side in ("left", "right") for name, bone in _FINGERS.items()
}
"""Landmarks that are heads of bones; the others of :data:`pose3d.geometry.layouts.LANDMARK_NAMES` are on the skin."""


@dataclass(frozen=True, eq=False)
class PosedBones:
    """T poses: rotations (T, B, 3, 3) from rest to world, heads (T, B, 3) metres in the world."""

    rotations: np.ndarray
    heads_m: np.ndarray

    def __len__(self) -> int:
        return len(self.heads_m)

    def moved(self, rotation: np.ndarray, translation_m: np.ndarray) -> "PosedBones":
        """The same motion turned by a (3, 3) rotation about the world's origin and then shifted."""
        return PosedBones(product(rotation, self.rotations), turned(rotation, self.heads_m) + translation_m)

    def cut(self, start: int, stop: int) -> "PosedBones":
        """Frames ``start`` to ``stop - 1``."""
        return PosedBones(self.rotations[start:stop], self.heads_m[start:stop])


@dataclass(frozen=True, eq=False)
class Body:
    """Rest mesh and skeleton of one person.

    Attributes:
        bone_labels: B names; parents come before their children, the first is the root.
        bone_parents: (B,) index of each bone's parent, -1 for the root.
        bone_heads_m: (B, 3) joint at which each bone begins, rest space.
        vertices_m: (V, 3) rest mesh.
        faces: (F, 3), counter-clockwise from outside.
        weight_bones, weights: (V, K) bones that move each vertex and how much; rows of ``weights`` add up to 1.
        nose_vertices, crown_vertices: vertices whose means are the Neck/Nose and Head joints.
        landmark_vertices: (L, 12) vertices whose means are the landmarks on the skin, in the order of their names.
    """

    bone_labels: tuple[str, ...]
    bone_parents: np.ndarray
    bone_heads_m: np.ndarray
    vertices_m: np.ndarray
    faces: np.ndarray
    weight_bones: np.ndarray
    weights: np.ndarray
    nose_vertices: np.ndarray
    crown_vertices: np.ndarray
    landmark_vertices: np.ndarray

    @cached_property
    def _bone_index(self) -> dict[str, int]:
        return {label: index for index, label in enumerate(self.bone_labels)}

    def bone(self, label: str) -> int:
        """Index of a bone."""
        return self._bone_index[label]

    def rest(self, label: str) -> np.ndarray:
        """Head of a bone in rest space, (3,) metres."""
        return self.bone_heads_m[self._bone_index[label]]

    def moved_by(self, prefixes: tuple[str, ...]) -> np.ndarray:
        """(V,) bool: vertices that follow mostly a bone whose label starts with one of the prefixes."""
        named = np.array([label.startswith(prefixes) for label in self.bone_labels])
        return named[self._strongest]

    @cached_property
    def _strongest(self) -> np.ndarray:
        """(V,) the bone that moves each vertex most."""
        return self.weight_bones[np.arange(len(self.weights)), self.weights.argmax(axis=1)]

    @cached_property
    def surface(self) -> Surface:
        """The mesh's triangles, prepared for light and drawing."""
        return Surface.of(self.faces, len(self.vertices_m))

    def leg_length_m(self) -> float:
        """Hip to knee to ankle of the left leg."""
        thigh = self.rest("lowerleg01.L") - self.rest("upperleg01.L")
        shin = self.rest("foot.L") - self.rest("lowerleg01.L")
        return float(np.linalg.norm([thigh, shin], axis=-1).sum())

    def pose(self, rotations: dict[str, np.ndarray], pelvis_m: np.ndarray) -> PosedBones:
        """Forward kinematics.

        Args:
            rotations: world rotation relative to rest, (T, 3, 3), by bone label; other bones follow their parent.
            pelvis_m: (T, 3) where the midpoint of the hip joints shall be.
        """
        parents, rest = self.bone_parents, self.bone_heads_m
        world = np.empty((len(pelvis_m), len(parents), 3, 3))
        heads = np.zeros((len(pelvis_m), len(parents), 3))
        for bone, label in enumerate(self.bone_labels):
            parent = parents[bone]
            if label in rotations:
                world[:, bone] = rotations[label]
            else:
                world[:, bone] = np.eye(3) if parent < 0 else world[:, parent]
            if parent >= 0:
                heads[:, bone] = heads[:, parent] + turned(world[:, parent], rest[bone] - rest[parent])
        # Placed by the hips and not by the root bone, which lies apart from them by another offset in every body.
        hips = (heads[:, self.bone("upperleg01.L")] + heads[:, self.bone("upperleg01.R")]) / 2
        return PosedBones(world, heads + (pelvis_m - hips)[:, None])

    @cached_property
    def _skinning(self) -> sparse.csr_array:
        """(V, 4B): vertex v gets sum_b w_vb (R_b x_v + t_b), written as one sparse product with [R_b | t_b]."""
        n_vertices, n_influences = self.weights.shape
        homogeneous = np.concatenate([self.vertices_m, np.ones((n_vertices, 1))], axis=1)
        values = self.weights[:, :, None].astype(np.float64) * homogeneous[:, None, :]
        columns = 4 * self.weight_bones[:, :, None].astype(int) + np.arange(4)
        rows = np.broadcast_to(np.arange(n_vertices)[:, None, None], columns.shape)
        used = np.broadcast_to(self.weights[:, :, None] > 0, columns.shape)
        shape = (n_vertices, 4 * len(self.bone_labels))
        return sparse.csr_array((values[used], (rows[used], columns[used])), shape=shape)

    def skin(self, posed: PosedBones, axes: slice = slice(0, 3)) -> np.ndarray:
        """Linear blend skinning.

        Args:
            axes: world axes to compute; ``slice(2, 3)`` gives heights alone.

        Returns:
            (T, V, n axes) float32, metres in the world.
        """
        offsets = posed.heads_m - np.einsum("tbij,bj->tbi", posed.rotations, self.bone_heads_m)
        transforms = np.concatenate([posed.rotations, offsets[..., None]], axis=-1)[:, :, axes]
        n_frames, n_bones, n_axes = transforms.shape[:3]
        stacked = transforms.transpose(1, 3, 0, 2).reshape(4 * n_bones, n_frames * n_axes)
        vertices = (self._skinning @ stacked).reshape(-1, n_frames, n_axes)
        return np.ascontiguousarray(vertices.transpose(1, 0, 2), dtype=np.float32)

    def joints(self, posed: PosedBones, vertices_m: np.ndarray) -> np.ndarray:
        """The 17 joints of Human3.6M.

        Args:
            vertices_m: (T, V, 3) result of :meth:`skin` for the same poses.

        Returns:
            (T, 17, 3) float64, metres in the world, in the order of :data:`pose3d.geometry.skeleton.JOINT_NAMES`.
        """

        def head(label: str) -> np.ndarray:
            return posed.heads_m[:, self.bone(label)]

        legs = {side: [head(f"{bone}.{side}") for bone in ("upperleg01", "lowerleg01", "foot")] for side in SIDES}
        arms = {side: [head(f"{bone}.{side}") for bone in ("upperarm01", "lowerarm01", "wrist")] for side in SIDES}
        hip = (legs["L"][0] + legs["R"][0]) / 2
        spine = (head("spine02") + head("spine01")) / 2
        nose = vertices_m[:, self.nose_vertices].mean(axis=1, dtype=np.float64)
        crown = vertices_m[:, self.crown_vertices].mean(axis=1, dtype=np.float64)
        trunk = [spine, head("neck01"), nose, crown]
        return np.stack([hip, *legs["R"], *legs["L"], *trunk, *arms["L"], *arms["R"]], axis=1)

    def landmarks(self, posed: PosedBones, vertices_m: np.ndarray) -> np.ndarray:
        """The landmarks of other layouts than Human3.6M's.

        Args:
            vertices_m: (T, V, 3) result of :meth:`skin` for the same poses.

        Returns:
            (T, L, 3) float64, metres in the world, in the order of :data:`pose3d.geometry.layouts.LANDMARK_NAMES`.
        """
        on_skin = iter(vertices_m[:, self.landmark_vertices].mean(axis=2, dtype=np.float64).swapaxes(0, 1))
        bones = [LANDMARK_BONES.get(name) for name in LANDMARK_NAMES]
        return np.stack([next(on_skin) if bone is None else posed.heads_m[:, self.bone(bone)] for bone in bones], 1)


def write_bodies(path: str | os.PathLike, bodies: dict[str, Body]) -> None:
    """Write one group per subject."""
    with create_hdf5(path) as file:
        for subject, body in bodies.items():
            group = file.create_group(subject)
            write_strings(group, "bone_labels", body.bone_labels)
            for name, dtype in _ARRAYS.items():
                write_dataset(group, name, getattr(body, name).astype(dtype))


def read_body(path: str | os.PathLike, subject: str) -> Body:
    """Read one subject's body.

    Raises:
        InputError: the file is missing or damaged, or has no such subject.
    """
    with open_hdf5(path) as file:
        if subject not in file:
            raise InputError(f"{path} has no body for subject {subject}, only {', '.join(sorted(file))}")
        group = file[subject]
        labels = tuple(read_strings(group, "bone_labels"))
        return Body(labels, **{name: group[name][...] for name in _ARRAYS})
