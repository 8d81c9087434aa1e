"""VideoPose3D's npz files: world poses in one, keypoints that some network detected in the other.

=================  ================  ==================================================================================
file               key               content
=================  ================  ==================================================================================
``positions``      positions_3d      subject -> action -> (T, 17 or 32, 3) world, metres, z up
``keypoints``      positions_2d      subject -> action -> one array per camera, in the calibration's order, each
                                     (T, K, 2) px of the full image, or 3 with the confidence
``keypoints``      metadata          ``layout_name`` h36m, coco, mpii or a name of ours, ``num_joints`` and
                                     ``keypoints_symmetry`` of the K points; may be missing with Human3.6M's 17 or 32
                                     joints where all subjects have 3D, which shows whose joints the keypoints are
=================  ================  ==================================================================================

Files of another skeleton, such as HumanEva-I's, are refused as a whole.

Subjects and actions may be any. Takes of an action are told apart by a number after its name: ``Walking 1`` is our
``Walking-1``, and ``Walking`` stays.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pose3d.config.dataset import VideoPose3DParams
from pose3d.datasets.layouts import keypoint_layout, require_human36m_joints, says_human36m
from pose3d.datasets.pose_arrays import (
    as_17_joints,
    as_points,
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
from pose3d.geometry.layouts import OURS
from pose3d.records.pickled_npz import read_pickled_npz
from pose3d.runtime.errors import InputError

MAX_ARRAYS = 10_000
"""Of a file, looked at for their joints; Human3.6M has 840."""
FILES = "data_2d_h36m_cpn_ft_h36m_dbb.npz and data_3d_h36m.npz"


class VideoPose3D:
    """The pair of files as a :class:`~pose3d.datasets.recording.Source`.

    Raises:
        InputError: a file is missing, damaged, of another form or of other joints, or lacks a subject or an action of
            the params.
    """

    def __init__(self, params: VideoPose3DParams, folder: Path) -> None:
        self._params = params
        self._positions_path, self._keypoints_path = folder / params.positions, folder / params.keypoints
        positions = read_pickled_npz(self._positions_path, ["positions_3d"])
        keypoints = read_pickled_npz(self._keypoints_path, ["positions_2d", "metadata"])
        metadata = keypoints.get("metadata")
        require_human36m_joints(_arrays(positions.get("positions_3d")), self._positions_path, FILES)
        self._layout = keypoint_layout(_arrays(keypoints.get("positions_2d")), self._keypoints_path, metadata)
        require_px(_arrays(keypoints.get("positions_2d")), self._keypoints_path)
        self._cameras = cameras_of(params, folder)
        self._poses = self._takes(
            positions.get("positions_3d"), "positions_3d", self._positions_path, params.subjects_with_3d
        )
        self._keypoints = self._takes(
            keypoints.get("positions_2d"), "positions_2d", self._keypoints_path, params.subjects.all
        )
        if params.keypoints_only and self._layout != OURS:
            raise InputError(
                f"{self._keypoints_path} has keypoints of the layout {self._layout}, whose lifters learn from 3D: "
                f"empty dataset.keypoints_only, and take those without 3D ({', '.join(params.keypoints_only)}) out of "
                "dataset.subjects"
            )
        if params.keypoints_only and not says_human36m(metadata):
            raise InputError(
                f"{self._keypoints_path}: no metadata says that its joints are Human3.6M's, and without 3D nothing "
                f"else shows it of {', '.join(params.keypoints_only)}: if they are, save the file again with "
                'metadata={"layout_name": "h36m"}; if not, correct dataset.keypoints_only'
            )
        takes_of = self._poses | {subject: self._keypoints[subject] for subject in params.keypoints_only}
        self._names = sorted(
            SequenceName(subject, action, camera)
            for subject, takes in takes_of.items()
            for action in takes
            if is_chosen(action, params.actions)
            for camera in self._cameras[subject]
        )
        known = {action for takes in takes_of.values() for action in takes}
        check_actions(params, self._names, known, self._positions_path, self._keypoints_path)

    def _takes(self, content: Any, key: str, path: Path, wanted: list[str]) -> dict[str, dict[str, Any]]:
        """Subject to our name of the action to what the file holds for it; wanted subjects only."""
        if not _is_of_takes(content):
            raise InputError(f"{path} has no {key} of subjects and actions, as VideoPose3D's files have it")
        subjects = {path_safe(str(subject), path): takes for subject, takes in content.items()}
        check_subjects(wanted, subjects, path)
        renamed = {}
        for subject in wanted:
            renamed[subject] = {path_safe(str(action), path): take for action, take in subjects[subject].items()}
            if len(renamed[subject]) < len(subjects[subject]):
                raise InputError(f"{path}: {subject} has two actions whose names differ by a space only: rename one")
        return renamed

    def sequences(self) -> list[SequenceName]:
        """Every take of the 3D file that the params choose, by every camera; without 3D, of the 2D file."""
        return self._names

    def read(self, name: SequenceName) -> Recording:
        """Read one of them; raises :class:`InputError` that names the file."""
        take = f"{name.subject}/{name.action}"
        where_3d, where_2d = f"{self._positions_path}: {take}", f"{self._keypoints_path}: {take}/{name.camera}"
        cameras, step = self._cameras[name.subject], self._params.frame_step
        camera, rate_hz = cameras[name.camera], self._params.frame_rate_hz
        views = self._keypoints[name.subject].get(name.action)
        if views is None:
            raise InputError(
                f"{self._keypoints_path}: no keypoints of {take}, while {self._positions_path} has poses of it: add "
                "them, or leave that action out of dataset.actions"
            )
        if isinstance(views, np.ndarray) and views.ndim == 3 and views.dtype.kind in "fiu":
            views = [views]  # of one camera, without a list around it
        if not isinstance(views, list | tuple) and not (isinstance(views, np.ndarray) and views.ndim):
            raise InputError(f"{where_2d}: has no list of keypoints by camera; repair or drop that take")
        view = list(cameras).index(name.camera)
        if view >= len(views) or len(views) > len(cameras):
            raise InputError(
                f"{where_2d}: the take has {len(views)} views for the calibration's {len(cameras)} cameras: there must "
                "be one of each, in that order"
            )
        keypoints = as_points(views[view], self._layout, (2, 3), where_2d)
        if name.subject in self._params.keypoints_only:
            given = given_keypoints(keypoints, where_2d, rate_hz, step, camera)
            return recording_of_keypoints(name, camera, rate_hz / step, given, self._keypoints_path)
        poses = as_17_joints(self._poses[name.subject][name.action], (3,), where_3d)
        poses, keypoints, lengths = cut_alike(poses, keypoints)
        poses_world_m = poses[::step]
        return recording_of(
            name,
            camera,
            rate_hz / step,
            poses_world_m,
            camera.world_to_camera(poses_world_m),
            given_keypoints(keypoints, where_2d, rate_hz, step, camera, self._layout),
            lengths,
            self._positions_path,
            self._keypoints_path,
        )


def _arrays(content: Any) -> Iterator[Any]:
    """The arrays of all takes, or of as many as are looked at; none where the content has another form."""
    if not _is_of_takes(content):
        return iter(())
    views = (view for takes in content.values() for take in takes.values() for view in _views(take))
    return itertools.islice(views, MAX_ARRAYS)  # dicts that the file holds once may be named in many places


def _views(take: Any) -> list[Any]:
    """The arrays of a take, one by camera or the poses alone."""
    return list(take) if isinstance(take, list | tuple) or getattr(take, "ndim", 3) in (1, 4) else [take]


def _is_of_takes(content: Any) -> bool:
    return isinstance(content, dict) and all(isinstance(takes, dict) for takes in content.values())
