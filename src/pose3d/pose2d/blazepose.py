"""BlazePose: 33 landmarks of a person in an upright square crop.

Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking", CV4ARVR 2020. The network and its conventions
are those of MediaPipe 0.10 (pose_landmark_full.tflite): the crop is a square around the circle that the body fits into,
turned so that the person stands upright. Landmarks come as numbers and again as heatmaps, which are the more exact of
the two where they are sure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pose3d.geometry.camera import apply_affine, invert_affine
from pose3d.pose2d import blazepose_people
from pose3d.pose2d.blazepose_people import People, PersonDetector, network_input, sigmoid
from pose3d.pose2d.rotated_crops import crop_from_rotated_square, cut_rotated, squares_around
from pose3d.pose2d.tflite_network import load_tflite

INPUT_PX = 256
HEATMAP_PX = 64
OUTPUTS = ("Identity", "Identity_1", "Identity_3")
"""Of the file: (B, 195) landmarks, (B, 1) whether there is a person, (B, 39, 64, 64) logits of heatmaps."""
LANDMARK_NAMES = (
    *("nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer"),
    *("left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow"),
    *("right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index"),
    *("left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
    *("left_heel", "right_heel", "left_foot_index", "right_foot_index"),
)
N_LANDMARKS = len(LANDMARK_NAMES)
MARGIN = 1.25
"""Side of a crop over the diameter of the body's circle."""
MIN_PEAK = 0.5
"""A landmark is refined where its heatmap reaches this near it."""
_HIPS, _TOP, _N_ALL = 33, 34, 39  # after the landmarks come the circle's centre and top, and four of hands
_REACH = 3
_BATCH = 16


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Landmarks of N people, in px of the picture.

    Attributes:
        landmarks_px: (N, 33, 2).
        depths_px: (N, 33), away from the camera, relative to the middle between the hips.
        visibility: (N, 33) in [0, 1], whether a landmark is in the picture and not hidden.
        presence: (N, 33) in [0, 1], whether it is in the crop.
        pose_flag: (N,) in [0, 1], whether there is a person in the crop.
        next_squares: (N, 4) rotated squares around the body that was found, for the frame after.
    """

    landmarks_px: np.ndarray
    depths_px: np.ndarray
    visibility: np.ndarray
    presence: np.ndarray
    pose_flag: np.ndarray
    next_squares: np.ndarray


def squares_of_people(people: People) -> np.ndarray:
    """The rotated squares (N, 4) in which the landmarks of people are looked for."""
    return squares_around(people.hips_px, people.tops_px, MARGIN)


def refine(landmarks_px: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Landmarks moved to the centres of mass of their heatmaps within 3 heatmap px, where these are sure.

    Args:
        landmarks_px: (N, L, 2) in px of the crop.
        logits: (N, L, 64, 64), of the heatmaps.

    Returns:
        (N, L, 2) px of the crop.
    """
    scale = INPUT_PX / logits.shape[-1]
    offsets = np.arange(-_REACH, _REACH + 1)
    centres = np.floor(landmarks_px / scale)
    columns, rows = (centres[..., axis, None] + offsets for axis in (0, 1))
    inside = [(places >= 0) & (places < logits.shape[-1]) for places in (columns, rows)]
    x, y = (np.where(valid, places, 0).astype(int) for valid, places in zip(inside, (columns, rows), strict=True))
    person, landmark = np.ogrid[: len(logits), : logits.shape[1]]
    near = logits[person[..., None, None], landmark[..., None, None], y[..., :, None], x[..., None, :]]
    heat = sigmoid(near) * (inside[1][..., :, None] & inside[0][..., None, :])
    # The centre itself must be in the heatmap.
    sure = (heat.max((-1, -2)) >= MIN_PEAK) & inside[0][..., _REACH] & inside[1][..., _REACH]
    total = np.maximum(heat.sum((-1, -2)), 1e-9)
    means = np.stack([(heat.sum(-2) * x).sum(-1) / total, (heat.sum(-1) * y).sum(-1) / total], axis=-1)
    return np.where(sure[..., None], scale * means, landmarks_px)


@dataclass(frozen=True, eq=False)
class BlazePose:
    """Finds people in pictures, and landmarks of people.

    Attributes:
        people: finds who is in a picture.
        network: gives :data:`OUTPUTS` of images (B, 3, 256, 256) in [0, 1]; on the device, in evaluation mode.
        device: where the images go.
    """

    people: PersonDetector
    network: nn.Module
    device: torch.device

    @torch.inference_mode()
    def landmarks(self, images_bgr: Sequence[np.ndarray], squares: np.ndarray) -> Landmarks:
        """The landmarks in N rotated squares (N, 4), each in a picture of its own (H, W, 3) uint8, or in the same."""
        transforms = crop_from_rotated_square(squares, INPUT_PX)
        crops_px, numbers, flags = [np.empty((0, _N_ALL, 2))], [np.empty((0, _N_ALL, 5))], [np.empty((0, 1))]
        for start in range(0, len(squares), _BATCH):
            rows = slice(start, start + _BATCH)
            pairs = zip(images_bgr[rows], transforms[rows], strict=True)
            crops = np.stack([cut_rotated(image, transform, INPUT_PX) for image, transform in pairs])
            outputs = self.network(network_input(crops, self.device))
            found, flag, heatmaps = (output.float().cpu().numpy() for output in outputs)
            numbers.append(found.reshape(-1, _N_ALL, 5).astype(np.float64))
            crops_px.append(refine(numbers[-1][..., :2], heatmaps))  # heatmaps of all together would fill gigabytes
            flags.append(flag)
        found_px = apply_affine(invert_affine(transforms), np.concatenate(crops_px))
        px_of_crop_px = squares[:, 2] / INPUT_PX
        others = np.concatenate(numbers)[:, :N_LANDMARKS, 2:]
        return Landmarks(
            found_px[:, :N_LANDMARKS],
            others[..., 0] * px_of_crop_px[:, None],
            sigmoid(others[..., 1]),
            sigmoid(others[..., 2]),
            np.concatenate(flags)[:, 0],
            squares_around(found_px[:, _HIPS], found_px[:, _TOP], MARGIN),
        )


def load_blazepose(folder: Path, device: torch.device) -> BlazePose:
    """BlazePose from the two files that the download stage fetches.

    Raises:
        InputError: a file is missing, damaged or another one.
    """
    detector = load_tflite(folder / "pose_detection.tflite", blazepose_people.OUTPUTS).to(device)
    network = load_tflite(folder / "pose_landmark_full.tflite", OUTPUTS).to(device)
    return BlazePose(PersonDetector(detector, device), network, device)
