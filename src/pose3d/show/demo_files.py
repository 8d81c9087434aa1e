"""A clip beside the poses in it, to look at: a page with a 3D player, a video and an animated GIF."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from pose3d.runtime.fan_out import fan_out
from pose3d.show.gif import write_gif
from pose3d.show.player import write_player
from pose3d.show.video import side_by_side
from pose3d.show.webm import write_webm


def write_demo(
    folder: str | os.PathLike,
    frames_rgb: Iterable[np.ndarray],
    fps: float,
    keypoints_px: np.ndarray,
    boxes_px: np.ndarray,
    poses_cam_m: dict[str, np.ndarray],
    title: str,
    up_cam: np.ndarray | None = None,
    radii_m: Mapping[str, np.ndarray] | None = None,
) -> list[Path]:
    """Write player.html, demo.webm and demo.gif of one clip, all at once; gives their paths.

    Args:
        folder: where the files go.
        frames_rgb: T images (H, W, 3) of one size; a few are held at a time.
        fps: frames per second.
        keypoints_px: (T, 17, 2), as :func:`pose3d.show.player.write_player` has them.
        boxes_px, poses_cam_m: as :func:`pose3d.show.video.side_by_side` has them: (T, 4), and title to (T, 17, 3), the
            method trusted most last and after it the truth, called "ground truth", if there is one.
        title, up_cam, radii_m: as :func:`pose3d.show.player.write_player` has them.

    Raises:
        InputError: the disk is full.
    """
    player, video, gif = (Path(folder) / name for name in ("player.html", "demo.webm", "demo.gif"))

    def write_page(frames: Iterator[np.ndarray]) -> None:
        write_player(player, frames, fps, keypoints_px, boxes_px, poses_cam_m, title, up_cam, radii_m)

    def write_panels(frames: Iterator[np.ndarray]) -> None:
        fan_out(
            side_by_side(frames, fps, keypoints_px, boxes_px, poses_cam_m, up_cam),
            lambda panels: write_webm(video, panels, fps),
            lambda panels: write_gif(gif, panels, fps),
        )

    fan_out(frames_rgb, write_page, write_panels)
    return [player, video, gif]
