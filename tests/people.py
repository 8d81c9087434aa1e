"""People made of random numbers for tests: limbs of a person's size that swing, seen by cameras like Human3.6M's."""

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.geometry.camera import Camera, crop_from_image
from pose3d.geometry.skeleton import N_JOINTS, PARENTS
from pose3d.records.encoded_images import write_encoded_images
from pose3d.records.hdf5 import create_hdf5, write_dataset
from pose3d.records.keypoints2d import Keypoints2D, write_keypoints2d
from pose3d.records.sequences import PoseSequence, write_sequences

SPLITS = {"train": ["S1", "S7"], "validation": ["S8"], "test": ["S9", "S11"]}
INTRINSICS_PX = np.array([[1145.0, 0, 512.5], [0, 1143.8, 515.5], [0, 0, 1]])
DISTORTION = np.array([-0.2071, 0.2478, -0.00098, -0.00142, -0.0031])
# Child minus parent in the world (x left of somebody who looks along -y, z up), metres, by joint.
OFFSETS_M = np.zeros((N_JOINTS, 3))
OFFSETS_M[[1, 4]] = [[-0.13, 0, 0], [0.13, 0, 0]]
OFFSETS_M[[2, 5]] = [0, 0, -0.45]
OFFSETS_M[[3, 6]] = [0, 0, -0.44]
OFFSETS_M[[7, 8, 9, 10]] = [[0, 0, 0.24], [0, 0, 0.25], [0, -0.03, 0.11], [0, 0, 0.12]]
OFFSETS_M[[11, 14]] = [[0.15, 0, -0.02], [-0.15, 0, -0.02]]
OFFSETS_M[[12, 15]] = [0, 0, -0.28]
OFFSETS_M[[13, 16]] = [0, 0, -0.25]


def looking_at(target_m: np.ndarray, position_m: np.ndarray, camera_id: str) -> Camera:
    """A distorted camera without roll at a position in the world."""
    z = (target_m - position_m) / np.linalg.norm(target_m - position_m)
    x = np.cross(z, [0, 0, 1.0])
    x /= np.linalg.norm(x)
    rotation = np.stack([x, np.cross(z, x), z])
    return Camera(camera_id, 1000, 1000, INTRINSICS_PX, DISTORTION, rotation, -rotation @ position_m)


def camera_ring(n: int = 2, distance_m: float = 5.0, height_m: float = 1.6) -> list[Camera]:
    """Cameras around the origin, cam0, cam1, ..."""
    angles = 0.4 + 2 * np.pi * np.arange(n) / n
    places = np.stack([distance_m * np.cos(angles), distance_m * np.sin(angles), np.full(n, height_m)], -1)
    return [looking_at(np.array([0, 0, 0.95]), place, f"cam{i}") for i, place in enumerate(places)]


def swinging_poses(rng: np.random.Generator, frames: int) -> np.ndarray:
    """(T, 17, 3) world, metres: every limb swings at its own rate, the body turns and walks a little."""
    t = np.arange(frames)[:, None] / 25
    local = np.stack(
        [rng.uniform(0.1, 0.5) * np.sin(rng.uniform(1, 5, 3) * t + rng.uniform(0, 6, 3)) for _ in range(N_JOINTS)]
    )
    heading = Rotation.from_rotvec(np.array([[0, 0, 1.0]]) * (rng.uniform(0, 6) + 0.5 * np.sin(t + rng.uniform(0, 6))))
    turned, poses = [heading] * N_JOINTS, np.zeros((frames, N_JOINTS, 3))
    poses[:, 0] = np.concatenate([0.4 * np.sin(t * rng.uniform(0.3, 1, 2)), np.full((frames, 1), 0.95)], -1)
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            continue
        own = Rotation.from_rotvec(local[joint] * (0.3 if joint in (1, 4, 7, 8, 9, 11, 14) else 1.0))
        turned[joint] = turned[parent] * own
        poses[:, joint] = poses[:, parent] + turned[joint].apply(OFFSETS_M[joint])
    return poses


def take(subject: str, action: str, frames: int, cameras: list[Camera], seed: int = 0) -> list[PoseSequence]:
    """One take seen by each camera."""
    rng = np.random.default_rng([seed, *f"{subject}/{action}".encode()])
    poses = swinging_poses(rng, frames).astype(np.float32)
    sequences = []
    for camera in cameras:
        in_camera = camera.world_to_camera(poses)
        keypoints = camera.project(in_camera)
        boxes = np.concatenate([keypoints.min(1) - 10, keypoints.max(1) + 10], -1)
        arrays = (a.astype(np.float32) for a in (poses, in_camera, keypoints, boxes))
        sequences.append(PoseSequence(subject, action, camera, 25.0, *arrays))
    return sequences


def population(frames: int = 12, actions: tuple[str, ...] = ("Walk-1", "Wave-1")) -> list[PoseSequence]:
    """Every subject of :data:`SPLITS` in every action, from two cameras, sorted by key."""
    subjects = sorted(name for names in SPLITS.values() for name in names)
    cameras = camera_ring()
    return [sequence for s in subjects for a in sorted(actions) for sequence in take(s, a, frames, cameras)]


def detect(sequences: list[PoseSequence], noise_px: float, seed: int = 0) -> list[Keypoints2D]:
    """The true keypoints with noise."""
    rng = np.random.default_rng(seed)
    return [
        Keypoints2D(
            (s.keypoints_px + rng.normal(scale=noise_px, size=s.keypoints_px.shape)).astype(np.float32),
            np.ones(s.keypoints_px.shape[:2], np.float32),
        )
        for s in sequences
    ]


def write_data(folder, sequences: list[PoseSequence], noise_px: float = 3.0) -> None:
    """sequences.h5, keypoints2d.h5, frames.h5 (dots on grey) and crops.h5 as the stages would leave them.

    The crops, of which there are the transforms alone, show 750 x 750 px on 1000 x 1000.
    """
    write_sequences(folder / "sequences.h5", sequences, SPLITS)
    detections = detect(sequences, noise_px)
    write_keypoints2d(folder / "keypoints2d.h5", zip([s.key for s in sequences], detections, strict=True))
    with create_hdf5(folder / "frames.h5") as file:
        for s in sequences:
            images = []
            for keypoints in s.keypoints_px:
                image = np.full((s.camera.height_px, s.camera.width_px, 3), 200, np.uint8)
                for x, y in keypoints:
                    cv2.circle(image, (round(float(x) - 0.5), round(float(y) - 0.5)), 6, (90, 120, 60), -1)
                images.append(cv2.imencode(".jpg", image)[1].tobytes())
            write_encoded_images(file, s.key, images)
    with create_hdf5(folder / "crops.h5") as file:
        file.attrs["size_px"] = 1000
        for s in sequences:
            group = write_encoded_images(file, s.key, [b"no image"] * len(s))
            write_dataset(group, "crop_from_image", np.tile(crop_from_image([500, 500, 750], 1000), (len(s), 1, 1)))
