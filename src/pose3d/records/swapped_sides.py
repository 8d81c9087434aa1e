"""Signs that sides are exchanged in a whole file: the body's left and right, as in another order of points than was
said, or the picture's sides, as in one that was turned.

None of them is sure by itself, so that each gives a warning. Where the toes point was tried too: on climbers, and on
those who push off with a foot, it was wrong in every twentieth clip or more. People who crawl and climb lie by their
trunks, but not by their thighs.
"""

import numpy as np

from pose3d.geometry.layouts import Layout
from pose3d.geometry.skeleton import JOINT_NAMES

_MIN_FRAMES = 10
_WIDE = 0.3  # sides are told apart where they are so far apart, in lengths of the trunk
_MOST = 0.8  # share of frames that have to show it
_SURE_FACE = 0.8  # of the shoulders' confidence: from behind, detectors are less sure of eyes
_GUESSED_FACES = ("mediapipe33",)  # BlazePose calls eyes visible from behind too
_MOVING_M_S, _MOVING_S, _STEP_S = 0.5, 1.0, 0.4
_BACKWARDS = -0.5  # cosine of facing and travelling
_ALONG = 0.7  # cosine of 45 degrees, between trunk or thighs and one of the picture's axes
_STEEP = 0.5  # length in the picture of the unit vector upwards, from cameras that look up or down by 60 degrees


def swapped_points(layout: Layout, keypoints_px: np.ndarray, confidence: np.ndarray) -> str | None:
    """What in a clip's 2D speaks for exchanged sides; None: nothing.

    Args:
        layout: of the points.
        keypoints_px: (T, K, 2), NaN where unknown.
        confidence: (T, K) in [0, 1].

    Returns:
        The end of a sentence.
    """
    trunk_px = np.linalg.norm(_middle(layout, keypoints_px, "Shoulder") - _middle(layout, keypoints_px, "Hip"), axis=-1)
    shoulders = _across(layout, keypoints_px, "LShoulder", "RShoulder") / trunk_px
    hips = _across(layout, keypoints_px, "LHip", "RHip") / trunk_px
    both = (np.abs(shoulders) > _WIDE) & (np.abs(hips) > _WIDE / 3)
    if _mostly(np.sign(shoulders) != np.sign(hips), both):
        return "left and right shoulder lie the other way round than left and right hip"
    wide = np.abs(shoulders) > _WIDE
    if {"left_ear", "right_ear"} <= set(layout.body_points):
        ears = _across(layout, keypoints_px, "left_ear", "right_ear") / trunk_px
        if _mostly(np.sign(shoulders) != np.sign(ears), wide & (np.abs(ears) > _WIDE / 3)):
            return "left and right shoulder lie the other way round than left and right ear"
    facing = shoulders > 0  # who faces the camera has the left shoulder on the picture's right
    if (
        "left_eye" in layout.body_points
        and layout.name not in _GUESSED_FACES
        and np.ptp(confidence[confidence > 0]) > 0.01
    ):
        sure = np.minimum(_point(layout, confidence, "left_eye"), _point(layout, confidence, "right_eye"))
        shoulder = np.minimum(_point(layout, confidence, "LShoulder"), _point(layout, confidence, "RShoulder"))
        if _mostly(~facing & (sure > _SURE_FACE * shoulder) & (shoulder > 0.5), wide):
            return "both eyes are seen surely though the shoulders say that the person faces away"
    return None


def turned_picture(layout: Layout, keypoints_px: np.ndarray, up_cam: np.ndarray | None = None) -> str | None:
    """How a person lies or stands all the time who is seen in a picture that was turned; None: otherwise.

    Args:
        layout: of the points.
        keypoints_px: (T, K, 2), NaN where unknown.
        up_cam: (3,) upwards in camera space; None: as in the picture of a level camera.

    Returns:
        The beginning of a question, because people do lie and do handstands.
    """
    up = np.array([0.0, -1.0]) if up_cam is None else up_cam[:2]
    if np.linalg.norm(up) < _STEEP:
        return None
    up = up / np.linalg.norm(up)
    shoulder, hip, knee = (_middle(layout, keypoints_px, joint) for joint in ("Shoulder", "Hip", "Knee"))
    across_px = _point(layout, keypoints_px, "LShoulder") - _point(layout, keypoints_px, "RShoulder")
    trunk_px, thighs_px = shoulder - hip, hip - knee
    # Of who bends towards the camera the trunk says nothing.
    seen = np.linalg.norm(trunk_px, axis=-1) > np.linalg.norm(across_px, axis=-1)

    def points(way: np.ndarray) -> bool:
        both = [part @ way > _ALONG * np.linalg.norm(part, axis=-1) for part in (trunk_px, thighs_px)]
        return _mostly(both[0] & both[1], seen)

    if points(-up):
        return "the person stands on the head all the time"
    left = np.array([up[1], -up[0]])
    return "the person lies all the time" if points(left) or points(-left) else None


def walks_backwards(poses_cam_m: np.ndarray, time_s: np.ndarray) -> bool:
    """Whether somebody travels against the way that the body faces nearly all the time, as exchanged sides look like.

    Args:
        poses_cam_m: (T, 17, 3) with the root's path.
        time_s: (T,).
    """
    joint = {name: poses_cam_m[:, number] for number, name in enumerate(JOINT_NAMES)}
    to_right = joint["RHip"] - joint["LHip"] + joint["RShoulder"] - joint["LShoulder"]
    facing = np.cross(joint["Thorax"] - joint["Hip"], to_right)
    later = np.searchsorted(time_s, time_s + _STEP_S)
    first = np.flatnonzero(later < len(time_s))
    later = later[first]
    usual = time_s[later] - time_s[first] < 2 * _STEP_S
    first, later = first[usual], later[usual]
    if not len(first):
        return False
    travelled = joint["Hip"][later] - joint["Hip"][first]
    moving = np.linalg.norm(travelled, axis=-1) > _MOVING_M_S * (time_s[later] - time_s[first])
    middle = facing[(first + later) // 2]
    lengths = np.linalg.norm(travelled, axis=-1) * np.linalg.norm(middle, axis=-1)
    cosine = (travelled * middle).sum(-1) / np.maximum(lengths, 1e-9)
    step_s = np.median(np.diff(time_s)) if len(time_s) > 1 else 1.0
    return bool(moving.sum() * step_s >= _MOVING_S and (cosine[moving] < _BACKWARDS).mean() >= _MOST)


def _mostly(shown: np.ndarray, usable: np.ndarray) -> bool:
    return bool(usable.sum() >= _MIN_FRAMES and shown[usable].mean() >= _MOST)


def _point(layout: Layout, values: np.ndarray, body_point: str) -> np.ndarray:
    return values[:, layout.body_points.index(body_point)]


def _across(layout: Layout, keypoints_px: np.ndarray, left: str, right: str) -> np.ndarray:
    """(T,) px by which the left point lies to the picture's right of the right one."""
    return _point(layout, keypoints_px, left)[:, 0] - _point(layout, keypoints_px, right)[:, 0]


def _middle(layout: Layout, keypoints_px: np.ndarray, joint: str) -> np.ndarray:
    return (_point(layout, keypoints_px, f"L{joint}") + _point(layout, keypoints_px, f"R{joint}")) / 2
