"""Calibrations as OpenCV's ``FileStorage`` writes them, YAML or JSON, and as ROS and people write the same.

A matrix is a mapping of rows, cols and data, tagged ``!!opencv-matrix`` in YAML and by ``type_id`` in JSON (OpenCV 5
writes one of one axis as ``opencv-nd-matrix``, with sizes in place of rows and cols); or plain nested lists. One file
is one camera. Where the place is given, x_camera = R x_world + t, its unit is not said.
"""

import re
from typing import Any

import numpy as np

from pose3d.formats.calibrated import Calibration, Units, calibrated, distortion_of, in_metres

_NAMES = {
    "matrix": ("camera_matrix", "cameraMatrix", "Camera_Matrix", "intrinsic_matrix", "mtx", "K", "k"),
    "rotation": ("rotation", "rotation_matrix", "rvec", "R"),
    "translation": ("translation", "translation_vector", "tvec", "T", "t"),
    "width": ("image_width", "image_Width", "width"),
    "height": ("image_height", "image_Height", "height"),
    "size": ("image_size", "imageSize", "size"),
}
_DISTORTION = (
    *("distortion_coefficients", "Distortion_Coefficients", "distortion_coefficient", "distortion_coeffs"),
    *("dist_coeffs", "dist_coeff", "dist_coefs", "dist_coef", "distCoeffs", "distCoeff", "distCoefs", "distCoef"),
    *("dist", "D", "d", "distortion_parameters", "distortions", "distortion"),
)
"""The last may be the model beside coefficients under another name. Not RealSense's coeffs, of several models."""
_MODELS = (
    *("plumb_bob", "rational_polynomial", "radtan", "radial_tangential", "brown_conrady", "opencv"),
    *("none", ""),
)
"""ROS's and others' names of OpenCV's own distortion, and of none."""
_OTHER_LENS = re.compile(r"fish_?eye|equidistant|kannala|omnidir|double_sphere", re.IGNORECASE)
_OF_LENS = re.compile(r"model|type|lens|projection", re.IGNORECASE)


def is_opencv(content: Any) -> bool:
    """Whether a mapping has a camera matrix under one of the names that OpenCV's samples, ROS and people use."""
    return isinstance(content, dict) and any(name in content for name in _NAMES["matrix"])


def calibration_from_opencv(content: dict[str, Any], name: str, units: Units | None) -> Calibration:
    """The one camera of a parsed file.

    Args:
        content: of the file.
        name: for the camera, where the file has none.
        units: of its position, if a person said so.

    Raises:
        ValueError, KeyError, TypeError: it is no such file; says what is wrong.
    """
    _require_known_lens(content)
    width, height = _value(content, "width"), _value(content, "height")
    size = _value(content, "size") if width is None or height is None else (width, height)
    name = str(content.get("camera_name", name))
    camera = calibrated(
        name,
        size,
        _value(content, "matrix"),
        _numbers(distortion_of(_beside_matrix(content), _DISTORTION, name)),
        _value(content, "rotation"),
        _value(content, "translation"),
    )
    return in_metres([camera], None, units, "OpenCV")


def _require_known_lens(content: dict[str, Any]) -> None:
    for key in ("distortion_model", "distortion"):
        model = content.get(key)
        if isinstance(model, str) and re.sub("[ -]", "_", model.lower()) not in _MODELS:
            raise ValueError(
                f"{key} is {model!r}, which is not known to this project: calibrate with plumb_bob or "
                "rational_polynomial"
            )
    for key, value in content.items():
        named = isinstance(value, str) and _OF_LENS.search(str(key)) and _OTHER_LENS.search(value)
        flagged = value in (True, 1) and _OTHER_LENS.search(str(key))  # as OpenCV's sample writes fisheye_model
        if named or flagged:
            raise ValueError(f"by {key} it is of a fisheye lens, which this project does not know")


def _value(content: dict[str, Any], what: str) -> Any:
    return _numbers(next((content[name] for name in _NAMES[what] if name in content), None))


def _beside_matrix(content: dict[str, Any]) -> dict[str, Any]:
    """Without the matrix: beside K k is no matrix of ROS 2."""
    matrix = next((name for name in _NAMES["matrix"] if name in content), None)
    return {name: value for name, value in content.items() if name != matrix}


def _numbers(found: Any) -> Any:
    """What is tagged as a matrix as an array; all else as it is."""
    if not isinstance(found, dict) or "data" not in found:
        return found
    shape = found["sizes"] if "sizes" in found else [found["rows"], found["cols"]]
    data = np.array(found["data"], np.float64)
    if not all(isinstance(side, int) and side > 0 for side in shape) or data.shape != (np.prod(shape),):
        said = " x ".join(map(str, shape))
        raise ValueError(f"a matrix says {said} and has {data.size} numbers: write it again")
    return data.reshape(shape)
