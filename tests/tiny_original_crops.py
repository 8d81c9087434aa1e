"""A tiny data set in the layout of the original system's crops, beside its npz files: swinging people, boxed."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import h5py
import numpy as np
from tiny_human36m import images
from tiny_npz import TEST, TRAIN, write_original_npz

from pose3d.config.dataset import OriginalCropsParams, Subjects
from pose3d.datasets.calibration import human36m_cameras
from pose3d.datasets.human36m import BROKEN
from pose3d.datasets.recording import SequenceName
from pose3d.geometry.camera import apply_affine
from pose3d.pose2d.crops import crop_from_box
from pose3d.records.sequences import PoseSequence

LAST_CAMERA = "60457274"
"""It sees one frame less than the others, as some of Human3.6M's do, where there are several."""


def write_original_crops(
    folder: Path,
    train: Iterable[str] = TRAIN,
    test: Iterable[str] = TEST,
    actions: Iterable[str] = ("Walking-1", "Walking-2"),
    frames: int = 6,
    crop_px: int | None = None,
) -> dict[str, PoseSequence]:
    """Crops of boxes of any proportions, each as it is or all stretched to squares of ``crop_px``.

    Returns:
        what they were cut from, by key.
    """
    world = write_original_npz(folder, train, test, actions, frames)
    for path in sorted(folder.rglob("*.npz")):
        with np.load(path, allow_pickle=True) as archive:
            members = {name: archive[name].item() for name in archive.files}
        by_subject = [takes for of_subject in members.values() for takes in of_subject.values()]
        for take in (take for takes in by_subject for take in takes.values()):
            take[LAST_CAMERA] = take[LAST_CAMERA][: max(1, frames - 1)]
        np.savez(path, **members)
    written = {}
    for subject, takes in world.items():
        cameras = [camera for _, camera in sorted(human36m_cameras()[subject].items())]
        for action, poses in takes.items():
            place, pose2d = folder / "cropped" / subject / action, []
            for camera in cameras:
                if SequenceName(subject, action, camera.id) == BROKEN:
                    continue
                seen = poses[: max(1, frames - 1)] if camera.id == LAST_CAMERA else poses
                in_camera = camera.world_to_camera(seen)
                keypoints = camera.project(in_camera)
                boxes = np.concatenate([np.floor(keypoints.min(1)) - 12, np.ceil(keypoints.max(1)) + 20], -1)
                sequence = PoseSequence(subject, action, camera, 50.0, seen, in_camera, keypoints, boxes)
                (place / camera.id).mkdir(parents=True)
                for number, (image, box) in enumerate(zip(images(sequence), boxes.astype(int), strict=True), 1):
                    crop = image[box[1] : box[3], box[0] : box[2]]
                    if crop_px is not None:
                        crop = cv2.resize(crop, (crop_px, crop_px))
                    cv2.imwrite(str(place / camera.id / f"img_{number:06d}.jpg"), crop)
                in_crops = keypoints - boxes[:, None, :2]
                pose2d.append(in_crops if crop_px is None else apply_affine(crop_from_box(boxes, crop_px), keypoints))
                written[sequence.key] = sequence
            with h5py.File(place / "annot.h5", "w") as file:
                file["pose2d"] = np.concatenate(pose2d)
    return written


def original_crops_params(**changes: object) -> OriginalCropsParams:
    """Block dataset, for S1 and S9."""
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
