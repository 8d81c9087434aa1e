"""Points of a take onto the body of the embedded data's prior, by the path that its climbing clips take.

So the joints are in the same places on the body as those of the other clips: Neck/Nose and Head on its skin, Spine and
Thorax inside its trunk. Where the face shows, the head looks where it does; the climbs look where their chests do. What
a file does not have is stood in for: the pelvis turns as the trunk does, the head as the chest, hands as the forearms,
and toes point ahead.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pose3d.geometry.layouts import LANDMARK_NAMES
from pose3d.geometry.rotations import unit
from pose3d.priors.plausible import middle
from pose3d.priors.point_map import Points
from pose3d.synthetic.body import LANDMARK_BONES, Body
from pose3d.synthetic.mocap import CLIMB_JOINTS, Boxes, PositionClip
from pose3d.synthetic.retarget import bone_rotations, frame, segments_from_positions

_SIDES = {"L": "Left", "R": "Right"}
_LEG_AND_ARM = {"Hip": "UpLeg", "Knee": "Leg", "Ankle": "Foot", "Shoulder": "Arm", "Elbow": "ForeArm", "Wrist": "Hand"}
_HAND = {"Middle": "HandMiddle1", "Index": "HandIndex1", "Pinky": "HandPinky1"}
_LEFT, _FORWARD = np.array([1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])
_STRAIGHT_ABOVE = np.array([0.0, 0.05, 1.0])
"""Where the climbs' performers have their lowest joint of the spine, seen from that of the hips."""
_BESIDE_SHOULDERS, _APART = 0.03, 0.03
"""Shares of the legs: a neck nearer to the middle of the shoulders is that middle, as detectors have it; hips and
spine that are nearer to each other are one joint."""
_ON_SKIN = [name for name in LANDMARK_NAMES if name not in LANDMARK_BONES]
_FACES: dict[tuple[str, ...], Callable[[Points, np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    ("HeadBand", "HeadFront"): lambda at, neck: (at["HeadBand"] - neck, at["HeadFront"] - at["HeadBand"]),
    ("LEar", "REar"): lambda at, neck: (at["LEar"] - at["REar"], middle(at, "Ear") - neck),
    ("HeadTop", "Nose"): lambda at, neck: (at["HeadTop"] - neck, at["Nose"] - at["HeadTop"]),
}
"""By the points that it takes: two directions that show how the head is turned."""
_CHUNK = 2000


def joints_only(body: Body) -> Body:
    """The body without the vertices that neither a joint nor a landmark needs, and without faces."""
    used = np.unique(np.concatenate([body.nose_vertices, body.crown_vertices, body.landmark_vertices.ravel()]))
    return replace(
        body,
        vertices_m=body.vertices_m[used],
        faces=np.empty((0, 3), np.int32),
        weight_bones=body.weight_bones[used],
        weights=body.weights[used],
        nose_vertices=np.searchsorted(used, body.nose_vertices),
        crown_vertices=np.searchsorted(used, body.crown_vertices),
        landmark_vertices=np.searchsorted(used, body.landmark_vertices),
    )


def perform(body: Body, points: Points, leg_m: float) -> tuple[np.ndarray, np.ndarray]:
    """What the body does where the points are a person's.

    Args:
        body: whole, or from :func:`joints_only`.
        points: (T, 3) metres, z up, without gaps; the twelve of :data:`pose3d.priors.point_map.NEEDED` and others.
        leg_m: length of that person's legs; the path is scaled to the body's.

    Returns:
        (T, 17, 3) joints and (T, L, 3) landmarks, metres, z up.
    """
    scale = body.leg_length_m() / leg_m
    scaled = {name: scale * path for name, path in points.items()}
    n_frames = len(scaled["LHip"])
    parts = [slice(start, start + _CHUNK) for start in range(0, n_frames, _CHUNK)]
    done = [_perform(body, {name: path[part] for name, path in scaled.items()}) for part in parts]
    return np.concatenate([joints for joints, _ in done]), np.concatenate([landmarks for _, landmarks in done])


def _perform(body: Body, points: Points) -> tuple[np.ndarray, np.ndarray]:
    clip = as_climb(body, points)
    segments = segments_from_positions(body, clip)
    face = face_rotation(body, points, clip.joint("Neck"))
    if face is not None:
        segments["head"] = face
    for side in _SIDES:
        if f"{side}Middle" not in points:
            del segments[f"hand.{side}"]
    bones = body.pose(bone_rotations(body, segments), middle(points, "Hip"))
    vertices_m = body.skin(bones)
    return body.joints(bones, vertices_m), body.landmarks(bones, vertices_m)


def as_climb(body: Body, points: Points) -> PositionClip:
    """The points as a climbing clip, with what the retargeting reads of one; scaled to the body."""
    place = {_SIDES[s] + theirs: points[s + ours] for s in _SIDES for ours, theirs in _LEG_AND_ARM.items()}
    place |= _trunk(body, points)
    for side, name in _SIDES.items():
        toes = points.get(f"{side}Toe")
        place[f"{name}ToeBase"] = _toes(body, points, side) if toes is None else toes
        if {f"{side}{part}" for part in _HAND} <= set(points):
            place |= {name + theirs: points[side + ours] for ours, theirs in _HAND.items()}
    joints_m = np.zeros((len(points["LHip"]), len(CLIMB_JOINTS), 3))
    for name, path in place.items():
        joints_m[:, CLIMB_JOINTS.index(name)] = path
    return PositionClip(joints_m, Boxes(np.empty((0, 3)), np.empty((0, 3), np.int32)))


def _trunk(body: Body, points: Points) -> Points:
    """Hips, spine, neck and head."""
    hips, shoulders = middle(points, "Hip"), middle(points, "Shoulder")
    rest_hips = _rest_middle(body, "upperleg01")
    rest_shoulders = _rest_middle(body, "upperarm01")
    turn = _turn(
        (points["LHip"] - points["RHip"], shoulders - hips),
        (body.rest("upperleg01.L") - body.rest("upperleg01.R"), rest_shoulders - rest_hips),
    )
    upright = _turn(
        (points["LShoulder"] - points["RShoulder"], shoulders - hips),
        (body.rest("upperarm01.L") - body.rest("upperarm01.R"), rest_shoulders - rest_hips),
    )
    neck = points.get("Neck", shoulders)
    has_neck = np.median(np.linalg.norm(neck - shoulders, axis=-1)) > _BESIDE_SHOULDERS * body.leg_length_m()
    if not has_neck:
        neck = shoulders + upright @ (body.rest("neck01") - rest_shoulders)
    spine, pelvis = points.get("Spine"), points.get("Pelvis")
    near = _APART * body.leg_length_m()
    if spine is None or pelvis is None or np.median(np.linalg.norm(spine - pelvis, axis=-1)) < near:
        spine = hips + turn @ (body.rest("spine04") - rest_hips)
        pelvis = spine - turn @ _STRAIGHT_ABOVE
    return {"Hips": pelvis, "Spine": spine, "Neck": neck, "Head": _head(body, points, neck, upright, bool(has_neck))}


def _head(body: Body, points: Points, neck: np.ndarray, upright: np.ndarray, has_neck: bool) -> np.ndarray:
    """The joint between neck and head; of a detector, whose Head is the crown, as the crown is tilted."""
    if "Head" in points and "Nose" not in points and has_neck:
        return points["Head"]
    crown = points.get("HeadTop", points.get("Head"))
    turn = upright
    if crown is not None:
        rest_crown = body.vertices_m[body.crown_vertices].mean(0, dtype=np.float64)
        turn = _turn((crown - neck, upright @ _FORWARD), (rest_crown - body.rest("neck01"), _FORWARD))
    return neck + turn @ (body.rest("head") - body.rest("neck01"))


def face_rotation(body: Body, points: Points, neck: np.ndarray) -> np.ndarray | None:
    """The head's rotation (T, 3, 3) relative to rest, where markers or a detector's points show its yaw, else None."""
    rest = {"Nose": body.vertices_m[body.nose_vertices], "HeadTop": body.vertices_m[body.crown_vertices]}
    for side, name in (("L", "left_ear"), ("R", "right_ear")):
        rest[f"{side}Ear"] = body.vertices_m[body.landmark_vertices[_ON_SKIN.index(name)]]
    at_rest = {name: vertices.mean(0, dtype=np.float64) for name, vertices in rest.items()}
    at_rest["HeadBand"] = (middle(at_rest, "Ear") + at_rest["HeadTop"]) / 2
    at_rest["HeadFront"] = at_rest["HeadBand"] + _FORWARD
    now = dict(points)
    if "Head" in now and "Nose" in now:
        now.setdefault("HeadTop", now["Head"])
    for wanted, axes in _FACES.items():
        if set(wanted) <= set(now):
            return _turn(axes(now, neck), axes(at_rest, body.rest("neck01")))
    return None


def _toes(body: Body, points: Points, side: str) -> np.ndarray:
    """Straight ahead, at the angle at which they are at rest."""
    shin = unit(points[f"{side}Ankle"] - points[f"{side}Knee"])
    left = points["LHip"] - points["RHip"]
    rest_shin = body.rest(f"foot.{side}") - body.rest(f"lowerleg01.{side}")
    turn = _turn((shin, left), (rest_shin, _LEFT))
    return points[f"{side}Ankle"] + turn @ (body.rest(f"toe2-1.{side}") - body.rest(f"foot.{side}"))


def _turn(now: tuple[np.ndarray, np.ndarray], rest: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Rotations (T, 3, 3) from a first and a second direction at rest to those of each frame."""
    return frame(*now) @ frame(*rest).T


def _rest_middle(body: Body, bone: str) -> np.ndarray:
    return (body.rest(f"{bone}.L") + body.rest(f"{bone}.R")) / 2
