"""The original system's npz files: poses in camera space, in millimetres, and keypoints that its network detected.

=================  ==========  ========================================================================================
files              key         content
=================  ==========  ========================================================================================
``poses``          pose3d      subject -> action -> camera -> (T, 17, 3) camera space, millimetres
``keypoints``      pose2d      subject -> action -> camera -> (T, 17, 2) px of the full image
=================  ==========  ========================================================================================

The files of each kind are taken together. The 3D files say which sequences there are, because not every take has
every camera. The world comes from the calibration.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pose3d.config.dataset import OriginalNpzParams
from pose3d.datasets.layouts import require_human36m_joints
from pose3d.datasets.pose_arrays import (
    as_17_joints,
    cameras_of,
    check_actions,
    check_subjects,
    cut_alike,
    given_keypoints,
    is_chosen,
    path_safe,
    recording_of,
    recording_of_keypoints,
    require_px,
)
from pose3d.datasets.recording import Recording, SequenceName
from pose3d.records.pickled_npz import read_pickled_npz
from pose3d.runtime.errors import InputError

MAX_SEQUENCES = 100_000
"""Of one file; Human3.6M has 840. Dicts that a file holds once may be named in many places, in two bytes each."""
FILES = "pose_resnet/h36m_pred2d_train.npz and h36m_gt_train.npz"


class OriginalNpz:
    """The files as a :class:`~pose3d.datasets.recording.Source`.

    Raises:
        InputError: a file is missing, damaged, of another form or of other joints, two hold the same sequence, or they
            lack a subject or an action of the params.
    """

    def __init__(self, params: OriginalNpzParams, folder: Path) -> None:
        self._params = params
        self._cameras = cameras_of(params, folder)
        self._keypoints_files = ", ".join(str(folder / name) for name in params.keypoints)
        poses_files = ", ".join(str(folder / name) for name in params.poses)
        self._poses = merged((folder / name for name in params.poses), "pose3d")
        self._keypoints = merged((folder / name for name in params.keypoints), "pose2d")
        for path in {path for _, path in self._keypoints.values()}:
            require_px((array for array, file in self._keypoints.values() if file == path), path)
        check_subjects(params.subjects_with_3d, {name.subject for name in self._poses}, poses_files)
        check_subjects(params.subjects.all, {name.subject for name in self._keypoints}, self._keypoints_files)
        self._names = sorted(
            name
            for found, subjects in (
                (self._poses, params.subjects_with_3d),
                (self._keypoints, params.keypoints_only),
            )
            for name in found
            if name.subject in subjects and is_chosen(name.action, params.actions)
        )
        known = {name.action for name in (*self._poses, *self._keypoints) if name.subject in params.subjects.all}
        check_actions(params, self._names, known, poses_files, self._keypoints_files)

    def sequences(self) -> list[SequenceName]:
        """Every sequence of the 3D files that the params choose; for subjects without 3D, of the 2D files."""
        return self._names

    def read(self, name: SequenceName) -> Recording:
        """Read one of them; raises :class:`InputError` that names the file."""
        step = self._params.frame_step
        rate_hz = self._params.frame_rate_hz
        has_3d = name.subject not in self._params.keypoints_only
        poses, path = (self._poses if has_3d else self._keypoints)[name]
        where = f"{path}: {name.key}"
        cameras = self._cameras[name.subject]
        if name.camera not in cameras:
            raise InputError(
                f"{where}: camera {name.camera} is not in the calibration, only {', '.join(cameras)}: "
                "rename it, or name the file of its cameras in dataset.calibration"
            )
        camera = cameras[name.camera]
        if name not in self._keypoints:
            raise InputError(f"{self._keypoints_files}: no keypoints of {name.key}, while {path} has poses of it")
        keypoints, keypoints_path = self._keypoints[name]
        where_2d = f"{keypoints_path}: {name.key}"
        keypoints = as_17_joints(keypoints, (2, 3), where_2d)
        if not has_3d:
            given = given_keypoints(keypoints, where_2d, rate_hz, step, camera)
            return recording_of_keypoints(name, camera, rate_hz / step, given, keypoints_path)
        poses_mm, keypoints, lengths = cut_alike(as_17_joints(poses, (3,), where), keypoints)
        poses_cam_m = poses_mm[::step] / 1000
        return recording_of(
            name,
            camera,
            rate_hz / step,
            camera.camera_to_world(poses_cam_m),
            poses_cam_m,
            given_keypoints(keypoints, where_2d, rate_hz, step, camera),
            lengths,
            path,
            keypoints_path,
        )


def merged(paths: Iterable[Path], key: str) -> dict[SequenceName, tuple[Any, Path]]:
    """Each sequence's content under ``key`` of one of the files, and the path of that file.

    Raises:
        InputError: a file is missing, damaged, of another form or of other joints, or two hold the same sequence.
    """
    merged: dict[SequenceName, tuple[Any, Path]] = {}
    for path in paths:
        content: Any = read_pickled_npz(path, [key]).get(key)
        try:
            entries = (
                ((subject, action, camera), array)
                for subject, takes in content.items()
                for action, views in takes.items()
                for camera, array in views.items()
            )
            found = list(itertools.islice(entries, MAX_SEQUENCES + 1))
        except AttributeError:
            raise InputError(f"{path} has no {key} of subjects, actions and cameras, as the original has it") from None
        if len(found) > MAX_SEQUENCES:
            raise InputError(f"{path} has more than {MAX_SEQUENCES} sequences under {key}: it is damaged")
        require_human36m_joints((array for _, array in found), path, FILES)
        for (subject, action, camera), array in found:
            name = SequenceName(path_safe(str(subject), path), path_safe(str(action), path), str(camera))
            if name in merged:
                raise InputError(f"{path} and {merged[name][1]} both have {name.key}: keep it in one file")
            merged[name] = array, path
    return merged
