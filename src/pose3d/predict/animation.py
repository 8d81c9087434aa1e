"""Predictions as an animated skeleton or a motion, which know no uneven times."""

import os

import numpy as np

from pose3d.formats.bvh import write_bvh
from pose3d.formats.even_times import even_motion, without_gaps
from pose3d.formats.motion import NAMES, Motion
from pose3d.formats.predictions import Predictions
from pose3d.lifting.long_clips import Resampled
from pose3d.runtime.errors import InputError
from pose3d.runtime.rows import RowsOrArray

NO_WORLD = (
    "--frame world needs a camera at rest: this one moves or there are cuts, so that there are poses in camera space "
    "alone, which predictions.npz and predictions.csv have"
)


def write_animation(path: str | os.PathLike, predictions: Predictions, frame: str = "camera") -> None:
    """Write the temporal poses as BVH, one frame for each of the video's, atomically.

    Through frames in which nobody was found joints move evenly from where they were to where they are next; before the
    first and after the last frame with a person they rest.

    Args:
        path: the BVH file to write.
        predictions: of one video.
        frame: ``camera`` or ``world``.

    Raises:
        InputError: there are no poses in the world; or see :func:`pose3d.formats.bvh.write_bvh`.
        OSError: the disk is full or not writable.
    """
    poses_m = _poses(predictions, frame)
    time_s, fps = without_gaps(predictions.time_s[:])
    even_s = np.arange(len(time_s)) / fps
    found = np.flatnonzero(predictions.found[:])
    write_bvh(path, Resampled(poses_m, time_s, even_s, found), fps, frame)


def motion_of(predictions: Predictions, frame: str = "camera") -> Motion:
    """The temporal poses as other programs' files take them, missing in frames in which nobody was found.

    Landmarks, where there are any, follow the 17 joints; formats of skeletons leave them out.

    Args:
        predictions: of one video.
        frame: ``camera`` or ``world``.

    Raises:
        InputError: there are no poses in the world.
    """
    poses_m, landmarks_m = _poses(predictions, frame), _landmarks(predictions, frame)
    if landmarks_m is None:
        return even_motion(predictions.time_s[:], poses_m, predictions.found[:], frame)
    points_m = np.concatenate([poses_m[:], landmarks_m[:]], 1)
    return even_motion(predictions.time_s[:], points_m, predictions.found[:], frame, (*NAMES, *predictions.landmarks))


def _poses(predictions: Predictions, frame: str) -> RowsOrArray:
    if frame == "camera":
        return predictions.lifted["temporal"].poses_cam_m
    if predictions.standing is None:
        raise InputError(NO_WORLD)
    return predictions.standing.poses_world_m


def _landmarks(predictions: Predictions, frame: str) -> RowsOrArray | None:
    if frame == "camera":
        return predictions.lifted["temporal"].landmarks_cam_m
    return None if predictions.standing is None else predictions.standing.landmarks_world_m
