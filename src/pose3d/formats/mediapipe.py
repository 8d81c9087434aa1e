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

from pose3d.formats.frame_columns import frame_column, frames_of_rows, read_frames
from pose3d.formats.keypoints import MAX_PEOPLE, KeypointFile, keypoint_file
from pose3d.formats.point_names import key_of
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
    frames, points, numbers = [], [], []
    for index, frame in enumerate(by_frame):
        number = index
        if isinstance(frame, dict):
            number = next((frame[key] for key in ("frame", "frame_id", "frame_idx") if key in frame), index)
        numbers.append(number)
        for person in _people(path, index, frame):
            frames.append(number)
            points.append(person)
    size = about.get("width"), about.get("height")
    known: dict[str, Any] = {}
    if numbers and all(isinstance(number, int) and 0 <= number < 2**31 for number in numbers):
        known = {"n_frames": max(numbers) + 1, "first_frame": min(numbers)}
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
    if not isinstance(landmarks, list):
        raise InputError(f"{path}: frame {index} has no list of landmarks: write 33 of x, y and visibility")
    people = [landmarks] if isinstance(landmarks[0], dict) and "landmark" not in landmarks[0] else landmarks
    if len(people) > MAX_PEOPLE:
        raise InputError(f"{path}: frame {index} has {len(people):,} people, {MAX_PEOPLE:,} are the most")
    people = [person.get("landmark") if isinstance(person, dict) else person for person in people]
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
    if not {"x", "y"} <= set(header) or frame_column(header) is None:
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
    header = [name.strip().lower() for name in rows[0]]
    landmark, numbered = _landmark_column(header), frame_column(header)
    if landmark is not None and numbered is not None:
        score = next((header.index(name) for name in ("visibility", "score", "confidence") if name in header), None)
        columns = header.index("x"), header.index("y"), score
        frames, pictures = read_frames(path, rows[1:], numbered)
        return _file(path, *_by_landmark(path, rows[1:], frames, landmark, columns), {"pictures": pictures})
    of_landmarks = _numbered(header)
    of_points = [(own["x"], own["y"], own.get("v")) for _, own in sorted(of_landmarks.items())]
    used = [column for own in of_landmarks.values() for column in own.values()]
    frames, pictures, said = frames_of_rows(path, rows[0], rows[1:], used)
    values = [
        [value for columns in of_points for value in _point(path, line, row, columns)]
        for line, row in enumerate(rows[1:], 2)
    ]
    listed = {"n_frames": max(frames) + 1, "first_frame": min(frames)} if max(frames) < 2**31 else {}
    return _file(path, frames, values, {"said": said, "pictures": pictures} | listed)


def _by_landmark(
    path: str | os.PathLike,
    rows: Sequence[Sequence[str]],
    of_rows: Sequence[int],
    landmark: int,
    columns: tuple[int, int, int | None],
) -> tuple[list[int], list[Any]]:
    """Frames and their landmarks (33, 3), of a row for each landmark."""
    known = {key_of(name): number for number, name in enumerate(layout("mediapipe33").points)}
    people: dict[int, np.ndarray] = {}
    for line, (frame, row) in enumerate(zip(of_rows, rows, strict=True), 2):
        name = row[landmark].strip() if landmark < len(row) else ""
        point = int(name) if name.isdecimal() and len(name) < 9 else known.get(key_of(name), -1)
        if not 0 <= point < N_LANDMARKS:
            raise InputError(f"{path} line {line}: {name[:40]!r} is no landmark of MediaPipe's pose: give 0 to 32")
        own = people.setdefault(frame, np.full((N_LANDMARKS, 3), np.nan, np.float32))
        if not np.isnan(own[point, 2]):
            raise InputError(
                f"{path} line {line}: landmark {name[:40]} of frame {frame} is there twice: give one person alone"
            )
        x, y, sure = _point(path, line, row, columns)
        own[point] = x, y, 0.0 if np.isnan(sure) else sure
    for own in people.values():
        own[np.isnan(own[:, 2]), 2] = 0
    return list(people), list(people.values())


def _point(
    path: str | os.PathLike, line: int, row: Sequence[str], columns: tuple[int, int, int | None]
) -> tuple[float, float, float]:
    """x, y and visibility; nan where a cell is empty, 1 where there is no such column."""
    try:
        x, y, sure = (1.0 if column is None else float(row[column] or "nan") for column in columns)
        return x, y, sure
    except (ValueError, IndexError):
        raise InputError(f"{path} line {line}: a cell is missing or no number: correct it") from None


def _file(path: str | os.PathLike, frames: list[int], points: list[Any], known: dict[str, Any]) -> KeypointFile:
    if points and isinstance(points[0], list) and points[0] and isinstance(points[0][0], list):
        points = [[value for point in person for value in point] for person in points]
    elif points and isinstance(points[0], np.ndarray):
        points = [person.ravel().tolist() for person in points]
    known |= {"one_person": True, "layout": "mediapipe33", "normalised": True}
    found = keypoint_file(path, "MediaPipe", frames, None, points, **known)
    hips = found.keypoints[:, _HIPS].sum(1)
    hips = hips[np.isfinite(hips).all(1)]
    if len(hips) and (np.abs(np.median(hips, 0)) < _CENTRED).all():
        raise InputError(f"{path} holds world landmarks, which are metres around the hips: give pose_landmarks")
    if np.nanmedian(found.keypoints) > 2:
        raise InputError(
            f"{path} has landmarks beyond 2, which are px and not MediaPipe's normalised ones: divide x by the "
            "picture's width and y by its height"
        )
    return found
