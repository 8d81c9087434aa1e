"""Predictions as an animated skeleton, which has neither frames without a person nor uneven times."""

import os

import numpy as np

from pose3d.formats.bvh import write_bvh
from pose3d.formats.predictions import Predictions
from pose3d.lifting.long_clips import GAP_S, TRAINED_RATE_HZ, Resampled


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


def without_gaps(time_s: np.ndarray) -> tuple[np.ndarray, float]:
    """The frames' times (T,) with gaps between shots cut to the usual step, and the frame rate to which that belongs.

    At that rate T frames last as long as the clip does without its gaps.
    """
    steps_s = np.diff(time_s)
    usual = steps_s <= GAP_S
    step_s = steps_s[usual].mean() if usual.any() else 1 / TRAINED_RATE_HZ
    return np.concatenate([[0.0], np.cumsum(np.where(usual, steps_s, step_s))]), 1 / step_s
