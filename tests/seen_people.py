"""People that swing and how level cameras see them, for tests of what is fitted to 2D alone."""

from types import SimpleNamespace

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from pose3d.geometry.skeleton import bone_matrix
from pose3d.lifting.prior import place_before_camera
from pose3d.lifting.virtual_camera import view_from_image_plane

LEVEL = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # camera from world: z forward is y, y down is -z


def people(count, seed, swing_rad=0.5):
    """Standing figures whose bones swing at random, (N, 17, 3) metres, z up; by one spread, or by one for each bone."""
    rng = np.random.default_rng(seed)
    limb = [0.1, 0.43, 0.42, 0.1, 0.43, 0.42, 0.24, 0.25, 0.15, 0.15, 0.18, 0.28, 0.24, 0.18, 0.28, 0.24]
    rest = np.array([[1, 0, 0], *[[0, 0, -1]] * 2, [-1, 0, 0], *[[0, 0, -1]] * 2, *[[0, 0, 1]] * 4])
    rest = np.concatenate([rest, [[-1, 0, 0], *[[0, 0, -1]] * 2, [1, 0, 0], *[[0, 0, -1]] * 2]])
    swing = rng.normal(0, 1, (count, 16, 3)) * np.reshape(swing_rad, (-1, 1))
    swings = Rotation.from_rotvec(swing.reshape(-1, 3)).as_matrix().reshape(count, 16, 3, 3)
    bones = np.einsum("nbij,bj->nbi", swings, rest) * np.array(limb)[:, None]
    joints = np.linalg.inv(bone_matrix()[:, 1:]) @ bones
    return torch.from_numpy(np.concatenate([np.zeros((count, 1, 3)), joints], 1)).float()


def observed(poses, seed):
    """What :class:`Observations` has of people seen by a level camera at four to six metres, at every heading."""
    rng = np.random.default_rng(seed)
    count = len(poses)
    heading = torch.from_numpy(rng.uniform(0, 2 * np.pi, count)).float()
    size = torch.from_numpy(rng.uniform(0.07, 0.11, count)).float()
    roots = torch.from_numpy(rng.uniform(-0.2, 0.2, (count, 2))).float()
    placed = place_before_camera(poses[:, None], heading, LEVEL.expand(count, 3, 3), roots, size, frame=0)[:, 0]
    plane = placed[..., :2] / placed[..., 2:]
    scales = view_from_image_plane(plane).scale
    return SimpleNamespace(
        annotated=plane,
        annotated_frames=torch.arange(count),
        scales=scales,
        rotations=LEVEL.expand(count, 3, 3),
    )
