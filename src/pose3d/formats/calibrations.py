"""Calibrations of cameras as people have them: one reader for all, which tells by the content whose it is.

===========================  ====================  ==============================================================
program                      file                  module
===========================  ====================  ==============================================================
Qualisys Track Manager       ``*.qca.txt``, XML    :mod:`pose3d.formats.qualisys`
Pose2Sim, anipose,           TOML                  :mod:`pose3d.formats.calibration_toml`
FreeMoCap, Caliscope
OpenCV, ROS                  YAML, JSON            :mod:`pose3d.formats.calibration_opencv`
Kalibr                       YAML                  :mod:`pose3d.formats.calibration_kalibr`
this project                 JSON                  here: one camera; :mod:`pose3d.datasets.calibration`: several
===========================  ====================  ==============================================================

OpenCV and all but Qualisys and this project put the centre of the first pixel at 0; half a pixel is added.
"""

import json
import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, FiniteFloat, PositiveInt, ValidationError

from pose3d.datasets.calibration import cameras_from
from pose3d.formats.calibrated import (
    Calibrated,
    Calibration,
    Units,
    as_input_error,
    calibrated,
    in_metres,
    require_px,
)
from pose3d.formats.calibration_kalibr import calibration_from_kalibr, is_kalibr
from pose3d.formats.calibration_opencv import calibration_from_opencv, is_opencv
from pose3d.formats.calibration_toml import calibration_from_toml
from pose3d.formats.qualisys import read_qualisys
from pose3d.geometry.camera import Camera
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import read_small_text

_KNOWN = "Pose2Sim, anipose, FreeMoCap, Caliscope, OpenCV, ROS, Kalibr, Qualisys or this project"
_ASIDE = 1 / 8
"""Of a side: farther from the picture's middle no lens has its axis. Of 1280 px taken for 1920 it is 1/6 away."""
_ACCEPTED = ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError, AttributeError


def read_calibration(path: str | os.PathLike, units: Units | None = None) -> Calibration:
    """The cameras of a calibration file.

    Args:
        path: of the file.
        units: of positions, where the file does not say or says it wrong; None: as :class:`Calibration` says.

    Raises:
        InputError: it is missing, larger than 1 MiB, nobody's format, or a camera in it cannot exist.
    """
    try:
        if str(path).endswith(".qca.txt"):  # of which the XML says how its text is encoded
            calibration = _from_qualisys(path)
        else:
            calibration = _calibration(Path(path), _text(path), units)
    except InputError:
        raise
    except _ACCEPTED as error:
        raise as_input_error(path, error) from None
    names = [one.camera.id for one in calibration.cameras]
    if not names or len(set(names)) < len(names):
        raise InputError(f"{path} has {'two cameras of one name' if names else 'no cameras'}: write it again")
    doubts = tuple(_outside(one.camera) for one in calibration.cameras if _is_doubtful(one))
    return replace(calibration, doubts=calibration.doubts + doubts)


def _text(path: str | os.PathLike) -> str:
    try:
        return read_small_text(path).lstrip("\ufeff \r\n\t")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a calibration of {_KNOWN}") from None
    except ValueError as error:
        raise InputError(f"{path} is no calibration ({in_words(error)}): give one of {_KNOWN}") from None


def with_size(
    path: str | os.PathLike, one: Calibrated, width_px: int, height_px: int
) -> tuple[Calibrated, tuple[str, ...]]:
    """A camera of a file that says no size, with that of its video, and doubts that it is calibrated for that.

    Raises:
        InputError: its optical axis lies outside of such a picture, or its focal length is in mm.
    """
    camera = replace(one.camera, width_px=width_px, height_px=height_px)
    if _is_outside(camera):
        raise InputError(
            f"{path}: {_outside(camera)} Give the calibration of the video's own size, or say in it that it is"
        )
    try:
        require_px(camera.id, camera.intrinsics_px, width_px, height_px)
    except ValueError as error:
        raise as_input_error(path, error) from None
    aside = np.abs(_axis_by_size(camera) - 0.5).max() > _ASIDE
    return replace(one, camera=camera), (_outside(camera, "far from the middle of"),) if aside else ()


def with_whole_size(
    path: str | os.PathLike, one: Calibrated, width_px: int, height_px: int
) -> tuple[Calibrated, tuple[str, ...]]:
    """A camera whose size may be the numbers of its video's last column and row with the video's size, and a sentence.

    Pose2Sim's earlier converters wrote those: 1087 x 1919 for 1088 x 1920 px.
    """
    short = width_px - one.camera.width_px, height_px - one.camera.height_px
    if not one.perhaps_last_px or not one.size_known or short not in ((1, 1), (1, 0), (0, 1)):
        return one, ()
    said = (
        f"camera {one.camera.id} is of {one.camera.width_px} x {one.camera.height_px} px: taken for the numbers of the "
        f"last column and row of {width_px} x {height_px}"
    )
    return replace(one, camera=replace(one.camera, width_px=width_px, height_px=height_px)), (said,)


def size_advice(camera: Camera, width_px: int, height_px: int) -> str:
    """What to do where a video is of another size than its camera."""
    if (camera.width_px, camera.height_px) == (height_px, width_px):
        return (
            "the video is turned by 90 degrees against it: turn the calibration as well, or calibrate turned pictures"
        )
    return "give the calibration of the video's own size"


def _axis_by_size(camera: Camera) -> np.ndarray:
    """(2,) where the optical axis passes through the picture: 0 to 1 from the left, and from above."""
    return camera.intrinsics_px[:2, 2] / [camera.width_px, camera.height_px]


def _is_outside(camera: Camera) -> bool:
    return bool(np.abs(_axis_by_size(camera) - 0.5).max() > 0.5)


def _is_doubtful(one: Calibrated) -> bool:
    return one.size_known and not one.sees_markers and _is_outside(one.camera)


def _outside(camera: Camera, where: str = "outside of") -> str:
    x_px, y_px = camera.intrinsics_px[:2, 2]
    return (
        f"camera {camera.id} has its optical axis at ({x_px:g}, {y_px:g}), {where} its picture of {camera.width_px} "
        f"x {camera.height_px} px: is it calibrated for another size?"
    )


def _calibration(path: Path, text: str, units: Units | None) -> Calibration:
    if text.startswith("<"):
        if "<opencv_storage" in text:
            raise ValueError("it is OpenCV's XML, which is not read: have cv2.FileStorage write .yaml or .json")
        return _from_qualisys(path)
    if path.suffix == ".json" or text.startswith("{"):
        return _from_json(path, text, units)
    if path.suffix in (".yaml", ".yml") or text.startswith("%YAML"):
        return _from_mapping(path, _read_yaml(text), units)
    try:
        return calibration_from_toml(text, units)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"it is no calibration of {_KNOWN} (as TOML: {in_words(error)})") from None


def _from_qualisys(path: str | os.PathLike) -> Calibration:
    cameras = tuple(read_qualisys(path))
    for camera in (one.camera for one in cameras if not one.sees_markers):
        try:
            require_px(camera.id, camera.intrinsics_px, camera.width_px, camera.height_px)
        except ValueError as error:
            raise ValueError(f"{error}; Qualisys has it in 1/64 px") from None
    return Calibration(cameras, "Qualisys")


def _from_json(path: Path, text: str, units: Units | None) -> Calibration:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({in_words(error)}): write it as docs/predict.md shows") from None
    if isinstance(content, dict) and {"intrinsics", "extrinsics"} <= content.keys():
        return _from_subjects(path, text, content, units)
    if is_opencv(content):
        return _from_mapping(path, content, units)
    if not isinstance(content, dict) or not content.keys() & _OwnCamera.model_fields.keys():
        looked_for = "camera_matrix is looked for, intrinsics_px, or intrinsics and extrinsics"
        raise ValueError(f"it has no camera of {_KNOWN}: {looked_for}")
    return Calibration((_from_own(content, path.stem),), "this project")


def _from_subjects(path: Path, text: str, content: Any, units: Units | None) -> Calibration:
    """Several cameras of one subject, as :mod:`pose3d.datasets.calibration` has them, in mm."""
    if re.search(r"\b(NaN|Infinity)\b", text):
        raise ValueError("it has NaN or Infinity in place of a number: calibrate again")
    subjects = cameras_from(content, str(path))
    if len(subjects) != 1:
        raise ValueError(f"it has cameras of {len(subjects)} subjects: leave one")
    (own,) = subjects.values()
    for camera in own.values():
        require_px(camera.id, camera.intrinsics_px, camera.width_px, camera.height_px)
    in_mm = [Calibrated(replace(camera, translation_m=1000 * camera.translation_m)) for camera in own.values()]
    calibration = in_metres(in_mm, "mm", units, "this project")
    return replace(calibration, units="")  # which its form says


def _from_mapping(path: Path, content: Any, units: Units | None) -> Calibration:
    if is_kalibr(content):
        return calibration_from_kalibr(content)
    if is_opencv(content):
        return calibration_from_opencv(content, path.stem, units)
    raise ValueError(f"it has no camera of {_KNOWN}: camera_matrix is looked for, or cam0 with a camera_model")


class _Loader(yaml.SafeLoader):
    """Safe, without aliases, which could be nested until they fill the memory, and with OpenCV's matrices."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("it has aliases, which are not read: write the values out")
        return super().compose_node(parent, index)


def _matrix(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict:
    return loader.construct_mapping(node, deep=True)


for _tag in ("opencv-matrix", "opencv-nd-matrix"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _matrix)


def _read_yaml(text: str) -> Any:
    # The directive of OpenCV before 5, "%YAML:1.0", is none of YAML's.
    body = re.sub(r"\A%YAML[^\n]*\n", "", text)
    body = re.sub(r"\n---\s*\Z", "\n", body)  # ROS ends a message with it
    try:
        return yaml.load(body, _Loader)  # noqa: S506, a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" (line {mark.line + 1} goes wrong)"
        raise ValueError(f"it is not YAML{where}: write it again") from None


_Row = tuple[FiniteFloat, FiniteFloat, FiniteFloat]


class _OwnCamera(BaseModel):
    model_config = ConfigDict(extra="forbid")

    width_px: PositiveInt
    height_px: PositiveInt
    intrinsics_px: tuple[_Row, _Row, _Row]
    distortion: list[Any] = [0.0] * 5
    rotation: tuple[_Row, _Row, _Row] | None = None
    translation_m: _Row | None = None


_WRONG = {"missing": "is missing", "extra_forbidden": "is no field of a camera, whose form docs/predict.md shows"}
_FIELDS = {
    "width_px": "a whole number above 0",
    "height_px": "a whole number above 0",
    "intrinsics_px": "three rows of three numbers",
    "distortion": "a list of numbers",
    "rotation": "three rows of three numbers",
    "translation_m": "three numbers",
}


def _from_own(content: Any, name: str) -> Calibrated:
    """This project's JSON of one camera."""
    try:
        own = _OwnCamera.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        form = _FIELDS.get(str(first["loc"][0]), "another")
        said = _WRONG.get(first["type"], f"must be {form}")
        raise ValueError(f"{field} {said}; correct that field") from None
    (fx, skew, _), (other_skew, fy, _), last = own.intrinsics_px
    if fx <= 0 or fy <= 0:
        raise ValueError("intrinsics_px: the focal lengths must be above 0; correct that field")
    if skew or other_skew or last != (0, 0, 1):
        raise ValueError("intrinsics_px must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]; correct that field")
    return calibrated(
        re.sub(r"[^\w. -]", "-", name) or "clip",
        (own.width_px, own.height_px),
        own.intrinsics_px,
        own.distortion,
        own.rotation,
        own.translation_m,
        first_pixel=0.5,
    )


def the_camera(path: str | os.PathLike, cameras: Sequence[Calibrated], name: str | None, video: str) -> Calibrated:
    """The one of some cameras that took a video: the one that is named, the only one, or the one of the video's name.

    Args:
        path: of the calibration, for messages.
        cameras: of the calibration.
        name: that a person gave; None: nothing was said.
        video: the video's name without its suffix.

    Raises:
        InputError: there are several, and none has that name; lists them.
    """
    names = [one.camera.id for one in cameras]
    of_video = [one.camera.id for one in cameras if not one.sees_markers] or names
    wanted = name if name is not None else of_video[0] if len(of_video) == 1 else video
    if wanted in names:
        return cameras[names.index(wanted)]
    raise InputError(f"{path} has cameras {', '.join(of_video)}: say with --camera-name which took the video")
