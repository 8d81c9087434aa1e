"""2D keypoints as other programs' files have them: who is seen in which frame, and what the file says besides.

Readers of all formats give a :class:`KeypointFile`. What a format does not say stays None, because it is asked for and
never guessed (:mod:`pose3d.predict.given_keypoints`).
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pose3d.formats.frame_numbers import NamedPictures
from pose3d.geometry.layouts import LAYOUTS, layout
from pose3d.records.detected_points import MAX_COORDINATE_PX, as_confidence, detected_points
from pose3d.runtime.errors import InputError, in_words

MAX_SIGHTINGS = 1_000_000
"""Of one person in one frame each, in one file."""
MAX_PEOPLE = 1000
"""In one frame."""
MAX_VALUES = 100_000_000
"""Numbers of all keypoints of a file: 400 MB."""
BODY_ONLY = {133: ("coco_wholebody", 23), 136: ("halpe26", 26)}
"""Layouts with face and hands, by their number of points: the layout of body and feet, which come first."""
COCO, WITH_FEET = "coco17", "coco_wholebody"
"""The former's points are the first of the latter's."""
SCORES = (
    "visibility",
    "score",
    "confidence",
    "likelihood",
    "conf",
    "probability",
    "prob",
    "visible",
    "vis",
    "p",
    "v",
    "c",
)
"""What files call the score of a point; of several the first is meant."""
_NO_NUMBER = ("", "none", "n/a", "na", "nan", "null", "unknown")
_DEPTH, _DEPTHS = -0.05, 0.1
"""Scores of detectors are seldom below 0, and then hardly; this much below are no scores where so large a share is."""


@dataclass(frozen=True, eq=False)
class KeypointFile:
    """N sightings, each of one person in one frame, in the order of frames; K points each.

    Attributes:
        path: of the file, for messages.
        format: what it was read as.
        keypoints: (N, K, 2) float32, pixel centres at +0.5 or as the detector has them; NaN where undetected.
        confidence: (N, K) float32 in [0, 1]; 0 where undetected.
        frames: (N,) int64, the file's numbers of frames, ascending.
        people: (N,) int64, the file's numbers of people; None: it has none.
        one_person: whether the format, or this form of it, is of one person unless a frame has two.
        layout: name of a layout (:mod:`pose3d.geometry.layouts`); None: the format does not say.
        normalised: whether coordinates are shares of the picture's width and height, and not px; None: the format does
            not say.
        n_frames: how many frames the file has, from 0, also those without anybody; None: up to the last with somebody.
        first_frame: number of the first of them that is in the file, with anybody or not.
        pictures: that the file names, by the numbers of frames; None: it names none.
        fps: frames per second; None: the format does not say.
        time_s: (F,) seconds of frames 0 to F - 1, where the file has them.
        size_px: width and height of the picture.
        intrinsics_px, distortion: (3, 3) and (5,) or (8,) of the camera, where the file has one.
        said: sentences about what was changed or left out.
    """

    path: str
    format: str
    keypoints: np.ndarray
    confidence: np.ndarray
    frames: np.ndarray
    people: np.ndarray | None = None
    one_person: bool = False
    layout: str | None = None
    normalised: bool | None = None
    n_frames: int | None = None
    first_frame: int = 0
    pictures: NamedPictures | None = None
    fps: float | None = None
    time_s: np.ndarray | None = None
    size_px: tuple[int, int] | None = None
    intrinsics_px: np.ndarray | None = None
    distortion: np.ndarray | None = None
    said: tuple[str, ...] = field(default=())

    @property
    def n_points(self) -> int:
        return self.keypoints.shape[1]


def keypoint_file(
    path: str | os.PathLike,
    format_name: str,
    frames: Sequence[int] | np.ndarray,
    people: Sequence[Any] | np.ndarray | None,
    points: Sequence[Any] | np.ndarray,
    scores: Sequence[Any] | np.ndarray | None = None,
    said: Sequence[str] = (),
    called: str = "person",
    **known: Any,
) -> KeypointFile:
    """Check what a reader has found, and bring it into one form.

    What is undetected, and what scores above 1 mean, is :mod:`pose3d.records.detected_points`'s rule;
    :attr:`KeypointFile.said` says what was done.

    Args:
        path, format_name, known: see :class:`KeypointFile`.
        frames: N numbers.
        people: N numbers or names of people as the file has them, or None. They are left out, and people told apart by
            where they are, where somebody has none (or one below 0), or two in a frame have the same.
        points: N times K points: flat x, y, score, ...; or (K, 2), with ``scores`` or without (then 1); or (K, 3).
        scores: N times K.
        said: sentences of the reader.
        called: what the file calls the numbers of people.

    Raises:
        InputError: there is nobody, too many, numbers of points differ, or a number cannot be; names the frame.
    """
    if not len(points):
        raise InputError(f"{path} holds nobody: give a file with at least one person in one frame")
    if len(points) > MAX_SIGHTINGS:
        raise InputError(f"{path} holds {len(points):,} people in all its frames, {MAX_SIGHTINGS:,} are the most")
    frame_of = _whole(path, frames, "frame")
    if frame_of.min() < 0:
        raise InputError(f"{path}: frame {frame_of.min()} is below 0: number frames from 0")
    _check_crowd(path, frame_of)
    keypoints, confidence = _arrays(path, frame_of, points, scores)
    person_of, unnumbered = (None, []) if people is None else _people(path, frame_of, list(people), called)
    order = np.argsort(frame_of, kind="stable")
    if (np.diff(frame_of) < 0).any():
        frame_of, keypoints, confidence = frame_of[order], keypoints[order], confidence[order]
        person_of = None if person_of is None else person_of[order]
    if keypoints.shape[1] in BODY_ONLY:
        known["layout"], n_body = BODY_ONLY[keypoints.shape[1]]
        keypoints, confidence = keypoints[:, :n_body], confidence[:, :n_body]
    keypoints, confidence, more = _checked(path, frame_of, keypoints, confidence)
    if person_of is None:
        once = _once(frame_of, keypoints)
        if not once.all():
            more.append(f"{path}: {(~once).sum()} people are there twice, point for point, and are taken once")
            frame_of, keypoints, confidence = frame_of[once], keypoints[once], confidence[once]
    return KeypointFile(
        str(path), format_name, keypoints, confidence, frame_of, person_of, said=(*said, *unnumbered, *more), **known
    )


def said_of_unused(path: str | os.PathLike, titles: Mapping[str, str]) -> list[str]:
    """A sentence about columns that points without a score have besides x, y and z.

    Args:
        path: of the file, for messages.
        titles: of the columns, to what they would be called if they were scores.
    """
    if not titles:
        return []
    title, score = next(iter(titles.items()))
    others = f" and {len(titles) - 1} other columns of points are" if len(titles) > 1 else " is"
    return [f"{path}: {title[:40]!r}{others} not used: call it {score[:40]} if it is a score"]


def layout_of(file: KeypointFile, asked: str | None) -> str:
    """The layout of a file: as it says, or as was asked for, or the only one of so many points.

    Of COCO-WholeBody's points COCO's may be asked for, see :func:`of_coco`.

    Raises:
        InputError: no layout, or several, have that many points, or another was asked for.
    """
    n_points = file.n_points
    fitting = [known.name for known in LAYOUTS if len(known) == n_points]
    if asked is not None:
        n_asked = len(layout(asked))
        if asked == COCO and file.layout in (None, WITH_FEET) and fitting == [WITH_FEET]:
            return asked
        if file.layout not in (None, asked):
            raise InputError(
                f"{file.path} ({file.format}) has the {n_points} points of {file.layout}, not the {n_asked} of {asked}:"
                f" give --layout {file.layout}, or leave it out"
            )
        if n_asked != n_points:
            advice = f"give --layout {' or '.join(fitting)}" if fitting else "no known layout has that many"
            raise InputError(f"{file.path} has {n_points} points a person, {asked} has {n_asked}: {advice}")
        return asked
    if file.layout is not None:
        return file.layout
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        known_counts = ", ".join(f"{known.name} ({len(known)})" for known in LAYOUTS)
        raise InputError(f"{file.path} has {n_points} points a person, which no known layout has: {known_counts}")
    raise InputError(
        f"{file.path} has {n_points} points a person and does not say which: give --layout {' or '.join(fitting)}"
    )


def of_coco(file: KeypointFile) -> KeypointFile:
    """COCO's 17 points of a file of COCO-WholeBody's."""
    n_points = len(layout(COCO))
    return replace(file, keypoints=file.keypoints[:, :n_points], confidence=file.confidence[:, :n_points], layout=COCO)


def _whole(path: str | os.PathLike, numbers: Sequence[int] | np.ndarray, what: str) -> np.ndarray:
    """(N,) int64."""
    try:
        values = np.asarray(numbers, np.float64)
        if values.ndim == 1 and (np.abs(values) < 2**31).all() and (np.round(values) == values).all():
            return values.astype(np.int64)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(f"{path}: a {what}'s number is no whole number below 2 billion: correct the file")


def _check_crowd(path: str | os.PathLike, frames: np.ndarray) -> None:
    numbers, counts = np.unique(frames, return_counts=True)
    if counts.max() > MAX_PEOPLE:
        frame, most = numbers[counts.argmax()], counts.max()
        raise InputError(f"{path}: frame {frame} has {most:,} people, {MAX_PEOPLE:,} are the most: leave some out")


def _people(
    path: str | os.PathLike, frames: np.ndarray, given: Sequence[Any], called: str
) -> tuple[np.ndarray | None, list[str]]:
    """(N,) int64, the numbers of people, and of names in the order of appearance; else None, and why."""
    given = [None if str(one).lower() in _NO_NUMBER else one for one in map(_unpacked, given)]
    named = any(isinstance(one, str) and _number(one) is None for one in given)
    if named:
        counted = {name: number for number, name in enumerate(dict.fromkeys(map(str, given)))}
        numbers: list[float | None] = [None if one is None else counted[str(one)] for one in given]
    else:
        numbers = [_number(one) for one in given]
    there = [number for number in numbers if number is not None and 0 <= number < 2**31]
    if not there:
        return None, []
    apart = "so people are told apart by where they are"
    if len(there) < len(numbers):
        n_without = len(numbers) - len(there)
        return None, [f"{path}: {n_without} of {len(numbers)} sightings of people have no {called}, {apart}"]
    if any(number != int(number) for number in there):
        return None, [f"{path}: {called} is no whole number everywhere, {apart}"]
    people = np.array(there, np.int64)
    pairs, counts = np.unique(np.stack([frames, people], 1), axis=0, return_counts=True)
    if (counts == 1).all():
        return people, []
    if (people == people[0]).all():
        return None, [f"{path}: {called} is {people[0]} for everybody, {apart}"]
    frame, person = pairs[counts.argmax()]
    return None, [f"{path}: {called} is {person} twice in frame {frame}, {apart}"]


def _unpacked(number: Any) -> Any:
    """Of lists, which AlphaPose may have put one into for each of the detections that it merged, the first."""
    for _ in range(3):
        if isinstance(number, list):
            number = number[0] if number else None
    return number.strip() if isinstance(number, str) else number


def _number(number: Any) -> float | None:
    """Also one in letters; None: it is none."""
    try:
        return float(number) if isinstance(number, int | float | str | np.number) else None
    except (ValueError, OverflowError):
        return None


def _once(frames: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """(N,) bool, false for who is in the same frame before, as where results of parts of a video were joined."""
    once = np.ones(len(frames), bool)
    seen: set[bytes] = set()
    for index in np.flatnonzero(np.isin(frames, frames[1:][np.diff(frames) == 0])):
        if index and frames[index] != frames[index - 1]:
            seen.clear()
        content = keypoints[index].tobytes()
        once[index] = content not in seen
        seen.add(content)
    return once


def _arrays(
    path: str | os.PathLike, frames: np.ndarray, points: Sequence[Any] | np.ndarray, scores: Any
) -> tuple[np.ndarray, np.ndarray]:
    """(N, K, 2) and (N, K) float32, which all sightings must fit into."""
    _check_alike(path, frames, points)
    try:
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as that
            values = np.asarray(points, np.float32)
            if scores is not None:
                rated = np.asarray(scores, np.float32)
    except (TypeError, ValueError, OverflowError):
        values, rated = np.empty(0, np.float32), np.empty(0, np.float32)
    if scores is None:
        if values.ndim == 2 and values.shape[1] % 3 == 0:
            values = values.reshape(len(values), -1, 3)
        if values.ndim == 3 and values.shape[2] == 2:
            return values, np.ones(values.shape[:2], np.float32)
        if values.ndim == 3 and values.shape[2] == 3:
            _check_scores(path, values)
            return values[..., :2], values[..., 2]
    elif values.ndim == 3 and values.shape[2] >= 2 and rated.shape == values.shape[:2]:
        return values[..., :2], rated
    frame = _first_odd(frames, points, scores)
    raise InputError(f"{path}: frame {frame} has a person whose points are not x, y and score each: correct the file")


def _check_scores(path: str | os.PathLike, points: np.ndarray) -> None:
    """Refuse depths in the place of scores: of those about half are below 0."""
    scores = points[..., 2][detected_points(points[..., :2])]
    below = (scores < _DEPTH) & (scores != -1)  # -1 may mark what is undetected
    if below.sum() > _DEPTHS * len(scores):
        raise InputError(
            f"{path}: {below.mean():.0%} of the scores, points' third numbers, are below 0, as depths are: give x and "
            "y alone, or x, y and a score from 0 to 1"
        )


def _check_alike(path: str | os.PathLike, frames: np.ndarray, points: Sequence[Any] | np.ndarray) -> None:
    """Refuse different numbers of points before arrays are built."""
    if isinstance(points, np.ndarray) or not all(isinstance(one, list | np.ndarray) for one in points):
        return
    lengths = np.array([len(one) for one in points])
    if (lengths != lengths[0]).any():
        odd = int((lengths != lengths[0]).argmax())
        parts = 1 if len(points[0]) and isinstance(points[0][0], list | np.ndarray) else 3
        if lengths[odd] % parts or lengths[0] % parts:
            return  # it breaks off within a point, which is said elsewhere
        raise InputError(
            f"{path}: frame {frames[odd]} has a person of {lengths[odd] // parts} points, frame {frames[0]} one of "
            f"{lengths[0] // parts}: layouts are mixed, give one file for each"
        )
    if len(points) * int(lengths[0]) > MAX_VALUES:
        raise InputError(f"{path} holds more than {MAX_VALUES:,} numbers: cut it up")


def _first_odd(frames: np.ndarray, points: Sequence[Any] | np.ndarray, scores: Any) -> int:
    """The frame of the first sighting that is of another form than numbers."""
    for index, one in enumerate(points):
        try:
            values = np.asarray(one, np.float32)
            rated = None if scores is None else np.asarray(scores[index], np.float32)
        except (TypeError, ValueError, OverflowError):
            return int(frames[index])
        flat = values.ndim == 1 and len(values) % 3 == 0 and rated is None
        rows = values.ndim == 2 and values.shape[1] in (2, 3) and (rated is None or rated.shape == (len(values),))
        if not (flat or rows):
            return int(frames[index])
    return int(frames[0])


def _checked(
    path: str | os.PathLike, frames: np.ndarray, keypoints: np.ndarray, confidence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    said = []

    def frame_of(wrong: np.ndarray) -> int:
        return int(frames[wrong.reshape(len(frames), -1).any(1).argmax()])

    try:
        rated, changed = as_confidence(confidence)
    except ValueError as error:
        frame = frame_of(confidence == np.nanmax(confidence))
        raise InputError(f"{path}: frame {frame} has {in_words(error)}") from None
    if changed is not None:
        said.append(f"{path}: scores reach {np.nanmax(confidence):.3g}; {changed}")
    there = detected_points(keypoints, rated)
    infinite = there[..., None] & (np.abs(keypoints) > MAX_COORDINATE_PX)
    if infinite.any():
        raise InputError(f"{path}: frame {frame_of(infinite)} has a point that no picture can hold: correct the file")
    if not there.any():
        raise InputError(f"{path}: no point of anybody is detected: all are (0, 0), no numbers, or of no score above 0")
    if not there.all():
        said.append(f"{path}: {1 - there.mean():.1%} of all points are undetected")
    keypoints = np.where(there[..., None], keypoints, np.float32(np.nan))
    return keypoints, np.where(there, rated, np.float32(0)).astype(np.float32), said
