"""Radii of joints: by hand, calibrated on what they are drawn from, alike on both sides, and nothing to the lifter."""

import numpy as np
import pytest
import torch
from people import camera_ring, detect, take
from toy_lifters import ONE, lifting, params

from pose3d.geometry import layouts
from pose3d.geometry.skeleton import JOINT_NAMES, mirror_permutation
from pose3d.lifting import fit
from pose3d.lifting.fit import fit_lifter
from pose3d.lifting.lift import SPREAD, lift, lift_virtual, load_lifter
from pose3d.lifting.proportions import body_difference
from pose3d.lifting.spread import (
    LEVEL,
    LEVELS,
    LiftedView,
    Spread,
    conformal_quantiles,
    pinball,
    reprojection_residuals,
    sight_errors,
)
from pose3d.lifting.spread_training import _draws
from pose3d.lifting.supervision import Supervision
from pose3d.training.checkpoint import Checkpoint
from pose3d.training.model_file import save_model

KNEE = JOINT_NAMES.index("RKnee")


@pytest.fixture
def supervision():
    seen = take("S1", "Walk-1", 30, camera_ring())
    return Supervision(seen, detect(seen, 3.0), take("S7", "Walk-1", 30, camera_ring()))


def test_errors_across_and_along_the_sight_line():
    """The root is 4 m away and lifted to 5 m; the knee, straight beneath it in the picture, is off by (0.3, 0.4, z)."""
    pose = torch.zeros(16, 3)
    truth = pose.clone()
    truth[KNEE - 1] = torch.tensor([0.3, 0.4, -0.2])
    errors = sight_errors(pose, torch.tensor([0.0, 0.0, 5.0]), truth, torch.tensor([0.3, 0.0, 4.0]))
    assert errors[0].tolist() == pytest.approx([0.06, 0.2])  # over its distance
    assert errors[KNEE].tolist() == pytest.approx([0.5, 0.2])
    assert errors[1:].sum().item() == pytest.approx(0.7)


def test_errors_do_not_change_as_the_camera_turns():
    generator = torch.Generator().manual_seed(0)
    poses, true_poses = torch.randn(2, 5, 16, 3, generator=generator)
    roots, true_roots = torch.randn(2, 5, 3, generator=generator) + torch.tensor([0.0, 0.0, 6.0])
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q
    turned = (x @ turn for x in (poses, roots, true_poses, true_roots))
    torch.testing.assert_close(sight_errors(poses, roots, true_poses, true_roots), sight_errors(*turned))


def test_conformal_quantiles_by_hand():
    """Of 9 scores the 90th percentile is the ceil(10 * 0.9) = 9th, the largest; the median the 5th."""
    scores = torch.tensor([3.0, 1, 2, 9, 8, 7, 4, 6, 5])
    assert conformal_quantiles(scores, (0.5, 0.9, 0.95)).tolist() == [5, 9, 9]
    assert conformal_quantiles(torch.arange(1.0, 101), (0.9,)).tolist() == [91]


def test_conformal_quantiles_cover_a_gaussian():
    """|x| of a standard normal x is below 1.645 nine times of ten."""
    drawn = np.random.default_rng(0).normal(size=(200_000, 2))
    bound = conformal_quantiles(torch.from_numpy(np.abs(drawn)), (0.9,))[0]
    assert bound.tolist() == pytest.approx([1.645, 1.645], abs=0.01)


def test_pinball_is_least_at_the_quantile_and_its_gradient_says_how_many_are_above():
    observed = torch.arange(1.0, 11)
    losses = [pinball(observed - guess, 0.75).item() for guess in range(1, 11)]
    assert int(np.argmin(losses)) + 1 == 8  # three of four are at most the 8th of ten
    guess = torch.tensor(8.5, requires_grad=True)
    pinball(observed - guess, 0.75).backward()
    assert guess.grad.item() == pytest.approx((8 * 0.25 - 2 * 0.75) / 10)


@pytest.mark.parametrize("layout", ["h36m17", "coco17"])
def test_residuals_are_where_the_pose_appears_minus_where_it_was_seen(layout):
    """The knee is 0.5 m right of a root 5 m away, which is at 1 in a view of scale 0.1; it was seen at 0.8."""
    pose = torch.zeros(16, 3)
    pose[KNEE - 1, 0] = 0.5
    features = torch.zeros(32) if layout == "h36m17" else torch.zeros(17, 3)
    if layout == "h36m17":
        features[2 * (KNEE - 1)] = 0.8
        place = KNEE - 1
    else:
        features[14] = torch.tensor([0.8, 0, 1])  # COCO's right knee, the only point seen
        place = 9  # of the points that are joints: five of COCO's are of the face
    view = LiftedView(features.flatten(), pose, torch.tensor([0.0, 0.0, 5.0]), torch.tensor(0.1))
    residuals = reprojection_residuals(view, layout)
    assert residuals[place].tolist() == pytest.approx([0.2, 0])
    assert residuals.abs().sum().item() == pytest.approx(0.2)


def test_radii_are_those_of_the_file_times_the_factor_of_their_level():
    """All of e^-3; the root's is a share of its distance."""
    spread = Spread(32, 4, "h36m17").requires_grad_(False)
    spread.last.weight.zero_()
    spread.last.bias.fill_(-3.0)
    spread.factors[LEVELS.index(LEVEL)] = 2.0
    view = LiftedView(torch.zeros(32), torch.zeros(16, 3), torch.tensor([0.0, 3.0, 4.0]), torch.tensor(0.1))
    radii = spread.radii_m(view, view)
    assert radii[0].tolist() == pytest.approx([10 * np.exp(-3)] * 2)
    assert radii[KNEE].tolist() == pytest.approx([2 * np.exp(-3)] * 2)
    assert spread.relative_factors()[0, 0].tolist() == [0.5, 0.5]


def fitted(supervision, tmp_path, monkeypatch, kind="frame", layout="h36m17", **changes):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    block = params(kind, "virtual_camera", **changes)
    return fit_lifter(lifting("virtual_camera", layout=layout), block, supervision, 1, ONE, Checkpoint("t", "x"))


@pytest.mark.parametrize("kind", ["frame", "temporal"])
def test_the_lifter_is_the_same_with_and_without_a_spread(kind, supervision, tmp_path, monkeypatch):
    without = fitted(supervision, tmp_path, monkeypatch, kind)
    with_it = fitted(supervision, tmp_path, monkeypatch, kind, spread_steps=2)
    again = fitted(supervision, tmp_path, monkeypatch, kind, spread_steps=2)
    assert SPREAD not in without.architecture and with_it.architecture[SPREAD] > 0
    for name, weight in without.weights.items():
        assert torch.equal(weight, with_it.weights[name])
    assert any(name.startswith("spread.") for name in with_it.weights)
    for name, weight in with_it.weights.items():
        assert torch.equal(weight, again.weights[name])


@pytest.mark.parametrize(("kind", "layout"), [("frame", "h36m17"), ("temporal", "h36m17"), ("temporal", "coco17")])
def test_radii_are_read_back_and_mirror_with_the_picture(kind, layout, supervision, tmp_path, monkeypatch):
    made = fitted(supervision, tmp_path, monkeypatch, kind, layout, spread_steps=30)
    save_model(tmp_path / "m.pt", made.architecture, made.weights)
    lifter = load_lifter(tmp_path / "m.pt", layout)
    points = layouts.layout(layout)
    generator = torch.Generator().manual_seed(1)
    plane = 0.1 * torch.randn(20, len(points), 2, generator=generator)
    if layout != "h36m17":
        plane = torch.cat([plane, torch.ones(20, len(points), 1)], -1)
    flip = torch.tensor([-1.0, 1, 1])[: plane.shape[-1]]
    joints, radii, _ = lift_virtual(lifter, plane, 25)
    _, mirrored, _ = lift_virtual(lifter, plane[:, torch.from_numpy(points.mirror)] * flip, 25)
    assert radii.shape == (20, 17, 2) and joints.shape == (20, 17, 3)
    torch.testing.assert_close(mirrored, radii[:, torch.from_numpy(mirror_permutation())], rtol=1e-4, atol=1e-6)
    assert (radii > 0).all() and not torch.allclose(radii, radii.flip(0))


def test_radii_hold_nine_of_ten_errors_of_strangers(supervision, tmp_path, monkeypatch):
    """Drawn as they were to learn from, but anew."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    block = params("frame", "virtual_camera", spread_steps=60, projected_prior_batch_size=64)
    made = fit_lifter(lifting("virtual_camera"), block, supervision, 1, ONE, Checkpoint("t", "x"))
    save_model(tmp_path / "m.pt", made.architecture, made.weights)
    lifter = load_lifter(tmp_path / "m.pt")
    objective = fit._objective(lifting("virtual_camera"), block, supervision, lifter, 1, ONE)
    people = fit._by_person(supervision, objective.device)
    difference = body_difference(objective.prior, people, np.random.default_rng(0))
    factor = lifter.spread.factors[LEVELS.index(LEVEL)].log()
    inside = [
        log_errors <= lifter.spread.log_radii(view, mirrored) + factor
        for view, mirrored, log_errors in _draws(lifter, objective.of_strangers(64, difference), 64, seed=2)
    ]
    assert torch.cat(inside).float().mean((0, 1, 2)).tolist() == pytest.approx([0.9, 0.9], abs=0.02)


def test_a_lifter_without_a_spread_gives_no_radii(supervision, tmp_path, monkeypatch):
    made = fitted(supervision, tmp_path, monkeypatch)
    save_model(tmp_path / "m.pt", made.architecture, made.weights)
    clip = supervision.prior[0]
    assert lift(load_lifter(tmp_path / "m.pt"), clip, clip.keypoints_px).radii_m is None
