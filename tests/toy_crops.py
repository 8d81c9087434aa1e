"""A bright dot per joint on black, as sequences.h5, frames.h5 and crops.h5: small enough to train on in a test."""

from pathlib import Path

import cv2
import numpy as np

from pose3d.geometry.camera import Camera, crop_from_image
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.pose2d.crops import encode_crop, whole_px_square
from pose3d.records.encoded_images import write_encoded_images
from pose3d.records.hdf5 import create_hdf5, write_dataset
from pose3d.records.sequences import PoseSequence, write_sequences

IMAGE_SIZE_PX = (160, 120)


def encode_png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


def toy_sequence(subject: str, n_frames: int, seed: int) -> PoseSequence:
    rng = np.random.default_rng(seed)
    camera = Camera("cam0", *IMAGE_SIZE_PX, np.diag([100.0, 100.0, 1.0]), np.zeros(5), np.eye(3), np.zeros(3))
    keypoints = rng.uniform([50, 30], [110, 90], (n_frames, N_JOINTS, 2)).astype(np.float32)
    poses = np.concatenate([keypoints / 100, np.ones((n_frames, N_JOINTS, 1))], -1).astype(np.float32)
    boxes = np.concatenate([keypoints.min(1) - 4, keypoints.max(1) + 4], -1)
    return PoseSequence(subject, "Dots-1", camera, 25.0, poses, poses, keypoints, boxes)


def toy_frame(keypoints_px: np.ndarray) -> np.ndarray:
    image = np.zeros((IMAGE_SIZE_PX[1], IMAGE_SIZE_PX[0], 3), np.uint8)
    for joint, (x, y) in enumerate(keypoints_px):
        cv2.circle(image, (int(x), int(y)), 2, (255, 15 * joint, 255 - 15 * joint), -1)
    return image


def write_toy_data(folder: Path, n_frames: int = 12, size_px: int = 32) -> list[PoseSequence]:
    """Write data/sequences.h5, frames.h5 and crops.h5 of subjects S1 (training), S8 (validation) and S9 (test)."""
    data = folder / "data"
    sequences = [toy_sequence(subject, n_frames, seed) for seed, subject in enumerate(("S1", "S8", "S9"))]
    write_sequences(data / "sequences.h5", sequences, {"train": ["S1"], "validation": ["S8"], "test": ["S9"]})
    with create_hdf5(data / "frames.h5") as frames, create_hdf5(data / "crops.h5") as crops:
        crops.attrs["size_px"] = size_px
        for sequence in sequences:
            encoded = [encode_png(toy_frame(keypoints)) for keypoints in sequence.keypoints_px]
            write_encoded_images(frames, sequence.key, encoded)
            squares = whole_px_square(sequence.boxes_px, 1.25)
            images = [
                encode_crop(np.frombuffer(image, np.uint8), square, size_px, 95, IMAGE_SIZE_PX, "toy")
                for image, square in zip(encoded, squares, strict=True)
            ]
            group = write_encoded_images(crops, sequence.key, images)
            write_dataset(group, "crop_from_image", crop_from_image(squares, size_px))
    return sequences
