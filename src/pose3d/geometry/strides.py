"""Strides of somebody who walks or runs, from one time that a foot is farthest forward to the next."""

import numpy as np
from scipy.signal import find_peaks

from pose3d.geometry.joint_angles import pelvis_axes
from pose3d.geometry.skeleton import JOINT_NAMES

STRIDE_S = (0.5, 2.0)
"""How long a stride lasts, from running to slow walking."""
_LEAST_SWING = 0.25
"""Of the leg's length: how much further forward than before and after a foot must be."""
_HALF_WAY = (0.3, 0.7)
"""Of a stride: when the other foot is farthest forward."""


def strides_s(times_s: np.ndarray, poses_m: np.ndarray) -> dict[str, np.ndarray]:
    """When strides of the right and the left foot begin and end.

    A stride begins where the ankle is farthest forward of the pelvis, which is about where the heel touches the ground
    (Zeni, Richards and Higginson, "Two simple methods for determining gait events during treadmill and overground
    walking using kinematic data", Gait and Posture 27, 2008). Forward is the pelvis' own x axis, so that nobody needs
    to know where the floor is. What lasts unlike :data:`STRIDE_S`, or has no step of the other foot half-way, is no
    stride: kicks, jumps and turns on the spot are none.

    Args:
        times_s: (T,), ascending.
        poses_m: (T, 17, 3) in any right-handed frame; frames that are not finite are in no stride.

    Returns:
        ``right`` and ``left`` to (N, 2) seconds, N from 0 on.

    Example:
        Legs that swing like pendulums once a second.

        >>> times_s = np.arange(0, 3, 0.05)
        >>> poses_m = np.zeros((len(times_s), 17, 3))
        >>> poses_m[:, 7] = [0, 0.25, 0]
        >>> for side, hip, phase in ((1, 1, 0), (-1, 4, np.pi)):
        ...     swing = 0.5 * np.sin(2 * np.pi * times_s + phase)
        ...     for part in range(3):  # hip, knee and ankle
        ...         x, y = 0.4 * part * np.sin(swing), -0.4 * part * np.cos(swing)
        ...         poses_m[:, hip + part] = np.stack([x, y, np.full_like(x, 0.1 * side)], -1)
        >>> {side: strides.round(2).tolist() for side, strides in strides_s(times_s, poses_m).items()}
        {'right': [[0.25, 1.25], [1.25, 2.25]], 'left': [[0.75, 1.75], [1.75, 2.75]]}
    """
    poses_m = np.asarray(poses_m, np.float64)
    pelvis = pelvis_axes(poses_m)
    known = np.isfinite(pelvis).all((1, 2)) & np.isfinite(poses_m).all((1, 2))
    none = np.empty((0, 2))
    if known.sum() < 3:
        return {"right": none, "left": none}
    forward = {}
    for side in ("right", "left"):
        hip, knee, ankle = (poses_m[:, JOINT_NAMES.index(side[0].upper() + name)] for name in ("Hip", "Knee", "Foot"))
        leg_m = np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1)
        along_x = ((ankle - poses_m[:, 0]) * pelvis[:, 0]).sum(-1) / np.median(leg_m[known])
        peaks, _ = find_peaks(np.interp(times_s, times_s[known], along_x[known]), prominence=_LEAST_SWING)
        forward[side] = times_s[peaks]
    found = {}
    for side, other in (("right", "left"), ("left", "right")):
        found[side] = np.array(
            [
                (start, end)
                for start, end in zip(forward[side][:-1], forward[side][1:], strict=True)
                if STRIDE_S[0] <= end - start <= STRIDE_S[1]
                and known[(times_s >= start) & (times_s <= end)].all()
                and any(_HALF_WAY[0] < (step - start) / (end - start) < _HALF_WAY[1] for step in forward[other])
            ]
        ).reshape(-1, 2)
    return found
