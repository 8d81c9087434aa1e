"""Human3.6M as its authors distribute it (http://vision.imar.ro/human3.6m), archives unpacked in one folder.

::

    S1/MyPoseFeatures/D3_Positions/<take>.cdf                world positions, required
    S1/MyPoseFeatures/D3_Positions_mono/<take>.<camera>.cdf  the same in camera space; compared where it is there
    S1/Videos/<take>.<camera>.mp4                            required
    S1/MySegmentsMat/ground_truth_bb/<take>.<camera>.mat     bounding boxes

A subject without the folder ``ground_truth_bb`` gets boxes around the projected joints instead. Some videos are longer
than their poses: both begin together, and what follows the last pose is left out.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from pose3d.config.dataset import Human36mParams, RecordedParams
from pose3d.datasets.calibration import human36m_cameras
from pose3d.datasets.human36m_files import FRAME_RATE_HZ, check_video, read_boxes, read_poses
from pose3d.datasets.recording import Recording, SequenceName, boxes_around
from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import ROOT
from pose3d.records.frames import VideoFrames
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError

ACTIONS = (
    "Directions",
    "Discussion",
    "Eating",
    "Greeting",
    "Phoning",
    "Posing",
    "Purchases",
    "Sitting",
    "SittingDown",
    "Smoking",
    "TakingPhoto",
    "Waiting",
    "Walking",
    "WalkingDog",
    "WalkingTogether",
)
TAKES = ("1", "2")
BROKEN = SequenceName("S11", "Directions-2", "54138969")
"""Its video is damaged as published; everybody leaves it out."""
SHORT_NAMES = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog", "WalkingTogether": "WalkTogether"}
"""Some subjects' files have these names instead."""

# Most takes are "<action> 1" and "<action>", in this order. The others, as the authors' metadata.xml numbers them: the
# number in the file name of takes 1 and 2, 0 for none.
USUAL_NUMBERS = (1, 0)
OTHER_NUMBERS = {
    "S1": {"Eating": (2, 0), "Sitting": (1, 2), "SittingDown": (2, 0)},
    "S5": {
        "Directions": (1, 2),
        "Discussion": (2, 3),
        "Greeting": (1, 2),
        "SittingDown": (0, 1),
        "TakingPhoto": (0, 2),
        "Waiting": (1, 2),
    },
    "S6": {"Eating": (1, 2), "Posing": (2, 0), "Sitting": (1, 2), "TakingPhoto": (0, 1), "Waiting": (3, 0)},
    "S7": {"Phoning": (2, 0), "SittingDown": (0, 1), "TakingPhoto": (0, 1), "Waiting": (1, 2), "Walking": (1, 2)},
    "S8": {"SittingDown": (0, 1), "WalkingTogether": (1, 2)},
    "S9": {"Discussion": (1, 2), "SittingDown": (0, 1)},
    "S11": {"Discussion": (1, 2), "Greeting": (2, 0), "Phoning": (3, 2), "SittingDown": (0, 1), "Smoking": (2, 0)},
}
CAMERA_SPACE_TOLERANCE_M = 0.01


class Human36m:
    """The data set in its official form; a :class:`pose3d.datasets.recording.Source`.

    Raises:
        InputError: a subject or action that the data set does not have, or a subject without a folder.
    """

    def __init__(self, params: Human36mParams, folder: Path) -> None:
        self._folder, self._step = folder, params.frame_step
        self._names = sequence_names(params, folder)
        self._read_world = lru_cache(maxsize=1)(read_poses)  # a take's cameras come one after another
        self._cameras = human36m_cameras()

    def sequences(self) -> list[SequenceName]:
        """All sequences of the params' subjects and actions, sorted, without the broken one."""
        return list(self._names)

    def read(self, name: SequenceName) -> Recording:
        """Read one take of one camera.

        Raises:
            InputError: a file is missing, damaged, or not what its place says.
        """
        subject, camera = self._folder / name.subject, self._cameras[name.subject][name.camera]
        stems = file_stems(name.subject, name.action)
        positions = subject / "MyPoseFeatures"
        poses_file = _existing(positions / "D3_Positions", stems, ".cdf")
        video_file = _existing(subject / "Videos", stems, f".{camera.id}.mp4")
        poses = self._read_world(poses_file)
        in_camera = camera_space(poses, camera, str(poses_file))
        for stem in stems:
            mono_file = positions / "D3_Positions_mono" / f"{stem}.{camera.id}.cdf"
            if mono_file.exists():
                _compare(read_poses(mono_file), in_camera, mono_file, poses_file)
        video_frames, interlaced = check_video(video_file, camera, len(poses))
        indices = np.arange(0, min(len(poses), video_frames), self._step)
        boxes = None
        if (subject / "MySegmentsMat" / "ground_truth_bb").is_dir():
            boxes_file = _existing(subject / "MySegmentsMat" / "ground_truth_bb", stems, f".{camera.id}.mat")
            boxes = read_boxes(boxes_file, indices, camera)
            indices = indices[: len(boxes)]
            _check_boxes(boxes, camera.project(in_camera[indices]), boxes_file)
        sequence = make_sequence(name, camera, FRAME_RATE_HZ / self._step, poses[indices], in_camera[indices], boxes)
        frames = VideoFrames(video_file.relative_to(self._folder).as_posix(), indices)
        return Recording(sequence, frames, None, poses_file, interlaced=interlaced)


def sequence_names(params: RecordedParams, folder: Path) -> list[SequenceName]:
    """All sequences that Human3.6M has of the params' subjects and actions, sorted, without the broken one.

    Raises:
        InputError: a subject or action that the data set does not have, or a subject without a folder.
    """
    cameras = human36m_cameras()
    for subject in params.subjects.all:
        if subject not in cameras:
            raise InputError(f"dataset.subjects: Human3.6M has poses of {', '.join(cameras)}, not of {subject}")
        if not (folder / subject).is_dir():
            raise InputError(f"{folder / subject} is missing: fetch it, or take {subject} out of dataset.subjects")
    for action in params.actions or ():
        if action not in ACTIONS:
            raise InputError(f"dataset.actions: Human3.6M's actions are {', '.join(ACTIONS)}, not {action}")
    names = {
        SequenceName(subject, f"{action}-{take}", camera)
        for subject in params.subjects.all
        for action in params.actions or ACTIONS
        for take in TAKES
        for camera in cameras[subject]
    }
    return sorted(names - {BROKEN})


def file_stems(subject: str, action: str) -> list[str]:
    """Names that a take's files may have before camera and ending: ``Directions-2`` to ``Directions``."""
    name, take = action.rsplit("-", 1)
    number = OTHER_NUMBERS[subject].get(name, USUAL_NUMBERS)[TAKES.index(take)]
    names = [name, SHORT_NAMES[name]] if name in SHORT_NAMES else [name]
    return [f"{name} {number}" if number else name for name in names]


def camera_space(poses_world_m: np.ndarray, camera: Camera, source: str) -> np.ndarray:
    """(T, 17, 3) world to camera space.

    Args:
        poses_world_m: (T, 17, 3).
        camera: that saw them.
        source: the file and the take, for the message.

    Raises:
        InputError: a joint lies behind the camera; names ``source``.
    """
    in_camera = camera.world_to_camera(poses_world_m)
    if (in_camera[..., 2] <= 0).any():
        raise InputError(
            f"{source}: joints lie behind camera {camera.id}: axes are swapped, or the positions are of another subject"
        )
    return in_camera


def make_sequence(
    name: SequenceName,
    camera: Camera,
    fps: float,
    poses_world_m: np.ndarray,
    poses_cam_m: np.ndarray,
    boxes_px: np.ndarray | None,
) -> PoseSequence:
    """A sequence with projected keypoints, and boxes around them where there are no others.

    Args:
        name: subject, action and camera.
        camera: that saw it.
        fps: frames per second.
        poses_world_m, poses_cam_m: (T, 17, 3), the same poses.
        boxes_px: (T, 4) x0, y0, x1, y1; None: a margin around the keypoints.
    """
    keypoints = camera.project(poses_cam_m)
    boxes = boxes_around(keypoints) if boxes_px is None else boxes_px
    arrays = (a.astype(np.float32) for a in (poses_world_m, poses_cam_m, keypoints, boxes))
    return PoseSequence(name.subject, name.action, camera, fps, *arrays)


def _existing(folder: Path, stems: list[str], ending: str) -> Path:
    paths = [folder / f"{stem}{ending}" for stem in stems]
    for path in paths:
        if path.exists():
            return path
    also = f" (and so is {paths[1].name})" if len(paths) > 1 else ""
    raise InputError(f"{paths[0]} is missing{also}: fetch it, or take its action out of dataset.actions")


def _compare(mono_m: np.ndarray, in_camera_m: np.ndarray, mono_file: Path, poses_file: Path) -> None:
    """Over the frames that both have: one may go on at its end."""
    shared = min(len(mono_m), len(in_camera_m))
    apart_m = float(np.median(np.linalg.norm(mono_m[:shared] - in_camera_m[:shared], axis=-1)))
    if apart_m > CAMERA_SPACE_TOLERANCE_M:
        raise InputError(
            f"{mono_file} lies {1000 * apart_m:.0f} mm from {poses_file} seen by that camera: axes are swapped, or one "
            "of them is of another take or camera"
        )


def _check_boxes(boxes_px: np.ndarray, keypoints_px: np.ndarray, boxes_file: Path) -> None:
    # A few takes of S9 have poses beside the person for a part of their time, so only the wholly wrong is refused.
    root = keypoints_px[:, ROOT]
    inside = ((boxes_px[:, :2] <= root) & (root <= boxes_px[:, 2:])).all(-1).mean()
    if inside < 0.1:
        raise InputError(
            f"{boxes_file}: in {100 * (1 - inside):.0f} % of the frames the hip lies outside of the box: the boxes are "
            "of another take or camera"
        )
