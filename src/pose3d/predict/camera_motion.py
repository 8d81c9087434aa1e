"""How the picture moved from one frame to the next because the camera did, and where a cut ended a shot."""

import cv2
import numpy as np

PICTURE_PX = 240
"""Least longer side of the shrunk frames that are compared: whole blocks of px become one, which is quickest."""
CUT_CORRELATION = 0.75
"""Least correlation of a frame with the one before, moved onto it, within one shot."""
_CORNERS, _LEAST_CORNERS = 150, 12
_REST_PX, _MARGIN_PX = 0.3, 4  # of the shrunk frames
_STILL = np.eye(2, 3)
_MOVED = 0.02  # of the picture's longer side, which the middle of the first frame is off from where it was


class CameraPath:
    """How far a camera turned away since the first frame, from what :class:`CameraMotion` says of each.

    Attributes:
        at_rest: nothing but small shakes so far: no cut, and the middle of the first frame within 2 % of the picture.
    """

    def __init__(self, width_px: int, height_px: int) -> None:
        self.at_rest = True
        self._most_px = _MOVED * max(width_px, height_px)
        self._middle_px = np.array([width_px / 2, height_px / 2])
        self._now_px = self._middle_px

    def step(self, motion: np.ndarray | None) -> None:
        """Take the (2, 3) transform from the frame before, or None for a cut."""
        if motion is None:
            self.at_rest = False
            return
        self._now_px = motion[:, :2] @ self._now_px + motion[:, 2]
        self.at_rest &= bool(np.linalg.norm(self._now_px - self._middle_px) <= self._most_px)


class CameraMotion:
    """Compares each frame with the one before: corners off the people, followed by optical flow.

    Lucas and Kanade, IJCAI 1981. One similarity transform is fitted to most of the corners.
    """

    def __init__(self) -> None:
        self._before: np.ndarray | None = None

    def step(self, image_bgr: np.ndarray, people_px: np.ndarray) -> np.ndarray | None:
        """Compare the next frame with the one before.

        Args:
            image_bgr: (H, W, 3) uint8.
            people_px: (N, 4) boxes of people in the frame before, who move by themselves.

        Returns:
            (2, 3) transform from px of the frame before to px of this one; None: this one begins another shot.
        """
        height, width = image_bgr.shape[:2]
        block = max(1, max(width, height) // PICTURE_PX)
        size = max(1, width // block), max(1, height // block)
        blocks = image_bgr[: size[1] * block, : size[0] * block]
        grey = cv2.cvtColor(cv2.resize(blocks, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        before, self._before = self._before, grey
        if before is None:
            return _STILL
        moved = _similarity(before, grey, people_px / block)
        if correlation(before, grey, moved) < CUT_CORRELATION:
            return None
        moved[:, 2] *= block
        return moved


def _similarity(before: np.ndarray, after: np.ndarray, people_px: np.ndarray) -> np.ndarray:
    """(2, 3) from one grey picture to the next; that of a camera at rest where there is too little to follow."""
    off_people = np.full(before.shape, 255, np.uint8)
    for box in people_px:
        (x0, y0), (x1, y1) = np.floor(box[:2]).astype(int), np.ceil(box[2:]).astype(int)
        off_people[
            max(0, y0 - _MARGIN_PX) : max(0, y1 + _MARGIN_PX), max(0, x0 - _MARGIN_PX) : max(0, x1 + _MARGIN_PX)
        ] = 0
    corners = cv2.goodFeaturesToTrack(before, _CORNERS, qualityLevel=0.01, minDistance=5, mask=off_people)
    if corners is None or len(corners) < _LEAST_CORNERS:
        return _STILL.copy()
    # OpenCV's types know no call without places to begin at.
    followed, seen, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None)  # type: ignore[call-overload]
    seen = seen[:, 0] == 1
    if seen.sum() < _LEAST_CORNERS:
        return _STILL.copy()
    at_rest = np.linalg.norm(followed - corners, axis=-1)[seen, 0] < _REST_PX
    if at_rest.mean() > 0.5:
        return _STILL.copy()
    cv2.setRNGSeed(0)  # RANSAC draws
    moved, inliers = cv2.estimateAffinePartial2D(corners[seen], followed[seen], ransacReprojThreshold=1.0)
    if moved is None or inliers.sum() < _LEAST_CORNERS:
        return _STILL.copy()
    return moved


def correlation(before: np.ndarray, after: np.ndarray, moved: np.ndarray) -> float:
    """Of two grey pictures where they show the same, the first moved by a (2, 3) transform; 1 where nothing varies."""
    size = before.shape[1], before.shape[0]
    warped = cv2.warpAffine(before, moved, size, flags=cv2.INTER_LINEAR)
    inside = cv2.warpAffine(np.ones_like(before), moved, size, flags=cv2.INTER_NEAREST) > 0
    if inside.mean() < 0.3:
        return 0.0
    first, second = (cv2.GaussianBlur(image, (0, 0), 1.5)[inside].astype(float) for image in (warped, after))
    spread = first.std() * second.std()
    if spread < 1:
        return 1.0 if abs(first.mean() - second.mean()) < 10 else 0.0
    return float(((first - first.mean()) * (second - second.mean())).mean() / spread)
