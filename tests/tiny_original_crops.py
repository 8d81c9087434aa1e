"""A tiny data set in the layout of the original system's crops, beside its npz files: swinging people, stretched."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import h5py
import numpy as np
from tiny_human36m import images
from tiny_npz import TEST, TRAIN, write_original_npz

from pose3d.camera import apply_affine
from pose3d.config.dataset import OriginalCropsParams, Subjects
from pose3d.datasets.calibration import human36m_cameras
from pose3d.datasets.human36m import BROKEN
from pose3d.datasets.recording import SequenceName
from pose3d.pose2d.crops import crop_from_box
from pose3d.records import Sequence

CROP_PX = 64


def write_original_crops(
    folder: Path,
    train: Iterable[str] = TRAIN,
    test: Iterable[str] = TEST,
    actions: Iterable[str] = ("Walking-1", "Walking-2"),
    frames: int = 6,
    crop_px: int = CROP_PX,
) -> dict[str, Sequence]:
    """Crops of boxes of any proportions, all stretched to squares; gives what they were cut from, by key."""
    world = write_original_npz(folder, train, test, actions, frames)
    written = {}
    for subject, takes in world.items():
        cameras = [camera for _, camera in sorted(human36m_cameras()[subject].items())]
        for action, poses in takes.items():
            place, pose2d = folder / "cropped" / subject / action, []
            for camera in cameras:
                if SequenceName(subject, action, camera.id) == BROKEN:
                    continue
                in_camera = camera.world_to_camera(poses)
                keypoints = camera.project(in_camera)
                boxes = np.concatenate([np.floor(keypoints.min(1)) - 12, np.ceil(keypoints.max(1)) + 20], -1)
                sequence = Sequence(subject, action, camera, 50.0, poses, in_camera, keypoints, boxes)
                (place / camera.id).mkdir(parents=True)
                for number, (image, box) in enumerate(zip(images(sequence), boxes.astype(int), strict=True), 1):
                    crop = cv2.resize(image[box[1] : box[3], box[0] : box[2]], (crop_px, crop_px))
                    cv2.imwrite(str(place / camera.id / f"img_{number:06d}.jpg"), crop)
                pose2d.append(apply_affine(crop_from_box(boxes, crop_px), keypoints))
                written[sequence.key] = sequence
            with h5py.File(place / "annot.h5", "w") as file:
                file["pose2d"] = np.concatenate(pose2d)
    return written


def original_crops_params(**changes: object) -> OriginalCropsParams:
    """The profile's block, for S1 and S9."""
    block = OriginalCropsParams(
        source="original_crops",
        subjects=Subjects(train=("S1",), validation=(), test=("S9",)),
        folder=None,
        actions=("Walking",),
        frame_step=1,
        crops="cropped",
        poses=("h36m_gt_train.npz", "h36m_gt_test.npz"),
    )
    return block.model_copy(update=changes)
