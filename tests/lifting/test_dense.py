"""The passes that networks write out themselves against autograd, to the last digits of double precision."""

import pytest
import torch
from torch.autograd import gradcheck

from pose3d.lifting.critic import Critic
from pose3d.lifting.dense import LeakyReLU, Linear, ResidualBlock, Sequential, Trace, through
from pose3d.lifting.original import ResidualBlock as OriginalResidualBlock
from pose3d.lifting.original import WindowNetwork
from pose3d.lifting.original_critic import OriginalCritic
from pose3d.lifting.temporal import Convolution, TemporalNetwork

EXACT = {"rtol": 1e-10, "atol": 1e-12}


def rand(*shape, seed=0, scale=1.0):
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def frames():
    return Sequential(Linear(5, 8), LeakyReLU(), ResidualBlock(8), OriginalResidualBlock(8), Linear(8, 3))


def in_two_halves(network, windows):
    """A temporal network by its forward pass of clips, which autograd derives."""
    return network.forward_clip(windows).squeeze(1)


NETWORKS = {
    "frames": (frames, lambda network, x: network(x), (7, 5)),
    "windows": (lambda: TemporalNetwork(5, 3, 8, 9), in_two_halves, (7, 9, 5)),
    "causal windows": (lambda: TemporalNetwork(5, 3, 8, 9, causal=True), in_two_halves, (7, 9, 5)),
    "original windows": (lambda: WindowNetwork(5, 3, 8, 27), in_two_halves, (7, 27, 5)),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    make, derived, shape = NETWORKS[request.param]
    return make().double(), derived, rand(*shape)


def gradients(outputs, inputs):
    return torch.autograd.grad((outputs * rand(*outputs.shape, seed=1)).sum(), inputs)


def test_outputs_and_gradients_are_autograds(network):
    module, derived, x = network
    x.requires_grad_()
    inputs = [x, *module.parameters()]
    outputs, expected = through(module, x), derived(module, x)
    torch.testing.assert_close(outputs, expected, **EXACT)
    for ours, autograds in zip(gradients(outputs, inputs), gradients(expected, inputs), strict=True):
        torch.testing.assert_close(ours, autograds, **EXACT)


def test_gradients_by_the_weights_do_not_depend_on_whether_the_inputs_have_any(network):
    module, _, x = network
    weights = list(module.parameters())
    without = gradients(through(module, x), weights)
    with_inputs = gradients(through(module, x.clone().requires_grad_()), weights)
    assert all(torch.equal(a, b) for a, b in zip(without, with_inputs, strict=True))


def test_without_gradients_outputs_are_the_same_bytes(network):
    module, _, x = network
    outputs = through(module, x)
    with torch.no_grad():
        assert torch.equal(through(module, x), outputs)
    assert outputs.requires_grad


def test_gradients_lie_in_memory_as_their_weights(network):
    """The fused optimizer takes them as if they did."""
    module, _, x = network
    through(module, x).sum().backward()
    assert all(weight.grad.stride() == weight.stride() for weight in module.parameters())


def test_mixed_precision_is_autocasts():
    torch.manual_seed(0)
    module, x = frames(), rand(7, 5).float()
    with torch.autocast("cpu", torch.bfloat16):
        outputs, expected = through(module, x), module(x)
    assert outputs.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(outputs, expected)
    weights = list(module.parameters())
    ours, autograds = (torch.autograd.grad(y.float().square().sum(), weights) for y in (outputs, expected))
    assert all(gradient.dtype == torch.float32 for gradient in ours)
    torch.testing.assert_close(ours, autograds, rtol=0.05, atol=0.05)


def test_a_convolutions_matrix_is_its_weight_in_its_own_memory():
    layer = Convolution(2, 3, 3)
    assert layer.matrix().data_ptr() == layer.weight.data_ptr()
    assert layer.matrix()[1].tolist() == [layer.weight[1, c, k].item() for k in range(3) for c in range(2)]
    gradient = layer.gradient(layer.matrix(), torch.eye(6))
    assert torch.equal(gradient, layer.weight) and gradient.stride() == layer.weight.stride()


@pytest.fixture(params=[Critic, OriginalCritic])
def critic(request):
    torch.manual_seed(0)
    return request.param(6).double()


def derived_scores(critic, poses):
    """A critic's scores as autograd can derive them again and again."""
    paths = critic.joints_path(poses.flatten(1)), critic.kcs_path(critic.kcs(poses))
    return critic.score(torch.cat(paths, 1)).squeeze(1)


def test_scores_and_slopes_are_autograds_and_so_are_their_gradients(critic):
    """Of a loss on both: a gradient of a gradient, which autograd takes through its own graph."""
    poses, sloped = rand(6, 16, 3, scale=0.3), slice(2, 5)
    at = poses[sloped].clone().requires_grad_()
    (derived_slopes,) = torch.autograd.grad(derived_scores(critic, at).sum(), at, create_graph=True)
    expected = derived_scores(critic, poses), derived_slopes
    found = critic.scores_and_slopes(poses, sloped)
    weights = list(critic.parameters())
    of_weights = []
    for scores, slopes in (found, expected):
        loss = (scores * rand(6, seed=1)).sum() + (slopes.square() * rand(3, 16, 3, seed=2)).sum()
        of_weights.append(torch.autograd.grad(loss, weights))
    torch.testing.assert_close(found, expected, **EXACT)
    for ours, autograds in zip(*of_weights, strict=True):
        torch.testing.assert_close(ours, autograds, **EXACT)


def test_scores_and_their_gradients_by_poses(critic):
    poses = rand(4, 16, 3, scale=0.3).requires_grad_()
    torch.testing.assert_close(critic(poses), derived_scores(critic, poses), **EXACT)
    assert gradcheck(critic, poses)
    with torch.no_grad():
        torch.testing.assert_close(critic(poses), derived_scores(critic, poses), **EXACT)


def test_push_is_pull_transposed(critic):
    """<push(t), u> = <t, pull(u)> for all tangents t and cotangents u."""
    trace, tangents, cotangents = Trace(), rand(4, 48, seed=1), rand(4, 1, seed=2)
    critic.run(rand(4, 48, scale=0.3), trace)
    pulled, pushed = critic.pull(cotangents, trace), critic.push(tangents, trace)
    torch.testing.assert_close((pushed * cotangents).sum(1), (pulled * tangents).sum(1), **EXACT)
