"""Landmarks on a small body whose shape is known."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tiny_performers import tiny_body

from pose3d.geometry.layouts import LANDMARK_NAMES, POINT_NAMES, mirror_points
from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS


@pytest.fixture(scope="module")
def body():
    return tiny_body()


def landmarks_of(body, posed):
    return body.landmarks(posed, body.skin(posed))[0]


def rest(body):
    return body.pose({}, (body.rest("upperleg01.L") + body.rest("upperleg01.R"))[None] / 2)


def test_landmarks_are_where_the_body_has_them(body):
    at = dict(zip(LANDMARK_NAMES, landmarks_of(body, rest(body)), strict=True))
    np.testing.assert_allclose(at["nose"], [0, -0.13, 1.61], atol=4e-3)  # the middle of the nose's cuboid
    np.testing.assert_allclose(at["upper_neck"], body.rest("neck02"))
    np.testing.assert_allclose(at["left_index"], body.rest("finger2-1.L"))
    np.testing.assert_allclose(at["right_pinky"], body.rest("finger5-1.R"))
    assert at["left_ear"][0] == pytest.approx(0.07, abs=1e-6) and at["right_ear"][0] == pytest.approx(-0.07, abs=1e-6)
    for toe, x in (("big_toe", 0.1), ("foot_index", 0.13), ("small_toe", 0.16)):
        assert abs(at[f"left_{toe}"][0] - x) < 0.03 and at[f"left_{toe}"][1] < body.rest("foot.L")[1] - 0.05
    assert at["left_heel"][1] > at["left_big_toe"][1] and at["left_heel"][2] < body.rest("foot.L")[2]


def test_both_sides_of_a_body_at_rest_are_mirror_images(body):
    posed = rest(body)
    points = np.concatenate([body.joints(posed, body.skin(posed))[0], landmarks_of(body, posed)])
    np.testing.assert_allclose(points[mirror_points()] * [-1, 1, 1], points, atol=1e-6)


def test_landmarks_go_with_the_body(body):
    turn, shift = Rotation.from_euler("xyz", [20, 30, 40], degrees=True).as_matrix(), np.array([1.0, -2.0, 0.5])
    posed = rest(body)
    np.testing.assert_allclose(
        landmarks_of(body, posed.moved(turn, shift)), landmarks_of(body, posed) @ turn.T + shift, atol=1e-6
    )
    nod = body.pose({"head": turn[None]}, (body.rest("upperleg01.L") + body.rest("upperleg01.R"))[None] / 2)
    moved = np.linalg.norm(landmarks_of(body, nod) - landmarks_of(body, posed), axis=-1) > 1e-6
    of_head = [any(part in name for part in ("eye", "ear", "nose", "mouth")) for name in LANDMARK_NAMES]
    np.testing.assert_array_equal(moved, of_head)
    assert N_JOINTS + len(LANDMARK_NAMES) == len(POINT_NAMES) and POINT_NAMES[:N_JOINTS] == JOINT_NAMES
