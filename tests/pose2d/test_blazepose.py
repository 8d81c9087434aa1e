"""BlazePose on a drawn person, whose joints are known because they were drawn, and its parts by hand."""

import cv2
import numpy as np
import pytest
import torch
from drawn_person import drawn_person

from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.pose2d.blazepose import LANDMARK_NAMES, BlazePose, load_blazepose, refine, squares_of_people
from pose3d.pose2d.blazepose_joints import (
    BlazePoseJoints,
    confidence_of,
    fit_joint_weights,
    joint_weights,
    joints_of,
    mirrored_landmarks,
    write_weights,
)
from pose3d.pose2d.blazepose_people import anchors, decode, merge

DRAWN = {
    **{"left_shoulder": (298, 166), "right_shoulder": (214, 166), "left_elbow": (330, 226), "right_elbow": (184, 226)},
    **{"left_wrist": (346, 286), "right_wrist": (170, 286), "left_hip": (284, 290), "right_hip": (228, 290)},
    **{"left_knee": (298, 372), "right_knee": (216, 372), "left_ankle": (304, 450), "right_ankle": (212, 450)},
}
"""Where limbs of the drawn person start and end, px."""


@pytest.fixture(scope="module")
def blazepose(blazepose_files) -> BlazePose:
    return load_blazepose(blazepose_files, torch.device("cpu"))


def turned(angle_deg: float, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """The drawn person in a wide picture, turned about its middle, and the transform of its px."""
    transform = cv2.getRotationMatrix2D((256, 256), angle_deg, scale) + [[0, 0, 300], [0, 0, 100]]
    picture = cv2.warpAffine(drawn_person(), transform, (1200, 800), borderMode=cv2.BORDER_REPLICATE)
    return picture, transform


@pytest.mark.parametrize(("angle_deg", "scale"), [(0, 1.0), (25, 0.8), (-60, 1.3)])
def test_a_drawn_person_is_found_where_it_was_drawn(blazepose, angle_deg, scale):
    picture, transform = turned(angle_deg, scale)
    (people,) = blazepose.people([picture])
    assert len(people.scores) == 1 and people.scores[0] > 0.6
    found = blazepose.landmarks([picture], squares_of_people(people))
    assert found.pose_flag[0] > 0.9
    names = list(DRAWN)
    expected = cv2.transform(np.array([list(DRAWN.values())], float), transform)[0]
    errors = np.linalg.norm(found.landmarks_px[0, [LANDMARK_NAMES.index(n) for n in names]] - expected, axis=-1)
    assert errors.mean() < 12 * scale and errors.max() < 30 * scale, dict(zip(names, errors.round(), strict=True))
    assert found.visibility.shape == found.presence.shape == found.depths_px.shape == (1, 33)
    # The square for the frame after is nearly the detector's.
    square = squares_of_people(people)[0]
    assert np.abs(found.next_squares[0, :3] - square[:3]).max() < 0.15 * square[2]
    assert abs(found.next_squares[0, 3] - square[3]) < 0.3


def test_nobody_is_found_in_an_empty_room(blazepose):
    (people,) = blazepose.people([np.full((300, 500, 3), 180, np.uint8)])
    assert people.scores.shape == (0,) and people.hips_px.shape == (0, 2) and squares_of_people(people).shape == (0, 4)
    assert len(blazepose.landmarks([], np.empty((0, 4))).landmarks_px) == 0


def test_people_and_pictures_together_are_as_one_by_one(blazepose):
    (upright, _), (leaning, _) = turned(0, 1.0), turned(25, 0.8)
    together = blazepose.people([upright, leaning])
    apart = [blazepose.people([picture])[0] for picture in (upright, leaning)]
    squares = np.concatenate([squares_of_people(people) for people in together])
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one.hips_px, other.hips_px, atol=0.05)
    found = blazepose.landmarks([upright, leaning], squares)
    for i, picture in enumerate((upright, leaning)):
        one = blazepose.landmarks([picture], squares[[i]])
        np.testing.assert_allclose(found.landmarks_px[[i]], one.landmarks_px, atol=0.05)


def test_joints_in_boxes_are_those_that_were_drawn(blazepose):
    picture, transform = turned(0, 1.0)
    low, high = transform @ [140, 55, 1], transform @ [375, 475, 1]
    found = BlazePoseJoints(blazepose)([picture], np.array([[*low, *high]]))
    assert found.keypoints_px.shape == (1, 17, 2) and (found.confidence > 0.5).all() and (found.confidence <= 1).all()
    for joint, name in {"LKnee": "left_knee", "RWrist": "right_wrist", "LShoulder": "left_shoulder"}.items():
        expected = transform @ [*DRAWN[name], 1]
        assert np.linalg.norm(found.keypoints_px[0, JOINT_NAMES.index(joint)] - expected) < 20


def test_anchors_lie_in_the_middles_of_cells():
    centres = anchors()
    assert centres.shape == (2254, 2)
    assert centres[:4].tolist() == [[4, 4], [4, 4], [12, 4], [12, 4]]
    assert centres[2 * 28 * 28].tolist() == [8, 8] and centres[-1].tolist() == [208, 208]


def test_decoding_adds_the_anchor_to_places_and_not_to_sizes():
    values, logits = np.zeros((2254, 12)), np.full((2254, 1), -100.0)
    values[2] = [1, 2, 10, 20, 0, 0, 3, -4, 0, 0, 0, 0]  # its anchor is at (12, 4)
    logits[2] = 0
    scores, boxes, keypoints = decode(values, logits)
    assert scores[2] == 0.5 and boxes[2].tolist() == [8, -4, 18, 16]
    assert keypoints[2].tolist() == [[12, 4], [15, 0], [12, 4], [12, 4]]


def test_detections_of_one_person_are_averaged_by_score():
    boxes = np.array([[0, 0, 10, 10], [50, 50, 60, 60], [0, 0, 10, 12], [0, 0, 10, 10.0]])
    keypoints = np.array([[[0.0, 0]], [[5, 5]], [[4, 8]], [[100, 100]]])
    scores, merged, points = merge(np.array([0.9, 0.7, 0.6, 0.4]), boxes, keypoints)
    assert scores.tolist() == [0.9, 0.7]  # the last is too unsure to count
    np.testing.assert_allclose(merged, [[0, 0, 10, 10.8], [50, 50, 60, 60]])
    np.testing.assert_allclose(points, [[[1.6, 3.2]], [[5, 5]]])


def test_a_sure_heatmap_moves_its_landmark_and_an_unsure_one_does_not():
    logits = np.full((1, 4, 64, 64), -100.0)
    logits[0, 0, 30, 20:22] = [100, 100]  # both as sure as can be
    logits[0, 1, 30, 20] = -0.1
    logits[0, 2, 63, 0] = 100  # a corner
    logits[0, 3, 10, 10] = 100  # farther than it looks
    landmarks = np.array([[[84.0, 118], [84, 118], [4, 250], [84, 118]]])
    np.testing.assert_allclose(refine(landmarks, logits), [[[82, 120], [84, 118], [0, 252], [84, 118]]], atol=1e-9)
    outside = np.array([[[-5.0, 300.0]] * 4])
    assert (refine(outside, logits) == outside).all()


def test_the_mirror_of_the_landmarks_is_its_own_inverse():
    mirror = mirrored_landmarks()
    assert (mirror[mirror] == np.arange(33)).all() and mirror[0] == 0
    assert LANDMARK_NAMES[mirror[LANDMARK_NAMES.index("mouth_left")]] == "mouth_right"


def test_joints_go_along_with_the_picture_and_are_confident_where_landmarks_are_seen():
    rng = np.random.default_rng(0)
    landmarks = rng.uniform(0, 100, (5, 33, 2))
    linear, shift = np.array([[0.6, -0.8], [0.8, 0.6]]) * 3, np.array([7, -2])
    moved = joints_of(landmarks @ linear.T + shift)
    np.testing.assert_allclose(moved, joints_of(landmarks) @ linear.T + shift, atol=0.02)
    np.testing.assert_allclose(confidence_of(np.ones(33)), 1)
    only_legs = np.array([float(any(p in n for p in ("hip", "knee", "ankle", "heel", "foot"))) for n in LANDMARK_NAMES])
    confidence = dict(zip(JOINT_NAMES, confidence_of(only_legs), strict=True))
    assert confidence["LFoot"] > 0.99 and confidence["Head"] == 0


def test_fitting_finds_the_weights_that_made_the_joints_in_spite_of_wrong_frames():
    rng = np.random.default_rng(0)
    landmarks = rng.normal(0, 100, (300, 33, 2))
    joints = joint_weights() @ landmarks
    joints[::10] += 400  # as if another person had been found
    fitted = fit_joint_weights(landmarks, joints, np.full(300, 500.0))
    np.testing.assert_allclose(fitted, joint_weights(), atol=0.03)
    np.testing.assert_allclose(fitted.sum(1), 1)


def test_the_weights_are_the_same_for_both_sides_and_come_back_as_written():
    weights = joint_weights()
    right, left = JOINT_NAMES.index("RKnee"), JOINT_NAMES.index("LKnee")
    np.testing.assert_allclose(weights[right], weights[left][mirrored_landmarks()], atol=2e-4)
    np.testing.assert_allclose(weights.sum(1), 1, atol=2e-3)
    assert write_weights(weights).splitlines()[0].startswith("joint,nose,left_eye_inner")
    row = write_weights(weights).splitlines()[1 + right].split(",")
    assert row[0] == "RKnee" and [float(value) for value in row[1:]] == weights[right].tolist()
