"""Four calibrated cameras around the stage, set up as in Human3.6M's laboratory, slightly different per subject."""

import math

import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.rotations import product, rotation_about_z, turned, unit

# Human3.6M's cameras are near the corners of a rectangle, 4.1 to 5.5 m from its middle, at the height of a head.
_NOMINAL_POSITIONS_M = np.array([[1.8, 4.8, 1.56], [1.8, -4.9, 1.60], [-1.85, 5.0, 1.50], [-1.8, -4.2, 1.56]])
MAX_CAMERAS = len(_NOMINAL_POSITIONS_M)
_POSITION_SPREAD_M = np.array([0.25, 0.25, 0.08])
# Higher than the middle of a person, so that one who stands on a box stays inside the image.
_TARGET_M = np.array([0.0, 0.0, 1.1])
_TARGET_SPREAD_M = 0.1
_ROLL_SPREAD_RAD = np.deg2rad(1.0)
_FOCAL_LENGTH_PER_WIDTH = 1.146
_FOCAL_SPREAD = 0.005
_CENTRE_SPREAD_PER_WIDTH = 0.015


def look_at(position_m: np.ndarray, target_m: np.ndarray, roll_rad: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (3, 3) and translation (3,) from world to a camera that sees ``target_m`` on its optical axis.

    Without roll, the image's x axis is level and world z points up in the image.

    Args:
        position_m: (3,) of the camera, in the world.
        target_m: (3,) in the world.
        roll_rad: turn about the optical axis.

    Raises:
        ValueError: the camera would look straight up or down, which leaves the image's x axis open.
    """
    forward = np.asarray(target_m, np.float64) - position_m
    right = np.cross(forward, [0.0, 0.0, 1.0])
    if np.linalg.norm(right) < 1e-9 * max(float(np.linalg.norm(forward)), 1e-300):
        raise ValueError("a camera must not look straight up or down")
    forward, right = unit(forward), unit(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    # By Python's functions and sums in one order: NumPy's differ in the last bit from processor to processor.
    rotation = product(rotation_about_z(math.cos(roll_rad), math.sin(roll_rad)), rotation)
    return rotation, -turned(rotation, position_m)


def stage_cameras(rng: np.random.Generator, image_size_px: int, count: int) -> list[Camera]:
    """The first ``count`` of a subject's four cameras, with square images and no distortion.

    All four are drawn whatever the count, so that a camera does not depend on how many there are.

    Args:
        rng: every draw comes from it.
        image_size_px: width and height.
        count: 1 to 4.
    """
    cameras = []
    for index, nominal in enumerate(_NOMINAL_POSITIONS_M):
        position = nominal + rng.uniform(-1, 1, 3) * _POSITION_SPREAD_M
        target = _TARGET_M + rng.uniform(-1, 1, 3) * _TARGET_SPREAD_M
        rotation, translation = look_at(position, target, rng.uniform(-1, 1) * _ROLL_SPREAD_RAD)
        focal = image_size_px * _FOCAL_LENGTH_PER_WIDTH * (1 + rng.uniform(-1, 1, 2) * _FOCAL_SPREAD)
        centre = image_size_px * (0.5 + rng.uniform(-1, 1, 2) * _CENTRE_SPREAD_PER_WIDTH)
        intrinsics = np.array([[focal[0], 0.0, centre[0]], [0.0, focal[1], centre[1]], [0.0, 0.0, 1.0]])
        cameras.append(
            Camera(f"cam{index}", image_size_px, image_size_px, intrinsics, np.zeros(5), rotation, translation)
        )
    return cameras[:count]
