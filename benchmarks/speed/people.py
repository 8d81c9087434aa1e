"""People made of random numbers: limbs of a person's size that swing, seen by four cameras.

The benchmark asks how fast, and never how well, so it needs no data set; sizes and ranges are those of real ones.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import N_JOINTS, PARENTS
from pose3d.lifting.supervision import Supervision
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import PoseSequence

CAMERAS = 4
_INTRINSICS = np.array([[1.145, 0, 0.5125], [0, 1.1438, 0.5155], [0, 0, 1]])  # in widths of the picture
_DISTANCE_M, _HEIGHT_M, _HIP_M = 5.0, 1.6, 0.95
_SPREAD_PX = 4.0  # of the detections
# Child minus parent by joint, metres, z up, of somebody who looks along -y.
_OFFSETS_M = np.zeros((N_JOINTS, 3))
_OFFSETS_M[[1, 4]] = [[-0.13, 0, 0], [0.13, 0, 0]]
_OFFSETS_M[[2, 5]] = [0, 0, -0.45]
_OFFSETS_M[[3, 6]] = [0, 0, -0.44]
_OFFSETS_M[[7, 8, 9, 10]] = [[0, 0, 0.24], [0, 0, 0.25], [0, -0.03, 0.11], [0, 0, 0.12]]
_OFFSETS_M[[11, 14]] = [[0.15, 0, -0.02], [-0.15, 0, -0.02]]
_OFFSETS_M[[12, 15]] = [0, 0, -0.28]
_OFFSETS_M[[13, 16]] = [0, 0, -0.25]


def camera_ring(size_px: int) -> list[Camera]:
    """Cameras with square pictures around the origin that look at a person's hip, without distortion."""
    intrinsics_px = _INTRINSICS * [[size_px], [size_px], [1]]
    cameras = []
    for number, angle in enumerate(0.4 + 2 * np.pi * np.arange(CAMERAS) / CAMERAS):
        position = np.array([_DISTANCE_M * np.cos(angle), _DISTANCE_M * np.sin(angle), _HEIGHT_M])
        forward = np.array([0, 0, _HIP_M]) - position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        size = (size_px, size_px)
        cameras.append(Camera(f"cam{number}", *size, intrinsics_px, np.zeros(5), rotation, -rotation @ position))
    return cameras


def swinging_poses(rng: np.random.Generator, frames: int, fps: float) -> np.ndarray:
    """(T, 17, 3) world, metres: every limb swings at its own rate, the body turns and walks a little."""
    time_s = np.arange(frames)[:, None] / fps
    heading = rng.uniform(0, 2 * np.pi) + 0.5 * np.sin(time_s)
    turned = [Rotation.from_rotvec(heading * [0, 0, 1.0])] * N_JOINTS
    poses = np.zeros((frames, N_JOINTS, 3))
    poses[:, 0] = np.concatenate([0.4 * np.sin(time_s * rng.uniform(0.3, 1, 2)), np.full((frames, 1), _HIP_M)], -1)
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            continue
        swing = rng.uniform(0.05, 0.4) * np.sin(rng.uniform(1, 5, 3) * time_s + rng.uniform(0, 6, 3))
        turned[joint] = turned[parent] * Rotation.from_rotvec(swing)
        poses[:, joint] = poses[:, parent] + turned[joint].apply(_OFFSETS_M[joint])
    return poses


def take(
    subject: str, action: str, frames: int, seed: int, fps: float = 25.0, size_px: int = 1000
) -> list[PoseSequence]:
    """One take seen by every camera."""
    poses = swinging_poses(np.random.default_rng(seed), frames, fps).astype(np.float32)
    sequences = []
    for camera in camera_ring(size_px):
        in_camera = camera.world_to_camera(poses)
        keypoints = camera.project(in_camera)
        boxes = np.concatenate([keypoints.min(1) - 10, keypoints.max(1) + 10], -1)
        arrays = (array.astype(np.float32) for array in (poses, in_camera, keypoints, boxes))
        sequences.append(PoseSequence(subject, action, camera, fps, *arrays))
    return sequences


def detections(sequences: list[PoseSequence], seed: int) -> list[Keypoints2D]:
    """The true keypoints with noise."""
    rng = np.random.default_rng(seed)
    return [
        Keypoints2D(
            (s.keypoints_px + rng.normal(scale=_SPREAD_PX, size=s.keypoints_px.shape)).astype(np.float32),
            np.ones(s.keypoints_px.shape[:2], np.float32),
        )
        for s in sequences
    ]


def supervision(takes: int, frames: int) -> Supervision:
    """2D of some takes, unpaired 3D of as many others; ``frames`` in each of a take's four sequences."""
    seen = [sequence for number in range(takes) for sequence in take("S1", f"Swing-{number}", frames, number)]
    prior = [sequence for number in range(takes) for sequence in take("S7", f"Swing-{number}", frames, takes + number)]
    return Supervision(seen, detections(seen, 0), prior)
