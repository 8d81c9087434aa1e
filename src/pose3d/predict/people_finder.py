"""Who is in a frame: BlazePose's detector looks for people, its landmark network at those found or expected."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pose3d.pose2d.blazepose import LANDMARK_NAMES, N_LANDMARKS, BlazePose, Landmarks, squares_of_people
from pose3d.pose2d.rotated_crops import squares_of_pictures
from pose3d.predict.clothes import clothes
from pose3d.predict.erasing import erase

MIN_FLAG = 0.5
"""Least ``pose_flag`` of a person."""
SAME_PERSON = 0.08
"""Two that were found are one where half of the landmarks lie nearer to each other than this share of the height."""
_MAX_OVERLAP = 0.5  # of heads and trunks (intersection over union) that two people may have
_SHARES = (1.0, 0.6)  # of the picture's shorter side: the smaller squares of a search
_BODY_BEYOND_LANDMARKS = np.array([0.02, 0.085, 0.02, 0.02])
"""How far a body goes beyond its landmarks to the left, top, right and bottom, in longer sides of their box."""
_SHOULDERS, _HIPS, _KNEES = (
    [LANDMARK_NAMES.index(f"{side}_{part}") for side in ("left", "right")] for part in ("shoulder", "hip", "knee")
)


@dataclass(frozen=True, eq=False)
class People:
    """N people found in one frame, from the left to the right.

    Attributes:
        boxes_px: (N, 4) around the bodies, cut off at the picture's edges.
        clothes: (N, D), see :mod:`pose3d.predict.clothes`.
        landmarks_px, visibility: (N, 33, 2) and (N, 33), see :class:`pose3d.pose2d.blazepose.Landmarks`.
        squares: (N, 4) rotated squares around them.
        behind: (N,) bool, whether those in front were painted out to find them.
    """

    boxes_px: np.ndarray
    clothes: np.ndarray
    landmarks_px: np.ndarray
    visibility: np.ndarray
    squares: np.ndarray
    behind: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes_px)


_NOBODY = People(
    *(np.empty((0, *shape)) for shape in ((4,), (0,), (N_LANDMARKS, 2), (N_LANDMARKS,), (4,))), np.empty(0, bool)
)


def search_squares(width_px: int, height_px: int) -> list[np.ndarray]:
    """Squares all over a picture for the detector, which finds those who are large in one: sets (N, 4) by size."""
    sets = [squares_of_pictures(width_px, height_px)[None]]
    for share in _SHARES:
        side = share * min(width_px, height_px)
        centres = [
            np.linspace(side / 2, length - side / 2, 1 + int(np.ceil(1.5 * (length / side - 1))))
            for length in (width_px, height_px)
        ]
        sets.append(np.array([(x, y, side, 0.0) for y in centres[1] for x in centres[0]]))
    return sets


class PeopleFinder:
    """Finds people with BlazePose, new ones and those who are expected.

    Args:
        blazepose: both networks.
    """

    def __init__(self, blazepose: BlazePose) -> None:
        self._blazepose = blazepose

    def __call__(self, image_bgr: np.ndarray, expected: np.ndarray, searched: np.ndarray) -> People:
        """Look at one frame.

        Args:
            image_bgr: (H, W, 3) uint8.
            expected: (N, 4) rotated squares around people who may be there.
            searched: (M, 4) squares in which others are looked for.
        """
        squares = expected
        if len(searched):
            detected = self._blazepose.people.in_squares([image_bgr] * len(searched), searched, _MAX_OVERLAP)
            scores = np.concatenate([people.scores for people in detected])
            found = np.concatenate([squares_of_people(people) for people in detected])
            squares = _apart(np.concatenate([expected, found[np.argsort(-scores, kind="stable")]]), len(expected))
        if not len(squares):
            return _NOBODY
        seen = self._blazepose.landmarks([image_bgr] * len(squares), squares)
        kept = _each_once(seen)
        if not kept:
            return _NOBODY
        images = [image_bgr] * len(squares)
        missed = [
            index for index in range(len(expected)) if index not in kept and _near(expected[index], squares[kept])
        ]
        if missed:
            # The network sees one person in a square: those in front hide whoever is expected behind them.
            erased = erase(image_bgr, seen.landmarks_px[kept])
            seen = _joined(seen, self._blazepose.landmarks([erased] * len(missed), expected[missed]))
            kept = _each_once(seen, kept)
            images += [erased] * len(missed)  # whoever was seen in what is left of those in front wears nothing known
        landmarks_px = seen.landmarks_px[kept]
        boxes_px = np.clip(body_boxes(landmarks_px), 0, np.tile(image_bgr.shape[1::-1], 2))
        worn = [
            clothes(images[index], body[_SHOULDERS], body[_HIPS], body[_KNEES])
            for index, body in zip(kept, landmarks_px, strict=True)
        ]
        behind = np.array(kept) >= len(squares)
        order = np.argsort(boxes_px[:, 0] + boxes_px[:, 2], kind="stable")
        columns = boxes_px, np.stack(worn), landmarks_px, seen.visibility[kept], seen.next_squares[kept], behind
        return People(*(column[order] for column in columns))


def body_boxes(landmarks_px: np.ndarray) -> np.ndarray:
    """Boxes (N, 4) of bodies around their landmarks (N, 33, 2)."""
    low, high = landmarks_px.min(1), landmarks_px.max(1)
    side = (high - low).max(1, keepdims=True)
    return np.concatenate([low, high], axis=1) + _BODY_BEYOND_LANDMARKS * side * [-1, -1, 1, 1]


def _apart(squares: np.ndarray, n_expected: int) -> np.ndarray:
    """The expected squares, and of the others those that are not like an earlier one."""
    kept = list(squares[:n_expected])
    for square in squares[n_expected:]:
        if all(np.linalg.norm(square[:2] - other[:2]) > 0.1 * min(square[2], other[2]) for other in kept):
            kept.append(square)
    return np.array(kept).reshape(-1, 4)


def _near(square: np.ndarray, others: np.ndarray) -> bool:
    """Whether one of some rotated squares (N, 4) has its middle in a square (4,) or just beside it."""
    return bool((np.linalg.norm(others[:, :2] - square[:2], axis=1) < 0.7 * square[2]).any())


def _joined(first: Landmarks, second: Landmarks) -> Landmarks:
    columns = zip(vars(first).values(), vars(second).values(), strict=True)
    return Landmarks(*(np.concatenate(parts) for parts in columns))


def _each_once(seen: Landmarks, kept: Sequence[int] = ()) -> list[int]:
    """Who was found beside those who are kept already: of those found twice the one of whom more is visible."""
    sure = seen.visibility.mean(1)
    kept = list(kept)
    for index in np.argsort(-sure, kind="stable").tolist():
        if seen.pose_flag[index] < MIN_FLAG or index in kept:
            continue
        body = seen.landmarks_px[index]
        height_px = np.ptp(body, axis=0).max()
        apart = [np.median(np.linalg.norm(body - seen.landmarks_px[other], axis=-1)) for other in kept]
        if all(distance > SAME_PERSON * height_px for distance in apart):
            kept.append(index)
    return kept
