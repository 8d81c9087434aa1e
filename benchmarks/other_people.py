"""What lifters make of people and cameras that they did not learn from (docs/other_people.md).

    python -m benchmarks.other_people [--data data] [--models data/models] [--output people.json]

Takes the validation subject's takes, changes the scene, and lifts what the camera would see then. Detection errors are
carried over: how far each keypoint was detected from the true one, over the person's 2D size, turned with the picture.
That leaves the detector's part out, which may do worse on a child or from above.

- looks down: the camera goes round the person's mean place, at the same distance, until it looks down by so much.
- focal length: the person is as many times as far away in every frame, and so looks as large; perspective differs.
- size: the whole take is scaled about the floor below it, and the camera stays.
- roll: the camera turns about its optical axis.

With the height known means scaled as `pose3d predict --height` does it (docs/world.md).
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pose3d.evaluation import coverage
from pose3d.evaluation.coverage import intervals_of
from pose3d.evaluation.metrics import joint_errors, mpjpe, n_mpjpe, pa_mpjpe
from pose3d.evaluation.tables import LIFTERS, millimetres
from pose3d.geometry.camera import Camera
from pose3d.geometry.rotations import least_rotation, rotation_about_z, unit
from pose3d.geometry.skeleton import JOINT_NAMES, ROOT
from pose3d.lifting.lift import Lifted, lift, load_lifter
from pose3d.lifting.networks import Lifter
from pose3d.lifting.prior import vary_bone_lengths
from pose3d.lifting.virtual_camera import view_from_image_plane
from pose3d.records.keypoints2d import Keypoints2D, read_keypoints2d
from pose3d.records.sequences import PoseSequence, check_3d, read_sequences, read_splits
from pose3d.runtime.errors import end_in_one_sentence
from pose3d.runtime.files import require_files, write_text
from pose3d.world.stature import height_factors, standing_height

HEIGHT_KNOWN = "height_known_"
COLUMNS = {
    "mpjpe_mm": "MPJPE mm",
    "n_mpjpe_mm": "N-MPJPE mm",
    "pa_mpjpe_mm": "PA-MPJPE mm",
    "root_error_mm": "root mm",
    "coverage90_across": "inside across",
    "coverage90_along": "inside along",
    f"{HEIGHT_KNOWN}mpjpe_mm": "height known: MPJPE mm",
    f"{HEIGHT_KNOWN}root_error_mm": "root mm",
    f"{HEIGHT_KNOWN}coverage90_across": "inside across",
    f"{HEIGHT_KNOWN}coverage90_along": "inside along",
}

LEGS, ARMS, HEAD = (
    [JOINT_NAMES.index(joint) - 1 for joint in joints]
    for joints in (
        ("RKnee", "RFoot", "LKnee", "LFoot"),
        ("LElbow", "LWrist", "RElbow", "RWrist"),
        ("Neck/Nose", "Head"),
    )
)
"""Bones, by the joints that they end in."""


def seen_by(sequence: PoseSequence, poses_world_m: np.ndarray, camera: Camera) -> PoseSequence:
    """The take with other (T, 17, 3) poses and another camera; boxes and landmarks are left as they were."""
    poses_cam_m = camera.world_to_camera(poses_world_m)
    keypoints_px = camera.project(poses_cam_m)
    return replace(
        sequence, camera=camera, poses_world_m=poses_world_m, poses_cam_m=poses_cam_m, keypoints_px=keypoints_px
    )


def looked_down_on(sequence: PoseSequence, down_deg: float) -> PoseSequence:
    """Seen by a camera that went round the person's mean place until its sight line there falls by so many degrees."""
    camera, down = sequence.camera, np.radians(down_deg)
    middle_m = sequence.poses_world_m[:, ROOT].mean(0, dtype=np.float64)
    sight = middle_m - camera.position_m
    ahead = unit(sight * [1, 1, 0])
    turn = least_rotation(sight, np.cos(down) * ahead - np.sin(down) * np.array([0.0, 0, 1]))
    rotation = camera.rotation @ turn.T
    translation_m = camera.world_to_camera(middle_m) - rotation @ middle_m
    return seen_by(sequence, sequence.poses_world_m, replace(camera, rotation=rotation, translation_m=translation_m))


def through_focal_length(sequence: PoseSequence, factor: float) -> PoseSequence:
    """With so many times the focal length, the person as many times as far along the optical axis in each frame."""
    camera, poses_m = sequence.camera, np.asarray(sequence.poses_world_m, np.float64)
    intrinsics_px = camera.intrinsics_px.copy()
    intrinsics_px[:2, :2] *= factor
    depth_m = sequence.poses_cam_m[:, ROOT, 2].astype(np.float64)
    farther_m = (factor - 1) * depth_m[:, None, None] * camera.rotation[2]
    return seen_by(sequence, poses_m + farther_m, replace(camera, intrinsics_px=intrinsics_px))


def of_body(
    sequence: PoseSequence, scale: float, legs: float = 1.0, arms: float = 1.0, head: float = 1.0
) -> PoseSequence:
    """Of somebody so many times as large, whose legs, arms and head are changed by further factors."""
    poses_m = np.asarray(sequence.poses_world_m, np.float64)
    factors = np.ones(poses_m.shape[1] - 1)
    factors[LEGS], factors[ARMS], factors[HEAD] = legs, arms, head
    changed_m = vary_bone_lengths(torch.from_numpy(poses_m[None]), torch.from_numpy(factors[None]))[0].numpy()
    changed_m[..., 2] += poses_m[..., 2].min() - changed_m[..., 2].min()
    below_m = poses_m[:, ROOT].mean(0) * [1, 1, 0]
    return seen_by(sequence, below_m + scale * (changed_m - below_m), sequence.camera)


def rolled(sequence: PoseSequence, roll_deg: float) -> PoseSequence:
    """Seen by a camera turned about its optical axis."""
    camera, angle = sequence.camera, np.radians(roll_deg)
    turn = rotation_about_z(np.cos(angle), np.sin(angle))
    return seen_by(
        sequence,
        sequence.poses_world_m,
        replace(camera, rotation=turn @ camera.rotation, translation_m=turn @ camera.translation_m),
    )


@dataclass(frozen=True)
class Scene:
    """A row of the table: what is changed, to what, and how."""

    what: str
    to: str
    change: Callable[[PoseSequence], PoseSequence]


SCENES = (
    Scene("nothing", "", lambda sequence: sequence),
    *(
        Scene("looks down", f"{deg}°", partial(looked_down_on, down_deg=deg))
        for deg in (-20, -10, 0, 5, 15, 30, 45, 60)
    ),
    *(Scene("focal length", f"x {f:g}", partial(through_focal_length, factor=f)) for f in (0.5, 0.7, 1.5, 2.5)),
    *(Scene("size", f"x {s:g}", partial(of_body, scale=s)) for s in (0.5, 0.65, 0.8, 0.9, 1.1, 1.2)),
    Scene("size", "child, x 0.65", partial(of_body, scale=0.65, legs=0.85, arms=0.9, head=1.2)),
    *(Scene("roll", f"{deg}°", partial(rolled, roll_deg=deg)) for deg in (10, 20, 45, 90)),
)


def carried_over(sequence: PoseSequence, detected: Keypoints2D, changed: PoseSequence) -> np.ndarray:
    """Keypoints (T, 17, 2) of the changed take, px, with the errors that those of the take were detected with."""
    before, after = (one.camera.normalize(one.keypoints_px) for one in (sequence, changed))
    errors = (sequence.camera.normalize(detected.keypoints_px) - before) / _sizes(before)
    plane = after + errors @ _turn_of_picture(sequence.camera, changed.camera).T * _sizes(after)
    return changed.camera.project(np.concatenate([plane, np.ones((*plane.shape[:-1], 1))], -1))


def _sizes(plane: np.ndarray) -> np.ndarray:
    """(T, 1, 1) of (T, 17, 2)."""
    return view_from_image_plane(torch.from_numpy(plane)).scale.numpy()[:, None, None]


def _turn_of_picture(before: Camera, after: Camera) -> np.ndarray:
    """(2, 2) rotation in the picture: of the turn from one camera to another, the part about the optical axis."""
    turn = after.rotation @ before.rotation.T
    cosine, sine = turn[0, 0] + turn[1, 1], turn[1, 0] - turn[0, 1]
    return np.array([[cosine, -sine], [sine, cosine]]) / np.hypot(cosine, sine)


def measure(lifter: Lifter, sequences: list[PoseSequence], detections: list[Keypoints2D], scene: Scene) -> dict:
    """Figures of a scene, by the names of :data:`COLUMNS`; those of error bars where the lifter has any."""
    changed, lifted, known = [], [], []
    for sequence, detected in zip(sequences, detections, strict=True):
        take = scene.change(sequence)
        keypoints_px = carried_over(sequence, detected, take)
        one = lift(lifter, take, keypoints_px)
        changed.append(take)
        lifted.append(one)
        known.append(_with_height(one, take, keypoints_px, detected.confidence))
    truth = np.concatenate([one.poses_cam_m for one in changed])
    figures: dict[str, float | None] = {}
    for prefix, clips in (("", lifted), (HEIGHT_KNOWN, known)):
        poses = np.concatenate([one.poses_cam_m for one in clips])
        errors = {"mpjpe_mm": mpjpe, "pa_mpjpe_mm": pa_mpjpe, "n_mpjpe_mm": n_mpjpe}
        figures |= {prefix + name: millimetres(error(poses, truth)) for name, error in errors.items()}
        figures[f"{prefix}root_error_mm"] = millimetres(joint_errors(poses, truth)[:, ROOT])
        if lifter.spread is not None:
            inside = coverage.summary(intervals_of(changed, clips, lifter.spread.relative_factors()))
            figures |= {prefix + name: figure for name, figure in inside.items()}
    return figures


def _with_height(
    lifted: Lifted[np.ndarray], take: PoseSequence, keypoints_px: np.ndarray, confidence: np.ndarray
) -> Lifted[np.ndarray]:
    """At the size that the true skeleton says."""
    everywhere, time_s = np.ones(len(take), bool), np.arange(len(take)) / take.fps
    poses_cam_m, height_m = lifted.poses_cam_m.astype(np.float64), standing_height(take.poses_world_m)
    factors = height_factors(poses_cam_m, take.camera, keypoints_px, confidence, everywhere, time_s, height_m)
    return lifted.each(lambda rows: rows * factors[:, None, None])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="has sequences.h5 and keypoints2d.h5")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="of repnet.pt, temporal.pt; models in --data")
    parser.add_argument("--lifters", nargs="+", default=LIFTERS, choices=LIFTERS)
    parser.add_argument("--output", type=Path, metavar="JSON", help="also write the figures there")
    given = parser.parse_args(arguments)
    models = given.models or given.data / "models"
    files = {name: models / f"{name}.pt" for name in given.lifters}
    require_files(given.data / "sequences.h5", given.data / "keypoints2d.h5", *files.values())
    sequences = read_sequences(given.data / "sequences.h5", read_splits(given.data / "sequences.h5")["validation"])
    check_3d(sequences, given.data / "sequences.h5")
    detections = read_keypoints2d(given.data / "keypoints2d.h5", sequences)
    print("| lifter | changed | to |", " | ".join(COLUMNS.values()), "|\n" + "|---" * (3 + len(COLUMNS)) + "|")
    rows = []
    for name, file in files.items():
        lifter = load_lifter(file)
        for scene in SCENES:
            figures = measure(lifter, sequences, detections, scene)
            rows.append({"lifter": name, "changed": scene.what, "to": scene.to, **figures})
            cells = [_cell(column, figures.get(column)) for column in COLUMNS]
            print(f"| {name} | {scene.what} | {scene.to} | {' | '.join(cells)} |", flush=True)
    if given.output:
        write_text(given.output, json.dumps(rows, indent=2) + "\n")


def _cell(column: str, figure: float | None) -> str:
    if figure is None:
        return ""
    return f"{figure:.1f}" if column.endswith("_mm") else f"{figure:.2f}"


if __name__ == "__main__":
    end_in_one_sentence(main, "nothing was written")
