"""Which 2D points count as detected: one rule for data sets, for files of keypoints and for what is lifted.

A point is missing where a coordinate is not a number, at (0, 0) or (-1, -1), and where its score is not above 0:
programs mark what they have not found in one of these ways. All points of a person who is smaller than
:data:`LEAST_PERSON_PX` are missing, because nothing can be told of limbs there; so are those that some programs put
into one place. What is missing for at most :data:`BRIDGED_S` is where the neighbours in time say; longer gaps stay.
"""

import numpy as np

from pose3d.geometry.gaps import frames_around

BRIDGED_S = 0.25
"""Longer gaps stay: a limb can go out and come back in them."""
MIN_POINTS = 4
"""Fewer say nothing of a pose."""
LEAST_PERSON_PX = 10.0
"""The longer side of the box around a person's points: a detector's px are tenths of such a body."""
MAX_COORDINATE_PX = 1e6
"""No picture is so wide."""
MOST_PERCENT = 100.0
LEAST_PERCENT = 20.0
"""Scores that reach further than this are percentages; AlphaPose's reach 6, those of RTMPose little more than 1."""
CUT_OFF, PERCENTAGES = "what is above 1 is taken as 1", "they are taken as percentages"


def detected_points(points_px: np.ndarray, scores: np.ndarray | None = None) -> np.ndarray:
    """Which points are there, each by itself: whether they make a person is :func:`is_person`'s.

    Args:
        points_px: (..., K, 2).
        scores: (..., K); None: there are none.

    Returns:
        (..., K) bool.

    Example:
        >>> points_px = np.array([[5.0, 7.0], [0.0, 7.0], [0.0, 0.0], [-1.0, -1.0], [np.nan, 7.0], [5.0, 7.0]])
        >>> detected_points(points_px, np.array([0.9, 0.9, 0.9, 0.9, 0.9, -1.0])).tolist()
        [True, True, False, False, False, False]
    """
    x, y = points_px[..., 0], points_px[..., 1]  # apart, because archives of millions of frames are read that way
    there = ~(np.isnan(x) | np.isnan(y) | ((x == y) & ((x == 0) | (x == -1))))
    return there if scores is None else there & (scores > 0)


def is_person(points_px: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """Whether the points that are there are as far apart as a person's are.

    Args:
        points_px: (..., K, 2).
        detected: (..., K) bool.

    Returns:
        (...,) bool.

    Example:
        >>> points_px = np.array([[[5.0, 7.0], [8.0, 107.0]], [[5.0, 7.0], [5.0, 7.0]]])
        >>> is_person(points_px, np.ones((2, 2), bool)).tolist()
        [True, False]
    """
    if detected.all():
        low = high = points_px
    else:
        there = detected[..., None]
        low, high = np.where(there, points_px, np.inf), np.where(there, points_px, -np.inf)
    return ((high.max(-2) - low.min(-2)) >= LEAST_PERSON_PX).any(-1)


def bridged(detected: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """What is known, from its own frame or through a gap of at most :data:`BRIDGED_S`.

    Args:
        detected: (T, ...) bool, of points or of frames.
        time_s: (T,) ascending.

    Returns:
        (T, ...) bool.

    Example:
        >>> bridged(np.array([True, False, True, False]), np.arange(4) / 25).tolist()
        [True, True, True, False]
    """
    before, after = frames_around(detected)
    inside = (before >= 0) & (after < len(detected))
    lasts_s = time_s[np.minimum(after, len(time_s) - 1)] - time_s[np.maximum(before, 0)] if len(time_s) else before
    return detected | (inside & (lasts_s <= BRIDGED_S + 1e-6))


def bridge(
    points_px: np.ndarray, confidence: np.ndarray, detected: np.ndarray, time_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fill gaps of at most :data:`BRIDGED_S`: points move evenly, and their confidence is the lower of both ends.

    Args:
        points_px: (T, K, 2).
        confidence: (T, K).
        detected: (T, K) bool.
        time_s: (T,) ascending.

    Returns:
        Both; the same arrays where there is nothing to fill.

    Example:
        >>> points_px, confidence = np.array([[[0.0, 8]], [[9, 9]], [[4, 8]]]), np.array([[0.9], [0.0], [0.5]])
        >>> points_px, confidence = bridge(points_px, confidence, confidence > 0, np.arange(3) / 25)
        >>> points_px[1].tolist(), confidence[1].tolist()
        ([[2.0, 8.0]], [0.5])
    """
    frame, point = np.nonzero(bridged(detected, time_s) & ~detected)
    if not len(frame):
        return points_px, confidence
    before, after = (edges[frame, point] for edges in frames_around(detected))
    share = ((time_s[frame] - time_s[before]) / (time_s[after] - time_s[before]))[:, None]
    points_px, confidence = points_px.copy(), confidence.copy()
    points_px[frame, point] = (1 - share) * points_px[before, point] + share * points_px[after, point]
    confidence[frame, point] = np.minimum(confidence[before, point], confidence[after, point])
    return points_px, confidence


def as_confidence(scores: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Scores of a file in [0, 1], and what was done to them, if anything: :data:`CUT_OFF` or :data:`PERCENTAGES`.

    Args:
        scores: of any shape; what is not a number becomes 0, and so does what is below.

    Raises:
        ValueError: they reach further than percentages; says how far.

    Example:
        >>> confidence, done = as_confidence(np.array([0.5, 1.25, -3.0]))
        >>> confidence.tolist(), done
        ([0.5, 1.0, 0.0], 'what is above 1 is taken as 1')
    """
    confidence = np.maximum(np.nan_to_num(scores, nan=0.0, posinf=np.inf), 0)
    highest = float(confidence.max(initial=0.0))
    if highest > MOST_PERCENT:
        raise ValueError(f"a score of {highest:g}: give 0 to 1")
    if highest > LEAST_PERCENT:
        return confidence / np.float32(100), PERCENTAGES
    if highest > 1:
        return np.minimum(confidence, 1), CUT_OFF
    return confidence, None
