"""Poses of a video as a motion: an even frame rate, and missing where nobody was found."""

import os
from dataclasses import replace

import numpy as np

from pose3d.formats.motion import NAMES, Motion, from_ours
from pose3d.lifting.long_clips import GAP_S, TRAINED_RATE_HZ, Resampled
from pose3d.runtime.rows import Sliceable

_SAME_TIME_S = 2e-3
_SEEN_S = 0.2
"""Farther apart, frames do not show how somebody moved between them."""
_FAR_APART_S = 3.0
"""Between frames: in ms, those of 300 a second are as far apart."""


def doubt_step(path: str | os.PathLike, time_s: np.ndarray) -> list[str]:
    """A sentence where frames are farther apart than those of a video, unless it is time lapse; else none.

    Args:
        path: of the file that has the times.
        time_s: (T,) ascending.
    """
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    return [f"{path}: its frames lie {step_s:.4g} s apart: are its times in ms?"] if step_s > _FAR_APART_S else []


def without_gaps(time_s: np.ndarray, alone_hz: float = TRAINED_RATE_HZ) -> tuple[np.ndarray, float]:
    """The frames' times (T,) with gaps between shots cut to the usual step, and the frame rate to which that belongs.

    At that rate T frames last as long as the clip does without its gaps. Where all frames are as far apart as shots
    are, as in time lapse, their median step is the usual one.

    Args:
        time_s: (T,) strictly ascending.
        alone_hz: the rate of a single frame.
    """
    steps_s = np.diff(time_s)
    usual = steps_s <= GAP_S
    if usual.any():
        step_s = float(steps_s[usual].mean())
    else:
        step_s = float(np.median(steps_s)) if len(steps_s) else 1 / alone_hz
    return np.concatenate([[0.0], np.cumsum(np.where(usual, steps_s, step_s))]), 1 / step_s


def said_gaps(time_s: np.ndarray) -> tuple[str, ...]:
    """A sentence where :func:`without_gaps` cuts one out, because times are others from there on; else none.

    Example:
        >>> said_gaps(np.array([0.0, 0.04, 3.04, 3.08]))
        ('frame 2 comes 3 s after the one before, and at one frame rate a step after it: later times are 2.96 s less',)
    """
    cut_s = time_s - time_s[0] - without_gaps(time_s)[0]
    gaps = np.flatnonzero(np.diff(time_s) > GAP_S)
    if not len(gaps) or cut_s[-1] < _SAME_TIME_S:
        return ()
    step_s = time_s[gaps[0] + 1] - time_s[gaps[0]]
    more = f" (the first of {len(gaps)} gaps)" if len(gaps) > 1 else ""
    return (
        f"frame {gaps[0] + 1} comes {step_s:.4g} s after the one before, and at one frame rate a step after it{more}: "
        f"later times are {'up to ' if more else ''}{cut_s[-1]:.4g} s less",
    )


def even_motion(
    time_s: np.ndarray,
    poses_m: Sliceable,
    found: np.ndarray,
    frame: str,
    joints: tuple[str, ...] = NAMES,
    alone_hz: float = TRAINED_RATE_HZ,
) -> Motion:
    """One frame for each of the video's, at an even rate, gaps between shots cut to one step, which it says.

    Args:
        time_s: (T,) strictly ascending.
        poses_m: (T, J, 3) in camera space or the world.
        found: (T,) bool; where false, all joints of the frame are missing in the motion.
        frame: ``camera`` or ``world``, the poses' frame.
        joints: J names.
        alone_hz: the rate of a single frame.
    """
    gaps, said = np.diff(time_s) > _SEEN_S + _SAME_TIME_S, said_gaps(time_s)
    time_s, fps = without_gaps(time_s, alone_hz)
    even_s, known = np.arange(len(time_s)) / fps, np.flatnonzero(found)
    if np.abs(even_s - time_s).max() < _SAME_TIME_S:
        poses = np.array(poses_m[:], np.float64)
        poses[~found] = np.nan
    elif len(known):
        poses = Resampled(poses_m, time_s, even_s, known)[:].astype(np.float64)
        between = (time_s[1:] + time_s[:-1]) / 2
        poses[~found[np.searchsorted(between, even_s)]] = np.nan
    else:
        poses = np.full((len(time_s), len(joints), 3), np.nan)
    motion = replace(from_ours(poses, fps, frame, joints), said=said)
    if not gaps.any():
        return motion
    before = np.searchsorted(time_s, even_s - _SAME_TIME_S) - 1  # the last of the file's frames before each
    return replace(motion, unseen=np.append(gaps, False)[before] & (before >= 0))
