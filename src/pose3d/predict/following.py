"""Follows all people of a video from frame to frame."""

import numpy as np

from pose3d.predict.camera_motion import CameraMotion
from pose3d.predict.people_finder import People, PeopleFinder, search_squares
from pose3d.predict.person_tracker import PersonTracker, Sightings, Track, box_overlaps

SEARCH_S = 0.2
"""So often squares of one size are searched for people who were not followed."""
_NEAR = 0.1  # overlap of boxes from which on people may be taken for each other
_UNSEEN_S = 0.1
_NEAR_SHARE = 2.0  # side of the square that is searched around them, in heights


class PeopleFollower:
    """Finds everybody in each frame of a video and gives them numbers that stay.

    The detector searches the whole picture at the start and after a cut, then squares of one size at a time, and
    wherever people are near each other or out of sight it looks anew.

    Args:
        finder: finds people in a frame.
        width_px, height_px: of the video.

    Attributes:
        tracker: holds who is where.
    """

    def __init__(self, finder: PeopleFinder, width_px: int, height_px: int) -> None:
        self._finder = finder
        self._searches = search_squares(width_px, height_px)
        self._motion = CameraMotion()
        self.tracker = PersonTracker()
        self._squares: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # of people: the box and the square around it
        self._searched_s, self._turn, self._frames = -np.inf, 0, 0

    def step(self, time_s: float, image_bgr: np.ndarray) -> tuple[np.ndarray, People]:
        """Look at the next frame (H, W, 3): numbers (N,) of people, and where they are."""
        expected = self._expected()
        motion = self._motion.step(image_bgr, np.array([track.box_px for track in expected]).reshape(-1, 4))
        self.tracker.predict(time_s, motion)
        expected = self._expected()
        squares = np.array([self._square(track) for track in expected]).reshape(-1, 4)
        found = self._finder(image_bgr, squares, self._search(time_s, expected, motion is None))
        people = self.tracker.assign(Sightings(found.boxes_px, found.clothes, found.behind))
        for person, box, square in zip(people.tolist(), found.boxes_px, found.squares, strict=True):
            self._squares[person] = box, square
        self._frames += 1
        return people, found

    def _expected(self) -> list[Track]:
        return [track for track in self.tracker.tracks if self.tracker.is_near(track)]

    def _square(self, track: Track) -> np.ndarray:
        """The square in which a person was found last, moved on as the box was."""
        box, (x, y, side, angle) = self._squares[track.person]
        middle_before, middle = (box[:2] + box[2:]) / 2, (track.box_px[:2] + track.box_px[2:]) / 2
        scale = (track.box_px[3] - track.box_px[1]) / (box[3] - box[1])
        centre = middle + scale * (np.array([x, y]) - middle_before)
        return np.array([*centre, scale * side, angle])

    def _search(self, time_s: float, expected: list[Track], anew: bool) -> np.ndarray:
        """Squares (M, 4) to search in this frame."""
        due = time_s - self._searched_s >= SEARCH_S - 1e-6
        if anew or (due and not expected):
            self._searched_s = time_s
            return np.concatenate(self._searches)
        searched = [np.empty((0, 4))]
        if due:
            self._searched_s, self._turn = time_s, (self._turn + 1) % len(self._searches)
            searched.append(self._searches[self._turn])
        if expected and self._frames % 2:
            boxes_px = np.array([track.box_px for track in expected])
            near = (box_overlaps(boxes_px, boxes_px) - np.eye(len(boxes_px))).max(1) > _NEAR
            unseen = np.array([track.unseen_s(time_s) > _UNSEEN_S for track in expected])
            unsure = boxes_px[near | unseen]
            sides = _NEAR_SHARE * (unsure[:, 3] - unsure[:, 1])
            searched.append(np.column_stack([(unsure[:, :2] + unsure[:, 2:]) / 2, sides, np.zeros(len(unsure))]))
        return np.concatenate(searched)
