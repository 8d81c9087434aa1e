"""From arrays of 3D poses and detected keypoints, as npz data sets hold them, to recordings."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pose3d.config.dataset import OriginalNpzParams, VideoPose3DParams
from pose3d.datasets.calibration import Cameras, human36m_cameras, read_calibration
from pose3d.datasets.layouts import N_JOINTS_CAPTURED
from pose3d.datasets.recording import Recording, SequenceName, beyond_lens, boxes_around, check_captured, check_scale
from pose3d.geometry.camera import Camera
from pose3d.geometry.gaps import fill_in_time
from pose3d.geometry.layouts import OURS, layout
from pose3d.geometry.skeleton import HUMAN36M_32_TO_17, JOINT_NAMES, N_JOINTS, ROOT
from pose3d.records.detected_points import (
    LEAST_PERSON_PX,
    MAX_COORDINATE_PX,
    MIN_POINTS,
    as_confidence,
    bridged,
    detected_points,
    is_person,
)
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.outside_picture import far_outside
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError, in_words

Params = VideoPose3DParams | OriginalNpzParams
_NORMALISED = 2.0
"""All coordinates of a person in px are not below this; VideoPose3D's normalised ones reach 1.8 in y."""

_NO_PATH_M = 0.01


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
    return actions is None or action_of(action) in actions


def action_of(take: str) -> str:
    """``Walking`` for Walking, Walking-1, Walking-2, ..."""
    return re.sub(r"-\d+$", "", take)


def check_actions(
    params: Params,
    names: Collection[SequenceName],
    known: Iterable[str],
    positions: Path | str,
    keypoints: Path | str,
) -> None:
    """Refuse actions of the params that no subject performs, and subjects who perform none of them.

    Args:
        params: its ``actions``, ``subjects`` and ``keypoints_only`` are used.
        names: sequences that were found.
        known: takes that there are.
        positions, keypoints: the two files, for the message.

    Raises:
        InputError: names the action or the subject, and the file that says which takes there are: that of the 3D, or of
            the 2D for subjects with keypoints only.
    """
    for action in params.actions or ():
        if not any(is_chosen(name.action, [action]) for name in names):
            there = sorted({action_of(take) for take in known})
            raise InputError(
                f"{positions} has no takes of action {action} by these subjects, only of {', '.join(there)}: correct "
                "dataset.actions, which names actions without the number of a take"
            )
    for subject in params.subjects.all:
        if not any(name.subject == subject for name in names):
            path = keypoints if subject in params.keypoints_only else positions
            raise InputError(f"{path} has no takes of {subject} that the params ask for: correct dataset.subjects")


def as_17_joints(array: object, coordinates: tuple[int, ...], where: str) -> np.ndarray:
    """As :func:`as_points`, of Human3.6M's joints: (T, 17, n)."""
    return as_points(array, OURS, coordinates, where)


def as_points(array: object, layout_name: str, coordinates: tuple[int, ...], where: str) -> np.ndarray:
    """(T, K, n) of an array of a layout's K points, of Human3.6M's also of its 32, with one of the given numbers n.

    Args:
        array: (T, K, n) numbers, or anything else that a file holds.
        layout_name: whose K points are wanted.
        coordinates: the n that are allowed.
        where: the file and the take, for the message.

    Raises:
        InputError: anything else; begins with ``where``.
    """
    n_points = len(layout(layout_name))
    counts = (n_points, N_JOINTS_CAPTURED) if layout_name == OURS else (n_points,)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise InputError(f"{where}: is no array of numbers; repair or drop that take")
    if array.ndim != 3 or array.shape[1] not in counts or array.shape[2] not in coordinates:
        wanted, joints = (" or ".join(map(str, numbers)) for numbers in (coordinates, counts))
        raise InputError(f"{where}: has shape {array.shape}, not frames x {joints} joints x {wanted}")
    return array if array.shape[1] == n_points else array[:, HUMAN36M_32_TO_17]


def cut_alike(poses: np.ndarray, keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Both from the first to the last frame that both have, and how many each had.

    Videos run on after the motion capture has ended, and the field cuts the longer of the two at its end. Whether they
    are of the same take is seen from where the keypoints lie (:mod:`pose3d.datasets.agreement`).

    Args:
        poses: (T, ...).
        keypoints: (U, ...).
    """
    length = min(len(poses), len(keypoints))
    return poses[:length], keypoints[:length], (len(poses), len(keypoints))


def require_px(arrays: Iterable[object], path: Path | str) -> None:
    """Refuse a file whose keypoints are shares of the picture, or go from -1 to 1, throughout.

    Args:
        arrays: of the sequences, (T, K, 2 or 3) where they are as they should be.
        path: the file, for the message.

    Raises:
        InputError: names the file and the highest coordinate.
    """
    highest = 0.0
    for array in arrays:
        if isinstance(array, np.ndarray) and array.dtype.kind in "fiu" and array.ndim == 3:
            highest = max(highest, float(np.fmax.reduce(np.abs(array[..., :2]), axis=None, initial=0)))
        if highest > _NORMALISED:
            return
    if highest > 0:
        raise InputError(
            f"{path}: no coordinate of any 2D keypoint is above {highest:.3g}, so they are not px: save them in px of "
            "the cameras' pictures"
        )


class GivenKeypoints(NamedTuple):
    """Keypoints as they go to keypoints2d.h5, and the highest score that the file has of them."""

    detected: Keypoints2D
    highest_score: float


def given_keypoints(
    array: np.ndarray, where: str, fps: float, step: int, camera: Camera, layout_name: str = OURS
) -> GivenKeypoints:
    """Keypoints as a file has them, those that are missing marked with confidence 0 and filled up.

    What is missing is :mod:`pose3d.records.detected_points`'s rule, and
    :func:`pose3d.records.outside_picture.far_outside`. Of Human3.6M's 17 joints lifters need all: there a
    frame counts as without a detection if one of them is missing for longer than is bridged. What has no place moves
    evenly from where it was to where it is next.

    Args:
        array: (T, K, 2) px, of confidence 1 wherever they are, or (T, K, 3) with the confidence last.
        where: the file and the take, for the message.
        fps: frames per second of the file.
        step: every ``step``-th frame is kept, at least 1.
        camera: whose picture they are in.
        layout_name: whose K points they are.

    Raises:
        InputError: a score or a coordinate that cannot be, or no frame has a detection; begins with ``where`` and names
            the frame.
    """
    array = np.asarray(array, np.float32)
    points_px = array[..., :2]
    scores = array[..., 2] if array.shape[2] == 3 else np.ones(array.shape[:2], np.float32)
    try:
        confidence, _ = as_confidence(scores)
    except ValueError as error:
        frame = int((array[..., 2] == np.nanmax(array[..., 2])).any(1).argmax())
        raise InputError(f"{where}: frame {frame} has {in_words(error)}") from None
    there = detected_points(points_px, confidence)
    _check_finite(points_px, there, layout_name, where)
    far = far_outside(points_px, camera.width_px, camera.height_px) & there
    if far.sum() <= there.sum() / 2:  # else it is another picture's size, which the checks of recordings say
        there &= ~far
    there &= is_person(points_px, there)[:, None]
    time_s = np.arange(len(there)) / fps
    enough = bridged(there, time_s).sum(1) if layout_name == OURS else there.sum(1)
    whole = enough >= (N_JOINTS if layout_name == OURS else MIN_POINTS)
    if len(there) and not (whole & there.any(1)).any():
        raise InputError(f"{where}: {_nothing(there, layout_name)}: leave that take out")
    if layout_name == OURS:
        there &= whole[:, None]
    kept = slice(None, None, step)
    detected = Keypoints2D(fill_in_time(points_px, there)[kept], np.where(there, confidence, 0)[kept], layout_name)
    return GivenKeypoints(detected, float(np.nan_to_num(scores).max(initial=0)))


def _nothing(there: np.ndarray, layout_name: str) -> str:
    """Why no frame of (T, K) points can be used."""
    if layout_name != OURS:
        return f"no frame has {MIN_POINTS} points of a person of {LEAST_PERSON_PX:g} px or more"
    never = np.flatnonzero(there.sum(0) == 0)
    if 0 < len(never) < N_JOINTS:
        names = [JOINT_NAMES[joint] for joint in never]
        return f"no frame has all 17 joints, because {', '.join(names)} is nowhere detected"
    return f"no frame has all 17 joints of a person of {LEAST_PERSON_PX:g} px or more"


def _check_finite(points_px: np.ndarray, there: np.ndarray, layout_name: str, where: str) -> None:
    wrong = there & (np.abs(points_px) > MAX_COORDINATE_PX).any(-1)
    if wrong.any():
        frame, point = (int(i) for i in np.argwhere(wrong)[0])
        raise InputError(
            f"{where}: {layout(layout_name).points[point]} of frame {frame} is where no picture reaches: repair or "
            "drop that take"
        )


def recording_of(
    name: SequenceName,
    camera: Camera,
    fps: float,
    poses_world_m: np.ndarray,
    poses_cam_m: np.ndarray,
    given: GivenKeypoints,
    lengths: tuple[int, int],
    positions_file: Path,
    keypoints_file: Path,
) -> Recording:
    """A recording without pictures, its true keypoints projected with the lens's distortion, its boxes around them.

    Args:
        name: subject, action and camera.
        camera: that saw it.
        fps: frames per second.
        poses_world_m, poses_cam_m: (T, 17, 3), the same poses.
        given: T frames of keypoints, px.
        lengths: frames of poses and keypoints, before the longer was cut.
        positions_file, keypoints_file: what they came from.

    Raises:
        InputError: a joint lies behind the camera, as where poses are relative to the root, or beyond the fold of its
            lens; names the file and the sequence.
    """
    key = f"{positions_file}: {name.key}"
    check_captured(key, poses_world_m, poses_cam_m)
    try:
        keypoints_px = camera.project(poses_cam_m)
    except ValueError:
        check_scale(key, poses_world_m)  # another unit puts joints behind the camera too
        if min(np.abs(poses[:, ROOT]).max() for poses in (poses_cam_m, poses_world_m)) < _NO_PATH_M:
            raise InputError(
                f"{key}: the hips lie at 0 in every frame, so the poses are relative to the root: give them with the "
                "root's own place"
            ) from None
        raise InputError(
            f"{key}: joints lie behind camera {camera.id}: axes are swapped, or the calibration is another camera's"
        ) from None
    if (np.isnan(keypoints_px) & np.isfinite(poses_cam_m[..., :2])).any():
        check_scale(key, poses_world_m)  # or beside it
        raise beyond_lens(key)
    arrays = (poses_world_m, poses_cam_m, keypoints_px, boxes_around(keypoints_px))
    sequence = PoseSequence(name.subject, name.action, camera, fps, *(np.asarray(a, np.float32) for a in arrays))
    return Recording(sequence, None, given.detected, positions_file, keypoints_file, lengths, given.highest_score)


def recording_of_keypoints(
    name: SequenceName, camera: Camera, fps: float, given: GivenKeypoints, keypoints_file: Path
) -> Recording:
    """A recording with detected keypoints only; its boxes are around them.

    Args:
        name: subject, action and camera.
        camera: that saw it.
        fps: frames per second.
        given: T frames of keypoints, px.
        keypoints_file: what they came from.
    """
    detected = given.detected
    n_frames = len(detected.keypoints_px)
    no_poses = np.full((n_frames, N_JOINTS, 3), np.nan, np.float32)
    boxes_px = boxes_around(detected.keypoints_px)
    sequence = PoseSequence(name.subject, name.action, camera, fps, no_poses, no_poses, no_poses[..., :2], boxes_px)
    return Recording(sequence, None, detected, None, keypoints_file, highest_score=given.highest_score)
