"""The test takes that are lifted worst: figures that tell why, and a picture of each (docs/worst_takes.md).

    python -m benchmarks.worst_takes --out FOLDER [--data data] [--models data/models] [--before models]
        [--prior S7] [--count 10]

A take is one pose sequence: a subject and an action as one camera sees them, because the 2D differs by camera. Takes
are ranked by the mean PA-MPJPE of the temporal lifter on detected 2D. FOLDER gets worst_takes.csv, all test takes with
the worst first, and worst_takes.png, where each of the first ``--count`` is a row at its worst frame: the true 2D in
grey under the detected, and lifted poses over the truth in grey, with their PA-MPJPE in that frame.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pose3d.evaluation import metrics
from pose3d.evaluation.baselines import prior_poses
from pose3d.geometry.skeleton import BONES, mirror_permutation
from pose3d.lifting.lift import lift_detections, load_lifter
from pose3d.lifting.networks import Lifter
from pose3d.records.frames import read_rgb
from pose3d.records.keypoints2d import Keypoints2D, read_keypoints2d
from pose3d.records.sequences import PoseSequence, check_3d, read_sequences, read_splits
from pose3d.runtime.errors import end_in_one_sentence
from pose3d.runtime.files import require_files, write_text
from pose3d.show import figures

LEGS, ARMS = [1, 2, 3, 4, 5, 6], [11, 12, 13, 14, 15, 16]
EXCHANGED_BY = 0.05
"""How much nearer the truth both legs, or both arms, come by exchanging sides, as a share of the box's longer side.
Less means nothing, because limbs that are seen one behind the other are at the same place."""
PRIOR_POSES, EVERY = 1000, 4
"""How many poses of the prior are compared, and with which frames of a take."""
TITLES = {"before": "before", "single": "single frame", "temporal": "temporal", "true_2d": "temporal, true 2D"}
COLUMNS = {
    "frames": "frames",
    "before_mm": "before",
    "single_mm": "single frame",
    "temporal_mm": "temporal",
    "sides_right_mm": "temporal, sides put right",
    "single_true_2d_mm": "single frame, true 2D",
    "temporal_true_2d_mm": "temporal, true 2D",
    "error_px": "2D off by px",
    "exchanged_percent": "sides exchanged, % of frames",
    "nearest_prior_mm": "nearest prior pose",
    "upright_prior_mm": "the same, turned about the vertical alone",
}
CELL_IN = 1.75


@dataclass(frozen=True, eq=False)
class Take:
    """One test take and what the lifters make of it.

    Attributes:
        sequence: T frames.
        detected: their 2D keypoints.
        poses_cam_m: name, one of :data:`TITLES`, to (T, 17, 3).
        row: its line of the table, by :data:`COLUMNS`; lengths in mm are means of PA-MPJPE.
    """

    sequence: PoseSequence
    detected: Keypoints2D
    poses_cam_m: dict[str, np.ndarray]
    row: dict[str, float]

    @property
    def worst_frame(self) -> int:
        """Where the temporal lifter's PA-MPJPE is greatest."""
        return int(pa_mm(self.poses_cam_m["temporal"], self.sequence).argmax())


def pa_mm(poses_cam_m: np.ndarray, sequence: PoseSequence) -> np.ndarray:
    """PA-MPJPE of each frame, (T,) mm."""
    return 1000 * metrics.pa_mpjpe(poses_cam_m, sequence.poses_cam_m)


def exchanged_sides(detected_px: np.ndarray, truth_px: np.ndarray, boxes_px: np.ndarray) -> np.ndarray:
    """Frames in which the left limb is taken for the right one and the other way round: see :data:`EXCHANGED_BY`.

    Args:
        detected_px, truth_px: (T, 17, 2).
        boxes_px: (T, 4).

    Returns:
        (T, 2) bool, of legs and of arms.
    """
    as_found = metrics.joint_errors(detected_px, truth_px)
    the_other_way = metrics.joint_errors(detected_px[:, mirror_permutation()], truth_px)
    longer_side_px = (boxes_px[:, 2:] - boxes_px[:, :2]).max(-1, keepdims=True)
    gained_px = np.stack([(as_found - the_other_way)[:, joints].mean(-1) for joints in (LEGS, ARMS)], -1)
    return gained_px > EXCHANGED_BY * longer_side_px


def sides_put_right(detected_px: np.ndarray, exchanged: np.ndarray) -> np.ndarray:
    """(T, 17, 2) with legs and arms exchanged back where (T, 2) ``exchanged`` says so; nothing else is changed."""
    right_px, mirrored_px = detected_px.copy(), detected_px[:, mirror_permutation()]
    for limbs, joints in enumerate((LEGS, ARMS)):
        frames = np.flatnonzero(exchanged[:, limbs])[:, None]
        right_px[frames, joints] = mirrored_px[frames, joints]
    return right_px


def nearest_prior_mm(prior_world_m: np.ndarray, poses_world_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the nearest pose of the prior, or its mirror image, is from each true pose.

    Args:
        prior_world_m: (N, 17, 3).
        poses_world_m: (T, 17, 3), z up.

    Returns:
        PA-MPJPE, (T,) mm; and the same where the prior is turned about the vertical alone, so that a pose that the
        prior has standing is far from one that lies.
    """
    mirrored = prior_world_m[:, mirror_permutation()] * [-1.0, 1.0, 1.0]
    prior = np.concatenate([prior_world_m, mirrored])
    nearest = [
        (metrics.pa_mpjpe(prior, np.broadcast_to(pose, prior.shape)).min(), _upright_errors(prior, pose).min())
        for pose in poses_world_m
    ]
    anyhow_m, upright_m = np.array(nearest).T
    return 1000 * anyhow_m, 1000 * upright_m


def _upright_errors(prior: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """(N,) mean distances of (N, 17, 3) to (17, 3) after the best move, scale and turn about z, in least squares."""
    p, t = prior - prior.mean(1, keepdims=True), pose - pose.mean(0)
    plane_p, plane_t = p[..., 0] + 1j * p[..., 1], t[:, 0] + 1j * t[:, 1]  # a turn about z is a factor of length 1
    turn = (plane_p.conj() * plane_t).sum(1, keepdims=True)
    plane_p = plane_p * turn / np.maximum(np.abs(turn), 1e-12)
    turned = np.stack([plane_p.real, plane_p.imag, p[..., 2]], -1)
    scale = (turned * t).sum((1, 2)) / (turned * turned).sum((1, 2))
    return metrics.joint_errors(scale[:, None, None] * turned, np.broadcast_to(t, turned.shape)).mean(-1)


def measure(data: Path, models: Path, before: Path | None, prior_subjects: Sequence[str]) -> list[Take]:
    """All test takes, the worst first.

    Args:
        data: folder of sequences.h5 and keypoints2d.h5.
        models: folder of repnet.pt and temporal.pt.
        before: folder of an older temporal.pt, which lifts the same keypoints; None: there is none.
        prior_subjects: whose 3D poses the lifters learnt from, of sequences.h5.
    """
    sequences = read_sequences(data / "sequences.h5", read_splits(data / "sequences.h5")["test"])
    check_3d(sequences, data / "sequences.h5")
    detections = read_keypoints2d(data / "keypoints2d.h5", sequences)
    lifters = {"single": load_lifter(models / "repnet.pt"), "temporal": load_lifter(models / "temporal.pt")}
    if before is not None:
        lifters["before"] = load_lifter(before / "temporal.pt")
    prior = prior_poses(read_sequences(data / "sequences.h5", prior_subjects), PRIOR_POSES)
    motions = {(s.subject, s.action): s.poses_world_m[::EVERY] for s in sequences}  # all cameras see the same
    nearest_mm = {motion: nearest_prior_mm(prior, poses) for motion, poses in motions.items()}
    takes = [
        lift_take(sequence, detected, lifters, nearest_mm[sequence.subject, sequence.action])
        for sequence, detected in zip(sequences, detections, strict=True)
    ]
    return sorted(takes, key=lambda take: -take.row["temporal_mm"])


def lift_take(
    sequence: PoseSequence, detected: Keypoints2D, lifters: dict[str, Lifter], nearest_mm: tuple[np.ndarray, np.ndarray]
) -> Take:
    """Lift one take from detected and from true 2D.

    Args:
        sequence, detected: T frames.
        lifters: "single", "temporal" and maybe "before".
        nearest_mm: of :func:`nearest_prior_mm`.
    """
    true_2d = Keypoints2D(sequence.keypoints_px, np.ones(sequence.keypoints_px.shape[:2]))
    lifted = {name: _lifted(lifter, sequence, detected) for name, lifter in lifters.items()}
    of_true_2d = {name: _lifted(lifters[name], sequence, true_2d) for name in ("single", "temporal")}
    exchanged = exchanged_sides(detected.keypoints_px, sequence.keypoints_px, sequence.boxes_px)
    sides_right = Keypoints2D(sides_put_right(detected.keypoints_px, exchanged), detected.confidence)
    row = {
        "frames": len(sequence),
        **{f"{name}_mm": float(pa_mm(poses, sequence).mean()) for name, poses in lifted.items()},
        "sides_right_mm": float(pa_mm(_lifted(lifters["temporal"], sequence, sides_right), sequence).mean()),
        **{f"{name}_true_2d_mm": float(pa_mm(poses, sequence).mean()) for name, poses in of_true_2d.items()},
        "error_px": float(metrics.joint_errors(detected.keypoints_px, sequence.keypoints_px).mean()),
        "exchanged_percent": 100 * float(exchanged.any(1).mean()),
        "nearest_prior_mm": float(nearest_mm[0].mean()),
        "upright_prior_mm": float(nearest_mm[1].mean()),
    }
    poses = lifted | {"true_2d": of_true_2d["temporal"]}
    return Take(sequence, detected, {name: poses[name] for name in TITLES if name in poses}, row)


def _lifted(lifter: Lifter, sequence: PoseSequence, keypoints: Keypoints2D) -> np.ndarray:
    return lift_detections(lifter, [sequence], [keypoints])[0].poses_cam_m


def table_of(takes: Sequence[Take]) -> pd.DataFrame:
    """One line a take, by its key; lengths in mm are means of PA-MPJPE over its frames."""
    return pd.DataFrame([take.row for take in takes], index=[take.sequence.key for take in takes]).rename_axis("take")


def markdown(table: pd.DataFrame, count: int) -> str:
    """The first ``count`` takes, then the mean over the frames of all."""
    names = [name for name in COLUMNS if name in table]
    shown = table.head(count)
    every = table.mul(table["frames"], axis=0).sum() / table["frames"].sum()
    every["frames"] = table["frames"].sum()
    rows = [*shown.iterrows(), (f"all {len(table)} test takes", every)]
    lines = [f"| {key} | {' | '.join(_cell(name, row[name]) for name in names)} |" for key, row in rows]
    head = f"| take | {' | '.join(COLUMNS[name] for name in names)} |\n|---|{'---|' * len(names)}"
    return "\n".join([head, *lines])


def _cell(name: str, value: float) -> str:
    return f"{value:,.0f}" if name in ("frames", "exchanged_percent") else f"{value:.1f}"


def draw(takes: Sequence[Take], frames: Path) -> Figure:
    """One take a row at its worst frame: its 2D, and each of its lifted poses over the truth."""
    names = list(takes[0].poses_cam_m)
    n_columns = 1 + len(names)
    figure = figures.new_figure((CELL_IN * n_columns, 1.1 * CELL_IN * len(takes)), layout=None)
    figure.subplots_adjust(
        left=0.005, right=0.995, bottom=0.003, top=1 - 0.2 / (1.1 * CELL_IN * len(takes)), wspace=0.03, hspace=0.14
    )
    for row, take in enumerate(takes):
        frame, sequence = take.worst_frame, take.sequence
        axes = figure.add_subplot(len(takes), n_columns, row * n_columns + 1)
        image_rgb = next(read_rgb(frames, sequence, [frame]))
        figures.draw_overlay(axes, image_rgb, take.detected.keypoints_px[frame], sequence.boxes_px[frame])
        _draw_true_2d(axes, sequence.keypoints_px[frame])
        axes.set_title(f"{sequence.key}, {frame}", fontsize=6)
        truth_m = metrics.root_relative(sequence.poses_cam_m[frame])
        for column, name in enumerate(names, 2):
            pose_m = take.poses_cam_m[name][frame]
            axes_3d = figures.add_axes_3d(figure, len(takes), n_columns, row * n_columns + column)
            figures.draw_pose_3d(axes_3d, metrics.root_relative(pose_m), truth_m)
            axes_3d.set_title(f"{TITLES[name]}, {1000 * metrics.pa_mpjpe(pose_m, truth_m):.0f} mm", fontsize=6.5)
    return figure


def _draw_true_2d(axes: Axes, keypoints_px: np.ndarray) -> None:
    """Wide and grey, under the detected skeleton."""
    for parent, child in BONES:
        x, y = keypoints_px[[parent, child]].T
        axes.plot(x, y, color=figures.bone_colour(child, truth=True), lw=4, zorder=1.5, solid_capstyle="round")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), metavar="FOLDER", help="by default data")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="by default models in --data")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="of an older temporal.pt to compare with")
    parser.add_argument("--prior", nargs="+", default=["S7"], help="subjects whose 3D poses the lifters learnt from")
    parser.add_argument("--count", type=int, default=10, help="how many takes are drawn and printed, by default 10")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where table and picture go")
    given = parser.parse_args()
    models = given.models or given.data / "models"
    require_files(*(given.data / f"{name}.h5" for name in ("sequences", "keypoints2d", "frames")))
    require_files(*(models / f"{name}.pt" for name in ("repnet", "temporal")))
    takes = measure(given.data, models, given.before, given.prior)
    table = table_of(takes)
    given.out.mkdir(parents=True, exist_ok=True)
    write_text(given.out / "worst_takes.csv", table.round(2).to_csv())
    figures.save_png(draw(takes[: given.count], given.data / "frames.h5"), given.out / "worst_takes.png")
    print(markdown(table, given.count))


if __name__ == "__main__":
    end_in_one_sentence(main, "nothing was written")
