"""Which way hips and chest face."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from seen_people import people

from pose3d.lifting.body_axes import AHEAD, CHEST, HIPS, LEFT, UP, body_axes
from pose3d.lifting.prior import mirror_world


def test_somebody_who_stands_has_the_right_at_x_and_looks_along_y():
    (axes,) = body_axes(people(1, 0, 0.0))
    for part in (HIPS, CHEST):
        expected = {LEFT: [-1.0, 0, 0], AHEAD: [0, 1.0, 0], UP: [0, 0, 1.0]}
        for direction, vector in expected.items():
            torch.testing.assert_close(axes[part, direction], torch.tensor(vector), atol=1e-6, rtol=0)


def test_axes_turn_with_the_person_and_ahead_stays_ahead_in_a_mirror():
    poses = people(20, 1)
    axes = body_axes(poses)
    torch.testing.assert_close(axes @ axes.transpose(-1, -2), torch.eye(3).expand(20, 2, 3, 3), atol=1e-5, rtol=0)
    turn = torch.from_numpy(Rotation.from_rotvec(np.array([0.4, -1.1, 0.7])).as_matrix()).float()
    torch.testing.assert_close(body_axes(poses @ turn.T), axes @ turn.T, atol=1e-5, rtol=0)
    mirrored = body_axes(mirror_world(poses)) * torch.tensor([-1.0, 1, 1])
    torch.testing.assert_close(mirrored, axes * torch.tensor([-1.0, 1, 1])[:, None], atol=1e-5, rtol=0)
