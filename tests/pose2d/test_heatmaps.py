import numpy as np
import pytest
import torch

from pose3d.geometry.skeleton import mirror_permutation
from pose3d.pose2d.heatmaps import (
    confidence,
    crop_to_heatmap_px,
    gaussian_targets,
    heatmap_to_crop_px,
    local_soft_argmax,
    marginal_soft_argmax,
    unflip,
)


def random_keypoints(size: int, margin: float, n: int = 40) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return margin + (size - 2 * margin) * torch.rand(n, 17, 2, generator=generator)


def test_target_is_one_at_the_joint_and_falls_as_a_gaussian():
    targets, weights = gaussian_targets(torch.tensor([[[3.5, 5.5]]]), size=8, sigma_px=1.5)
    assert weights.tolist() == [[1.0]]
    assert targets[0, 0, 5, 3] == 1  # row y, column x, centre at +0.5
    assert targets[0, 0, 5, 4] == pytest.approx(np.exp(-0.5 / 1.5**2))
    assert targets[0, 0, 4, 4] == pytest.approx(np.exp(-1 / 1.5**2))


@pytest.mark.parametrize("outside", [(-0.1, 4.0), (4.0, 8.0), (9.0, 4.0), (4.0, -3.0)])
def test_joint_outside_has_no_weight_and_no_target(outside):
    targets, weights = gaussian_targets(torch.tensor([[outside]]), size=8, sigma_px=1.5)
    assert weights.item() == 0
    assert not targets.any()


@pytest.mark.parametrize("sigma_px", [1.0, 1.5, 2.0])
def test_local_soft_argmax_returns_the_sub_pixel_position(sigma_px):
    keypoints = random_keypoints(32, margin=3 * sigma_px)
    targets, _ = gaussian_targets(keypoints, 32, sigma_px)
    assert (local_soft_argmax(targets, sigma_px) - keypoints).norm(dim=-1).max() < 0.05


def positions_everywhere(size: int) -> torch.Tensor:
    """(1, N, 2): dense along both axes near every border and corner, and some in the middle."""
    near = torch.cat([torch.tensor([0.0, 1e-4, 1e-3, 0.01]), torch.arange(0.05, 4, 0.11)])
    along = torch.cat([near, size / 2 + torch.tensor([0.0, 0.37]), size - near[1:]])
    return torch.cartesian_prod(along, along)[None]


@pytest.mark.parametrize("size", [16, 64])
@pytest.mark.parametrize("sigma_px", [1.0, 1.5, 2.0, 3.0])
def test_local_soft_argmax_returns_perfect_targets_anywhere_inside(sigma_px, size):
    """A mean under a window that the border cuts lies 1.1 px inside of a peak at the border, and 0.5 of one at 1 px."""
    keypoints = positions_everywhere(size)
    targets, weights = gaussian_targets(keypoints, size, sigma_px)
    assert weights.all()
    assert (local_soft_argmax(targets, sigma_px) - keypoints).norm(dim=-1).max() < 1e-3
    rounded = local_soft_argmax(targets.bfloat16(), sigma_px)
    assert rounded.dtype == torch.float32 and (rounded - keypoints).norm(dim=-1).max() < 0.02


def test_the_flip_test_moves_no_peak_near_the_border():
    """Heatmaps of the mirror images, put back and averaged with those of the images, as predict_heatmaps does."""
    keypoints = positions_everywhere(32)[0]
    keypoints = keypoints[: len(keypoints) // 17 * 17].view(-1, 17, 2)
    permutation = torch.from_numpy(mirror_permutation())
    mirrored = keypoints[:, permutation] * torch.tensor([-1.0, 1.0]) + torch.tensor([32.0, 0.0])
    inside = gaussian_targets(mirrored, 32, 1.5)[1][:, permutation].bool()  # x = 0 is mirrored to x = 32, outside
    plain, flipped = (gaussian_targets(at, 32, 1.5)[0] for at in (keypoints, mirrored))
    found = local_soft_argmax((plain + unflip(flipped, permutation)) / 2, 1.5)
    assert inside.float().mean() > 0.9
    assert (found - keypoints)[inside].norm(dim=-1).max() < 1e-3


@pytest.mark.parametrize("outside", [(-1e-3, 9.3), (9.3, -0.5), (16.0, 9.3), (9.3, 17.0), (-0.1, -0.1)])
def test_a_joint_just_outside_is_neither_taught_nor_found(outside):
    targets, weights = gaussian_targets(torch.tensor([[outside]]), 16, 1.5)
    assert not weights.any() and not confidence(targets).any()


def test_local_soft_argmax_leaves_a_peak_beyond_the_border_at_the_border():
    px = torch.arange(32) + 0.5
    heatmaps = torch.exp(-((px + 0.6) ** 2 + (px[:, None] - 9.3) ** 2) / (2 * 1.5**2))[None, None]
    assert torch.allclose(local_soft_argmax(heatmaps, 1.5), torch.tensor([[[0.0, 9.3]]]), atol=1e-3)


@pytest.mark.parametrize("width", [0.8, 1.3])
def test_local_soft_argmax_is_unbiased_for_peaks_of_another_width(width):
    keypoints = random_keypoints(32, margin=6)
    targets, _ = gaussian_targets(keypoints, 32, 1.5 * width)
    assert (local_soft_argmax(0.3 * targets, 1.5) - keypoints).norm(dim=-1).max() < 0.05


def test_local_soft_argmax_does_not_see_a_lower_peak_far_away():
    high, _ = gaussian_targets(torch.tensor([[[8.3, 9.1]]]), 32, 1.5)
    low, _ = gaussian_targets(torch.tensor([[[24.0, 20.0]]]), 32, 1.5)
    assert torch.allclose(local_soft_argmax(high + 0.9 * low, 1.5), torch.tensor([[[8.3, 9.1]]]), atol=1e-3)


def test_local_soft_argmax_of_nothing_is_finite_and_inside():
    for heatmaps in (torch.zeros(1, 17, 8, 8), torch.full((1, 17, 8, 8), -1.0)):
        keypoints = local_soft_argmax(heatmaps, 1.5)
        assert ((keypoints >= 0) & (keypoints <= 8)).all()


def test_marginal_soft_argmax_is_within_a_px():
    keypoints = random_keypoints(32, margin=6)
    targets, _ = gaussian_targets(keypoints, 32, 2.0)
    assert (marginal_soft_argmax(targets) - keypoints).abs().max() <= 0.51


def test_marginal_soft_argmax_weighs_two_columns_by_their_softmax():
    heatmaps = torch.zeros(1, 1, 4, 4)
    heatmaps[0, 0, :, 1] = 0.25  # marginal 1
    heatmaps[0, 0, :, 2] = 0.25 + np.log(3) / 4  # marginal 1 + ln 3: three times the weight at temperature 1
    shares = torch.softmax(torch.tensor([0.0, 1.0, 1 + np.log(3), 0.0]), 0)
    expected = (shares * torch.tensor([0.5, 1.5, 2.5, 3.5])).sum()
    assert marginal_soft_argmax(heatmaps, temperature=1.0)[0, 0, 0] == pytest.approx(expected.item())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_decoding_is_in_float32_whatever_the_heatmaps_are(dtype):
    """In bfloat16 itself px centres above 32 are 0.25 apart, and marginals of some px that have one sum more."""
    heatmaps = gaussian_targets(random_keypoints(64, margin=6, n=5), 64, 2.0)[0].to(dtype)
    assert torch.equal(marginal_soft_argmax(heatmaps), marginal_soft_argmax(heatmaps.float()))
    assert torch.equal(local_soft_argmax(heatmaps, 2.0), local_soft_argmax(heatmaps.float(), 2.0))


@pytest.mark.parametrize("decode", [lambda h: local_soft_argmax(h, 1.5), marginal_soft_argmax])
def test_decoding_a_mirrored_heatmap_mirrors_x_and_swaps_sides(decode):
    heatmaps, _ = gaussian_targets(random_keypoints(32, margin=4), 32, 1.5)
    permutation = torch.from_numpy(mirror_permutation())
    expected = decode(heatmaps)[:, permutation]
    expected[..., 0] = 32 - expected[..., 0]
    assert torch.allclose(decode(unflip(heatmaps, permutation)), expected, atol=1e-3)


def test_crop_and_heatmap_px_share_their_corners():
    corners = torch.tensor([[[0.0, 0.0], [128.0, 128.0], [2.0, 6.0]]])
    in_heatmap = crop_to_heatmap_px(corners, 128, 32)
    assert in_heatmap.tolist() == [[[0.0, 0.0], [32.0, 32.0], [0.5, 1.5]]]
    assert torch.equal(heatmap_to_crop_px(in_heatmap, 128, 32), corners)


def test_confidence_is_the_height_within_0_and_1():
    heatmaps = torch.zeros(1, 3, 4, 4)
    heatmaps[0, 0, 1, 1], heatmaps[0, 1] = 1.7, -0.2
    heatmaps[0, 2, 0, 3] = 0.4
    assert torch.allclose(confidence(heatmaps), torch.tensor([[1.0, 0.0, 0.4]]))
