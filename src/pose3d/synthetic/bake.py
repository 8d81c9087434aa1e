"""Bakes anny's parametric body into the few arrays that posing needs.

anny takes a while to start and 0.8 GB of cache on disk; it is imported here only, and its cache lives in a temporary
folder. One of its functions is replaced by a faster one, :func:`read_blend_shape`, because baking would take a minute
more; its version is pinned.
"""

from __future__ import annotations

import gzip
import os
import tempfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pose3d.runtime.errors import InputError, in_words
from pose3d.synthetic.body import Body
from pose3d.synthetic.landmarks import N_VERTICES, skin_landmarks

if TYPE_CHECKING:
    import torch

# Landmarks in anny's rest space, metres, relative to the eyes: the nose's tip is in front (-y), narrow and below.
_NOSE_HALF_WIDTH_M = 0.02
_NOSE_BELOW_EYES_M = 0.005
_N_NOSE_VERTICES = 12
_N_CROWN_VERTICES = 20


@dataclass(frozen=True)
class Shape:
    """anny's phenotype, each number in [0, 1].

    Attributes:
        gender: 0 male to 1 female.
        height: 0 to 1 spans 1.29 to 2.38 m.
        weight, muscle, proportions, age: as anny has them.
    """

    gender: float
    height: float
    weight: float
    muscle: float
    proportions: float
    age: float = 0.67  # adult


SHAPES = {
    "S1": Shape(gender=0.95, height=0.45, weight=0.45, muscle=0.50, proportions=0.60),
    "S5": Shape(gender=0.90, height=0.40, weight=0.62, muscle=0.42, proportions=0.45),
    "S6": Shape(gender=0.08, height=0.45, weight=0.52, muscle=0.58, proportions=0.55),
    "S7": Shape(gender=0.75, height=0.48, weight=0.40, muscle=0.62, proportions=0.65),
    "S8": Shape(gender=0.05, height=0.38, weight=0.68, muscle=0.45, proportions=0.40),
    "S9": Shape(gender=0.12, height=0.42, weight=0.45, muscle=0.68, proportions=0.60),
    "S11": Shape(gender=0.25, height=0.50, weight=0.40, muscle=0.45, proportions=0.50),
}
"""The seven performers, named after Human3.6M's subjects; nobody in particular."""


def bake_bodies(shapes: dict[str, Shape]) -> dict[str, Body]:
    """Evaluate anny at rest once per shape.

    Raises:
        ImportError: anny is not installed.
        InputError: the temporary folder has no room for anny's cache.
    """
    from safetensors import SafetensorError  # which anny writes its cache with

    with tempfile.TemporaryDirectory(prefix="anny-") as cache:
        before = os.environ.get("ANNY_CACHE_DIR")
        os.environ["ANNY_CACHE_DIR"] = cache
        try:
            return _bake(shapes)
        except SafetensorError as error:
            raise InputError(
                f"anny cannot write its cache to {cache} ({in_words(error)}): free 1 GB there or set TMPDIR to another "
                "folder"
            ) from None
        finally:
            if before is None:
                del os.environ["ANNY_CACHE_DIR"]
            else:
                os.environ["ANNY_CACHE_DIR"] = before


def _bake(shapes: dict[str, Shape]) -> dict[str, Body]:
    import anny
    import torch
    from anny.models import full_model

    # Its own makes a tensor of each of seven million lines.
    full_model.load_blend_shape = read_blend_shape
    torch.set_num_threads(1)  # more threads cost time here, and would make the sums depend on the machine
    model = anny.Anny().to(torch.float32)
    n_bones = len(model.bone_labels)
    rest_pose = torch.eye(4).expand(1, n_bones, 4, 4)
    bodies = {}
    for subject, shape in shapes.items():
        phenotype = {name: getattr(shape, name) for name in model.phenotype_labels}
        with torch.no_grad():
            result = model(pose_parameters=rest_pose, phenotype_kwargs=phenotype)
        vertices = result["rest_vertices"][0].numpy()
        heads = result["rest_bone_poses"][0, :, :3, 3].numpy().astype(np.float64)
        labels = tuple(model.bone_labels)
        nose, crown = face_landmarks(vertices, heads[labels.index("head")], heads[labels.index("eye.L")])
        body = Body(
            bone_labels=labels,
            bone_parents=np.array([int(parent) for parent in model.bone_parents]),
            bone_heads_m=heads,
            vertices_m=vertices,
            faces=model.faces.numpy().astype(np.int32),
            weight_bones=model.vertex_bone_indices.numpy(),
            weights=model.vertex_bone_weights.numpy(),
            nose_vertices=nose,
            crown_vertices=crown,
            landmark_vertices=np.empty((0, N_VERTICES), np.int64),
        )
        bodies[subject] = replace(body, landmark_vertices=skin_landmarks(body))
    return bodies


def read_blend_shape(filename: str, vertices_count: int, world_transformation: Any, dtype: torch.dtype) -> torch.Tensor:
    """As anny.models.full_model.load_blend_shape: read lines of a vertex and its offset; the others' are zero.

    Args:
        filename: a gzipped text file.
        vertices_count: V.
        world_transformation: anny's, from the file's axes and units to its own; its ``apply`` takes (V, 3).
        dtype: of the (V, 3) result.
    """
    import torch

    with gzip.open(filename, "rt") as lines:
        rows = np.array(lines.read().split(), np.float64).reshape(-1, 4)
    blend_shape = torch.zeros((vertices_count, 3), dtype=dtype)
    blend_shape[rows[:, 0].astype(np.int64)] = torch.from_numpy(rows[:, 1:]).to(dtype)
    return world_transformation.apply(blend_shape)


def face_landmarks(vertices_m: np.ndarray, head_m: np.ndarray, eye_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices at the tip of the nose and at the top of the head.

    Args:
        vertices_m: (V, 3) rest mesh, facing -y.
        head_m, eye_m: (3,) heads of the head and eye bones.

    Returns:
        indices of the frontmost vertices between head bone and eyes near the middle, and of the highest vertices.
    """
    x, y, z = vertices_m.T
    on_nose = (z > head_m[2]) & (z < eye_m[2] - _NOSE_BELOW_EYES_M) & (np.abs(x) < _NOSE_HALF_WIDTH_M)
    candidates = np.flatnonzero(on_nose)
    nose = candidates[np.argsort(y[candidates], kind="stable")[:_N_NOSE_VERTICES]]
    crown = np.argsort(-z, kind="stable")[:_N_CROWN_VERTICES]
    return np.sort(nose), np.sort(crown)
