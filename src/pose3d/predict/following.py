"""Follows all people of a video from frame to frame."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from pose3d.geometry.boxes import box_overlaps
from pose3d.predict.camera_motion import CameraMotion
from pose3d.predict.clip import ClipFrame
from pose3d.predict.people_finder import People, PeopleFinder, search_squares
from pose3d.predict.person_tracker import PersonTracker, Sightings, Track

SEARCH_S = 0.2
"""So often the whole picture is searched for people who were not followed, and some smaller squares of it in turn."""
LOOK_AHEAD_S = 0.1
"""So long after a frame people are looked for where its velocities lead, before these are corrected."""
_IN_TURN = 1
_NEAR = 0.1  # overlap of boxes from which on people may be taken for each other
_UNSEEN_S = 0.1
_NEAR_SHARE = 2.0  # side of the square that is searched around them, in heights


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A frame that is looked at together with others.

    Attributes:
        frame: of the video.
        motion: see :class:`CameraMotion`.
        expected_px: (N, 4) boxes in which people may be.
        searched: (M, 4) squares in which others are looked for.
    """

    frame: ClipFrame
    motion: np.ndarray | None
    expected_px: np.ndarray
    searched: np.ndarray


class PeopleFollower:
    """Finds everybody in each frame of a video and gives them numbers that stay.

    The detector searches squares all over the picture at the start, after a cut and while nobody is known, later a few
    of them at a time, and wherever people are near each other or out of sight it looks anew. Frames between searches
    go through the networks together, because a few crops take little more time than one.

    Args:
        finder: finds people in frames.
        width_px, height_px: of the video.

    Attributes:
        tracker: holds who is where.
    """

    def __init__(self, finder: PeopleFinder, width_px: int, height_px: int) -> None:
        self._finder = finder
        self._squares = search_squares(width_px, height_px)
        self._motion = CameraMotion()
        self.tracker = PersonTracker()
        self._searched_s, self._turn, self._frames = -np.inf, 0, 0

    def follow(self, frames: Iterable[ClipFrame]) -> Iterator[tuple[ClipFrame, np.ndarray, People]]:
        """Look at all frames in their order.

        Yields:
            Each frame with the numbers (N,) of people, and where they are. :attr:`tracker` is then at that frame.
        """
        waiting: list[_Waiting] = []
        ahead = self.tracker.ahead()
        for frame in frames:
            motion = self._motion.step(frame.image_bgr, _boxes_px(ahead.near()))
            if motion is None and waiting:
                yield from self._look(waiting)
                waiting, ahead = [], self.tracker.ahead()
            ahead.predict(frame.time_s, motion)
            expected = ahead.near()
            searched = self._search(frame.time_s, expected, motion is None)
            waiting.append(_Waiting(frame, motion, _boxes_px(expected), searched))
            self._frames += 1
            if len(searched) or frame.time_s - self.tracker.time_s >= LOOK_AHEAD_S - 1e-6:
                yield from self._look(waiting)
                waiting, ahead = [], self.tracker.ahead()
        if waiting:
            yield from self._look(waiting)

    def _look(self, waiting: list[_Waiting]) -> Iterator[tuple[ClipFrame, np.ndarray, People]]:
        images = [one.frame.image_bgr for one in waiting]
        found = self._finder(images, [one.expected_px for one in waiting], [one.searched for one in waiting])
        for one, people in zip(waiting, found, strict=True):
            self.tracker.predict(one.frame.time_s, one.motion)
            numbers = self.tracker.assign(Sightings(people.boxes_px, people.clothes, people.behind))
            yield one.frame, numbers, people

    def _search(self, time_s: float, expected: list[Track], anew: bool) -> np.ndarray:
        """Squares (M, 4) to search in this frame."""
        due = time_s - self._searched_s >= SEARCH_S - 1e-6
        if anew or (due and not expected):
            self._searched_s = time_s
            return self._squares
        searched = []
        if due:
            smaller = (self._turn + np.arange(_IN_TURN)) % (len(self._squares) - 1)
            self._searched_s, self._turn = time_s, self._turn + _IN_TURN
            searched += [self._squares[0], *self._squares[1 + smaller]]
        if expected and self._frames % 2:
            boxes_px = _boxes_px(expected)
            near = (box_overlaps(boxes_px, boxes_px) - np.eye(len(boxes_px))).max(1) > _NEAR
            unseen = np.array([track.unseen_s(self.tracker.time_s) > _UNSEEN_S for track in expected])
            unsure = boxes_px[near | unseen]
            sides = _NEAR_SHARE * (unsure[:, 3] - unsure[:, 1])
            searched += list(np.column_stack([(unsure[:, :2] + unsure[:, 2:]) / 2, sides, np.zeros(len(unsure))]))
        return np.array(searched).reshape(-1, 4)


def _boxes_px(tracks: list[Track]) -> np.ndarray:
    return np.array([track.box_px for track in tracks]).reshape(-1, 4)
