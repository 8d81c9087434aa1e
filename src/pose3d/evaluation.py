"""From predicted sequences to the figures and tables that people read, in millimetres."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pose3d import metrics
from pose3d.errors import InputError
from pose3d.records import Keypoints2D, Sequence
from pose3d.skeleton import JOINT_NAMES, ROOT

LIFTERS, BASELINES = ("repnet", "temporal"), ("nearest_neighbour", "mean_pose")


@dataclass(frozen=True, eq=False)
class Errors:
    """One method's errors on N frames of all sequences end to end, metres.

    Attributes:
        mpjpe, n_mpjpe, pa_mpjpe: (N, J), each joint under that protocol's alignment.
        absolute: (N, J) without alignment; None for a method that gives no root.
        acceleration: (M, J), metres per frame squared; M < N, for differences stay inside a sequence.
        action: (N,) names, without the number of the take.
    """

    mpjpe: np.ndarray
    n_mpjpe: np.ndarray
    pa_mpjpe: np.ndarray
    absolute: np.ndarray | None
    acceleration: np.ndarray
    action: np.ndarray


def action_name(take: str) -> str:
    """``Walk-1`` and ``Walk-2`` are takes of the action ``Walk``."""
    name, _, number = take.rpartition("-")
    return name if name and number.isdigit() else take


def errors_of(method: str, sequences: list[Sequence], poses_cam_m: Iterable[np.ndarray], has_root: bool) -> Errors:
    """Compare a method's (T, J, 3) camera-space poses, one array per sequence, with the truth.

    Args:
        has_root: the poses stand in camera space, so that absolute errors mean something.

    Raises:
        InputError: a prediction of the wrong shape or not finite; names the method and the sequence.
    """
    poses = list(poses_cam_m)
    for sequence, pose in zip(sequences, poses, strict=True):
        if pose.shape != sequence.poses_cam_m.shape:
            raise InputError(
                f"{method} gave poses of shape {pose.shape} for {sequence.key}, not {sequence.poses_cam_m.shape}"
            )
        if not np.isfinite(pose).all():
            raise InputError(f"{method} gave a pose that is not finite for {sequence.key}: train it again")
    predicted = np.concatenate(poses)
    truth = np.concatenate([sequence.poses_cam_m for sequence in sequences])
    accelerations = [
        metrics.acceleration_errors(pose, sequence.poses_cam_m) for sequence, pose in zip(sequences, poses, strict=True)
    ]
    return Errors(
        mpjpe=metrics.joint_errors(metrics.align_root(predicted, truth), truth),
        n_mpjpe=metrics.joint_errors(metrics.align_scale(predicted, truth), truth),
        pa_mpjpe=metrics.joint_errors(metrics.align_procrustes(predicted, truth), truth),
        absolute=metrics.joint_errors(predicted, truth) if has_root else None,
        acceleration=np.concatenate(accelerations),
        action=np.repeat([action_name(s.action) for s in sequences], [len(s) for s in sequences]),
    )


def millimetres(errors_m: np.ndarray) -> float | None:
    """Mean in millimetres, rounded so that a diff of metrics stays readable; None where there is nothing to average."""
    return round(1000 * float(errors_m.mean()), 2) if errors_m.size else None


def over_actions(errors_m: np.ndarray, action: np.ndarray) -> pd.Series:
    """Mean of each action, indexed by its name; the mean of that weighs every action alike, however long its takes."""
    return pd.Series(errors_m.mean(-1)).groupby(action).mean()


def summary_mm(errors: Errors) -> dict[str, float | None]:
    """A method's means over all frames (and, beside P1 and P2, over actions), in millimetres."""
    summary = {
        "mpjpe_mm": millimetres(errors.mpjpe),
        "mpjpe_over_actions_mm": millimetres(over_actions(errors.mpjpe, errors.action)),
        "pa_mpjpe_mm": millimetres(errors.pa_mpjpe),
        "pa_mpjpe_over_actions_mm": millimetres(over_actions(errors.pa_mpjpe, errors.action)),
        "n_mpjpe_mm": millimetres(errors.n_mpjpe),
        "accel_error_mm": millimetres(errors.acceleration),
    }
    if errors.absolute is not None:
        summary["root_error_mm"] = millimetres(errors.absolute[:, ROOT])
        summary["mpjpe_absolute_mm"] = millimetres(errors.absolute)
    return summary


def baseline_summary_mm(errors: Errors) -> dict[str, float | None]:
    """The three alignments only, in millimetres."""
    return {key: value for key, value in summary_mm(errors).items() if key in ("mpjpe_mm", "pa_mpjpe_mm", "n_mpjpe_mm")}


def summary_2d(sequences: list[Sequence], detections: list[Keypoints2D], threshold: float) -> dict[str, float]:
    """Mean distance of the detected keypoints in px of the full image, and :func:`metrics.pck_2d` as a share of 1."""
    detected = np.concatenate([detection.keypoints_px for detection in detections])
    truth = np.concatenate([sequence.keypoints_px for sequence in sequences])
    boxes = np.concatenate([sequence.boxes_px for sequence in sequences])
    return {
        "mean_error_px": round(float(metrics.joint_errors(detected, truth).mean()), 2),
        f"pck_at_{100 * threshold:g}pct": round(metrics.pck_2d(detected, truth, boxes, threshold), 4),
    }


def summary(
    sequences: list[Sequence], detections: list[Keypoints2D], errors: dict[str, Errors], pck_threshold: float
) -> dict[str, dict]:
    """What metrics/*.json holds: a few flat keys for the data, the detector and each method.

    ``fps`` belongs to the acceleration errors, which are per frame squared; a list where sequences differ.
    """
    rates = sorted({sequence.fps for sequence in sequences})
    return {
        "data": {"frames": sum(map(len, sequences)), "fps": rates[0] if len(rates) == 1 else rates},
        "pose2d": summary_2d(sequences, detections, pck_threshold),
        **{name: summary_mm(errors[name]) for name in LIFTERS},
        **{name: baseline_summary_mm(errors[name]) for name in BASELINES},
    }


def per_action_mm(methods: dict[str, Errors]) -> pd.DataFrame:
    """P1 and P2 of every method by action, mm, with the mean over actions as the last row."""
    columns = {}
    for name, errors in methods.items():
        columns["frames"] = pd.Series(errors.action).value_counts()
        columns[f"{name}_mpjpe_mm"] = 1000 * over_actions(errors.mpjpe, errors.action)
        columns[f"{name}_pa_mpjpe_mm"] = 1000 * over_actions(errors.pa_mpjpe, errors.action)
    table = pd.DataFrame(columns).sort_index()
    mean = table.mean()
    mean["frames"] = table["frames"].sum()
    table.loc["mean over actions"] = mean
    return table.astype({"frames": int}).round(2).rename_axis("action")


def per_joint_mm(methods: dict[str, Errors]) -> pd.DataFrame:
    """P1 of every method by joint, mm, with the mean as the last row."""
    columns = {f"{name}_mpjpe_mm": 1000 * errors.mpjpe.mean(0) for name, errors in methods.items()}
    table = pd.DataFrame(columns, index=list(JOINT_NAMES))
    table.loc["mean"] = table.mean()
    return table.round(2).rename_axis("joint")


def pck3d_table(methods: dict[str, Errors]) -> pd.DataFrame:
    """Share of joints within 0, 5, ..., 150 mm after root alignment, %, by method.

    The root is left out: aligned to itself it would lift every curve by 1/17. The mean of a column is its AUC.
    """
    others = np.arange(len(JOINT_NAMES)) != ROOT
    columns = {name: 100 * metrics.pck_curve(errors.mpjpe[:, others]) for name, errors in methods.items()}
    index = pd.Index((1000 * metrics.AUC_THRESHOLDS_M).round().astype(int), name="threshold_mm")
    return pd.DataFrame(columns, index=index).round(2)


def error_over_time_mm(sequence: Sequence, poses_cam_m: dict[str, np.ndarray]) -> pd.DataFrame:
    """P1 and acceleration error of each frame of one sequence, mm, by method; acceleration is empty at both ends."""
    table = pd.DataFrame({"time_s": np.arange(len(sequence)) / sequence.fps})
    for name, poses in poses_cam_m.items():
        table[f"{name}_mpjpe_mm"] = 1000 * metrics.mpjpe(poses, sequence.poses_cam_m)
        acceleration = np.full(len(sequence), np.nan)
        acceleration[1:-1] = 1000 * metrics.acceleration_errors(poses, sequence.poses_cam_m).mean(-1)
        table[f"{name}_accel_error_mm"] = acceleration
    return table.round(3).rename_axis("frame")


def median_sequence(sequences: list[Sequence], poses_cam_m: list[np.ndarray]) -> int:
    """Index of the sequence whose P1 is the (lower) median: neither the best nor the worst one is shown."""
    means = [metrics.mpjpe(p, s.poses_cam_m).mean() for s, p in zip(sequences, poses_cam_m, strict=True)]
    return int(np.argsort(means, kind="stable")[(len(means) - 1) // 2])


def example_frames(
    sequences: list[Sequence], poses_cam_m: list[np.ndarray], percentiles: Iterable[float]
) -> list[tuple[int, int]]:
    """(sequence, frame) nearest to each percentile of P1, each from an action and a camera not shown before while
    there are any.

    A fixed rule, so that nobody picks the pictures.
    """
    p1 = [metrics.mpjpe(p, s.poses_cam_m) for s, p in zip(sequences, poses_cam_m, strict=True)]
    owner = np.repeat(np.arange(len(sequences)), [len(errors) for errors in p1])
    frame = np.concatenate([np.arange(len(errors)) for errors in p1])
    order = np.argsort(np.concatenate(p1), kind="stable")
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
