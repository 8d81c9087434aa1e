import numpy as np
import pytest
from tiny_keypoints import MEDIAPIPE_33, in_order, person

from pose3d.geometry.layouts import layout
from pose3d.geometry.skeleton import JOINT_NAMES, mirror_permutation
from pose3d.records.swapped_sides import swapped_points, turned_picture, walks_backwards

COCO = layout("coco17")
KEYPOINTS, SCORES = person(40)


def test_a_person_as_it_is_gives_no_warning():
    assert swapped_points(COCO, KEYPOINTS, SCORES) is None
    away = KEYPOINTS * [-1, 1] + [640, 0]  # turned round, the eyes are guessed
    scores = SCORES.copy()
    scores[:, :3] = 0.2
    assert swapped_points(COCO, away, scores) is None


def test_parts_that_disagree_are_named():
    keypoints = KEYPOINTS.copy()
    keypoints[:, [5, 6]] = keypoints[:, [6, 5]]
    assert "shoulder lie the other way round than left and right hip" in swapped_points(COCO, keypoints, SCORES)
    keypoints = KEYPOINTS.copy()
    keypoints[:, 5:] = KEYPOINTS[:, COCO.mirror[5:]]
    assert "shoulder lie the other way round than left and right ear" in swapped_points(COCO, keypoints, SCORES)
    few = np.where(np.arange(40)[:, None, None] < 9, keypoints, np.nan)
    assert swapped_points(COCO, few, SCORES) is None  # nine frames say too little


def test_all_points_exchanged_show_by_the_face():
    swapped = KEYPOINTS[:, COCO.mirror]
    assert "both eyes are seen surely" in swapped_points(COCO, swapped, SCORES)
    assert swapped_points(COCO, swapped, np.ones_like(SCORES)) is None  # without scores nothing shows
    landmarks, scores = in_order(swapped, SCORES, MEDIAPIPE_33)
    landmarks[scores == 0] = np.nan
    assert swapped_points(layout("mediapipe33"), landmarks, scores) is None  # which sees eyes from behind


TURNED = {
    "as it is": (KEYPOINTS, None),
    "y upwards": ([0, 480] + KEYPOINTS * [1, -1], "the person stands on the head all the time"),
    "half a turn": ([640, 480] - KEYPOINTS, "the person stands on the head all the time"),
    "to the left": (KEYPOINTS[..., ::-1], "the person lies all the time"),
    "to the right": ([480, 0] + KEYPOINTS[..., ::-1] * [-1, 1], "the person lies all the time"),
}


@pytest.mark.parametrize("name", TURNED)
def test_a_picture_that_was_turned_shows_by_trunk_and_thighs(name):
    """Of 120 and 80 px, with shoulders that are 60 px apart."""
    keypoints, sentence = TURNED[name]
    assert turned_picture(COCO, keypoints) == sentence
    assert turned_picture(COCO, keypoints[:9]) is None  # nine frames say too little
    some = np.where(np.arange(40)[:, None, None] < 10, KEYPOINTS, keypoints)  # a quarter of the frames
    assert turned_picture(COCO, some) is None
    assert turned_picture(COCO, keypoints, np.array([0.0, -0.4, -0.9])) is None  # from above all directions are seen


def test_a_camera_that_is_turned_itself_is_known():
    on_its_side = np.array([-1.0, 0, 0])  # up is the picture's left
    assert turned_picture(COCO, KEYPOINTS[..., ::-1], on_its_side) is None
    assert turned_picture(COCO, KEYPOINTS, on_its_side) == "the person lies all the time"


def test_people_who_bend_crawl_lean_and_roll_are_not_in_a_turned_picture():
    towards = KEYPOINTS.copy()
    towards[:, 5:7, 1] = 300  # the trunk is 40 px long, and points down
    assert turned_picture(COCO, towards) is None
    middle, turn = np.array([320, 260]), np.radians(40)  # leaning out of the vertical
    leaning = middle + (KEYPOINTS - middle) @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    assert turned_picture(COCO, leaning) is None
    crawling = KEYPOINTS[..., ::-1].copy()
    crawling[:, 13:15] = crawling[:, 11:13] + [0, 80]  # knees below the hips
    assert turned_picture(COCO, crawling) is None
    left, right = TURNED["to the left"][0], TURNED["to the right"][0]
    rolling = np.where(np.arange(40)[:, None, None] < 20, left, right)
    assert turned_picture(COCO, rolling) is None


@pytest.mark.parametrize("exchanged", [False, True])
def test_walking_against_the_way_one_faces_shows(exchanged):
    """Along the camera's x at 1 m/s, facing that way: then the right side is nearer to the camera."""
    pose = np.zeros((17, 3))
    pose[[JOINT_NAMES.index(name) for name in ("RHip", "LHip", "RShoulder", "LShoulder")], 2] = [-0.1, 0.1, -0.2, 0.2]
    pose[[JOINT_NAMES.index(name) for name in ("Thorax", "RShoulder", "LShoulder")], 1] = -0.5
    if exchanged:
        pose = pose[mirror_permutation()]
    time_s = np.arange(50) / 25
    walking = time_s[:, None, None] * [1.0, 0, 0]
    assert walks_backwards(pose + walking, time_s) is exchanged
    assert walks_backwards(pose - walking, time_s) is not exchanged
    assert not walks_backwards(pose - 0.2 * walking, time_s)  # hardly moving
    assert not walks_backwards(pose + 0.2 * walking, time_s)
