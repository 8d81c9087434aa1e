"""Whether a recorded subject's world has its z axis up, and the subject its own left and right, over all takes.

The former is judged by people and cameras; the latter by knees, which nobody bends far backwards, and by shoulders.
It is a matter of the 3D alone: 2D keypoints may have the same sides exchanged.
"""

import numpy as np

from pose3d.geometry.rotations import unit
from pose3d.geometry.skeleton import JOINT_NAMES, ROOT
from pose3d.records.sequences import PoseSequence

_HEAD, _FEET = JOINT_NAMES.index("Head"), [JOINT_NAMES.index(name) for name in ("RFoot", "LFoot")]
_LEAST_ALONG, _MOST_ALONG_Z = 0.5, 0.25
"""Of the mean direction from feet to head, over whoever also sits, kneels and lies."""
_LEAST_CAMERAS = 0.7  # of the cameras' mean upward direction
_WALKED_M = 0.3
"""Along z, in one take: people who lie, seen from the ceiling, look as if they stood; their hips stay at one height."""
_BACKWARDS_M, _STRAIGHT_BACK = 0.06, 0.7
"""How far behind the line from hip to ankle knees come in a take, and which share of their way from it is backwards in
the mean: legs that are overstretched by 15 degrees have 6 cm, and of knees on the floor beside crossed feet the way is
sideways. Forwards, takes with known sides mostly have 8 to 35 cm and 0.9."""
_CROSSED = -0.5  # cosine of hips and shoulders, from right to left
_LEAST_S, _MOST_TAKES = 1.5, 0.75
"""How long a take must last to tell sides, and the share of those that must have them exchanged."""
_BELOW_M = 0.3  # heads of people who only lie are as high as their feet


class Stances:
    """How people of one subject stand and bend, take by take."""

    def __init__(self) -> None:
        self._people: list[np.ndarray] = []
        self._cameras: list[np.ndarray] = []
        self._walked_m: list[float] = []
        self._heights_m: list[float] = []
        self._backwards: list[bool] = []
        self._shoulders: list[float] = []

    def note(self, sequence: PoseSequence) -> None:
        """Add a sequence that has 3D."""
        poses_m = sequence.poses_world_m.astype(np.float64)
        tall_m = poses_m[:, _HEAD] - poses_m[:, _FEET].mean(1)
        self._people.append(unit(tall_m).mean(0))
        self._cameras.append(-sequence.camera.rotation[1])
        self._walked_m.append(float(np.ptp(np.percentile(poses_m[:, ROOT, 2], [5, 95]))))
        self._heights_m.append(float(np.median(tall_m[:, 2])))
        if len(sequence) < _LEAST_S * sequence.fps:
            return
        hips, shoulders = (poses_m[:, _of("L", part)] - poses_m[:, _of("R", part)] for part in ("Hip", "Shoulder"))
        legs = [[poses_m[:, _of(side, part)] for part in ("Hip", "Knee", "Foot")] for side in "LR"]
        self._backwards.append(_bend_backwards(hips, legs))
        self._shoulders.append(float(np.median((unit(hips) * unit(shoulders)).sum(-1))))

    def said(self) -> str | None:
        """What to correct where z is not up or sides are exchanged; None where that is not so or cannot be told."""
        people, cameras = np.mean(self._people, axis=0), np.mean(self._cameras, axis=0)
        along = int(np.abs(people[:2]).argmax())
        sign = np.sign(people[along])
        upright = sign * people[along] > _LEAST_ALONG and sign * cameras[along] > _LEAST_CAMERAS
        if upright and abs(people[2]) < _MOST_ALONG_Z and max(self._walked_m) > _WALKED_M:
            axis = f"{'-' if sign < 0 else ''}{'xy'[along]}"
            return (
                f"people and cameras stand upright along {axis}: the world's z axis must point up, so turn positions "
                f"and cameras until {axis} is z"
            )
        backwards = bool(self._backwards) and np.mean(self._backwards) >= _MOST_TAKES
        # Who stands on the hands in all takes is seen so by upright cameras, and has knees of the right sides.
        if np.median(self._heights_m) < -_BELOW_M and (cameras[2] < _LEAST_CAMERAS or backwards):
            return (
                "heads are below feet in most takes: the world's z axis must point up, so axes are swapped or a sign "
                "is wrong in the positions"
            )
        if not self._backwards:
            return None
        if np.mean(np.array(self._shoulders) < _CROSSED) >= _MOST_TAKES:
            return (
                "left and right shoulder lie the other way round than left and right hip in most takes: exchange the "
                "joints of both arms or of both legs in the 3D poses, and in the 2D keypoints if they have it too"
            )
        if backwards:
            return (
                "knees bend backwards in most takes, so left and right are exchanged, or one axis is mirrored: correct "
                "the 3D poses, and the 2D keypoints if they have it too"
            )
        return None


def _bend_backwards(hips: np.ndarray, legs: list[list[np.ndarray]]) -> bool:
    """Whether knees do, as nobody's can.

    Args:
        hips: (T, 3) from the right to the left one.
        legs: of each (T, 3) hip, knee and foot, metres.
    """
    ahead_m, away_m = [], []
    for hip, knee, foot in legs:
        upwards, way_m = unit(hip - foot), knee - (hip + foot) / 2
        ahead_m.append((way_m * np.cross(unit(hips), upwards)).sum(-1))
        away_m.append(np.linalg.norm(np.cross(way_m, upwards), axis=-1))
    is_far = np.percentile(ahead_m, 5) < -_BACKWARDS_M
    return bool(is_far and np.mean(ahead_m) < -_STRAIGHT_BACK * np.mean(away_m))


def _of(side: str, part: str) -> int:
    return JOINT_NAMES.index(side + part)
