"""Shapes, and that a clip in one dilated pass gives what each window gives by itself."""

import pytest
import torch

from pose3d.geometry.skeleton import mirror_permutation
from pose3d.lifting.lift import lift_virtual
from pose3d.lifting.networks import FrameLifter
from pose3d.lifting.original import OriginalTemporal, RepNet
from pose3d.lifting.temporal import TemporalLifter, TemporalNetwork, window_levels

AROUND = {"convolution": (4, 4), "causal_convolution": (8, 0), "gru": (8, 0)}  # frames before and after, of nine


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window_frames", [3, 9, 27, 81, 243])
def test_dilated_clip_equals_strided_windows(window_frames, causal):
    torch.manual_seed(0)
    network = TemporalNetwork(5, 7, 12, window_frames, causal).double()
    clip = torch.randn(2, window_frames + 10, 5, dtype=torch.float64)
    whole = network.forward_clip(clip)
    single = torch.stack([network(clip[:, t : t + window_frames]) for t in range(11)], 1)
    assert whole.shape == (2, 11, 7)
    torch.testing.assert_close(whole, single, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("window_frames", [9, 81, 243])
@pytest.mark.parametrize("network", AROUND)
def test_temporal_lifter_runs_equal_clips(network, window_frames):
    torch.manual_seed(0)
    lifter = TemporalLifter(8, window_frames, network)
    assert lifter.frames_before + lifter.frames_after == window_frames - 1
    features = torch.randn(3, window_frames + 4, 35)
    for a, b in zip(lifter(features), lifter.forward_clip(features), strict=True):
        assert a.shape[:2] == (3, 5)
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("network", AROUND)
def test_an_output_depends_on_its_own_frames_only(network):
    """Moving everything after (or, but for the recurrent network, before) an output's frames changes no bit of it."""
    torch.manual_seed(0)
    lifter = TemporalLifter(8, 9, network)
    before, after = AROUND[network]
    assert (lifter.frames_before, lifter.frames_after) == (before, after)
    features, output = torch.randn(1, 40, 35), 12
    frame = before + output  # the one that the output belongs to
    later, earlier = features.clone(), features.clone()
    later[:, frame + after + 1 :] += 1
    earlier[:, : frame - before] += 1
    for forward in (lifter, lifter.forward_clip):
        poses, moved_later, moved_earlier = (forward(f)[0][0] for f in (features, later, earlier))
        assert torch.equal(poses[: output + 1], moved_later[: output + 1])
        assert not torch.isclose(poses[output + 1], moved_later[output + 1]).all()
        assert torch.equal(poses[output:], moved_earlier[output:]) == (network != "gru")


@pytest.mark.parametrize("network", AROUND)
def test_the_way_past_the_layers_keeps_the_frame_that_the_output_belongs_to(network):
    """With the layers that mix frames silent, an output sees its own frame (in the first layer's triple) alone."""
    torch.manual_seed(0)
    lifter = TemporalLifter(8, 9, network)
    with torch.no_grad():
        for part in (lifter.pose, lifter.root):
            for weight in (part.recurrent if network == "gru" else part.mix).parameters():
                weight.zero_()
    features = torch.randn(1, 9, 35, requires_grad=True)
    for forward in (lifter, lifter.forward_clip):
        for output in (0, 1):
            (gradient,) = torch.autograd.grad(forward(features)[output].sum(), features)
            seen = gradient.abs().sum(-1)[0].nonzero().flatten().tolist()
            assert seen == {"convolution": [3, 4, 5], "causal_convolution": [6, 7, 8], "gru": [8]}[network]


@pytest.mark.parametrize("network", AROUND)
def test_gradients_reach_every_parameter(network):
    torch.manual_seed(0)
    lifter = TemporalLifter(8, 27, network)
    poses, codes = lifter(torch.randn(4, 29, 35))
    (poses.square().sum() + codes.square().sum()).backward()
    assert all(weight.grad.abs().sum() > 0 for weight in lifter.parameters())


@pytest.fixture(params=["frame", *AROUND])
def lifter(request):
    torch.manual_seed(0)
    return (FrameLifter(8, 1) if request.param == "frame" else TemporalLifter(8, 9, request.param)).double().eval()


def test_pose_and_root_share_no_weight(lifter):
    features = torch.randn(2, 11, 35 if lifter.with_motion else 32, dtype=torch.float64)
    for output, own, other in ((0, lifter.pose, lifter.root), (1, lifter.root, lifter.pose)):
        for forward in (lifter, lifter.forward_clip):
            lifter.zero_grad(set_to_none=True)
            forward(features)[output].square().sum().backward()
            assert all(weight.grad is None for weight in other.parameters())
            assert all(weight.grad.abs().sum() > 0 for weight in own.parameters())


def test_a_mirrored_clip_is_lifted_to_the_mirrored_poses_and_roots(lifter):
    clip = 0.1 * torch.randn(12, 17, 2, dtype=torch.float64) + torch.tensor([0.2, -0.1], dtype=torch.float64)
    flip = torch.tensor([-1.0, 1, 1], dtype=torch.float64)
    with torch.no_grad():
        lifted = lift_virtual(lifter, clip, fps=50)[0]
        mirrored = lift_virtual(lifter, clip[:, mirror_permutation()] * flip[:2], fps=50)[0]
    torch.testing.assert_close(mirrored, lifted[:, mirror_permutation()] * flip, rtol=1e-12, atol=1e-12)
    assert lifted[:, 0, 0].abs().min() > 0.01  # not just because nothing stands aside


@pytest.mark.parametrize("window_frames", [9, 81, 243])
@pytest.mark.parametrize("network", AROUND)
def test_a_clip_of_any_length_is_lifted_frame_by_frame(network, window_frames):
    torch.manual_seed(0)
    lifter = TemporalLifter(8, window_frames, network).eval()
    clip = 0.1 * torch.randn(30, 17, 2)
    with torch.no_grad():
        lifted = {length: lift_virtual(lifter, clip[:length], fps=50)[0] for length in (1, 2, 30)}
    for length, joints in lifted.items():
        assert joints.shape == (length, 17, 3) and joints.isfinite().all()
        if network != "convolution":  # live: what was lifted stays as it is
            torch.testing.assert_close(joints, lifted[30][:length])


@pytest.mark.parametrize(
    ("generator", "inputs"),
    [
        (RepNet(8), [(4, 32)]),
        (FrameLifter(8, 1), [(4, 2, 32)]),
        (TemporalLifter(8, 9, "convolution"), [(4, 10, 35)]),
        (OriginalTemporal(8, 9), [(4, 9, 32), (4, 9, 34)]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_poses_alone_are_those_of_the_whole_generator(generator, inputs):
    features = [torch.randn(shape, generator=torch.Generator().manual_seed(0)) for shape in inputs]
    assert torch.equal(generator.poses(features[0]), generator(*features)[0])


def test_shapes():
    poses, cameras = RepNet(8)(torch.zeros(4, 32))
    assert poses.shape == (4, 16, 3) and cameras.shape == (4, 3, 2)
    poses, codes = FrameLifter(8, 1)(torch.zeros(4, 2, 32))
    assert poses.shape == (4, 2, 16, 3) and codes.shape == (4, 2, 3)
    poses, codes = TemporalLifter(8, 9, "gru")(torch.zeros(4, 10, 35))
    assert poses.shape == (4, 2, 16, 3) and codes.shape == (4, 2, 3)
    poses, root = OriginalTemporal(8, 9)(torch.zeros(4, 9, 32), torch.zeros(4, 9, 34))
    assert poses.shape == (4, 16, 3) and root.shape == (4, 3)


@pytest.mark.parametrize("frames", [1, 2, 28, 0])
def test_window_must_be_a_power_of_three(frames):
    with pytest.raises(ValueError, match="3, 9, 27"):
        window_levels(frames)
