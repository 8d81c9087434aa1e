"""People painted out of a picture, so that a network that sees one person in a crop sees the one behind them."""

import cv2
import numpy as np

from pose3d.geometry.skeleton import BONES, JOINT_NAMES

_LIMB_WIDTH, _TRUNK_WIDTH, _HEAD_RADIUS = 0.09, 0.1, 0.09  # of the body's longer side
_TRUNK = [JOINT_NAMES.index(corner) for corner in ("LShoulder", "RShoulder", "RHip", "LHip")]
_HEAD = [JOINT_NAMES.index(name) for name in ("Neck/Nose", "Head")]


def erase(image_bgr: np.ndarray, bodies_px: np.ndarray) -> np.ndarray:
    """A copy (H, W, 3) of a picture without some people: each row goes evenly on from left of them to right of them.

    Args:
        image_bgr: (H, W, 3) uint8.
        bodies_px: (N, 17, 2) joints.
    """
    mask = np.zeros(image_bgr.shape[:2], np.uint8)
    for body in bodies_px:
        side = float(np.ptp(body, axis=0).max())
        points = [tuple(point) for point in np.round(body).astype(int).tolist()]
        for first, last in BONES:
            cv2.line(mask, points[first], points[last], 1, max(1, round(_LIMB_WIDTH * side)))
        trunk = np.array([points[corner] for corner in _TRUNK])
        cv2.fillConvexPoly(mask, trunk, 1)
        cv2.polylines(mask, [trunk], True, 1, max(1, round(_TRUNK_WIDTH * side)))
        head = np.round(body[_HEAD].mean(0)).astype(int)
        cv2.circle(mask, head.tolist(), max(1, round(_HEAD_RADIUS * side)), 1, -1)
    erased, columns = image_bgr.copy(), np.flatnonzero(mask.any(0))
    if not len(columns):
        return erased
    low, high = max(0, columns[0] - 1), columns[-1] + 2  # with a px to either side
    part, hides = erased[:, low:high], mask[:, low:high] > 0
    for row in np.flatnonzero(hides.any(1) & ~hides.all(1)):
        hidden, shown = np.flatnonzero(hides[row]), np.flatnonzero(~hides[row])
        for colour in range(3):
            part[row, hidden, colour] = np.interp(hidden, shown, part[row, shown, colour])
    return erased
