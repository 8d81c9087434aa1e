"""From arrays of 3D poses and detected keypoints, as npz data sets hold them, to recordings."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np

from pose3d.config.dataset import OriginalNpzParams, VideoPose3DParams
from pose3d.datasets.calibration import Cameras, human36m_cameras, read_calibration
from pose3d.datasets.recording import Recording, SequenceName, boxes_around, check_scale
from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import HUMAN36M_32_TO_17, N_JOINTS
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError

MISSING_KEYPOINTS, EXTRA_KEYPOINTS = 5, 50
"""Frames by which a take's keypoints may end before its poses or after them, because videos run on a little after
the motion capture has ended; the longer of the two is cut."""

Params = VideoPose3DParams | OriginalNpzParams


def cameras_of(params: Params, folder: Path) -> Cameras:
    """The calibration that the params name, with every subject of theirs in it.

    Raises:
        InputError: not there, damaged, or without one of the subjects.
    """
    cameras = human36m_cameras() if params.calibration is None else read_calibration(folder / params.calibration)
    source = "the published calibration" if params.calibration is None else folder / params.calibration
    for subject in params.subjects.all:
        if subject not in cameras:
            raise InputError(
                f"{source} has no extrinsics of subject {subject}, only of {', '.join(cameras)}: correct "
                "dataset.subjects or name another file in dataset.calibration"
            )
    return cameras


def check_subjects(subjects: Iterable[str], found: Iterable[str], path: Path | str) -> None:
    """Refuse subjects of the params that a file lacks.

    Args:
        subjects: of the params.
        found: of the file.
        path: the file, for the message.

    Raises:
        InputError: names the file, the subject, and those that the file has.
    """
    found = sorted(map(str, found))
    for subject in subjects:
        if subject not in found:
            raise InputError(f"{path} has no subject {subject}, only {', '.join(found)}: correct dataset.subjects")


def path_safe(name: str, path: Path | str) -> str:
    """A subject's or an action's name as a part of keys: ``Walking 1`` becomes ``Walking-1``.

    Raises:
        InputError: it cannot be such a part; names the file.
    """
    if not re.fullmatch(r"\w[\w .+()-]{,99}", name):
        raise InputError(
            f"{path}: {name[:100]!r} cannot name a subject or an action: use up to 100 letters, digits, spaces and -"
        )
    return name.replace(" ", "-")


def is_chosen(action: str, actions: Collection[str] | None) -> bool:
    """True if ``dataset.actions`` wants a take: ``Walking`` means Walking, Walking-1, Walking-2, ..."""
    return actions is None or re.sub(r"-\d+$", "", action) in actions


def check_actions(
    params: Params, names: Collection[SequenceName], positions: Path | str, keypoints: Path | str
) -> None:
    """Refuse actions of the params that no subject performs, and subjects who perform none of them.

    Args:
        params: its ``actions``, ``subjects`` and ``keypoints_only`` are used.
        names: sequences that were found.
        positions, keypoints: the two files, for the message.

    Raises:
        InputError: names the action or the subject, and the file that says which takes there are: that of the 3D, or of
            the 2D for subjects with keypoints only.
    """
    for action in params.actions or ():
        if not any(is_chosen(name.action, [action]) for name in names):
            raise InputError(f"{positions} has no takes of action {action} by these subjects: correct dataset.actions")
    for subject in params.subjects.all:
        if not any(name.subject == subject for name in names):
            path = keypoints if subject in params.keypoints_only else positions
            raise InputError(f"{path} has no takes of {subject} that the params ask for: correct dataset.subjects")


def as_17_joints(array: object, coordinates: tuple[int, ...], where: str) -> np.ndarray:
    """(T, 17, n) of an array of 17 joints or of Human3.6M's 32, with one of the given numbers n of coordinates.

    Args:
        array: (T, 17 or 32, n) numbers, or anything else that a file holds.
        coordinates: the n that are allowed.
        where: the file and the take, for the message.

    Raises:
        InputError: anything else; begins with ``where``.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise InputError(f"{where}: is no array of numbers but {type(array).__name__}; repair or drop that take")
    if array.ndim != 3 or array.shape[1] not in (N_JOINTS, 32) or array.shape[2] not in coordinates:
        wanted = " or ".join(map(str, coordinates))
        raise InputError(f"{where}: has shape {array.shape}, not frames x 17 (or 32) joints x {wanted}")
    return array if array.shape[1] == N_JOINTS else array[:, HUMAN36M_32_TO_17]


def cut_alike(poses: np.ndarray, keypoints: np.ndarray, step: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Every ``step``-th frame of both, from the first to the last that both have.

    Args:
        poses: (T, ...).
        keypoints: (U, ...).
        step: at least 1.
        where: the file and the take, for the message.

    Raises:
        InputError: one is too much longer to be of the same take; begins with ``where``.
    """
    if not -MISSING_KEYPOINTS <= len(keypoints) - len(poses) <= EXTRA_KEYPOINTS:
        raise InputError(
            f"{where}: {len(keypoints)} frames of keypoints for {len(poses)} poses: they are not of the same take, or "
            "one is cut off"
        )
    length = min(len(poses), len(keypoints))
    return poses[:length:step], keypoints[:length:step]


def detected_keypoints(array: np.ndarray, where: str) -> Keypoints2D:
    """Keypoints from (T, 17, 2) px, with confidence 1 everywhere, or from (T, 17, 3) with the confidence last.

    Raises:
        InputError: a confidence outside [0, 1]; begins with ``where``.
    """
    array = np.asarray(array, np.float32)
    keypoints_px = array[..., :2]
    confidence = np.ones(array.shape[:2], np.float32) if array.shape[2] == 2 else array[..., 2]
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise InputError(f"{where}: the third number of a keypoint is its confidence and must lie in 0..1")
    return Keypoints2D(keypoints_px, confidence)


def recording_of(
    name: SequenceName,
    camera: Camera,
    fps: float,
    poses_world_m: np.ndarray,
    poses_cam_m: np.ndarray,
    detected: Keypoints2D,
    positions_file: Path,
    keypoints_file: Path,
) -> Recording:
    """A recording without pictures, its true keypoints projected with the lens's distortion, its boxes around them.

    Args:
        name: subject, action and camera.
        camera: that saw it.
        fps: frames per second.
        poses_world_m, poses_cam_m: (T, 17, 3), the same poses.
        detected: T frames of keypoints, px.
        positions_file, keypoints_file: what they came from.

    Raises:
        InputError: a joint lies behind the camera; names the file and the sequence.
    """
    try:
        keypoints_px = camera.project(poses_cam_m)
    except ValueError:
        check_scale(f"{positions_file}: {name.key}", poses_world_m)  # another unit puts joints behind the camera too
        raise InputError(
            f"{positions_file}: {name.key}: joints lie behind camera {camera.id}: axes are swapped, or the calibration "
            "is another camera's"
        ) from None
    arrays = (poses_world_m, poses_cam_m, keypoints_px, boxes_around(keypoints_px))
    sequence = PoseSequence(name.subject, name.action, camera, fps, *(np.asarray(a, np.float32) for a in arrays))
    return Recording(sequence, None, detected, positions_file, keypoints_file)


def recording_of_keypoints(
    name: SequenceName, camera: Camera, fps: float, detected: Keypoints2D, keypoints_file: Path
) -> Recording:
    """A recording with detected keypoints only; its boxes are around them.

    Args:
        name: subject, action and camera.
        camera: that saw it.
        fps: frames per second.
        detected: T frames of keypoints, px.
        keypoints_file: what they came from.
    """
    n_frames = len(detected.keypoints_px)
    no_poses = np.full((n_frames, N_JOINTS, 3), np.nan, np.float32)
    boxes_px = boxes_around(detected.keypoints_px)
    sequence = PoseSequence(name.subject, name.action, camera, fps, no_poses, no_poses, no_poses[..., :2], boxes_px)
    return Recording(sequence, None, detected, None, keypoints_file)
