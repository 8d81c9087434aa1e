"""Brings motion capture onto a body: one world rotation per segment, then spread over the body's many bones.

A segment's rotation is taken relative to the body's rest pose. It must be right about the segment's own axis too: a
knee hinge with the wrong sign leaves every joint in place and turns the thigh's flesh by 180 degrees.
"""

from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.geometry.rotations import least_rotation, product, turned, unit
from pose3d.synthetic.body import SIDES, Body, PosedBones
from pose3d.synthetic.mocap import Boxes, PositionClip, RotationClip

_SIDE_NAMES = {"L": "Left", "R": "Right"}
_LEFT = np.array([1.0, 0.0, 0.0])
_FORWARD = np.array([0.0, -1.0, 0.0])
_UP = np.array([0.0, 0.0, 1.0])

# DeepMimic's world (x forward, y up, z right) to the body's (-y forward, z up, -x right).
_BODY_FROM_DEEPMIMIC = np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
_DEEPMIMIC_LEG_M = 0.42155 + 0.40987  # thigh and shin of the figure that the clips were fitted to

# Share of the turn from pelvis to chest and from chest to head that each bone has made.
_SPINE_SHARES = {"spine05": 0.2, "spine04": 0.4, "spine03": 0.65, "spine02": 0.9, "spine01": 1.0}
_NECK_SHARES = {"neck01": 0.3, "neck02": 0.55, "neck03": 0.8, "head": 1.0}
_SHOULDER_SHARE = 0.25  # of the arm's swing against the chest
_WRIST_TWIST_LIMIT = np.deg2rad(80.0)
_WRIST_SWING_LIMIT = np.deg2rad(60.0)

# A joint bent less than this (sine of the angle) says little about its hinge; a hint from elsewhere takes over.
_KNEE_SURE_SINE = 0.35
_ELBOW_UNSURE_SINE, _ELBOW_SURE_SINE = 0.05, 0.25
_KNEE_PELVIS_HINT = 0.15

# Share of the frames in which the body may be lower than the floor: a clip's few deepest frames are errors of the
# capture, and following them would let the person hover in all the others.
_FLOOR_QUANTILE = 0.1
# Fingers and toes stay straight here where they would bend, and reach through the floor: they do not count.
_STIFF_BONES = ("wrist", "finger", "metacarpal", "toe")


class Performance(NamedTuple):
    """A whole clip on one body, standing on the floor z = 0, and the boxes at the body's scale (or None)."""

    bones: PosedBones
    boxes: Boxes | None


def frame(primary: np.ndarray, secondary: np.ndarray) -> np.ndarray:
    """Orthonormal right-handed frames: first column along ``primary``, second towards ``secondary``, (..., 3, 3)."""
    first = unit(primary)
    second = unit(secondary - (secondary * first).sum(-1, keepdims=True) * first)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def partway(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """Rotations a share of the way along the shortest arc, (T, 3, 3).

    Args:
        start, end: (T, 3, 3).
        share: 0 for ``start``, 1 for ``end``.
    """
    turn = Rotation.from_matrix(product(np.swapaxes(start, -1, -2), end)).as_rotvec()
    return product(start, Rotation.from_rotvec(share * turn).as_matrix())


def twist_angle(rotation: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Angle in (-pi, pi] of the part of (T, 3, 3) rotations that turns about a fixed ``axis`` (swing-twist), (T,)."""
    quaternion = Rotation.from_matrix(rotation).as_quat()
    angle = 2 * np.arctan2(turned(quaternion[:, :3], unit(axis)), quaternion[:, 3])
    return np.pi - (np.pi - angle) % (2 * np.pi)


def _about(axis: np.ndarray, angles: np.ndarray) -> np.ndarray:
    return Rotation.from_rotvec(unit(axis) * angles[:, None]).as_matrix()


def retarget(body: Body, clip: RotationClip | PositionClip) -> Performance:
    """Retarget a clip and put it onto the floor with one offset for the whole clip: clips fly, roll and get up."""
    if isinstance(clip, RotationClip):
        segments, pelvis_m = segments_from_rotations(body, clip), pelvis_from_rotations(body, clip)
        boxes = None
    else:
        segments, scale = segments_from_positions(body, clip), leg_scale(body, clip)
        pelvis_m = scale * (clip.joint("LeftUpLeg") + clip.joint("RightUpLeg")) / 2
        boxes = Boxes(scale * clip.boxes.vertices_m, clip.boxes.triangles)
    bones = body.pose(bone_rotations(body, segments), pelvis_m)
    heights_m = body.skin(bones, axes=slice(2, 3))[:, ~body.moved_by(_STIFF_BONES), 0]
    floor_m = float(np.quantile(heights_m.min(axis=1), _FLOOR_QUANTILE))
    return Performance(bones.moved(np.eye(3), np.array([0.0, 0.0, -floor_m])), boxes)


def segments_from_rotations(body: Body, clip: RotationClip) -> dict[str, np.ndarray]:
    """World rotations (T, 3, 3) relative to rest of a DeepMimic clip, by segment.

    Rotations are carried over through the change of axes. DeepMimic's own rest pose has all limbs hanging straight
    down, so each limb first turns from the body's rest direction to that one.
    """
    local = clip.local
    world = {"hips": local["hips"]}
    world["chest"] = world["hips"] * local["chest"]
    world["head"] = world["chest"] * local["neck"]
    down, hanging = -_UP, {}
    for side, name in (("L", "left"), ("R", "right")):
        world[f"thigh.{side}"] = world["hips"] * local[f"{name}_hip"]
        world[f"shin.{side}"] = world[f"thigh.{side}"] * local[f"{name}_knee"]
        world[f"foot.{side}"] = world[f"shin.{side}"] * local[f"{name}_ankle"]
        world[f"upper_arm.{side}"] = world["chest"] * local[f"{name}_shoulder"]
        world[f"forearm.{side}"] = world[f"upper_arm.{side}"] * local[f"{name}_elbow"]
        rest = _limb_directions(body, side)
        hanging[f"thigh.{side}"] = thigh = least_rotation(rest["thigh"], down)
        hanging[f"shin.{side}"] = product(least_rotation(turned(thigh, rest["shin"]), down), thigh)
        # The elbow bends in one plane only: the rest pose's slight bend must end up bending forward.
        arm = product(frame(down, _FORWARD), frame(rest["upper_arm"], rest["forearm"]).T)
        hanging[f"upper_arm.{side}"] = arm
        hanging[f"forearm.{side}"] = product(least_rotation(turned(arm, rest["forearm"]), down), arm)
    axes = _BODY_FROM_DEEPMIMIC
    return {
        segment: product(product(axes, rotation.as_matrix()), product(axes.T, hanging.get(segment, np.eye(3))))
        for segment, rotation in world.items()
    }


def pelvis_from_rotations(body: Body, clip: RotationClip) -> np.ndarray:
    """Path of the hips' midpoint, (T, 3) metres, scaled by the length of the legs."""
    return turned(_BODY_FROM_DEEPMIMIC, clip.root_m) * (body.leg_length_m() / _DEEPMIMIC_LEG_M)


def leg_scale(body: Body, clip: PositionClip) -> float:
    """Length of the body's legs over the performer's."""
    thigh = np.linalg.norm(clip.joint("LeftLeg") - clip.joint("LeftUpLeg"), axis=-1).mean()
    shin = np.linalg.norm(clip.joint("LeftFoot") - clip.joint("LeftLeg"), axis=-1).mean()
    return body.leg_length_m() / float(thigh + shin)


def segments_from_positions(body: Body, clip: PositionClip) -> dict[str, np.ndarray]:
    """World rotations (T, 3, 3) relative to rest of a climbing clip, by segment.

    Each segment's frame is built from its direction, which is thereby exact, and from a hint for the rest: where the
    joint next to it bends, or another body part where it is too straight to say.
    """
    at = clip.joint
    left = at("LeftUpLeg") - at("RightUpLeg")
    rest_left = body.rest("upperleg01.L") - body.rest("upperleg01.R")
    rest_shoulders = body.rest("upperarm01.L") - body.rest("upperarm01.R")
    # The performer's spine joint lies straight above the hips; 0.05 is the lean of the body's own lower back.
    hips = product(frame(left, at("Spine") - at("Hips")), frame(rest_left, np.array([0.0, 0.05, 1.0])).T)
    chest = product(
        frame(at("LeftArm") - at("RightArm"), at("Neck") - at("Spine")),
        frame(rest_shoulders, body.rest("neck01") - body.rest("spine04")).T,
    )
    # Nothing marks the face: the head's pitch and roll are the neck's, its yaw is the chest's.
    head = product(
        frame(at("Head") - at("Neck"), turned(chest, _FORWARD)),
        frame(body.rest("head") - body.rest("neck01"), _FORWARD).T,
    )
    segments = {"hips": hips, "chest": chest, "head": head}
    for side in SIDES:
        segments |= _leg_from_positions(body, clip, side, unit(left))
        segments |= _arm_from_positions(body, clip, side, chest)
    return segments


def _leg_from_positions(body: Body, clip: PositionClip, side: str, left: np.ndarray) -> dict[str, np.ndarray]:
    hip, knee, ankle, toes = (clip.joint(_SIDE_NAMES[side] + name) for name in ("UpLeg", "Leg", "Foot", "ToeBase"))
    thigh, shin, foot = unit(knee - hip), unit(ankle - knee), unit(toes - ankle)
    # Thigh x shin points to the body's left when the knee bends backwards, as knees do; so does foot x thigh.
    bend = np.cross(thigh, shin)
    sure = np.clip(np.linalg.norm(bend, axis=-1, keepdims=True) / _KNEE_SURE_SINE, 0, 1)
    hinge = sure * unit(bend) + (1 - sure) * unit(np.cross(foot, thigh)) + _KNEE_PELVIS_HINT * left
    rest = _limb_directions(body, side)
    return {
        f"thigh.{side}": product(frame(thigh, hinge), frame(rest["thigh"], _LEFT).T),
        f"shin.{side}": product(frame(shin, hinge), frame(rest["shin"], _LEFT).T),
        f"foot.{side}": product(frame(foot, shin), frame(rest["foot"], rest["shin"]).T),
    }


def _arm_from_positions(body: Body, clip: PositionClip, side: str, chest: np.ndarray) -> dict[str, np.ndarray]:
    names = ("Arm", "ForeArm", "Hand", "HandMiddle1", "HandIndex1", "HandPinky1")
    shoulder, elbow, wrist, middle, index, pinky = (clip.joint(_SIDE_NAMES[side] + name) for name in names)
    upper_arm, forearm = unit(elbow - shoulder), unit(wrist - elbow)
    rest = _limb_directions(body, side)
    rest_hinge = unit(np.cross(rest["upper_arm"], rest["forearm"]))
    bend = np.cross(upper_arm, forearm)
    sine = np.linalg.norm(bend, axis=-1, keepdims=True)
    sure = np.clip((sine - _ELBOW_UNSURE_SINE) / (_ELBOW_SURE_SINE - _ELBOW_UNSURE_SINE), 0, 1)
    # A straight arm says nothing about its hinge: carry the rest pose's along with the least rotation of the arm.
    swing = least_rotation(turned(chest, rest["upper_arm"]), upper_arm)
    hinge = sure * unit(bend) + (1 - sure) * turned(swing, turned(chest, rest_hinge))
    rest_hand = body.rest(f"finger3-1.{side}") - body.rest(f"wrist.{side}")
    rest_palm = body.rest(f"finger2-1.{side}") - body.rest(f"finger5-1.{side}")
    return {
        f"upper_arm.{side}": product(frame(upper_arm, hinge), frame(rest["upper_arm"], rest_hinge).T),
        f"forearm.{side}": product(frame(forearm, hinge), frame(rest["forearm"], rest_hinge).T),
        f"hand.{side}": product(frame(middle - wrist, index - pinky), frame(rest_hand, rest_palm).T),
    }


def _limb_directions(body: Body, side: str) -> dict[str, np.ndarray]:
    """Directions of one side's limbs in rest space."""

    def direction(start: str, end: str) -> np.ndarray:
        return unit(body.rest(f"{end}.{side}") - body.rest(f"{start}.{side}"))

    return {
        "thigh": direction("upperleg01", "lowerleg01"),
        "shin": direction("lowerleg01", "foot"),
        "foot": direction("foot", "toe2-1"),
        "upper_arm": direction("upperarm01", "lowerarm01"),
        "forearm": direction("lowerarm01", "wrist"),
    }


def bone_rotations(body: Body, segments: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Spread the segments' rotations over the bones: the spine and neck bend evenly, the forearm twists along."""
    hips, chest = segments["hips"], segments["chest"]
    bones = {"root": hips}
    bones |= {bone: partway(hips, chest, share) for bone, share in _SPINE_SHARES.items()}
    bones |= {bone: partway(chest, segments["head"], share) for bone, share in _NECK_SHARES.items()}
    for side in SIDES:
        upper_arm, forearm = segments[f"upper_arm.{side}"], segments[f"forearm.{side}"]
        rest = _limb_directions(body, side)["upper_arm"]
        # By the swing alone: the arm's twist may pass 180 degrees, where the shortest arc would jump.
        swing = product(least_rotation(turned(chest, rest), turned(upper_arm, rest)), chest)
        bones[f"shoulder01.{side}"] = partway(chest, swing, _SHOULDER_SHARE)
        bones[f"upperarm01.{side}"] = upper_arm
        bones[f"lowerarm01.{side}"] = forearm
        bones[f"lowerarm02.{side}"], bones[f"wrist.{side}"] = _twisted_forearm(
            body, side, forearm, segments.get(f"hand.{side}", forearm)
        )
        bones[f"upperleg01.{side}"] = segments[f"thigh.{side}"]
        bones[f"lowerleg01.{side}"] = segments[f"shin.{side}"]
        bones[f"foot.{side}"] = segments[f"foot.{side}"]
    return bones


def _twisted_forearm(body: Body, side: str, forearm: np.ndarray, hand: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations of the forearm's second bone and of the wrist; the hand's turn is clamped to what wrists can do."""
    # About this axis the second bone turns without moving the wrist, whatever the elbow's rest bend.
    axis = body.rest(f"wrist.{side}") - body.rest(f"lowerarm02.{side}")
    relative = product(np.swapaxes(forearm, -1, -2), hand)
    twist = twist_angle(relative, axis)
    swing = Rotation.from_matrix(product(relative, _about(axis, -twist))).as_rotvec()
    angle = np.linalg.norm(swing, axis=-1, keepdims=True)
    swing *= np.minimum(1, _WRIST_SWING_LIMIT / np.maximum(angle, 1e-12))
    twist = np.clip(twist, -_WRIST_TWIST_LIMIT, _WRIST_TWIST_LIMIT)
    wrist = product(product(forearm, Rotation.from_rotvec(swing).as_matrix()), _about(axis, twist))
    return product(forearm, _about(axis, twist / 2)), wrist
