"""From BlazePose's 33 landmarks to the 17 joints of :mod:`pose3d.geometry.skeleton`.

Landmarks lie on the skin where joints lie inside the body, and Spine, Thorax and Head have no landmark of their own.
Each joint is therefore a weighted mean of landmarks near it, the same in x and y, with weights (also negative ones)
that add up to one. So the map goes along with every shift, turn and scaling of the picture. blazepose_joints.csv holds
the weights; ``python benchmarks/blazepose_joints.py --write`` fits them to rendered training subjects.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from pose3d.geometry.camera import square_box
from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS, mirror_permutation
from pose3d.pose2d.blazepose import LANDMARK_NAMES, MARGIN, N_LANDMARKS, BlazePose
from pose3d.records.keypoints2d import Keypoints2D

_WEIGHTS = "blazepose_joints.csv"
_OWN_SIDE = {
    "Knee": ("hip", "knee", "ankle"),
    "Foot": ("knee", "ankle", "heel", "foot_index"),
    "Elbow": ("shoulder", "elbow", "wrist"),
    "Wrist": ("elbow", "wrist", "pinky", "index", "thumb"),
    "Shoulder": ("elbow",),
}
"""Landmarks of the joint's own side from which a joint of a limb is found."""
_BOTH_SIDES = {
    "Hip": ("hip", "knee", "shoulder"),
    "Spine": ("hip", "shoulder", "ear"),
    "Thorax": ("hip", "shoulder", "ear"),
    "Neck/Nose": ("shoulder", "ear", "eye", "nose", "mouth"),
    "Head": ("shoulder", "ear", "eye", "nose", "mouth"),
    "Shoulder": ("shoulder", "hip", "ear"),
}
_RIDGE = 1e-4
_OUTLIER = 0.02
_ROUNDS = 6


@cache
def joint_weights() -> np.ndarray:
    """(17, 33) weight of each landmark in each joint; rows add up to one."""
    table = list(csv.reader(files(__package__).joinpath(_WEIGHTS).read_text(encoding="utf-8").splitlines()))
    weights = np.array([row[1:] for row in table[1:]], float)
    weights.setflags(write=False)
    return weights


def write_weights(weights: np.ndarray) -> str:
    """What :func:`joint_weights` reads: a line for each joint, a column for each landmark, four decimals."""
    lines = [",".join(["joint", *LANDMARK_NAMES])]
    lines += [",".join([name, *(f"{w:.4f}" for w in row)]) for name, row in zip(JOINT_NAMES, weights, strict=True)]
    return "\n".join(lines) + "\n"


def joints_of(landmarks_px: np.ndarray) -> np.ndarray:
    """Landmarks (..., 33, 2) to joints (..., 17, 2)."""
    return joint_weights() @ landmarks_px


def confidence_of(visibility: np.ndarray) -> np.ndarray:
    """Visibility of landmarks (..., 33) to that of joints (..., 17): the mean by how much each landmark counts."""
    shares = np.abs(joint_weights())
    return visibility @ (shares / shares.sum(1, keepdims=True)).T


def mirrored_landmarks() -> np.ndarray:
    """Order of the landmarks (33,) after left and right change places."""
    names = [_other_side(name) for name in LANDMARK_NAMES]
    return np.array([LANDMARK_NAMES.index(name) for name in names])


def _other_side(name: str) -> str:
    return name.replace("left", "r-ght").replace("right", "left").replace("r-ght", "right")


def near(joint: str) -> list[int]:
    """Numbers of the landmarks that have a weight in a joint."""
    part = joint[1:] if joint[1:] in _OWN_SIDE or joint[1:] in _BOTH_SIDES else joint
    own = "right" if joint[0] == "R" else "left"
    names = {f"{own}_{name}" for name in _OWN_SIDE.get(part, ())}
    for name in _BOTH_SIDES.get(part, ()):
        names |= {name, f"left_{name}", f"right_{name}", f"{name}_left", f"{name}_right"}
    return [number for number, name in enumerate(LANDMARK_NAMES) if name in names]


def fit_joint_weights(landmarks_px: np.ndarray, joints_px: np.ndarray, sides_px: np.ndarray) -> np.ndarray:
    """The weights (17, 33) that find joints from landmarks, the same for both sides of the body.

    Ridge regression of what lies relative to the middle of the landmarks near a joint, in units of the person's size.
    Frames in which a joint is found badly count less in the next round (least absolute deviations by reweighting):
    there the landmarks are wrong.

    Args:
        landmarks_px: (N, 33, 2).
        joints_px: (N, 17, 2), the truth.
        sides_px: (N,) longer side of the person's box.
    """
    middles_px = joints_px.mean(1, keepdims=True)  # which no weight depends on, but rounding does
    x, y = ((points - middles_px) / sides_px[:, None, None] for points in (landmarks_px, joints_px))
    mirror = np.array([-1, 1])
    x = np.concatenate([x, x[:, mirrored_landmarks()] * mirror])
    y = np.concatenate([y, y[:, mirror_permutation()] * mirror])
    weights = np.zeros((N_JOINTS, N_LANDMARKS))
    for joint, name in enumerate(JOINT_NAMES):
        chosen = near(name)
        middles = x[:, chosen].mean(1, keepdims=True)
        rows = (x[:, chosen] - middles).transpose(0, 2, 1).reshape(-1, len(chosen))
        target = (y[:, joint] - middles[:, 0]).reshape(-1)
        counts = np.ones(len(x))
        for _ in range(_ROUNDS):
            weighted = rows * np.repeat(counts, 2)[:, None]
            ridge = _RIDGE * counts.sum() * np.eye(len(chosen))
            found = np.linalg.solve(weighted.T @ rows + ridge, weighted.T @ target)
            weights[joint, chosen] = found + (1 - found.sum()) / len(chosen)
            errors = np.linalg.norm(weights[joint] @ x - y[:, joint], axis=-1)
            counts = _OUTLIER / np.maximum(errors, _OUTLIER)
    return weights


@dataclass(frozen=True, eq=False)
class BlazePoseJoints:
    """The 17 joints by BlazePose, a :data:`pose3d.pose2d.detector.KeypointDetector`.

    Attributes:
        blazepose: finds landmarks.
    """

    blazepose: BlazePose

    def __call__(self, images_bgr: Sequence[np.ndarray], boxes_px: np.ndarray) -> Keypoints2D:
        """Keypoints (N, 17, 2) in px of the pictures; N pictures (H, W, 3) and (N, 4) boxes.

        The first look, at an upright square around the box, says how the body lies in it, for the second look.
        """
        squares = square_box(boxes_px, MARGIN)
        first = self.blazepose.landmarks(images_bgr, np.concatenate([squares, np.zeros((len(squares), 1))], axis=1))
        found = self.blazepose.landmarks(images_bgr, first.next_squares)
        confidence = confidence_of(found.visibility) * found.pose_flag[:, None]
        return Keypoints2D(joints_of(found.landmarks_px).astype(np.float32), confidence.astype(np.float32))
