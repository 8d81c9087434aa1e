"""Calibrations in TOML, as Pose2Sim, anipose, FreeMoCap and Caliscope write them.

All have a table for each camera with ``size``, ``matrix`` (OpenCV's K), ``distortions`` (4, 5 or 8), ``rotation`` (a
Rodrigues vector) and ``translation``, x_camera = R x_world + t. They differ in names and units:

=========  =======================  ===============================  =================================================
program    tables                   told by                          unit of ``translation``
=========  =======================  ===============================  =================================================
Pose2Sim   any, with ``name``       ``fisheye`` in each              m
FreeMoCap  ``cam_0``, with          ``charuco_square_size`` in       that of the square's size, which it asks for in mm
           ``name``                 ``metadata``
Caliscope  ``cameras.1``, with      ``cameras``                      m
           ``cam_id`` or ``port``
anipose    ``cam_0``, with          none of these                    that of its board: told by how far apart the
           ``name``                                                  cameras are
=========  =======================  ===============================  =================================================
"""

import tomllib
from dataclasses import replace
from typing import Any

import numpy as np

from pose3d.formats.calibrated import Calibrated, Calibration, Units, calibrated, distortion_of, in_metres

_OF_CAMERAS = {"matrix", "distortions", "rotation", "translation"}
_DOUBTFUL = 0.005
"""Lenses for video bend by more: k1 of the cheapest and the best is some hundredths or tenths."""


def calibration_from_toml(text: str, units: Units | None) -> Calibration:
    """The cameras of a TOML file's text.

    Args:
        text: of the file.
        units: of positions, if a person said so.

    Raises:
        ValueError, KeyError, TypeError: it is no such file; says what is wrong.
    """
    content = tomllib.loads(text)
    nested = content.get("cameras")
    metadata = content.get("metadata")
    tables = nested if isinstance(nested, dict) else content
    # What has one of these is a camera: where it lacks another that is said, and it is not left out.
    found = [(key, table) for key, table in tables.items() if isinstance(table, dict) and _OF_CAMERAS & table.keys()]
    if not found:
        raise ValueError("it has no table of a camera with a matrix: give a calibration")
    for key, table in found:
        if table.get("fisheye"):
            raise ValueError(f"camera {key} has a fisheye lens, which this project does not know")
    cameras = [_camera(key, table) for key, table in found if not table.get("ignore")]
    if isinstance(nested, dict):
        return in_metres(cameras, "m", units, "Caliscope")
    if isinstance(metadata, dict) and "charuco_square_size" in metadata:
        return in_metres(cameras, "mm", units, "FreeMoCap")
    cameras = [replace(one, perhaps_last_px=True) for one in cameras]  # converters write Qualisys's right - left
    if all("fisheye" in table for _, table in found):
        calibration = in_metres(cameras, "m", units, "Pose2Sim")
        return replace(calibration, doubts=_doubts(calibration.cameras))
    return in_metres(cameras, None, units, "anipose")


def _camera(key: str, table: dict[str, Any]) -> Calibrated:
    number = next((f"{name}_{table[what]}" for what, name in _NUMBERS if what in table), key)
    name = str(table.get("name", number))
    return calibrated(
        name,
        table["size"],
        table["matrix"],
        distortion_of(table, ("distortions", "distortion"), name),
        table.get("rotation"),
        table.get("translation"),
    )


_NUMBERS = (("cam_id", "cam"), ("port", "port"))
"""Keys of Caliscope's numbers of cameras, and how its videos begin: cam_1.mp4, formerly port_1.mp4."""


def _doubts(cameras: tuple[Calibrated, ...]) -> tuple[str, ...]:
    """Pose2Sim's conversion from Qualisys (0.10.49) makes distortion 64 times too small and leaves k3 out."""
    largest = [float(np.abs(one.camera.distortion).max()) for one in cameras]
    if not (all(0 < value < _DOUBTFUL for value in largest) and not any(one.camera.distortion[4] for one in cameras)):
        return ()
    return (
        f"all its distortions are below {_DOUBTFUL:g}, as Pose2Sim's conversion from Qualisys makes them, 64 times too "
        "small and without k3 (up to 9 px off): give the *.qca.txt itself, or calibrate again",
    )
