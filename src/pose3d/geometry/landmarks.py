"""Landmarks of a body of which only the 17 joints are known: an estimate, for data sets that have no more.

Each landmark is fixed to a segment: those of the face and the upper neck to the head, toes and heels to the shin,
fingers to the forearm. landmark_offsets.py says where, along the segment's own axes and in units of its length;
``python -m benchmarks.landmarks --write`` fits it to the embedded data's bodies. How the ankle and the wrist bend, and
where the face looks beyond what Neck/Nose and the shoulders say, is not known.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from pose3d.geometry.landmark_offsets import OFFSETS
from pose3d.geometry.layouts import LANDMARK_NAMES, mirror_points
from pose3d.geometry.rotations import unit
from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS

_STRAIGHT = 0.1
"""Share of a hint from elsewhere: a knee or an elbow that is straight does not say where its front is."""
_MIRROR = np.array([1.0, -1.0, 1.0])


@cache
def landmark_offsets() -> np.ndarray:
    """(L, 3) forward, left and up in the axes of each landmark's segment, in units of the segment's length.

    Example:
        >>> left, right = (landmark_offsets()[LANDMARK_NAMES.index(f"{side}_ear")] for side in ("left", "right"))
        >>> bool(left[1] > 0), (left * [1, -1, 1] == right).tolist()
        (True, [True, True, True])
    """
    at = {name: np.array(offset) for name, offset in OFFSETS.items()}
    for name in list(at):
        at[name.replace("left_", "right_")] = at[name] * (_MIRROR if name.startswith("left_") else 1)
    offsets = np.stack([at[name] for name in LANDMARK_NAMES])
    offsets.setflags(write=False)
    return offsets


def estimate_landmarks(poses_m: np.ndarray) -> np.ndarray:
    """Where the landmarks probably are.

    Args:
        poses_m: (..., 17, 3) in any frame.

    Returns:
        (..., L, 3) of the same type, in the order of :data:`pose3d.geometry.layouts.LANDMARK_NAMES`.

    Example:
        >>> poses_m = np.random.default_rng(0).normal(size=(5, 17, 3))
        >>> half_turn, shift_m = np.diag([1, -1, -1]), np.array([1, 2, 3])
        >>> moved_m = estimate_landmarks(poses_m @ half_turn + shift_m)
        >>> bool(np.allclose(moved_m, estimate_landmarks(poses_m) @ half_turn + shift_m))
        True
    """
    origins, axes, lengths_m = _segments(poses_m)
    offsets = landmark_offsets() * lengths_m[..., None]
    return (origins + np.einsum("...lij,...lj->...li", axes, offsets)).astype(poses_m.dtype)


def heels_and_toes(landmarks_m: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Heels and toes as :func:`pose3d.geometry.joint_angles.joint_angles_deg` takes them.

    The toes are in the middle between the tips of the big and the small one, or where a layout has neither, the tip of
    the second.

    Args:
        landmarks_m: (..., L, 3).
        names: L, of :data:`pose3d.geometry.layouts.LANDMARK_NAMES`.

    Returns:
        Two arrays (..., 2, 3), right and left; None where there are no heels or no toes.

    Example:
        >>> names = ("left_heel", "right_heel", "left_foot_index", "right_foot_index")
        >>> heels_m, toes_m = heels_and_toes(np.arange(12.0).reshape(4, 3), names)
        >>> heels_m.tolist(), toes_m[0].tolist()
        ([[3.0, 4.0, 5.0], [0.0, 1.0, 2.0]], [9.0, 10.0, 11.0])
        >>> heels_and_toes(np.zeros((1, 3)), ("nose",)) is None
        True
    """

    def both(part: str) -> np.ndarray | None:
        wanted = [f"{side}_{part}" for side in ("right", "left")]
        return landmarks_m[..., [names.index(name) for name in wanted], :] if set(wanted) <= set(names) else None

    heels, big, small = both("heel"), both("big_toe"), both("small_toe")
    toes = both("foot_index") if big is None or small is None else (big + small) / 2
    return None if heels is None or toes is None else (heels, toes)


def fit_offsets(poses_m: np.ndarray, landmarks_m: np.ndarray) -> np.ndarray:
    """The mean offsets (L, 3) of known landmarks (N, L, 3) of poses (N, 17, 3), the same on both sides.

    Example:
        >>> poses_m = np.random.default_rng(0).normal(size=(5, 17, 3))
        >>> bool(np.allclose(fit_offsets(poses_m, estimate_landmarks(poses_m)), landmark_offsets()))
        True
    """
    origins, axes, lengths_m = _segments(poses_m)
    offsets = np.einsum("nlij,nli->lj", axes, (landmarks_m - origins) / lengths_m[..., None]) / len(poses_m)
    mirrored = mirror_points()[N_JOINTS:] - N_JOINTS
    return (offsets + offsets[mirrored] * _MIRROR) / 2


def write_offsets(offsets: np.ndarray) -> str:
    """The table in landmark_offsets.py as Python: the left side's and the middle's, four decimals.

    Example:
        >>> write_offsets(np.zeros((len(LANDMARK_NAMES), 3))).splitlines()[:2]
        ['OFFSETS = {', '    "nose": (0.0000, 0.0000, 0.0000),']
    """
    rows = [(name, row) for name, row in zip(LANDMARK_NAMES, offsets, strict=True) if not name.startswith("right_")]
    lines = [f'    "{name}": ({", ".join(f"{number + 0.0:.4f}" for number in row)}),' for name, row in rows]
    return "\n".join(["OFFSETS = {", *lines, "}"]) + "\n"


def _segments(poses_m: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each landmark's segment the origin (..., L, 3), the axes (..., L, 3, 3) in columns and the length (..., L)."""
    joints = np.asarray(poses_m, np.float64)

    def at(name: str) -> np.ndarray:
        return joints[..., JOINT_NAMES.index(name), :]

    left = at("LShoulder") - at("RShoulder")
    up = at("Head") - at("Thorax")
    ahead = at("Neck/Nose") - at("Thorax") + _STRAIGHT * _length(up) * unit(np.cross(left, up))
    segments = {"head": (at("Head"), _axes(up, ahead), _length(up)[..., 0])}
    hips = at("LHip") - at("RHip")
    for side in "LR":
        thigh, shin = at(f"{side}Hip") - at(f"{side}Knee"), at(f"{side}Knee") - at(f"{side}Foot")
        ahead = unit(shin) - unit(thigh) + _STRAIGHT * unit(np.cross(hips, shin))
        segments[f"{side}Foot"] = at(f"{side}Foot"), _axes(shin, ahead), _length(shin)[..., 0]
        upper, fore = at(f"{side}Shoulder") - at(f"{side}Elbow"), at(f"{side}Elbow") - at(f"{side}Wrist")
        ahead = unit(upper) - unit(fore) + _STRAIGHT * unit(np.cross(left, fore))
        segments[f"{side}Wrist"] = at(f"{side}Wrist"), _axes(fore, ahead), _length(fore)[..., 0]
    chosen = [segments[_segment_of(name)] for name in LANDMARK_NAMES]
    origins, axes, lengths = ([segment[part] for segment in chosen] for part in range(3))
    return np.stack(origins, -2), np.stack(axes, -3), np.stack(lengths, -1)


def _segment_of(landmark: str) -> str:
    side, _, part = landmark.partition("_")
    if part in ("heel", "big_toe", "small_toe", "foot_index"):
        return f"{side[0].upper()}Foot"
    return f"{side[0].upper()}Wrist" if part in ("pinky", "index", "thumb") else "head"


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(vectors, axis=-1, keepdims=True)


def _axes(up: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Columns forward, left and up: up along the segment, forward as near to ``ahead`` as that leaves."""
    up = unit(up)
    forward = unit(ahead - (ahead * up).sum(-1, keepdims=True) * up)
    return np.stack([forward, np.cross(up, forward), up], -1)
