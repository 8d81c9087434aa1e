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
    rows. At temperature 1000 this is all but the arg max of the marginals: in steps of whole heatmap px.

    Args:
        heatmaps: (B, J, H, W).

    Returns:
        (B, J, 2) heatmap px.
    """
    coordinates = []
    for dim in (-2, -1):  # summing the rows leaves a profile along x
        marginal = heatmaps.sum(dim)
        centres = torch.arange(marginal.shape[-1], device=heatmaps.device, dtype=heatmaps.dtype) + 0.5
        coordinates.append((torch.softmax(temperature * marginal, -1) * centres).sum(-1))
    return torch.stack(coordinates, -1)


def local_soft_argmax(heatmaps: Tensor, sigma_px: float) -> Tensor:
    """Sub-pixel position of the highest peak, blind to others: the mean under a Gaussian window that follows the peak.

    From the largest value's centre c, three steps of ``c += 2 (m - c)``, m the mean of px centres weighted by
    ``max(h, 0) * exp(-|px - c|^2 / (2 sigma^2))``. For a Gaussian peak of the window's own width, m lies halfway
    between c and the peak, so that the first step already lands on it; the fixed point is unbiased for any symmetric
    peak, while a mean over a fixed square window is drawn to the window's centre.

    Args:
        heatmaps: (B, J, H, W).
        sigma_px: width of the targets that the network was trained on.

    Returns:
        (B, J, 2) heatmap px, within the heatmap. Where nothing is above zero: the centre of the largest value's px.
    """
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
        mass = profile_x.sum(-1)
        known = mass > torch.finfo(heatmaps.dtype).tiny
        safe = torch.where(known, mass, 1)
        x = torch.where(known, 2 * (profile_x * columns).sum(-1) / safe - x, x).clamp(0, width)
        y = torch.where(known, 2 * (profile_y * rows).sum(-1) / safe - y, y).clamp(0, height)
    return torch.stack([x, y], -1)


def confidence(heatmaps: Tensor) -> Tensor:
    """Height of the highest peak, in [0, 1]: targets have height 1. (B, J, H, W) to (B, J)."""
    return heatmaps.flatten(-2).amax(-1).clamp(0, 1)
