"""Feet that are on something: when, and poses whose feet stay where they are as long as they are there.

Whether a foot rests shows in two ways, and each is blind where the other sees. In the picture a foot at rest does not
move, nor does one that swings towards the camera. In space it shows, but the lifted depth trembles. So it rests while
the geometric mean of both speeds is low.

Poses are changed as little as stops their feet, by linear least squares over the clip. On each axis of camera space a
frame has three unknowns: how far the body moves, b, and both ankles, a_r and a_l. With p the ankles' lifted places,

    w (14 - 11) b_t^2 + sum_f [w a_ft^2 + (a_ft - b_t)^2 / 10] + s w |second differences of b, a_r, a_l|^2
        + 100 sum_f contact_f |(p + a)_f,t+1 - (p + a)_f,t|^2

is lowered: movement across the line of sight costs ten times as much as along it (w 1 and 0.1), because it shows in the
picture. Knees follow their ankles by half.
"""

import numpy as np

from pose3d.geometry.skeleton import JOINT_NAMES

FEET = (JOINT_NAMES.index("RFoot"), JOINT_NAMES.index("LFoot"))
"""Ankles, in the order of all contacts: right, left."""
_KNEES = (JOINT_NAMES.index("RKnee"), JOINT_NAMES.index("LKnee"))

_SLOW_M_S = 0.5
_PICTURE_S, _SPACE_S = 0.04, 0.08
"""Deviations of the Gaussians that smooth keypoints and lifted ankles before their speeds are taken."""
_VOTE_S = 0.12

_ACROSS, _ALONG = 1.0, 0.1
_BODY = 3.0
_LEGS = 0.1
_CONTACT = 100.0
_CUTOFF_RAD_S = 10.0


def contacts(
    ankles_cam_m: np.ndarray, ankles_image_plane: np.ndarray, distance_m: np.ndarray, fps: float
) -> np.ndarray:
    """Which feet are on something in a clip of a camera at rest.

    Args:
        ankles_cam_m: (T, 2, 3) lifted right and left ankle, camera space.
        ankles_image_plane: (T, 2, 2) where they are seen, x/z and y/z.
        distance_m: (T,) of the person along the optical axis.
        fps: frames per second.

    Returns:
        (T, 2) bool; False in a clip of one frame, in which nothing moves or rests.

    Example:
        The right ankle rests, the left one moves at 2 m/s.

        >>> ankles_m = np.zeros((10, 2, 3)) + [0.0, 1.0, 4.0]
        >>> ankles_m[:, 1, 0] = np.arange(10) * 2.0 / 25
        >>> contacts(ankles_m, ankles_m[..., :2] / 4, np.full(10, 4.0), fps=25)[5].tolist()
        [True, False]
    """
    from scipy.ndimage import gaussian_filter1d, median_filter

    if len(ankles_cam_m) < 2:
        return np.zeros((len(ankles_cam_m), 2), bool)

    def speed(path: np.ndarray, deviation_s: float) -> np.ndarray:
        smoothed = gaussian_filter1d(np.asarray(path, np.float64), deviation_s * fps, axis=0, mode="nearest")
        return np.linalg.norm(np.gradient(smoothed, 1 / fps, axis=0), axis=-1)

    in_picture = speed(ankles_image_plane, _PICTURE_S) * distance_m[:, None]
    in_space = speed(ankles_cam_m, _SPACE_S)
    slow = np.sqrt(in_picture * in_space) < _SLOW_M_S
    frames = 2 * round(_VOTE_S * fps / 2 - 0.5) + 1
    return median_filter(slow.astype(np.uint8), (max(1, frames), 1), mode="nearest") > 0


def planting(ankles_cam_m: np.ndarray, contact: np.ndarray, fps: float) -> np.ndarray:
    """How body and ankles move so that feet in contact stay where they are; the module's sum is least.

    Args:
        ankles_cam_m: (T, 2, 3) lifted right and left ankle, camera space.
        contact: (T, 2) bool.
        fps: frames per second.

    Returns:
        (T, 3, 3): of the body, the right and the left ankle, metres; for :func:`planted`.

    Example:
        A resting ankle that is lifted 1 cm off to and fro moves by less than 2 mm.

        >>> ankles_m = np.zeros((20, 2, 3)) + [0.0, 1.0, 4.0]
        >>> ankles_m[::2, 0, 2] += 0.01
        >>> moved = planting(ankles_m, np.ones((20, 2), bool), fps=25)
        >>> bool(np.abs(np.diff((ankles_m + moved[:, 1:])[:, 0, 2])).max() < 2e-3)
        True
    """
    weights = (_ACROSS, _ACROSS, _ALONG)
    return np.stack([_planting(ankles_cam_m[..., axis], contact, fps, weights[axis]) for axis in range(3)], -1)


def _planting(ankles: np.ndarray, contact: np.ndarray, fps: float, weight: float) -> np.ndarray:
    """(T, 3) of one axis, from (T, 2) places of ankles on it: the normal equations have seven diagonals."""
    from scipy.linalg import solveh_banded

    frames = len(ankles)
    banded, right = np.zeros((7, 3 * frames)), np.zeros(3 * frames)

    def add(row: np.ndarray, column: np.ndarray, value: np.ndarray | float) -> None:  # row <= column, no place twice
        banded[6 + row[0] - column[0], column] += value

    frame = 3 * np.arange(frames)
    add(frame, frame, _BODY * weight + 2 * _LEGS)
    for foot in range(2):
        ankle = frame + 1 + foot
        add(ankle, ankle, weight + _LEGS)
        add(frame, ankle, -_LEGS)
        resting = np.flatnonzero(contact[1:, foot] & contact[:-1, foot])
        if len(resting):
            before, after = ankle[resting], ankle[resting + 1]
            step = ankles[resting + 1, foot] - ankles[resting, foot]
            add(before, before, _CONTACT)
            add(after, after, _CONTACT)
            add(before, after, -_CONTACT)
            right[before] += _CONTACT * step
            right[after] -= _CONTACT * step
    if frames > 2:
        stiffness = weight * (fps / _CUTOFF_RAD_S) ** 4
        for what in range(3):
            for first, one in enumerate((1.0, -2.0, 1.0)):
                for second, other in list(enumerate((1.0, -2.0, 1.0)))[first:]:
                    add(frame[:-2] + 3 * first + what, frame[:-2] + 3 * second + what, stiffness * one * other)
    return solveh_banded(banded, right, check_finite=False).reshape(frames, 3)


def planted(poses_m: np.ndarray, moved_m: np.ndarray) -> np.ndarray:
    """(T, 17, 3) poses with what :func:`planting` gives for them added; knees follow their ankles by half.

    Example:
        >>> moved_m = np.zeros((1, 3, 3))
        >>> moved_m[:, 1] = [0.02, 0.0, 0.0]
        >>> planted(np.zeros((1, 17, 3)), moved_m)[0, [0, 2, 3], 0].tolist()
        [0.0, 0.01, 0.02]
    """
    poses = poses_m + moved_m[:, :1]
    for foot, (knee, ankle) in enumerate(zip(_KNEES, FEET, strict=True)):
        own = moved_m[:, 1 + foot] - moved_m[:, 0]
        poses[:, ankle] += own
        poses[:, knee] += own / 2
    return poses
