"""From predicted sequences to the figures and tables that people read, in millimetres.

Example:
    What the examples below start from: three frames of which the right wrist alone is wrong, by 170 mm.

    >>> from pose3d.geometry.camera import Camera
    >>> camera = Camera("cam0", 100, 100, np.eye(3), np.zeros(5), np.eye(3), np.zeros(3))
    >>> truth_m = np.ones((3, 17, 3))
    >>> walk = PoseSequence("S1", "Walk-1", camera, 50, truth_m, truth_m, truth_m[..., :2], np.ones((3, 4)))
    >>> errors = errors_of("ours", [walk], [truth_m + np.eye(17)[:, 16:] * [0.17, 0, 0]], has_root=True)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pose3d.evaluation import metrics, occlusion
from pose3d.geometry.camera import apply_affine
from pose3d.geometry.layouts import OURS, layout
from pose3d.geometry.skeleton import JOINT_NAMES, ROOT
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


LIFTERS, BASELINES = ("repnet", "temporal"), ("nearest_neighbour", "mean_pose")
ALL_SUBJECTS = "all subjects"
_ROUNDING_M = 1e-6
MEANS = {"actions": "mean over actions", "frames": "mean over frames"}


@dataclass(frozen=True, eq=False)
class Errors:
    """One method's errors on N frames of all sequences end to end, float32 metres: 0.3 GB a million frames.

    Attributes:
        mpjpe: (N, J), each joint with the roots aligned.
        absolute: (N, J) without alignment; None for a method that gives no root.
        n_mpjpe, pa_mpjpe: (N,), the mean over the joints of each frame under that protocol's alignment.
        pa_l1_mpjpe: (N,), the mean after the similarity that makes it least.
        size_mpjpe, reflected_mpjpe: (N,), the same under the two alignments of ElePose alone, see :data:`PROTOCOLS`.
        velocity: (K,), mean over the joints, metres per frame; K < N, because differences stay inside a sequence.
        acceleration: (M,), the same in metres per frame squared.
        action, velocity_action: (N,) and (K,) names, without the number of the take.
        subject, velocity_subject: (N,) and (K,) names.
    """

    mpjpe: np.ndarray
    absolute: np.ndarray | None
    n_mpjpe: np.ndarray
    pa_mpjpe: np.ndarray
    pa_l1_mpjpe: np.ndarray
    size_mpjpe: np.ndarray
    reflected_mpjpe: np.ndarray
    velocity: np.ndarray
    acceleration: np.ndarray
    action: np.ndarray
    velocity_action: np.ndarray
    subject: np.ndarray
    velocity_subject: np.ndarray


@dataclass(frozen=True)
class LeftOut:
    """How many frames are left out of all errors, because too little is detected in them.

    Attributes:
        by_action, by_subject: names to their numbers of frames, where there are any.

    Example:
        >>> LeftOut.of([walk], [np.array([True, False, False])])
        LeftOut(by_action={'Walk': 2}, by_subject={'S1': 2})
    """

    by_action: dict[str, int]
    by_subject: dict[str, int]

    @classmethod
    def of(cls, sequences: Sequence[PoseSequence], found: Sequence[np.ndarray]) -> LeftOut:
        """Count them.

        Args:
            sequences: N.
            found: N, (T,) bool each.
        """
        by_action: Counter[str] = Counter()
        by_subject: Counter[str] = Counter()
        for sequence, frames in zip(sequences, found, strict=True):
            if missing := int((~frames).sum()):
                by_action[action_name(sequence.action)] += missing
                by_subject[sequence.subject] += missing
        return cls(dict(by_action), dict(by_subject))

    @property
    def total(self) -> int:
        """Of all of them."""
        return sum(self.by_action.values())

    def sentence(self, n_frames: int) -> str:
        """What is said of them, where there are any.

        Args:
            n_frames: of all sequences, those that are left out among them.
        """
        return f"{self.total:,} of {n_frames:,} frames are left out: too little is detected for too long"


def action_name(take: str) -> str:
    """``Walk-1`` and ``Walk-2`` are takes of the action ``Walk``.

    Example:
        >>> action_name("Walk-1")
        'Walk'
    """
    name, _, number = take.rpartition("-")
    return name if name and number.isdigit() else take


def errors_of(method: str, sequences: list[PoseSequence], poses_cam_m: Iterable[np.ndarray], has_root: bool) -> Errors:
    """Compare a method's (T, J, 3) camera-space poses, one array per sequence, with the truth.

    The poses are taken one sequence at a time, so they may come from a generator and need not be held together.

    Args:
        method: its name, for messages.
        sequences: the truth, T frames each.
        poses_cam_m: for each sequence (T, J, 3).
        has_root: the poses are in camera space, so that absolute errors mean something.

    Raises:
        InputError: a prediction of the wrong shape or not finite; names the method and the sequence.

    Example:
        Three frames predicted 50 mm away as a whole.

        >>> errors = errors_of("ours", [walk], [truth_m + [0.03, 0, 0.04]], has_root=True)
        >>> errors.mpjpe.shape, float(errors.mpjpe.max()), round(float(errors.absolute.max()), 6)
        ((3, 17), 0.0, 0.05)
    """
    parts = defaultdict(list)
    for sequence, poses in zip(sequences, poses_cam_m, strict=True):
        truth = sequence.poses_cam_m
        if poses.shape != truth.shape:
            raise InputError(f"{method} gave poses of shape {poses.shape} for {sequence.key}, not {truth.shape}")
        if not np.isfinite(poses).all():
            raise InputError(f"{method} gave a pose that is not finite for {sequence.key}: train it again")
        in_sequence = {
            "mpjpe": metrics.joint_errors(metrics.align_root(poses, truth), truth),
            "n_mpjpe": metrics.n_mpjpe(poses, truth),
            "pa_mpjpe": metrics.pa_mpjpe(poses, truth),
            "pa_l1_mpjpe": metrics.pa_l1_mpjpe(poses, truth),
            "size_mpjpe": metrics.joint_errors(metrics.align_size(poses, truth), truth).mean(-1),
            "reflected_mpjpe": metrics.joint_errors(
                metrics.align_procrustes(poses, truth, allow_reflection=True), truth
            ).mean(-1),
            "velocity": metrics.velocity_errors(poses, truth).mean(-1),
            "acceleration": metrics.acceleration_errors(poses, truth).mean(-1),
        }
        if has_root:
            in_sequence["absolute"] = metrics.joint_errors(poses, truth)
        for name, errors in in_sequence.items():
            parts[name].append(errors.astype(np.float32))
    joined = {name: np.concatenate(parts.pop(name)) for name in list(parts)}
    actions = [action_name(sequence.action) for sequence in sequences]
    subjects = [sequence.subject for sequence in sequences]
    n_frames = [len(sequence) for sequence in sequences]
    n_velocities = [max(n - 1, 0) for n in n_frames]
    return Errors(
        absolute=joined.pop("absolute", None),
        **joined,
        action=np.repeat(actions, n_frames),
        velocity_action=np.repeat(actions, n_velocities),
        subject=np.repeat(subjects, n_frames),
        velocity_subject=np.repeat(subjects, n_velocities),
    )


def millimetres(errors_m: np.ndarray | pd.Series) -> float | None:
    """Mean in millimetres, rounded so that a diff of metrics stays readable; None where there is nothing to average.

    Args:
        errors_m: any shape.

    Example:
        >>> millimetres(np.array([0.01, 0.02]))
        15.0
    """
    return round(1000 * float(np.asarray(errors_m).mean(dtype=np.float64)), 2) if errors_m.size else None


def over_actions(errors_m: np.ndarray, action: np.ndarray) -> pd.Series:
    """Mean of each action from (N,) errors and names; its mean weighs every action alike, however long its takes.

    Example:
        >>> by_action = over_actions(np.array([1.0, 2.0, 3.0, 6.0]), np.array(["Walk", "Walk", "Walk", "Sit"]))
        >>> by_action.to_dict(), float(by_action.mean())
        ({'Sit': 6.0, 'Walk': 2.0}, 4.0)
    """
    import pandas as pd  # here and below, so that a stage's `--help` does not wait for it

    return pd.Series(errors_m, dtype=np.float64).groupby(action).mean()


def per_frame(errors_m: np.ndarray, count_root: bool = True) -> np.ndarray:
    """Mean over the joints of each frame, (N, J) to (N,) float64; without the root over the J - 1 others.

    Example:
        >>> errors_m = np.array([[0.0, 3.0]])
        >>> per_frame(errors_m).tolist(), per_frame(errors_m, count_root=False).tolist()
        ([1.5], [3.0])
    """
    counted = errors_m if count_root else np.delete(errors_m, ROOT, axis=1)
    return counted.mean(-1, dtype=np.float64)


def summary_mm(errors: Errors) -> dict[str, float | None]:
    """A method's means over all frames (and, beside P1 and P2, over actions), in millimetres.

    The velocity error ``mpjve_mm`` is per frame, ``accel_error_mm`` per frame squared; ``pck150`` (within 150 mm) and
    ``auc`` (0 to 150 mm) are shares of 1 of the root-aligned joints, the root itself left out. ``pa_above_mpjpe`` is
    the share of frames in which least squares spreads the error of few joints so far that PA-MPJPE exceeds MPJPE.

    Example:
        >>> summary_mm(errors)["mpjpe_mm"], summary_mm(errors)["pck150"]
        (10.0, 0.9375)
    """
    others = np.delete(errors.mpjpe, ROOT, axis=1)
    summary = {
        "mpjpe_mm": millimetres(errors.mpjpe),
        "mpjpe_over_actions_mm": millimetres(over_actions(per_frame(errors.mpjpe), errors.action)),
        "pa_mpjpe_mm": millimetres(errors.pa_mpjpe),
        "pa_mpjpe_over_actions_mm": millimetres(over_actions(errors.pa_mpjpe, errors.action)),
        "pa_l1_mpjpe_mm": millimetres(errors.pa_l1_mpjpe),
        "pa_above_mpjpe": round(float((errors.pa_mpjpe > per_frame(errors.mpjpe) + _ROUNDING_M).mean()), 4),
        "n_mpjpe_mm": millimetres(errors.n_mpjpe),
        "mpjve_mm": millimetres(errors.velocity),
        "accel_error_mm": millimetres(errors.acceleration),
        "pck150": round(metrics.pck150(others), 4),
        "auc": round(metrics.auc(others), 4),
    }
    if errors.absolute is not None:
        summary["root_error_mm"] = millimetres(errors.absolute[:, ROOT])
        summary["mpjpe_absolute_mm"] = millimetres(errors.absolute)
    return summary


def baseline_summary_mm(errors: Errors) -> dict[str, float | None]:
    """The three alignments only, in millimetres.

    Example:
        >>> list(baseline_summary_mm(errors)), baseline_summary_mm(errors)["mpjpe_mm"]
        (['mpjpe_mm', 'pa_mpjpe_mm', 'n_mpjpe_mm'], 10.0)
    """
    return {key: value for key, value in summary_mm(errors).items() if key in ("mpjpe_mm", "pa_mpjpe_mm", "n_mpjpe_mm")}


def summary_2d(
    sequences: list[PoseSequence], detections: list[Keypoints2D], threshold: float, crop_from_image: np.ndarray | None
) -> dict[str, float]:
    """Mean distance of the detected keypoints in px of the full image, and :func:`metrics.pck_2d` as a share of 1.

    Beside it, where there are crops, :func:`metrics.heatmap_pck`. Of another layout those points are compared that are
    joints of ours; a missing one has no distance, and counts as not found.

    Args:
        sequences: the truth, N frames in all.
        detections: of each sequence.
        threshold: share of the longer side of the person's box, more than 0.
        crop_from_image: (N, 2, 3) affine transforms of all frames end to end; None where there are no crops.

    Example:
        Keypoints detected 5 px away in boxes 200 px high.

        >>> boxes_px = np.tile([0.0, 0, 50, 200], (3, 1))
        >>> walk = PoseSequence("S1", "Walk-1", camera, 50, truth_m, truth_m, truth_m[..., :2], boxes_px)
        >>> detected = Keypoints2D(walk.keypoints_px + [3, 4], np.ones((3, 17)))
        >>> summary_2d([walk], [detected], threshold=0.05, crop_from_image=None)
        {'mean_error_px': 5.0, 'pck_at_5pct': 1.0}
    """
    points, joints = layout(detections[0].layout).shared
    detected = np.concatenate([_seen_px(detection)[:, points] for detection in detections])
    truth = np.concatenate([sequence.keypoints_px[:, joints] for sequence in sequences])
    boxes = np.concatenate([sequence.boxes_px for sequence in sequences])
    shares = {
        "mean_error_px": round(float(np.nanmean(metrics.joint_errors(detected, truth))), 2),
        f"pck_at_{100 * threshold:g}pct": round(metrics.pck_2d(detected, truth, boxes, threshold), 4),
    }
    if crop_from_image is not None:
        shares |= metrics.heatmap_pck(*(apply_affine(crop_from_image, px) for px in (detected, truth)))
    return shares


def _seen_px(detected: Keypoints2D) -> np.ndarray:
    """(T, K, 2), NaN for missing points; of our own layout frames are missing as a whole."""
    rated = detected.confidence
    seen = (rated.max(1, keepdims=True) if detected.layout == OURS else rated) > 0
    return np.where(seen[..., None], detected.keypoints_px, np.nan)


def summary(
    sequences: list[PoseSequence],
    detections: list[Keypoints2D],
    errors: dict[str, Errors],
    pck_threshold: float,
    crop_from_image: np.ndarray | None,
) -> dict[str, dict]:
    """The content of metrics/*.json: a few flat keys for the data, the detector and each method.

    ``fps`` belongs to the acceleration errors, which are per frame squared; a list where sequences differ.

    Args:
        sequences: the truth, N frames in all.
        detections: of each sequence.
        errors: of each of :data:`LIFTERS` and :data:`BASELINES`.
        pck_threshold, crop_from_image: as :func:`summary_2d` has them.

    Example:
        >>> detected = Keypoints2D(walk.keypoints_px, np.ones((3, 17)))
        >>> every = summary([walk], [detected], dict.fromkeys(LIFTERS + BASELINES, errors), 0.05, None)
        >>> list(every), every["data"], every["temporal"]["mpjpe_mm"]
        (['data', 'pose2d', 'repnet', 'temporal', 'nearest_neighbour', 'mean_pose'], {'frames': 3, 'fps': 50}, 10.0)
    """
    rates = sorted({sequence.fps for sequence in sequences})
    return {
        "data": {"frames": sum(map(len, sequences)), "fps": rates[0] if len(rates) == 1 else rates},
        "pose2d": summary_2d(sequences, detections, pck_threshold, crop_from_image),
        **{name: summary_mm(errors[name]) for name in LIFTERS},
        **{name: baseline_summary_mm(errors[name]) for name in BASELINES},
    }


def _by_frame(errors: Errors) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The figures of the tables by action and by subject: values, actions and subjects, each (N,) or (K,)."""
    return {
        "mpjpe": (per_frame(errors.mpjpe), errors.action, errors.subject),
        "pa_mpjpe": (errors.pa_mpjpe, errors.action, errors.subject),
        "n_mpjpe": (errors.n_mpjpe, errors.action, errors.subject),
        "mpjve": (errors.velocity, errors.velocity_action, errors.velocity_subject),
    }


def per_action_mm(methods: dict[str, Errors], left_out: LeftOut | None = None) -> pd.DataFrame:
    """P1, P2, N-MPJPE and MPJVE of every method by action, mm, with both means as the last rows.

    Args:
        methods: errors by method.
        left_out: frames beside those of the errors, counted in a column of their own where there are any.

    Example:
        >>> per_action_mm({"ours": errors})["ours_mpjpe_mm"].to_dict()
        {'Walk': 10.0, 'mean over actions': 10.0, 'mean over frames': 10.0}
    """
    import pandas as pd

    columns = {}
    for name, errors in methods.items():
        frames = pd.Series(errors.action).value_counts()
        columns["frames"] = pd.Series({**frames, **dict.fromkeys(MEANS.values(), frames.sum())})
        if left_out is not None and left_out.total:
            totals = dict.fromkeys(MEANS.values(), left_out.total)
            columns["frames_left_out"] = pd.Series({**left_out.by_action, **totals})
        for figure, (values, action, _) in _by_frame(errors).items():
            by_action = over_actions(values, action)
            means = {MEANS["actions"]: by_action.mean(), MEANS["frames"]: pd.Series(values, dtype=np.float64).mean()}
            columns[f"{name}_{figure}_mm"] = 1000 * pd.Series({**by_action, **means})
    names = sorted({*frames.index, *(left_out.by_action if left_out is not None else ())})
    return _counted(pd.DataFrame(columns, index=[*names, *MEANS.values()])).rename_axis("action")


def _counted(table: pd.DataFrame) -> pd.DataFrame:
    """With whole numbers of frames, 0 where there are none."""
    counts = [name for name in ("frames", "frames_left_out") if name in table]
    table[counts] = table[counts].fillna(0)
    return table.astype(dict.fromkeys(counts, int)).round(2)


def per_subject_mm(methods: dict[str, Errors], left_out: LeftOut | None = None) -> pd.DataFrame:
    """P1, P2, N-MPJPE and MPJVE of every method by subject, mm, each the mean over the subject's actions.

    So VideoPose3D prints them by subject. The last row is the mean over the actions of all subjects, as in
    :func:`protocols_mm`: where subjects have unequal numbers of frames, it is not the mean of the rows above.

    Args:
        methods, left_out: as of :func:`per_action_mm`.

    Example:
        >>> per_subject_mm({"ours": errors})["ours_mpjpe_mm"].to_dict()
        {'S1': 10.0, 'all subjects': 10.0}
    """
    import pandas as pd

    columns = {}
    for name, errors in methods.items():
        frames = pd.Series(errors.subject).value_counts()
        columns["frames"] = pd.Series({**frames, ALL_SUBJECTS: frames.sum()})
        if left_out is not None and left_out.total:
            columns["frames_left_out"] = pd.Series({**left_out.by_subject, ALL_SUBJECTS: left_out.total})
        for figure, (values, action, subject) in _by_frame(errors).items():
            means = {one: over_actions(values[subject == one], action[subject == one]).mean() for one in frames.index}
            together = over_actions(values, action).mean()
            columns[f"{name}_{figure}_mm"] = 1000 * pd.Series({**means, ALL_SUBJECTS: together})
    names = sorted({*frames.index, *(left_out.by_subject if left_out is not None else ())})
    return _counted(pd.DataFrame(columns, index=[*names, ALL_SUBJECTS])).rename_axis("subject")


def per_joint_mm(methods: dict[str, Errors]) -> pd.DataFrame:
    """P1 of every method by joint, mm, with the mean as the last row.

    Example:
        >>> per_joint_mm({"ours": errors})["ours_mpjpe_mm"][["Head", "RWrist", "mean"]].to_dict()
        {'Head': 0.0, 'RWrist': 170.0, 'mean': 10.0}
    """
    import pandas as pd

    columns = {f"{name}_mpjpe_mm": 1000 * errors.mpjpe.mean(0, dtype=np.float64) for name, errors in methods.items()}
    table = pd.DataFrame(columns, index=list(JOINT_NAMES))
    table.loc["mean"] = table.mean()
    return table.round(2).rename_axis("joint")


def per_occlusion_mm(
    sequences: list[PoseSequence], methods: dict[str, Errors], poses_cam_m: dict[str, list[np.ndarray]]
) -> pd.DataFrame:
    """P1 of every method by how deep the person's own body hides the joint, mm, with all joints as the last row.

    Beside it the mean error along the sight line to the true joint (``along``) and across it (``across``), likewise
    with the roots aligned; ``joints_pct`` is the share of joints in the row. The root is left out: aligned to itself
    it would lower each row by as much as it is in that row. Compare methods within a row: between rows the joints
    differ, wrists being hidden more often than heads. Empty where no joint is so hidden.

    Args:
        sequences: the truth.
        methods, poses_cam_m: errors and (T, J, 3) poses by method, over these sequences in this order.

    Example:
        The right wrist is straight behind the rest of the body, and predicted 170 mm beside its place.

        >>> truth_m = np.tile([0.0, 0.0, 5.0], (1, 17, 1))
        >>> truth_m[:, 16] = [0, 0, 6]
        >>> walk = PoseSequence("S1", "Walk-1", camera, 50, truth_m, truth_m, truth_m[..., :2], np.ones((1, 4)))
        >>> poses_m = [truth_m + np.eye(17)[:, 16:] * [0.17, 0, 0]]
        >>> errors = errors_of("ours", [walk], poses_m, has_root=True)
        >>> per_occlusion_mm([walk], {"ours": errors}, {"ours": poses_m}).loc["deep"].to_dict()
        {'joints_pct': 6.25, 'ours_mpjpe_mm': 170.0, 'ours_along_mm': 0.0, 'ours_across_mm': 170.0}
    """
    import pandas as pd

    depth = np.concatenate([occlusion.self_occlusion(sequence.poses_cam_m) for sequence in sequences])
    classes = np.delete(occlusion.occlusion_class(depth), ROOT, axis=1)
    rows = {name: classes == i for i, name in enumerate(occlusion.CLASSES)} | {"all": np.ones_like(classes, bool)}
    columns: dict[str, list[float] | np.ndarray] = {"joints_pct": [100 * row.mean() for row in rows.values()]}
    for name, errors in methods.items():
        parts = [_along_and_across(p, s.poses_cam_m) for s, p in zip(sequences, poses_cam_m[name], strict=True)]
        along, across = (np.concatenate(part) for part in zip(*parts, strict=True))
        for figure, values in {"mpjpe": errors.mpjpe, "along": along, "across": across}.items():
            counted = np.delete(values, ROOT, axis=1)
            means = [counted[row].mean(dtype=np.float64) if row.any() else np.nan for row in rows.values()]
            columns[f"{name}_{figure}_mm"] = 1000 * np.array(means)
    return pd.DataFrame(columns, index=list(rows)).round(2).rename_axis("occlusion")


def _along_and_across(poses_cam_m: np.ndarray, truth_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parts of the root-aligned errors along and across the sight lines to the true joints, both (T, J) float32, m."""
    errors = metrics.root_relative(poses_cam_m) - metrics.root_relative(truth_m)
    sight = truth_m / np.linalg.norm(truth_m, axis=-1, keepdims=True)
    along = (errors * sight).sum(-1, keepdims=True)
    across = np.linalg.norm(errors - along * sight, axis=-1)
    return np.abs(along[..., 0]).astype(np.float32), across.astype(np.float32)


def pck3d_table(methods: dict[str, Errors]) -> pd.DataFrame:
    """Share of joints within 0, 5, ..., 150 mm after root alignment, %, by method.

    The root is left out: aligned to itself it would lift every curve by 1/17. The mean of a column is its AUC.

    Example:
        >>> pck3d_table({"ours": errors})["ours"][[0, 150]].to_dict()
        {0: 0.0, 150: 93.75}
    """
    import pandas as pd

    columns = {name: 100 * metrics.pck_curve(np.delete(errors.mpjpe, ROOT, axis=1)) for name, errors in methods.items()}
    index = pd.Index((1000 * metrics.AUC_THRESHOLDS_M).round().astype(int), name="threshold_mm")
    return pd.DataFrame(columns, index=index).round(2)
