"""A short video: the image with the reprojected skeleton, then poses in 3D on a floor of squares of half a metre.

Written as MP4 with VP9 inside, which browsers and players show alike (OpenCV's packages encode neither H.264 nor AV1),
or as an animated GIF.
"""

import io
import os
from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from pose3d.geometry.camera import apply_affine, crop_from_image
from pose3d.geometry.skeleton import BONES, ROOT
from pose3d.geometry.upright import stand
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_output
from pose3d.show.figures import METHOD_TITLES, REPROJECTION_TITLE, TRUTH_TITLE, bone_colour

SIDE_PX, HEADER_PX, GAP_PX = 320, 32, 8
FLOOR_SQUARE_M = 0.5
GIF_BYTES = 5_000_000
"""Most bytes of a GIF: what web pages and code hosts show without complaint."""
_GIF_FPS, _GIF_FRAMES, _GIF_COLOURS = 12.5, 240, 256
_GIF_SCALES = (1.0, 0.8, 0.64, 0.5)
_YAW, _PITCH = np.radians(30), np.radians(12)
# Upright axes seen from a little to the right and above, so that depth shows; to x right, y down.
_VIEW = np.array(
    [
        [np.cos(_YAW), np.sin(_YAW), 0],
        [np.sin(_PITCH) * np.sin(_YAW), -np.sin(_PITCH) * np.cos(_YAW), -np.cos(_PITCH)],
    ]
)
_SPACE_BGR, _FLOOR_BGR, _TEXT_BGR = (246, 246, 246), (212, 212, 212), (40, 40, 40)
_BGR, _TRUTH_BGR = (
    [tuple(reversed(bytes.fromhex(bone_colour(child, truth).removeprefix("#")))) for _, child in BONES]
    for truth in (False, True)
)


def draw_skeleton(image_bgr: np.ndarray, points_px: np.ndarray, thickness: int = 3, truth: bool = False) -> None:
    """Draw a skeleton (J, 2) into an image in place, to 1/16 px; bones of joints that are NaN are left out.

    Args:
        image_bgr: (H, W, 3) uint8.
        points_px: (J, 2).
        thickness: of the bones, px.
        truth: in the colours of the truth.
    """
    known = np.isfinite(points_px).all(-1)
    # OpenCV's pixel centres are integers
    points = np.clip(np.round((np.where(known[:, None], points_px, 0) - 0.5) * 16), -(2**20), 2**20).astype(int)
    for (parent, child), colour in zip(BONES, _TRUTH_BGR if truth else _BGR, strict=True):
        if not known[parent] or not known[child]:
            continue
        start, end = points[parent].tolist(), points[child].tolist()
        cv2.line(image_bgr, start, end, colour, thickness, cv2.LINE_AA, shift=4)


def clip_square(boxes_px: np.ndarray, margin: float = 1.15) -> np.ndarray:
    """One square (centre x, centre y, side) around all boxes (T, 4) of a clip, so that the picture keeps still."""
    low, high = np.nanmin(boxes_px[:, :2], 0), np.nanmax(boxes_px[:, 2:], 0)
    return np.array([*((low + high) / 2), margin * (high - low).max()], np.float64)


def view_px(upright_m: np.ndarray, centre_m: np.ndarray, reach_m: float) -> np.ndarray:
    """Orthographic view of (..., 3) points, upright axes, in px of a :data:`SIDE_PX` square.

    Args:
        upright_m: (..., 3), x right, y away, z up.
        centre_m: (2,) what the square's middle shows, in the plane of the view.
        reach_m: half of what its side spans.
    """
    return (upright_m @ _VIEW.T - centre_m) * (SIDE_PX / (2 * reach_m)) + SIDE_PX / 2


def demo_poses(
    single_cam_m: np.ndarray, temporal_cam_m: np.ndarray, truth_cam_m: np.ndarray | None, single_has_root: bool
) -> dict[str, np.ndarray]:
    """The poses (T, J, 3) of the original's demo by title, in its order: single frame, temporal, ground truth if any.

    The original's single-frame model gives no root of its own, so it is put at the true one, or without a truth at the
    temporal model's.

    Args:
        single_cam_m, temporal_cam_m, truth_cam_m: (T, J, 3) in camera space, metres.
        single_has_root: whether the first are in their place, and need not be moved.
    """
    if not single_has_root:
        place = temporal_cam_m if truth_cam_m is None else truth_cam_m
        poses_m, roots_m = np.asarray(single_cam_m, np.float64), np.asarray(place, np.float64)[:, ROOT : ROOT + 1]
        single_cam_m = poses_m - poses_m[:, ROOT : ROOT + 1] + roots_m
    poses = {
        METHOD_TITLES["repnet"]: single_cam_m,
        METHOD_TITLES["temporal"]: temporal_cam_m,
    }
    return poses if truth_cam_m is None else poses | {TRUTH_TITLE: truth_cam_m}


def side_by_side(
    images_rgb: Iterable[np.ndarray],
    keypoints_px: np.ndarray,
    boxes_px: np.ndarray,
    poses_cam_m: dict[str, np.ndarray],
    up_cam: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Frames of the video, BGR: the image with the skeleton, then each method over the truth in grey, then the truth.

    Panels are squares of :data:`SIDE_PX`, :data:`GAP_PX` apart and under a header of :data:`HEADER_PX`.

    Args:
        images_rgb: T full images.
        keypoints_px: (T, J, 2) skeleton to draw over them, px of the full image.
        boxes_px: (T, 4).
        poses_cam_m: title to (T, J, 3), all in the same camera space, the method trusted most last, and after it the
            truth, called "ground truth", if there is one. The last one sets floor, centre and scale. Frames where
            nobody was found are NaN, here as in the keypoints and boxes.
        up_cam: as :func:`pose3d.geometry.upright.stand` has it.
    """
    upright_m = stand(poses_cam_m, up_cam)
    reference = list(upright_m.values())[-1]
    seen = reference @ _VIEW.T
    low, high = np.nanmin(seen, (0, 1)), np.nanmax(seen, (0, 1))
    centre, reach = (low + high) / 2, max(1.0, 0.55 * (high - low).max())
    views = {title: view_px(poses, centre, reach) for title, poses in upright_m.items()}
    truth = views.get(TRUTH_TITLE)
    space = np.full((SIDE_PX, SIDE_PX, 3), _SPACE_BGR, np.uint8)
    for line_m in floor_lines(reference):
        (x0, y0), (x1, y1) = np.round(16 * (view_px(line_m, centre, reach) - 0.5)).astype(int).tolist()
        cv2.line(space, (x0, y0), (x1, y1), _FLOOR_BGR, 1, cv2.LINE_AA, shift=4)
    to_panel = crop_from_image(clip_square(boxes_px), SIDE_PX)
    # warpAffine puts pixel centres at integers, our transforms at +0.5.
    warp = to_panel.copy()
    warp[:, 2] += 0.5 * to_panel[:, :2].sum(1) - 0.5
    lefts = [i * (SIDE_PX + GAP_PX) for i in range(1 + len(views))]
    blank = np.full((HEADER_PX + SIDE_PX, lefts[-1] + SIDE_PX, 3), 255, np.uint8)
    font = cv2.FontFace("sans")
    for title, left in zip([REPROJECTION_TITLE, *views], lefts, strict=True):
        cv2.putText(blank, title, (left + 2, HEADER_PX - 10), _TEXT_BGR, font, 20, 400)
    for t, image in enumerate(images_rgb):
        frame = blank.copy()
        first, *others = (frame[HEADER_PX:, left : left + SIDE_PX] for left in lefts)
        first[...] = cv2.warpAffine(image, warp, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR)[..., ::-1]
        draw_skeleton(first, apply_affine(to_panel, keypoints_px[t]))
        for panel, (title, view) in zip(others, views.items(), strict=True):
            panel[...] = space
            if truth is not None:
                draw_skeleton(panel, truth[t], 3 if title == TRUTH_TITLE else 2, truth=True)
            if title != TRUTH_TITLE:
                draw_skeleton(panel, view[t])
        yield frame


def floor_lines(upright_m: np.ndarray) -> np.ndarray:
    """Ends (N, 2, 3) of the lines between the floor's squares under (T, J, 3) poses and half a metre about them."""
    low, high = np.nanmin(upright_m, (0, 1))[:2], np.nanmax(upright_m, (0, 1))[:2]
    low, high = np.floor(low / FLOOR_SQUARE_M - 1) * FLOOR_SQUARE_M, np.ceil(high / FLOOR_SQUARE_M + 1) * FLOOR_SQUARE_M
    xs, ys = (np.arange(a, b + FLOOR_SQUARE_M / 2, FLOOR_SQUARE_M) for a, b in zip(low, high, strict=True))
    along_y = [[(x, low[1], 0), (x, high[1], 0)] for x in xs]
    along_x = [[(low[0], y, 0), (high[0], y, 0)] for y in ys]
    return np.array(along_y + along_x)


def write_mp4(path: str | os.PathLike, frames: Iterable[np.ndarray], fps: float) -> None:
    """Write (H, W, 3) BGR frames of one size as VP9 in MP4, atomically; of odd sides the last row or column is lost.

    Rate and effort are OpenCV's and cannot be set: good quality at some 6 megapixels a second on one core. Two runs of
    one OpenCV build give the same bytes, on one core as on two.

    Args:
        path: of the new file.
        frames: T images, uint8.
        fps: frames per second.

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
                    writer = cv2.VideoWriter(str(encoded), cv2.VideoWriter.fourcc(*"vp09"), fps, size)
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
    the size, then slower. All frames share one palette without dithering, so that what keeps still costs nothing. Two
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
