"""A layout's own points in 3D: nose, ears, heels, toes and what else a lifter's layout has beside our joints.

A small network tells them from what the lifter saw and gave: of each point the offset from the lifted joint that it
goes along with, in the virtual camera's axes. It learns with the lifter fixed, as the spread does
(:mod:`pose3d.lifting.spread`), so that the joints are what they are without it.
"""

import torch
from torch import Tensor, nn

from pose3d.geometry.layouts import carriers_of, layout
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.spread import LiftedView

_UNIT_M = 0.1
"""Of the network's lengths: about what landmarks are away from their joints."""
_FARTHEST = 5.0
"""Of seen offsets, in that unit: what a detector puts farther from its joint is as wrong there as anywhere."""
_LEAST_DEPTH_M = 0.1


class LandmarkHead(nn.Module):
    """The network.

    Args:
        channels: C of the lifter's input.
        width: of its hidden layers.
        name: the lifter's layout, which has L landmarks.
    """

    def __init__(self, channels: int, width: int, name: str) -> None:
        super().__init__()
        points = layout(name)
        own = [number for number, joint in enumerate(points.joints) if joint is None]
        self.layout = name
        self.names = points.landmarks
        self.carriers = carriers_of(self.names)
        """The joint of each."""
        self._mirror = [own.index(int(points.mirror[number])) for number in own]
        self.first = nn.Linear(channels + 3 * (N_JOINTS - 1) + 2 * len(points), width)
        self.second = nn.Linear(width, width)
        self.last = nn.Linear(width, 3 * len(own))

    def offsets_m(self, view: LiftedView, mirrored: LiftedView) -> Tensor:
        """From a view and its mirror image: no point is better known on its left than on its right.

        Returns:
            (..., L, 3) from each landmark's joint to it, metres, axes of the virtual camera.
        """
        flip = torch.tensor([-1.0, 1.0, 1.0], device=view.scale.device)
        return _UNIT_M * (self(view) + self(mirrored)[..., self._mirror, :] * flip) / 2

    def forward(self, view: LiftedView) -> Tensor:
        """:meth:`offsets_m` of one view, in tenths of a metre."""
        seen = (seen_offsets_m(view, self.layout) / _UNIT_M).clamp(-_FARTHEST, _FARTHEST)
        inputs = torch.cat([view.features, view.poses_virtual_m.flatten(-2), seen.flatten(-2)], -1)
        hidden = nn.functional.leaky_relu(self.first(inputs))
        return self.last(nn.functional.leaky_relu(self.second(hidden))).unflatten(-1, (-1, 3))


def seen_offsets_m(view: LiftedView, name: str) -> Tensor:
    """How far beside its lifted joint each point was seen, at that joint's depth; 0 of those that were not.

    Args:
        view: (...).
        name: the lifter's layout, of K points.

    Returns:
        (..., K, 2) metres, x and y of the virtual camera.
    """
    points = layout(name)
    seen = view.features[..., : 3 * len(points)].unflatten(-1, (-1, 3))
    root = view.roots_virtual_m[..., None, :]
    joints = torch.cat([root, root + view.poses_virtual_m], -2)[..., carriers_of(points.body_points), :]
    at_depth = seen[..., :2] * view.scale[..., None, None] * joints[..., 2:].clamp(min=_LEAST_DEPTH_M)
    return (at_depth - joints[..., :2]) * seen[..., 2:]
