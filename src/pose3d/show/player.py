"""One HTML page that plays a clip: video with reprojected skeleton beside poses in 3D, to be turned by hand.

The page is a single file of its own: video, poses and programme are inside, and nothing is fetched. It is
``player.html`` with the clip filled in.
"""

import base64
import html
import json
import math
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np

from pose3d.geometry.skeleton import BONES, N_JOINTS, ROOT
from pose3d.geometry.upright import stand
from pose3d.runtime.files import write_text
from pose3d.show.figures import TRAIL, TRUTH_TITLE, bone_colour
from pose3d.show.follow import picture_squares
from pose3d.show.video import FLOOR_REACH, FLOOR_SQUARE_M, TRAIL_S, space_views
from pose3d.show.webm import write_webm

MAX_PX = 854 * 480
"""Of a frame of the page's video."""
_BARS = "bars of "


def write_player(
    path: str | os.PathLike,
    frames_rgb: Iterable[np.ndarray],
    fps: float,
    keypoints_px: np.ndarray,
    boxes_px: np.ndarray,
    poses_cam_m: dict[str, np.ndarray],
    title: str,
    up_cam: np.ndarray | None = None,
    radii_m: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write the page, atomically.

    Image and 3D view open on the person and follow it, see :mod:`pose3d.show.follow`; a switch shows all of both.

    Frames are shrunk to at most 854 x 480 px or as many of another shape. The video then takes some 0.3 bits per pixel
    and frame, a third more as text: 0.5 MB/s at 25 frames/s; each method's poses add 7 KB/s. Meant for clips of up to
    some minutes, because the page is made in memory.

    Args:
        path: of the page.
        frames_rgb: T images (H, W, 3) of one size.
        fps: frames per second.
        keypoints_px: (T, 17, 2) skeleton to draw over them, px of these images.
        boxes_px: (T, 4) of the person.
        poses_cam_m: title to (T, 17, 3), all in the same camera space, the method trusted most last, and after it the
            truth, called "ground truth", if there is one. The page begins with the former over the latter.
        title: any text.
        up_cam: as :func:`pose3d.geometry.upright.stand` has it.
        radii_m: title to (T, 17, 2) of methods that know them: across and along the sight line. A switch shows them.

    Joints of frames where nobody was found are NaN in keypoints and poses; nothing is drawn there.

    Raises:
        InputError: the disk is full.
        ValueError: no frames, or arrays whose shapes do not fit together.
    """
    n_frames = len(keypoints_px)
    for name, array in {"keypoints_px": keypoints_px, **poses_cam_m}.items():
        shape = (n_frames, N_JOINTS, 2 if array is keypoints_px else 3)
        if np.shape(array) != shape:
            raise ValueError(f"{name} must be of shape {shape}, not {np.shape(array)}")
    if not poses_cam_m:
        raise ValueError("there are no poses to show")
    with tempfile.TemporaryDirectory() as folder:
        webm = Path(folder, "clip.webm")
        size: dict[str, tuple[int, int]] = {}
        write_webm(webm, _shrunk(frames_rgb, size, n_frames), fps)
        video = base64.b64encode(webm.read_bytes()).decode()
    from_image = np.divide(size["shown"], size["given"])
    keypoints, boxes = keypoints_px * from_image, boxes_px * np.tile(from_image, 2)
    split_m = {name: np.moveaxis(radii, -1, 0) for name, radii in (radii_m or {}).items()}
    bars_cam_m = {name: sight_bars(poses_cam_m[name], along) for name, (_, along) in split_m.items()}
    upright_m = stand({**{_BARS + name: bars for name, bars in bars_cam_m.items()}, **poses_cam_m}, up_cam)
    bars_m = {name: upright_m.pop(_BARS + name) for name in bars_cam_m}
    centres_m, reaches_m = space_views(list(upright_m.values())[-1], fps)
    clip = {
        "fps": fps,
        "size": size["shown"],
        "bones": BONES,
        "colours": [bone_colour(child) for _, child in BONES],
        "truth": TRUTH_TITLE,
        "truthColours": [bone_colour(child, truth=True) for _, child in BONES],
        "keypoints": _packed(keypoints),
        "squares": _packed(picture_squares(keypoints, boxes, size["shown"], fps)),
        "poses": {name: _packed(poses) for name, poses in upright_m.items()},
        "bars": {name: _packed(bars) for name, bars in bars_m.items()},
        "across": {name: _packed(across) for name, (across, _) in split_m.items()},
        "centres": _packed(centres_m),
        "reaches": _packed(reaches_m),
        "floor": {"square": FLOOR_SQUARE_M, "reach": FLOOR_REACH},
        "trail": {"colour": TRAIL, "frames": round(TRAIL_S * fps)},
        "video": video,
    }
    write_text(path, page(title, clip))


def sight_bars(poses_cam_m: np.ndarray, along_m: np.ndarray) -> np.ndarray:
    """Ends of the intervals along the sight lines, the nearer one first; NaN for the root, which has none in a pose.

    Args:
        poses_cam_m: (T, 17, 3) in camera space.
        along_m: (T, 17) radii along the sight line.

    Returns:
        (T, 34, 3), two of each joint after the other.

    Example:
        A joint 2 m ahead, known to 0.5 m.

        >>> poses_cam_m = np.tile([0.0, 0.0, 2.0], (1, 17, 1))
        >>> sight_bars(poses_cam_m, np.full((1, 17), 0.5))[0, 2:4, 2].tolist()
        [1.5, 2.5]
    """
    away = poses_cam_m / np.linalg.norm(poses_cam_m, axis=-1, keepdims=True) * along_m[..., None]
    bars = np.stack([poses_cam_m - away, poses_cam_m + away], 2)
    bars[:, ROOT] = np.nan
    return bars.reshape(len(bars), -1, 3)


def page(title: str, clip: dict) -> str:
    """The template with its places filled: the title as text, the clip as JSON that cannot end its script element."""
    # One pass, so that a title that reads like a place stays a title.
    filled = {"TITLE": html.escape(title), "CLIP": json.dumps(clip).replace("<", "\\u003c")}
    template = (files("pose3d.show") / "player.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(TITLE|CLIP)\}\}", lambda place: filled[place[1]], template)


def _shrunk(frames_rgb: Iterable[np.ndarray], size: dict[str, tuple[int, int]], n_frames: int) -> Iterator[np.ndarray]:
    """Frames for the video, BGR, with even sides; notes both sizes, (width, height), on the way."""
    shown = 0
    for frame in frames_rgb:
        shown += 1
        height, width = frame.shape[:2]
        scale = min(1.0, math.sqrt(MAX_PX / (width * height)))
        small = tuple(max(2, 2 * round(scale * side / 2)) for side in (width, height))
        size["given"], size["shown"] = (width, height), small
        yield cv2.resize(frame, small, interpolation=cv2.INTER_AREA)[..., ::-1].copy()
    if shown != n_frames:
        raise ValueError(f"there are {shown} images for {n_frames} frames of keypoints")


def _packed(values: np.ndarray) -> str:
    """Numbers as base64 of little-endian float32, which the page reads without parsing."""
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()
