"""One HTML page that plays a clip: video with reprojected skeleton beside poses in 3D, to be turned by hand.

The page is a single file of its own: video, poses and programme are inside, and nothing is fetched. It is
``player.html`` with the clip filled in.
"""

import base64
import html
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np

from pose3d.figures import TRUTH, bone_colour
from pose3d.files import write_text
from pose3d.skeleton import BONES, N_JOINTS, ROOT
from pose3d.video import write_mp4

MAX_HEIGHT_PX = 480
TRUTH_TITLE = "ground truth"
_UP_CAM = (0.0, -1.0, 0.0)


def write_player(
    path: str | os.PathLike,
    frames_rgb: Iterable[np.ndarray],
    fps: float,
    keypoints_px: np.ndarray,
    poses_cam_m: dict[str, np.ndarray],
    title: str,
    up_cam: np.ndarray | None = None,
) -> None:
    """Write the page, atomically.

    Frames are shrunk to at most 480 px height. The video then takes at most some 1 bit per pixel and frame, a third
    more as text: for 640 x 480 px at 25 frames/s at most 1.3 MB/s, in practice about half of it; each method's poses
    add 7 KB/s. Meant for clips of up to some minutes, for the page is made in memory.

    Args:
        frames_rgb: T images (H, W, 3) of one size.
        keypoints_px: (T, 17, 2) skeleton to draw over them, px of these images.
        poses_cam_m: title to (T, 17, 3), all in the same camera space. The first one is shown first; the one called
            "ground truth" is drawn in grey below the chosen one. The first one's lowest joints set the floor.
        title: any text.
        up_cam: (3,) upwards in camera space, for a camera that is not held level: ``camera.rotation[:, 2]`` where the
            world is known. Default: the camera is level.

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
        mp4 = Path(folder, "clip.mp4")
        size: dict[str, tuple[int, int]] = {}
        write_mp4(mp4, _shrunk(frames_rgb, size, n_frames), fps)
        video = base64.b64encode(mp4.read_bytes()).decode()
    from_image = np.divide(size["shown"], size["given"])
    rotation = display_from_camera(np.asarray(_UP_CAM if up_cam is None else up_cam, np.float64))
    upright = {name: np.asarray(poses, np.float64) @ rotation.T for name, poses in poses_cam_m.items()}
    first = next(iter(upright.values()))
    origin = np.append(np.nanmedian(first[:, ROOT, :2], 0), floor_height(first))
    clip = {
        "fps": fps,
        "size": size["shown"],
        "bones": BONES,
        "colours": [bone_colour(child) for _, child in BONES],
        "truth": TRUTH_TITLE,
        "truthColour": TRUTH,
        "keypoints": _packed(keypoints_px * from_image),
        "poses": {name: _packed(poses - origin) for name, poses in upright.items()},
        "video": video,
    }
    write_text(path, page(title, clip))


def page(title: str, clip: dict) -> str:
    """The template with its places filled: the title as text, the clip as JSON that cannot end its script element."""
    # One pass, so that a title that reads like a place stays a title.
    filled = {"TITLE": html.escape(title), "CLIP": json.dumps(clip).replace("<", "\\u003c")}
    template = (files("pose3d") / "player.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(TITLE|CLIP)\}\}", lambda place: filled[place[1]], template)


def display_from_camera(up_cam: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) from camera axes to the page's: x right, y away from the camera, z up.

    Raises:
        ValueError: up is the camera's own x axis or 0.
    """
    length = np.linalg.norm(up_cam)
    right = np.array([1.0, 0, 0]) - up_cam[0] * up_cam / length**2 if length else np.zeros(3)
    if np.linalg.norm(right) < 1e-6:
        raise ValueError("up_cam must be a direction other than the camera's x axis")
    right, up = right / np.linalg.norm(right), up_cam / length
    return np.stack([right, np.cross(up, right), up])


def floor_height(poses_m: np.ndarray) -> float:
    """Height of the floor under (T, J, 3) poses, z up: what one lowest joint in twenty is below, so that a single bad
    frame does not sink it."""
    lowest = poses_m[np.isfinite(poses_m).all((1, 2))][..., 2].min(1)
    return float(np.percentile(lowest, 5)) if len(lowest) else 0.0


def _shrunk(frames_rgb: Iterable[np.ndarray], size: dict[str, tuple[int, int]], n_frames: int) -> Iterator[np.ndarray]:
    """Frames for the video, BGR, with even sides; notes both sizes, (width, height), on the way."""
    shown = 0
    for frame in frames_rgb:
        shown += 1
        height, width = frame.shape[:2]
        scale = min(1.0, MAX_HEIGHT_PX / height)
        small = tuple(max(2, 2 * round(scale * side / 2)) for side in (width, height))
        size["given"], size["shown"] = (width, height), small
        yield cv2.resize(frame, small, interpolation=cv2.INTER_AREA)[..., ::-1].copy()
    if shown != n_frames:
        raise ValueError(f"there are {shown} images for {n_frames} frames of keypoints")


def _packed(values: np.ndarray) -> str:
    """Numbers as base64 of little-endian float32, which the page reads without parsing."""
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()
