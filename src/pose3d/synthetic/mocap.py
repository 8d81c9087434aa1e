"""Reads the two kinds of motion capture clips and resamples them to one frame rate.

DeepMimic clips (pybullet) hold joint rotations, x forward, y up, z right; climbing clips (holosoma) hold joint
positions, z up, and come with the boxes that are climbed. Both are returned as the sources have them, in metres;
:mod:`pose3d.synthetic.retarget` brings them onto a body.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.transform import Rotation, Slerp

from pose3d.runtime.errors import InputError

# Column of each joint's numbers in a DeepMimic frame. Spherical joints are quaternions w, x, y, z; knees and elbows
# are one angle about z. Columns 0 to 3 are the frame's duration and the root's position.
_SPHERICAL_COLUMNS = {
    "hips": 4,
    "chest": 8,
    "neck": 12,
    "right_hip": 16,
    "right_ankle": 21,
    "right_shoulder": 25,
    "left_hip": 30,
    "left_ankle": 35,
    "left_shoulder": 39,
}
_HINGE_COLUMNS = {"right_knee": 20, "right_elbow": 29, "left_knee": 34, "left_elbow": 43}
_DEEPMIMIC_COLUMNS = 44

_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")
_ARM = ("Shoulder", "Arm", "ForeArm", "Hand", *(f"Hand{finger}{i}" for finger in _FINGERS for i in (1, 2, 3)))
_LEG = ("UpLeg", "Leg", "Foot", "ToeBase")
CLIMB_JOINTS = (
    *("Hips", "Spine", "Spine1", "Neck", "Head"),
    *(f"{side}{name}" for side in ("Left", "Right") for name in _ARM),
    *(f"{side}{name}" for side in ("Left", "Right") for name in _LEG),
    *("LeftFootMod", "RightFootMod"),
)
"""Order of the 53 joints of a climbing clip."""

# The clips carry no rate. Their package reduces them by 4 to reach 30 fps.
CLIMB_RATE_HZ = 120.0


@dataclass(frozen=True, eq=False)
class Boxes:
    """A triangle mesh: vertices (N, 3) metres, z up; triangles (M, 3) int32, counter-clockwise from outside."""

    vertices_m: np.ndarray
    triangles: np.ndarray


@dataclass(frozen=True, eq=False)
class RotationClip:
    """A DeepMimic clip: root position (T, 3) metres, and each joint's T rotations relative to its parent."""

    root_m: np.ndarray
    local: dict[str, Rotation]

    def __len__(self) -> int:
        return len(self.root_m)


@dataclass(frozen=True, eq=False)
class PositionClip:
    """A climbing clip: joints (T, 53, 3) metres in the order of :data:`CLIMB_JOINTS`, and the boxes."""

    joints_m: np.ndarray
    boxes: Boxes

    def __len__(self) -> int:
        return len(self.joints_m)

    def joint(self, name: str) -> np.ndarray:
        """Path of one joint, (T, 3) metres."""
        return self.joints_m[:, CLIMB_JOINTS.index(name)]


def sample_times(duration_s: float, rate_hz: float) -> np.ndarray:
    """Times 0, 1/rate, 2/rate ... up to and including ``duration_s``, seconds."""
    # The tolerance keeps a last sample whose time differs from the duration by rounding only.
    return np.arange(int(np.floor(duration_s * rate_hz + 1e-6)) + 1) / rate_hz


def read_deepmimic(path: Path, rate_hz: float) -> RotationClip:
    """Read a DeepMimic clip and resample it: positions linearly, rotations along the shortest arc (slerp).

    Raises:
        InputError: not a DeepMimic humanoid clip, or numbers that are not finite.
    """
    try:
        frames = np.array(json.loads(path.read_text(encoding="utf-8"))["Frames"], np.float64)
    except FileNotFoundError:
        raise InputError(f"{path} is missing: run the download stage") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} is not a DeepMimic clip (JSON with 'Frames'): run the download stage again") from None
    if frames.ndim != 2 or frames.shape[1] != _DEEPMIMIC_COLUMNS or len(frames) < 2:
        raise InputError(f"{path} must hold two or more frames of {_DEEPMIMIC_COLUMNS} numbers, not {frames.shape}")
    durations = frames[:-1, 0]
    if not np.isfinite(frames).all() or not (durations > 0).all():
        raise InputError(f"{path} has numbers that are not finite or frames without duration: download it again")
    times = np.concatenate([[0.0], np.cumsum(durations)])
    wanted = np.minimum(sample_times(times[-1], rate_hz), times[-1])

    local = {}
    for joint, column in _SPHERICAL_COLUMNS.items():
        rotations = Rotation.from_quat(frames[:, column : column + 4], scalar_first=True)
        local[joint] = Slerp(times, rotations)(wanted)
    for joint, column in _HINGE_COLUMNS.items():
        angles = np.interp(wanted, times, frames[:, column])
        local[joint] = Rotation.from_rotvec(np.outer(angles, [0.0, 0.0, 1.0]))
    root = np.stack([np.interp(wanted, times, frames[:, i]) for i in (1, 2, 3)], axis=-1)
    return RotationClip(root, local)


def read_climb(path: Path, boxes_path: Path, rate_hz: float) -> PositionClip:
    """Read a climbing clip and its boxes; joints are interpolated linearly between the 120 Hz frames.

    Args:
        path: the clip, an npy file.
        boxes_path: the mesh of its boxes, an OBJ file.
        rate_hz: frames per second of the result.

    Raises:
        InputError: not an array (T, 53, 3) of finite numbers, or a bad mesh of boxes.
    """
    try:
        joints = np.load(path, allow_pickle=False).astype(np.float64)
    except FileNotFoundError:
        raise InputError(f"{path} is missing: run the download stage") from None
    except (ValueError, EOFError):
        raise InputError(f"{path} is not a NumPy array: run the download stage again") from None
    if joints.ndim != 3 or joints.shape[1:] != (len(CLIMB_JOINTS), 3) or len(joints) < 2:
        raise InputError(f"{path} must have shape (T, {len(CLIMB_JOINTS)}, 3), not {joints.shape}")
    if not np.isfinite(joints).all():
        raise InputError(f"{path} has numbers that are not finite: run the download stage again")
    position = sample_times((len(joints) - 1) / CLIMB_RATE_HZ, rate_hz) * CLIMB_RATE_HZ
    before = np.minimum(position.astype(int), len(joints) - 2)
    share = (position - before)[:, None, None]
    return PositionClip((1 - share) * joints[before] + share * joints[before + 1], read_boxes(boxes_path))


def read_boxes(path: Path) -> Boxes:
    """Read vertices and triangles of a Wavefront OBJ file, without parts that do not rise above the floor.

    One clip's file has a slab for the ground beside its boxes; the room has a floor of its own.

    Raises:
        InputError: a face that is not a triangle or refers to no vertex; a file without faces.
    """
    vertices, triangles = [], []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            kind, *values = line.split() or [""]
            if kind == "v":
                vertices.append([float(value) for value in values[:3]])
            elif kind == "f":
                triangles.append([int(value.split("/")[0]) - 1 for value in values])
    except FileNotFoundError:
        raise InputError(f"{path} is missing: run the download stage") from None
    except ValueError:
        raise InputError(f"{path} is not a Wavefront OBJ file: run the download stage again") from None
    if not triangles or {len(triangle) for triangle in triangles} != {3}:
        raise InputError(f"{path} must hold triangles: run the download stage again")
    indices = np.array(triangles, np.int32)
    if indices.min() < 0 or indices.max() >= len(vertices):
        raise InputError(f"{path} has a face whose vertex is missing: run the download stage again")
    points = np.array(vertices, np.float64)
    first, second = indices.ravel(), np.roll(indices, 1, axis=1).ravel()
    edges = coo_array((np.ones(first.size), (first, second)), shape=(len(points), len(points)))
    n_parts, part = connected_components(edges, directed=False)
    top_m = np.full(n_parts, -np.inf)
    np.maximum.at(top_m, part, points[:, 2])
    return Boxes(points, indices[top_m[part[indices[:, 0]]] > 0])
