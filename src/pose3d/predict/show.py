"""The beginning of a video with what was predicted for it, to look at."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from pose3d.evaluation.metrics import align_root
from pose3d.formats.clip import Clip
from pose3d.formats.predictions import Predictions
from pose3d.predict.animation import without_gaps
from pose3d.show.demo_files import write_demo
from pose3d.show.figures import METHOD_TITLES, reproject

_SLOWEST_HZ = 0.5
"""Of what is shown: slower clips are shown faster, because a WebM of pictures of 20 s cannot be written."""


def write_show(
    folder: str | os.PathLike,
    video: str | os.PathLike,
    predictions: Predictions,
    seconds: float,
    rate_hz: float | None = None,
) -> list[Path]:
    """Write the files of :func:`pose3d.show.demo_files.write_demo`; gives their paths.

    They begin with the first frame in which the person was found, and have the frames evenly in time. The video is
    decoded once more, a few frames at a time. Frames without a person have no skeleton.

    Args:
        folder: to write them to.
        video: what was predicted from.
        predictions: with at least one frame in which the person was found.
        seconds: how much of it; at least one frame.
        rate_hz: as for :class:`pose3d.formats.clip.Clip`.

    Raises:
        InputError: the disk is full.
        OSError: the same.
    """
    time_s, fps = without_gaps(predictions.time_s[:])
    start = int(predictions.found[:].argmax())
    stop = max(start + 1, int(np.searchsorted(time_s, time_s[start] + seconds - 0.5 / fps)))
    shown = slice(start, min(stop, len(time_s)))
    found = predictions.found[shown]

    def frames_rgb() -> Iterator[np.ndarray]:
        with Clip(video, rate_hz) as clip:
            for frame in itertools.islice(clip, shown.start, shown.stop):
                yield cv2.cvtColor(frame.image_bgr, cv2.COLOR_BGR2RGB)

    def where_found(values: np.ndarray) -> np.ndarray:
        return np.where(found.reshape(-1, *[1] * (values.ndim - 1)), values, np.float32(np.nan))

    temporal = predictions.lifted["temporal"].poses_cam_m[shown]
    poses_cam_m, radii_m = {}, {}
    for name, lifted in predictions.lifted.items():
        poses = lifted.poses_cam_m[shown]
        # The original's single-frame lifter knows no distance, so its pose is put where the other one's is.
        if lifted.radii_m is not None:
            radii_m[METHOD_TITLES[name]] = where_found(lifted.radii_m[shown])
        poses_cam_m[METHOD_TITLES[name]] = where_found(poses if lifted.has_root else align_root(poses, temporal))
    return write_demo(
        folder,
        frames_rgb(),
        max(fps, _SLOWEST_HZ),
        where_found(reproject(predictions.camera, temporal)),
        where_found(predictions.boxes_px[shown]),
        poses_cam_m,
        Path(video).name,
        radii_m=radii_m,
    )
