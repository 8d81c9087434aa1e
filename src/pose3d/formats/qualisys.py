"""Calibrated cameras from Qualisys Track Manager's calibration file (``*.qca.txt``, XML).

Focal lengths and principal point are in 1/64 px, with the centre of the first pixel at 0; positions in mm. The
rows of the rotation are the camera's axes in the world: x right, y up, z backward.

A laboratory's file lists the cameras that see markers beside those that record video; their model tells: all see
markers but Miqus Video (VC), Miqus Hybrid, the colour cameras of the Oqus series (210c) and Pose2Sim's "none".
Cameras that were not calibrated, which may be listed too, are left out.
"""

import math
import os
import re
import xml.etree.ElementTree as ElementTree

import numpy as np

from pose3d.formats.calibrated import Calibrated
from pose3d.geometry.camera import Camera
from pose3d.runtime.errors import InputError, in_words

SUBPIXELS = 64
_PARTS = "fov_video", "transform", "intrinsic"
MAX_FILE_BYTES = 1_000_000
# From Qualisys's camera axes (y up, z backward) to this project's (y down, z forward): half a turn about x.
_FORWARD_FROM_BACKWARD = np.diag([1.0, -1.0, -1.0])
_VIDEO_CAMERAS = re.compile(r"video|hybrid|\bVC|\d+c\b|^none$", re.IGNORECASE)
_ZERO = re.compile(r"0(\.0*)?")
_DECLARATION = re.compile(rb"<!(?!--)")  # all but comments


def read_qualisys(path: str | os.PathLike) -> list[Calibrated]:
    """The cameras of a calibration file in its order, named by their serial; metres, px, pixel centres at +0.5.

    Raises:
        InputError: it is missing, not such a file, or a camera in it cannot exist; names the file and what is wrong.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: it must be a Qualisys calibration (*.qca.txt)") from None
    # A calibration declares no entities, which could be nested until they fill the memory.
    if len(text) > MAX_FILE_BYTES or _DECLARATION.search(text):
        raise InputError(f"{path} is no Qualisys calibration: export it again as *.qca.txt")
    try:
        elements = list(ElementTree.fromstring(text).iterfind("cameras/camera"))
        cameras = [one for element in elements if (one := _calibrated(element)) is not None]
    except ElementTree.ParseError as error:
        line, _ = error.position
        raise InputError(f"{path} is not XML (line {line} goes wrong): export it again as *.qca.txt") from None
    except KeyError as error:
        raise InputError(f"{path}: a camera has no {error.args[0]}: export it again as *.qca.txt") from None
    except ValueError as error:
        raise InputError(f"{path}: {in_words(error)}") from None
    ids = [one.camera.id for one in cameras]
    if not ids or len(set(ids)) < len(ids):
        raise InputError(f"{path} has {'two cameras of one serial' if ids else 'no cameras'}: export it again")
    return cameras


def _calibrated(element: ElementTree.Element) -> Calibrated | None:
    """None of a camera that sees markers and has no place in a picture, or was not calibrated."""
    lens = element.find("intrinsic")
    blind = lens is not None and _ZERO.fullmatch(lens.get("focalLengthU", ""))
    if element.get("calibrated") == "false" or (element.get("active") == "0" and blind):
        return None
    model = element.get("model", "").strip()
    sees_markers = bool(model) and not _VIDEO_CAMERAS.search(model)
    if sees_markers and any(element.find(name) is None for name in _PARTS):
        return None
    return Calibrated(_camera(element), sees_markers=sees_markers)


def _camera(element: ElementTree.Element) -> Camera:
    """One camera; a ValueError or KeyError says what is wrong."""
    fields = {}
    for name in _PARTS:
        child = element.find(name)
        if child is None:
            raise KeyError(name)
        fields[name] = child.attrib
    view, place, lens = fields["fov_video"], fields["transform"], fields["intrinsic"]

    serial = element.attrib["serial"]

    def numbers(attributes: dict[str, str], *names: str) -> np.ndarray:
        return np.array([_number(serial, name, attributes[name]) for name in names])

    left, top, right, bottom = numbers(view, "left", "top", "right", "bottom")
    fx, fy, cx, cy, skew = (
        numbers(lens, "focalLengthU", "focalLengthV", "centerPointU", "centerPointV", "skew") / SUBPIXELS
    )
    if right < left or bottom < top:
        raise ValueError(f"camera {serial} has a picture without px: export it again as *.qca.txt")
    if skew or min(fx, fy) <= 0:
        raise ValueError(f"camera {serial} has a skew or no focal length, which no camera of this project has")
    centre = np.array([cx - left, cy - top]) + 0.5
    k1, k2, k3 = numbers(lens, *(f"radialDistortion{i}" for i in (1, 2, 3)))
    p1, p2 = numbers(lens, *(f"tangentalDistortion{i}" for i in (1, 2)))  # Qualisys's spelling
    axes = numbers(place, *(f"r{row}{column}" for row in (1, 2, 3) for column in (1, 2, 3))).reshape(3, 3)
    rotation = _FORWARD_FROM_BACKWARD @ axes
    position_m = numbers(place, "x", "y", "z") / 1000
    return Camera(
        serial,
        int(right - left) + 1,
        int(bottom - top) + 1,
        np.array([[fx, 0, centre[0]], [0, fy, centre[1]], [0, 0, 1]]),
        np.array([k1, k2, p1, p2, k3]),
        rotation,
        -rotation @ position_m,
    )


def _number(serial: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(
            f"camera {serial}: {name} is {text[:40]!r}, no number with a point: export it again as *.qca.txt"
        )
    return value
