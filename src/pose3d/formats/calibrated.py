"""What every reader of calibrations gives, and the checks that all of them need."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.runtime.errors import STRANGE, InputError, in_words

Units = Literal["mm", "m", "cm", "in"]
UNITS_M: dict[Units, float] = {"mm": 0.001, "m": 1.0, "cm": 0.01, "in": 0.0254}
_TOLD: tuple[Units, ...] = "mm", "m"
"""By how far apart cameras are: 300 are as well 3 m in cm as 0.3 m in mm, and cameras are mostly in these."""
LARGEST_PX = 20_000
WIDEST_DEG = 170.0
"""Along the longer side: a lens that sees more is a fisheye."""
_FARTHEST_M = 50.0  # between two cameras of one room or field
_NEAREST_M = 0.1
_COEFFICIENTS = re.compile(r"(?<!un)dist(?!anc|rib)|coef|radial|tangential|^kc?$", re.IGNORECASE)
_NO_LENS = "", "none"
"""Words for no distortion."""
_NUMBERED = re.compile(r"[kp][1-6]|(?:.*_)?[kp]_?[1-6]|(?:radial|tangential).*\d", re.IGNORECASE)
_EXACT, _ROUNDED = 1e-5, 2e-3  # of a rotation times its transpose, off the identity
_MOST_RAD = 6.3  # a whole turn, and a little for what was rounded


@dataclass(frozen=True, eq=False)
class Calibrated:
    """One camera of a calibration.

    Attributes:
        camera: its id is the name that the file has for it; px have pixel centres at +0.5, as everywhere here.
        size_known: False: the file does not say the picture's size, and the camera's is 0 x 0.
        placed: False: the file does not say where the camera is, and it is at the origin of its own space.
        sees_markers: a camera of a motion capture system that sees markers and records no video.
        perhaps_last_px: its size may be the numbers of the last column and row, 1 too small, see
            :func:`pose3d.formats.calibrations.with_whole_size`.
    """

    camera: Camera
    size_known: bool = True
    placed: bool = True
    sees_markers: bool = False
    perhaps_last_px: bool = False


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a file says.

    Attributes:
        cameras: at least one, in the file's order, names all different; positions in metres.
        program: whose format it is, for people.
        units: sentence on the unit of positions and why it was taken for that; empty where the format leaves no doubt.
        doubts: sentences on what is probably wrong with it.
    """

    cameras: tuple[Calibrated, ...]
    program: str
    units: str = ""
    doubts: tuple[str, ...] = ()


def calibrated(
    name: str,
    size_px: Any,
    matrix: Any,
    distortion: Any,
    rotation: Any = None,
    translation: Any = None,
    first_pixel: float = 0.0,
) -> Calibrated:
    """A camera in OpenCV's terms: ``x_camera = rotation @ x_world + translation``.

    Args:
        name: letters, digits, spaces, - and . only, because files are named after it.
        size_px: (2,) width and height; None: unknown.
        matrix: (3, 3) K without skew.
        distortion: k1, k2, p1, p2, k3 and so on, see :func:`known_coefficients`; None: no distortion.
        rotation: (3,) Rodrigues vector or (3, 3); None: the camera's place is not known.
        translation: (3,), any unit.
        first_pixel: coordinate of the first pixel's centre in the file; OpenCV's is 0, this project's 0.5.

    Raises:
        ValueError: no camera is like that; names the camera and the value.
    """
    if not re.fullmatch(r"\w[\w. -]*", name):
        raise ValueError(f"a camera's name is {name!r}: use letters, digits, - and .")
    k = _numbers(matrix, (3, 3), f"camera {name}: the matrix")
    if k[0, 1] or k[1, 0] or k[2].tolist() != [0, 0, 1] or k[0, 0] <= 0 or k[1, 1] <= 0:
        raise ValueError(
            f"camera {name}: the matrix must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] with fx and fy above 0"
        )
    k[:2, 2] += 0.5 - first_pixel
    width = height = 0
    if size_px is not None:
        width, height = (round(side) for side in _numbers(size_px, (2,), f"camera {name}: the size").tolist())
        if not 0 < min(width, height) <= max(width, height) <= LARGEST_PX:
            raise ValueError(f"camera {name}: no picture has {width} x {height} px")
    require_px(name, k, width, height)
    placed = rotation is not None and translation is not None
    turned, moved = np.eye(3), np.zeros(3)
    if placed:
        turned, moved = _rotation(rotation, name), _numbers(translation, (3,), f"camera {name}: the translation")
    camera = Camera(name, width, height, k, known_coefficients(distortion, name), turned, moved)
    return Calibrated(camera, size_known=size_px is not None, placed=placed)


def distortion_of(camera: Mapping[str, Any], names: Sequence[str], name: str) -> Any:
    """What a camera of a file has under the first of some names of its distortion that it has; None: nothing.

    Args:
        camera: as the file has it.
        names: that the file's format has for the distortion, and others that are as plain.
        name: of the camera, for messages.

    Raises:
        ValueError: it has none of these, but coefficients under another, without which joints would be somewhere else;
            or under one of these a word, and coefficients nowhere.
    """
    given = {one: camera[one] for one in names if camera.get(one) is not None}
    known = next((one for one, value in given.items() if not isinstance(value, str)), None)
    if known is not None:
        return camera[known]
    for key, value in camera.items():
        if _COEFFICIENTS.search(str(key)) and _bends(value) or _NUMBERED.fullmatch(str(key)) and _is_number(value):
            raise ValueError(
                f"camera {name}: it is not known what {key} is: call it {names[0]}, a list, if it is k1, k2, p1, p2 "
                "and so on in OpenCV's order"
            )
    for key, word in given.items():
        if word.lower() not in _NO_LENS:
            raise ValueError(
                f"camera {name}: {key} is {word!r}, and no coefficients are beside it: add {names[0]}, a list"
            )
    return None


def _bends(value: Any) -> bool:
    """Whether something has coefficients that are not all 0."""
    if isinstance(value, dict | list):
        return any(_bends(one) or _is_number(one) for one in (value.values() if isinstance(value, dict) else value))
    return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value != 0


def known_coefficients(distortion: Any, name: str) -> np.ndarray:
    """(5,) k1, k2, p1, p2, k3 from 0, 4, 5, 8, 12 or 14 numbers of OpenCV's order, nested or not; (8,) with k4, k5, k6.

    Or from a mapping that has them by these names; what it has not is 0.

    Raises:
        ValueError: other numbers, another name, or coefficients past the eighth that are not 0.

    Example:
        >>> known_coefficients([[-0.2, 0.05, 0, 0]], "cam0").tolist()
        [-0.2, 0.05, 0.0, 0.0, 0.0]
        >>> known_coefficients([0.1, 0.2, 0, 0, 0, 0.3, 0, 0, 0, 0, 0, 0], "cam0").tolist()
        [0.1, 0.2, 0.0, 0.0, 0.0, 0.3, 0.0, 0.0]
        >>> known_coefficients({"k1": -0.2, "k2": 0.05, "k3": 0.01}, "cam0").tolist()
        [-0.2, 0.05, 0.0, 0.0, 0.01]
    """
    if isinstance(distortion, Mapping):
        distortion = _by_name(distortion, name)
    try:
        values = np.zeros(0) if distortion is None else np.array(distortion, np.float64).ravel()
    except (TypeError, ValueError):
        raise ValueError(f"camera {name}: the distortion is no list of numbers") from None
    if not np.isfinite(values).all():
        raise ValueError(f"camera {name}: the distortion has a number that is not finite: calibrate again")
    if len(values) not in (0, 4, 5, 8, 12, 14):
        raise ValueError(
            f"camera {name}: the distortion must be 4, 5 or 8 numbers k1, k2, p1, p2, k3, k4, k5, k6, not {len(values)}"
        )
    if values[8:].any():
        raise ValueError(
            f"camera {name}: the distortion has coefficients past k6 (thin prism or tilted model), which this project "
            "does not know: calibrate with five or eight"
        )
    coefficients = np.zeros(8 if values[5:].any() else 5)
    coefficients[: len(values)] = values[: len(coefficients)]
    return coefficients


def _by_name(distortion: Mapping[str, Any], name: str) -> list[float]:
    """Named coefficients in OpenCV's order."""
    values = dict.fromkeys(_ORDER, 0.0)
    for key, value in distortion.items():
        known = str(key).lower()
        if known not in values:
            raise ValueError(
                f"camera {name}: it is not known what {key} of the distortion is: name OpenCV's coefficients k1 to k6, "
                "p1 and p2"
            )
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"camera {name}: {key} of the distortion is no number")
        values[known] = value
    # A fisheye's and photogrammetry's polynomials have k4 too; the rational model has three coefficients below the bar.
    if values["k4"] and not {"k5", "k6"} <= {str(key).lower() for key in distortion}:
        raise ValueError(
            f"camera {name}: k4 of the distortion has no k5 and k6 beside it, as of a lens model that is not OpenCV's: "
            "calibrate with k1, k2, p1, p2, k3"
        )
    return list(values.values())


_ORDER = (*("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"), *("s1", "s2", "s3", "s4", "tx", "ty"))
"""OpenCV's; the last six are of thin prisms and a tilted sensor."""


def in_metres(cameras: list[Calibrated], usual: Units | None, given: Units | None, program: str) -> Calibration:
    """The calibration with positions in metres.

    Args:
        cameras: with translations in the file's unit.
        usual: the unit that the program writes; None: it differs, and is told by how far apart the cameras are.
        given: the unit that a person gave; None: nothing was said.
        program: whose format it is.

    Raises:
        ValueError: the unit is not known, or cameras would be farther apart than 50 m or nearer than 0.1 m.
    """
    positions = np.array([one.camera.position_m for one in cameras if one.placed]).reshape(-1, 3)
    apart = float(np.linalg.norm(positions[:, None] - positions, axis=-1).max()) if len(positions) else 0.0
    unit, why = given or usual, f"{program} writes {usual}"
    fitting = [known for known in _TOLD if _NEAREST_M <= apart * UNITS_M[known] <= _FARTHEST_M]
    if unit is None and len(positions) > 1:
        if not fitting:
            raise ValueError(
                f"cameras are up to {apart:g} apart, of which unit is not clear: give --units mm, cm, in or m"
            )
        unit, why = fitting[0], f"cameras are up to {apart:.4g} apart"
    elif len(positions) > 1 and given is None and unit not in fitting:
        advice = f"give --units {fitting[0]} if they are that" if fitting else "give --units"
        raise ValueError(f"cameras are up to {apart:g} apart, which {unit} cannot be, and {why}: {advice}")
    factor = UNITS_M[unit or "m"]
    moved = tuple(
        replace(one, camera=replace(one.camera, translation_m=one.camera.translation_m * factor)) for one in cameras
    )
    said = "" if given is not None or len(positions) < 2 else f"positions are taken for {unit}, because {why}"
    return Calibration(moved, program, said)


def as_input_error(path: Any, error: Exception) -> InputError:
    """One sentence for what a reader stumbled over; ``error`` is a ValueError, KeyError, TypeError or the like."""
    if isinstance(error, KeyError):
        return InputError(f"{path}: a camera has no {error.args[0]}: it is not whole, write it again")
    said = in_words(error)
    return InputError(f"{path}: {said}: write it again" if said == STRANGE else f"{path}: {said}")


def _numbers(values: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    try:
        array = np.array(values, np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.size == np.prod(shape) and (array.ndim == 1 or 1 in array.shape):
        array = array.reshape(shape)  # a column, as OpenCV writes vectors, or a row of all, as ROS matrices
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{what} must be {' x '.join(map(str, shape))} numbers")
    return array


def require_px(name: str, k: np.ndarray, width_px: int, height_px: int) -> None:
    """Focal lengths in mm, or as shares of the picture, are of lenses that see half of the world, or around a corner.

    Args:
        name: of the camera, for messages.
        k: (3, 3).
        width_px, height_px: of the picture; 0: unknown, and twice the way to the optical axis is taken.

    Raises:
        ValueError: they are not in px.
    """
    focal_px, middle_px = float(np.diag(k)[:2].max()), k[:2, 2]
    longer_side_px = max(width_px, height_px) or 2 * float(middle_px.max())
    if 2 * np.degrees(np.arctan2(longer_side_px / 2, focal_px)) > WIDEST_DEG:
        raise ValueError(
            f"camera {name}: with a focal length of {focal_px:g} px no lens fills {longer_side_px:g} px: give "
            "it in px, not in mm or as a share of the picture"
        )
    if 2 * focal_px < longer_side_px and (middle_px < [width_px / 4, height_px / 4]).all():
        raise ValueError(
            f"camera {name}: no lens with a focal length of {focal_px:g} px has its optical axis at "
            f"({middle_px[0]:g}, {middle_px[1]:g}) of {width_px} x {height_px} px: give both in px of "
            "this size, not in mm"
        )


def _rotation(rotation: Any, name: str) -> np.ndarray:
    import cv2

    values = np.array(rotation, np.float64) if np.size(rotation) in (3, 9) else np.empty(0)
    if values.size == 9:
        return _unrounded(_numbers(values.reshape(3, 3), (3, 3), f"camera {name}: the rotation"))
    vector = _numbers(values, (3,), f"camera {name}: the rotation")
    if np.linalg.norm(vector) > _MOST_RAD:
        raise ValueError(
            f"camera {name}: the rotation {vector.tolist()} is of more than a whole turn: give a Rodrigues vector in "
            "radians, not degrees"
        )
    return cv2.Rodrigues(vector)[0]


def _unrounded(rotation: np.ndarray) -> np.ndarray:
    """The nearest rotation to one that was written with three decimals or more; what is farther from one as it is."""
    off = np.abs(rotation @ rotation.T - np.eye(3)).max()
    if not _EXACT < off <= _ROUNDED:
        return rotation
    u, _, v = np.linalg.svd(rotation)
    return u @ v
