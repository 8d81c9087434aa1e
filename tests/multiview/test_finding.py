from dataclasses import replace

import numpy as np
import pytest
from people import camera_ring, swinging_poses

from pose3d.multiview.finding import (
    FoundPerson,
    before_grey,
    better_of,
    body_boxes,
    find_person,
    moving_boxes,
    steady,
    support,
    united,
    within_lenses,
)
from pose3d.pose2d.detector import box_around_joints
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.runtime.errors import InputError


def walking_square(frames=9):
    """A bright square of 40 x 80 px that moves 60 px to the right with each frame over a dark noisy wall."""
    wall = np.random.default_rng(0).integers(0, 20, (240, 640, 3)).astype(np.uint8)
    images = [wall.copy() for _ in range(frames)]
    for t, image in enumerate(images):
        image[80:160, 40 + 60 * t : 80 + 60 * t] = 200
    return lambda: iter(images)


def test_the_box_follows_what_moves():
    boxes = moving_boxes(walking_square())
    expected = [[40 + 60 * t, 80, 80 + 60 * t, 160] for t in range(9)]
    np.testing.assert_allclose(boxes[2:-2], expected[2:-2], atol=8)


def test_a_scene_without_motion_is_refused():
    with pytest.raises(InputError, match="nothing moves"):
        moving_boxes(lambda: iter([np.zeros((100, 100, 3), np.uint8)] * 4))


def test_what_does_not_move_turns_grey_and_what_moves_stays():
    for t, image in enumerate(before_grey(walking_square())()):
        assert (image[85:155, 45 + 60 * t : 75 + 60 * t] == 200).all()
        assert (image[:60] == 128).all() and (image[180:] == 128).all()


def test_one_bad_box_is_outvoted():
    boxes = np.tile([10.0, 20, 30, 40], (7, 1))
    boxes[3] = [0, 0, 500, 500]
    np.testing.assert_array_equal(steady(boxes), np.tile([10, 20, 30, 40], (7, 1)))


def test_united_boxes_hold_their_neighbours_in_time():
    boxes = np.array([[[t, 0, t + 5, 9] for t in range(6)]], float)
    np.testing.assert_array_equal(united(boxes, 2)[0, [0, 3]], [[0, 0, 7, 9], [1, 0, 10, 9]])


def seen(cameras, points_m):
    return np.stack([camera.project(camera.world_to_camera(points_m)) for camera in cameras])


def test_one_body_has_one_size_in_metres_in_all_views_and_outvotes_a_wrong_box():
    cameras = camera_ring(4)
    centres_m = np.array([[0.1 * t, 0, 1.0] for t in range(6)])
    centres_px = seen(cameras, centres_m)
    depths_m = np.stack([camera.world_to_camera(centres_m)[:, 2] for camera in cameras])
    focal = np.stack([camera.intrinsics_px[[0, 1], [0, 1]].mean() for camera in cameras])
    half_px = (focal[:, None] * 0.9 / depths_m)[..., None]  # 1.8 m
    truth = np.concatenate([centres_px - half_px, centres_px + half_px], axis=-1)
    given = truth.copy()
    given[2, 3] += 800  # another place
    given[1, :3, 2:] -= 60  # smaller
    found = body_boxes(cameras, given)
    np.testing.assert_allclose(found, truth, atol=25)
    np.testing.assert_allclose(body_boxes(cameras, truth), truth, atol=2)  # medians over time round the ends off
    np.testing.assert_allclose(found[..., 2] - found[..., 0], found[..., 3] - found[..., 1])


def test_boxes_without_a_common_body_stay():
    cameras = camera_ring(2)
    boxes = np.array([[[0, 0, 10, 10.0]], [[900, 900, 910, 910]]])
    np.testing.assert_array_equal(body_boxes(cameras, boxes), boxes)


def person_at(keypoints_px, confidence=0.5):
    boxes = np.concatenate([keypoints_px.min(2), keypoints_px.max(2)], axis=-1)
    return FoundPerson(keypoints_px, np.full(keypoints_px.shape[:-1], confidence), boxes)


def test_support_is_the_confidence_where_all_agree_and_nothing_where_two_do():
    cameras = camera_ring(4)
    keypoints = seen(cameras, swinging_poses(np.random.default_rng(0), 2))
    assert support(cameras, person_at(keypoints), 40) == pytest.approx([0.5, 0.5])
    keypoints[2] += [300, 0]
    assert support(cameras, person_at(keypoints), 40) == pytest.approx([0.375, 0.375])
    keypoints[3] += [0, 300]
    assert support(cameras, person_at(keypoints), 40) == pytest.approx([0, 0], abs=0.02)


def test_the_better_boxes_win_frame_by_frame_in_all_views():
    cameras = camera_ring(3)
    keypoints = seen(cameras, swinging_poses(np.random.default_rng(0), 2))
    wrong = keypoints + np.random.default_rng(1).uniform(-200, 200, keypoints.shape)
    first, second = keypoints.copy(), wrong.copy()
    first[:, 1], second[:, 1] = wrong[:, 1], keypoints[:, 1]
    best = better_of(cameras, person_at(first), person_at(second), 40)
    np.testing.assert_array_equal(best.keypoints_px, keypoints)
    np.testing.assert_array_equal(best.boxes_px, person_at(keypoints).boxes_px)


def test_keypoints_that_a_lens_does_not_show_have_no_confidence_and_are_counted(capsys):
    cameras = camera_ring(2)
    cameras[1] = replace(cameras[1], distortion=np.array([-0.35, 0, 0, 0, 0]))
    person = FoundPerson(np.full((2, 3, 17, 2), 500.0), np.ones((2, 3, 17)), np.ones((2, 3, 4)))
    assert within_lenses(cameras, person) is person
    person.keypoints_px[:, 1, 6] = [500, 1500]
    found = within_lenses(cameras, person)
    assert np.argwhere(found.confidence == 0).tolist() == [[1, 1, 6]]
    assert capsys.readouterr().err.startswith("1 keypoints lie where the camera's distortion shows nothing")


def test_where_a_lens_does_not_show_the_body_its_box_stays_where_it_was_last():
    cameras = camera_ring(4)
    walk_m = swinging_poses(np.random.default_rng(0), 12)
    walk_m = walk_m - walk_m.mean((1, 2), keepdims=True) + np.linspace(0, 1, 12)[:, None, None] * [0, 1, 0] + [0, 0, 1]
    boxes = np.stack([np.stack([box_around_joints(p, 1000, 1000) for p in v]) for v in seen(cameras, walk_m)])
    narrow = [replace(cameras[0], distortion=np.array([-33.0, 0, 0, 0, 0])), *cameras[1:]]  # shows a tenth
    boxes[0] = boxes[0, 0]
    assert np.isnan(narrow[0].project(narrow[0].world_to_camera(walk_m[-1].mean(0)))).all()
    found = body_boxes(narrow, boxes)
    centres_px = (found[..., :2] + found[..., 2:]) / 2
    assert np.isfinite(found).all() and narrow[0].shows(centres_px[0]).all()
    np.testing.assert_array_equal(centres_px[0, -2:], centres_px[0, [-3, -3]])


class OnlyCloseUp:
    """Sees the true keypoints where the box is that of the whole body; else the box's middle, unsure."""

    def __init__(self, truth_px):
        self.truth_px = truth_px

    def __call__(self, images_bgr, boxes_px):
        keypoints, confidence = [], []
        for image, box in zip(images_bgr, boxes_px, strict=True):
            view, t = image[0, 0, :2].astype(int)  # the corner says which picture it is
            truth = self.truth_px[view, t]
            whole = box_around_joints(truth, 1000, 1000)
            side = (whole[2:] - whole[:2]).max()
            close = np.abs((box[:2] + box[2:] - whole[:2] - whole[2:]) / 2).max() < 0.35 * side
            close &= 0.6 < (box[2:] - box[:2]).max() / side < 1.8
            keypoints.append(truth if close else np.tile((box[:2] + box[2:]) / 2, (17, 1)))
            confidence.append(np.full(17, 0.9 if close else 0.1))
        return Keypoints2D(np.stack(keypoints), np.stack(confidence))


def test_a_view_whose_motion_misleads_learns_the_place_from_the_others():
    cameras = camera_ring(4)
    poses = swinging_poses(np.random.default_rng(0), 12)
    truth = seen(cameras, poses)
    takes = []
    for v in range(4):
        frames = []
        for t in range(12):
            image = np.zeros((1000, 1000, 3), np.uint8)
            x, y = truth[v, t].min(0).astype(int)
            x1, y1 = truth[v, t].max(0).astype(int)
            image[y : y1 + 1, x + 6 * (t % 2) : x1 + 6 * (t % 2)] = 60 + 80 * (t % 3)
            if v == 3:  # a door that swings moves more than the person
                image[:] = 0
                image[700:990, 10:350] = 60 + 80 * (t % 3)
            image[0, 0] = [v, t, 0]
            frames.append(image)
        takes.append(lambda frames=frames: iter(frames))
    found = find_person(OnlyCloseUp(truth), cameras, takes, fps=10)
    np.testing.assert_allclose(found.keypoints_px, truth)
    assert (found.confidence == 0.9).all()
