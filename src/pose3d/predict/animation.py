"""Predictions as an animated skeleton or a motion, which know no uneven times."""

import os

import numpy as np

from pose3d.formats.bvh import write_bvh
from pose3d.formats.even_times import even_motion, without_gaps
from pose3d.formats.motion import Motion
from pose3d.formats.predictions import Predictions
from pose3d.lifting.long_clips import Resampled


def write_animation(path: str | os.PathLike, predictions: Predictions, lifter: str = "temporal") -> None:
    """Write a lifter's poses as BVH, one frame for each of the video's, atomically.

    Through frames in which nobody was found joints move evenly from where they were to where they are next; before the
    first and after the last frame with a person they rest.

    Args:
        path: the BVH file to write.
        predictions: of one video.
        lifter: whose poses, a key of ``predictions.lifted``.

    Raises:
        InputError: see :func:`pose3d.formats.bvh.write_bvh`.
        OSError: the disk is full or not writable.
    """
    time_s, fps = without_gaps(predictions.time_s[:])
    even_s = np.arange(len(time_s)) / fps
    found = np.flatnonzero(predictions.found[:])
    write_bvh(path, Resampled(predictions.lifted[lifter].poses_cam_m, time_s, even_s, found), fps)


def motion_of(predictions: Predictions, lifter: str = "temporal") -> Motion:
    """A lifter's poses as other programs' files take them, missing in frames in which nobody was found."""
    return even_motion(
        predictions.time_s[:], predictions.lifted[lifter].poses_cam_m, predictions.found[:], frame="camera"
    )
