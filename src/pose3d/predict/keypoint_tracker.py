"""Who is who where a file of keypoints does not say: sightings of people, given to tracks by where their points are.

:mod:`pose3d.predict.person_tracker` has pictures, and so clothes and the camera's motion; here are points only. A track
moves on at its own velocity, and all sightings of a frame go to tracks in the way that costs least in all: by the
median distance of the points that both have, in heights of the person.
"""

from dataclasses import dataclass

import numpy as np

from pose3d.predict.person_tracker import MOST_COST, NEAR_S, PLACE_SD, PLACE_SD_PER_S

_NEAR_STEPS = 1.5
"""So many usual steps from frame to frame people are near where they were, if these take longer than NEAR_S."""
_VELOCITY_SHARE = 0.3  # of the newest sighting in what is remembered
_SHRINKING = 0.98  # so much of the height is left from sighting to sighting where few points are seen


@dataclass(eq=False)
class _Track:
    """Where somebody was seen last: points (K, 2), middle (2,) and longer side of the box in px; velocity in px/s."""

    keypoints: np.ndarray
    middle: np.ndarray
    height: float
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
    low, high = np.nanmin(keypoints, 1), np.nanmax(keypoints, 1)
    middles, heights = (low + high) / 2, np.maximum((high - low).max(1), 1.0)
    tracks: list[_Track] = []
    near: list[int] = []
    edges = [0, *(np.flatnonzero(np.diff(time_s) > 0) + 1).tolist(), len(time_s)]
    steps_s = np.diff(time_s[edges[:-1]])
    lasting_s = max(NEAR_S, _NEAR_STEPS * float(np.median(steps_s))) if len(steps_s) else NEAR_S
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        now_s = float(time_s[start])
        near = [number for number in near if now_s - tracks[number].seen_s <= lasting_s]
        costs = _costs([tracks[number] for number in near], now_s, keypoints[start:stop], middles[start:stop])
        taken = {column: near[row] for row, column in _cheapest(costs) if costs[row, column] < MOST_COST}
        for column in np.argsort(middles[start:stop, 0], kind="stable").tolist():
            number = taken.get(column, len(tracks))
            index = start + column
            people[index] = number
            seen = _Track(keypoints[index], middles[index], float(heights[index]), np.zeros(2), now_s)
            if number == len(tracks):
                tracks.append(seen)
                near.append(number)
            else:
                tracks[number] = _moved_on(tracks[number], seen)
    return people


def _cheapest(costs: np.ndarray) -> list[tuple[int, int]]:
    if not costs.size:
        return []
    if min(costs.shape) == 1:
        row, column = np.unravel_index(costs.argmin(), costs.shape)
        return [(int(row), int(column))]
    from scipy.optimize import linear_sum_assignment  # here, because files of one person need not wait for it

    # What costs too much is worth the same as nothing, so that no such pair is bought by another's good one.
    rows, columns = linear_sum_assignment(np.minimum(costs, MOST_COST))
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _costs(tracks: list[_Track], now_s: float, seen: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """(tracks, sightings) squared standard deviations by which sightings are off."""
    costs = np.empty((len(tracks), len(seen)))
    for row, track in enumerate(tracks):
        unseen_s = now_s - track.seen_s
        moved = track.velocity_s * unseen_s
        apart = np.linalg.norm(seen - (track.keypoints + moved), axis=-1)
        counts = np.count_nonzero(~np.isnan(apart), axis=1)
        apart.sort(1)  # what is not known comes last
        median = apart[np.arange(len(seen)), np.maximum(counts - 1, 0) // 2]
        by_middle = np.linalg.norm(middles - (track.middle + moved), axis=-1)
        distance = np.where(counts > 0, median, by_middle)
        costs[row] = (distance / track.height / (PLACE_SD + PLACE_SD_PER_S * unseen_s)) ** 2
    return costs


def _moved_on(track: _Track, seen: _Track) -> _Track:
    """The track with its newest sighting; points that this one lacks move on with the others."""
    step_s = max(seen.seen_s - track.seen_s, 1e-3)
    moved = seen.keypoints - track.keypoints
    known = ~np.isnan(moved[:, 0])
    moved = moved[known].mean(0) if known.any() else seen.middle - track.middle
    velocity_s = track.velocity_s + _VELOCITY_SHARE * (moved / step_s - track.velocity_s)
    keypoints = np.where(np.isnan(seen.keypoints), track.keypoints + moved, seen.keypoints)
    height = max(seen.height, _SHRINKING * track.height)
    return _Track(keypoints, seen.middle, height, velocity_s, seen.seen_s)
