"""Who is who where a file of keypoints does not say: sightings of people, given to tracks by where their points are.

:mod:`pose3d.predict.person_tracker` has pictures, and so clothes and the camera's motion; here are points only. A track
moves on at its own velocity, and all sightings of a frame go to tracks in the way that costs least in all: by the
median distance of the points that both have, in heights of the person.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from pose3d.predict.person_tracker import MOST_COST, NEAR_S, PLACE_SD, PLACE_SD_PER_S

_VELOCITY_SHARE = 0.3  # of the newest sighting in what is remembered
_FEW_POINTS = 3  # so many must be common to two sightings, else their boxes' middles are compared


@dataclass(eq=False)
class _Track:
    keypoints: np.ndarray
    velocity_s: np.ndarray
    seen_s: float


def track_people(time_s: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Number people from 0 in the order in which they appear, those of one frame from the left.

    Args:
        time_s: (N,) of the frame of each sighting, ascending; those of a frame have the same.
        keypoints: (N, K, 2) px, NaN where undetected; at least one point of each is known.

    Returns:
        (N,) int64.

    Example:
        Two people who stand still, listed in another order in the second frame.

        >>> left, right = np.array([[[10.0, 0], [10, 100]], [[90, 0], [90, 100]]])
        >>> track_people(np.array([0, 0, 0.04, 0.04]), np.stack([left, right, right, left])).tolist()
        [0, 1, 1, 0]
    """
    people = np.empty(len(keypoints), np.int64)
    tracks: list[_Track] = []
    edges = [0, *(np.flatnonzero(np.diff(time_s) > 0) + 1).tolist(), len(time_s)]
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        now_s, seen = time_s[start], keypoints[start:stop]
        near = [number for number, track in enumerate(tracks) if now_s - track.seen_s <= NEAR_S]
        costs = _costs([tracks[number] for number in near], now_s, seen)
        taken = {}
        for row, column in _cheapest(costs):
            if costs[row, column] < MOST_COST:
                taken[column] = near[row]
        for column in np.argsort([_middle(one)[0] for one in seen], kind="stable").tolist():
            number = taken.get(column, len(tracks))
            people[start + column] = number
            if number == len(tracks):
                tracks.append(_Track(seen[column], np.zeros(2), now_s))
            else:
                _see(tracks[number], now_s, seen[column])
    return people


def _cheapest(costs: np.ndarray) -> list[tuple[int, int]]:
    if not costs.size:
        return []
    # What costs too much is worth the same as nothing, so that no such pair is bought by another's good one.
    rows, columns = linear_sum_assignment(np.minimum(costs, MOST_COST))
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _costs(tracks: list[_Track], now_s: float, seen: np.ndarray) -> np.ndarray:
    """(tracks, sightings) squared standard deviations by which sightings are off."""
    costs = np.empty((len(tracks), len(seen)))
    for row, track in enumerate(tracks):
        unseen_s = now_s - track.seen_s
        expected = track.keypoints + track.velocity_s * unseen_s
        apart = np.linalg.norm(seen - expected, axis=-1)
        common = ~np.isnan(apart)
        off = np.where(common, apart, np.inf)
        off.sort(1)
        counts = common.sum(1)
        distance = np.take_along_axis(off, (np.maximum(counts - 1, 0) // 2)[:, None], 1)[:, 0]
        middles = np.array([np.linalg.norm(_middle(one) - _middle(expected)) for one in seen])
        distance = np.where(counts >= min(_FEW_POINTS, seen.shape[1]), distance, middles)
        costs[row] = (distance / _height(track.keypoints) / (PLACE_SD + PLACE_SD_PER_S * unseen_s)) ** 2
    return costs


def _see(track: _Track, now_s: float, keypoints: np.ndarray) -> None:
    step_s = max(now_s - track.seen_s, 1e-3)
    moved = np.nanmedian(keypoints - track.keypoints, 0) if _share(track.keypoints, keypoints) else np.zeros(2)
    track.velocity_s = track.velocity_s + _VELOCITY_SHARE * (moved / step_s - track.velocity_s)
    track.keypoints = np.where(np.isnan(keypoints), track.keypoints + track.velocity_s * step_s, keypoints)
    track.seen_s = now_s


def _share(first: np.ndarray, second: np.ndarray) -> bool:
    return bool((~np.isnan(first[:, 0]) & ~np.isnan(second[:, 0])).any())


def _middle(keypoints: np.ndarray) -> np.ndarray:
    return (np.nanmin(keypoints, 0) + np.nanmax(keypoints, 0)) / 2


def _height(keypoints: np.ndarray) -> float:
    """The longer side of the box around the points, at least a px."""
    return max(float((np.nanmax(keypoints, 0) - np.nanmin(keypoints, 0)).max()), 1.0)
