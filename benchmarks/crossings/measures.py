"""How well people were followed, against who truly is where."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from pose3d.geometry.boxes import box_overlaps

MATCH_IOU = 0.5
SEEN = 0.3
"""Share of a body from which on a person counts as visible."""


@dataclass(frozen=True)
class Followed:
    """Counts over the frames of one video or of several.

    Attributes:
        frames: of the videos.
        switches: how often a person got another number than the last one, of all people together.
        targets, right: frames in which a person is visible who was found before or is found now, and those of them in
            which that person's number lies on that person, counted for each person in turn. Whose a number is
            shows in the whole video: most frames are right (Ristani et al., "Performance measures and a data set for
            multi-target, multi-camera tracking", ECCV workshops 2016).
        visible, found: people visible in frames, and those of them on whom any number lies.
        given, true: boxes given, and those of them that lie on a person, however little of that person is visible.
    """

    frames: int = 0
    switches: int = 0
    targets: int = 0
    right: int = 0
    visible: int = 0
    found: int = 0
    given: int = 0
    true: int = 0

    def __add__(self, other: "Followed") -> "Followed":
        return Followed(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def row(self, rate_hz: float) -> dict[str, float]:
        """The figures that are reported."""
        return {
            "switches_per_minute": 60 * rate_hz * self.switches / max(self.frames, 1),
            "right_person_percent": 100 * self.right / max(self.targets, 1),
            "found_percent": 100 * self.found / max(self.visible, 1),
            "precision_percent": 100 * self.true / max(self.given, 1),
        }


def measure(
    boxes_px: np.ndarray, seen: np.ndarray, people: Sequence[np.ndarray], people_boxes_px: Sequence[np.ndarray]
) -> Followed:
    """Compare one video's tracks with its people.

    Args:
        boxes_px: (T, P, 4) true boxes.
        seen: (T, P) share of the body that is visible.
        people: of each of T frames the numbers (N,) of who was found.
        people_boxes_px: of each of T frames the boxes (N, 4) of the same.
    """
    n_people = boxes_px.shape[1]
    last = np.full(n_people, -1)
    switches = targets = visible = found = given = true = 0
    lies_on = np.zeros((n_people, 1 + max((numbers.max(initial=-1) for numbers in people), default=-1)))
    for truth, share, numbers, boxes in zip(boxes_px, seen, people, people_boxes_px, strict=True):
        overlaps = box_overlaps(truth, boxes)
        matched = _matched(overlaps, numbers, last)
        here = share >= SEEN
        switches += int(((matched >= 0) & (last >= 0) & (matched != last) & here).sum())
        seen_now = (matched >= 0) & here
        last[seen_now] = matched[seen_now]
        known = here & (last >= 0)
        targets += int(known.sum())
        lies_on[:, numbers] += (overlaps >= MATCH_IOU) & known[:, None]
        visible += int(here.sum())
        found += int(seen_now.sum())
        given += len(boxes)
        true += int((overlaps.max(0, initial=0.0) >= MATCH_IOU).sum()) if len(boxes) else 0
    right = int(lies_on[linear_sum_assignment(-lies_on)].sum())
    return Followed(len(boxes_px), switches, targets, right, visible, found, given, true)


def _matched(overlaps: np.ndarray, numbers: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The number (P,) that each person has now, -1 for none: the last one where it still lies there (CLEAR MOT).

    Bernardin and Stiefelhagen, EURASIP Journal on Image and Video Processing 2008, section 2.1.3.
    """
    lies_there = np.where(overlaps >= MATCH_IOU, overlaps, 0.0)
    matched = np.full(len(overlaps), -1)
    for person, number in enumerate(last):
        for column in np.flatnonzero((numbers == number) & (lies_there[person] > 0)):
            matched[person] = number
            lies_there[:, column] = 0
            lies_there[person] = 0
    for row, column in zip(*linear_sum_assignment(-lies_there), strict=True):
        if lies_there[row, column] > 0:
            matched[row] = numbers[column]
    return matched
