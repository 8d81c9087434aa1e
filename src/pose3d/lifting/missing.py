"""Points that a detector does not give: drawn for training in the patterns that detectors leave.

Single points, here and there or throughout a run; a limb, a side, the lower or the upper body; for a part of a run or
all of it; and of the head what faces away from the camera.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from pose3d.geometry.layouts import LANDMARK_JOINTS, LANDMARK_NAMES, Layout
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.records.detected_points import MIN_POINTS

_WHOLE_PROB = 0.8
"""Runs of which nothing is missing: most of what is lifted is so."""
_PART_PROB = 0.5
_SINGLE_PROB = 0.7
_MOST_SINGLE = 0.4
_FACE_PROB = 0.5
_BEHIND_M = 0.03
_HEAD = ("Neck/Nose", "Head")


@cache
def parts(points: Layout) -> np.ndarray:
    """(G, K) bool: groups of points that go missing together. Every group leaves some points."""
    names = [LANDMARK_JOINTS.get(name, name) for name in points.body_points]
    ends = {side: [f"{side}{part}" for part in ("Elbow", "Wrist", "Knee", "Foot")] for side in "LR"}
    limbs = {
        **{f"{side} forearm": ends[side][1:2] for side in "LR"},
        **{f"{side} arm": ends[side][:2] for side in "LR"},
        **{f"{side} leg": ends[side][2:] for side in "LR"},
        **{f"{side} side": [*ends[side], f"{side}Shoulder", f"{side}Hip"] for side in "LR"},
        "feet": ["LFoot", "RFoot"],
        "legs": ends["L"][2:] + ends["R"][2:],
        "legs and hips": [*ends["L"][2:], *ends["R"][2:], "LHip", "RHip", "Hip"],
        "head": list(_HEAD),
        "arms": ends["L"][:2] + ends["R"][:2],
    }
    groups = np.array([[name in of_part for name in names] for of_part in limbs.values()])
    return groups[groups.any(1)]


def draw_seen(rng: np.random.Generator, runs: int, frames: int, points: Layout) -> np.ndarray:
    """(runs, frames, K) bool: which points are given.

    Args:
        rng: every draw comes from it.
        runs: how many.
        frames: of each.
        points: K of them.
    """
    groups, n_points = parts(points), len(points)
    whole = rng.random(runs) < _WHOLE_PROB
    part = groups[rng.integers(len(groups), size=runs)]
    gone = (rng.random(runs) < _PART_PROB)[:, None, None] & _spell(rng, runs, frames)[:, :, None] & part[:, None]
    rate = rng.uniform(0, _MOST_SINGLE, runs) * (rng.random(runs) < _SINGLE_PROB)
    for_long = rng.random(runs) < 0.5
    throughout = rng.random((runs, 1, n_points))
    at_times = rng.random((runs, frames, n_points))
    kept = ~gone & (np.where(for_long[:, None, None], throughout, at_times) >= rate[:, None, None])
    return whole[:, None, None] | kept


def _spell(rng: np.random.Generator, runs: int, frames: int) -> np.ndarray:
    """(runs, frames) bool: the whole run, or as often a part of it."""
    first, last = np.sort(rng.integers(frames, size=(2, runs)), axis=0)
    whole = rng.random(runs) < 0.5
    frame = np.arange(frames)
    return whole[:, None] | ((frame >= first[:, None]) & (frame <= last[:, None]))


def keep_enough(seen: Tensor) -> Tensor:
    """(..., K) bool, all of a frame's points where fewer than MIN_POINTS would be left."""
    return seen | (seen.sum(-1, keepdim=True) < MIN_POINTS)


def facing_away(points_cam_m: Tensor, points: Layout) -> Tensor:
    """Which points of the head a camera would not see, because the head is in between.

    Args:
        points_cam_m: (..., 17 + L, 3) joints and landmarks.
        points: K of them.

    Returns:
        (..., K) bool.
    """
    ears = [N_JOINTS + LANDMARK_NAMES.index(f"{side}_ear") for side in ("left", "right")]
    middle = points_cam_m[..., ears, :].mean(-2, keepdim=True)
    chosen = points_cam_m[..., torch.from_numpy(points.numbers).to(points_cam_m.device), :]
    behind = ((chosen - middle) * torch.nn.functional.normalize(middle, dim=-1)).sum(-1) > _BEHIND_M
    face = [LANDMARK_JOINTS.get(name) == "Neck/Nose" for name in points.body_points]
    return behind & torch.tensor(face, device=behind.device)


def face_checked(rng: np.random.Generator, runs: int) -> np.ndarray:
    """(runs,) bool: those in which what faces away is missing; some detectors guess it all the same."""
    return rng.random(runs) < _FACE_PROB
