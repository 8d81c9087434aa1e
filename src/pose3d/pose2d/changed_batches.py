"""Crops changed by torch, a batch at once, on the GPU where the network runs: the CPU has but to decode them.

It is what :mod:`pose3d.pose2d.changed_pictures` does with OpenCV. Losing resolution and blurring are linear along each
axis, and so one matrix a picture and axis; of JPEG only what changes the picture is done, without packing numbers.
"""

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pose3d.geometry.camera import invert_affine
from pose3d.pose2d.augmentation import NOISE_PX, Changes
from pose3d.pose2d.changed_pictures import NOISE_LEVELS, NOISE_STD, blur_px, low_resolution_px, noise_bytes

# The tables of ITU-T T.81, annex K.1, which libjpeg has too; quality scales them.
_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99, *(99,) * 32),
)
_BLOCK = 8


@torch.no_grad()
def change_batch(images_rgb: Tensor, changes: Changes) -> Tensor:
    """Change B crops, on the device where they are.

    Args:
        images_rgb: (B, S, S, 3) uint8.
        changes: of these crops.

    Returns:
        The same, of the same shape and type.
    """
    images = images_rgb.permute(0, 3, 1, 2).float()
    if not np.array_equal(changes.transforms, np.broadcast_to(np.eye(2, 3), changes.transforms.shape)):
        images = warp(images, changes.transforms)
    images = _as_bytes(_recolored(images, changes.colors))
    chosen = np.flatnonzero(changes.pieces_px[:, 2, 0])
    if len(chosen):
        images[chosen] = _with_pieces(images[chosen], changes.pieces_px[chosen])
    chosen = np.flatnonzero(changes.rectangles_px[:, 1, 0] > changes.rectangles_px[:, 0, 0])
    if len(chosen):
        first_px, stop_px = changes.rectangles_px[chosen].swapaxes(0, 1)
        inside = _inside(first_px, stop_px, images)
        fills = _to(changes.fills[chosen].astype(np.float32), images)[..., None, None]
        images[chosen] = torch.where(inside, fills, images[chosen])
    chosen = np.flatnonzero(changes.degraded)
    if len(chosen):
        images[chosen] = degrade(images[chosen], changes.worse[chosen], changes.noise_px[chosen])
    return images.permute(0, 2, 3, 1).to(torch.uint8)


def warp(images: Tensor, transforms: np.ndarray) -> Tensor:
    """Move the content of images (B, C, S, S) by (B, 2, 3) transforms in px with centres at +0.5, borders repeated."""
    side = images.shape[-1]
    back = _to(invert_affine(transforms), images)[..., None, None]
    px = torch.arange(side, device=images.device) + 0.5
    places = [back[:, axis, 0] * px + back[:, axis, 1] * px[:, None] + back[:, axis, 2] for axis in (0, 1)]
    grid = torch.stack(places, dim=-1) * (2 / side) - 1
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _recolored(images: Tensor, colors: np.ndarray) -> Tensor:
    maps = _to(colors, images)
    return torch.baddbmm(maps[..., 3:], maps[..., :3], images.flatten(2)).view(images.shape)


def _with_pieces(images: Tensor, pieces_px: np.ndarray) -> Tensor:
    start, end, extent = pieces_px.swapaxes(0, 1)
    side = images.shape[-1]
    own = torch.arange(side * side, device=images.device).view(1, 1, side, side)
    way = torch.from_numpy((start - end) @ np.array([1, side])).to(images.device)[:, None, None, None]
    source = torch.where(_inside(end, end + extent, images), own + way, own)
    return images.flatten(2).gather(2, source.flatten(2).expand(-1, images.shape[1], -1)).view(images.shape)


def _inside(first_px: np.ndarray, stop_px: np.ndarray, images: Tensor) -> Tensor:
    """(B, 1, S, S) bool, which px are in rectangles from ``first_px`` (B, 2) to before ``stop_px`` (B, 2)."""
    px = torch.arange(images.shape[-1], device=images.device)
    first, stop = (torch.from_numpy(corner).to(images.device)[..., None] for corner in (first_px, stop_px))
    inside = (px >= first) & (px < stop)
    return (inside[:, 0, None, :] & inside[:, 1, :, None])[:, None]


def degrade(images: Tensor, strengths: np.ndarray, noise_px: np.ndarray) -> Tensor:
    """Make pictures (B, 3, S, S) in 0 ... 255 worse, as :func:`pose3d.pose2d.changed_pictures.degrade` does.

    Args:
        images: whole numbers.
        strengths: (B, 5).
        noise_px: (B, 2).
    """
    side = images.shape[-1]
    resampling = _low_resolution(low_resolution_px(strengths, side), side, images)
    sigma = blur_px(strengths, side)
    along_x, along_y = (_blur(sigma[:, axis], side, images) @ resampling for axis in (0, 1))
    images = along_y[:, None] @ images @ along_x[:, None].transpose(-1, -2)
    noise = noise_bytes().astype(np.float32) - 128
    px = torch.arange(side, device=images.device)
    x, y = ((torch.from_numpy(noise_px[:, axis]).to(images.device)[:, None] + px) % NOISE_PX for axis in (0, 1))
    grain = _to(NOISE_LEVELS * strengths[:, 3] ** 2 / NOISE_STD, images)[:, None, None, None]
    images = _as_bytes(images + grain * _to(noise, images)[y[:, :, None], x[:, None]].permute(0, 3, 1, 2))
    return _as_bytes(_compressed(images, np.round(95 - 80 * strengths[:, 4])))


def _low_resolution(small_px: np.ndarray, side_px: int, like: Tensor) -> Tensor:
    """(B, S, S): averages over the areas of fewer px, and linear interpolation between these."""
    small = _to(small_px, like)[:, None, None]
    px = torch.arange(side_px, device=like.device)
    row, column = px[:, None], px[None]
    width = side_px / small
    overlap = torch.minimum(column + 1, (row + 1) * width) - torch.maximum(column, row * width)
    averages = overlap.clamp(min=0) / width * (row < small)
    place = ((row + 0.5) / width - 0.5).clamp(min=0).minimum(small - 1)
    return (1 - (place - column).abs()).clamp(min=0) @ averages


def _blur(sigma_px: np.ndarray, side_px: int, like: Tensor) -> Tensor:
    """(B, S, S): Gaussian means of neighbours, at the border of those that there are."""
    px = torch.arange(side_px, device=like.device)
    weights = torch.exp(-((px[:, None] - px) ** 2) / (2 * _to(sigma_px, like)[:, None, None] ** 2))
    return weights / weights.sum(-1, keepdim=True)


def _compressed(images: Tensor, quality: np.ndarray) -> Tensor:
    """What JPEG at a quality (B,) of 1 to 100 makes of pictures (B, 3, S, S), colours at half the resolution."""
    side = images.shape[-1]
    missing = -side % (2 * _BLOCK)
    red, green, blue = F.pad(images, (0, missing, 0, missing), mode="replicate").unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    colors = torch.stack([(blue - luma) / 1.772, (red - luma) / 1.402], dim=1).round()  # ITU-T T.871
    luma = _quantised(luma[:, None].round() - 128, _LUMINANCE, quality) + 128
    colors = _quantised(F.avg_pool2d(colors, 2).round(), _CHROMINANCE, quality)
    blueness, redness = F.interpolate(colors, scale_factor=2, mode="bilinear", align_corners=False).unbind(1)
    luma = luma[:, 0]
    green = luma - (0.114 * 1.772 * blueness + 0.299 * 1.402 * redness) / 0.587
    return torch.stack([luma + 1.402 * redness, green, luma + 1.772 * blueness], dim=1)[..., :side, :side]


def _quantised(channels: Tensor, table: tuple[int, ...], quality: np.ndarray) -> Tensor:
    """Blocks of 8 x 8 px (B, C, H, W) whose cosine transforms are multiples of a table's steps."""
    percent = np.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    steps = np.clip(np.floor((np.array(table) * percent[:, None] + 50) / 100), 1, 255)
    step = _to(steps.reshape(-1, _BLOCK, _BLOCK), channels)[:, None, None, :, None, :]
    cosines = _to(_cosines(), channels)
    batch, count, height, width = channels.shape
    blocks = channels.view(batch, count, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    frequencies = torch.einsum("ui,bchiwj,vj->bchuwv", cosines, blocks, cosines)
    rounded = (frequencies / step).round() * step
    values = torch.einsum("ui,bchuwv,vj->bchiwj", cosines, rounded, cosines).reshape(channels.shape)
    return values.round().clamp(-128, 127)


@cache
def _cosines() -> np.ndarray:
    """(8, 8), the orthonormal cosine transform (DCT-II), a frequency a row."""
    frequency, place = np.ogrid[:_BLOCK, :_BLOCK]
    waves = np.cos(np.pi * frequency * (2 * place + 1) / (2 * _BLOCK)) * np.sqrt(2 / _BLOCK)
    waves[0] /= np.sqrt(2)
    return waves


def _as_bytes(images: Tensor) -> Tensor:
    """Whole numbers in 0 ... 255, still of the type they are."""
    return images.round().clamp(0, 255)


def _to(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32)).to(like.device)
