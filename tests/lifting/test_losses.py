"""Losses, kinematic chain space, critic and schedules against values worked out by hand."""

import math

import numpy as np
import pytest
import torch

from pose3d.geometry.skeleton import PARENTS
from pose3d.lifting.adversarial import Optimisation, critic_step, generator_step, real_and_fake
from pose3d.lifting.critic import Critic, Logistic, Wasserstein, beside, gradient_penalty
from pose3d.lifting.kcs import KinematicChainSpace
from pose3d.lifting.losses import (
    joint_distance,
    orthogonal_camera,
    perspective_without_division,
    relative_root_distance,
    relative_root_velocity,
    reprojection_l1,
    velocity_distance,
    weak_perspective_reprojection,
)
from pose3d.lifting.original import RepNet
from pose3d.lifting.schedule import WeightAverage, cosine_factor, geometric_ramp


def poses(*shape, seed=0, channels=3):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 0.3, (*shape, 16, channels)))


def test_kcs_of_a_pose_beside_its_2d_is_that_of_the_pose():
    both = poses(4, channels=5)
    expected = KinematicChainSpace()(both[..., :3])
    torch.testing.assert_close(KinematicChainSpace(channels=5)(both), expected, rtol=1e-12, atol=1e-12)


def test_kcs_holds_squared_lengths_and_inner_products_of_bones():
    pose = poses(2)
    joints = torch.cat([torch.zeros(2, 1, 3, dtype=torch.float64), pose], 1)
    bones = torch.stack([joints[:, child] - joints[:, PARENTS[child]] for child in range(1, 17)], 1)
    kcs = KinematicChainSpace()
    values = kcs(pose)
    assert values.shape == (2, 136)
    torch.testing.assert_close(values[:, 0], bones[:, 0].square().sum(-1))  # first bone with itself
    torch.testing.assert_close(values[:, 1], (bones[:, 0] * bones[:, 1]).sum(-1))
    torch.testing.assert_close(values[:, -1], bones[:, 15].square().sum(-1))


def test_kcs_does_not_change_under_rotation():
    rotation = torch.linalg.qr(torch.from_numpy(np.random.default_rng(1).normal(size=(3, 3)))).Q
    kcs = KinematicChainSpace()
    torch.testing.assert_close(kcs(poses(3) @ rotation), kcs(poses(3)))


def test_weak_perspective_reprojection():
    pose = torch.zeros(1, 16, 3)
    pose[0, 0] = torch.tensor([1.0, 2.0, 3.0])
    camera = torch.tensor([[[1.0, 0], [0, 1], [0, 0]]])
    keypoints = torch.zeros(1, 16, 2)  # squares 1 + 4 over 32 numbers
    assert weak_perspective_reprojection(pose, camera, keypoints).item() == pytest.approx(5 / 32)
    weights = torch.ones(16, 1)
    weights[0] = 0.5  # half as dear as before
    assert weak_perspective_reprojection(pose, camera, keypoints, weights).item() == pytest.approx(2.5 / 32)


def test_orthogonal_camera_is_zero_for_scaled_orthogonal_columns_and_known_for_others():
    scaled = 3 * torch.eye(3)[:, :2]
    assert orthogonal_camera(scaled[None]).item() == pytest.approx(0, abs=1e-5)
    # K^T K = diag(4, 0): 2/4 * diag(4, 0) - I = diag(1, -1)
    flat = torch.tensor([[[2.0, 0], [0, 0], [0, 0]]])
    assert orthogonal_camera(flat).item() == pytest.approx(math.sqrt(2), rel=1e-6)


def test_perspective_without_division():
    joints = torch.zeros(1, 17, 3)
    joints[..., 2] = 2.0
    focal, centre = torch.full((1, 2), 2.0), torch.zeros(1, 2)
    keypoints = torch.zeros(1, 17, 2)
    assert perspective_without_division(joints, focal, centre, keypoints).item() == 0
    keypoints[0, 0, 0] = 0.1  # (0.1 * 2)^2 over 34 numbers
    assert perspective_without_division(joints, focal, centre, keypoints).item() == pytest.approx(0.04 / 34)
    weights = torch.ones(17, 1)
    weights[0] = 0.25
    assert perspective_without_division(joints, focal, centre, keypoints, weights).item() == pytest.approx(0.01 / 34)


def test_distances():
    a, b = torch.zeros(1, 2, 16, 3), torch.zeros(1, 2, 16, 3)
    b[0, 1, :, 0] = 0.3
    b[0, 1, :, 1] = 0.4
    assert joint_distance(a, b).item() == pytest.approx(0.25, abs=1e-4)
    assert velocity_distance(a, b).item() == pytest.approx(0.5, abs=1e-4)
    assert velocity_distance(a[:, :1], b[:, :1]).item() == 0
    assert reprojection_l1(a[..., :2], b[..., :2]).item() == pytest.approx(0.7 / 4)
    weights = torch.tensor([0.0] * 12 + [2.0] * 4)[:, None]  # a quarter of the joints counts, twice
    assert reprojection_l1(a[..., :2], b[..., :2], weights).item() == pytest.approx(0.7 / 8)


def test_relative_root_distance():
    """3-4-5 triangles in decimetres: half a metre at five metres and at ten, depth counting as the rest does."""
    targets = torch.tensor([[[1.0, 0, 5], [0, 1, 10]]], dtype=torch.float64)
    roots = targets + torch.tensor([[0.3, 0.4, 0], [0, 0.3, -0.4]], dtype=torch.float64)
    assert relative_root_distance(roots, targets).item() == pytest.approx((0.1 + 0.05) / 2, rel=1e-6)
    assert relative_root_distance(7 * roots, 7 * targets).item() == pytest.approx(0.075, rel=1e-6)
    assert relative_root_distance(targets, targets).item() < 1e-4


@pytest.mark.parametrize("depth_m", [-3.0, 0.0, 1e-9, 0.1])
def test_a_root_beside_or_behind_its_virtual_camera_weighs_no_more_than_one_at_a_decimetre(depth_m):
    targets = torch.tensor([0.5, 0.2, depth_m]).expand(1, 2, 3)
    roots = (targets + torch.tensor([0.0, 0.3, 0.4])).requires_grad_()
    assert relative_root_distance(roots, targets).item() == pytest.approx(5.0, rel=1e-4)
    moving = torch.stack([roots[:, 0], roots[:, 1] + torch.tensor([0.3, 0.4, 0.0])], 1)
    velocity = relative_root_velocity(moving, targets, torch.eye(3).expand(1, 2, 3, 3))
    assert velocity.item() == pytest.approx(5.0, rel=1e-4)
    (gradient,) = torch.autograd.grad(relative_root_distance(roots, targets) + velocity, roots)
    assert torch.isfinite(gradient).all()


def test_root_velocity_is_counted_in_the_true_camera():
    """Two virtual cameras that look along x and along z see one root that stands still, and one that walks 0.3 m."""
    turned = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # camera from virtual: its z is the camera's x
    rotation = torch.stack([turned, torch.eye(3)])[None]
    in_camera = torch.tensor([[[3.0, 0, 1], [3, 0, 1]]])
    targets = torch.einsum("brji,brj->bri", rotation, in_camera)
    walking = torch.einsum("brji,brj->bri", rotation, in_camera + torch.tensor([[[0.0, 0, 0], [0, 0.3, 0]]]))
    assert relative_root_velocity(targets, targets, rotation).item() == pytest.approx(0, abs=1e-6)
    assert relative_root_velocity(walking, targets, rotation).item() == pytest.approx(0.3, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 1e-20, 1.0, 1e4])
def test_losses_of_one_degenerate_pose_and_their_gradients_are_finite(value, dtype):
    """All joints in one place, also the root's; predictions that equal their targets; a camera that is nothing."""
    pose = torch.full((1, 2, 16, 3), value, dtype=dtype, requires_grad=True)
    camera = torch.full((1, 3, 2), value, dtype=dtype, requires_grad=True)
    target = torch.full((1, 2, 16, 3), value, dtype=dtype)
    found = [
        joint_distance(pose, target),
        velocity_distance(pose, target),
        reprojection_l1(pose[..., :2], target[..., :2]),
        relative_root_distance(pose[:, :, 0], target[:, :, 0]),
        relative_root_velocity(pose[:, :, 0], target[:, :, 0], torch.eye(3, dtype=dtype).expand(1, 2, 3, 3)),
        orthogonal_camera(camera),
        weak_perspective_reprojection(pose[:, 0], camera, target[:, 0, :, :2]),
        perspective_without_division(pose[:, 0], camera[:, 0], camera[:, 1], target[:, 0, :, :2]),
        KinematicChainSpace()(pose[0]).mean(),
    ]
    for loss in found:
        gradients = torch.autograd.grad(loss, [pose, camera], allow_unused=True, retain_graph=True)
        assert torch.isfinite(loss) and all(torch.isfinite(g).all() for g in gradients if g is not None)


@pytest.mark.parametrize("kind", [Wasserstein, Logistic])
@pytest.mark.parametrize("value", [0.0, 0.5])
@pytest.mark.parametrize("silent", [False, True])
def test_critic_terms_of_poses_that_are_all_equal_and_their_gradients_are_finite(kind, value, silent):
    """Real and fake alike, all joints in one place; a critic without any slope, at which a norm has no derivative."""
    torch.manual_seed(0)
    critic = Critic(4, sees_keypoints=True)
    if silent:
        for weight in critic.parameters():
            weight.data.zero_()
    same = torch.full((1, 16, 5), value)
    loss, penalty = kind().critic_terms(critic, same, same, torch.tensor([0.25]))
    (loss + 10 * penalty).backward()
    assert torch.isfinite(loss) and torch.isfinite(penalty)
    assert all(torch.isfinite(w.grad).all() for w in critic.parameters() if w.grad is not None)


class Derived:
    """A critic from a function of poses: autograd gives its slopes."""

    def __init__(self, scores):
        self._scores = scores

    def __call__(self, poses):
        return self._scores(poses)

    def scores_and_slopes(self, poses, sloped):
        at = poses[sloped].detach().requires_grad_()
        (slopes,) = torch.autograd.grad(self._scores(at).sum(), at, create_graph=True)
        return self._scores(poses), slopes


def linear_critic(slope, offset=0.0):
    return Derived(lambda x: (x * slope).sum((-2, -1)) + offset)


def test_gradient_penalty_of_constant_slopes():
    slopes = torch.full((4, 16, 3), 0.5, dtype=torch.float64)  # norm 0.5 sqrt(48)
    assert gradient_penalty(slopes).item() == pytest.approx((0.5 * math.sqrt(48) - 1) ** 2)


def test_wasserstein_counts_slopes_between_real_and_fake_poses():
    """Slopes 2 x: at a share of the way from fake to real, which is drawn."""
    squares = Derived(lambda x: x.square().sum((-2, -1)))
    real, fake, shares = poses(3), poses(3, seed=1), torch.tensor([0.0, 0.25, 0.9], dtype=torch.float64)
    _, penalty = Wasserstein().critic_terms(squares, real, fake, shares)
    share = shares[:, None, None]
    norms = 2 * (share * real + (1 - share) * fake).flatten(1).norm(dim=1)
    torch.testing.assert_close(penalty.detach(), (norms - 1).square().mean())


def test_wasserstein_terms_of_a_linear_critic():
    """Scores 48 * 0.5 * value: real 0.1 and 0.3, fake 0.2 and 0.6."""
    slope = torch.full((16, 3), 0.5, dtype=torch.float64)
    real, fake = (torch.ones(2, 16, 3) * torch.tensor(v)[:, None, None] for v in ([0.1, 0.3], [0.2, 0.6]))
    loss, penalty = Wasserstein().critic_terms(linear_critic(slope, 7), real, fake, torch.tensor([0.0, 0.5]))
    assert loss.item() == pytest.approx(24 * (0.4 - 0.2), rel=1e-6)
    assert penalty.item() == pytest.approx((0.5 * math.sqrt(48) - 1) ** 2)
    assert Wasserstein().generator_term(torch.tensor([1.0, 4.0])).item() == -2.5


def test_logistic_terms_of_a_linear_critic():
    """R1 is half of |slope|^2, wherever the poses are; the rest are logarithms of 1 + exp."""
    slope = torch.full((16, 3), 0.5, dtype=torch.float64, requires_grad=True)
    real, fake = (torch.ones(2, 16, 3) * torch.tensor(v)[:, None, None] for v in ([0.1, 0.3], [0.2, 0.6]))
    loss, penalty = Logistic().critic_terms(linear_critic(slope, -1.0), real, fake, torch.empty(0))
    on_real, on_fake = (24 * 0.1 - 1, 24 * 0.3 - 1), (24 * 0.2 - 1, 24 * 0.6 - 1)
    expected = sum(math.log(1 + math.exp(-score)) for score in on_real) / 2
    expected += sum(math.log(1 + math.exp(score)) for score in on_fake) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert penalty.item() == pytest.approx(48 * 0.25 / 2)
    (gradient,) = torch.autograd.grad(penalty, slope)
    torch.testing.assert_close(gradient, slope.detach())


def test_logistic_generator_term_does_not_saturate():
    scores = torch.tensor([0.0, math.log(3)], dtype=torch.float64, requires_grad=True)
    term = Logistic().generator_term(scores)
    assert term.item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    (gradient,) = torch.autograd.grad(term, scores)  # -sigmoid(-score) / 2: steep where the critic is not fooled
    torch.testing.assert_close(gradient, torch.tensor([-0.25, -0.125], dtype=torch.float64))


def test_r1_counts_at_real_poses_only():
    def squares(x):  # gradient 2 x
        return x.square().sum((-2, -1))

    real = poses(3)
    _, penalty = Logistic().critic_terms(Derived(squares), real, 100 * poses(3, seed=1), torch.empty(0))
    torch.testing.assert_close(penalty.detach(), 2 * real.square().sum((-2, -1)).mean())
    assert not real.requires_grad


class Stub:
    """An objective whose fakes are RepNet's, with a term of its own."""

    def __init__(self):
        self.keypoints = torch.randn(4, 32, dtype=torch.float64)

    def critic_batches(self, rngs, batch_size):
        turns = [rng.integers(100) for rng in rngs]
        shown = torch.ones(batch_size, 16, 2, dtype=torch.float64)
        return [(poses(batch_size, channels=5, seed=turn), self.keypoints + turn, shown * turn) for turn in turns]

    def generator_batches(self, rngs, batch_size):
        return [self.keypoints for _ in rngs]

    def terms(self, generator, batch):
        fake, cameras = generator(batch)
        return beside(fake, self.keypoints.unflatten(1, (16, 2))), {"camera": orthogonal_camera(cameras)}


@pytest.fixture(params=[Wasserstein, Logistic])
def adversaries(request):
    torch.manual_seed(0)
    generator, critic = RepNet(8).double(), Critic(8, sees_keypoints=True).double()
    optimisation = Optimisation(1, 4, 1e-3, 1.0, (0.5, 0.9), request.param(), 1, 10.0, 0.9)
    return generator, critic, Stub(), optimisation


def values(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_poses_of_several_critic_steps_are_those_of_each(adversaries):
    generator, _, objective, optimisation = adversaries
    drawn = objective.critic_batches([np.random.default_rng(seed) for seed in range(3)], 4)
    batches = [(*batch, torch.rand(4)) for batch in drawn]
    together = real_and_fake(generator, batches, optimisation)
    assert len(together) == 3 and not torch.equal(together[0][1], together[1][1])
    for (real, fake, shares), (expected, keypoints, shown, drawn_shares) in zip(together, batches, strict=True):
        assert torch.equal(real, expected) and not fake.requires_grad and shares is drawn_shares
        lifts = beside(generator(keypoints)[0].detach(), shown)
        torch.testing.assert_close(fake, lifts, rtol=1e-12, atol=1e-12)


def test_critic_step_leaves_the_generator_alone(adversaries):
    generator, critic, objective, optimisation = adversaries
    before, judged = values(generator), values(critic)
    [(prior, keypoints, shown)] = objective.critic_batches([np.random.default_rng(0)], 4)
    shares = torch.rand(4, dtype=torch.float64)
    [(real, fake, _)] = real_and_fake(generator, [(prior, keypoints, shown, shares)], optimisation)
    critic_optimizer = torch.optim.Adam(critic.parameters())
    terms = critic_step(critic, critic_optimizer, real, fake, shares, optimisation, prior.new_tensor([1.0, 10.0]))
    assert set(terms) == {"critic_loss", "gradient_penalty"} and not any(t.requires_grad for t in terms.values())
    assert all(p.grad is None for p in generator.parameters())
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    # Wasserstein's last bias cancels; everything else learns.
    learnt = {name for name, value in critic.named_parameters() if not torch.equal(value, judged[name])}
    assert learnt >= set(dict(critic.named_parameters())) - {"score.2.bias"}


def test_generator_step_leaves_the_critic_alone(adversaries):
    generator, critic, objective, optimisation = adversaries
    before, judged = values(generator), values(critic)
    with torch.no_grad():
        judged_pairs = beside(generator(objective.keypoints)[0], objective.keypoints.unflatten(1, (16, 2)))
        expected = optimisation.critic_loss.generator_term(critic(judged_pairs))
    terms = generator_step(
        generator,
        critic,
        torch.optim.Adam(generator.parameters()),
        objective,
        objective.keypoints,
        optimisation,
        {name: torch.tensor(weight, dtype=torch.float64) for name, weight in {"critic": 1.0, "camera": 0.0}.items()},
    )
    torch.testing.assert_close(terms["critic"], expected)
    assert all(p.grad is None and p.requires_grad for p in critic.parameters())
    assert all(torch.equal(value, judged[name]) for name, value in critic.state_dict().items())
    learnt = {
        name.split(".")[0] for name, value in generator.named_parameters() if not torch.equal(value, before[name])
    }
    assert learnt == {"shared", "pose"}  # the camera's term weighs nothing


@pytest.mark.parametrize("kind", [Wasserstein, Logistic])
def test_critic_loss_lowers_what_separates_real_from_fake(kind):
    real, fake = torch.full((2, 16, 3), 0.1), torch.zeros(2, 16, 3)
    half = torch.full((2,), 0.5)
    right, wrong = (
        kind().critic_terms(linear_critic(torch.full((16, 3), s)), real, fake, half)[0] for s in (1.0, -1.0)
    )
    assert right < wrong
    assert kind().generator_term(torch.ones(2)) < kind().generator_term(-torch.ones(2))


@pytest.mark.parametrize("kind", [Wasserstein, Logistic])
def test_critic_gradient_against_differences(kind):
    torch.manual_seed(0)
    critic = Critic(4, sees_keypoints=True).double()
    real, fake = poses(3, channels=5), poses(3, seed=1, channels=5)
    weight = critic.joints_path[0].weight

    def loss():
        distance, penalty = kind().critic_terms(critic, real, fake, torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64))
        return distance + 10 * penalty

    (gradient,) = torch.autograd.grad(loss(), weight)
    step = torch.zeros_like(weight)
    step[0, 0] = 1e-6
    with torch.no_grad():
        weight += step
    higher = loss().item()
    with torch.no_grad():
        weight -= 2 * step
    assert gradient[0, 0].item() == pytest.approx((higher - loss().item()) / 2e-6, rel=1e-4)


def test_schedules():
    assert [geometric_ramp(s, 1, 100, 10) for s in (0, 5, 10, 50)] == pytest.approx([1, 10, 100, 100])
    assert geometric_ramp(3, 0, 7, 10) == 7 and geometric_ramp(3, 5, 0, 10) == 0
    assert [cosine_factor(s, 0.1, 10) for s in (0, 5, 10, 11)] == pytest.approx([1, 0.55, 0.1, 0.1])


def test_averaged_weights_forget_the_start_fast_and_later_slowly():
    layer = torch.nn.Linear(2, 1)
    average = WeightAverage(layer, 0.5)
    expected = values(layer)
    for kept in (0.1, 2 / 11, 0.25):
        with torch.no_grad():
            layer.weight += 1
        average.update()
        expected = {name: kept * expected[name] + (1 - kept) * value for name, value in layer.state_dict().items()}
        torch.testing.assert_close(average.weights, expected)
    state = average.state_dict()
    later = WeightAverage(layer, 0.5)
    later.load_state_dict(state | {"count": 10**6})
    later.update()
    wanted = (average.weights["weight"] + layer.weight) / 2
    torch.testing.assert_close(later.weights["weight"], wanted)  # a half, the decay asked for
