"""Everybody who was seen in a video, frame by frame, in files; and of one of them the rows of every frame."""

import os
from collections.abc import Iterator
from dataclasses import astuple, dataclass

import numpy as np

from pose3d.geometry.skeleton import N_JOINTS
from pose3d.predict.person_tracker import PERSON_SIGHTINGS
from pose3d.runtime.rows import Rows, chunks


@dataclass(frozen=True)
class Presence:
    """How much of one person a video shows: in how many frames, and the sum of the boxes' areas, in pictures."""

    frames: int
    pictures: float


class SightingRows:
    """Sightings in the order of frames, one row for each person seen in a frame.

    Args:
        folder: for the rows, see :class:`pose3d.runtime.rows.Rows`.
        width_px, height_px: of the video.

    Attributes:
        time_s: of all frames, also of those in which nobody is seen.
        camera_at_rest: whether the camera was through all of them.
    """

    def __init__(self, folder: str | os.PathLike | None, width_px: int, height_px: int) -> None:
        self._folder, self._picture_px = folder, float(width_px * height_px)
        self.time_s = Rows(folder, (), np.float64)
        self.camera_at_rest = True
        self._frames, self._people = Rows(folder, (), np.int64), Rows(folder, (), np.int64)
        self._boxes_px, self._keypoints_px = Rows(folder, (4,)), Rows(folder, (N_JOINTS, 2))
        self._confidence = Rows(folder, (N_JOINTS,))
        self._presence: dict[int, Presence] = {}
        self._numbers: dict[int, list[int]] = {}

    def append(
        self,
        time_s: float,
        people: np.ndarray,
        boxes_px: np.ndarray,
        keypoints_px: np.ndarray,
        confidence: np.ndarray,
    ) -> None:
        """Add a frame.

        Args:
            time_s: of the frame.
            people: (N,) who is seen in it.
            boxes_px: (N, 4).
            keypoints_px, confidence: (N, 17, 2) and (N, 17).

        Raises:
            OSError: the disk is full.
        """
        self._frames.append(np.full(len(people), len(self.time_s)))
        self._people.append(people)
        self._boxes_px.append(boxes_px)
        self._keypoints_px.append(keypoints_px)
        self._confidence.append(confidence)
        self.time_s.append(np.array([time_s]))
        for person, box in zip(people.tolist(), boxes_px, strict=True):
            before = self._presence.get(person, Presence(0, 0.0))
            area = float((box[2:] - box[:2]).prod()) / self._picture_px
            self._presence[person] = Presence(before.frames + 1, before.pictures + area)

    def join(self, same: dict[int, int]) -> None:
        """Make one of people who turned out to be the same: {number: the number that stays}."""
        for number, stays in same.items():
            of_both = self._presence.pop(number), self._presence[stays]
            self._presence[stays] = Presence(*(a + b for a, b in zip(*map(astuple, of_both), strict=True)))
            self._numbers.setdefault(stays, [stays]).append(number)

    def people(self) -> dict[int, Presence]:
        """Those who are seen in PERSON_SIGHTINGS frames, or in half of a shorter video, by number."""
        least = min(PERSON_SIGHTINGS, (len(self.time_s) + 1) // 2)
        return {person: shown for person, shown in sorted(self._presence.items()) if shown.frames >= least}

    def largest(self) -> int | None:
        """Who takes up the most of the picture over the whole video; None: nobody is in it."""
        people = self.people()
        return max(people, key=lambda person: people[person].pictures, default=None)

    def of(self, person: int) -> dict[str, Rows]:
        """Rows of every frame for one person: the attributes of Predictions that are known before lifting.

        In frames in which the person is not seen, ``found`` is false and ``confidence`` 0, and boxes and keypoints move
        evenly from where they were to where they are next, or stay where they were first or last.

        Raises:
            OSError: the disk is full.
        """
        rows = {
            "boxes_px": Rows(self._folder, (4,)),
            "keypoints_px": Rows(self._folder, (N_JOINTS, 2)),
            "confidence": Rows(self._folder, (N_JOINTS,)),
            "found": Rows(self._folder, (), bool),
        }

        def write(boxes_px: np.ndarray, keypoints_px: np.ndarray, confidence: np.ndarray, found: bool) -> None:
            rows["boxes_px"].append(boxes_px)
            rows["keypoints_px"].append(keypoints_px)
            rows["confidence"].append(confidence)
            rows["found"].append(np.full(len(boxes_px), found))

        before: tuple[int, np.ndarray, np.ndarray] | None = None
        for frame, box, keypoints, confidence in self._sightings_of(person):
            last_frame, last_box, last_keypoints = (-1, box, keypoints) if before is None else before
            for gap in chunks(frame - last_frame - 1):
                shares = (np.arange(gap.start, gap.stop) + 1) / (frame - last_frame)
                nothing = np.zeros((len(shares), N_JOINTS))
                write(_between(last_box, box, shares), _between(last_keypoints, keypoints, shares), nothing, False)
            write(box[None], keypoints[None], confidence[None], True)
            before = frame, box, keypoints
        if before is not None:
            for gap in chunks(len(self.time_s) - before[0] - 1):
                n = gap.stop - gap.start
                write(
                    np.repeat(before[1][None], n, 0), np.repeat(before[2][None], n, 0), np.zeros((n, N_JOINTS)), False
                )
        return {"time_s": self.time_s, **rows}

    def _sightings_of(self, person: int) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        numbers, last = self._numbers.get(person, [person]), -1
        for part in chunks(len(self._people)):
            theirs = np.flatnonzero(np.isin(self._people[part], numbers))
            columns = [rows[part][theirs] for rows in (self._boxes_px, self._keypoints_px, self._confidence)]
            for frame, *row in zip(self._frames[part][theirs].tolist(), *columns, strict=True):
                if frame > last:  # once where one person was seen twice
                    yield frame, *row
                last = frame


def _between(first: np.ndarray, last: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(N, ...) evenly from one array to another."""
    return first + (last - first) * shares.reshape(-1, *[1] * first.ndim)
