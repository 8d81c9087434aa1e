"""Which way is up in camera space: from legs, from the edges of what is built, and from how people hold cameras.

None of the three is enough. People stand upright in the mean only, and a lifter tips whole poses by some degrees. Edges
of walls, doors and boxes are exact, but most lines of a picture are not upright. Cameras are mostly held level, but may
look down or up. So directions are rated by all three: the sum of the logarithms of

* the edges: the share (by length) of line segments that point to the vanishing point of the vertical,
  sum_i l_i exp(-a_i^2 / 2 s^2) / sum_i l_i with a_i the angle between the direction and the plane of segment i through
  the camera, as in Coughlan and Yuille, "Manhattan World" (ICCV 1999);
* the legs: a normal distribution about their robust mean, with a floor because people lie and climb;
* the camera: normal distributions of its pitch and roll, of roll a narrow one and a wide one.
"""

import cv2
import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.rotations import least_rotation, unit
from pose3d.geometry.skeleton import JOINT_NAMES, ROOT
from pose3d.geometry.upright import LEVEL_CAMERA_UP
from pose3d.runtime.errors import InputError

_PICTURE_PX = 960  # longer side of the picture in which edges are looked for
_SEGMENT_SHARE = 0.04  # of the longer side: shorter segments are texture
_LEGS_DEG, _LEGS_FLOOR = 10.0, 0.01
_PITCH_DEG = 30.0
_ROLL_DEG, _ASKEW_DEG, _ASKEW = 6.0, 30.0, 0.1  # one camera in ten is held askew
_EDGES_FLOOR = 0.01
_ROBUST_DEG, _ROBUST_ROUNDS = 10.0, 20
_SEARCH_DEG = ((28.0, 1.5, 2.0), (3.0, 0.5, 1.0), (0.75, 0.125, 0.5))
"""Coarse to fine: half width of the grid, its step, and the deviation of edges."""
_ANKLES = [JOINT_NAMES.index(name) for name in ("RFoot", "LFoot")]


def up_direction(leg_directions: np.ndarray, edge_planes: np.ndarray | None = None) -> np.ndarray:
    """The likeliest direction upwards in camera space, a unit vector (3,).

    Args:
        leg_directions: (T, 3) from :func:`leg_directions` of a camera at rest, T at least 1.
        edge_planes: (N, 3) from :func:`edge_planes` of a picture; None: no picture is known.

    Example:
        Legs that lean by 2 degrees before two edges that are upright in the picture.

        >>> legs = np.array([[0.035, -1.0, 0.0]] * 5)
        >>> edges = np.array([[1.0, 0, 0], [0.8, 0, 0.6]])
        >>> (up_direction(legs, edges).round(3) + 0).tolist()
        [0.0, -1.0, 0.0]
    """
    legs = robust_mean(leg_directions)
    planes = np.zeros((0, 3)) if edge_planes is None else edge_planes
    lengths = np.linalg.norm(planes, axis=-1)
    planes, lengths = unit(planes), lengths / max(float(lengths.sum()), 1e-12)
    starts = [legs, LEVEL_CAMERA_UP]
    for half_deg, step_deg, deviation_deg in _SEARCH_DEG:
        directions = np.concatenate([_around(start, half_deg, step_deg) for start in starts])
        rated = _edges(directions, planes, lengths, deviation_deg) + _legs(directions, legs) + _camera(directions)
        starts = [directions[rated.argmax()]]
    return starts[0]


def _edges(directions: np.ndarray, planes: np.ndarray, lengths: np.ndarray, deviation_deg: float) -> np.ndarray:
    off_deg = np.degrees(np.arcsin(np.clip(np.abs(directions @ planes.T), 0, 1)))
    return np.log(np.exp(-(off_deg**2) / (2 * deviation_deg**2)) @ lengths + _EDGES_FLOOR)


def _legs(directions: np.ndarray, legs: np.ndarray) -> np.ndarray:
    off_deg = np.degrees(np.arccos(np.clip(directions @ legs, -1, 1)))
    return np.log(np.exp(-(off_deg**2) / (2 * _LEGS_DEG**2)) + _LEGS_FLOOR)


def _camera(directions: np.ndarray) -> np.ndarray:
    x, y, z = directions.T
    pitch_deg, roll_deg = np.degrees(np.arctan2(z, -y)), np.degrees(np.arcsin(np.clip(x, -1, 1)))
    held = np.exp(-((roll_deg / _ROLL_DEG) ** 2) / 2) + _ASKEW * np.exp(-((roll_deg / _ASKEW_DEG) ** 2) / 2)
    return np.log(held + 1e-9) - (pitch_deg / _PITCH_DEG) ** 2 / 2


def _around(centre: np.ndarray, half_deg: float, step_deg: float) -> np.ndarray:
    """(N, 3) directions on a grid about one."""
    steps = np.tan(np.radians(np.arange(-half_deg, half_deg + step_deg / 2, step_deg)))
    x, y = np.meshgrid(steps, steps)
    grid = np.stack([x, y, np.ones_like(x)], -1).reshape(-1, 3)
    return unit(grid) @ least_rotation(np.array([0.0, 0.0, 1.0]), centre).T


def leg_directions(poses_cam_m: np.ndarray) -> np.ndarray:
    """(T, 3) from the middle of the ankles to the hip of (T, 17, 3) poses, metres."""
    return poses_cam_m[:, ROOT] - poses_cam_m[:, _ANKLES].mean(1)


def robust_mean(directions: np.ndarray) -> np.ndarray:
    """Mean direction (3,) of (T, 3) by iteratively reweighted least squares with Cauchy weights.

    Example:
        One of five points aside, which counts little.

        >>> robust_mean(np.array([[0.0, 0, 1]] * 4 + [[1.0, 0, 0]])).round(2).tolist()
        [0.0, 0.0, 1.0]
    """
    directions = unit(directions)
    mean = unit(np.median(directions, axis=0))
    for _ in range(_ROBUST_ROUNDS):
        off_deg = np.degrees(np.arccos(np.clip(directions @ mean, -1, 1)))
        mean = unit((directions / (1 + (off_deg / _ROBUST_DEG) ** 2)[:, None]).sum(0))
    return mean


def edge_planes(image_bgr: np.ndarray, camera: Camera) -> np.ndarray:
    """Normals (N, 3) in camera space of the planes through the camera and the picture's straight edges.

    Line segments are found by LSD (von Gioi et al., PAMI 2010); a normal is as long as its segment, in px.

    Args:
        image_bgr: (H, W, 3) uint8, of the camera's size.
        camera: that took it.
    """
    height, width = image_bgr.shape[:2]
    scale = min(1.0, _PICTURE_PX / max(height, width))
    grey = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(grey)[0]
    if found is None:
        return np.zeros((0, 3))
    ends_px = found.reshape(-1, 2, 2).astype(np.float64) / scale
    lengths_px = np.linalg.norm(ends_px[:, 1] - ends_px[:, 0], axis=-1)
    long = lengths_px > _SEGMENT_SHARE * max(height, width)
    plane = camera.normalize(ends_px[long])
    shown = np.isfinite(plane).all((-2, -1))  # beyond a lens's fold nobody knows where an edge is
    plane, lengths_px = plane[shown], lengths_px[long][shown]
    rays = np.concatenate([plane, np.ones((*plane.shape[:2], 1))], -1)
    return unit(np.cross(rays[:, 0], rays[:, 1])) * lengths_px[:, None]


def given_up(text: str) -> np.ndarray:
    """A direction upwards in camera space (x right, y down, z forward) that a person wrote: ``level`` or ``x,y,z``.

    Raises:
        InputError: it is neither, or points down or along the picture's rows, which no upright picture has.

    Example:
        >>> given_up("0,-2,0").tolist()
        [0.0, -1.0, 0.0]
    """
    if text == "level":
        return LEVEL_CAMERA_UP
    try:
        direction = np.array([float(part) for part in text.split(",")])
    except ValueError:
        direction = np.zeros(0)
    if direction.shape != (3,) or not np.isfinite(direction).all():
        raise InputError(f"--up takes estimate, level, calibration, metadata or three numbers x,y,z, not {text}")
    length = float(np.linalg.norm(direction))
    if length < 1e-6:
        raise InputError(f"--up {text} has no length: give a direction in camera space, such as 0,-1,0")
    direction = direction / length
    if not points_up(direction):
        raise InputError(
            f"--up {text} does not point up in the picture: x is right, y down and z forward, so that a level camera's "
            "up is 0,-1,0"
        )
    return direction


def points_up(direction: np.ndarray) -> bool:
    """Whether a unit vector (3,) in camera space points up in the picture, by more than 10 degrees.

    Example:
        >>> points_up(np.array([0.0, -1, 0])), points_up(np.array([0.0, 0, 1]))
        (True, False)
    """
    return bool(direction[1] <= -0.17)
