"""Follows all people of a video from frame to frame."""

import numpy as np

from pose3d.geometry.boxes import box_overlaps
from pose3d.predict.camera_motion import CameraMotion
from pose3d.predict.people_finder import People, PeopleFinder, search_squares
from pose3d.predict.person_tracker import PersonTracker, Sightings, Track

SEARCH_S = 0.2
"""So often the whole picture is searched for people who were not followed, and some smaller squares of it in turn."""
_IN_TURN = 1
_NEAR = 0.1  # overlap of boxes from which on people may be taken for each other
_UNSEEN_S = 0.1
_NEAR_SHARE = 2.0  # side of the square that is searched around them, in heights


class PeopleFollower:
    """Finds everybody in each frame of a video and gives them numbers that stay.

    The detector searches squares all over the picture at the start, after a cut and while nobody is known, later a few
    of them at a time, and wherever people are near each other or out of sight it looks anew.

    Args:
        finder: finds people in a frame.
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

    def step(self, time_s: float, image_bgr: np.ndarray) -> tuple[np.ndarray, People]:
        """Look at the next frame (H, W, 3): numbers (N,) of people, and where they are."""
        motion = self._motion.step(image_bgr, _boxes_px(self._expected()))
        self.tracker.predict(time_s, motion)
        expected = self._expected()
        found = self._finder(image_bgr, _boxes_px(expected), self._search(time_s, expected, motion is None))
        people = self.tracker.assign(Sightings(found.boxes_px, found.clothes, found.behind))
        self._frames += 1
        return people, found

    def _expected(self) -> list[Track]:
        return [track for track in self.tracker.tracks if self.tracker.is_near(track)]

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
            unseen = np.array([track.unseen_s(time_s) > _UNSEEN_S for track in expected])
            unsure = boxes_px[near | unseen]
            sides = _NEAR_SHARE * (unsure[:, 3] - unsure[:, 1])
            searched += list(np.column_stack([(unsure[:, :2] + unsure[:, 2:]) / 2, sides, np.zeros(len(unsure))]))
        return np.array(searched).reshape(-1, 4)


def _boxes_px(tracks: list[Track]) -> np.ndarray:
    return np.array([track.box_px for track in tracks]).reshape(-1, 4)
