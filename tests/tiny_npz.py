"""Tiny data sets in VideoPose3D's and in the original system's layout: swinging people before the published cameras."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from people import swinging_poses

from pose3d.config.dataset import OriginalNpzParams, Subjects, VideoPose3DParams
from pose3d.datasets.calibration import human36m_cameras
from pose3d.geometry.landmarks import estimate_landmarks
from pose3d.geometry.layouts import layout
from pose3d.geometry.skeleton import HUMAN36M_32_TO_17, LEFT_JOINTS, RIGHT_JOINTS

TRAIN, TEST = ("S1", "S5", "S6", "S7", "S8"), ("S9", "S11")
METADATA = {
    "layout_name": "h36m",
    "num_joints": 17,
    "keypoints_symmetry": [list(LEFT_JOINTS), list(RIGHT_JOINTS)],
}
OTHER_METADATA = {
    "coco17": {
        "layout_name": "coco",
        "num_joints": 17,
        "keypoints_symmetry": [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]],
    },
    "mpii16": {
        "layout_name": "mpii",
        "num_joints": 16,
        "keypoints_symmetry": [[3, 4, 5, 13, 14, 15], [0, 1, 2, 10, 11, 12]],
    },
}
"""Of other detectors' files, as VideoPose3D writes them."""
_SUBJECTS = {"train": ("S1",), "validation": (), "test": ("S9",)}


def world_poses(subjects: Iterable[str], actions: Iterable[str], frames: int) -> dict[str, dict[str, np.ndarray]]:
    """Subject to action to (T, 17, 3) float32, metres."""
    return {
        subject: {
            action: swinging_poses(np.random.default_rng([*f"{subject}/{action}".encode()]), frames).astype(np.float32)
            for action in actions
        }
        for subject in subjects
    }


def views(subject: str, poses_world_m: np.ndarray, noise_px: float) -> dict[str, np.ndarray]:
    """Camera id to (T, 17, 2) float32 px, with noise, by the published cameras; of other points (T, K, 3) as well."""
    rng = np.random.default_rng([*subject.encode()])
    keypoints = {c.id: c.project(c.world_to_camera(poses_world_m)) for c in human36m_cameras()[subject].values()}
    return {i: (k + rng.normal(scale=noise_px, size=k.shape)).astype(np.float32) for i, k in keypoints.items()}


def write_other_layout(
    folder: Path,
    name: str,
    subjects: Iterable[str] = (*TRAIN, *TEST),
    actions: Iterable[str] = ("Walking", "Walking 1"),
    frames: int = 12,
    scored: bool = False,
) -> tuple[dict, dict]:
    """As :func:`write_videopose3d`, with a layout's keypoints, 3 px off, and with scores if these are asked for."""
    positions = world_poses(subjects, actions, frames)
    keypoints: dict = {}
    for subject, takes in positions.items():
        for action, poses in takes.items():
            points_m = np.concatenate([poses, estimate_landmarks(poses)], 1)[:, layout(name).numbers]
            seen = list(views(subject, points_m, 3.0).values())
            rated = [np.concatenate([px, np.full_like(px[..., :1], 0.75)], -1) for px in seen]
            keypoints.setdefault(subject, {})[action] = rated if scored else seen
    save_videopose3d(folder, positions, keypoints, OTHER_METADATA[name])
    return positions, keypoints


def with_32_joints(array: np.ndarray) -> np.ndarray:
    """(T, 17, n) to (T, 32, n); joints that the 17 lack are far away."""
    wide = np.full((len(array), 32, array.shape[2]), 7777, array.dtype)
    wide[:, HUMAN36M_32_TO_17] = array
    return wide


def write_videopose3d(
    folder: Path,
    subjects: Iterable[str] = (*TRAIN, *TEST),
    actions: Iterable[str] = ("Walking", "Walking 1"),
    frames: int = 12,
    noise_px: float = 3.0,
) -> tuple[dict, dict]:
    """data_3d_h36m.npz and data_2d_h36m_cpn_ft_h36m_dbb.npz; what they hold is returned."""
    positions = world_poses(subjects, actions, frames)
    keypoints = {
        subject: {action: list(views(subject, poses, noise_px).values()) for action, poses in takes.items()}
        for subject, takes in positions.items()
    }
    save_videopose3d(folder, positions, keypoints)
    return positions, keypoints


def save_videopose3d(folder: Path, positions: object, keypoints: object, metadata: object = METADATA) -> None:
    """The pair of files with any content."""
    np.savez_compressed(folder / "data_3d_h36m.npz", positions_3d=positions)
    np.savez_compressed(folder / "data_2d_h36m_cpn_ft_h36m_dbb.npz", positions_2d=keypoints, metadata=metadata)


def videopose3d_params(**changes: object) -> VideoPose3DParams:
    """Block dataset, for S1 and S9."""
    block = VideoPose3DParams(
        source="videopose3d",
        subjects=Subjects(**_SUBJECTS),
        folder=None,
        actions=None,
        frame_step=1,
        positions="data_3d_h36m.npz",
        keypoints="data_2d_h36m_cpn_ft_h36m_dbb.npz",
        frame_rate_hz=50,
        calibration=None,
        keypoints_only=(),
    )
    return block.model_copy(update=changes)


def write_original_npz(
    folder: Path,
    train: Iterable[str] = TRAIN,
    test: Iterable[str] = TEST,
    actions: Iterable[str] = ("Walking-1", "Walking-2"),
    frames: int = 12,
    noise_px: float = 3.0,
) -> dict[str, dict[str, np.ndarray]]:
    """h36m_gt_{train,test}.npz and pose_resnet/h36m_pred2d_{train,test}.npz; the poses in the world are returned."""
    (folder / "pose_resnet").mkdir(parents=True, exist_ok=True)
    everything = {}
    for split, subjects in (("train", train), ("test", test)):
        world = world_poses(subjects, actions, frames)
        in_camera = {
            subject: {
                action: {c.id: 1000 * c.world_to_camera(poses) for c in human36m_cameras()[subject].values()}
                for action, poses in takes.items()
            }
            for subject, takes in world.items()
        }
        true, detected = (
            {s: {a: views(s, poses, noise) for a, poses in takes.items()} for s, takes in world.items()}
            for noise in (0, noise_px)
        )
        np.savez(folder / f"h36m_gt_{split}.npz", pose2d=true, pose3d=in_camera)
        np.savez(folder / f"pose_resnet/h36m_pred2d_{split}.npz", pose2d=detected)
        everything |= world
    return everything


def original_npz_params(**changes: object) -> OriginalNpzParams:
    """Block dataset, for S1 and S9."""
    block = OriginalNpzParams(
        source="original_npz",
        subjects=Subjects(**_SUBJECTS),
        folder=None,
        actions=None,
        frame_step=1,
        poses=("h36m_gt_train.npz", "h36m_gt_test.npz"),
        keypoints=("pose_resnet/h36m_pred2d_train.npz", "pose_resnet/h36m_pred2d_test.npz"),
        frame_rate_hz=50,
        calibration=None,
        keypoints_only=(),
    )
    return block.model_copy(update=changes)
