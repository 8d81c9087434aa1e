"""The camera that a video was taken with."""

import os
import sys
from dataclasses import replace

import numpy as np

from pose3d.formats.calibrated import Calibrated
from pose3d.formats.calibrations import read_calibration, size_advice, the_camera, with_size, with_whole_size
from pose3d.formats.shown_picture import ShownPicture
from pose3d.geometry.camera import Camera
from pose3d.runtime.errors import InputError


def read_camera(
    path: str | os.PathLike,
    width_px: int,
    height_px: int,
    name: str | None = None,
    video: str = "",
    shown: ShownPicture | None = None,
) -> Calibrated:
    """The camera of a calibration of any format that :mod:`pose3d.formats.calibrations` reads.

    Args:
        path: of the calibration.
        width_px, height_px: of the video, which the calibration's must equal.
        name: of the camera, where the file has several.
        video: the video's name without its suffix, which tells where nothing is said.
        shown: how the video's picture is shown: a calibration of the one that is stored, whose px are not square or
            which is wider than its clean aperture, is changed to that of the one that is shown.

    Raises:
        InputError: the file is missing or wrong, the camera is not in it, or it is of another size or says
            none and cannot be of the video's; names what.
    """
    # In whatever unit positions are: a video's camera is at the origin of its own space.
    calibration = read_calibration(path, units="m")
    for doubt in calibration.doubts:
        print(f"{path}: {doubt}", file=sys.stderr)
    one = the_camera(path, calibration.cameras, name, video)
    width, height = (width_px, height_px) if shown is None else shown.turned_px
    if not one.size_known:
        print(f"{path} says no size: it is taken for that of the video, {width} x {height}", file=sys.stderr)
        one, doubts = with_size(path, one, width, height)
        for doubt in doubts:
            print(f"{path}: {doubt}", file=sys.stderr)
    one, taken = with_whole_size(path, one, width, height)
    for sentence in taken:
        print(f"{path}: {sentence}", file=sys.stderr)
    if shown is not None:
        one = replace(one, camera=shown.camera(one.camera))
    camera = one.camera
    if (camera.width_px, camera.height_px) != (width_px, height_px):
        raise InputError(
            f"{path}: width and height are {camera.width_px} x {camera.height_px}, the video has "
            f"{width_px} x {height_px}: {size_advice(camera, width_px, height_px)}"
        )
    return one


def camera_from_view(width_px: int, height_px: int, fov_deg: float) -> Camera:
    """A camera without distortion that looks through the picture's middle.

    Args:
        width_px, height_px: of the picture.
        fov_deg: field of view along the picture's longer side, between 5 and 170.

    Raises:
        InputError: no camera has that field of view.
    """
    if not 5 <= fov_deg <= 170:
        raise InputError(f"the field of view must lie between 5 and 170 degrees, not {fov_deg:g}")
    focal_px = max(width_px, height_px) / 2 / np.tan(np.radians(fov_deg) / 2)
    intrinsics = np.array([[focal_px, 0, width_px / 2], [0, focal_px, height_px / 2], [0, 0, 1]])
    return Camera("clip", width_px, height_px, intrinsics, np.zeros(5), np.eye(3), np.zeros(3))
