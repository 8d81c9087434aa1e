"""The virtual camera: it has the true camera's position and looks straight at the person's root.

A lifter that sees the image of the virtual camera, divided by its own size, gets the same input wherever the person is
in the picture and however far away: turning the true camera about its centre (but for roll about the root's ray), or
scaling person and distance together, changes nothing. The prediction, a root-relative pose and the root's distance, is
turned back into the true camera exactly.

Spaces: ``camera`` is the true camera; ``virtual`` is the camera turned by the least rotation that puts the root's ray
on +z. Image-plane coordinates are x/z, y/z: px without the intrinsics and the lens
(:meth:`pose3d.geometry.camera.Camera.normalize`).
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pose3d.geometry.skeleton import N_JOINTS, ROOT

# A detected joint may lie anywhere; nearer than this to the virtual image plane's horizon it would blow up the scale.
MIN_FORWARD = 0.1
MIN_SCALE = 1e-4
_MIN_DEPTH_SHARE = 0.1
_USUAL_SIZE_M = 0.45  # a grown-up standing upright

MOTION_CHANNELS = 3
POSE_CHANNELS = 2 * (N_JOINTS - 1)


@dataclass(frozen=True)
class VirtualView:
    """The image of a virtual camera.

    Attributes:
        keypoints: (..., 16, 2) image plane of the virtual camera over ``scale``; the root, always at 0, is left out.
            Of another layout all its points (..., K, 2), see :mod:`pose3d.lifting.layout_view`.
        scale: (...,) root mean square distance of the 16 joints from the root in the virtual image plane.
        rotation: (..., 3, 3) virtual from camera.
    """

    keypoints: Tensor
    scale: Tensor
    rotation: Tensor


def optical_axis_rotation(directions: Tensor) -> Tensor:
    """:func:`pose3d.geometry.camera.rotation_to_optical_axis` on tensors: (..., 3), z > 0, to (..., 3, 3).

    That of :func:`pose3d.geometry.rotations.least_rotation` multiplied out, as fits a step of training.
    """
    unit = directions / directions.norm(dim=-1, keepdim=True)
    x, y, z = unit.unbind(-1)
    k = 1 / (1 + z)
    rows = [1 - k * x * x, -k * x * y, -x, -k * x * y, 1 - k * y * y, -y, x, y, z]
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def to_rays(image_plane: Tensor) -> Tensor:
    """(..., 2) image-plane coordinates to (..., 3) rays with z = 1."""
    return torch.cat([image_plane, torch.ones_like(image_plane[..., :1])], -1)


def view_from_image_plane(image_plane: Tensor) -> VirtualView:
    """Turn (..., 17, 2) image-plane keypoints of the true camera into the virtual camera's scale-free view."""
    rays = to_rays(image_plane)
    rotation = optical_axis_rotation(rays[..., ROOT, :])
    turned = rays[..., 1:, :] @ rotation.transpose(-1, -2)
    plane = turned[..., :2] / turned[..., 2:].clamp(min=MIN_FORWARD)
    scale = plane.square().sum(-1).mean(-1).sqrt().clamp(min=MIN_SCALE)
    return VirtualView(plane / scale[..., None, None], scale, rotation)


def motion_features(image_plane: Tensor, view: VirtualView) -> Tensor:
    """The person's motion since the frame before, as the virtual camera of each frame sees it.

    Args:
        image_plane: (..., T, 17, 2).
        view: the view of the same frames.

    Returns:
        (..., T - 1, 3): the earlier root in the later virtual image plane over its scale (two numbers) and the
        logarithm of the scales' ratio. Both are free of distance, as the rest of the input is.
    """
    return motion_of_directions(image_plane[..., ROOT, :], view)


def motion_of_directions(directions: Tensor, view: VirtualView) -> Tensor:
    """As :func:`motion_features`, of the image-plane points (..., T, 2) that the virtual cameras look at."""
    root_rays = to_rays(directions)
    earlier = torch.einsum("...ij,...j->...i", view.rotation[..., 1:, :, :], root_rays[..., :-1, :])
    shift = earlier[..., :2] / earlier[..., 2:].clamp(min=MIN_FORWARD) / view.scale[..., 1:, None]
    growth = (view.scale[..., 1:] / view.scale[..., :-1]).log()
    return torch.cat([shift, growth[..., None]], -1)


def lifter_features(image_plane: Tensor, with_motion: bool) -> tuple[Tensor, VirtualView]:
    """The network's input: (..., T, 17, 2) image plane to (..., T, 32) features, or (..., T - 1, 35) with motion.

    With motion the first frame only serves as the frame before, and the view leaves it out as well.
    """
    view = view_from_image_plane(image_plane)
    features = view.keypoints.flatten(-2)
    if not with_motion:
        return features, view
    features = torch.cat([features[..., 1:, :], motion_features(image_plane, view)], -1)
    return features, VirtualView(view.keypoints[..., 1:, :, :], view.scale[..., 1:], view.rotation[..., 1:, :, :])


def root_position(code: Tensor, scale: Tensor) -> Tensor:
    """Position of the root in the virtual camera, metres, from a lifter's root code.

    A body of lateral size S at distance z is about S / z large in the image plane, so that z follows from the 2D size
    and S, whose logarithm the code gives relative to a usual one. The detected root, on the optical axis, may be off:
    the code also says how far beside it the root is.

    Args:
        code: (..., 3): the root in the view, in units of the 2D size (two numbers), and log(S / usual S).
        scale: (...,) of the view.

    Returns:
        (..., 3).
    """
    beside, log_size = code.split([2, 1], -1)
    return _USUAL_SIZE_M * log_size.exp() * torch.cat([beside, 1 / scale[..., None]], -1)


def project_virtual(poses_virtual_m: Tensor, roots_virtual_m: Tensor, scale: Tensor) -> Tensor:
    """Perspective projection into the view's units.

    Args:
        poses_virtual_m: (..., 16, 3) root-relative.
        roots_virtual_m: (..., 3).
        scale: (...,) of the view.

    Returns:
        (..., 17, 2), the root first.
    """
    return _Projection.apply(poses_virtual_m, roots_virtual_m, scale)


class _Projection(torch.autograd.Function):
    """:func:`project_virtual`; d(x / z) = dx / z - x / z dz / z."""

    @staticmethod
    def forward(ctx: Any, poses_virtual_m: Tensor, roots_virtual_m: Tensor, scale: Tensor) -> Tensor:
        aside, depth = _joints(poses_virtual_m, roots_virtual_m).split([2, 1], -1)
        least = _MIN_DEPTH_SHARE * depth[..., :1, :]  # the root's
        farther = torch.maximum(depth, least)
        divisor = farther * scale.reshape(*scale.shape, 1, 1)
        ctx.save_for_backward(aside, farther, divisor, depth < least)
        return aside / divisor

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_plane: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        aside, farther, divisor, too_near = ctx.saved_tensors
        of_aside = of_plane / divisor
        of_log = (of_aside * aside).sum(-1, keepdim=True).neg_()  # by the logarithm of depth, and by that of scale
        of_farther = of_log / farther
        of_depth = of_farther.masked_fill(too_near, 0)
        of_joints = torch.cat([of_aside, of_depth], -1)
        of_roots = of_joints.sum(-2)
        of_roots[..., 2:].add_((of_farther - of_depth).sum(-2), alpha=_MIN_DEPTH_SHARE)
        of_scale = (of_log * farther / divisor).sum((-2, -1)) if ctx.needs_input_grad[2] else None
        return of_joints[..., 1:, :], of_roots, of_scale


def to_virtual_space(joints_cam_m: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor]:
    """Joints in the true camera's space as virtual cameras see them, the inverse of :func:`to_camera_space`.

    Args:
        joints_cam_m: (..., 17, 3), the root first.
        rotation: (..., 3, 3) virtual from camera.

    Returns:
        (..., 16, 3) root-relative poses and (..., 3) roots, metres.
    """
    joints = joints_cam_m @ rotation.transpose(-1, -2)
    root = joints[..., ROOT : ROOT + 1, :]
    return joints[..., 1:, :] - root, root.squeeze(-2)


def to_camera_space(poses_virtual_m: Tensor, roots_virtual_m: Tensor, rotation: Tensor) -> Tensor:
    """Root-relative poses in virtual cameras to joints in the true camera's space.

    Args:
        poses_virtual_m: (..., 16, 3).
        roots_virtual_m: (..., 3).
        rotation: (..., 3, 3) virtual from camera.

    Returns:
        (..., 17, 3) metres, the root first.
    """
    return _joints(poses_virtual_m, roots_virtual_m) @ rotation


def _joints(poses_m: Tensor, roots_m: Tensor) -> Tensor:
    root = roots_m[..., None, :]
    return torch.cat([root, root + poses_m], -2)
