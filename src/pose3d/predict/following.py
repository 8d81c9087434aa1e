"""Follows all people of a video from frame to frame."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from pose3d.formats.clip import ClipFrame
from pose3d.geometry.boxes import box_overlaps
from pose3d.predict.camera_motion import CameraMotion, CameraPath
from pose3d.predict.people_finder import People, PeopleFinder, search_squares
from pose3d.predict.person_tracker import PERSON_SIGHTINGS, PersonTracker, Sightings, Track
from pose3d.predict.rewinding import SeenFrame, rewind

SWEEP_S, SEARCH_S = 0.2, 0.08
"""So often all squares of the picture are searched while nobody is known, and else the next one of them; all too where
frames lie as far apart, because people move too far from one to the next."""
LOOK_AHEAD_S = 0.08
"""So long after a frame one person is looked for where the velocity leads, before it is corrected."""
REWOUND_S, REWOUND_BYTES = 1.0, 2**27
"""So far back, and in so many frames, people are looked for who were found late."""
_TOLERANCE_S = 1e-6
_NEAR = 0.1  # overlap of boxes from which on people may be taken for each other
_UNSEEN_S = 0.1
_SAME_SQUARE = 0.2  # how far squares are apart in place and size, in sides, that are searched as one
_NEAR_SHARES = (1.2, 2.0)  # sides of the squares that are searched around them in turn, in heights


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

    The detector searches squares all over the picture at the start, after a cut and while nobody is known, later one
    of them after the other, and wherever people are near each other or out of sight it looks anew. Frames of one person
    between searches go through the networks together, because a few crops take little more time than one. Of several
    people each frame must know who was where in the one before: else those who cross are exchanged. Who turns out to be
    a person is looked for in the frames before as well.

    Args:
        finder: finds people in frames.
        width_px, height_px: of the video.

    Attributes:
        tracker: holds who is where.
        camera_path: whether the camera is at rest.
    """

    def __init__(self, finder: PeopleFinder, width_px: int, height_px: int) -> None:
        self._finder = finder
        self._squares = search_squares(width_px, height_px)
        self._motion = CameraMotion()
        self.camera_path = CameraPath(width_px, height_px)
        self.tracker = PersonTracker()
        self._searched_s, self._turn, self._frames = -np.inf, 0, 0
        self._recent: list[SeenFrame] = []
        self._rewound: set[int] = set()

    def follow(self, frames: Iterable[ClipFrame]) -> Iterator[tuple[ClipFrame, np.ndarray, People]]:
        """Look at all frames in their order.

        Yields:
            Each frame with the numbers (N,) of people, and where they are, some time after it was looked at.
        """
        waiting: list[_Waiting] = []
        ahead = self.tracker.ahead()
        for frame in frames:
            motion = self._motion.step(frame.image_bgr, _boxes_px(ahead.near()))
            self.camera_path.step(motion)
            if motion is None and waiting:
                yield from self._look(waiting)
                waiting, ahead = [], self.tracker.ahead()
            ahead.predict(frame.time_s, motion)
            expected = ahead.near()
            searched = self._search(frame.time_s, expected, motion is None)
            waiting.append(_Waiting(frame, motion, _boxes_px(expected), searched))
            self._frames += 1
            ahead_s = frame.time_s - self.tracker.time_s
            if len(searched) or len(expected) > 1 or ahead_s >= LOOK_AHEAD_S - _TOLERANCE_S:
                yield from self._look(waiting)
                waiting, ahead = [], self.tracker.ahead()
        if waiting:
            yield from self._look(waiting)
        for seen in self._recent:
            yield seen.frame, seen.numbers, seen.people

    def _look(self, waiting: list[_Waiting]) -> Iterator[tuple[ClipFrame, np.ndarray, People]]:
        images = [one.frame.image_bgr for one in waiting]
        found = self._finder(images, [one.expected_px for one in waiting], [one.searched for one in waiting])
        for one, people in zip(waiting, found, strict=True):
            self.tracker.predict(one.frame.time_s, one.motion)
            numbers = self.tracker.assign(Sightings(people.boxes_px, people.clothes, people.guessed))
            self._recent.append(SeenFrame(one.frame, one.motion, numbers, people))
            for number in numbers[numbers >= 0].tolist():
                track = self.tracker.tracks[number]
                if track.sightings >= PERSON_SIGHTINGS and number not in self._rewound:
                    self._rewound.add(number)
                    for others in rewind(self._recent, number, track.clothes, self._finder):
                        self.tracker.was_seen_with(number, others)
            yield from self._done(one.frame)

    def _done(self, now: ClipFrame) -> Iterator[tuple[ClipFrame, np.ndarray, People]]:
        """The frames in which nobody is looked for any more."""
        most = max(1, REWOUND_BYTES // now.image_bgr.nbytes)
        while self._recent[0].frame.time_s < now.time_s - REWOUND_S or len(self._recent) > most:
            seen = self._recent.pop(0)
            yield seen.frame, seen.numbers, seen.people

    def _search(self, time_s: float, expected: list[Track], anew: bool) -> np.ndarray:
        """Squares (M, 4) to search in this frame."""
        searched: list[np.ndarray] = []
        since_s = time_s - self._searched_s
        if anew or since_s >= (SEARCH_S if expected else SWEEP_S) - _TOLERANCE_S:
            self._searched_s = time_s
            if anew or since_s >= SWEEP_S - _TOLERANCE_S:
                return self._squares
            searched.append(self._squares[self._turn])
            self._turn = (self._turn + 1) % len(self._squares)
        if expected and self._frames % 2:
            boxes_px, share = _boxes_px(expected), _NEAR_SHARES[self._frames // 2 % 2]
            near = (box_overlaps(boxes_px, boxes_px) - np.eye(len(boxes_px))).max(1) > _NEAR
            unseen = np.array([track.unseen_s(self.tracker.time_s) > _UNSEEN_S for track in expected])
            for x0, y0, x1, y1 in boxes_px[near | unseen]:
                square = np.array([(x0 + x1) / 2, (y0 + y1) / 2, share * (y1 - y0), 0.0])
                if all(np.abs(square - other).max() > _SAME_SQUARE * square[2] for other in searched):
                    searched.append(square)
        return np.array(searched).reshape(-1, 4)


def _boxes_px(tracks: list[Track]) -> np.ndarray:
    return np.array([track.box_px for track in tracks]).reshape(-1, 4)
