"""Joint centres from the markers of Plug-in Gait, and of the CMU database, whose waist and shins have other names.

Any unit will do, because all distances are shares of the pelvis's width.

Hips after Bell, Brand and Pedersen, "A comparison of the accuracy of several hip center location prediction methods"
(Journal of Biomechanics 23, 1990): 14 % of the distance between the front spines inwards, 22 % backwards, 30 % down.
Knees, ankles and elbows lie inside their markers by half the joint's width, at a right angle to the bone above, as
Davis, Ounpuu, Tyburski and Gage, "A gait analysis data collection and reduction technique" (Human Movement Science 10,
1991), have them.
"""

import numpy as np

from pose3d.geometry.rotations import unit

_INWARDS, _BACKWARDS, _DOWN = 0.14, 0.22, 0.30
_KNEE, _ANKLE, _ELBOW, _SHOULDER = 0.24, 0.18, 0.17, 0.20
"""Marker to centre: half a knee of 10 cm and a marker's radius are 24 % of a pelvis of 24 cm, and so on."""
_STRAIGHT = 0.15
"""Sine of an elbow's bend below which it does not show its hinge."""
_LEFT_SIGN = {"L": 1.0, "R": -1.0}
_OF_CMU = {"FWT": "ASI", "BWT": "PSI", "SHN": "TIB"}

MARKERS = (
    "SACR",
    "C7",
    "CLAV",
    *(
        f"{side}{name}"
        for name in ("ASI", "PSI", "THI", "KNE", "TIB", "ANK", "SHO", "ELB", "WRA", "WRB", "FHD", "BHD")
        for side in "LR"
    ),
)
"""The markers that are read."""


def joint_centres(at: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The body points that the markers give.

    Args:
        at: (T, 3) by the marker's name, in axes of either hand: the trunk shows which.

    Returns:
        (T, 3) by the name of the body point, as :data:`pose3d.priors.point_map.KNOWN`; none where the pelvis lacks
        markers.
    """
    found: dict[str, np.ndarray] = {}
    at = {name[:1] + _OF_CMU[name[1:]]: path for name, path in at.items() if name[1:] in _OF_CMU} | at
    back = at.get("SACR") if "SACR" in at else _mean(at, "LPSI", "RPSI")
    front = _mean(at, "LASI", "RASI")
    if front is None or back is None:
        return found
    width = np.linalg.norm(at["LASI"] - at["RASI"], axis=-1, keepdims=True)
    left = unit(at["LASI"] - at["RASI"])
    ahead = front - back
    ahead = unit(ahead - (ahead * left).sum(-1, keepdims=True) * left)
    up = np.cross(ahead, left)
    hand = _hand(at, up, (front + back) / 2)
    up = hand * up
    for side, sign in _LEFT_SIGN.items():
        outwards = sign * left
        hip = front + width * ((0.5 - _INWARDS) * outwards - _BACKWARDS * ahead - _DOWN * up)
        found[f"{side}Hip"] = hip
        above = hip
        for part, marker, wand, share in (("Knee", "KNE", "THI", _KNEE), ("Ankle", "ANK", "TIB", _ANKLE)):
            if side + marker not in at:
                break
            outer = at[side + marker]
            beside = width * share * outwards
            if side + wand in at:
                beside = beside + at[side + wand] - outer
            above = found[side + part] = _inside(above, outer, beside, share * width)
    middles = {"Neck": ("C7", "CLAV"), "HeadBand": ("LFHD", "RFHD", "LBHD", "RBHD"), "HeadFront": ("LFHD", "RFHD")}
    found |= {name: np.mean([at[one] for one in ones], 0) for name, ones in middles.items() if set(ones) <= set(at)}
    if {"LSHO", "RSHO"} <= set(at):
        down = unit((found["LHip"] + found["RHip"]) / 2 - (at["LSHO"] + at["RSHO"]) / 2)
        for side in _LEFT_SIGN:
            shoulder = found[f"{side}Shoulder"] = at[f"{side}SHO"] + _SHOULDER * width * down
            wrist = _mean(at, f"{side}WRA", f"{side}WRB")
            if wrist is not None and f"{side}ELB" in at:
                outer = at[f"{side}ELB"]
                found[f"{side}Wrist"] = wrist
                beside = _LEFT_SIGN[side] * _hinge(shoulder, outer, wrist, left, hand)
                found[f"{side}Elbow"] = _inside(shoulder, outer, beside, _ELBOW * width)
    return found


def _mean(at: dict[str, np.ndarray], *names: str) -> np.ndarray | None:
    return np.mean([at[name] for name in names], 0) if set(names) <= set(at) else None


def _hand(at: dict[str, np.ndarray], up: np.ndarray, pelvis: np.ndarray) -> float:
    """1, or -1 where axes are left-handed, or sides exchanged: then cross products point from the trunk downwards."""
    trunk = [(at[name] - pelvis) * up for name in ("LSHO", "RSHO", "C7", "CLAV") if name in at]
    return -1.0 if np.nansum(trunk) < 0 else 1.0


def _inside(above: np.ndarray, marker: np.ndarray, beside: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """The centre at a distance (T, 1) from a marker, away from ``beside``, where the bone from above meets both at a
    right angle."""
    bone = above - marker
    length = np.maximum(np.linalg.norm(bone, axis=-1, keepdims=True), 1e-9)
    along = bone / length
    inwards = -unit(beside - (beside * along).sum(-1, keepdims=True) * along)
    cosine = np.clip(distance / length, 0, 1)
    return marker + distance * (cosine * along + np.sqrt(1 - cosine**2) * inwards)


def _hinge(shoulder: np.ndarray, elbow: np.ndarray, wrist: np.ndarray, left: np.ndarray, hand: float) -> np.ndarray:
    """The elbow's axis to the person's left, (T, 3); of straight frames that of the nearest ones that are bent."""
    upper, fore = unit(elbow - shoulder), unit(wrist - elbow)
    normal = hand * np.cross(fore, upper)
    sure = np.linalg.norm(normal, axis=-1) > _STRAIGHT
    if not sure.any():
        return left
    frames = np.arange(len(normal))
    known = unit(normal[sure])
    return np.stack([np.interp(frames, frames[sure], known[:, axis]) for axis in range(3)], -1)
