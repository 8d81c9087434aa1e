"""Poses of a whole clip in the world: z up, the floor at 0, and the person's first heading along y.

It takes a camera at rest. The world's origin is on the floor below the hip in the first frame in which the person is
found. Feet in contact stay where they are (:mod:`pose3d.world.contacts`); so poses in the world are not quite those in
camera space.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.rotations import unit
from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS, ROOT
from pose3d.lifting.long_clips import shots
from pose3d.runtime.rows import Rows, RowsOrArray, Sliceable, chunks
from pose3d.world.contacts import FEET, contacts, planted, planting
from pose3d.world.stature import ANKLE_PER_HEIGHT, frame_rate, sampled, standing_height
from pose3d.world.up import leg_directions, up_direction

_HEADING_S = 0.5
_LOWEST_PCT = 5.0  # of heights: a few bad frames do not sink the floor
_RIGHT = [JOINT_NAMES.index(name) for name in ("RHip", "RShoulder")]
_LEFT = [JOINT_NAMES.index(name) for name in ("LHip", "LShoulder")]


@dataclass(frozen=True, eq=False)
class Standing:
    """T frames of one person in the world.

    Attributes:
        poses_world_m: (T, 17, 3) float32, metres, z up, the floor at 0.
        contact: (T, 2) bool: the right and the left foot are on something.
        world_from_camera: (4, 4) float64, camera space to world, metres.
        landmarks_world_m: (T, L, 3) float32, see :func:`with_landmarks`; None: there are none.
    """

    poses_world_m: RowsOrArray
    contact: np.ndarray
    world_from_camera: np.ndarray
    landmarks_world_m: np.ndarray | None = None


def stand(
    poses_cam_m: Sliceable,
    camera: Camera,
    keypoints_px: Sliceable,
    found: np.ndarray,
    time_s: np.ndarray,
    up_cam: np.ndarray | None = None,
    edge_planes: np.ndarray | None = None,
    scratch: str | os.PathLike | None = None,
) -> Standing:
    """Put a clip's poses into the world.

    Args:
        poses_cam_m: (T, 17, 3) of a lifter that knows distances, camera space.
        camera: that saw them, at rest.
        keypoints_px: (T, 17, 2) that were lifted.
        found: (T,) bool, at least one.
        time_s: (T,) ascending.
        up_cam: (3,) upwards in camera space; None: :func:`pose3d.world.up.up_direction`.
        edge_planes: (N, 3) of a picture, for that; None: no picture is known.
        scratch: folder for the poses, see :class:`pose3d.runtime.rows.Rows`.

    Raises:
        OSError: the disk is full.
    """
    n_frames, feet = len(found), list(FEET)
    ankles_m, seen = np.empty((n_frames, 2, 3)), np.empty((n_frames, 2, 2))
    legs, distance_m = np.empty((n_frames, 3)), np.empty(n_frames)
    for part in chunks(n_frames):
        poses = np.asarray(poses_cam_m[part], np.float64)
        ankles_m[part], legs[part], distance_m[part] = poses[:, feet], leg_directions(poses), poses[:, ROOT, 2]
        seen[part] = camera.normalize(keypoints_px[part][:, feet])
    up = up_direction(legs[found], edge_planes) if up_cam is None else unit(np.asarray(up_cam, np.float64))
    contact, moved_m = np.empty((n_frames, 2), bool), np.empty((n_frames, 3, 3))
    for shot in shots(time_s):
        fps = frame_rate(time_s[shot])
        contact[shot] = contacts(ankles_m[shot], seen[shot], distance_m[shot], fps) & found[shot, None]
        moved_m[shot] = planting(ankles_m[shot], contact[shot], fps)
    sample_m = sampled(poses_cam_m, found)
    ankle_height_m = ANKLE_PER_HEIGHT * standing_height(sample_m)
    resting_m = ((ankles_m + moved_m[:, 1:]) @ up)[contact]
    floor_m = floor(resting_m, (sample_m @ up).min(1), ankle_height_m)
    first = int(found.argmax())
    start = slice(first, first + 1 + int(np.searchsorted(time_s[first:], time_s[first] + _HEADING_S)))
    poses = np.asarray(poses_cam_m[start], np.float64)[found[start]]
    world_from_camera = _world_from_camera(poses, up, floor_m)
    rotation, translation_m = world_from_camera[:3, :3], world_from_camera[:3, 3]
    standing = Rows(scratch, (N_JOINTS, 3))
    for part in chunks(n_frames):
        poses = planted(np.asarray(poses_cam_m[part], np.float64), moved_m[part])
        standing.append(poses @ rotation.T + translation_m)
    return Standing(standing, contact, world_from_camera)


def with_landmarks(
    standing: Standing, poses_cam_m: np.ndarray, landmarks_cam_m: np.ndarray, carriers: Sequence[int]
) -> Standing:
    """Put landmarks into the world, each beside the joint that it goes along with: toes stay where their foot does.

    Args:
        standing: of these poses.
        poses_cam_m: (T, 17, 3).
        landmarks_cam_m: (T, L, 3).
        carriers: L joints.
    """
    offsets_m = np.asarray(landmarks_cam_m, np.float64) - poses_cam_m[:, carriers]
    world_m = standing.poses_world_m[:][:, carriers] + offsets_m @ standing.world_from_camera[:3, :3].T
    return replace(standing, landmarks_world_m=world_m.astype(np.float32))


def floor(resting_m: np.ndarray, lowest_m: np.ndarray, ankle_height_m: float) -> float:
    """Height of the floor, along up: the lowest on which feet rest, whatever is climbed, or where nobody stands the
    lowest joints.

    Args:
        resting_m: (N,) heights of ankles in contact.
        lowest_m: (T,) height of each frame's lowest joint, T at least 1.
        ankle_height_m: of a foot that stands flat.

    Example:
        >>> round(floor(np.array([0.08, 0.08, 0.58]), np.array([0.07]), 0.08), 6)
        0.0
    """
    if len(resting_m):
        return float(np.percentile(resting_m, _LOWEST_PCT)) - ankle_height_m
    return float(np.percentile(lowest_m, _LOWEST_PCT))


def _world_from_camera(poses_cam_m: np.ndarray, up: np.ndarray, floor_m: float) -> np.ndarray:
    """(4, 4) from the (N, 17, 3) poses at the start, the direction upwards and the floor's height along it."""
    sides = unit(poses_cam_m[:, _RIGHT].sum(1) - poses_cam_m[:, _LEFT].sum(1)).mean(0)
    right = sides - (sides @ up) * up
    if np.linalg.norm(right) < 0.1:  # somebody on their side heads nowhere: away from the camera
        right = np.cross(np.array([0.0, 0.0, 1.0]), up)
    if np.linalg.norm(right) < 0.1:  # and the camera looks straight down
        right = np.array([1.0, 0.0, 0.0])
    right = unit(right - (right @ up) * up)
    transform = np.eye(4)
    transform[:3, :3] = np.stack([right, np.cross(up, right), up])
    transform[:3, 3] = -transform[:3, :3] @ poses_cam_m[0, ROOT]
    transform[2, 3] = -floor_m
    return transform
