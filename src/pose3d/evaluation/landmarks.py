"""How far off a lifter's landmarks are, and the ankles that they show, on true 2D."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from pose3d.evaluation.layouts import true_points_px
from pose3d.geometry.joint_angles import ankle_dorsiflexion_deg
from pose3d.geometry.landmarks import estimate_landmarks, heels_and_toes
from pose3d.geometry.layouts import LANDMARK_JOINTS, LANDMARK_NAMES, carriers_of, layout
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.lift import lift_keypoints
from pose3d.lifting.networks import Lifter
from pose3d.lifting.prior import points_cam_m
from pose3d.records.sequences import PoseSequence

PARTS = {"face": ("Neck/Nose", "Thorax"), "hands": ("LWrist", "RWrist"), "feet": ("LFoot", "RFoot")}
"""By the joints that landmarks go along with."""


def landmark_errors(lifter: Lifter, sequences: Sequence[PoseSequence]) -> dict[str, float]:
    """Mean distances relative to the root, and of layouts with heels and toes mean absolute errors of both ankles.

    The landmarks are compared with :func:`pose3d.geometry.landmarks.estimate_landmarks` of the lifted joints, which fix
    each to its limb, a foot to its shank.

    Args:
        lifter: of a layout with landmarks, which says where they are.
        sequences: with 3D.

    Returns:
        joints_mm, carriers_mm (of the joints that landmarks go along with, as often as they do), landmarks_mm,
        estimated_landmarks_mm, the last two also of each of :data:`PARTS` that the layout has, and ankle_mae_deg,
        ankle_bias_deg, estimated_ankle_mae_deg, ankle_true_sd_deg.
    """
    points = layout(lifter.layout)
    names, own = points.landmarks, points.numbers >= N_JOINTS
    parts = {
        part: [number for number, name in enumerate(names) if LANDMARK_JOINTS[name] in joints]
        for part, joints in PARTS.items()
    }
    carriers = carriers_of(names)
    estimated = [LANDMARK_NAMES.index(name) for name in names]
    errors: dict[str, list[np.ndarray]] = defaultdict(list)
    for sequence in sequences:
        lifted = lift_keypoints(lifter, sequence.camera, true_points_px(sequence, points), sequence.fps)
        assert lifted.landmarks_cam_m is not None
        joints, true_joints = (poses - poses[:, :1] for poses in (lifted.poses_cam_m, sequence.poses_cam_m))
        truth = points_cam_m(sequence, points)[:, own] - sequence.poses_cam_m[:, :1]
        errors["joints_mm"].append(_mm(joints, true_joints))
        errors["carriers_mm"].append(_mm(joints[:, carriers], true_joints[:, carriers]))
        landmarks = lifted.landmarks_cam_m - lifted.poses_cam_m[:, :1]
        guesses = {"": landmarks, "estimated_": estimate_landmarks(joints)[:, estimated]}
        for whose, guess in guesses.items():
            distances = _mm(guess, truth)
            errors[f"{whose}landmarks_mm"].append(distances)
            for part, numbers in parts.items():
                if numbers:
                    errors[f"{whose}{part}_mm"].append(distances[:, numbers])
        true_feet = heels_and_toes(truth, names)
        if true_feet is None:
            continue
        true_deg = ankle_dorsiflexion_deg(true_joints, *true_feet)
        errors["ankle_true_deg"].append(true_deg)
        for whose, guess in guesses.items():
            feet = heels_and_toes(guess, names)
            assert feet is not None
            errors[f"{whose}ankle_deg"].append(ankle_dorsiflexion_deg(joints, *feet) - true_deg)
    found = {name: np.concatenate(parts) for name, parts in errors.items()}
    means = {name: float(values.mean()) for name, values in found.items() if name.endswith("_mm")}
    if "ankle_deg" in found:
        means |= {
            "ankle_mae_deg": float(np.abs(found["ankle_deg"]).mean()),
            "ankle_bias_deg": float(found["ankle_deg"].mean()),
            "estimated_ankle_mae_deg": float(np.abs(found["estimated_ankle_deg"]).mean()),
            "ankle_true_sd_deg": float(found["ankle_true_deg"].std()),
        }
    return means


def _mm(points_m: np.ndarray, truth_m: np.ndarray) -> np.ndarray:
    return 1000 * np.linalg.norm(points_m - truth_m, axis=-1)
