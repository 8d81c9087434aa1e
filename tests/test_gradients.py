"""Gradients of every loss, decoder and geometric layer against finite differences, in double precision.

What must be here is not a list kept by hand: every public function of the modules that hold nothing else, every
function whose name says that it is a loss, and every way to train a critic.
"""

import inspect
import pkgutil
from functools import partial
from importlib import import_module

import numpy as np
import pytest
import torch
from people import camera_ring, detect, take
from torch import nn
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call

import pose3d
from pose3d.lifting import critic, losses, original, virtual_camera
from pose3d.lifting.adversarial import CRITIC
from pose3d.lifting.critic import Critic, Logistic, Wasserstein
from pose3d.lifting.kcs import KinematicChainSpace
from pose3d.lifting.networks import FrameLifter
from pose3d.lifting.observations import Observations
from pose3d.lifting.original import OriginalTemporal, RepNet
from pose3d.lifting.original_critic import OriginalCritic
from pose3d.lifting.original_objective import OriginalSingleFrame, OriginalWindows
from pose3d.lifting.prior import PriorTakes
from pose3d.lifting.temporal import TemporalLifter
from pose3d.lifting.virtual_objective import VirtualCameraObjective, VirtualCameraSettings
from pose3d.pose2d import heatmaps, training
from pose3d.pose2d import left_right as sides
from pose3d.pose2d.batch_norm import SharedBatchNorm2d

CPU = torch.device("cpu")
DOUBLE = torch.float64


def rand(*shape, seed=0, scale=1.0, offset=0.0):
    return torch.from_numpy(np.random.default_rng(seed).normal(offset, scale, shape))


def given(*shape, **options):
    """An input of which the gradient is checked."""
    return rand(*shape, **options).requires_grad_()


def rotations(*shape):
    return torch.linalg.qr(rand(*shape, 3, 3, seed=7)).Q


def image_plane(*shape, seed=0):
    return given(*shape, 17, 2, seed=seed, scale=0.1)


def peaks(*shape):
    """Heatmaps with one Gaussian each and a little of everything else, so that nothing is a tie or at a clamp."""
    at = torch.from_numpy(np.random.default_rng(3).uniform(2.2, 5.8, (*shape, 2)))
    targets, _ = heatmaps.gaussian_targets(at, 8, 1.5)
    return (targets + rand(*shape, 8, 8, seed=4).abs() * 0.01).requires_grad_()


def inside(*shape):
    return torch.from_numpy(np.random.default_rng(5).uniform(1, 31, (*shape, 17, 2)))


def view_numbers(view):
    return view.keypoints, view.scale, view.rotation


def poses(*shape, **options):
    return given(*shape, 16, 3, scale=0.3, **options)


def roots(*shape, **options):
    return (rand(*shape, 3, scale=0.3, **options) + torch.tensor([0, 0, 4.0], dtype=DOUBLE)).requires_grad_()


SCALES = rand(2, 3, seed=8).abs() + 0.05

FUNCTIONS = {
    losses.reprojection_l1: lambda f: (f, given(2, 16, 2), given(2, 16, 2, seed=1)),
    losses.weak_perspective_reprojection: lambda f: (f, poses(2), given(2, 3, 2, seed=1), given(2, 16, 2, seed=2)),
    losses.orthogonal_camera: lambda f: (f, given(3, 3, 2)),
    losses.perspective_without_division: lambda f: (
        lambda joints: f(joints, rand(2, 2, seed=1) + 2, rand(2, 2, seed=2), rand(2, 17, 2, seed=3)),
        given(2, 17, 3),
    ),
    losses.joint_distance: lambda f: (f, poses(2, 3), poses(2, 3, seed=1)),
    losses.relative_root_distance: lambda f: (f, roots(2, 3), roots(2, 3, seed=1)),
    losses.relative_root_velocity: lambda f: (
        lambda a, b: f(a, b, rotations(2, 3)),
        roots(2, 3),
        roots(2, 3, seed=1),
    ),
    losses.velocity_distance: lambda f: (f, poses(2, 3), poses(2, 3, seed=1)),
    critic.gradient_penalty: lambda f: (f, poses(3)),
    virtual_camera.optical_axis_rotation: lambda f: (f, roots(4)),
    virtual_camera.to_rays: lambda f: (f, image_plane(2)),
    virtual_camera.view_from_image_plane: lambda f: (lambda plane: view_numbers(f(plane)), image_plane(2)),
    virtual_camera.motion_features: lambda f: (
        lambda plane: f(plane, virtual_camera.view_from_image_plane(plane)),
        image_plane(2, 3),
    ),
    virtual_camera.motion_of_directions: lambda f: (
        lambda plane: f(plane[..., 0, :], virtual_camera.view_from_image_plane(plane)),
        image_plane(2, 3),
    ),
    virtual_camera.lifter_features: lambda f: (lambda plane: f(plane, True)[0], image_plane(1, 3)),
    virtual_camera.root_position: lambda f: (f, given(2, 3, 3), SCALES.clone().requires_grad_()),
    virtual_camera.project_virtual: lambda f: (f, poses(2, 3), roots(2, 3), SCALES.clone().requires_grad_()),
    virtual_camera.to_virtual_space: lambda f: (f, given(2, 3, 17, 3), rotations(2, 3).requires_grad_()),
    virtual_camera.to_camera_space: lambda f: (f, poses(2, 3), roots(2, 3), rotations(2, 3).requires_grad_()),
    critic.beside: lambda f: (f, poses(2), given(2, 16, 2)),
    original.relative_to_root: lambda f: (f, given(2, 17, 3)),
    heatmaps.crop_to_heatmap_px: lambda f: (lambda px: f(px, 32, 8), given(1, 17, 2)),
    heatmaps.heatmap_to_crop_px: lambda f: (lambda px: f(px, 32, 8), given(1, 17, 2)),
    heatmaps.gaussian_targets: lambda f: (lambda px: f(px, 8, 1.5)[0], (inside(1) / 4)[:, :3].requires_grad_()),
    heatmaps.unflip: lambda f: (lambda h: f(h, torch.tensor([0, 2, 1])), peaks(1, 3)),
    heatmaps.marginal_soft_argmax: lambda f: (lambda h: f(h, temperature=3.0), peaks(1, 2)),
    heatmaps.local_soft_argmax: lambda f: (lambda h: f(h, 1.5), peaks(1, 2)),
    heatmaps.confidence: lambda f: (lambda h: f(h - 0.5), peaks(1, 2)),
    training.heatmap_loss: lambda f: (lambda h: f(h, inside(1), 32, 1.5), given(1, 17, 8, 8)),
    sides.sides_loss: lambda f: (lambda offsets: f(offsets, inside(2), 32), given(2, 6, 2)),
}

WITHOUT_GRADIENTS = {
    original.normalise_px,  # NumPy
    original.normalised_intrinsics,
}


def public_functions(module):
    return {
        value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }


def all_modules():
    found = (module.name for module in pkgutil.walk_packages(pose3d.__path__, "pose3d."))
    return [import_module(name) for name in found if not name.endswith("__main__")]


def classes_with(method):
    """Public classes of the project that have the method; protocols only describe it."""
    found = {kind for module in all_modules() for kind in vars(module).values() if inspect.isclass(kind)}
    return {kind for kind in found if hasattr(kind, method) and not getattr(kind, "_is_protocol", False)}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_gradient(function):
    checked, *inputs = FUNCTIONS[function](function)
    assert all(value.dtype == DOUBLE and value.requires_grad for value in inputs)
    assert gradcheck(checked, inputs)


def test_no_differentiable_function_is_left_out():
    """A new loss, decoder or projection without a check of its gradient fails here."""
    expected = set()
    for module in (losses, virtual_camera, original, heatmaps, critic):
        expected |= public_functions(module)
    for module in all_modules():
        expected |= {f for f in public_functions(module) if f.__name__.endswith(("_loss", "_penalty"))}
    assert expected - WITHOUT_GRADIENTS == set(FUNCTIONS)


@pytest.mark.parametrize("kind", [Critic, partial(Critic, sees_keypoints=True), OriginalCritic])
def test_critic(kind):
    torch.manual_seed(0)
    judge = kind(3).double()
    assert gradcheck(judge, given(2, 16, judge.joints_path[0].in_features // 16, scale=0.3))


@pytest.mark.slow
def test_kinematic_chain_space():
    chain = KinematicChainSpace()
    assert gradcheck(chain, poses(2)) and gradgradcheck(chain, poses(2))


@pytest.mark.parametrize("kind", [Logistic, Wasserstein])
@pytest.mark.slow
def test_critic_losses_and_their_penalties(kind):
    """By the critic's weights and by the poses that the generator made; the penalty is a gradient's gradient."""
    torch.manual_seed(0)
    judge = Critic(3, sees_keypoints=True).double()
    weights = list(judge.parameters())
    real, fake = rand(2, 16, 5, scale=0.3), rand(2, 16, 5, seed=1, scale=0.3)

    def terms(*_):  # gradcheck changes the weights in place, where the critic finds them
        return kind().critic_terms(judge, real, fake, torch.tensor([0.2, 0.9]).double())

    assert gradcheck(terms, weights, fast_mode=True)
    assert gradcheck(lambda x: kind().generator_term(judge(x)), given(2, 16, 5, seed=1, scale=0.3), fast_mode=True)


def test_no_objective_and_no_critic_loss_is_left_out():
    assert classes_with("critic_terms") == {Logistic, Wasserstein}
    assert classes_with("critic_batches") == {VirtualCameraObjective, OriginalSingleFrame, OriginalWindows}


def test_shared_batch_norm(monkeypatch):
    """Alone, the mean over processes is the value itself."""
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 1)
    norm = SharedBatchNorm2d(3).double().train()
    x = given(2, 3, 2, 2)
    assert gradcheck(norm, x)
    torch.testing.assert_close(norm(x), nn.BatchNorm2d(3).double().train()(x))


def _sequences():
    return take("S1", "Walk-1", 12, camera_ring()), take("S7", "Walk-1", 12, camera_ring())


def _virtual(lifter, outputs):
    seen, prior = _sequences()
    settings = VirtualCameraSettings(
        run_outputs=outputs,
        pairs_per_step=2,
        labelled_per_step=0,
        noise_scale=1.0,
        other_noise=0,
        noise_candidates=2,
        body_spread=0.05,
        limb_mix_prob=0.5,
        limb_turn_deg=0,
        tilt_deg=0,
        joint_weights=[1.0] * 17,
        critic_sees_keypoints=True,
    )
    observations = Observations(seen, detect(seen, 3.0), CPU)
    objective = VirtualCameraObjective(lifter, observations, PriorTakes(prior, CPU), None, settings, CPU)
    observed, supervised = objective._draw_observed, objective._draw_supervised
    objective._draw_observed = lambda *drawn: observed(*drawn).double()
    objective._draw_supervised = lambda *drawn: tuple(values.double() for values in supervised(*drawn))
    return objective


def _original(kind, window_frames):
    seen, prior = _sequences()
    data = kind(seen, [d.keypoints_px for d in detect(seen, 3.0)], prior, window_frames, torch.ones(17, 1), CPU)
    for name in ("_keypoints", "_focal", "_centre", "_prior"):
        setattr(data, name, getattr(data, name).double())
    return data


OBJECTIVES = {
    "frame": lambda: (lifter := FrameLifter(2, 1).double(), _virtual(lifter, 1)),
    "temporal": lambda: (lifter := TemporalLifter(2, 3, "convolution").double(), _virtual(lifter, 3)),
    "gru": lambda: (lifter := TemporalLifter(2, 3, "gru").double(), _virtual(lifter, 2)),
    "original frame": lambda: (RepNet(2).double(), _original(OriginalSingleFrame, 1)),
    "original temporal": lambda: (OriginalTemporal(2, 3).double(), _original(OriginalWindows, 3)),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_terms_of_whole_objectives_by_the_weights_of_the_lifter(name):
    """Through features, networks, virtual cameras, projection and losses, as a generator step takes them."""
    torch.manual_seed(0)
    lifter, objective = OBJECTIVES[name]()
    names = [key for key, _ in lifter.named_parameters()]
    [batch] = objective.generator_batches([np.random.default_rng(0)], 2)

    def terms(*weights):
        state = dict(zip(names, weights, strict=True))

        def forward(*features):
            return functional_call(lifter, state, features)

        fake, found = objective.terms(forward, batch)
        return (fake, *(found[key] for key in sorted(found)))

    weights = [p.detach().clone().requires_grad_() for p in lifter.parameters()]
    assert CRITIC not in objective.terms(lifter, batch)[1]
    assert gradcheck(terms, weights, fast_mode=True, check_undefined_grad=False)
