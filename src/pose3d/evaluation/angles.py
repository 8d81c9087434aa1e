"""Agreement of predicted joint angles with the true ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from pose3d.geometry.joint_angles import joint_angles_deg
from pose3d.records.sequences import PoseSequence

if TYPE_CHECKING:
    import pandas as pd

_WITHIN_95_PCT = 1.96
"""Of a normal distribution 95 % lie within so many standard deviations."""


def angle_agreement_deg(sequences: list[PoseSequence], poses_cam_m: Iterable[np.ndarray]) -> pd.DataFrame:
    """One row for each of :func:`pose3d.geometry.joint_angles.joint_angles_deg`'s angles, both sides together.

    Columns are the mean absolute difference, its bias (predicted minus true, in the mean) and the limits of agreement,
    between which 95 % of the differences lie if they are normal: bias +- 1.96 standard deviations (Bland and Altman,
    "Statistical methods for assessing agreement between two methods of clinical measurement", The Lancet 327, 1986).
    Differences go the short way round. ``defined_pct`` is the share of frames and sides in which both the predicted and
    the true angle are defined; only these count.

    Args:
        sequences: the truth, T frames each.
        poses_cam_m: for each sequence (T, 17, 3), finite.

    Example:
        Two frames in which the right elbow is bent by 90 degrees and both predictions say 90 and 80: the other elbow,
        straight in all of them, is right.

        >>> from pose3d.geometry.camera import Camera
        >>> camera = Camera("cam0", 100, 100, np.eye(3), np.zeros(5), np.eye(3), np.zeros(3))
        >>> truth_m = np.zeros((2, 17, 3))
        >>> truth_m[:, 12:14] = [0, 0.3, 0], [0, 0.6, 0]  # left shoulder, elbow and wrist on a line
        >>> truth_m[:, 15:17] = [0, 0.3, 0], [0.2, 0.3, 0]
        >>> wave = PoseSequence("S1", "Wave-1", camera, 50, truth_m, truth_m, truth_m[..., :2], np.ones((2, 4)))
        >>> predicted_m = truth_m.copy()
        >>> ten = np.radians(10)
        >>> predicted_m[1, 16] = [0.2 * np.cos(ten), 0.3 + 0.2 * np.sin(ten), 0]
        >>> angle_agreement_deg([wave], [predicted_m]).loc["elbow_flexion"].round(2).to_dict()
        {'defined_pct': 100.0, 'mae_deg': 2.5, 'bias_deg': -2.5, 'lower_limit_deg': -12.3, 'upper_limit_deg': 7.3}
    """
    import pandas as pd  # here, so that a stage's `--help` does not wait for it

    parts = defaultdict(list)
    for sequence, poses in zip(sequences, poses_cam_m, strict=True):
        truth_deg = joint_angles_deg(sequence.poses_cam_m)
        for name, predicted_deg in joint_angles_deg(poses).items():
            difference_deg = (predicted_deg - truth_deg[name] + 180) % 360 - 180
            angle = name.removeprefix("right_").removeprefix("left_").removesuffix("_deg")
            parts[angle].append(difference_deg.astype(np.float32))
    rows = {}
    for angle in list(parts):
        all_deg = np.concatenate(parts.pop(angle)).astype(np.float64)
        known_deg = all_deg[np.isfinite(all_deg)]
        bias_deg = known_deg.mean() if known_deg.size else np.nan
        spread_deg = _WITHIN_95_PCT * (known_deg.std(ddof=1) if known_deg.size > 1 else np.nan)
        rows[angle] = {
            "defined_pct": 100 * known_deg.size / max(all_deg.size, 1),
            "mae_deg": np.abs(known_deg).mean() if known_deg.size else np.nan,
            "bias_deg": bias_deg,
            "lower_limit_deg": bias_deg - spread_deg,
            "upper_limit_deg": bias_deg + spread_deg,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("angle")
