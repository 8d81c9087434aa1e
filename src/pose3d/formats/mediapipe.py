"""MediaPipe's pose landmarks: 33 points, normalised by the picture's width and height, with their visibility.

MediaPipe writes no files itself. Read is what people write of its results:

=====  ===============================================================================================================
JSON   a list of frames (or ``{"frames": [...], "fps", "width", "height"}``); a frame is a list of 33 landmarks
       ``{x, y, z, visibility}``, or a dict with them (or a list of people's) under ``landmarks``, ``landmark``,
       ``pose_landmarks`` or ``poseLandmarks``, and ``frame`` or ``frame_id``; null or [] is a frame without anybody
CSV    a row for each landmark: frame, landmark (its number or name), x, y, visibility; or a row for each frame, with
       columns ``nose_x, nose_y, nose_visibility`` (:mod:`pose3d.formats.point_tables`), or ``x0, y0, z0, v0`` or
       ``x1, y1, z1, v1`` and so on
=====  ===============================================================================================================
"""

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from pose3d.formats.keypoints import MAX_PEOPLE, KeypointFile, keypoint_file
from pose3d.formats.point_names import key_of
from pose3d.formats.point_tables import FRAME_COLUMNS
from pose3d.geometry.layouts import layout
from pose3d.runtime.errors import InputError

N_LANDMARKS = 33
LANDMARKS = ("landmarks", "landmark", "pose_landmarks", "poseLandmarks")
LANDMARK_COLUMNS = ("landmark", "landmark_id", "landmark_index", "landmark_name", "name", "id", "index", "point")
_NUMBERED = re.compile(r"([xyv])_?(\d{1,2})")
_HIPS = (23, 24)
_CENTRED = 0.02  # around the hips' middle lie world landmarks, which are metres


def read_mediapipe_json(path: str | os.PathLike, content: Any) -> KeypointFile:
    """Read landmarks of a video's frames.

    Args:
        path: of the file, for messages.
        content: its JSON.

    Raises:
        InputError: it holds something else; names the frame.
    """
    about = content if isinstance(content, dict) else {}
    by_frame = about.get("frames", content)
    if not isinstance(by_frame, list):
        raise InputError(f"{path} has no list of frames: write one with 33 landmarks for each")
    frames, points, number = [], [], -1
    for index, frame in enumerate(by_frame):
        number = index
        if isinstance(frame, dict):
            number = next((frame[key] for key in ("frame", "frame_id", "frame_idx") if key in frame), index)
        for person in _people(path, index, frame):
            frames.append(number)
            points.append(person)
    size = about.get("width"), about.get("height")
    known: dict[str, Any] = {"n_frames": number + 1 if isinstance(number, int) and 0 <= number < 2**31 else None}
    if all(isinstance(side, int) and 0 < side < 2**16 for side in size):
        known["size_px"] = size
    if isinstance(about.get("fps"), int | float) and 0 < about["fps"] < 1e4:
        known["fps"] = float(about["fps"])
    return _file(path, frames, points, known)


def _people(path: str | os.PathLike, index: int, frame: Any) -> list[list[list[float]]]:
    """Of each person of a frame 33 of x, y, visibility."""
    landmarks = frame
    while isinstance(landmarks, dict):
        key = next((key for key in LANDMARKS if key in landmarks), None)
        if key is None:
            raise InputError(f"{path}: frame {index} has no landmarks: write 33 of x, y and visibility")
        landmarks = landmarks[key]
    if not landmarks:
        return []
    people = [landmarks] if isinstance(landmarks, list) and isinstance(landmarks[0], dict) else landmarks
    if isinstance(people[0], dict) or not isinstance(people, list) or len(people) > MAX_PEOPLE:
        raise InputError(f"{path}: frame {index} has no list of landmarks: write 33 of x, y and visibility")
    if all(isinstance(person, dict) and "landmark" in person for person in people):
        people = [person["landmark"] for person in people]
    try:
        found = [[[one["x"], one["y"], one.get("visibility", 1.0)] for one in person] for person in people]
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: frame {index} has a landmark without x and y: write it again") from None
    for person in found:
        _check_count(path, index, len(person))
    return found


def _check_count(path: str | os.PathLike, frame: int, n_points: int) -> None:
    if n_points != N_LANDMARKS:
        raise InputError(f"{path}: frame {frame} has {n_points} landmarks, MediaPipe's pose has 33: write them all")


def is_landmark_table(header: Sequence[str]) -> bool:
    """Whether a table has a row for each landmark, or numbered columns."""
    return _landmark_column(header) is not None or len(_numbered(header)) == N_LANDMARKS


def _landmark_column(header: Sequence[str]) -> int | None:
    if not {"x", "y"} <= set(header) or not set(header) & set(FRAME_COLUMNS):
        return None
    return next((header.index(name) for name in LANDMARK_COLUMNS if name in header), None)


def _numbered(header: Sequence[str]) -> dict[int, dict[str, int]]:
    """Number of a landmark to the columns of its x, y and v."""
    columns: dict[int, dict[str, int]] = {}
    for column, name in enumerate(header):
        match = _NUMBERED.fullmatch(name.lower())
        if match:
            columns.setdefault(int(match[2]), {})[match[1]] = column
    return {number: own for number, own in columns.items() if {"x", "y"} <= set(own)}


def read_mediapipe_csv(path: str | os.PathLike, rows: Sequence[Sequence[str]]) -> KeypointFile:
    """Read a table of landmarks.

    Args:
        path: of the file, for messages.
        rows: of the table, the header first.

    Raises:
        InputError: it has another form; names the line.
    """
    header = [name.strip() for name in rows[0]]
    lower = [name.lower() for name in header]
    landmark = _landmark_column(lower)
    numbered = next((lower.index(name) for name in FRAME_COLUMNS if name in lower), None)
    try:
        if landmark is None:
            columns = sorted(_numbered(header).items())
            order = [column for _, own in columns for column in (own["x"], own["y"], own.get("v", -1))]
            values = [[float(row[c] or "nan") if c >= 0 else 1.0 for c in order] for row in rows[1:]]
            frames = [int(float(row[numbered])) if numbered is not None else n for n, row in enumerate(rows[1:])]
            return _file(path, frames, values, {"n_frames": max(frames, default=0) + 1})
        score = next((lower.index(name) for name in ("visibility", "score", "confidence") if name in lower), None)
        return _file(path, *_long(path, rows[1:], (numbered, landmark, lower.index("x"), lower.index("y"), score)), {})
    except (ValueError, IndexError, OverflowError):
        line = next(number for number, row in enumerate(rows[1:], 2) if not _all_numbers(row, landmark))
        raise InputError(f"{path} line {line}: a cell is no number: correct it") from None


def _all_numbers(row: Sequence[str], landmark: int | None) -> bool:
    for column, cell in enumerate(row):
        try:
            float(cell or "nan")
        except ValueError:
            if column != landmark:
                return False
    return True


def _long(
    path: str | os.PathLike, rows: Sequence[Sequence[str]], columns: tuple[Any, ...]
) -> tuple[list[int], list[Any]]:
    numbered, landmark, x, y, score = columns
    known = {key_of(name): number for number, name in enumerate(layout("mediapipe33").points)}
    people: dict[int, np.ndarray] = {}
    for line, row in enumerate(rows, 2):
        name = row[landmark].strip()
        point = int(name) if name.isdecimal() else known.get(key_of(name), -1)
        if not 0 <= point < N_LANDMARKS:
            raise InputError(f"{path} line {line}: {name[:40]!r} is no landmark of MediaPipe's pose: give 0 to 32")
        own = people.setdefault(int(float(row[numbered])), np.full((N_LANDMARKS, 3), np.nan, np.float32))
        if not np.isnan(own[point, 2]):
            raise InputError(
                f"{path} line {line}: landmark {name[:40]} of a frame is there twice: give one person alone"
            )
        own[point] = float(row[x] or "nan"), float(row[y] or "nan"), 1.0 if score is None else float(row[score] or 0)
    for own in people.values():
        own[np.isnan(own[:, 2]), 2] = 0
    return list(people), list(people.values())


def _file(path: str | os.PathLike, frames: list[int], points: list[Any], known: dict[str, Any]) -> KeypointFile:
    if points and isinstance(points[0], list) and points[0] and isinstance(points[0][0], list):
        points = [[value for point in person for value in point] for person in points]
    elif points and isinstance(points[0], np.ndarray):
        points = [person.ravel().tolist() for person in points]
    found = keypoint_file(path, "MediaPipe", frames, None, points, layout="mediapipe33", normalised=True, **known)
    middle = np.abs(np.nanmedian(found.keypoints[:, _HIPS].sum(1), 0)) if found.n_points == N_LANDMARKS else np.inf
    if (middle < _CENTRED).all():
        raise InputError(f"{path} holds world landmarks, which are metres around the hips: give pose_landmarks")
    if np.nanmedian(found.keypoints) > 2:
        raise InputError(
            f"{path} has landmarks beyond 2, which are px and not MediaPipe's normalised ones: divide x by the "
            "picture's width and y by its height"
        )
    return found
