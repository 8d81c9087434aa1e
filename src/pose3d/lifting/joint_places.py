"""Where another data set puts its joints, found from 2D alone.

Data sets disagree about places, not about lengths only: one has a nose where another has a neck, or shoulders a hand's
breadth lower. A place shows in 2D where the pose is known, and the pose is nearly known where a projected pose of the
prior looks much like an annotated one. So, as in iterative closest points (Besl and McKay 1992): match annotated people
with the prior poses that look most alike, find the places relative to hips and chest that bring the matched pairs
closest, move the joints of all poses there, and match again.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS, ROOT, bone_matrix, mirror_permutation
from pose3d.lifting.body_axes import AHEAD, CHEST, HIPS, LEFT, UP, body_axes
from pose3d.lifting.observations import Observations
from pose3d.lifting.prior import mirror_world, place_before_camera
from pose3d.lifting.virtual_camera import view_from_image_plane

_ROUNDS = 8
_LOOKS, _ANNOTATIONS = 8000, 2000
_MATCHED = 0.5
"""The share of the annotations that counts: those that nothing in the prior resembles say nothing."""
_RIDGE = 1e-3
"""Of the unknowns' mean weight: the size of the whole body does not show in 2D."""
_PLACES = {
    "RHip": (HIPS, (LEFT, AHEAD, UP)),
    "Spine": (HIPS, (AHEAD, UP)),
    "Thorax": (HIPS, (AHEAD, UP)),
    "Neck/Nose": (CHEST, (AHEAD, UP)),
    "Head": (CHEST, (AHEAD, UP)),
    "RShoulder": (CHEST, (LEFT, AHEAD, UP)),
}
_LENGTHS = ("RKnee", "RFoot", "RElbow", "RWrist")
"""Limbs turn about their bones unseen, so that a joint of theirs can only lie further along its bone."""
_OTHER_SIDE = mirror_permutation()


class _Looks(NamedTuple):
    """Poses in virtual cameras: (N, 17, 3) metres, how they look there, (N, 16, 2), and their 2D size (N,)."""

    poses_virtual_m: Tensor
    keypoints: Tensor
    scale: Tensor


def fit_places(poses_world_m: Tensor, observations: Observations, rng: np.random.Generator) -> Tensor:
    """Move the prior's joints relative to hips and chest to where the annotations have them.

    Args:
        poses_world_m: (N, 17, 3) the prior.
        observations: the annotated 2D.
        rng: draws the poses and annotations that are compared.

    Returns:
        (N, 17, 3): hips, spine, thorax, neck, head and shoulders elsewhere on the body, alike on the left and on the
        right, what hangs on them gone along, limbs longer or shorter, and the same mean size.
    """
    size, fitted = _size(poses_world_m), poses_world_m
    for _ in range(_ROUNDS):
        looks = _looks(fitted, observations, rng)
        annotated = observations.annotated[_some(len(observations.annotated), _ANNOTATIONS, rng).to(fitted.device)]
        wanted = view_from_image_plane(annotated).keypoints
        distance, nearest = torch.cdist(wanted.flatten(1), looks.keypoints.flatten(1)).min(1)
        near = distance <= distance.quantile(_MATCHED)
        matched = _Looks(*(values[nearest[near]] for values in looks))
        fitted = fitted + _moves(fitted) @ _unknowns(matched, wanted[near])
        root = fitted[:, ROOT : ROOT + 1]
        fitted = root + (fitted - root) * (size / _size(fitted))
    return fitted


def _looks(poses_world_m: Tensor, observations: Observations, rng: np.random.Generator) -> _Looks:
    """Some poses, half of them mirrored, seen from where annotated people were seen."""
    device = poses_world_m.device
    poses = poses_world_m[_some(len(poses_world_m), _LOOKS, rng).to(device)]
    mirrored = torch.from_numpy(rng.random(_LOOKS) < 0.5).to(device)
    poses = torch.where(mirrored[:, None, None], mirror_world(poses), poses)
    seen = _some(len(observations.annotated), _LOOKS, rng).to(device)
    heading = torch.from_numpy(rng.uniform(0, 2 * np.pi, _LOOKS)).to(poses)
    frames = observations.annotated_frames[seen]
    rotations, scales = observations.rotations[frames], observations.scales[frames]
    roots = observations.annotated[seen, ROOT]
    placed = place_before_camera(poses[:, None], heading, rotations, roots, scales, frame=0)[:, 0]
    view = view_from_image_plane(placed[..., :2] / placed[..., 2:])
    return _Looks(placed @ view.rotation.transpose(-1, -2), view.keypoints, view.scale)


def _unknowns(looks: _Looks, wanted: Tensor) -> Tensor:
    """The least-squares solution (K,) that brings looks (N, 16, 2) to the wanted ones, to first order."""
    moves = _moves(looks.poses_virtual_m)[:, 1:]
    depth = looks.poses_virtual_m[:, 1:, 2:, None]
    seen = looks.keypoints[..., None]
    shift = (moves[:, :, :2] / looks.scale[:, None, None, None] - seen * moves[:, :, 2:]) / depth
    shift = shift - seen * (seen * shift).sum((1, 2), keepdim=True) / (N_JOINTS - 1)  # all are over the 2D size
    shift = shift.flatten(0, 2)
    normal = shift.T @ shift
    ridge = _RIDGE * normal.diagonal().mean() * torch.eye(len(normal)).to(normal)
    return torch.linalg.solve(normal + ridge, shift.T @ (wanted - looks.keypoints).flatten())


def _moves(poses_m: Tensor) -> Tensor:
    """Where joints of (N, 17, 3) go per unit of each unknown, (N, 17, 3, K): places in metres, lengths as factors."""
    axes = body_axes(poses_m)
    bones = torch.from_numpy(bone_matrix()).to(poses_m) @ poses_m
    unknowns = []
    for name, (part, directions) in _PLACES.items():
        right = JOINT_NAMES.index(name)
        left = int(_OTHER_SIDE[right])
        for direction in directions:
            own = torch.zeros_like(bones)
            own[:, right - 1] = axes[:, part, direction]
            if left != right:
                own[:, left - 1] = -axes[:, part, direction] if direction == LEFT else axes[:, part, direction]
            unknowns.append(own)
    for name in _LENGTHS:
        right = JOINT_NAMES.index(name)
        both = [right - 1, int(_OTHER_SIDE[right]) - 1]
        own = torch.zeros_like(bones)
        own[:, both] = bones[:, both]
        unknowns.append(own)
    joints_from_bones = torch.from_numpy(np.linalg.inv(bone_matrix()[:, 1:]).round()).to(poses_m)
    moves = torch.einsum("jb,nbxk->njxk", joints_from_bones, torch.stack(unknowns, -1))
    return torch.nn.functional.pad(moves, (0, 0, 0, 0, 1, 0))  # the root stays


def _some(count: int, drawn: int, rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(rng.integers(count, size=drawn))


def _size(poses_world_m: Tensor) -> Tensor:
    return (poses_world_m - poses_world_m[:, ROOT : ROOT + 1]).square().sum(-1).mean().sqrt()
