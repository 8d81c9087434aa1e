"""People are found late where they come in or from behind others: they are looked for in the frames before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pose3d.formats.clip import ClipFrame
from pose3d.geometry.camera import apply_affine, invert_affine
from pose3d.predict.clothes import difference
from pose3d.predict.people_finder import People, PeopleFinder
from pose3d.predict.person_tracker import SAME_CLOTHES

_MOST_MOVED = 0.3
"""How far a person moves at most from one frame to the next, in heights."""


@dataclass(eq=False)
class SeenFrame:
    """A frame that was looked at.

    Attributes:
        frame: of the video.
        motion: (2, 3) from the frame before, see :class:`pose3d.predict.camera_motion.CameraMotion`; None: a cut.
        numbers: (N,) of people; -1 for a sighting that is like nobody's.
        people: where they are.
    """

    frame: ClipFrame
    motion: np.ndarray | None
    numbers: np.ndarray
    people: People


def rewind(frames: Sequence[SeenFrame], number: int, worn: np.ndarray, finder: PeopleFinder) -> Iterator[np.ndarray]:
    """Look for a person in the frames before the first sighting, backwards, until nobody like that is there.

    Args:
        frames: in their order; the person is in one of them at least, and is added to those before.
        number: the person's.
        worn: the person's clothes.
        finder: looks at the frames.

    Yields:
        Of each frame to which the person is added the numbers (N,) of the others who are known there.
    """
    first = next(index for index, seen in enumerate(frames) if number in seen.numbers)
    box_px = frames[first].people.boxes_px[frames[first].numbers == number][0]
    for index in range(first - 1, -1, -1):
        seen, motion = frames[index], frames[index + 1].motion
        if motion is None:
            return
        expected_px = apply_affine(invert_affine(motion), box_px.reshape(2, 2)).ravel()
        known = seen.numbers >= 0
        person = finder.beside(seen.frame.image_bgr, expected_px, seen.people.rows(known))
        if not len(person) or difference(person.clothes[0], worn) > SAME_CLOTHES:
            return
        moved_px = (person.boxes_px[0] - expected_px).reshape(2, 2).mean(0)
        if np.linalg.norm(moved_px) > _MOST_MOVED * (expected_px[3] - expected_px[1]):
            return
        yield seen.numbers[known]
        seen.numbers, seen.people = np.append(seen.numbers, number), seen.people.with_others(person)
        box_px = person.boxes_px[0]
