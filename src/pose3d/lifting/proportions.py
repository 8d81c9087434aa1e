"""Bone proportions of the people in the 2D, for a prior of other people or of joints that sit elsewhere on the body.

Data sets disagree about where a joint is: from one to another a head bone may be half as long. How long a bone looks
depends on pose and view, but the longest that it looks, compared over many frames, depends on its length: where the
projected prior's bones look shorter than the detected ones, they are short. The size of the whole body does not show.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from pose3d.lifting.prior import vary_bone_lengths
from pose3d.lifting.virtual_camera import view_from_image_plane
from pose3d.skeleton import ROOT, bone_matrix, mirror_permutation

_QUANTILES = (0.9, 0.93, 0.96, 0.99)
_ROUNDS = 5  # a bone's length also changes the 2D size that all are measured in


def fit_proportions(
    poses_world_m: Tensor, image_plane: Tensor, project: Callable[[Tensor], Tensor]
) -> Tensor:
    """Scale the prior's bones until, projected, they look as long as the detected ones.

    Args:
        poses_world_m: (N, 17, 3) the prior.
        image_plane: (M, 17, 2) detections.
        project: prior poses (N, 17, 3) to many of their projections (K, 17, 2), with detection errors.

    Returns:
        (N, 17, 3): other lengths, alike on the left and on the right, the same directions, and the same mean size.
    """
    detected = _long_looks(image_plane)
    fitted = poses_world_m
    for _ in range(_ROUNDS):
        factors = (detected / _long_looks(project(fitted))).log().mean(0).exp()
        fitted = vary_bone_lengths(fitted[None], factors[None])[0]
    root = fitted[:, ROOT : ROOT + 1]
    return root + (fitted - root) * (_size(poses_world_m) / _size(fitted))


def _long_looks(image_plane: Tensor) -> Tensor:
    """Upper quantiles (Q, 16) of the bones' lengths in virtual views, both sides taken together."""
    bones = torch.from_numpy(bone_matrix()[:, 1:]).to(image_plane) @ view_from_image_plane(image_plane).keypoints
    lengths = bones.norm(dim=-1)
    other_side = torch.from_numpy(mirror_permutation()[1:] - 1).to(image_plane.device)
    both = torch.cat([lengths, lengths[:, other_side]])
    return torch.quantile(both, torch.tensor(_QUANTILES).to(both), dim=0)


def _size(poses_world_m: Tensor) -> Tensor:
    return (poses_world_m - poses_world_m[:, ROOT : ROOT + 1]).square().sum(-1).mean().sqrt()
