"""The virtual camera's view of points of any layout, of which some may be missing.

As in :mod:`pose3d.lifting.virtual_camera`, but no point need be there: the camera looks at the middle of the hips where
both are seen, else at the mean of the points that are, and the 2D size is the root mean square distance of those from
there. A lifter's root code says where the root is beside that. A missing point's coordinates are 0 in the features.
"""

from functools import cache

import torch
from torch import Tensor

from pose3d.geometry.layouts import OURS, Layout, layout
from pose3d.lifting.virtual_camera import (
    MIN_FORWARD,
    MIN_SCALE,
    POSE_CHANNELS,
    VirtualView,
    lifter_features,
    motion_of_directions,
    optical_axis_rotation,
    to_rays,
)


def pose_channels(name: str) -> int:
    """Numbers of one frame that a lifter of a layout takes, without those of motion."""
    return POSE_CHANNELS if name == OURS else 3 * len(layout(name))


@cache
def hips_of(points: Layout) -> list[int]:
    """The numbers of the right and left hip; every layout has both."""
    return [points.body_points.index(joint) for joint in ("RHip", "LHip")]


def features_of(points: Tensor, with_motion: bool, name: str) -> tuple[Tensor, VirtualView]:
    """The network's input for a layout.

    Args:
        points: (..., T, K, 3): image plane, and 1 where the point is seen, else 0; of Human3.6M's layout
            (..., T, 17, 2), image plane alone.
        with_motion: as of :func:`pose3d.lifting.virtual_camera.lifter_features`.
        name: of the layout.

    Returns:
        (..., T, 3 K) features, x and y in the view and whether each is seen; with motion (..., T - 1, 3 K + 3). The
        view's ``keypoints`` are (..., T, K, 2).
    """
    if name == OURS:
        return lifter_features(points, with_motion)
    seen = points[..., 2:]
    plane = torch.where(seen > 0, points[..., :2], 0.0)
    direction = _direction(plane, seen, hips_of(layout(name)))
    rotation = optical_axis_rotation(to_rays(direction))
    turned = to_rays(plane) @ rotation.transpose(-1, -2)
    offsets = seen * turned[..., :2] / turned[..., 2:].clamp(min=MIN_FORWARD)
    scale = (offsets.square().sum((-1, -2)) / seen.sum((-1, -2)).clamp(min=1)).sqrt().clamp(min=MIN_SCALE)
    view = VirtualView(offsets / scale[..., None, None], scale, rotation)
    features = torch.cat([view.keypoints, seen], -1).flatten(-2)
    if not with_motion:
        return features, view
    features = torch.cat([features[..., 1:, :], motion_of_directions(direction, view)], -1)
    return features, VirtualView(view.keypoints[..., 1:, :, :], scale[..., 1:], rotation[..., 1:, :, :])


def _direction(plane: Tensor, seen: Tensor, hips: list[int]) -> Tensor:
    """Where the virtual camera looks, (..., 2) in the image plane."""
    mean = (seen * plane).sum(-2) / seen.sum(-2).clamp(min=1)
    both = seen[..., hips, :].amin(-2) > 0
    return torch.where(both, plane[..., hips, :].mean(-2), mean)
