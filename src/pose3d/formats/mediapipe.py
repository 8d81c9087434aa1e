"""MediaPipe's pose landmarks: 33 points, normalised by the picture's width and height, with their visibility.

MediaPipe writes no files itself. Read is what people write of its results:

=====  ===============================================================================================================
JSON   a list of frames (or ``{"frames": [...], "fps", "width", "height"}``); a frame is a list of 33 landmarks
       ``{x, y, z, visibility}``, or a dict with them (or a list of people's) under ``landmarks``, ``landmark``,
       ``pose_landmarks`` or ``poseLandmarks``, and its number under ``frame``, ``frame_index`` and so on
       (:mod:`pose3d.formats.frame_columns`); null or [] is a frame without anybody
CSV    a row for each landmark: frame, landmark (its number or name), x, y, visibility; where numbers are 0 to 16, or
       px, they are those of another layout's points unless MediaPipe's is asked for, and so are names that are not
       MediaPipe's, or in px; or a row for each frame, with
       columns ``nose_x, nose_y, nose_visibility`` (:mod:`pose3d.formats.point_tables`), or ``x0, y0, z0, v0`` or
       ``x1, y1, z1, v1`` and so on; visibility may have any of :data:`pose3d.formats.keypoints.SCORES`'s names
=====  ===============================================================================================================
"""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pose3d.formats.frame_columns import (
    frame_column,
    frames_of_rows,
    is_time,
    picture_column,
    pictures_beside,
    read_frames,
)
from pose3d.formats.frame_numbers import NamedPictures, count_frames, picture_frames, pictures_of
from pose3d.formats.keypoints import MAX_PEOPLE, SCORES, KeypointFile, keypoint_file, said_of_unused
from pose3d.formats.name_order import stem_of
from pose3d.formats.point_names import in_layout, key_of
from pose3d.formats.point_tables import cells_of, person_column
from pose3d.geometry.layouts import layout
from pose3d.runtime.errors import InputError

N_LANDMARKS, _OWN = 33, "mediapipe33"
LANDMARKS = ("landmarks", "landmark", "pose_landmarks", "poseLandmarks")
LANDMARK_COLUMNS = ("landmark", "landmark_id", "landmark_index", "landmark_name", "name", "id", "index", "point")
_NUMBERED = re.compile(r"([a-z]+)_?(\d{1,2})")
_HIPS = (23, 24)
_N_COCO = 17  # points; landmarks of whole bodies have higher numbers
_MOST = 2  # of the median of shares of a picture's width and height
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
    frames, points = [], []
    numbers, pictures, said = _numbers_of_frames(path, by_frame)
    for index, (number, frame) in enumerate(zip(numbers, by_frame, strict=True)):
        for person in _people(path, index, frame):
            frames.append(number)
            points.append(person)
    size = about.get("width"), about.get("height")
    known: dict[str, Any] = {"said": said, "pictures": pictures}
    listed = [number for number in numbers if number is not None]
    if listed and all(isinstance(number, int) and 0 <= number < 2**31 for number in listed):
        known |= {"n_frames": max(listed) + 1, "first_frame": min(listed)}
    if all(isinstance(side, int) and 0 < side < 2**16 for side in size):
        known["size_px"] = size
    if isinstance(about.get("fps"), int | float) and 0 < about["fps"] < 1e4:
        known["fps"] = float(about["fps"])
    return _file(path, frames, points, known)


def _numbers_of_frames(
    path: str | os.PathLike, by_frame: Sequence[Any]
) -> tuple[list[Any], NamedPictures | None, list[str]]:
    """Each frame's number, of the file or in order, None of one without anybody and number; its pictures; sentences.

    The latter are about what is not used and may say another number, as names that are not those of all frames.
    """
    keys = list(dict.fromkeys(key for frame in by_frame if isinstance(frame, dict) for key in frame))
    column = frame_column(keys)
    key = None if column is None else keys[column]
    given = {index: frame[key] for index, frame in enumerate(by_frame) if isinstance(frame, dict) and key in frame}
    unused = [one for one in keys if is_time(one) and one != key]
    pictures = None
    if key is not None and not all(isinstance(number, int | float) for number in given.values()):
        names = [name for name in given.values() if isinstance(name, str)]
        all_named = len(names) == len(given) == sum(bool(frame) for frame in by_frame)
        distinct = len(set(map(stem_of, names))) == len(names)
        if all_named and (all(map(str.isdecimal, names)) or count_frames(names) or distinct):
            found, pictures = picture_frames(path, names)
            given = dict(zip(given, found, strict=True))
        else:
            given, unused = {}, unused + [key] * (len(set(names)) > 1)
    numbers = [given.get(index, index if frame or not given else None) for index, frame in enumerate(by_frame)]
    beside = picture_column(keys)
    if pictures is None and beside is not None and len(given) == sum(bool(frame) for frame in by_frame):
        names = [by_frame[index].get(keys[beside]) for index in given]
        pictures = pictures_of(list(given.values()), names)
    if not unused:
        return numbers, pictures, []
    not_used = f"{' and '.join(repr(one[:40]) for one in unused)} {'are' if len(unused) > 1 else 'is'} not used"
    if given:
        return numbers, pictures, [f"{path}: {not_used}: frames are as far apart as the frame rate says"]
    remedy = "if frames are missing, number them under frame"
    return numbers, None, [f"{path}: frames are taken one after the other, and {not_used}: {remedy}"]


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
        found = [[[one["x"], one["y"], _score(one, 1.0)] for one in person] for person in people]
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: frame {index} has a landmark without x and y: write it again") from None
    for person in found:
        _check_count(path, index, len(person))
    return found


def _score(own: Mapping[str, Any], otherwise: Any) -> Any:
    """The visibility of a landmark, whatever it is called."""
    return next((own[name] for name in SCORES if name in own), otherwise)


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
    """Number of a landmark to the columns of its x, y, z, visibility and so on."""
    columns: dict[int, dict[str, int]] = {}
    for column, name in enumerate(header):
        match = _NUMBERED.fullmatch(name.lower())
        if match:
            columns.setdefault(int(match[2]), {})[match[1]] = column
    return {number: own for number, own in columns.items() if {"x", "y"} <= set(own)}


def read_mediapipe_csv(
    path: str | os.PathLike, rows: Sequence[Sequence[str]], asked: str | None, column_map: Mapping[str, str]
) -> KeypointFile:
    """Read a table of landmarks, or of another layout's points by their numbers or names.

    Args:
        path: of the file, for messages.
        rows: of the table, the header first.
        asked: name of a layout, which says what numbers are; None: they say it.
        column_map: the file's names of points to a layout's.

    Raises:
        InputError: it has another form; names the line.
    """
    header = [name.strip().lower() for name in rows[0]]
    landmark, numbered = _landmark_column(header), frame_column(header)
    if landmark is not None and numbered is not None:
        titles = {name: header.index(name) for name in header}
        columns = titles["x"], titles["y"], _score(titles, None)
        frames, pictures = read_frames(path, rows[1:], numbered)
        pictures = pictures or pictures_beside(header, rows[1:], frames)
        names = [row[landmark].strip() if landmark < len(row) else "" for row in rows[1:]]
        given = np.array([_point(path, line, row, columns) for line, row in enumerate(rows[1:], 2)], np.float32)
        seen = given[:, :2][np.isfinite(given[:, :2]) & (given[:, :2] != 0)]
        is_px = bool(len(seen) and np.median(seen) > _MOST)
        if not any(map(str.isdecimal, names)) and (is_px or asked or column_map or not _all_landmarks(names)):
            points = list(dict.fromkeys(names))
            best, where, said = in_layout(path, points, asked, column_map)
            if best.name != _OWN or column_map:
                number_of = {points[k]: number for number, k in enumerate(where) if k is not None}
                of_frames, people = _by_point(path, frames, names, list(map(number_of.get, names)), given, len(best))
                return keypoint_file(
                    path,
                    "table",
                    of_frames,
                    None,
                    np.array(people),
                    said=said,
                    pictures=pictures,
                    layout=best.name,
                    one_person=True,
                )
        counted = _counted(names, "landmark" in header[landmark], is_px, asked)
        if asked is None and counted == (_N_COCO, 0) and "landmark" in header[landmark]:
            raise InputError(
                f"{path} has points 0 to {_N_COCO - 1} and does not say whose: give --layout mediapipe33 if they are "
                f"the first {_N_COCO} of MediaPipe's landmarks, else h36m17 or coco17"
            )
        if counted is None:
            found = _by_point(path, frames, names, _landmarks(path, names), given, N_LANDMARKS)
            return _file(path, *found, {"pictures": pictures})
        n_points, first = counted
        numbers = [int(name) - first for name in names]
        of_frames, people = _by_point(path, frames, names, numbers, given, n_points)
        from_1 = f"{path}: no point has the number 0: are they counted from 1? They are taken as counted from 0"
        said = [from_1] if first == 0 < min(numbers) else []
        return keypoint_file(
            path, "numbered points", of_frames, None, np.array(people), said=said, pictures=pictures, one_person=True
        )
    of_landmarks = _numbered(header)
    of_points = [(own["x"], own["y"], _score(own, None)) for _, own in sorted(of_landmarks.items())]
    unused = {
        rows[0][column].strip(): f"visibility{number}"
        for number, own in of_landmarks.items()
        for axis, column in own.items()
        if axis not in ("x", "y", "z") and _score(own, None) is None
    }
    person = person_column(rows[0], rows[1:])
    used = [column for own in of_landmarks.values() for column in own.values()]
    used += [] if person is None else [person]
    frames, pictures, said = frames_of_rows(path, rows[0], rows[1:], used)
    said += said_of_unused(path, unused)
    values = [
        [value for columns in of_points for value in _point(path, line, row, columns)]
        for line, row in enumerate(rows[1:], 2)
    ]
    known: dict[str, Any] = {"said": said, "pictures": pictures}
    if max(frames) < 2**31:
        known |= {"n_frames": max(frames) + 1, "first_frame": min(frames)}
    if person is not None:
        known |= {"people": cells_of(rows[1:], person), "called": rows[0][person].strip()}
    return _file(path, frames, values, known)


def _counted(names: Sequence[str], of_landmarks: bool, is_px: bool, asked: str | None) -> tuple[int, int] | None:
    """How many points people have whose points have numbers alone, and the first number; None: they are MediaPipe's.

    Args:
        names: of the points in all rows.
        of_landmarks: whether their column is called so.
        is_px: whether coordinates are, as MediaPipe's are not.
        asked: name of a layout.
    """
    if asked == _OWN or not all(name.isdecimal() and len(name) < 9 for name in names):
        return None
    numbers = set(map(int, names))
    n_usual = _N_COCO if asked is None else len(layout(asked))
    first = int(0 not in numbers and max(numbers) == n_usual)
    n_points = max(numbers) + 1 - first
    all_there = len(numbers) == n_points
    if asked is not None:
        return None if n_points > n_usual else (n_usual, first)
    if n_points <= _N_COCO:
        may_be_arms = of_landmarks and not (n_points == _N_COCO and all_there)
        return None if may_be_arms else (n_points, first)
    return (n_points, first) if is_px and all_there and n_points < N_LANDMARKS else None


def _all_landmarks(names: Sequence[str]) -> bool:
    return set(map(key_of, set(names))) <= set(map(key_of, layout(_OWN).points))


def _landmarks(path: str | os.PathLike, names: Sequence[str]) -> list[int]:
    """MediaPipe's numbers of points, by number or name."""
    known = {key_of(name): number for number, name in enumerate(layout(_OWN).points)}
    numbers = []
    for line, name in enumerate(names, 2):
        number = int(name) if name.isdecimal() and len(name) < 9 else known.get(key_of(name), -1)
        if not 0 <= number < N_LANDMARKS:
            raise InputError(f"{path} line {line}: {name[:40]!r} is no landmark of MediaPipe's pose: give 0 to 32")
        numbers.append(number)
    return numbers


def _by_point(
    path: str | os.PathLike,
    frames: Sequence[int],
    names: Sequence[str],
    numbers: Sequence[int | None],
    values: np.ndarray,
    n_points: int,
) -> tuple[list[int], list[Any]]:
    """Frames and their points (n_points, 3), of a row for each point; those without a number are left out."""
    people: dict[int, np.ndarray] = {}
    for line, (frame, name, point, (x, y, sure)) in enumerate(zip(frames, names, numbers, values, strict=True), 2):
        if point is None:
            continue
        own = people.setdefault(frame, np.full((n_points, 3), np.nan, np.float32))
        if not np.isnan(own[point, 2]):
            raise InputError(
                f"{path} line {line}: point {name[:40]} of frame {frame} is there twice: give one person alone"
            )
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
    known = {"people": None, "one_person": not known.get("people"), "layout": _OWN, "normalised": True} | known
    found = keypoint_file(path, "MediaPipe", frames, points=points, **known)
    hips = found.keypoints[:, _HIPS].sum(1)
    hips = hips[np.isfinite(hips).all(1)]
    if len(hips) and (np.abs(np.median(hips, 0)) < _CENTRED).all():
        raise InputError(f"{path} holds world landmarks, which are metres around the hips: give pose_landmarks")
    if np.nanmedian(found.keypoints) > _MOST:
        raise InputError(
            f"{path} has landmarks beyond 2, which are px and not MediaPipe's normalised ones: divide x by the "
            "picture's width and y by its height"
        )
    return found
