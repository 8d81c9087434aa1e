"""Shapes, and that a clip in one dilated pass gives what each window gives by itself."""

import pytest
import torch

from pose3d.lifting.networks import FrameLifter, RepNet
from pose3d.lifting.temporal import OriginalTemporal, TemporalLifter, TemporalNetwork, window_levels


@pytest.mark.parametrize("window_frames", [3, 9, 27, 81])
def test_dilated_clip_equals_strided_windows(window_frames):
    torch.manual_seed(0)
    network = TemporalNetwork(5, 7, 12, window_frames).double()
    clip = torch.randn(2, window_frames + 10, 5, dtype=torch.float64)
    whole = network.forward_clip(clip)
    single = torch.stack([network(clip[:, t : t + window_frames]) for t in range(11)], 1)
    assert whole.shape == (2, 11, 7)
    torch.testing.assert_close(whole, single, rtol=1e-12, atol=1e-12)


def test_temporal_lifter_runs_equal_clips():
    torch.manual_seed(0)
    lifter = TemporalLifter(8, 9)
    features = torch.randn(3, 13, 35)
    for a, b in zip(lifter(features), lifter.forward_clip(features), strict=True):
        torch.testing.assert_close(a, b)


def test_shapes():
    poses, cameras = RepNet(8)(torch.zeros(4, 32))
    assert poses.shape == (4, 16, 3) and cameras.shape == (4, 3, 2)
    poses, correction = FrameLifter(8, 1)(torch.zeros(4, 2, 32))
    assert poses.shape == (4, 2, 16, 3) and correction.shape == (4, 2)
    poses, root = OriginalTemporal(8, 9)(torch.zeros(4, 9, 32), torch.zeros(4, 9, 34))
    assert poses.shape == (4, 16, 3) and root.shape == (4, 3)


@pytest.mark.parametrize("frames", [1, 2, 28, 0])
def test_window_must_be_a_power_of_three(frames):
    with pytest.raises(ValueError, match="3, 9, 27"):
        window_levels(frames)
