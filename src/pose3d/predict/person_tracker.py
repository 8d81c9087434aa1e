"""Who is who from frame to frame: sightings of people are given to tracks, which outlast crossings, absences and cuts.

Tracking by detection (Bewley et al., "Simple online and realtime tracking", ICIP 2016) with looks (Wojke et al., ICIP
2017): tracks move on at their own velocity and with the camera, and all sightings of a frame go to tracks in the way
that costs least in all. The cost says how unlikely it is that a track is seen there, that large and in those clothes.
The longer a track was not seen, the less its place says and the more its clothes do; beyond a cut they alone speak.
There and after an absence a track ends and another begins: which of them are one person's is seen best at the end.
"""

from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from pose3d.geometry.boxes import box_overlaps
from pose3d.predict.clothes import difference

PLACE_SD, PLACE_SD_PER_S = 0.1, 0.6
"""How far off its prediction a person is seen, in heights of the person, and how much that grows unseen."""
SIZE_SD, SIZE_SD_PER_S = 0.15, 0.3
"""The same of the logarithm of the height."""
CLOTHES_SD = 0.15
"""Of Hellinger's distance between sightings of one person: 0.12 to 0.15 is usual, of two people 0.4 to 0.6."""
MOST_COST = 9.0
"""A sighting that costs every track more, three standard deviations, is somebody new."""
APART = 0.3
"""Least overlap (intersection over union) of two sightings from which on neither shows its clothes surely."""
NEW_APART = 0.4
"""The same from which on a sighting that is like nobody's is not taken for somebody new."""
NEAR_S = 2.0
"""So long people who are not seen may be behind others, near where they are expected."""
SAME_CLOTHES, TWICE_SHARE = 0.4, 0.1
"""Two tracks are of one person where Hellinger's distance of their clothes is smaller, and at most that share of the
shorter one's frames shows both: one person seen twice."""
PERSON_SIGHTINGS = 10
"""Who is seen in fewer frames is nobody, but what looked like a person for a moment: it is not known again."""
MOMENT_S = 0.2
"""So long at most is expected again what was seen in fewer, unless it was in the frame before."""
_VELOCITY_SHARE, _CLOTHES_SHARE = 0.3, 0.1  # of the newest sighting in what is remembered
_TOGETHER = 2.0  # more than any distance of clothes
_COASTS_S = 0.5  # unseen, a velocity is forgotten that fast


@dataclass(frozen=True, eq=False)
class Sightings:
    """N people seen in one frame.

    Attributes:
        boxes_px: (N, 4) x0, y0, x1, y1.
        clothes: (N, D), see :mod:`pose3d.predict.clothes`.
        guessed: (N,) bool, seen only because somebody known was looked for there: never somebody new.
    """

    boxes_px: np.ndarray
    clothes: np.ndarray
    guessed: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes_px)


@dataclass(eq=False)
class Track:
    """One person, from the first sighting to a cut or an absence.

    Attributes:
        person: the track's number.
        box_px: (4,) now: where seen, or else predicted.
        velocity_px_s: (2,) against the background.
        clothes: (D,) remembered.
        mean_clothes: (D,) of all sightings.
        seen_s: when last seen.
        seen_alone: whether the clothes are surely this person's, because nobody was near.
        in_shot: whether seen since the last cut.
        frames: in how many it was seen.
        sightings: the same, with those of the track that it resumes.
        resumed: whether another track goes on with whom this one seemed to be.
    """

    person: int
    box_px: np.ndarray
    velocity_px_s: np.ndarray
    clothes: np.ndarray
    mean_clothes: np.ndarray
    seen_s: float
    seen_alone: bool = False
    in_shot: bool = True
    frames: int = 1
    sightings: int = 1
    resumed: bool = False

    def unseen_s(self, time_s: float) -> float:
        return time_s - self.seen_s


class PersonTracker:
    """Gives every person of a video a number, from 0 in the order in which they appear.

    Whoever comes back, or is there after a cut, gets another: :meth:`same_people` says in the end whose it is.

    Attributes:
        tracks: everybody so far.
        time_s: of the frame that was predicted last.
    """

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self.time_s = 0.0
        self._before_s = 0.0
        self._together: Counter[tuple[int, int]] = Counter()

    def near(self) -> list[Track]:
        """The tracks of people who may be in the picture now, see :meth:`is_near`."""
        return [track for track in self.tracks if self.is_near(track)]

    def ahead(self) -> "PersonTracker":
        """Another tracker of who is near, to predict with for frames that nobody has looked at yet."""
        copy = PersonTracker()
        copy.tracks, copy.time_s = [replace(track) for track in self.near()], self.time_s
        copy._before_s = self._before_s
        return copy

    def predict(self, time_s: float, motion: np.ndarray | None) -> None:
        """Move all tracks on to the next frame.

        Args:
            time_s: of that frame.
            motion: (2, 3), see :class:`pose3d.predict.camera_motion.CameraMotion`; None: a cut.
        """
        step_s, self._before_s, self.time_s = time_s - self.time_s, self.time_s, time_s
        for track in self.tracks:
            if motion is None:
                track.in_shot = False
            elif track.in_shot:
                scale = np.sqrt(abs(np.linalg.det(motion[:, :2])))
                track.velocity_px_s = motion[:, :2] @ track.velocity_px_s
                if track.unseen_s(time_s) > 2 * step_s:
                    track.velocity_px_s = track.velocity_px_s * np.exp(-step_s / _COASTS_S)
                centre_px, half_px = _middle(track.box_px), (track.box_px[2:] - track.box_px[:2]) / 2 * scale
                centre_px = motion[:, :2] @ centre_px + motion[:, 2] + track.velocity_px_s * step_s
                track.box_px = np.concatenate([centre_px - half_px, centre_px + half_px])

    def assign(self, seen: Sightings) -> np.ndarray:
        """Give the sightings of the frame that was predicted to tracks, and begin tracks for others who are alone.

        Returns:
            (N,) numbers of people; -1: a sighting that is like nobody's, before or behind somebody: it may be of parts
            of both.
        """
        from scipy.optimize import linear_sum_assignment  # here, because it takes half a second to load

        people = np.full(len(seen), -1)
        costs = self._costs(seen)
        # What costs too much is worth the same as nothing, so that no such pair is bought by another's good one.
        rows, columns = linear_sum_assignment(np.minimum(costs, MOST_COST))
        for row, column in zip(rows, columns, strict=True):
            if costs[row, column] < MOST_COST:
                people[column] = row
        expected_px = np.array([track.box_px for track in self.near()]).reshape(-1, 4)
        overlaps = box_overlaps(seen.boxes_px, seen.boxes_px) - np.eye(len(seen))
        upon_expected = box_overlaps(seen.boxes_px, expected_px)
        for index, person in enumerate(people.tolist()):
            alone = overlaps[index].max(initial=0.0) < APART
            known = self.tracks[person] if person >= 0 else None
            if known is not None and self.is_near(known):
                self._see(known, seen.boxes_px[index], seen.clothes[index], alone)
            elif known is not None or (
                not seen.guessed[index] and max(overlaps[index].max(), upon_expected[index].max(initial=0)) < NEW_APART
            ):
                worn = seen.clothes[index]
                track = Track(len(self.tracks), seen.boxes_px[index], np.zeros(2), worn, worn, self.time_s, alone)
                if known is not None:
                    known.resumed, track.sightings = True, known.sightings + 1
                people[index] = track.person
                self.tracks.append(track)
        self._together.update(combinations(sorted(people[people >= 0].tolist()), 2))
        return people

    def was_seen_with(self, person: int, others: np.ndarray) -> None:
        """Count a frame in which somebody was found afterwards, beside others (N,)."""
        self.tracks[person].frames += 1
        self._together.update((min(person, other), max(person, other)) for other in others.tolist())

    def same_people(self) -> dict[int, int]:
        """Who turned out to be one of the earlier people, and which: looked back at once the whole video was seen.

        Whoever comes back half hidden is like nobody at first; as a whole, a track shows whose clothes it has. The most
        alike are joined first.
        """
        people = [track for track in self.tracks if track.sightings >= PERSON_SIGHTINGS]
        if len(people) < 2:
            return {}
        from scipy.cluster.hierarchy import fcluster, linkage  # here, because the first frame need not wait for them
        from scipy.spatial.distance import squareform

        worn = np.stack([track.mean_clothes for track in people])
        unlike = np.stack([difference(each, worn) for each in worn])
        rows = {track.person: row for row, track in enumerate(people)}
        for pair, frames in self._together.items():
            if pair[0] in rows and pair[1] in rows:
                first, second = rows[pair[0]], rows[pair[1]]
                if frames > TWICE_SHARE * min(people[first].frames, people[second].frames):
                    unlike[second, first] = unlike[first, second] = _TOGETHER
        tree = linkage(squareform(unlike, checks=False), "complete")  # all of one person's tracks are alike
        groups = fcluster(tree, SAME_CLOTHES, "distance")
        firsts = [people[np.flatnonzero(groups == group)[0]].person for group in groups]
        return {track.person: first for track, first in zip(people, firsts, strict=True) if track.person != first}

    def is_near(self, track: Track) -> bool:
        """Whether somebody is to be expected near where the track is, seen there or not.

        Whoever was seen in the frame before is, however long ago that was.
        """
        lasting_s = NEAR_S if track.sightings >= PERSON_SIGHTINGS else MOMENT_S
        return track.in_shot and (track.seen_s >= self._before_s or track.unseen_s(self.time_s) < lasting_s)

    def _costs(self, seen: Sightings) -> np.ndarray:
        """(tracks, N) squared standard deviations by which sightings differ from what tracks lead one to expect."""
        costs = np.zeros((len(self.tracks), len(seen)))
        if not costs.size:
            return costs
        heights_px = np.maximum(seen.boxes_px[:, 3] - seen.boxes_px[:, 1], 1.0)
        for row, track in enumerate(self.tracks):
            near = self.is_near(track)
            if not near and (track.sightings < PERSON_SIGHTINGS or track.resumed):
                costs[row] = np.inf
                continue
            costs[row] = (difference(track.clothes, seen.clothes) / CLOTHES_SD) ** 2
            if not near:
                continue
            unseen_s, height_px = track.unseen_s(self.time_s), track.box_px[3] - track.box_px[1]
            off = np.linalg.norm(_middle(seen.boxes_px) - _middle(track.box_px), axis=-1) / height_px
            costs[row] += (off / (PLACE_SD + PLACE_SD_PER_S * unseen_s)) ** 2
            costs[row] += (np.log(heights_px / height_px) / (SIZE_SD + SIZE_SD_PER_S * unseen_s)) ** 2
        return costs

    def _see(self, track: Track, box_px: np.ndarray, worn: np.ndarray, alone: bool) -> None:
        step_s = max(track.unseen_s(self.time_s), 1e-3)
        # The prediction has moved on at the remembered velocity: what it missed by is what the velocity is off by.
        missed_px_s = (_middle(box_px) - _middle(track.box_px)) / step_s
        track.velocity_px_s = track.velocity_px_s + _VELOCITY_SHARE * missed_px_s
        if alone or not track.seen_alone:
            share = _CLOTHES_SHARE if track.seen_alone or not alone else 1.0
            track.clothes = (1 - share) * track.clothes + share * worn
            track.seen_alone |= alone
        track.box_px, track.seen_s = box_px, self.time_s
        track.frames += 1
        track.sightings += 1
        track.mean_clothes = track.mean_clothes + (worn - track.mean_clothes) / track.frames


def _middle(boxes_px: np.ndarray) -> np.ndarray:
    return (boxes_px[..., :2] + boxes_px[..., 2:]) / 2
