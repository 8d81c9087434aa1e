"""Pictures and the video of what the models make of test subjects."""

from pathlib import Path

from pose3d.evaluation import metrics
from pose3d.evaluation.examples import error_over_time_mm, example_frames, median_sequence
from pose3d.evaluation.scoring import Predictions
from pose3d.evaluation.tables import LIFTERS, action_name
from pose3d.records.frames import read_rgb
from pose3d.runtime.files import write_text
from pose3d.show import figures, video
from pose3d.show.webm import write_webm

CLIP_S = 6.0


def draw_panel(path: Path, frames: Path, done: Predictions, percentiles: tuple[float, ...]) -> None:
    """Frames at fixed percentiles of the temporal model's error, one a row.

    Args:
        path: the PNG to write.
        frames: frames.h5.
        done: sequences and what the models made of them.
        percentiles: of the error, 0 to 100.
    """
    rows = []
    for i, t in example_frames(done.sequences, done.poses_cam_m["temporal"], percentiles, done.found):
        sequence = done.sequences[i]
        truth = sequence.poses_cam_m[t]
        poses = {name: done.poses_cam_m[name][i][t] for name in LIFTERS}
        row = {
            "title": f"{action_name(sequence.action)}, {sequence.camera.id}",
            "image_rgb": next(read_rgb(frames, sequence, [t])),
            "keypoints_px": figures.reproject(sequence.camera, poses["temporal"]),
            "box_px": sequence.boxes_px[t],
            "truth_m": metrics.root_relative(truth),
            "methods": {n: (metrics.root_relative(p), 1000 * metrics.mpjpe(p, truth)) for n, p in poses.items()},
        }
        rows.append(row)
    figures.save_png(figures.panel(rows), path)


def draw_clip(folder: Path, frames: Path, done: Predictions) -> None:
    """Errors over time and the video, both of the sequence of median error.

    Args:
        folder: to write to.
        frames: frames.h5.
        done: what the models made of the sequences.
    """
    i = median_sequence(done.sequences, done.poses_cam_m["temporal"], done.found)
    sequence, poses = done.sequences[i], {name: done.poses_cam_m[name][i] for name in LIFTERS}
    table = error_over_time_mm(sequence, poses)
    write_text(folder / "error_over_time.csv", table.to_csv())
    figures.save_png(figures.error_over_time_figure(table, sequence.key), folder / "error_over_time.png")

    shown = slice(0, min(len(sequence), max(1, round(CLIP_S * sequence.fps))))
    truth, single, temporal = (p[shown] for p in (sequence.poses_cam_m, poses["repnet"], poses["temporal"]))
    panels = video.side_by_side(
        read_rgb(frames, sequence, range(shown.stop)),
        sequence.fps,
        figures.reproject(sequence.camera, temporal),
        sequence.boxes_px[shown],
        video.demo_poses(single, temporal, truth, done.has_root["repnet"]),
        sequence.camera.rotation[:, 2],
    )
    write_webm(folder / "demo.webm", panels, sequence.fps)
