"""Who is in a frame: BlazePose's detector looks for people, the 2D network looks at those found or expected."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS, mirror_permutation
from pose3d.pose2d import blazepose_people
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
_WORN_AT = [[JOINT_NAMES.index(f"{side}{part}") for side in "LR"] for part in ("Shoulder", "Hip", "Knee")]


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

    def rows(self, which: np.ndarray) -> "People":
        """Some of them."""
        return People(*(column[which] for column in vars(self).values()))

    def with_others(self, others: "People") -> "People":
        """These, and then others."""
        if not len(self):
            return others  # nobody's clothes have no length
        pairs = zip(vars(self).values(), vars(others).values(), strict=True)
        return People(*(np.concatenate(columns) for columns in pairs))


_NOBODY = People(
    np.empty((0, 4)), np.empty((0, 0)), np.empty((0, N_JOINTS, 2)), np.empty((0, N_JOINTS)), np.empty(0, bool)
)

_NOTHING_SEEN = Keypoints2D(np.empty((0, N_JOINTS, 2), np.float32), np.empty((0, N_JOINTS), np.float32))


def _together(first: Keypoints2D, second: Keypoints2D) -> Keypoints2D:
    return Keypoints2D(
        np.concatenate([first.keypoints_px, second.keypoints_px]),
        np.concatenate([first.confidence, second.confidence]),
    )


def _rows(keypoints: Keypoints2D, rows: Sequence[int] | np.ndarray) -> Keypoints2D:
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

    def __call__(
        self, images_bgr: Sequence[np.ndarray], expected_px: Sequence[np.ndarray], searched: Sequence[np.ndarray]
    ) -> list[People]:
        """Look at T frames together.

        Args:
            images_bgr: T of (H, W, 3) uint8.
            expected_px: T of (N, 4) boxes around people who may be there.
            searched: T of (M, 4) squares in which others are looked for.
        """
        detected = self._detect(images_bgr, searched)
        boxes_px = [_with_detected(*boxes) for boxes in zip(expected_px, detected, strict=True)]
        seen = self._look_at(images_bgr, boxes_px)
        kept = [_each_once(keypoints) for keypoints in seen]
        missed = [_missed(*frame) for frame in zip(images_bgr, expected_px, boxes_px, seen, kept, strict=True)]
        # The network sees one person in a crop: those in front hide whoever is behind them.
        erased = [
            erase(image, keypoints.keypoints_px[found]) if hidden else image
            for image, keypoints, found, hidden in zip(images_bgr, seen, kept, missed, strict=True)
        ]
        behind = self._look_at(erased, [boxes[hidden] for boxes, hidden in zip(boxes_px, missed, strict=True)])
        frames = zip(images_bgr, erased, expected_px, boxes_px, seen, kept, missed, behind, strict=True)
        return [_people(*frame) for frame in frames]

    def beside(self, image_bgr: np.ndarray, box_px: np.ndarray, known: People) -> People:
        """Who is in a box (4,) of a frame (H, W, 3) and is none of the people known there: one, or nobody."""
        looked = self._look([image_bgr], box_px[None])
        seen = _together(Keypoints2D(known.keypoints_px, known.confidence), looked)
        if len(known) not in _each_once(seen, range(len(known))):
            return _NOBODY
        body_px = looked.keypoints_px[0]
        around_px = _box(body_px, _own_joints(seen)[-1], box_px, image_bgr.shape[1::-1])
        worn = clothes(image_bgr, *(body_px[part] for part in _WORN_AT))
        return People(around_px[None], worn[None], body_px[None], looked.confidence, np.zeros(1, bool))

    def _look_at(self, images_bgr: Sequence[np.ndarray], boxes_px: Sequence[np.ndarray]) -> list[Keypoints2D]:
        """The keypoints in the boxes (N, 4) of each picture."""
        in_all = np.concatenate(boxes_px)
        if not len(in_all):
            return [_NOTHING_SEEN] * len(boxes_px)
        pictures = [image for image, boxes in zip(images_bgr, boxes_px, strict=True) for _ in boxes]
        seen = self._look(pictures, in_all)
        ends = np.cumsum([len(boxes) for boxes in boxes_px])
        return [_rows(seen, np.arange(end - len(boxes), end)) for end, boxes in zip(ends, boxes_px, strict=True)]

    def _detect(self, images_bgr: Sequence[np.ndarray], searched: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The boxes (N, 4) around bodies that the detector finds in the squares of each picture, the surest first."""
        in_all = np.concatenate(searched)
        if not len(in_all):
            return [np.empty((0, 4))] * len(searched)
        pictures = [image for image, squares in zip(images_bgr, searched, strict=True) for _ in squares]
        detected = iter(self._detector.in_squares(pictures, in_all, _MAX_OVERLAP))
        return [_bodies_px(list(itertools.islice(detected, len(squares)))) for squares in searched]


def _bodies_px(detected: Sequence[blazepose_people.People]) -> np.ndarray:
    """Boxes (N, 4) around the bodies found in some squares of one picture, the surest first."""
    if not detected:
        return np.empty((0, 4))
    scores, hips_px, tops_px = (
        np.concatenate([vars(people)[name] for people in detected]) for name in ("scores", "hips_px", "tops_px")
    )
    radii_px = np.maximum(np.linalg.norm(tops_px - hips_px, axis=1, keepdims=True), 1.0)
    return np.concatenate([hips_px - radii_px, hips_px + radii_px], axis=1)[np.argsort(-scores, kind="stable")]


def _with_detected(expected_px: np.ndarray, detected_px: np.ndarray) -> np.ndarray:
    """The expected boxes (N, 4), and those of the detector's that are not like an earlier one."""
    kept = list(expected_px)
    for box in detected_px:
        if all(_distance(box, other) > _SAME_BOX for other in kept):
            kept.append(box)
    return np.array(kept).reshape(-1, 4)


def _missed(
    image_bgr: np.ndarray, expected_px: np.ndarray, boxes_px: np.ndarray, seen: Keypoints2D, kept: list[int]
) -> list[int]:
    """Rows of the boxes of people who may be behind those who are kept; the arguments are those of :func:`_people`."""
    found_px = [box_around_joints(seen.keypoints_px[index], *image_bgr.shape[1::-1]) for index in kept]
    return [
        index
        for index, box in enumerate(boxes_px)
        if index not in kept
        and _near(box, boxes_px[kept])
        and (index < len(expected_px) or all(_distance(box, other) > _SAME_BOX for other in found_px))
    ]


def _people(
    image_bgr: np.ndarray,
    erased_bgr: np.ndarray,
    expected_px: np.ndarray,
    boxes_px: np.ndarray,
    seen: Keypoints2D,
    kept: list[int],
    missed: list[int],
    behind: Keypoints2D,
) -> People:
    """Who is in a frame.

    Args:
        image_bgr, erased_bgr: the frame (H, W, 3), and without those in front.
        expected_px: (E, 4) boxes of people who may be there.
        boxes_px: (N, 4) that were looked at in the first, these before others.
        seen: in these boxes.
        kept: the rows of those in front.
        missed: the rows of boxes that were looked at again, in the second.
        behind: seen in these.
    """
    seen = _together(seen, behind)
    kept = _each_once(seen, kept)
    if not kept:
        return _NOBODY
    looked_px = np.concatenate([boxes_px, boxes_px[missed]])
    size = image_bgr.shape[1::-1]
    own = _own_joints(_rows(seen, kept))
    around_px = {
        index: _box(seen.keypoints_px[index], theirs, looked_px[index], size)
        for index, theirs in zip(kept, own, strict=True)
    }
    kept.sort(key=lambda index: around_px[index][0] + around_px[index][2])
    again = np.array(kept) - len(boxes_px)  # the row in ``missed``
    worn = [
        # Whoever was seen in what is left of those in front wears nothing known.
        clothes(erased_bgr if hidden else image_bgr, *(seen.keypoints_px[index][part] for part in _WORN_AT))
        for index, hidden in zip(kept, again >= 0, strict=True)
    ]
    guessed = np.array([row >= 0 and missed[row] < len(expected_px) for row in again])
    boxes_px = np.stack([around_px[index] for index in kept])
    return People(boxes_px, np.stack(worn), seen.keypoints_px[kept], seen.confidence[kept], guessed)


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
