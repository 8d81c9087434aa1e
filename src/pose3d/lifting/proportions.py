"""Bone proportions of the people in the 2D, which a prior of other people or other joint positions needs.

Data sets disagree about where a joint is: from one to another a head bone may be half as long. How long a bone looks
depends on pose and view, but the longest that it looks, compared over many frames, depends on its length: where the
projected prior's bones look shorter than the annotated ones, they are short. The size of the whole body does not show.
"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from pose3d.geometry.skeleton import BONES, JOINT_NAMES, ROOT, bone_matrix, mirror_permutation
from pose3d.lifting.joint_places import fit_places
from pose3d.lifting.observations import Observations
from pose3d.lifting.prior import PriorTakes, place_before_camera, vary_bone_lengths
from pose3d.lifting.virtual_camera import view_from_image_plane
from pose3d.runtime.errors import InputError

_QUANTILES = (0.8, 0.84, 0.88, 0.92, 0.96)
_LOOKS = 20_000
_ROUNDS = 5  # a bone's length also changes the 2D size that all are measured in


def fit_subjects(prior: PriorTakes, observations: Observations, rng: np.random.Generator) -> Tensor:
    """Proportions and joint places of each of the prior's subjects, who may be of several data sets; (N, 17, 3).

    :func:`fit_proportions` first, because poses of other proportions match few annotations (see
    :func:`pose3d.lifting.joint_places.fit_places`).

    Args:
        prior: all takes, those of one subject together.
        observations: the annotated 2D.
        rng: draws the poses and annotations that are compared.

    Raises:
        InputError: see :func:`fit_proportions`.
    """
    frames = [
        sum(n for _, n in takes)
        for _, takes in groupby(zip(prior.subjects, prior.lengths, strict=True), lambda t: t[0])
    ]
    subjects = prior.poses_world_m.split(frames)
    return torch.cat([fit_places(fit_proportions(poses, observations, rng), observations, rng) for poses in subjects])


def fit_proportions(poses_world_m: Tensor, observations: Observations, rng: np.random.Generator) -> Tensor:
    """Scale the prior's bones until, projected, they look as long as the annotated ones.

    The annotations are the 2D labels that the detector was trained on: errors of detection would lengthen what looks
    short.

    Args:
        poses_world_m: (N, 17, 3) the prior.
        observations: the annotated 2D.
        rng: draws the poses and annotations that are compared.

    Returns:
        (N, 17, 3): other lengths, alike on the left and on the right, the same directions, and the same mean size.

    Raises:
        InputError: a bone has no length in most poses or annotations, so that no factor makes it longer.
    """

    annotated = _annotated_looks(observations, rng)
    _require_lengths(annotated, "the 2D labels")
    fitted = poses_world_m
    for _ in range(_ROUNDS):
        projected = _projected_looks(fitted, observations, rng)
        _require_lengths(projected, "the prior")
        factors = (annotated / projected).log().mean(0).exp()
        fitted = vary_bone_lengths(fitted[None], factors[None])[0]
    root = fitted[:, ROOT : ROOT + 1]
    return root + (fitted - root) * (_size(poses_world_m) / _size(fitted))


def body_difference(prior: PriorTakes, people: Sequence[Observations], rng: np.random.Generator) -> float:
    """How much the proportions of people differ from the prior's: root mean square of the logarithm, of all bones.

    Bones that have no length are left out.

    Args:
        prior: all takes.
        people: the annotated 2D of one person each.
        rng: draws the poses and annotations that are compared.
    """
    differences = []
    for person in people:
        annotated = _annotated_looks(person, rng)
        projected = _projected_looks(prior.poses_world_m, person, rng)
        logs = (annotated / projected).log().mean(0)
        differences.append(logs[logs.isfinite()])
    return torch.cat(differences).square().mean().nan_to_num().sqrt().item()


def _annotated_looks(observations: Observations, rng: np.random.Generator) -> Tensor:
    """:func:`_long_looks` of some annotations."""
    return _long_looks(observations.annotated[_some(len(observations.annotated), rng, observations.annotated)])


def _projected_looks(poses_world_m: Tensor, observations: Observations, rng: np.random.Generator) -> Tensor:
    """:func:`_long_looks` of some poses (N, 17, 3), seen from where annotated people were seen."""
    seen = _some(len(observations.annotated), rng, poses_world_m)
    heading = torch.from_numpy(rng.uniform(0, 2 * np.pi, _LOOKS)).to(poses_world_m)
    roots, frames = observations.annotated[seen, ROOT], observations.annotated_frames[seen]
    scales, rotations = observations.scales[frames], observations.rotations[frames]
    poses = poses_world_m[_some(len(poses_world_m), rng, poses_world_m)][:, None]
    placed = place_before_camera(poses, heading, rotations, roots, scales, frame=0)[:, 0]
    return _long_looks(placed[..., :2] / placed[..., 2:])


def _some(count: int, rng: np.random.Generator, beside: Tensor) -> Tensor:
    return torch.from_numpy(rng.integers(count, size=_LOOKS)).to(beside.device)


def _long_looks(image_plane: Tensor) -> Tensor:
    """Upper quantiles (Q, 16) of the bones' lengths in virtual views of (N, 17, 2), both sides taken together."""
    bones = torch.from_numpy(bone_matrix()[:, 1:]).to(image_plane) @ view_from_image_plane(image_plane).keypoints
    lengths = bones.norm(dim=-1)
    other_side = torch.from_numpy(mirror_permutation()[1:] - 1).to(image_plane.device)
    both = torch.cat([lengths, lengths[:, other_side]])
    return torch.quantile(both, torch.tensor(_QUANTILES).to(both), dim=0)


def _require_lengths(long_looks: Tensor, where: str) -> None:
    missing = torch.nonzero(long_looks.amin(0) <= 0).flatten().tolist()
    if missing:
        parent, child = BONES[missing[0]]
        raise InputError(
            f"the bone from {JOINT_NAMES[parent]} to {JOINT_NAMES[child]} has no length in {where}, so that "
            "proportions cannot be fitted: repair those poses, or set lifting.fit_proportions to false"
        )


def _size(poses_world_m: Tensor) -> Tensor:
    return (poses_world_m - poses_world_m[:, ROOT : ROOT + 1]).square().sum(-1).mean().sqrt()
