"""What ``--up`` says, a direction, the video's metadata or a calibration."""

import os
import sys

import numpy as np

from pose3d.formats.calibrated import Calibrated
from pose3d.formats.gpmf import gopro_up
from pose3d.runtime.errors import InputError
from pose3d.runtime.rows import Sliceable
from pose3d.world.stature import sampled
from pose3d.world.up import given_up, leg_directions, points_up, robust_mean

_FROM_ABOVE = -0.9
"""Along the optical axis: cameras in the ceiling see up as towards them, whatever it is in the picture."""
_TILTED_DEG, _UPRIGHT_DEG = 20.0, 10.0
"""People's legs tell up to some degrees: so far from them one is tilted, and so near by them the other is up. A camera
is rolled so far from level, and held as most are so near by it."""


def said_up(up: str, video: str | os.PathLike | None) -> np.ndarray | None:
    """Upwards in camera space (3,), or None where it is estimated or a calibration's.

    What metadata have is said on stderr.

    Args:
        up: ``estimate``, ``calibration``, ``metadata`` or what :func:`pose3d.world.up.given_up` takes.
        video: whose metadata they are; None: there is none.

    Raises:
        InputError: ``up`` is none of these, or the video has no such metadata.
    """
    if up in ("estimate", "calibration"):
        return None
    if up != "metadata":
        return given_up(up)
    if video is None:
        raise InputError("--up metadata is about a video's: give --video")
    up_cam = gopro_up(video)
    print(f"{video}: up by its metadata: {','.join(f'{part:.3f}' for part in up_cam + 0)}", file=sys.stderr)
    return up_cam


def calibrated_up(path: str | os.PathLike, one: Calibrated) -> np.ndarray:
    """Upwards in camera space (3,): the z axis of a calibration's world.

    Args:
        path: of the calibration, for messages.
        one: the camera of it that took the video.

    Raises:
        InputError: the calibration does not say how the camera stands, or its z axis is not up.
    """
    if not one.placed:
        raise InputError(f"{path} does not say how camera {one.camera.id} stands: give another --up")
    up_cam = one.camera.rotation[:, 2]
    if not (points_up(up_cam) or up_cam[2] < _FROM_ABOVE):
        raise InputError(
            f"{path}: of camera {one.camera.id} the calibration's z axis does not point up in the picture: is its "
            "rotation inverse, its world another camera's space, or did the camera lie on its side? Give another --up, "
            "or turn the video and its calibration"
        )
    return up_cam


def ask_inverse(path: str | os.PathLike, one: Calibrated, poses_cam_m: Sliceable, found: np.ndarray) -> None:
    """Ask on stderr whether a calibration's rotation is inverse, where people stand upright by the inverse alone.

    That people are not upright by the calibration is not enough: they climb and lie. Its inverse turns up about the
    optical axis by what the camera's heading in the world happens to be, and may so agree with the legs of somebody who
    sits and is seen from the side. So by the calibration the camera must also be rolled, and level by the inverse.

    Args:
        path: of the calibration.
        one: the camera of it that took the video, of which :func:`calibrated_up` takes up.
        poses_cam_m: (T, 17, 3), camera space.
        found: (T,) bool: frames that count, at least one.
    """
    legs = robust_mean(leg_directions(sampled(poses_cam_m, found)))
    up_cam, of_inverse = one.camera.rotation[:, 2], one.camera.rotation[2]
    off_deg, inverse_off_deg = np.degrees(np.arccos(np.clip(np.stack([up_cam, of_inverse]) @ legs, -1, 1)))
    roll_deg, inverse_roll_deg = np.degrees(np.arcsin(np.clip(np.abs([up_cam[0], of_inverse[0]]), 0, 1)))
    by_legs = off_deg > _TILTED_DEG and inverse_off_deg < _UPRIGHT_DEG
    if by_legs and roll_deg > _TILTED_DEG and inverse_roll_deg < _UPRIGHT_DEG and points_up(of_inverse):
        print(
            f"{path}: by camera {one.camera.id} the person leans by {off_deg:.0f} degrees, by the inverse of its "
            f"rotation by {inverse_off_deg:.0f}: does the rotation lead from camera to world? Poses in the world are "
            "tilted then; give it from world to camera",
            file=sys.stderr,
        )
