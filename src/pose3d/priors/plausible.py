"""Which frames of a take a person could have done, and in which unit: the others are left out and counted.

All is judged at the file's own rate and relative to the body, before anybody knows which way is up.
"""

from collections.abc import Collection, Iterator

import numpy as np

from pose3d.geometry.rotations import unit
from pose3d.priors.point_map import NEEDED, Points

_UNITS_M = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "in / 0.45": 0.0254 / 0.45}
"""The last is the CMU database's, in which Acclaim's files and the BVH files that were made of them are."""
_MISTAKEN_FOR = {"m, not mm": 1000.0, "cm, not mm": 10.0, "m, not cm": 100.0, "in, not mm": 25.4}
"""What the numbers are in, and not the unit that a file says: programs copy the header of another file."""
LEG_M = (0.4, 1.3)
_USUAL_LEG_M = (0.6, 1.1)
_SHARES_OF_LEG = {
    "thighs": ("Hip", "Knee", (0.35, 0.65)),
    "shins": ("Knee", "Ankle", (0.35, 0.65)),
    "upper arms": ("Shoulder", "Elbow", (0.15, 0.6)),
    "forearms": ("Elbow", "Wrist", (0.15, 0.55)),
}
_WIDTHS_OF_LEG = {"hips": ("Hip", (0.06, 0.6)), "shoulders": ("Shoulder", (0.15, 0.9))}
_TRUNK_OF_LEG = (0.35, 1.2)
_FLAT_M, _STILL_M, _MOVES_M = 0.02, 0.002, 0.1
"""Nobody's knees, elbows and shoulders are so near one plane, nor does anybody move so little along one axis and so
much along another; Sports2D's TRC has no depth, or one of each joint that stays."""
_BONE_CHANGE, _BONE_CHANGE_M = 0.25, 0.05
_ROOT_M_S, _LIMB_M_S = 12.0, 25.0
"""The fastest run, and more than hands and feet reach beside the hips in throws and kicks, weapons apart."""
_ALONG = np.cos(np.radians(15))
_BRIDGED_S = 0.2
_REACH_M, _APART_M, _PELVIS_M = 3.0, 0.01, 0.3
_NEIGHBOURS = {
    **{"Spine": "Pelvis", "Neck": "Spine", "Head": "Neck"},
    **{
        f"{side}{part}": f"{side}{next_to}"
        for side in "LR"
        for part, next_to in (("Middle", "Wrist"), ("Index", "Pinky"))
    },
}
"""Of what is not needed: from one to the other points where a segment shows its direction."""
_MOSTLY_THERE = 0.9
_BACKWARDS_M = 0.02
"""Knees that are straight, or a little more, say nothing."""
_T_POSE = {"arms": np.cos(np.radians(20)), "elbows": np.cos(np.radians(25)), "legs": np.cos(np.radians(25))}


def middle(points: Points, part: str) -> np.ndarray:
    """Between the left and the right, (T, 3)."""
    return (points[f"L{part}"] + points[f"R{part}"]) / 2


def in_metres(points: Points, said: str) -> tuple[Points, str]:
    """The points in metres, and the unit that they must have been in.

    Args:
        points: in metres, if the file's unit is what it says or what its format has.
        said: that unit; "m" of a file that says one itself.

    Returns:
        The points, in another unit where only that makes legs of a person's length, and that unit; in the said one
        where none does.
    """
    leg_m = leg_length_m(points)
    if LEG_M[0] <= leg_m <= LEG_M[1]:
        return points, said
    scales = {unit_name: metres / _UNITS_M[said] for unit_name, metres in _UNITS_M.items()}
    for unit_name, scale in (scales | (_MISTAKEN_FOR if said == "m" else {})).items():
        if _USUAL_LEG_M[0] <= leg_m * scale <= _USUAL_LEG_M[1]:
            return {name: path * scale for name, path in points.items()}, unit_name
    return points, said


def leg_length_m(points: Points) -> float:
    """Hip to knee to ankle, the median over frames and sides; NaN where no frame has all three."""
    return sum(_bone(points, *bone) for bone in (("Hip", "Knee"), ("Knee", "Ankle")))


def no_person(points: Points) -> str | None:
    """What about the bones is of no person, in words; None: nothing."""
    leg_m = leg_length_m(points)
    if not LEG_M[0] <= leg_m <= LEG_M[1]:
        return "a joint is never there" if np.isnan(leg_m) else f"legs of {leg_m:.3g} m, in no usual unit"
    shares = {what: (_bone(points, start, end), span) for what, (start, end, span) in _SHARES_OF_LEG.items()}
    shares |= {what: (_width(points, part), span) for what, (part, span) in _WIDTHS_OF_LEG.items()}
    trunk = np.linalg.norm(middle(points, "Shoulder") - middle(points, "Hip"), axis=-1)
    shares["trunk"] = (_median(trunk), _TRUNK_OF_LEG)
    for what, (length_m, (least, most)) in shares.items():
        if np.isnan(length_m):
            return "a joint is never there"
        if not least <= length_m / leg_m <= most:
            return f"{what} of {length_m:.2g} m beside legs of {leg_m:.2g} m"
    joints_m = np.stack([points[name] for name in NEEDED])
    apart_m = _spread(joints_m - middle(points, "Hip"), (0, 1))
    moved_m = _spread(joints_m, 1).max(0)
    still = moved_m.min() < _STILL_M and moved_m.max() > _MOVES_M
    return "no depth, as in 2D" if apart_m.min() < _FLAT_M or still else None


def bridged(points: Points, fps: float, needed: Collection[str] = NEEDED) -> Points:
    """Gaps of up to 0.2 s closed in a straight line; points that are not needed and have many gaps are left out.

    What is further from the hips than anything of a body is missing as well, what lies on its neighbour, and a pelvis
    that is away from the hips: skeletons may have a root on the floor.

    Args:
        points: (T, 3) each, NaN where missing.
        fps: frames per second.
        needed: names of those that stay in any case.
    """
    found, hips = {}, middle(points, "Hip")
    for name, given in points.items():
        within_m = _PELVIS_M if name == "Pelvis" else _REACH_M
        there = ~np.isnan(given.sum(-1)) & ~(np.linalg.norm(given - hips, axis=-1) > within_m)
        if name in _NEIGHBOURS and _NEIGHBOURS[name] in points:
            there &= ~(np.linalg.norm(given - points[_NEIGHBOURS[name]], axis=-1) < _APART_M)
        if name not in needed and there.mean() < _MOSTLY_THERE:
            continue
        path, frames = np.where(there[:, None], given, np.nan), np.arange(len(given))
        for start, stop in runs(~there):
            if start > 0 and stop < len(path) and stop - start <= _BRIDGED_S * fps:
                for axis in range(3):
                    path[start:stop, axis] = np.interp(frames[start:stop], frames[there], path[there, axis])
        found[name] = path
    return found


def left_out(points: Points, fps: float) -> dict[str, np.ndarray]:
    """By the reason the frames (T,) bool that are to be left out; each has one reason."""
    return _each_once(
        {
            "T-pose": t_pose(points),
            "joints missing": np.isnan(np.concatenate(list(points.values()), -1)).any(-1),
            "jumps": jumps(points, fps),
            "bones change": changed_bones(points),
            "trunk folded": folded_trunk(points),
        }
    )


def runs(wanted: np.ndarray) -> Iterator[tuple[int, int]]:
    """Starts and stops of the runs of true in (T,) bool.

    Example:
        >>> list(runs(np.array([True, False, True, True])))
        [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def jumps(points: Points, fps: float) -> np.ndarray:
    """Frames (T,) bool on both sides of a step that is faster than a person."""
    root = middle(points, "Hip")
    steps = [np.linalg.norm(np.diff(root, axis=0), axis=-1) > _ROOT_M_S / fps]
    steps += [np.linalg.norm(np.diff(points[name] - root, axis=0), axis=-1) > _LIMB_M_S / fps for name in NEEDED]
    step = np.any(steps, 0)
    return np.concatenate([step, [False]]) | np.concatenate([[False], step])


def changed_bones(points: Points) -> np.ndarray:
    """Frames (T,) bool in which a bone is a quarter, and 5 cm, longer or shorter than mostly."""
    changed = np.zeros(len(points[NEEDED[0]]), bool)
    for start, end, _ in _SHARES_OF_LEG.values():
        for side in "LR":
            length_m = np.linalg.norm(points[f"{side}{start}"] - points[f"{side}{end}"], axis=-1)
            usual_m = _median(length_m)
            changed |= np.abs(length_m - usual_m) > max(_BONE_CHANGE * usual_m, _BONE_CHANGE_M)
    return changed


def folded_trunk(points: Points) -> np.ndarray:
    """Frames (T,) bool in which hips or shoulders lie along the trunk, or along that end of it."""
    trunk = middle(points, "Shoulder") - middle(points, "Hip")
    ends = {"Hip": ("Pelvis", "Spine"), "Shoulder": ("Spine", "Neck")}
    folded = np.zeros(len(trunk), bool)
    for part, (lower, upper) in ends.items():
        across = unit(points[f"L{part}"] - points[f"R{part}"])
        near = points[upper] - points[lower] if {lower, upper} <= set(points) else trunk
        folded |= (np.abs(_cosine(across, unit(trunk))) > _ALONG) | (np.abs(_cosine(across, unit(near))) > _ALONG)
    return folded


def t_pose(points: Points) -> np.ndarray:
    """Frames (T,) bool of a T-pose that begins or ends the take, as calibrations do: inside a take it is motion."""
    across = unit(points["LShoulder"] - points["RShoulder"])
    down = unit(middle(points, "Hip") - middle(points, "Shoulder"))
    posed = np.ones(len(across), bool)
    for side, sign in (("L", 1), ("R", -1)):
        upper, fore, thigh, shin = (
            unit(points[f"{side}{end}"] - points[f"{side}{start}"]) for start, end, _ in _in_limbs_order()
        )
        posed &= sign * _cosine(upper, across) > _T_POSE["arms"]
        posed &= (_cosine(upper, fore) > _T_POSE["elbows"]) & (_cosine(thigh, shin) > _T_POSE["legs"])
        posed &= _cosine(thigh, down) > _T_POSE["legs"]
    at_an_end = np.zeros(len(posed), bool)
    for start, stop in runs(posed):
        at_an_end[start:stop] = start == 0 or stop == len(posed)
    return at_an_end


def is_mirrored(points: Points) -> bool:
    """True where toes, or knees where there are none, point backwards: left-handed axes, or exchanged sides.

    Ahead is seen from the leg and not from the trunk, which may be bent over.
    """
    left = points["LHip"] - points["RHip"]
    forward_m = []
    for side in "LR":
        hip, knee, ankle = (points[f"{side}{part}"] for part in ("Hip", "Knee", "Ankle"))
        if f"{side}Toe" in points:
            bend, upwards = points[f"{side}Toe"] - ankle, knee - ankle
        else:
            bend, upwards = knee - (hip + ankle) / 2, hip - ankle
        forward_m.append((bend * unit(np.cross(left, upwards))).sum(-1))
    known = np.concatenate(forward_m)
    return bool(known[~np.isnan(known)].mean() < -_BACKWARDS_M)


def _in_limbs_order() -> list[tuple[str, str, tuple[float, float]]]:
    return [_SHARES_OF_LEG[limb] for limb in ("upper arms", "forearms", "thighs", "shins")]


def _each_once(reasons: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    counted = np.zeros_like(next(iter(reasons.values())))
    for reason, frames in reasons.items():
        reasons[reason] = frames & ~counted
        counted |= frames
    return reasons


def _bone(points: Points, start: str, end: str) -> float:
    lengths = [np.linalg.norm(points[f"{side}{start}"] - points[f"{side}{end}"], axis=-1) for side in "LR"]
    return _median(np.concatenate(lengths))


def _width(points: Points, part: str) -> float:
    return _median(np.linalg.norm(points[f"L{part}"] - points[f"R{part}"], axis=-1))


def _spread(positions_m: np.ndarray, axes: int | tuple[int, int]) -> np.ndarray:
    return np.asarray(np.nanmax(positions_m, axes) - np.nanmin(positions_m, axes))


def _median(lengths: np.ndarray) -> float:
    known = lengths[~np.isnan(lengths)]
    return float(np.median(known)) if len(known) else float("nan")


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(-1)
