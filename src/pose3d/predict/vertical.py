"""What ``--up`` says, where it is no calibration's."""

import os
import sys

import numpy as np

from pose3d.formats.gpmf import gopro_up
from pose3d.runtime.errors import InputError
from pose3d.world.up import given_up


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
