"""How well people stand in the world: root error with the height known, which way is up, feet in contact.

    python -m benchmarks.standing [--subjects S8] [--sequences data/sequences.h5] [--keypoints data/keypoints2d.h5]
        [--lifter data/models/temporal.pt] [--bodies data/bodies.h5] [--frames data/frames.h5]

Without ``--bodies`` (``--bodies ''``) heights are those of the true skeletons; without ``--frames`` no picture is
looked at. The validation subject S8 chose all constants of src/pose3d/world. docs/world.md has the figures.

True contact: the ankle is slower than 0.4 m/s, and less than 0.15 m above the floor or within 0.05 m of a height at
which an ankle of the take rests (0.2 s slower than 0.1 m/s), because people climb.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import ROOT
from pose3d.lifting.lift import lift_keypoints, load_lifter
from pose3d.lifting.networks import Lifter
from pose3d.records.hdf5 import open_hdf5
from pose3d.records.keypoints2d import Keypoints2D, read_keypoints2d
from pose3d.records.sequences import PoseSequence, read_sequences
from pose3d.runtime.errors import InputError
from pose3d.synthetic.body import read_body
from pose3d.world.contacts import FEET
from pose3d.world.standing import Standing, stand
from pose3d.world.stature import height_factors, standing_height
from pose3d.world.up import edge_planes, leg_directions, up_direction

PITCHES_DEG = (-30, -15, 0, 15, 30)
SLOW_M_S, RESTING_M_S, RESTING_S = 0.4, 0.1, 0.2
ABOVE_FLOOR_M, NEAR_M = 0.15, 0.05


def true_contacts(poses_world_m: np.ndarray, fps: float) -> np.ndarray:
    """(T, 2) bool of right and left foot, from true (T, 17, 3) poses with the floor at 0; defined in the module."""
    ankles_m = np.asarray(poses_world_m[:, list(FEET)], np.float64)
    if len(ankles_m) < 2:
        return np.zeros((len(ankles_m), 2), bool)
    speed = np.linalg.norm(np.gradient(ankles_m, 1 / fps, axis=0), axis=-1)
    heights = ankles_m[..., 2]
    supported = heights < ABOVE_FLOOR_M
    for foot in range(2):
        for run in _runs(speed[:, foot] < RESTING_M_S):
            if run.stop - run.start >= RESTING_S * fps:
                supported |= np.abs(heights - np.median(heights[run, foot])) < NEAR_M
    return (speed < SLOW_M_S) & supported


def _runs(values: np.ndarray) -> Iterable[slice]:
    """Where values are True without a break."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], values.astype(int), [0]])))
    return (slice(start, stop) for start, stop in edges.reshape(-1, 2).tolist())


def sliding_m(poses_world_m: np.ndarray, contact: np.ndarray) -> np.ndarray:
    """How far (N,) feet move over the floor from a frame to the next, both in contact."""
    steps = np.linalg.norm(np.diff(poses_world_m[:, list(FEET), :2], axis=0), axis=-1)
    return steps[contact[1:] & contact[:-1]]


def f1(found: np.ndarray, true: np.ndarray) -> float:
    """Of bool arrays."""
    return float(2 * (found & true).sum() / max(1, found.sum() + true.sum()))


def turned_keypoints(camera: Camera, keypoints_px: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Where a camera turned by a (3, 3) rotation of its space sees (T, 17, 2) keypoints."""
    plane = camera.normalize(keypoints_px)
    rays = np.concatenate([plane, np.ones((*plane.shape[:-1], 1))], -1) @ rotation.T
    return camera.project(rays)


def pitched_by(angle_deg: float) -> np.ndarray:
    """(3, 3) of camera space: the camera's pitch rises by that much."""
    cosine, sine = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])


def up_errors_deg(
    lifter: Lifter, sequence: PoseSequence, detected: Keypoints2D, planes: np.ndarray | None
) -> dict[int, float]:
    """Error of the direction upwards by the pitch that the camera is turned to; keypoints are lifted anew for each."""
    up = sequence.camera.rotation[:, 2]
    own_deg = np.degrees(np.arctan2(up[2], -up[1]))
    errors = {}
    for pitch_deg in PITCHES_DEG:
        rotation = pitched_by(pitch_deg - own_deg)
        keypoints_px = turned_keypoints(sequence.camera, detected.keypoints_px, rotation)
        poses = lift_keypoints(lifter, sequence.camera, keypoints_px, sequence.fps).poses_cam_m
        turned = None if planes is None else planes @ rotation.T
        found = up_direction(leg_directions(poses.astype(np.float64)), turned)
        errors[pitch_deg] = float(np.degrees(np.arccos(np.clip(found @ rotation @ up, -1, 1))))
    return errors


def first_picture(frames: Path, key: str) -> np.ndarray:
    """(H, W, 3) uint8, BGR."""
    with open_hdf5(frames) as file:
        group = file[key]
        start, stop = group["offsets"][:2]
        return cv2.imdecode(group["encoded"][start:stop], cv2.IMREAD_COLOR)


def measure(
    sequences: list[PoseSequence],
    detections: list[Keypoints2D],
    lifter: Lifter,
    bodies: Path | None = None,
    frames: Path | None = None,
) -> dict:
    """All figures; see the table of docs/world.md."""
    roots: dict[str, list[np.ndarray]] = {"as_lifted": [], "height_known": []}
    slid: dict[str, list[np.ndarray]] = {name: [] for name in ("truth", "lifted", "found", "true_contacts")}
    found, true, shifted, up_deg, up_by_legs_deg = [], [], [], [], []
    for sequence, detected in zip(sequences, detections, strict=True):
        camera, n_frames = sequence.camera, len(sequence)
        time_s, everywhere = np.arange(n_frames) / sequence.fps, np.ones(n_frames, bool)
        lifted = lift_keypoints(lifter, camera, detected.keypoints_px, sequence.fps).poses_cam_m.astype(np.float64)
        height_m = _height(sequence, bodies)
        factors = height_factors(
            lifted, camera, detected.keypoints_px, detected.confidence, everywhere, time_s, height_m
        )
        for name, poses in (("as_lifted", lifted), ("height_known", lifted * factors[:, None, None])):
            roots[name].append(np.linalg.norm(poses[:, ROOT] - sequence.poses_cam_m[:, ROOT], axis=-1))
        planes = None if frames is None else edge_planes(first_picture(frames, sequence.key), camera)
        standing = stand(lifted, camera, detected.keypoints_px, everywhere, time_s, edge_planes=planes)
        contact = true_contacts(sequence.poses_world_m, sequence.fps)
        found.append(standing.contact)
        true.append(contact)
        world = standing.poses_world_m[:]
        slid["truth"].append(sliding_m(sequence.poses_world_m, contact))
        slid["lifted"].append(sliding_m(camera.camera_to_world(lifted), contact))
        slid["found"].append(sliding_m(world, standing.contact))
        slid["true_contacts"].append(sliding_m(world, contact))
        shifted.append(np.linalg.norm(_reprojected(camera, world, standing) - camera.project(lifted), axis=-1).ravel())
        up_deg.append(up_errors_deg(lifter, sequence, detected, planes))
        up_by_legs_deg.append(up_errors_deg(lifter, sequence, detected, None))
    all_shifted = np.concatenate(shifted)
    report = {
        "sequences": len(sequences),
        "frames": sum(map(len, sequences)),
        "root_error_mm": {name: _mm(values) for name, values in roots.items()},
        "contact_share": round(float(np.concatenate(true).mean()), 3),
        "contact_f1": round(f1(np.concatenate(found), np.concatenate(true)), 3),
        "sliding_mm_per_frame": {name: _mm(values) for name, values in slid.items()},
        "reprojection_moved_px": {
            "mean": round(float(all_shifted.mean()), 2),
            "95th_percentile": round(float(np.percentile(all_shifted, 95)), 2),
        },
        "up_error_median_deg": _by_pitch(up_deg),
        "up_error_median_deg_without_picture": _by_pitch(up_by_legs_deg),
    }
    return report


def _height(sequence: PoseSequence, bodies: Path | None) -> float:
    if bodies is None:
        return standing_height(sequence.poses_world_m)
    return float(np.ptp(read_body(bodies, sequence.subject).vertices_m[:, 2]))


def _reprojected(camera: Camera, world_m: np.ndarray, standing: Standing) -> np.ndarray:
    camera_from_world = np.linalg.inv(standing.world_from_camera)
    return camera.project(world_m @ camera_from_world[:3, :3].T + camera_from_world[:3, 3])


def _mm(values: list[np.ndarray]) -> float | None:
    together = np.concatenate(values)
    return round(1000 * float(together.mean()), 1) if len(together) else None


def _by_pitch(errors: list[dict[int, float]]) -> dict[str, float]:
    every = {str(pitch): [one[pitch] for one in errors] for pitch in PITCHES_DEG}
    every["all"] = [error for values in every.values() for error in values]
    return {pitch: round(float(np.median(values)), 2) for pitch, values in every.items()}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", nargs="+", default=["S8"])
    parser.add_argument("--sequences", default="data/sequences.h5", metavar="H5")
    parser.add_argument("--keypoints", default="data/keypoints2d.h5", metavar="H5")
    parser.add_argument("--lifter", default="data/models/temporal.pt", metavar="PT")
    parser.add_argument("--bodies", default="data/bodies.h5", metavar="H5")
    parser.add_argument("--frames", default="data/frames.h5", metavar="H5")
    given = parser.parse_args(arguments)
    sequences = read_sequences(given.sequences, given.subjects)
    detections = read_keypoints2d(given.keypoints, sequences)
    bodies, frames = (Path(name) if name else None for name in (given.bodies, given.frames))
    print(json.dumps(measure(sequences, detections, load_lifter(given.lifter), bodies, frames), indent=2))


if __name__ == "__main__":
    try:
        main()
    except InputError as problem:
        sys.exit(f"error: {problem}")
