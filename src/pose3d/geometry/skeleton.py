"""The 17 joints of Human3.6M as the field uses them, and the kinematic chain space that follows from their parents.

Shape letters used throughout the project: T frames, J joints, B batch, V views.
"""

from collections.abc import Sequence

import numpy as np

JOINT_NAMES = (
    "Hip",
    "RHip",
    "RKnee",
    "RFoot",
    "LHip",
    "LKnee",
    "LFoot",
    "Spine",
    "Thorax",
    "Neck/Nose",
    "Head",
    "LShoulder",
    "LElbow",
    "LWrist",
    "RShoulder",
    "RElbow",
    "RWrist",
)
N_JOINTS = len(JOINT_NAMES)
ROOT = 0
PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
"""Parent of each joint; -1 for the root."""

BONES = tuple((parent, joint) for joint, parent in enumerate(PARENTS) if parent >= 0)
"""The 16 bones as (parent, child), ordered by child."""

RIGHT_JOINTS: tuple[int, ...] = (1, 2, 3, 14, 15, 16)
LEFT_JOINTS: tuple[int, ...] = (4, 5, 6, 11, 12, 13)
"""``LEFT_JOINTS[i]`` mirrors ``RIGHT_JOINTS[i]``."""

LIMBS = {"arms": (11, 12, 13, 14, 15, 16), "legs": (1, 2, 3, 4, 5, 6)}
"""Joints of both sides, hips and shoulders with them."""

HUMAN36M_32_TO_17 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""Where the 17 joints are among the 32 of Human3.6M's motion capture skeleton."""


def mirror_permutation(joints: Sequence[int] = range(N_JOINTS)) -> np.ndarray:
    """Joint order after left and right of some joints change places, shape (J,), values 0 to J - 1. Its own inverse.

    Example:
        >>> [JOINT_NAMES[joint] for joint in mirror_permutation()[:5]]
        ['Hip', 'LHip', 'LKnee', 'LFoot', 'RHip']
    """
    permutation = np.arange(N_JOINTS)
    for right, left in zip(RIGHT_JOINTS, LEFT_JOINTS, strict=True):
        if right in joints and left in joints:
            permutation[[right, left]] = left, right
    return permutation


def bone_matrix() -> np.ndarray:
    """Matrix C of shape (16, J): ``C @ joints`` are the bone vectors, each child minus its parent.

    Each row has one +1 (child) and one -1 (parent), read off :data:`PARENTS`, so no sign can be mistyped.
    RepNet (Wandt and Rosenhahn, CVPR 2019), equation 5.

    Example:
        >>> x_m = np.arange(17.0)
        >>> (bone_matrix() @ x_m)[:4].tolist()
        [1.0, 1.0, 1.0, 4.0]
    """
    matrix = np.zeros((len(BONES), N_JOINTS))
    for row, (parent, child) in enumerate(BONES):
        matrix[row, parent] = -1.0
        matrix[row, child] = 1.0
    return matrix
