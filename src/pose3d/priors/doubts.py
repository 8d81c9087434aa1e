"""What the body in a file says against its unit and its vertical, which some formats do not state."""

import os
import re

import numpy as np

from pose3d.formats.motion import Motion
from pose3d.geometry.rotations import unit
from pose3d.priors.plausible import in_metres, leg_length_m, middle
from pose3d.priors.point_map import Points, recognised

_LEGS = {f"{side}{part}" for side in "LR" for part in ("Hip", "Knee", "Ankle")}
_ENDS = {f"{side}{part}" for side in "LR" for part in ("Shoulder", "Ankle")}
_ALONG = 0.75
"""Of the mean direction from feet to shoulders, along one axis: people stand so, or lie so all the time."""


def doubt_legs(path: str | os.PathLike, motion: Motion, said: str) -> list[str]:
    """A sentence where legs are a person's in another unit only; else, and where names show no legs, none.

    Args:
        path: the file, for the message.
        motion: as it was read.
        said: the unit in which it was read: "cm" of BVH, which has none, "m" of a file that says its own.
    """
    points = _points(motion)
    if not set(points) >= _LEGS:
        return []
    scaled, name = in_metres(points, said)
    if name == said:
        return []
    leg_m, fitting_m = leg_length_m(points), leg_length_m(scaled)
    of_unit = re.sub(r"^in\b", "inches", name)
    return [
        f"{path}: its legs are {leg_m:.3g} m long, and {fitting_m:.3g} m if its unit is {of_unit}: in that case scale "
        f"what is written by {fitting_m / leg_m:.4g}"
    ]


def doubt_level(path: str | os.PathLike, motion: Motion) -> list[str]:
    """A sentence where somebody stretches along x or z of a file that does not say that y is up; else none."""
    points = _points(motion)
    if not set(points) >= _ENDS:
        return []
    along = unit(middle(points, "Shoulder") - middle(points, "Ankle"))
    along = along[~np.isnan(along).any(1)].sum(0) / max(1, len(along))
    axis = int(np.abs(along).argmax())
    if axis == 1 or abs(along[axis]) < _ALONG:
        return []
    name = ("-" if along[axis] < 0 else "") + "xyz"[axis]
    said = f"somebody stretches along {name}, and y is taken as up"
    return [f"{path}: {said}: unless they lie or were filmed from above, turn what is written"]


def _points(motion: Motion) -> Points:
    shown = recognised(motion.joints)
    return {point: motion.positions_m[:, motion.joints.index(name)] for point, name in shown.items()}
