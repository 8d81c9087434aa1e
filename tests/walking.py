"""Somebody who walks as pendulums would: legs that swing against each other about hips that stay where they are."""

import numpy as np

from pose3d.geometry.skeleton import JOINT_NAMES


def walking_poses(times_s: np.ndarray, stride_s: float = 1.1, swing_deg: float = 25) -> np.ndarray:
    """(T, 17, 3) metres, facing x, y up, z right; the right foot is foremost at 0, the left one half a stride later."""
    poses_m = np.zeros((len(times_s), len(JOINT_NAMES), 3))
    upper_body = {"Spine": 0.24, "Thorax": 0.5, "Neck/Nose": 0.6, "Head": 0.7}
    for name, height_m in upper_body.items():
        poses_m[:, JOINT_NAMES.index(name)] = [0, height_m, 0]
    for side, z_m, phase in (("R", 0.13, 0.0), ("L", -0.13, np.pi)):
        swing = np.radians(swing_deg) * np.cos(2 * np.pi * times_s / stride_s + phase)
        along = np.stack([np.sin(swing), -np.cos(swing), 0 * swing], -1)
        for part, name in enumerate(("Hip", "Knee", "Foot")):
            poses_m[:, JOINT_NAMES.index(side + name)] = [0, 0, z_m] + 0.45 * part * along
        for part, name in enumerate(("Shoulder", "Elbow", "Wrist")):
            poses_m[:, JOINT_NAMES.index(side + name)] = [0, 0.48 - 0.28 * part, 1.3 * z_m]
    return poses_m
