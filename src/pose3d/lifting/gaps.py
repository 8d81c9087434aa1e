"""Points that are missing for a moment: where a point was and where it is next says where it is in between."""

import numpy as np

from pose3d.records.detected_points import BRIDGED_S, bridge, detected_points, is_person
from pose3d.runtime.rows import Sliceable


def marked(points_px: np.ndarray) -> np.ndarray:
    """(T, K, 2) with NaN where a point is missing by the rule of :mod:`pose3d.records.detected_points`.

    Args:
        points_px: (T, K, 2); the same array comes back where nothing is missing.
    """
    detected = detected_points(points_px) & np.isfinite(points_px).all(-1)
    detected &= is_person(points_px, detected)[:, None]
    return points_px if detected.all() else np.where(detected[..., None], points_px, np.nan)


def bridge_gaps(points_px: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Fill short gaps of each point, see :func:`pose3d.records.detected_points.bridge`.

    Args:
        points_px: (T, K, 2), NaN where a point is missing.
        time_s: (T,) ascending.

    Returns:
        (T, K, 2); the same array where there is nothing to fill.
    """
    detected = np.isfinite(points_px).all(-1)
    return bridge(points_px, detected.astype(np.float32), detected, time_s)[0]


class Bridged:
    """Keypoints of a clip of any length, (T, K, 2) px, whose short gaps are bridged when a slice is asked for.

    Args:
        points_px: marked where a slice is asked for, see :func:`marked`.
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
        bridged = bridge_gaps(marked(self._points_px[first:end]), self._time_s[first:end])
        return bridged[start - first : stop - first]
