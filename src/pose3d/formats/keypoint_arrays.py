"""Arrays of keypoints as people save them with NumPy, for instance what rtmlib gives for each frame.

An npz of ``keypoints`` (T, P, K, 2) or (T, K, 2) and ``scores`` (T, P, K) or (T, K), or an npy of the former; a last
axis of 3 has the scores. Scores of that shape may have another of their usual names. P people have no numbers: a row
may be anybody. Frames of different P may be objects, each with an array of its own. ``fps``, ``width`` and ``height``
are read where the npz has them. Nothing in a file is run.
"""

import os
import zipfile
from typing import Any

import numpy as np

from pose3d.formats.keypoints import MAX_PEOPLE, MAX_VALUES, SCORES, KeypointFile, keypoint_file
from pose3d.records.pickled_npz import read_npy, read_pickled_npz, read_shapes, reason_of
from pose3d.runtime.errors import InputError

SCORES_ARRAYS = ("scores", "keypoint_scores", "confidence")
_OTHER_NAMES = ("confidences", "keypoint_score", *(name for name in SCORES if len(name) > 1))
"""What else scores are called, and people's, too: they are those of points where their shape is."""
_CROWD = 20
"""People in a frame, from which on it is worth a word when there are fewer frames."""


def read_keypoint_arrays(path: str | os.PathLike) -> KeypointFile:
    """Read an npz or npy of keypoints.

    Raises:
        InputError: it is damaged, or of other shapes; names the frame.
    """
    known: dict[str, Any] = {}
    unused: list[str] = []
    if zipfile.is_zipfile(path):
        arrays = read_pickled_npz(path, ["keypoints", *SCORES_ARRAYS, "fps", "width", "height"])
        points = arrays["keypoints"]
        scores = next((arrays[name] for name in SCORES_ARRAYS if name in arrays), None)
        if scores is None:
            scores, unused = _other_scores(path, np.shape(points) if isinstance(points, np.ndarray) else ())
        known["fps"] = _number(path, arrays, "fps")
        width, height = _number(path, arrays, "width"), _number(path, arrays, "height")
        if width is not None and height is not None:
            known["size_px"] = (int(width), int(height))
    else:
        points, scores = _read_one(path), None
    frames, people, rated = _by_frame(path, points, scores)
    said = _doubt(path, points) + unused
    shape = getattr(points, "shape", ())
    known["one_person"] = len(shape) == 3 or shape[1:2] == (1,)
    return keypoint_file(path, "arrays", frames, None, people, rated, said, n_frames=len(points), **known)


def _other_scores(path: str | os.PathLike, shape: tuple[int, ...]) -> tuple[Any, list[str]]:
    """Scores under another name, for keypoints of that shape; else None, and a sentence on what may be some."""
    if not shape:
        return None, []
    wanted = shape if len(shape) == 1 else shape[:-1]  # frames of different people are objects in one row
    shapes = read_shapes(path)
    name = next((name for name in _OTHER_NAMES if shapes.get(name) == wanted), None)
    scores = None if name is None else read_pickled_npz(path, [name])[name]
    if isinstance(scores, np.ndarray) and (len(shape) > 1 or scores.dtype == object):
        return scores, []
    alike = [name for name, other in shapes.items() if len(shape) > 2 and other in (wanted, (shape[0], shape[-2]))]
    if not alike or shape[-1] == 3:
        return None, []
    return None, [f"{path}: {alike[0][:40]} has a number for each point and is not used: call it scores if it has them"]


def _doubt(path: str | os.PathLike, points: Any) -> list[str]:
    """A sentence where there are so many people in so few frames that it may be the other way round."""
    shape = np.shape(points) if isinstance(points, np.ndarray) else ()
    if len(shape) != 4 or shape[1] < max(_CROWD, shape[0]):
        return []
    return [
        f"{path}: keypoints have shape {shape}, read as {shape[1]} people in each of {shape[0]} frames: if they are "
        f"{shape[1]} frames of {shape[0]} people, save (frames, people, points, 2)"
    ]


def _number(path: str | os.PathLike, arrays: dict[str, Any], name: str) -> float | None:
    if name not in arrays:
        return None
    try:
        value = float(np.asarray(arrays[name], np.float64).reshape(()))
    except (TypeError, ValueError):
        value = -1.0
    if not 0 < value < 1e6:
        raise InputError(f"{path}: {name} is no number above 0: save the file again")
    return value


def _read_one(path: str | os.PathLike) -> Any:
    def check(shape: tuple[int, ...], dtype: np.dtype) -> None:
        if dtype.kind != "O" and np.prod(shape, dtype=float) > MAX_VALUES:
            raise ValueError(f"it claims shape {shape}")

    try:
        with open(path, "rb") as file:
            return read_npy(file, "its array", os.path.getsize(path), check)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a file of numpy.save") from None
    except Exception as error:  # whatever damage makes NumPy or the reader of pickles raise
        raise InputError(f"{path} is no whole array of keypoints ({reason_of(error)}): save it again") from None


def _by_frame(path: str | os.PathLike, points: Any, scores: Any) -> tuple[np.ndarray, Any, Any]:
    """Frame, points and scores of each person; empty rows, which only fill an array up, are left out."""
    if not isinstance(points, np.ndarray | list):
        raise InputError(f"{path}: keypoints are no array: save (frames, people, points, 2)")
    if isinstance(points, list) or points.dtype == object:
        return _by_object(path, points, scores)
    shape = points.shape
    if points.dtype.kind not in "fiu" or points.ndim not in (3, 4) or shape[-1] not in (2, 3):
        raise InputError(
            f"{path}: keypoints have shape {shape}, not (frames, people, points, 2) or (frames, points, 2)"
        )
    if scores is not None and (not isinstance(scores, np.ndarray) or scores.shape != shape[:-1]):
        raise InputError(f"{path}: scores have shape {np.shape(scores)}, keypoints {shape}: save one score a point")
    if points.size > MAX_VALUES:
        raise InputError(f"{path} holds more than {MAX_VALUES:,} numbers: cut it up")
    n_people = shape[1] if points.ndim == 4 else 1
    if n_people > MAX_PEOPLE:
        raise InputError(
            f"{path} has {n_people:,} people in each of {shape[0]} frames, {MAX_PEOPLE:,} are the most: leave some "
            "out, or save (frames, people, points, 2) if these are frames"
        )
    frames = np.repeat(np.arange(shape[0]), n_people)
    rows = points.reshape(-1, *shape[-2:])
    there = ~(np.isnan(rows[..., :2]) | (rows[..., :2] == 0)).all((1, 2))
    rated = None if scores is None else scores.reshape(rows.shape[:2])[there]
    return frames[there], rows[there], rated


def _by_object(path: str | os.PathLike, points: Any, scores: Any) -> tuple[np.ndarray, Any, Any]:
    frames, people, rated = [], [], []
    for number, frame in enumerate(points):
        own_scores = None if scores is None or number >= len(scores) else scores[number]
        array = np.empty(0) if frame is None else np.asarray(frame)
        if not array.size:
            continue
        if array.dtype.kind not in "fiu" or array.ndim not in (2, 3) or array.shape[-1] not in (2, 3):
            raise InputError(f"{path}: frame {number} has keypoints of shape {array.shape}: save (people, points, 2)")
        array = array.reshape(-1, *array.shape[-2:])
        frames += [number] * len(array)
        people += list(array)
        if scores is not None:
            own = np.asarray(own_scores if own_scores is not None else [])
            if own.dtype.kind not in "fiu" or own.size != array.shape[0] * array.shape[1]:
                raise InputError(f"{path}: frame {number} has not one score for each point: save (people, points)")
            rated += list(own.reshape(array.shape[:2]))
    alike = len({one.shape for one in people}) <= 1
    if not alike:
        odd = next(index for index, one in enumerate(people) if one.shape != people[0].shape)
        raise InputError(
            f"{path}: frame {frames[odd]} has a person of {len(people[odd])} points, frame {frames[0]} one of "
            f"{len(people[0])}: layouts are mixed, give one file for each"
        )
    return np.array(frames, int), np.array(people), np.array(rated) if scores is not None else None
