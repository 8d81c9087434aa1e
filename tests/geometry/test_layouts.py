"""Layouts: orders that were looked up, sides, and what is a joint."""

import numpy as np
import pytest

from pose3d.geometry.layouts import (
    LANDMARK_JOINTS,
    LANDMARK_NAMES,
    LAYOUTS,
    POINT_NAMES,
    layout,
    mirror_points,
)
from pose3d.geometry.skeleton import JOINT_NAMES, PARENTS, mirror_permutation
from pose3d.runtime.errors import InputError

SIZES = {"h36m17": 17, "coco17": 17, "halpe26": 26, "body25": 25, "mediapipe33": 33, "mpii16": 16, "coco_wholebody": 23}


@pytest.mark.parametrize("name", SIZES)
def test_every_layout_has_its_points_and_each_at_another_place(name):
    points = layout(name)
    assert len(points) == len(points.points) == len(set(points.points)) == SIZES[name]
    assert len(set(points.body_points)) == SIZES[name] and set(points.body_points) <= set(POINT_NAMES)


def _side(point: str) -> str:
    """As the point's own name says it."""
    named = [side for side in ("left", "right") if side in point]
    return named[0] if named else {"L": "left", "R": "right"}.get(point[0], "")


@pytest.mark.parametrize("points", LAYOUTS, ids=lambda points: points.name)
def test_the_mirror_is_an_involution_that_changes_sides_and_keeps_links(points):
    mirror = points.mirror
    assert np.array_equal(mirror[mirror], np.arange(len(points)))
    sides = [_side(point) for point in points.points]
    assert [sides[other] for other in mirror] == [{"left": "right", "right": "left"}.get(side, side) for side in sides]
    assert all((point == other) == (sides[point] == "") for point, other in enumerate(mirror))
    links = {frozenset(link) for link in points.links}
    assert {frozenset((int(mirror[a]), int(mirror[b]))) for a, b in links} == links
    assert {point for link in links for point in link} == set(range(len(points)))


@pytest.mark.parametrize("points", LAYOUTS, ids=lambda points: points.name)
def test_sides_are_what_the_points_names_say(points):
    for side, found in zip(("left", "right"), points.sides, strict=True):
        assert found == {number for number, point in enumerate(points.points) if _side(point) == side}


def test_the_points_that_are_joints_of_ours():
    points, joints = layout("coco17").shared
    assert points.tolist() == list(range(5, 17))  # all but the face
    assert [JOINT_NAMES[joint] for joint in joints[:4]] == ["LShoulder", "RShoulder", "LElbow", "RElbow"]
    points, joints = layout("h36m17").shared
    assert points.tolist() == joints.tolist() == list(range(17))


@pytest.mark.parametrize(
    ("name", "number", "point", "body_point"),
    [
        ("coco17", 0, "nose", "nose"),
        ("coco17", 3, "left_ear", "left_ear"),
        ("coco17", 6, "right_shoulder", "RShoulder"),
        ("coco17", 15, "left_ankle", "LFoot"),
        ("halpe26", 17, "Head", "Head"),
        ("halpe26", 18, "Neck", "Thorax"),
        ("halpe26", 19, "Hip", "Hip"),
        ("halpe26", 21, "RBigToe", "right_big_toe"),
        ("halpe26", 24, "LHeel", "left_heel"),
        ("body25", 1, "Neck", "Thorax"),
        ("body25", 8, "MidHip", "Hip"),
        ("body25", 15, "REye", "right_eye"),
        ("body25", 20, "LSmallToe", "left_small_toe"),
        ("mediapipe33", 3, "left_eye_outer", "left_eye_outer"),
        ("mediapipe33", 10, "mouth_right", "right_mouth"),
        ("mediapipe33", 18, "right_pinky", "right_pinky"),
        ("mediapipe33", 27, "left_ankle", "LFoot"),
        ("mediapipe33", 32, "right_foot_index", "right_foot_index"),
        ("mpii16", 0, "right_ankle", "RFoot"),
        ("mpii16", 6, "pelvis", "Hip"),
        ("mpii16", 8, "upper_neck", "upper_neck"),
        ("mpii16", 9, "head_top", "Head"),
        ("coco_wholebody", 17, "left_big_toe", "left_big_toe"),
        ("coco_wholebody", 22, "right_heel", "right_heel"),
    ],
)
def test_points_are_where_their_detectors_say(name, number, point, body_point):
    points = layout(name)
    assert (points.points[number], points.body_points[number]) == (point, body_point)
    joint = points.joints[number]
    assert (joint is None) == (body_point in LANDMARK_NAMES)
    assert joint is None or JOINT_NAMES[joint] == body_point


def test_our_own_layout_is_the_skeleton():
    ours = layout("h36m17")
    assert ours.joints == tuple(range(17)) and np.array_equal(ours.mirror, mirror_permutation())
    assert set(ours.links) == {(parent, joint) for joint, parent in enumerate(PARENTS) if parent >= 0}


def test_mediapipes_order_is_that_of_the_detector_that_we_run():
    from pose3d.pose2d.blazepose import LANDMARK_NAMES as OURS

    assert layout("mediapipe33").points == OURS


def test_all_points_have_a_mirror_and_landmarks_a_joint_of_their_side():
    mirror = mirror_points()
    assert np.array_equal(mirror[mirror], np.arange(len(POINT_NAMES)))
    for landmark, joint in LANDMARK_JOINTS.items():
        other = POINT_NAMES[mirror[POINT_NAMES.index(landmark)]]
        assert POINT_NAMES[mirror[POINT_NAMES.index(joint)]] == LANDMARK_JOINTS[other]


def test_an_unknown_layout_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="'coco18'.*h36m17, coco17, halpe26, body25, mediapipe33, mpii16"):
        layout("coco18")
