"""Whether the world of a recorded subject has its z axis up, judged by people and cameras over all of its takes."""

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
_BELOW_M = 0.3  # heads of people who only lie are as high as their feet


class Stances:
    """How people of one subject stand, take by take."""

    def __init__(self) -> None:
        self._people: list[np.ndarray] = []
        self._cameras: list[np.ndarray] = []
        self._walked_m: list[float] = []
        self._heights_m: list[float] = []

    def note(self, sequence: PoseSequence) -> None:
        """Add a sequence that has 3D."""
        poses_m = sequence.poses_world_m.astype(np.float64)
        tall_m = poses_m[:, _HEAD] - poses_m[:, _FEET].mean(1)
        self._people.append(unit(tall_m).mean(0))
        self._cameras.append(-sequence.camera.rotation[1])
        self._walked_m.append(float(np.ptp(np.percentile(poses_m[:, ROOT, 2], [5, 95]))))
        self._heights_m.append(float(np.median(tall_m[:, 2])))

    def said(self) -> str | None:
        """What to correct where z does not point up; None where it seems to, and where that cannot be told."""
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
        if np.median(self._heights_m) < -_BELOW_M:
            return (
                "heads are below feet in most takes: the world's z axis must point up, so axes are swapped or a sign "
                "is wrong in the positions"
            )
        return None
