"""VideoPose3D's npz files: world poses in one, keypoints that some network detected in the other.

=================  ================  ==================================================================================
file               key               content
=================  ================  ==================================================================================
``positions``      positions_3d      subject -> action -> (T, 17 or 32, 3) world, metres, z up
``keypoints``      positions_2d      subject -> action -> one array per camera, in the calibration's order, each
                                     (T, 17 or 32, 2) px of the full image, or 3 with the confidence
``keypoints``      metadata          may be missing; its ``keypoints_symmetry`` must be that of Human3.6M's 17 joints
=================  ================  ==================================================================================

Files of other joints, which VideoPose3D has in the same form (COCO's 17, MPII's 16, HumanEva-I's 15), are refused as a
whole.

Subjects and actions may be any. Takes of an action are told apart by a number after its name: ``Walking 1`` is our
``Walking-1``, and ``Walking`` stays.
"""

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from pose3d.config.dataset import VideoPose3DParams
from pose3d.datasets.pickled_npz import read_pickled_npz
from pose3d.datasets.pose_arrays import (
    as_17_joints,
    cameras_of,
    check_actions,
    check_subjects,
    cut_alike,
    detected_keypoints,
    is_chosen,
    path_safe,
    recording_of,
    recording_of_keypoints,
)
from pose3d.datasets.recording import Recording, SequenceName
from pose3d.errors import InputError
from pose3d.skeleton import LEFT_JOINTS, N_JOINTS, RIGHT_JOINTS

N_JOINTS_CAPTURED = 32
"""Of Human3.6M's motion capture, the 17 among them."""
LAYOUTS_BY_COUNT = {15: "HumanEva-I (15 joints)", 16: "MPII (16 joints)", 20: "HumanEva-I (20 joints)"}
LAYOUT_NAMES = {
    "coco": "COCO (17 joints)",
    "mpii": LAYOUTS_BY_COUNT[16],
    "humaneva15": LAYOUTS_BY_COUNT[15],
    "humaneva20": LAYOUTS_BY_COUNT[20],
}
"""What VideoPose3D's metadata calls other layouts."""
MAX_ARRAYS = 10_000
"""Of a file, looked at for their joints; Human3.6M has 840."""
COCO_SIDES = {frozenset(range(1, 17, 2)), frozenset(range(2, 17, 2))}


class VideoPose3D:
    """The pair of files as a :class:`~pose3d.datasets.recording.Source`.

    Raises:
        InputError: a file is missing, damaged or of another form, or lacks a subject or an action of the profile.
    """

    def __init__(self, params: VideoPose3DParams, folder: Path) -> None:
        self._params = params
        self._positions_path, self._keypoints_path = folder / params.positions, folder / params.keypoints
        positions = read_pickled_npz(self._positions_path, ["positions_3d"])
        keypoints = read_pickled_npz(self._keypoints_path, ["positions_2d", "metadata"])
        _require_human36m_joints(positions.get("positions_3d"), None, self._positions_path)
        _require_human36m_joints(keypoints.get("positions_2d"), keypoints.get("metadata"), self._keypoints_path)
        self._cameras = cameras_of(params, folder)
        self._poses = self._takes(
            positions.get("positions_3d"), "positions_3d", self._positions_path, params.subjects_with_3d
        )
        self._keypoints = self._takes(
            keypoints.get("positions_2d"), "positions_2d", self._keypoints_path, params.subjects.all
        )
        takes_of = self._poses | {subject: self._keypoints[subject] for subject in params.keypoints_only}
        self._names = sorted(
            SequenceName(subject, action, camera)
            for subject, takes in takes_of.items()
            for action in takes
            if is_chosen(action, params.actions)
            for camera in self._cameras[subject]
        )
        check_actions(params, self._names, self._positions_path, self._keypoints_path)

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
        """Every take of the 3D file that the profile chooses, by every camera; for who has no 3D, of the 2D file."""
        return self._names

    def read(self, name: SequenceName) -> Recording:
        """Read one of them; raises :class:`InputError` that names the file."""
        take = f"{name.subject}/{name.action}"
        where_3d, where_2d = f"{self._positions_path}: {take}", f"{self._keypoints_path}: {take}/{name.camera}"
        cameras, step = self._cameras[name.subject], self._params.frame_step
        camera, fps = cameras[name.camera], self._params.frame_rate_hz / step
        views = self._keypoints[name.subject].get(name.action)
        if not isinstance(views, list | tuple) and not (isinstance(views, np.ndarray) and views.ndim):
            raise InputError(f"{where_2d}: has no list of keypoints by camera; mend or drop that take")
        view = list(cameras).index(name.camera)
        if view >= len(views) or len(views) > len(cameras):
            raise InputError(
                f"{where_2d}: the take has {len(views)} views for the calibration's {len(cameras)} cameras: there must "
                "be one of each, in that order"
            )
        keypoints = as_17_joints(views[view], (2, 3), where_2d)
        if name.subject in self._params.keypoints_only:
            detected = detected_keypoints(keypoints[::step], where_2d)
            return recording_of_keypoints(name, camera, fps, detected, self._keypoints_path)
        poses = as_17_joints(self._poses[name.subject][name.action], (3,), where_3d)
        poses_world_m, keypoints = cut_alike(poses, keypoints, step, where_2d)
        return recording_of(
            name,
            camera,
            fps,
            poses_world_m,
            camera.world_to_camera(poses_world_m),
            detected_keypoints(keypoints, where_2d),
            self._positions_path,
            self._keypoints_path,
        )


def _require_human36m_joints(content: Any, metadata: Any, path: Path) -> None:
    """Refuse a file that is of another skeleton throughout; a single odd take is found when it is read.

    Raises:
        InputError: names the file and the layout.
    """
    layout = _layout_of_metadata(metadata) or _layout_of_arrays(content)
    if layout:
        raise InputError(
            f"{path} has the joints of {layout}, not Human3.6M's 17 joints: source videopose3d reads no other layout; "
            "name a file of those, such as data_2d_h36m_cpn_ft_h36m_dbb.npz and data_3d_h36m.npz"
        )


def _layout_of_metadata(metadata: Any) -> str | None:
    """Whose joints they are, if metadata says that they are not Human3.6M's; without a word of it None."""
    if not isinstance(metadata, dict):
        return None
    layout = metadata.get("layout_name")
    if isinstance(layout, str) and layout in LAYOUT_NAMES:
        return LAYOUT_NAMES[layout]
    n_joints = metadata.get("num_joints")
    if not isinstance(n_joints, int | np.integer):
        return None
    if n_joints != N_JOINTS:
        return _layout_of_count(int(n_joints))
    try:
        sides = [list(side) for side in metadata["keypoints_symmetry"]]
    except (KeyError, TypeError):
        return None
    # Nothing but numbers is put into sets: to hash tuples that hold each other many times takes for ever.
    if not all(isinstance(joint, int | np.integer) for side in sides for joint in side):
        return None
    found = {frozenset(side) for side in sides}
    if found == {frozenset(LEFT_JOINTS), frozenset(RIGHT_JOINTS)}:
        return None
    return "COCO (17 joints)" if found == COCO_SIDES else "another skeleton of 17 joints"


def _layout_of_arrays(content: Any) -> str | None:
    """Whose joints they are, if all takes have the same number of joints and that is not Human3.6M's; else None."""
    if not _is_of_takes(content):
        return None
    views = (view for takes in content.values() for take in takes.values() for view in _views(take))
    views = itertools.islice(views, MAX_ARRAYS)  # dicts that stand in the file once may be named in many places
    counts = {view.shape[1] if isinstance(view, np.ndarray) and view.ndim == 3 else None for view in views}
    return _layout_of_count(counts.pop()) if len(counts) == 1 and counts != {None} else None


def _views(take: Any) -> list[Any]:
    """The arrays of a take, one by camera or the poses alone."""
    return list(take) if isinstance(take, list | tuple) or getattr(take, "ndim", 3) in (1, 4) else [take]


def _layout_of_count(n_joints: int) -> str | None:
    if n_joints in (N_JOINTS, N_JOINTS_CAPTURED):
        return None
    return LAYOUTS_BY_COUNT.get(n_joints, f"another skeleton ({n_joints} joints)")


def _is_of_takes(content: Any) -> bool:
    return isinstance(content, dict) and all(isinstance(takes, dict) for takes in content.values())
