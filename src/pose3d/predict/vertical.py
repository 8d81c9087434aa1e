"""What ``--up`` says, a direction, the video's metadata or a calibration."""

import os
import sys

import numpy as np

from pose3d.formats.calibrated import Calibrated
from pose3d.formats.gpmf import gopro_up
from pose3d.runtime.errors import InputError
from pose3d.world.up import given_up, points_up

_FROM_ABOVE = -0.9
"""Along the optical axis: cameras in the ceiling see up as towards them, whatever it is in the picture."""


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
