"""The lifters' losses; each is a mean over everything but its stated shape, in the units of its arguments.

``joint_weights`` of the reprojections is (J, 1), or one number for all joints: it multiplies a joint's error, or its
squared error, before the mean (RepNet's published training weighs joints so).
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_NEAREST_M = 0.1
_SMOOTHING_M2 = 1e-8  # of a tenth of a millimetre
_TINY_M2 = 1e-16


def reprojection_l1(projected: Tensor, keypoints: Tensor, joint_weights: Tensor | float = 1.0) -> Tensor:
    """Mean |difference| of (..., 17, 2) in units of the person's 2D size: outliers must not weigh squared.

    Args:
        projected, keypoints: (..., 17, 2).
        joint_weights: (17, 1), or one number.
    """
    return (joint_weights * (projected - keypoints).abs()).mean()


def weak_perspective_reprojection(
    poses: Tensor, cameras: Tensor, keypoints: Tensor, joint_weights: Tensor | float = 1.0
) -> Tensor:
    """MSE of X K against the input (RepNet; the original's single frame).

    Args:
        poses: (B, 16, 3).
        cameras: (B, 3, 2) K.
        keypoints: (B, 16, 2) root-relative, px / width * 2 - 1.
        joint_weights: (16, 1), or one number.
    """
    return (joint_weights * (poses @ cameras - keypoints).square()).mean()


def orthogonal_camera(cameras: Tensor) -> Tensor:
    """Mean Frobenius norm of 2 / tr(K^T K) K^T K - I: K scaled orthogonal (RepNet, equation 8), K (B, 3, 2)."""
    gram = cameras.transpose(-1, -2) @ cameras
    trace = gram.diagonal(dim1=-2, dim2=-1).sum(-1).clamp(min=1e-12)
    difference = 2 * gram / trace[:, None, None] - torch.eye(2, dtype=gram.dtype, device=gram.device)
    return (difference.square().sum((-2, -1)) + 1e-12).sqrt().mean()


def perspective_without_division(
    joints_cam_m: Tensor, focal: Tensor, centre: Tensor, keypoints: Tensor, joint_weights: Tensor | float = 1.0
) -> Tensor:
    """MSE(f X + c Z, p Z): perspective projection multiplied by the depth (the original's temporal model).

    Args:
        joints_cam_m: (B, 17, 3).
        focal, centre: (B, 2) in the keypoints' units.
        keypoints: (B, 17, 2) px / width * 2 - 1.
        joint_weights: (17, 1), or one number.
    """
    depth = joints_cam_m[..., 2:]
    projected = focal[:, None] * joints_cam_m[..., :2] + centre[:, None] * depth
    return (joint_weights * (projected - keypoints * depth).square()).mean()


def joint_distance(poses: Tensor, targets: Tensor) -> Tensor:
    """Mean Euclidean distance of (..., 16, 3), the square root smoothed by a tenth of a millimetre around zero."""
    return _MeanLength.apply(poses - targets, None, _SMOOTHING_M2)


def relative_root_distance(roots_m: Tensor, targets_m: Tensor) -> Tensor:
    """Mean distance of (..., 3) roots in camera space, as a share of the true depth: far people are seen less well."""
    return _MeanLength.apply(roots_m - targets_m, _depth(targets_m), _SMOOTHING_M2)


def relative_root_velocity(roots_m: Tensor, targets_m: Tensor, camera_from_virtual: Tensor) -> Tensor:
    """Mean error of the roots' steps between consecutive frames, (B, R, 3) with R > 1, as a share of the true depth.

    Args:
        roots_m, targets_m: each frame's in its own virtual camera.
        camera_from_virtual: (B, R, 3, 3) rotations.
    """
    errors = (camera_from_virtual @ (roots_m - targets_m)[..., None]).squeeze(-1)
    return _MeanLength.apply(errors.diff(dim=1), _depth(targets_m[:, 1:]), _TINY_M2)


class _MeanLength(torch.autograd.Function):
    """Mean length of vectors (..., 3), each over a divisor (...) where there are any: a gradient is a vector over its
    length. ``smoothing`` is added to the lengths' squares, so that one of zero has a gradient."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, divisors: Tensor | None, smoothing: float) -> Tensor:
        lengths = (vectors.square().sum(-1) + smoothing).sqrt()
        ctx.save_for_backward(vectors, lengths, divisors)
        return (lengths if divisors is None else lengths / divisors).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_mean: Tensor) -> tuple[Tensor | None, ...]:
        vectors, lengths, divisors = ctx.saved_tensors
        of_each = of_mean / lengths.numel()
        if divisors is None:
            return vectors / lengths[..., None] * of_each, None, None
        of_divisors = -lengths / divisors.square() * of_each if ctx.needs_input_grad[1] else None
        return vectors / (lengths * divisors)[..., None] * of_each, of_divisors, None


def _depth(roots_m: Tensor) -> Tensor:
    """(...,) to divide by. A virtual camera that a wrong detection turned far away has the true root beside or behind
    it; a loss must not be infinite or negative for that."""
    return roots_m[..., 2].clamp(min=_NEAREST_M)


def velocity_distance(poses: Tensor, targets: Tensor) -> Tensor:
    """:func:`joint_distance` of the differences between consecutive frames, (B, R, 16, 3); zero where R is 1.

    (Pavllo et al., CVPR 2019, mean per-joint velocity error.)
    """
    if poses.shape[1] < 2:
        return poses.new_zeros(())
    return _MeanLength.apply((poses - targets).diff(dim=1), None, _SMOOTHING_M2)
