"""Bone proportions found from 2D alone."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from seen_people import observed, people

from pose3d.geometry.skeleton import bone_matrix
from pose3d.lifting.prior import PriorTakes, symmetric_factors, vary_bone_lengths
from pose3d.lifting.proportions import body_difference, fit_proportions, fit_subjects
from pose3d.runtime.errors import InputError


def bone_lengths(poses):
    return (torch.from_numpy(bone_matrix()).to(poses) @ poses).norm(dim=-1).mean(0)


@pytest.fixture(scope="module")
def factors():
    return torch.from_numpy(symmetric_factors(np.random.default_rng(4), 1, 0.25)).float()


def test_other_bodies_proportions_are_found_but_for_their_size(factors):
    prior = people(6000, seed=0)
    observations = observed(vary_bone_lengths(people(6000, seed=1)[None], factors)[0], seed=2)
    fitted = fit_proportions(prior, observations, np.random.default_rng(3))
    found = bone_lengths(fitted) / bone_lengths(prior)
    expected = factors[0] * (found / factors[0]).log().mean().exp()
    assert (factors.log().std() > 0.2).item()
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0)
    size = [(p - p[:, :1]).square().sum(-1).mean().sqrt() for p in (prior, fitted)]
    torch.testing.assert_close(*size)


def test_directions_stay_and_who_fits_already_is_left_alone():
    prior = people(6000, seed=0)
    fitted = fit_proportions(prior, observed(people(6000, seed=1), seed=2), np.random.default_rng(3))
    torch.testing.assert_close(bone_lengths(fitted), bone_lengths(prior), rtol=0.03, atol=0)
    matrix = torch.from_numpy(bone_matrix()).float()
    before, after = (torch.nn.functional.normalize(matrix @ p, dim=-1) for p in (prior, fitted))
    torch.testing.assert_close(before, after, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_each_subject_of_the_prior_is_fitted_by_itself(factors):
    poses = people(4000, seed=0)
    other = vary_bone_lengths(poses[None], factors)[0]
    takes = [
        SimpleNamespace(subject=subject, action=action, poses_world_m=p.numpy())
        for subject, p in (("A", poses), ("B", other))
        for action, p in (("Walk", p[:2500]), ("Wave", p[2500:]))
    ]
    prior = PriorTakes(takes, torch.device("cpu"))
    fitted = fit_subjects(prior, observed(people(6000, seed=1), seed=2), np.random.default_rng(3))
    assert fitted.shape == prior.poses_world_m.shape
    ratio = bone_lengths(fitted[4000:]) / bone_lengths(fitted[:4000])
    torch.testing.assert_close(ratio / ratio.log().mean().exp(), torch.ones(16), rtol=0.1, atol=0)


@pytest.mark.parametrize("where", ["the prior", "the 2D labels"])
def test_a_bone_without_length_is_named(where):
    prior, seen = people(300, seed=0), people(300, seed=1)
    poses = prior if where == "the prior" else seen
    poses[:, [3, 6]] = poses[:, [2, 5]]  # feet in the knees
    with pytest.raises(InputError, match=f"bone from RKnee to RFoot has no length in {where}"):
        fit_proportions(prior, observed(seen, seed=2), np.random.default_rng(3))


def test_how_much_people_differ_from_the_prior_is_seen_in_2d():
    """Two people with bones that differ as drawn, and one like the prior; a body's size, taken out, does not show."""
    prior, rng = SimpleNamespace(poses_world_m=people(6000, seed=0)), np.random.default_rng(3)
    factors = torch.from_numpy(symmetric_factors(np.random.default_rng(7), 3, 0.1)).float()
    factors[2] = 1.1
    seen = [observed(vary_bone_lengths(people(6000, seed=n)[None], factors[n : n + 1])[0], n) for n in (0, 1, 2)]
    relative = factors.log() - factors.log().mean(1, keepdim=True)
    found = body_difference(prior, seen, rng)
    assert found == pytest.approx(relative.square().mean().sqrt().item(), rel=0.25)
    assert body_difference(prior, seen[2:], rng) < 0.02
