"""The original system's critic, which is RepNet's (Wandt and Rosenhahn, CVPR 2019).

One documented defect is corrected: a sign in the kinematic chain matrix (:func:`chain_matrix`).
"""

import numpy as np

from pose3d.geometry.skeleton import BONES, N_JOINTS, ROOT
from pose3d.lifting.critic import JOINTS_WIDTH, TwoPathCritic
from pose3d.lifting.dense import LeakyReLU, Linear, Sequential
from pose3d.lifting.kcs import KinematicChainSpace
from pose3d.lifting.networks import POSE_SIZE
from pose3d.lifting.original import ResidualBlock


def chain_matrix() -> np.ndarray:
    """Matrix C of shape (15, 16): ``C @ joints`` are the bone vectors of the 16 joints without the root.

    Each row has +1 at a bone's start and -1 at its end. The 13 bones that do not touch the root come first, ordered by
    child. Two more join the three parts that fall apart without it, through the right hip: left hip to right hip, and
    right hip to spine. (The original has +1 instead of -1 for the right hip in the first of these two.)
    """
    right_hip, left_hip, spine = (child for parent, child in BONES if parent == ROOT)
    bones = [bone for bone in BONES if ROOT not in bone] + [(left_hip, right_hip), (right_hip, spine)]
    matrix = np.zeros((len(bones), N_JOINTS))
    for row, (start, end) in enumerate(bones):
        matrix[row, start], matrix[row, end] = 1.0, -1.0
    return matrix[:, 1:]


class OriginalCritic(TwoPathCritic):
    """RepNet's, which sees all 225 entries of Psi of the 15 bone vectors (Wandt and Rosenhahn, section 3.2).

    Args:
        width: features of the kinematic chain path (the original: 1000).
    """

    def __init__(self, width: int) -> None:
        kcs = KinematicChainSpace(chain_matrix(), whole=True)
        super().__init__(
            Sequential(
                Linear(POSE_SIZE, JOINTS_WIDTH),
                LeakyReLU(),
                ResidualBlock(JOINTS_WIDTH),
                Linear(JOINTS_WIDTH, JOINTS_WIDTH),
            ),
            kcs,
            Sequential(Linear(kcs.outputs, width), LeakyReLU(), ResidualBlock(width)),
            width,
        )
