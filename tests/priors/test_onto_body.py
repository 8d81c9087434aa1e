"""Points onto a body: exactly as the climbs where all is there, near that where stand-ins serve."""

import numpy as np
import pytest
from tiny_mocap import CMU, as_clip, climb_motion, named
from tiny_performers import tiny_body

from pose3d.formats.motion import Motion, to_ours, without_blanks
from pose3d.geometry.layouts import LANDMARK_NAMES, layout
from pose3d.geometry.rotations import rotation_about_z
from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.priors.onto_body import face_rotation, joints_only, perform
from pose3d.priors.point_map import body_points
from pose3d.synthetic.body import LANDMARK_BONES
from pose3d.synthetic.retarget import retarget

BODY = tiny_body()


def points(motion):
    found = body_points("a", motion, motion.joints, {})
    turn = to_ours(Motion(("x",), np.eye(3)[:, None], 1.0)).reshape(3, 3)
    return {name: path @ turn for name, path in found.items()}


def retargeted(motion):
    bones = retarget(BODY, as_clip(motion)).bones
    vertices_m = BODY.skin(bones)
    return BODY.joints(bones, vertices_m), BODY.landmarks(bones, vertices_m)


def above_the_floor(poses_m):
    return poses_m - [0, 0, 1] * poses_m[:1, :1]


def test_a_body_of_few_vertices_has_the_same_joints_and_landmarks():
    bones = retarget(BODY, as_clip(climb_motion(5))).bones
    few = joints_only(BODY)
    assert len(few.vertices_m) < len(BODY.vertices_m)
    np.testing.assert_allclose(few.joints(bones, few.skin(bones)), BODY.joints(bones, BODY.skin(bones)), atol=1e-6)
    np.testing.assert_allclose(
        few.landmarks(bones, few.skin(bones)), BODY.landmarks(bones, BODY.skin(bones)), atol=1e-6
    )


def test_all_points_give_what_the_climbs_path_gives():
    motion = climb_motion()
    joints_m, landmarks_m = perform(joints_only(BODY), points(named(motion, CMU)), 0.8)
    for found, expected in zip((joints_m, landmarks_m), retargeted(motion), strict=True):
        np.testing.assert_allclose(above_the_floor(found), above_the_floor(expected), atol=1e-5)


def test_a_long_take_is_the_same_in_parts(monkeypatch):
    whole = perform(BODY, points(named(climb_motion(), CMU)), 0.8)
    monkeypatch.setattr("pose3d.priors.onto_body._CHUNK", 25)
    for found, expected in zip(perform(BODY, points(named(climb_motion(), CMU)), 0.8), whole, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("without", "joints", "within_m"),
    [
        (("Toe", "Middle", "Index", "Pinky"), JOINT_NAMES, 1e-6),
        (("Spine", "Pelvis"), JOINT_NAMES, 0.06),
        (("Neck", "Head", "Spine", "Pelvis", "Toe"), JOINT_NAMES, 0.08),
        (("Neck", "Head", "Spine", "Pelvis", "Toe"), ("RKnee", "RFoot", "LKnee", "LFoot"), 1e-6),
    ],
)
def test_stand_ins_are_near(without, joints, within_m):
    everything = points(named(climb_motion(), CMU))
    part = {name: path for name, path in everything.items() if not name.endswith(without)}
    assert len(part) < len(everything)
    order = [JOINT_NAMES.index(name) for name in joints]
    found, expected = (perform(BODY, at, 0.8)[0] for at in (part, everything))
    assert np.linalg.norm(found - expected, axis=-1)[:, order].max() < within_m


@pytest.mark.parametrize("name", ["halpe26", "body25", "coco17", "mediapipe33", "mpii16"])
def test_a_body_seen_by_a_detector_is_that_body(name):
    """Its own joints and landmarks, as a layout has them, come back within centimetres."""
    joints_m, landmarks_m = retargeted(climb_motion())
    known = layout(name)
    seen = np.concatenate([joints_m, landmarks_m], 1)[:, known.numbers]
    motion = Motion(without_blanks(known.points), seen, 25.0)
    found, _ = perform(BODY, body_points("a", motion, motion.joints, {}), BODY.leg_length_m())
    assert np.linalg.norm(found - joints_m, axis=-1).mean() < 0.02


@pytest.mark.parametrize("shown", [("LEar", "REar"), ("HeadTop", "Nose"), ("Head", "Nose"), ("HeadBand", "HeadFront")])
def test_a_face_that_shows_turns_the_head(shown):
    skin = [name for name in LANDMARK_NAMES if name not in LANDMARK_BONES]
    rest = {
        f"{side}Ear": BODY.vertices_m[BODY.landmark_vertices[skin.index(f"{name}_ear")]].mean(0)
        for side, name in (("L", "left"), ("R", "right"))
    }
    rest |= {
        "HeadTop": BODY.vertices_m[BODY.crown_vertices].mean(0),
        "Nose": BODY.vertices_m[BODY.nose_vertices].mean(0),
    }
    rest |= {"Head": rest["HeadTop"], "HeadBand": (rest["LEar"] + rest["REar"]) / 4 + rest["HeadTop"] / 2}
    rest["HeadFront"] = rest["HeadBand"] + [0, -0.1, 0]
    turn = rotation_about_z(0.6, 0.8)
    neck = BODY.rest("neck01")
    at = {name: ((rest[name] - neck) @ turn.T)[None] for name in shown}
    found = face_rotation(BODY, at, np.zeros((1, 3)))
    np.testing.assert_allclose(found[0], turn, atol=1e-6)


def test_no_face_is_none():
    assert face_rotation(BODY, {"Head": np.ones((1, 3))}, np.zeros((1, 3))) is None
