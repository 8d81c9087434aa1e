"""Joints as heatmaps, and back.

Heatmap px, like image px, have their centres at +0.5: px i covers [i, i + 1). Crop and heatmap share their corners, so
one converts into the other by the factor between their sizes alone, and a mirrored x is ``width - x``.

Shapes: B batch, J joints, H rows, W columns; keypoints are (B, J, 2) as x, y.
"""

import torch
from torch import Tensor

_MEAN_SHIFT_STEPS = 3


def crop_to_heatmap_px(keypoints_crop_px: Tensor, crop_size_px: int, heatmap_size_px: int) -> Tensor:
    """Crop px to heatmap px.

    Args:
        keypoints_crop_px: (..., 2).
        crop_size_px: side of the crop.
        heatmap_size_px: side of the heatmap.
    """
    return keypoints_crop_px * (heatmap_size_px / crop_size_px)


def heatmap_to_crop_px(keypoints_heatmap_px: Tensor, crop_size_px: int, heatmap_size_px: int) -> Tensor:
    """Heatmap px to crop px.

    Args:
        keypoints_heatmap_px: (..., 2).
        crop_size_px: side of the crop.
        heatmap_size_px: side of the heatmap.
    """
    return keypoints_heatmap_px * (crop_size_px / heatmap_size_px)


def gaussian_targets(keypoints_heatmap_px: Tensor, size: int, sigma_px: float) -> tuple[Tensor, Tensor]:
    """A Gaussian of height 1 around each joint, at its exact sub-pixel position (Tompson et al., NIPS 2014).

    Args:
        keypoints_heatmap_px: (B, J, 2).
        size: side of the heatmaps, px.
        sigma_px: standard deviation, heatmap px.

    Returns:
        Targets (B, J, size, size), and weights (B, J): 1 for joints inside the heatmap, 0 outside it, where the target
        is zero as well.
    """
    centres = torch.arange(size, device=keypoints_heatmap_px.device, dtype=keypoints_heatmap_px.dtype) + 0.5
    profile = torch.exp(-((centres - keypoints_heatmap_px[..., None]) ** 2) / (2 * sigma_px**2))  # B, J, 2, size
    inside = ((keypoints_heatmap_px >= 0) & (keypoints_heatmap_px < size)).all(-1)
    weights = inside.to(keypoints_heatmap_px.dtype)
    targets = profile[..., 1, :, None] * profile[..., 0, None, :]
    return targets * weights[..., None, None], weights


def unflip(heatmaps: Tensor, mirror_permutation: Tensor) -> Tensor:
    """Heatmaps of mirrored images as those of the images themselves.

    Args:
        heatmaps: (B, J, H, W).
        mirror_permutation: (J,), the joint order after left and right change places.
    """
    return heatmaps[:, mirror_permutation].flip(-1)


def marginal_soft_argmax(heatmaps: Tensor, temperature: float = 1000.0) -> Tensor:
    """The original system's decoder: a soft-argmax over each of the two marginals.

    ``m_x[j] = sum_i h[i, j]``, ``p_x = softmax(temperature * m_x)``, ``x = sum_j (j + 0.5) p_x[j]``; y likewise over
    rows. At temperature 1000 this is all but the arg max of the marginals: in steps of whole heatmap px. So where
    two marginals are nearly equal, a rounding decides which px it is, and heatmaps are decoded as the network's last
    layer gives them, in float32.

    Args:
        heatmaps: (B, J, H, W).

    Returns:
        (B, J, 2) heatmap px, float32, or float64 of heatmaps in float64.
    """
    heatmaps = _at_least_float32(heatmaps)
    coordinates = []
    for dim in (-2, -1):  # summing the rows leaves a profile along x
        marginal = heatmaps.sum(dim)
        centres = torch.arange(marginal.shape[-1], device=heatmaps.device, dtype=heatmaps.dtype) + 0.5
        coordinates.append((torch.softmax(temperature * marginal, -1) * centres).sum(-1))
    return torch.stack(coordinates, -1)


def local_soft_argmax(heatmaps: Tensor, sigma_px: float) -> Tensor:
    """Sub-pixel position of the highest peak, blind to others: the mean under a Gaussian window that follows the peak.

    From the largest value's centre c, steps of ``c += sigma^2 (m - M) / V``, m the mean of px centres weighted by
    ``max(h, 0) w(px)`` with ``w(px) = exp(-|px - c|^2 / (2 sigma^2))``, M and V the mean and variance of px centres
    weighted by ``w(px)^2``: what m would be if the peak, of the targets' width, lay at c, and how fast it moves with
    the peak. Far from the border M is c and V half of sigma^2; near it both know what is cut off. So peaks of the
    targets' shape are found exactly anywhere inside, and symmetric ones without bias away from the border, while a mean
    over a fixed square window is drawn to the window's centre.

    Args:
        heatmaps: (B, J, H, W).
        sigma_px: width of the targets that the network was trained on.

    Returns:
        (B, J, 2) heatmap px, within the heatmap, float32, or float64 of heatmaps in float64. Where nothing is above
        zero: the centre of the largest value's px.
    """
    heatmaps = _at_least_float32(heatmaps)
    height, width = heatmaps.shape[-2:]
    columns = torch.arange(width, device=heatmaps.device, dtype=heatmaps.dtype) + 0.5
    rows = torch.arange(height, device=heatmaps.device, dtype=heatmaps.dtype) + 0.5
    positive = heatmaps.clamp(min=0)
    peak = heatmaps.flatten(-2).argmax(-1)
    x, y = columns[peak % width], rows[peak // width]
    for _ in range(_MEAN_SHIFT_STEPS):
        window_x = torch.exp(-((columns - x[..., None]) ** 2) / (2 * sigma_px**2))
        window_y = torch.exp(-((rows - y[..., None]) ** 2) / (2 * sigma_px**2))
        profile_x = (window_y[..., None, :] @ positive).squeeze(-2) * window_x
        # On CPUs a third of the time of the other product, in which each number is a matrix of its own.
        profile_y = (positive * window_x[..., None, :]).sum(-1) * window_y
        known = profile_x.sum(-1) > torch.finfo(heatmaps.dtype).tiny
        x = torch.where(known, x + _peak_offset(profile_x, window_x, columns, sigma_px), x).clamp(0, width)
        y = torch.where(known, y + _peak_offset(profile_y, window_y, rows, sigma_px), y).clamp(0, height)
    return torch.stack([x, y], -1)


def _at_least_float32(heatmaps: Tensor) -> Tensor:
    """Positions have more digits than lower precisions: those of bfloat16 are 0.25 px apart from 32 px on."""
    return heatmaps.to(torch.promote_types(heatmaps.dtype, torch.float32))


def _peak_offset(profile: Tensor, window: Tensor, centres: Tensor, sigma_px: float) -> Tensor:
    """How far a peak lies from its window's centre along one axis, to first order: sigma^2 (m - M) / V.

    Args:
        profile: (..., W) the peak times the window, at least 0; the result means nothing where all of it is 0.
        window: (..., W) a Gaussian of ``sigma_px``.
        centres: (W,) of the px.
        sigma_px: of peak and window.
    """
    tiny = torch.finfo(profile.dtype).tiny
    expected = window * window
    expected = expected / expected.sum(-1, keepdim=True).clamp(min=tiny)
    mean = (expected * centres).sum(-1, keepdim=True)
    variance = (expected * (centres - mean) ** 2).sum(-1)
    found = (profile * centres).sum(-1) / profile.sum(-1).clamp(min=tiny)
    return sigma_px**2 * (found - mean[..., 0]) / variance.clamp(min=tiny)


def confidence(heatmaps: Tensor) -> Tensor:
    """Height of the highest peak, in [0, 1]: targets have height 1. (B, J, H, W) to (B, J)."""
    return heatmaps.flatten(-2).amax(-1).clamp(0, 1)
