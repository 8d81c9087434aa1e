"""How far off a lifted joint may be: the radii of an interval that holds nine errors of ten.

Depth is harder to tell than place in the picture, so that each joint has two radii: across the sight line to where it
was lifted, and along it. A small network tells their logarithms from what the lifter saw and gave. It learns them with
the lifter fixed, as quantiles (Koenker and Bassett, "Regression quantiles", Econometrica 1978), from projected poses of
the prior, whose 3D is known without a label; and on draws that it did not learn from they are multiplied so that they
hold the share that they claim (split conformal prediction, normalised: Papadopoulos et al., ECML 2002; Romano et al.,
NeurIPS 2019, there additive).
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from pose3d.geometry.layouts import OURS, layout
from pose3d.geometry.skeleton import N_JOINTS, mirror_permutation
from pose3d.lifting.virtual_camera import POSE_CHANNELS, project_virtual

LEVEL = 0.9
"""Share of the errors within a radius."""
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, LEVEL, 0.95)
"""Shares that a spread knows the factors of."""
ACROSS, ALONG = 0, 1
"""The sight line: the last axis of radii."""
_RESIDUAL_UNITS = 10.0
_LARGEST_LOG = 0.0
"""A radius of a metre, or of the root of its whole distance, says that nothing is known."""


class LiftedView(NamedTuple):
    """What a lifter of the virtual camera saw and gave.

    Attributes:
        features: (..., C) its input at the frame.
        poses_virtual_m: (..., 16, 3) root-relative.
        roots_virtual_m: (..., 3).
        scale: (...,) of the view.
    """

    features: Tensor
    poses_virtual_m: Tensor
    roots_virtual_m: Tensor
    scale: Tensor


class Spread(nn.Module):
    """The network, and the factors that calibrate it.

    Args:
        channels: C of the lifter's input.
        width: of its one hidden layer.
        name: the lifter's layout.

    Attributes:
        factors: (levels, 17, 2) of the radii, for each of :data:`LEVELS`.
    """

    factors: Tensor

    def __init__(self, channels: int, width: int, name: str) -> None:
        super().__init__()
        self.layout = name
        residuals = N_JOINTS - 1 if name == OURS else len(layout(name).shared[0])
        self.hidden = nn.Linear(channels + 3 * (N_JOINTS - 1) + 2 * residuals, width)
        self.last = nn.Linear(width, 2 * N_JOINTS)
        self.register_buffer("factors", torch.ones(len(LEVELS), N_JOINTS, 2))

    def log_radii(self, view: LiftedView, mirrored: LiftedView) -> Tensor:
        """Before calibration, from a view and its mirror image: no joint is better known on its left than on its right.

        Returns:
            (..., 17, 2), across and along the sight line: of the root of its place, over its distance; of every other
            joint of its place relative to the root, metres.
        """
        order = torch.from_numpy(mirror_permutation()).to(view.scale.device)
        return ((self(view) + self(mirrored)[..., order, :]) / 2).clamp(max=_LARGEST_LOG)

    def forward(self, view: LiftedView) -> Tensor:
        """:meth:`log_radii` of one view."""
        residuals = _RESIDUAL_UNITS * reprojection_residuals(view, self.layout)
        inputs = torch.cat([view.features, view.poses_virtual_m.flatten(-2), residuals.flatten(-2)], -1)
        return self.last(nn.functional.leaky_relu(self.hidden(inputs))).unflatten(-1, (N_JOINTS, 2))

    def radii_m(self, view: LiftedView, mirrored: LiftedView) -> Tensor:
        """Calibrated radii (..., 17, 2) at :data:`LEVEL`, metres, see :meth:`log_radii`."""
        radii = self.log_radii(view, mirrored).exp() * self.factors[LEVELS.index(LEVEL)]
        distance = view.roots_virtual_m.norm(dim=-1)[..., None, None]
        return torch.cat([radii[..., :1, :] * distance, radii[..., 1:, :]], -2)

    def relative_factors(self) -> np.ndarray:
        """(levels, 17, 2): the radii at :data:`LEVEL` times these are those at each of :data:`LEVELS`."""
        return (self.factors / self.factors[LEVELS.index(LEVEL)]).cpu().numpy()


def reprojection_residuals(view: LiftedView, name: str) -> Tensor:
    """Where the lifted joints appear minus where they were seen, in the view's units; 0 of those that were not.

    Args:
        view: (...).
        name: the lifter's layout.

    Returns:
        (..., 16, 2) of all joints but the root; of another layout, of its points that are joints.
    """
    projected = project_virtual(view.poses_virtual_m, view.roots_virtual_m, view.scale)
    if name == OURS:
        return projected[..., 1:, :] - view.features[..., :POSE_CHANNELS].unflatten(-1, (N_JOINTS - 1, 2))
    points, joints = layout(name).shared
    channels = 3 * len(layout(name))
    seen = view.features[..., :channels].unflatten(-1, (-1, 3))[..., points, :]
    return (projected[..., joints, :] - seen[..., :2]) * seen[..., 2:]


def sight_errors(poses_m: Tensor, roots_m: Tensor, true_poses_m: Tensor, true_roots_m: Tensor) -> Tensor:
    """Errors across and along the sight lines to where the joints were lifted.

    Args:
        poses_m, true_poses_m: (..., 16, 3) relative to the root, axes of a camera.
        roots_m, true_roots_m: (..., 3) in its space.

    Returns:
        (..., 17, 2), at least 0, in the units of :meth:`Spread.log_radii`.
    """
    root = roots_m[..., None, :]
    sight = nn.functional.normalize(torch.cat([root, root + poses_m], -2), dim=-1)
    of_root = (roots_m - true_roots_m)[..., None, :] / root.norm(dim=-1, keepdim=True)
    errors = torch.cat([of_root, poses_m - true_poses_m], -2)
    along = (errors * sight).sum(-1, keepdim=True)
    return torch.cat([(errors - along * sight).norm(dim=-1, keepdim=True), along.abs()], -1)


def pinball(excess: Tensor, level: float) -> Tensor:
    """Mean of the loss whose minimum over constants is a quantile (Koenker and Bassett, 1978).

    Args:
        excess: observed minus predicted, any shape.
        level: of the quantile, in (0, 1).
    """
    return torch.maximum(level * excess, (level - 1) * excess).mean()


def conformal_quantiles(scores: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Below which a new score lies with at least the probability asked for, if it is drawn as these were.

    The ceil((n + 1) level)-th smallest of n (Vovk et al., "Algorithmic learning in a random world", 2005), or the
    largest where there is none.

    Args:
        scores: (n, ...).
        levels: L of them.

    Returns:
        (L, ...).
    """
    n = len(scores)
    ranks = [min(n, int(np.ceil((n + 1) * level - 1e-9))) for level in levels]
    return scores.sort(0).values[[rank - 1 for rank in ranks]]
