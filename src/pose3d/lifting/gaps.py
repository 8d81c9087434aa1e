"""Points that are missing for a moment: where a point was and where it is next says where it is in between."""

import numpy as np

from pose3d.runtime.rows import Sliceable

BRIDGED_S = 0.25
"""Longer gaps stay: a limb can go out and come back in them."""


def bridge_gaps(points_px: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Fill gaps of each point of at most :data:`BRIDGED_S`, from the frame before them to the frame after, linearly.

    Args:
        points_px: (T, K, 2), NaN where a point is missing.
        time_s: (T,) ascending.

    Returns:
        (T, K, 2); the same array where there is nothing to fill.
    """
    seen = np.isfinite(points_px).all(-1)
    if seen.all():
        return points_px
    frames, last = np.arange(len(seen))[:, None], len(seen) - 1
    before = np.maximum.accumulate(np.where(seen, frames, -1), 0)
    after = np.minimum.accumulate(np.where(seen, frames, last + 1)[::-1], 0)[::-1]
    frame, point = np.nonzero(~seen & (before >= 0) & (after <= last))
    before, after = before[frame, point], after[frame, point]
    short = time_s[after] - time_s[before] <= BRIDGED_S + 1e-6
    frame, point, before, after = frame[short], point[short], before[short], after[short]
    share = ((time_s[frame] - time_s[before]) / (time_s[after] - time_s[before]))[:, None]
    bridged = points_px.copy()
    bridged[frame, point] = (1 - share) * points_px[before, point] + share * points_px[after, point]
    return bridged


class Bridged:
    """Keypoints of a clip of any length, (T, K, 2) px, whose short gaps are bridged when a slice is asked for.

    Args:
        points_px: NaN where a point is missing.
        time_s: (T,) their times, strictly ascending.
    """

    def __init__(self, points_px: Sliceable, time_s: np.ndarray) -> None:
        self._points_px, self._time_s = points_px, time_s

    def __len__(self) -> int:
        return len(self._points_px)

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Of a slice without a step: the ends of its gaps are looked for around it."""
        start, stop, _ = rows.indices(len(self))
        if start >= stop:
            return self._points_px[start:stop]
        first = np.searchsorted(self._time_s, self._time_s[start] - BRIDGED_S - 1e-6)
        end = np.searchsorted(self._time_s, self._time_s[stop - 1] + BRIDGED_S + 1e-6, side="right")
        bridged = bridge_gaps(self._points_px[first:end], self._time_s[first:end])
        return bridged[start - first : stop - first]
