"""A clip beside the poses in it, to look at: a page with a 3D player, a video and an animated GIF."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from pose3d.show.player import write_player
from pose3d.show.video import side_by_side, write_gif, write_mp4


def write_demo(
    folder: str | os.PathLike,
    read_frames: Callable[[], Iterable[np.ndarray]],
    fps: float,
    keypoints_px: np.ndarray,
    boxes_px: np.ndarray,
    poses_cam_m: dict[str, np.ndarray],
    title: str,
    up_cam: np.ndarray | None = None,
) -> list[Path]:
    """Write player.html, demo.mp4 and demo.gif of one clip; gives their paths.

    Args:
        folder: where the files go.
        read_frames: gives the T images (H, W, 3) RGB from the first on; called once for each file, so that no file
            needs all of them at once.
        fps: frames per second.
        keypoints_px: (T, 17, 2), as :func:`pose3d.show.player.write_player` has them.
        boxes_px, poses_cam_m: as :func:`pose3d.show.video.side_by_side` has them: (T, 4), and title to (T, 17, 3), the
            method trusted most last and after it the truth, called "ground truth", if there is one.
        title, up_cam: as :func:`pose3d.show.player.write_player` has them.

    Raises:
        InputError: the disk is full.
    """
    player, mp4, gif = (Path(folder) / name for name in ("player.html", "demo.mp4", "demo.gif"))

    def panels() -> Iterable[np.ndarray]:
        return side_by_side(read_frames(), keypoints_px, boxes_px, poses_cam_m, up_cam)

    write_mp4(mp4, panels(), fps)
    write_gif(gif, panels(), fps)
    write_player(player, read_frames(), fps, keypoints_px, poses_cam_m, title, up_cam)
    return [player, mp4, gif]
