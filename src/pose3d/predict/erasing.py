"""People painted out of a picture, so that a network that sees one person in a crop sees the one behind them."""

import cv2
import numpy as np

from pose3d.pose2d.blazepose import LANDMARK_NAMES

_LIMBS = (
    *(("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "index"), ("hip", "knee"), ("knee", "ankle")),
    *(("ankle", "heel"), ("heel", "foot_index"), ("ankle", "foot_index")),
)
_LIMB_WIDTH, _TRUNK_WIDTH, _HEAD_RADIUS = 0.09, 0.1, 0.09  # of the body's longer side


def _number(side: str, part: str) -> int:
    return LANDMARK_NAMES.index(f"{side}_{part}")


_LIMB_ENDS = [(_number(side, first), _number(side, last)) for side in ("left", "right") for first, last in _LIMBS]
_TRUNK = [
    _number(*corner) for corner in (("left", "shoulder"), ("right", "shoulder"), ("right", "hip"), ("left", "hip"))
]
_EARS = [_number("left", "ear"), _number("right", "ear")]


def erase(image_bgr: np.ndarray, bodies_px: np.ndarray) -> np.ndarray:
    """A copy (H, W, 3) of a picture without some people: each row goes evenly on from left of them to right of them.

    Args:
        image_bgr: (H, W, 3) uint8.
        bodies_px: (N, 33, 2) landmarks.
    """
    mask = np.zeros(image_bgr.shape[:2], np.uint8)
    for body in bodies_px:
        side = float(np.ptp(body, axis=0).max())
        points = [tuple(point) for point in np.round(body).astype(int).tolist()]
        for first, last in _LIMB_ENDS:
            cv2.line(mask, points[first], points[last], 1, max(1, round(_LIMB_WIDTH * side)))
        trunk = np.array([points[corner] for corner in _TRUNK])
        cv2.fillConvexPoly(mask, trunk, 1)
        cv2.polylines(mask, [trunk], True, 1, max(1, round(_TRUNK_WIDTH * side)))
        head = np.round(body[_EARS].mean(0)).astype(int)
        neck = np.round(body[_TRUNK[:2]].mean(0)).astype(int)
        cv2.circle(mask, head.tolist(), max(1, round(_HEAD_RADIUS * side)), 1, -1)
        cv2.line(mask, head.tolist(), neck.tolist(), 1, max(1, round(_LIMB_WIDTH * side)))
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
