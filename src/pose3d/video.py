"""A short video: the image with the reprojected skeleton, then poses in 3D, side by side, drawn with OpenCV.

Written as MP4 with VP9 inside, which browsers and players show alike (OpenCV's packages encode neither H.264 nor AV1),
or as an animated GIF.
"""

import io
import os
from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from pose3d.camera import apply_affine, crop_from_image
from pose3d.errors import InputError
from pose3d.figures import bone_colour
from pose3d.files import atomic_output
from pose3d.skeleton import BONES

SIDE_PX, HEADER_PX = 320, 32
GIF_BYTES = 5_000_000
"""Most bytes of a GIF: what web pages and code hosts show without complaint."""
_GIF_FPS, _GIF_FRAMES, _GIF_COLOURS = 12.5, 240, 128
_GIF_SCALES = (1.0, 0.8, 0.64, 0.5)
_YAW, _PITCH = np.radians(30), np.radians(12)
# Camera axes seen from a little to the right and above, so that depth shows; x right, y down.
_VIEW = np.array(
    [
        [np.cos(_YAW), 0, np.sin(_YAW)],
        [np.sin(_PITCH) * np.sin(_YAW), np.cos(_PITCH), -np.sin(_PITCH) * np.cos(_YAW)],
    ]
)
_BGR = [tuple(reversed(bytes.fromhex(bone_colour(child).removeprefix("#")))) for _, child in BONES]


def draw_skeleton(image_bgr: np.ndarray, points_px: np.ndarray, thickness: int = 3) -> None:
    """Draw a skeleton (J, 2) into an image in place, to 1/16 px; bones of joints that are NaN are left out."""
    known = np.isfinite(points_px).all(-1)
    # OpenCV's pixel centres are integers
    points = np.clip(np.round((np.where(known[:, None], points_px, 0) - 0.5) * 16), -(2**20), 2**20).astype(int)
    for (parent, child), colour in zip(BONES, _BGR, strict=True):
        if not known[parent] or not known[child]:
            continue
        start, end = points[parent].tolist(), points[child].tolist()
        cv2.line(image_bgr, start, end, colour, thickness, cv2.LINE_AA, shift=4)


def clip_square(boxes_px: np.ndarray, margin: float = 1.15) -> np.ndarray:
    """One square (centre x, centre y, side) around all boxes (T, 4) of a clip, so that the picture stands still."""
    low, high = np.nanmin(boxes_px[:, :2], 0), np.nanmax(boxes_px[:, 2:], 0)
    return np.array([*((low + high) / 2), margin * (high - low).max()], np.float64)


def view_px(poses_cam_m: np.ndarray, centre_m: np.ndarray, reach_m: float) -> np.ndarray:
    """Orthographic view of (..., J, 3) poses, (..., J, 2) px of a :data:`SIDE_PX` square that spans ``2 * reach_m``."""
    return (poses_cam_m - centre_m) @ _VIEW.T * (SIDE_PX / (2 * reach_m)) + SIDE_PX / 2


def side_by_side(
    images_rgb: Iterable[np.ndarray],
    keypoints_px: np.ndarray,
    boxes_px: np.ndarray,
    poses_cam_m: dict[str, np.ndarray],
) -> Iterator[np.ndarray]:
    """Frames of the video, (SIDE + HEADER, SIDE * (1 + methods), 3) BGR.

    Args:
        images_rgb: T full images.
        keypoints_px: (T, J, 2) skeleton to draw over them, px of the full image.
        boxes_px: (T, 4).
        poses_cam_m: title to (T, J, 3), all in the same camera space; the last one sets centre and scale: the truth,
            or where there is none the method trusted most. Frames where nobody was found are NaN, here as in the
            keypoints and boxes.
    """
    reference = list(poses_cam_m.values())[-1]
    centre = (np.nanmin(reference, (0, 1)) + np.nanmax(reference, (0, 1))) / 2
    reach = max(1.0, 1.1 * np.nanmax(np.abs((reference - centre) @ _VIEW.T)))
    views = {title: view_px(poses, centre, reach) for title, poses in poses_cam_m.items()}
    to_panel = crop_from_image(clip_square(boxes_px), SIDE_PX)
    # warpAffine puts pixel centres at integers, our transforms at +0.5.
    warp = to_panel.copy()
    warp[:, 2] += 0.5 * to_panel[:, :2].sum(1) - 0.5
    for t, image in enumerate(images_rgb):
        frame = np.full((SIDE_PX + HEADER_PX, SIDE_PX * (1 + len(views)), 3), 255, np.uint8)
        panels = [frame[HEADER_PX:, i * SIDE_PX : (i + 1) * SIDE_PX] for i in range(1 + len(views))]
        panels[0][...] = cv2.warpAffine(image, warp, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR)[..., ::-1]
        draw_skeleton(panels[0], apply_affine(to_panel, keypoints_px[t]))
        for panel, view in zip(panels[1:], views.values(), strict=True):
            draw_skeleton(panel, view[t])
        for i, title in enumerate(["reprojected", *views]):
            place = (i * SIDE_PX + 8, HEADER_PX - 10)
            cv2.putText(frame, title, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, (40, 40, 40), 1, cv2.LINE_AA)
        yield frame


def write_mp4(path: str | os.PathLike, frames: Iterable[np.ndarray], fps: float) -> None:
    """Write (H, W, 3) BGR frames of one size as VP9 in MP4, atomically; of odd sides the last row or column is lost.

    Rate and effort are OpenCV's and cannot be set: good quality at some 6 megapixels a second on one core. Two runs of
    one OpenCV build give the same bytes, on one core as on two.

    Raises:
        InputError: it could not be written whole; OpenCV reports no write error, so the frames are counted afterwards.
        RuntimeError: this build of OpenCV cannot encode it.
        ValueError: no frames.
    """
    writer, written = None, 0
    with atomic_output(path) as partial:
        encoded = partial.with_name(f"{partial.name}.mp4")  # FFmpeg tells the container from the suffix
        try:
            for frame in frames:
                if writer is None:
                    size = (frame.shape[1], frame.shape[0])
                    writer = cv2.VideoWriter(str(encoded), cv2.VideoWriter_fourcc(*"vp09"), fps, size)
                    if not writer.isOpened():
                        raise RuntimeError("this build of OpenCV cannot write VP9 video")
                writer.write(frame)
                written += 1
            if writer is None:
                raise ValueError(f"{path}: no frames to write")
            writer.release()
            if cv2.VideoCapture(str(encoded)).get(cv2.CAP_PROP_FRAME_COUNT) != written:
                raise InputError(f"{path} could not be written whole: free space on the disk and run again")
            encoded.replace(partial)
        finally:
            encoded.unlink(missing_ok=True)


def write_gif(path: str | os.PathLike, frames: Iterable[np.ndarray], fps: float, max_bytes: int = GIF_BYTES) -> None:
    """Write (H, W, 3) BGR frames of one size as an endless animated GIF of at most ``max_bytes``, atomically.

    At most 12.5 frames/s and 240 frames are kept, evenly spaced. What is still too large is made smaller, down to half
    the size, then slower. All frames share one palette without dithering, so that what stands still costs nothing. Two
    runs of one Pillow give the same bytes.

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
            encoded = _gif(kept, scale, step / fps)
            if len(encoded) <= max_bytes:
                with atomic_output(path) as partial:
                    partial.write_bytes(encoded)
                return
        if len(kept) == 1:
            raise ValueError(f"{path}: a GIF of {max_bytes} bytes cannot hold one frame")
        kept, step = kept[::2], 2 * step


def _gif(frames_bgr: list[np.ndarray], scale: float, frame_s: float) -> bytes:
    """The frames as a GIF, each shown for ``frame_s`` on average: the format counts hundredths of a second."""
    from PIL import Image

    height, width = (round(scale * side) for side in frames_bgr[0].shape[:2])
    small = (cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames_bgr)
    images = [Image.fromarray(np.ascontiguousarray(frame[..., ::-1])) for frame in small]
    samples = images[:: max(1, len(images) // 8)]
    palette = Image.fromarray(np.concatenate([np.asarray(image) for image in samples])).quantize(_GIF_COLOURS)
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
