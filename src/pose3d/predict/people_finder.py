"""Who is in a frame: BlazePose's detector looks for people, the 2D network looks at those found or expected."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS, mirror_permutation
from pose3d.pose2d.blazepose_people import PersonDetector
from pose3d.pose2d.detector import KeypointDetector, box_around_joints
from pose3d.pose2d.rotated_crops import squares_of_pictures
from pose3d.predict.clothes import clothes
from pose3d.predict.erasing import erase
from pose3d.records.keypoints2d import Keypoints2D

SURE = 0.25
"""Least mean confidence with which joints are a person's. With size small's models all of 68 frames of the validation
subject and 16 of four real cameras have 0.36 or more, and some 95 % of boxes beside people have less than 0.25 to 0.3;
people who are half hidden lie between."""
SAME_PERSON = 0.08
"""Two that were found are one where half of the joints lie nearer to each other than this share of the height."""
_SAME_BOX = 0.1  # distance of the middles of boxes, in longer sides, below which nobody else is seen in one of them
_MAX_OVERLAP = 0.5  # of heads and trunks (intersection over union) that two people may have
_SHARES = (1.0, 0.6)  # of the picture's shorter side: the smaller squares of a search
_SHOULDERS, _HIPS, _KNEES = (
    [JOINT_NAMES.index(f"{side}{part}") for side in "LR"] for part in ("Shoulder", "Hip", "Knee")
)


@dataclass(frozen=True, eq=False)
class People:
    """N people found in one frame, from the left to the right.

    Attributes:
        boxes_px: (N, 4) around the bodies, cut off at the picture's edges.
        clothes: (N, D), see :mod:`pose3d.predict.clothes`.
        keypoints_px, confidence: (N, 17, 2) and (N, 17).
        guessed: (N,) bool, whether nothing was detected, and those in front were painted out to find who was expected.
    """

    boxes_px: np.ndarray
    clothes: np.ndarray
    keypoints_px: np.ndarray
    confidence: np.ndarray
    guessed: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes_px)


_NOBODY = People(
    np.empty((0, 4)), np.empty((0, 0)), np.empty((0, N_JOINTS, 2)), np.empty((0, N_JOINTS)), np.empty(0, bool)
)


def _rows(keypoints: Keypoints2D, rows: Sequence[int]) -> Keypoints2D:
    return Keypoints2D(keypoints.keypoints_px[rows], keypoints.confidence[rows])


def search_squares(width_px: int, height_px: int) -> np.ndarray:
    """Squares (N, 4) all over a picture for the detector, which finds those who are large in one: the whole first."""
    squares = [tuple(squares_of_pictures(width_px, height_px))]
    for share in _SHARES:
        side = share * min(width_px, height_px)
        centres = [
            np.linspace(side / 2, length - side / 2, 1 + int(np.ceil(1.5 * (length / side - 1))))
            for length in (width_px, height_px)
        ]
        squares += [(x, y, side, 0.0) for y in centres[1] for x in centres[0]]
    return np.array(squares)


class PeopleFinder:
    """Finds people, new ones and those who are expected.

    Args:
        detector: finds new ones.
        look: finds the keypoints of both.
    """

    def __init__(self, detector: PersonDetector, look: KeypointDetector) -> None:
        self._detector, self._look = detector, look

    def __call__(self, image_bgr: np.ndarray, expected_px: np.ndarray, searched: np.ndarray) -> People:
        """Look at one frame.

        Args:
            image_bgr: (H, W, 3) uint8.
            expected_px: (N, 4) boxes around people who may be there.
            searched: (M, 4) squares in which others are looked for.
        """
        boxes_px = self._with_detected(image_bgr, expected_px, searched)
        if not len(boxes_px):
            return _NOBODY
        size = image_bgr.shape[1::-1]
        seen = self._look([image_bgr] * len(boxes_px), boxes_px)
        kept = _each_once(seen)
        images, looked_px = [image_bgr] * len(boxes_px), list(boxes_px)
        guesses: list[int] = []
        found_px = [box_around_joints(seen.keypoints_px[index], *size) for index in kept]
        missed = [
            index
            for index, box in enumerate(boxes_px)
            if index not in kept
            and _near(box, boxes_px[kept])
            and (index < len(expected_px) or all(_distance(box, other) > _SAME_BOX for other in found_px))
        ]
        if missed:
            # The network sees one person in a crop: those in front hide whoever is expected behind them.
            erased = erase(image_bgr, seen.keypoints_px[kept])
            hidden = self._look([erased] * len(missed), boxes_px[missed])
            columns = zip(vars(seen).values(), vars(hidden).values(), strict=True)
            seen = Keypoints2D(*(np.concatenate(parts) for parts in columns))
            guesses = [len(boxes_px) + n for n, index in enumerate(missed) if index < len(expected_px)]
            kept = _each_once(seen, kept)
            looked_px += list(boxes_px[missed])
            images += [erased] * len(missed)  # whoever was seen in what is left of those in front wears nothing known
        if not kept:
            return _NOBODY
        own = _own_joints(_rows(seen, kept))
        around_px = {
            index: _box(seen.keypoints_px[index], theirs, looked_px[index], size)
            for index, theirs in zip(kept, own, strict=True)
        }
        kept.sort(key=lambda index: around_px[index][0] + around_px[index][2])
        worn = [
            clothes(images[index], *(seen.keypoints_px[index][part] for part in (_SHOULDERS, _HIPS, _KNEES)))
            for index in kept
        ]
        boxes_px = np.stack([around_px[index] for index in kept])
        guessed = np.array([index in guesses for index in kept])
        return People(boxes_px, np.stack(worn), seen.keypoints_px[kept], seen.confidence[kept], guessed)

    def _with_detected(self, image_bgr: np.ndarray, expected_px: np.ndarray, searched: np.ndarray) -> np.ndarray:
        """The expected boxes, and of the detector's, the surest first, those that are not like an earlier one."""
        kept = list(expected_px)
        if len(searched):
            detected = self._detector.in_squares([image_bgr] * len(searched), searched, _MAX_OVERLAP)
            scores, hips_px, tops_px = (
                np.concatenate([vars(people)[name] for people in detected]) for name in ("scores", "hips_px", "tops_px")
            )
            radii_px = np.maximum(np.linalg.norm(tops_px - hips_px, axis=1, keepdims=True), 1.0)
            around_px = np.concatenate([hips_px - radii_px, hips_px + radii_px], axis=1)
            for box in around_px[np.argsort(-scores, kind="stable")]:
                if all(_distance(box, other) > _SAME_BOX for other in kept):
                    kept.append(box)
        return np.array(kept).reshape(-1, 4)


def _distance(box_px: np.ndarray, other_px: np.ndarray) -> float:
    """Between the middles of two boxes (4,), in the smaller one's longer sides."""
    apart = np.linalg.norm((box_px[:2] + box_px[2:] - other_px[:2] - other_px[2:]) / 2)
    return float(apart / min((box[2:] - box[:2]).max() for box in (box_px, other_px)))


def _near(box_px: np.ndarray, others_px: np.ndarray) -> bool:
    return any(_distance(box_px, other) < 0.9 for other in others_px)


def _box(body_px: np.ndarray, own: np.ndarray, looked_px: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The box (4,) around a body; joints that are somebody else's move no edge outwards."""
    around_px, own_px = box_around_joints(body_px, *size), box_around_joints(body_px[own], *size)
    low = np.maximum(around_px[:2], np.minimum(own_px[:2], looked_px[:2]))
    high = np.minimum(around_px[2:], np.maximum(own_px[2:], looked_px[2:]))
    return np.concatenate([low, high])


def _own_joints(seen: Keypoints2D) -> np.ndarray:
    """(N, 17) bool, false where a joint lies on the same joint of somebody else who is surer of it, left or right."""
    own = np.ones(seen.confidence.shape, bool)
    for index, (body, sure) in enumerate(zip(seen.keypoints_px, seen.confidence, strict=True)):
        near_px = SAME_PERSON * np.ptp(body, axis=0).max()
        for other in range(len(own)):
            for order in (np.arange(N_JOINTS), mirror_permutation()) if other != index else ():
                there, surer = seen.keypoints_px[other][order], seen.confidence[other][order] > sure
                own[index] &= ~(surer & (np.linalg.norm(body - there, axis=-1) < near_px))
    own[own.sum(1) < N_JOINTS // 2] = True
    return own


def _each_once(seen: Keypoints2D, kept: Sequence[int] = ()) -> list[int]:
    """Who was found beside those who are kept already: of those found twice the surer one."""
    sure = seen.confidence.mean(1)
    kept = list(kept)
    for index in np.argsort(-sure, kind="stable").tolist():
        if sure[index] < SURE or index in kept:
            continue
        body = seen.keypoints_px[index]
        height_px = np.ptp(body, axis=0).max()
        apart = [np.median(np.linalg.norm(body - seen.keypoints_px[other], axis=-1)) for other in kept]
        if all(distance > SAME_PERSON * height_px for distance in apart):
            kept.append(index)
    return kept
