"""A file of keypoints of any of the known formats, recognised by its content."""

import os
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from pose3d.formats import coco, mediapipe, own_keypoints, point_tables
from pose3d.formats.json_files import read_json
from pose3d.formats.keypoint_arrays import SCORES_ARRAYS, read_keypoint_arrays
from pose3d.formats.keypoints import KeypointFile
from pose3d.formats.mmpose import read_mmpose
from pose3d.formats.openpose import read_openpose
from pose3d.formats.videopose3d_keypoints import read_detectron, read_videopose3d_custom
from pose3d.runtime.errors import InputError, in_words

MAX_NPZ_BYTES = 2**30
"""Of the arrays of an archive, unpacked."""
FORMATS = (
    "OpenPose's folder, results of COCO, COCO-WholeBody or AlphaPose, MMPose's JSON, MediaPipe's landmarks, arrays of "
    "keypoints and scores, VideoPose3D's npz, tables of DeepLabCut or SLEAP, or what pose3d predict writes"
)


def read_keypoints(
    path: str | os.PathLike, layout: str | None = None, column_map: Mapping[str, str] | None = None
) -> KeypointFile:
    """Read a file, or OpenPose's folder, of keypoints.

    Args:
        path: of it.
        layout: name of a layout, for files whose points have names or numbers.
        column_map: of such tables, COCO's annotations and MMPose's, the file's names of points to those of the layout.

    Raises:
        InputError: it is damaged, too large, or of no known format; names the file and the frame.
    """
    if not os.path.exists(path):
        raise InputError(f"{path} is missing: give a file of keypoints")
    found = read_openpose(path) if os.path.isdir(path) else _read_file(path, layout, column_map or {})
    if column_map and found.format not in ("DeepLabCut", "SLEAP", "table", "COCO annotations", "MMPose"):
        raise InputError(f"{path} ({found.format}) has no names of points: leave --names out")
    return found


def _read_file(path: str | os.PathLike, layout: str | None, column_map: Mapping[str, str]) -> KeypointFile:
    try:
        with open(path, "rb") as file:
            start = file.read(512)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a file of keypoints") from None
    if start.startswith(b"PK"):
        return _read_npz(path)
    if start.startswith(np.lib.format.MAGIC_PREFIX):
        if os.path.getsize(path) > MAX_NPZ_BYTES:
            raise InputError(f"{path} is larger than {MAX_NPZ_BYTES / 2**30:g} GiB: cut it up")
        return read_keypoint_arrays(path)
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
        return _read_json(path, read_json(path), layout, column_map)
    return _read_table(path, point_tables.read_rows(path), layout, column_map)


def _read_npz(path: str | os.PathLike) -> KeypointFile:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(f"{path} is no whole npz file ({in_words(error)}): save or fetch it again") from None
    if sum(member.file_size for member in members) > MAX_NPZ_BYTES:
        raise InputError(f"{path} unpacks to more than {MAX_NPZ_BYTES / 2**30:g} GiB: cut it up")
    names = {member.filename.removesuffix(".npy") for member in members}
    if "positions_2d" in names:
        return read_videopose3d_custom(path)
    if {"keypoints", "boxes"} <= names:
        return read_detectron(path)
    if {"keypoints_px", "joints"} <= names:
        return own_keypoints.read_own_npz(path)
    if "keypoints" in names:
        return read_keypoint_arrays(path)
    raise InputError(
        f"{path} has arrays {', '.join(sorted(names)[:6])} and no keypoints: name them keypoints and {SCORES_ARRAYS[0]}"
    )


def _read_json(
    path: str | os.PathLike, content: Any, layout: str | None, column_map: Mapping[str, str]
) -> KeypointFile:
    if isinstance(content, dict):
        if "people" in content:
            return read_openpose(path)
        if "instance_info" in content:
            return read_mmpose(path, content, layout, column_map)
        if "images" in content and "annotations" in content:
            return coco.read_coco_annotations(path, content, layout, column_map)
        if "frames" in content:
            return mediapipe.read_mediapipe_json(path, content)
        first = next(iter(content.values()), None)
        if isinstance(first, dict) and ("people" in first or "bodies" in first):
            return coco.read_alphapose_pictures(path, content)
    elif isinstance(content, list):
        first = next((entry for entry in content if entry), None)
        if first is None:
            raise InputError(f"{path} holds nobody: give a file with at least one person in one frame")
        if isinstance(first, dict) and "image_id" in first:
            return coco.read_coco_results(path, content)
        if isinstance(first, dict) and ("instances" in first or "keypoint_scores" in first):
            return read_mmpose(path, content, layout, column_map)
        if isinstance(first, list) or (isinstance(first, dict) and set(first) & set(mediapipe.LANDMARKS)):
            return mediapipe.read_mediapipe_json(path, content)
    raise InputError(f"{path} is JSON of no known form: read are {FORMATS}")


def _read_table(
    path: str | os.PathLike, rows: list[list[str]], layout: str | None, column_map: Mapping[str, str]
) -> KeypointFile:
    if len(rows) < 2:
        raise InputError(f"{path} is a table without rows: read are {FORMATS}")
    header = [name.strip() for name in rows[0]]
    if header[0].lower() == "scorer":
        return point_tables.read_deeplabcut(path, rows, layout, column_map)
    if set(own_keypoints.COLUMNS) <= set(header):
        return own_keypoints.read_own_csv(path, rows)
    if mediapipe.is_landmark_table([name.lower() for name in header]):
        return mediapipe.read_mediapipe_csv(path, rows, layout, column_map)
    return point_tables.read_named_columns(path, rows, layout, column_map)
