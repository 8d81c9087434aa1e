"""The original's networks and losses against its description, written out here once more with plain torch alone."""

import numpy as np
import pytest
import torch
from torch.nn.functional import conv1d, leaky_relu, linear, mse_loss

from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.lifting.critic import Wasserstein
from pose3d.lifting.losses import orthogonal_camera, perspective_without_division, weak_perspective_reprojection
from pose3d.lifting.original import OriginalTemporal, RepNet, normalise_px, relative_to_root
from pose3d.lifting.original_critic import OriginalCritic, chain_matrix

WIDTH, BATCH = 1000, 5
TOLERANCE = {"rtol": 1e-6, "atol": 1e-6}

# Bones of the description, start and end by name: without the root 16 joints, which 15 bones connect.
BONES = (
    *("RHip-RKnee", "RKnee-RFoot", "LHip-LKnee", "LKnee-LFoot", "Spine-Thorax", "Thorax-Neck/Nose", "Neck/Nose-Head"),
    *("Thorax-LShoulder", "LShoulder-LElbow", "LElbow-LWrist", "Thorax-RShoulder", "RShoulder-RElbow"),
    *("RElbow-RWrist", "LHip-RHip", "RHip-Spine"),
)


def rand(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=[torch.float32, torch.float64], ids=str)
def dtype(request):
    return request.param


def made(module, dtype):
    """A module with weights that nothing has chosen, and a function name -> its parameters of that layer."""
    torch.manual_seed(0)
    module = module.to(dtype)
    state = dict(module.named_parameters())
    return module, lambda layer: (state[f"{layer}.weight"], state[f"{layer}.bias"])


def residual(x, first, second):
    """out = LeakyReLU(x + W2 LeakyReLU(W1 x))."""
    return leaky_relu(x + linear(leaky_relu(linear(x, *first)), *second))


def described_repnet(x, layer):
    def block(y, name):
        return residual(y, layer(f"{name}.layers.0"), layer(f"{name}.layers.2"))

    shared = block(leaky_relu(linear(x, *layer("shared.0"))), "shared.2")
    pose = block(block(shared, "pose.0"), "pose.1")
    pose = linear(leaky_relu(linear(pose, *layer("pose.2"))), *layer("pose.4"))
    camera = linear(block(block(shared, "camera.0"), "camera.1"), *layer("camera.2"))
    return pose.view(-1, 16, 3), camera.view(-1, 3, 2)


def described_windows(x, layer, name):
    """(B, 27, C): Conv1d stride 3, then y = LeakyReLU(skip + Conv1d1(LeakyReLU(Conv1d3(x)))) twice, then Conv1d 1."""
    y = leaky_relu(conv1d(x.transpose(1, 2), *layer(f"{name}.first"), stride=3))  # 9 frames
    inner = conv1d(leaky_relu(conv1d(y, *layer(f"{name}.reduce.0"), stride=3)), *layer(f"{name}.mix.0"))
    y = leaky_relu(y[:, :, [1, 4, 7]] + inner)  # 3 frames
    inner = conv1d(leaky_relu(conv1d(y, *layer(f"{name}.reduce.1"))), *layer(f"{name}.mix.1"))
    y = leaky_relu(y[:, :, [1]] + inner)  # one
    return conv1d(y, *layer(f"{name}.last"))[:, :, 0]


def described_critic(pose, layer):
    joints = leaky_relu(linear(pose.flatten(1), *layer("joints_path.0")))
    joints = residual(joints, layer("joints_path.2.layers.0"), layer("joints_path.2.layers.2"))
    joints = linear(joints, *layer("joints_path.3"))
    named = dict(zip(JOINT_NAMES[1:], pose.unbind(1), strict=True))
    bones = torch.stack([named[start] - named[end] for start, end in (bone.split("-") for bone in BONES)], 1)
    psi = torch.einsum("bik,bjk->bij", bones, bones).reshape(len(pose), 225)
    chain = leaky_relu(linear(psi, *layer("kcs_path.0")))
    chain = residual(chain, layer("kcs_path.2.layers.0"), layer("kcs_path.2.layers.2"))
    score = leaky_relu(linear(torch.cat([joints, chain], 1), *layer("score.0")))
    return linear(score, *layer("score.2"))[:, 0]


def test_single_frame_generator(dtype):
    network, layer = made(RepNet(WIDTH), dtype)
    x = rand(BATCH, 32).to(dtype)
    for ours, described in zip(network(x), described_repnet(x, layer), strict=True):
        torch.testing.assert_close(ours, described, **TOLERANCE)
    assert (
        sum(weight.numel() for weight in network.parameters()) == 11_098_054
    )  # 11 layers of 1000 x 1000 and three others


def test_temporal_generator(dtype):
    network, layer = made(OriginalTemporal(WIDTH, 27), dtype)
    relative, absolute = rand(BATCH, 27, 32).to(dtype), rand(BATCH, 27, 34, seed=1).to(dtype)
    poses, roots = network(relative, absolute)
    torch.testing.assert_close(poses, described_windows(relative, layer, "pose").view(-1, 16, 3), **TOLERANCE)
    torch.testing.assert_close(roots, described_windows(absolute, layer, "root"), **TOLERANCE)


def test_a_clip_at_once_gives_what_its_windows_give():
    network, _ = made(OriginalTemporal(12, 27), torch.float64)
    relative, absolute = rand(1, 31, 32).double(), rand(1, 31, 34).double()
    windows = [[clip[:, t : t + 27] for t in range(5)] for clip in (relative, absolute)]
    single = [torch.cat(parts) for parts in zip(*map(network, *windows), strict=True)]
    for whole, one_by_one in zip(network.forward_clip(relative, absolute), single, strict=True):
        torch.testing.assert_close(whole[0], one_by_one, rtol=1e-12, atol=1e-12)


def test_critic(dtype):
    critic, layer = made(OriginalCritic(WIDTH), dtype)
    pose = rand(BATCH, 16, 3).to(dtype)
    torch.testing.assert_close(critic(pose), described_critic(pose, layer), **TOLERANCE)


def test_bones_of_the_critic():
    """Each bone once by hand, and one wrong sign of the original corrected: all rows sum to zero."""
    matrix = chain_matrix()
    assert matrix.shape == (15, 16) and not matrix.sum(1).any()
    found = [f"{JOINT_NAMES[1 + row.argmax()]}-{JOINT_NAMES[1 + row.argmin()]}" for row in matrix]
    assert tuple(found) == BONES
    joints = np.random.default_rng(0).normal(size=(16, 3))
    np.testing.assert_allclose(matrix @ (joints + [1, 2, 3]), matrix @ joints, atol=1e-12)  # wherever the person is


def test_what_the_critic_lowers(dtype):
    """-E[D(real)] + E[D(fake)] + 10 E[(|grad D| - 1)^2] between them."""
    critic, layer = made(OriginalCritic(50), dtype)
    real, fake = rand(BATCH, 16, 3, seed=1).to(dtype), rand(BATCH, 16, 3, seed=2).to(dtype)
    (shares,) = Wasserstein().numbers([np.random.default_rng(3)], BATCH).to(dtype)
    assert 0 < shares.min() < shares.max() < 1
    loss, penalty = Wasserstein().critic_terms(critic, real, fake, shares)
    share = shares[:, None, None]
    between = share * real + (1 - share) * fake
    slopes = torch.func.vmap(torch.func.grad(lambda pose: described_critic(pose[None], layer)[0]))(between)
    described = 10 * ((slopes.flatten(1).norm(dim=1) - 1) ** 2).mean()
    described = described - described_critic(real, layer).mean() + described_critic(fake, layer).mean()
    torch.testing.assert_close(loss + 10 * penalty, described, **TOLERANCE)


def test_what_the_single_frame_generator_lowers(dtype):
    poses, cameras, x = (rand(BATCH, *s, seed=i).to(dtype) for i, s in enumerate([(16, 3), (3, 2), (16, 2)]))
    projected = torch.stack([pose @ camera for pose, camera in zip(poses, cameras, strict=True)])
    torch.testing.assert_close(weak_perspective_reprojection(poses, cameras, x), mse_loss(projected, x), **TOLERANCE)
    distances = []
    for k in cameras:
        gram = k.T @ k
        distances.append(torch.linalg.matrix_norm(2 / torch.trace(gram) * gram - torch.eye(2, dtype=dtype)))
    torch.testing.assert_close(orthogonal_camera(cameras), torch.stack(distances).mean(), **TOLERANCE)


def test_what_the_temporal_generator_lowers(dtype):
    """MSE(f X + c Z, p Z), with f / 1000 * 2 and c / 1000 * 2 - 1."""
    joints, p = rand(BATCH, 17, 3).to(dtype), rand(BATCH, 17, 2, seed=1).to(dtype)
    focal = torch.tensor([1145.0, 1143.8], dtype=dtype).expand(BATCH, 2) / 1000 * 2
    centre = torch.tensor([512.5, 515.5], dtype=dtype).expand(BATCH, 2) / 1000 * 2 - 1
    x, y, z = joints.unbind(-1)
    errors = [focal[:, i : i + 1] * v + centre[:, i : i + 1] * z - p[..., i] * z for i, v in enumerate((x, y))]
    described = torch.stack(errors).square().mean()
    torch.testing.assert_close(perspective_without_division(joints, focal, centre, p), described, **TOLERANCE)


def test_input_space():
    """px / 1000 * 2 - 1, by hand: the centre of the picture is 0, its right edge 1; then relative to the hip."""
    keypoints = np.zeros((17, 2))
    keypoints[0], keypoints[1] = (500, 250), (1000, 500)
    absolute = torch.from_numpy(normalise_px(keypoints, 1000))
    assert absolute[:2].tolist() == [[0, -0.5], [1, 0]]
    assert relative_to_root(absolute)[0].tolist() == [1, 0.5]
