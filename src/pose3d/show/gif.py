"""Animated GIFs."""

import io
import os
from collections.abc import Iterable

import cv2
import numpy as np

from pose3d.runtime.files import atomic_output

GIF_BYTES = 5_000_000
"""Most bytes of a GIF: what web pages and code hosts show without complaint."""
_GIF_FPS, _GIF_FRAMES, _GIF_COLOURS = 12.5, 240, 256
_GIF_SCALES = (1.0, 0.8, 0.64, 0.5)
_ESTIMATED = 6


def write_gif(path: str | os.PathLike, frames: Iterable[np.ndarray], fps: float, max_bytes: int = GIF_BYTES) -> None:
    """Write (H, W, 3) BGR frames of one size as an endless animated GIF of at most ``max_bytes``, atomically.

    At most 12.5 frames/s and 240 frames are kept, evenly spaced. What is still too large is made smaller, down to half
    the size, then slower. All frames share one palette without dithering, so that what stands still costs nothing. Two
    runs of one Pillow give the same bytes.

    Args:
        path: of the new file.
        frames: T images, uint8.
        fps: frames per second, at which they were taken.
        max_bytes: the most that the file may have.

    Raises:
        ValueError: no frames, or not even one of half the size fits.
    """
    kept, step = [], max(1, int(np.ceil(fps / _GIF_FPS - 1e-6)))
    for t, frame in enumerate(frames):
        if t % step == 0:
            kept.append(frame)
        if len(kept) > _GIF_FRAMES:
            kept, step = kept[::2], 2 * step
    if not kept:
        raise ValueError(f"{path}: no frames to write")
    while True:
        for scale in _GIF_SCALES:
            if scale > _GIF_SCALES[-1] and _estimated_bytes(kept, scale) > max_bytes:
                continue
            encoded = _gif(kept, scale, step / fps)
            if len(encoded) <= max_bytes:
                with atomic_output(path) as partial:
                    partial.write_bytes(encoded)
                return
        if len(kept) == 1:
            raise ValueError(f"{path}: a GIF of {max_bytes} bytes cannot hold one frame")
        kept, step = kept[::2], 2 * step


def _estimated_bytes(frames_bgr: list[np.ndarray], scale: float) -> float:
    """Size of the GIF by a few frames of its middle, so that none is made in vain."""
    start = max(0, (len(frames_bgr) - _ESTIMATED) // 2)
    sample = frames_bgr[start : start + _ESTIMATED]
    first = len(_gif(sample[:1], scale, 0.1))
    following = (len(_gif(sample, scale, 0.1)) - first) / max(1, len(sample) - 1)
    return first + (len(frames_bgr) - 1) * following


def _gif(frames_bgr: list[np.ndarray], scale: float, frame_s: float) -> bytes:
    """The frames as a GIF, each shown for ``frame_s`` on average: the format counts hundredths of a second."""
    from PIL import Image

    height, width = (round(scale * side) for side in frames_bgr[0].shape[:2])
    small = (cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames_bgr)
    images = [Image.fromarray(np.ascontiguousarray(frame[..., ::-1])) for frame in small]
    samples = images[:: max(1, len(images) // 8)]
    together = Image.fromarray(np.concatenate([np.asarray(image) for image in samples]))
    # An octree keeps the few pixels of a person's clothes where the median cut spends its colours on the walls.
    palette = together.quantize(_GIF_COLOURS, Image.Quantize.FASTOCTREE)
    first, *rest = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images)
    shown_at = np.round(100 * frame_s * np.arange(len(images) + 1))
    out = io.BytesIO()
    first.save(
        out,
        "GIF",
        save_all=True,
        append_images=rest,
        duration=(10 * np.diff(shown_at)).astype(int).tolist(),
        loop=0,
        optimize=True,
    )
    return out.getvalue()
