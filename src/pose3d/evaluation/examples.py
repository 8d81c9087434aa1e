"""Which sequences and frames are shown.

Example:
    What the examples below start from: a sequence of three frames.

    >>> from pose3d.geometry.camera import Camera
    >>> camera = Camera("cam0", 100, 100, np.eye(3), np.zeros(5), np.eye(3), np.zeros(3))
    >>> truth_m = np.ones((3, 17, 3))
    >>> walk = PoseSequence("S1", "Walk-1", camera, 50, truth_m, truth_m, truth_m[..., :2], np.ones((3, 4)))
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from pose3d.evaluation import metrics
from pose3d.evaluation.tables import action_name
from pose3d.records.sequences import PoseSequence

if TYPE_CHECKING:
    import pandas as pd


def error_over_time_mm(sequence: PoseSequence, poses_cam_m: dict[str, np.ndarray]) -> pd.DataFrame:
    """P1 and acceleration error of each frame of one sequence, mm, by method; acceleration is empty at both ends.

    Args:
        sequence: the truth, T frames.
        poses_cam_m: (T, J, 3) by method.

    Example:
        Three frames of which the right wrist alone is wrong, by 170 mm.

        >>> poses_m = truth_m + np.eye(17)[:, 16:] * [0.17, 0, 0]
        >>> error_over_time_mm(walk, {"ours": poses_m})["ours_mpjpe_mm"].tolist()
        [10.0, 10.0, 10.0]
    """
    import pandas as pd

    table = pd.DataFrame({"time_s": np.arange(len(sequence)) / sequence.fps})
    for name, poses in poses_cam_m.items():
        table[f"{name}_mpjpe_mm"] = 1000 * metrics.mpjpe(poses, sequence.poses_cam_m)
        acceleration = np.full(len(sequence), np.nan)
        acceleration[1:-1] = 1000 * metrics.acceleration_errors(poses, sequence.poses_cam_m).mean(-1)
        table[f"{name}_accel_error_mm"] = acceleration
    return table.round(3).rename_axis("frame")


def median_sequence(
    sequences: list[PoseSequence], poses_cam_m: list[np.ndarray], found: list[np.ndarray] | None = None
) -> int:
    """Index of the sequence whose P1 is the (lower) median: neither the best nor the worst one is shown.

    Args:
        sequences: the truth, T frames each.
        poses_cam_m: of each sequence, (T, J, 3).
        found: of each sequence (T,) bool, the frames that count; None: all. Sequences without any are not shown.

    Example:
        The right wrist is wrong by 10, 30 and 20 cm.

        >>> wrist = np.eye(17)[:, 16:]
        >>> median_sequence([walk, walk, walk], [truth_m + wrist * [x, 0, 0] for x in (0.1, 0.3, 0.2)])
        2
    """
    found = [np.ones(len(s), bool) for s in sequences] if found is None else found
    shown = [number for number, frames in enumerate(found) if frames.any()]
    means = [metrics.mpjpe(poses_cam_m[i], sequences[i].poses_cam_m)[found[i]].mean() for i in shown]
    return shown[int(np.argsort(means, kind="stable")[(len(means) - 1) // 2])]


def example_frames(
    sequences: list[PoseSequence],
    poses_cam_m: list[np.ndarray],
    percentiles: Iterable[float],
    found: list[np.ndarray] | None = None,
) -> list[tuple[int, int]]:
    """(sequence, frame) nearest to each percentile of P1, each from an action and a camera not shown before while
    there are any.

    A fixed rule, so that nobody picks the pictures.

    Args:
        sequences: the truth, T frames each.
        poses_cam_m: of each sequence, (T, J, 3).
        percentiles: each 0 (the best frame) to 100.
        found: of each sequence (T,) bool, the frames to choose from; None: all.

    Example:
        The right wrist is wrong by 10, 30 and 20 cm in the three frames.

        >>> poses_m = truth_m.copy()
        >>> poses_m[:, 16, 0] += [0.1, 0.3, 0.2]
        >>> example_frames([walk], [poses_m], percentiles=(0, 50, 100))
        [(0, 0), (0, 2), (0, 1)]
    """
    p1 = [metrics.mpjpe(p, s.poses_cam_m) for s, p in zip(sequences, poses_cam_m, strict=True)]
    owner = np.repeat(np.arange(len(sequences)), [len(errors) for errors in p1])
    frame = np.concatenate([np.arange(len(errors)) for errors in p1])
    order = np.argsort(np.concatenate(p1), kind="stable")
    if found is not None:
        order = order[np.concatenate(found)[order]]
    action = np.array([action_name(s.action) for s in sequences])[owner[order]]
    camera = np.array([s.camera.id for s in sequences])[owner[order]]
    actions_left, cameras_left = set(action), set(camera)
    chosen = []
    for percentile in percentiles:
        actions_left, cameras_left = actions_left or set(action), cameras_left or set(camera)
        fresh = 2 * np.isin(action, list(actions_left)) + np.isin(camera, list(cameras_left))
        distance = np.abs(np.arange(len(order)) - percentile / 100 * (len(order) - 1))
        rank = np.lexsort((distance, -fresh))[0]
        actions_left.discard(action[rank])
        cameras_left.discard(camera[rank])
        chosen.append((int(owner[order[rank]]), int(frame[order[rank]])))
    return chosen
