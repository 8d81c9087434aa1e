"""From another program's keypoints to poses: what ``pose3d lift`` does. No picture is looked at."""

import os
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from pose3d.formats.calibrated import Calibrated
from pose3d.formats.clip import Clip
from pose3d.formats.predictions import Predictions
from pose3d.geometry.camera import Camera
from pose3d.geometry.layouts import Layout, carriers_of
from pose3d.geometry.lens_edge import BEYOND, mark_beyond, moved_within
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.lift import Lifted, load_lifter
from pose3d.lifting.long_clips import Resampled, lift_clip
from pose3d.lifting.networks import Lifter
from pose3d.predict.clip import camera_from_view, read_camera
from pose3d.predict.given_keypoints import GivenPeople, GivenPerson, enough_points, least_said
from pose3d.predict.vertical import ask_inverse, calibrated_up, said_up
from pose3d.predict.view_options import FOV_DEG
from pose3d.runtime.errors import InputError
from pose3d.runtime.rows import Rows
from pose3d.world.standing import stand, with_landmarks
from pose3d.world.stature import height_factors, sampled, standing_height
from pose3d.world.up import edge_planes

_NEAREST_M = 0.1  # before the camera, where joints are projected that were lifted behind it


@dataclass(frozen=True, eq=False)
class View:
    """Who saw the keypoints.

    Attributes:
        camera: in its own space.
        up_cam: (3,) upwards in camera space; None: it is estimated.
        edge_planes: (N, 3), for that, see :func:`pose3d.world.up.edge_planes`; None: there is no picture.
        calibration: the file and the camera in it that say which way is up; None: they do not.
    """

    camera: Camera
    up_cam: np.ndarray | None = None
    edge_planes: np.ndarray | None = None
    calibration: tuple[str | os.PathLike, Calibrated] | None = None


def view_of(
    people: GivenPeople,
    camera: str | os.PathLike | None,
    camera_name: str | None,
    fov_deg: float | None,
    own: Camera | None,
    up: str,
    video: str | os.PathLike | None,
    rate_hz: float | None = None,
) -> View:
    """The camera of a calibration, of a field of view, or of the file itself, and which way is up.

    Args:
        people: whose picture's size the camera has.
        camera: calibration, see :func:`pose3d.predict.clip.read_camera`.
        camera_name: of a calibration with several cameras.
        fov_deg: field of view along the picture's longer side; None: it was not said.
        own: of the file, taken where neither is given.
        up: as of :func:`pose3d.predict.pipeline.predict`.
        video: whose first picture's edges, or metadata, say which way is up; None: there is none.
        rate_hz: as for :class:`pose3d.formats.clip.Clip`.

    Raises:
        InputError: the calibration or ``up`` is wrong, or no camera has that field of view.
    """
    up_cam, calibration = said_up(up, video), None
    if camera is None and (camera_name is not None or up == "calibration"):
        raise InputError("--camera-name and --up calibration need a calibration: give --camera")
    if camera is not None:
        stem = Path(people.path if video is None else video).stem
        one = read_camera(camera, people.width_px, people.height_px, camera_name, stem)
        if up == "calibration":
            up_cam, calibration = calibrated_up(camera, one), (camera, one)
        seen_by = replace(one.camera, id="clip", rotation=np.eye(3), translation_m=np.zeros(3))
    elif own is not None and fov_deg is None:
        seen_by = own
    else:
        seen_by = camera_from_view(people.width_px, people.height_px, FOV_DEG if fov_deg is None else fov_deg)
    planes = None
    if up_cam is None and video is not None:
        with Clip(video, rate_hz) as clip:
            planes = edge_planes(next(iter(clip)).image_bgr, seen_by)
    return View(seen_by, up_cam, planes, calibration)


def load_lifters(paths: dict[str, Path], layout: Layout) -> dict[str, Lifter]:
    """Both lifters of a layout, on the CPU.

    Raises:
        InputError: a file is missing or another, or of another layout.
    """
    return {name: load_lifter(path, layout.name) for name, path in paths.items()}


def lift_person(
    person: GivenPerson,
    people: GivenPeople,
    layout: Layout,
    view: View,
    lifters: dict[str, Lifter],
    height_m: float | None = None,
) -> Predictions:
    """Lift one person's keypoints.

    Lifters see the frames in which the person is found alone, so that nothing is made up through long gaps; in those,
    poses move evenly from where they were to where they are next. Keypoints of the predictions are those of our 17
    joints that the layout has; all others are the temporal pose's own, with confidence 0. The layout's other points are
    landmarks, in 3D alone, where the lifters say where these are.

    Args:
        person: whose keypoints are lifted.
        people: of the same file, for the times.
        layout: of the keypoints.
        view: who saw them, at rest.
        lifters: for this layout, repnet and temporal.
        height_m: standing height of the person; None: of the size that the lifters guess.

    Raises:
        InputError: there are too few points, or one that the lifter needs is nowhere detected.
    """
    camera, time_s = view.camera, people.time_s
    person = _within_lens(person, people.path, layout, camera)
    found = person.found
    seen = np.flatnonzero(found)
    seen_s = time_s[seen]
    keypoints = person.keypoints_px[seen]
    lifted = {}
    for name, lifter in lifters.items():
        own = lift_clip(lifter, camera, seen_s, keypoints)
        poses = own.poses_cam_m[:]
        # At the lifter's own rate points of two frames make one, which may leave too few of them for a pose.
        known = np.flatnonzero(np.isfinite(poses).all((1, 2)))
        if not len(known):
            raise InputError(
                f"{people.path}: person {person.number} has too few points in every frame: ask for another"
            )
        lifted[name] = own.each(partial(_at_all_times, seen_s=seen_s, time_s=time_s, known=known))
    projected_px = _project(camera, lifted["temporal"].poses_cam_m)
    keypoints_px, confidence = projected_px.copy(), np.zeros(projected_px.shape[:2], np.float32)
    for point, joint in enumerate(layout.joints):
        if joint is not None:
            given = person.trust[:, point] > 0
            keypoints_px[given, joint] = person.keypoints_px[given, point]
            confidence[:, joint] = person.confidence[:, point]
    keypoints_px = moved_within(camera, keypoints_px, camera.shows(keypoints_px))  # a lifted joint may lie beyond
    if height_m is not None:
        for name, one in lifted.items():
            factors = _factors(one, camera, keypoints_px, confidence, found, time_s, height_m)[:, None, None]
            lifted[name] = one.each(partial(np.multiply, factors))
    temporal = lifted["temporal"]
    if view.calibration is not None:
        ask_inverse(*view.calibration, temporal.poses_cam_m, found)
    standing = stand(temporal.poses_cam_m, camera, keypoints_px, found, time_s, view.up_cam, view.edge_planes)
    if temporal.landmarks_cam_m is not None:
        carriers = carriers_of(layout.landmarks)
        standing = with_landmarks(standing, temporal.poses_cam_m, temporal.landmarks_cam_m, carriers)
    return Predictions(
        time_s,
        _boxes(person, time_s),
        keypoints_px,
        confidence,
        found,
        lifted,
        camera,
        replace(standing, poses_world_m=standing.poses_world_m[:]),
        landmarks=() if temporal.landmarks_cam_m is None else layout.landmarks,
    )


def _at_all_times(rows: Rows, seen_s: np.ndarray, time_s: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Rows at the times at which the person is seen, of which some are known, at all times of the clip."""
    return Resampled(rows[:], seen_s, time_s, known)[:]


def _within_lens(person: GivenPerson, path: str, layout: Layout, camera: Camera) -> GivenPerson:
    """Without the points that lie where the camera's lens shows nothing; how many they are is said on stderr."""
    _, beyond = mark_beyond(camera, person.keypoints_px)
    if not beyond.any():
        return person
    print(f"{path}: of person {person.number} {beyond.sum():,} keypoints {BEYOND}", file=sys.stderr)
    trust = np.where(beyond, np.float32(0), person.trust)
    found = enough_points(trust > 0, layout)
    if not found.any():
        raise InputError(
            f"{path}: person {person.number} never has {least_said(layout)} at once where the camera's lens shows "
            "anything: give the calibration of this video, or ask for another"
        )
    return GivenPerson(
        person.number,
        np.where(beyond[..., None], np.float32(np.nan), person.keypoints_px),
        np.where(beyond, np.float32(0), person.confidence),
        trust,
        found,
    )


def _factors(
    lifted: Lifted[np.ndarray],
    camera: Camera,
    keypoints_px: np.ndarray,
    confidence: np.ndarray,
    found: np.ndarray,
    time_s: np.ndarray,
    height_m: float,
) -> np.ndarray:
    """(T,) float32 by which poses become those of somebody that tall."""
    poses = lifted.poses_cam_m
    if lifted.has_root:
        factors = height_factors(poses, camera, keypoints_px, confidence, found, time_s, height_m)
    else:
        factors = np.full(len(found), height_m / standing_height(sampled(poses, found)))
    return factors.astype(np.float32)


def _project(camera: Camera, poses_cam_m: np.ndarray) -> np.ndarray:
    before = np.concatenate([poses_cam_m[..., :2], np.maximum(poses_cam_m[..., 2:], _NEAREST_M)], -1)
    return camera.project(before).astype(np.float32).reshape(-1, N_JOINTS, 2)


def _boxes(person: GivenPerson, time_s: np.ndarray) -> np.ndarray:
    """(T, 4) px around the known points, evenly between frames that have some."""
    known = np.flatnonzero((person.trust > 0).any(1))
    low, high = np.nanmin(person.keypoints_px[known], 1), np.nanmax(person.keypoints_px[known], 1)
    boxes = np.concatenate([low, high], 1)
    return np.stack([np.interp(time_s, time_s[known], side) for side in boxes.T], 1).astype(np.float32)
