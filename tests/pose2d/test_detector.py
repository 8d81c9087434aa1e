import numpy as np
import pytest

from pose3d.pose2d.crops import cut_square, whole_px_square
from pose3d.pose2d.detector import box_around_joints, cut_crops


def test_a_box_around_joints_has_the_body_beyond_them_and_stays_inside():
    keypoints = np.tile([[100.0, 100.0]], (17, 1))
    keypoints[3] = [140, 200]
    np.testing.assert_allclose(box_around_joints(keypoints, 640, 480), [97, 99, 143, 207])
    np.testing.assert_allclose(box_around_joints(keypoints, 120, 190), [97, 99, 120, 190])
    np.testing.assert_allclose(box_around_joints(keypoints - 500, 120, 190), [0, 0, 16, 16])


def test_crops_are_squares_of_the_training_crops_scale():
    image = np.zeros((400, 400, 3), np.uint8)
    image[100:300, 150:250] = [255, 0, 0]  # blue
    crops, transforms = cut_crops([image], np.array([[150.0, 100, 250, 300]]), 1.25, 100)
    assert transforms[0, 0, 0] == pytest.approx(100 / 250)  # 1.25 * 200 px
    assert (crops[0, 50, 50] == [0, 0, 255]).all() and not crops[0, 50, 5].any()
    assert crops[0, 12:88, 50, 2].all() and not crops[0, :8, 50].any()


def test_squares_that_reach_beyond_the_picture_repeat_its_border():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (50, 70, 3), np.uint8)
    for _ in range(300):
        low, size = rng.integers(-100, 120, 2), rng.integers(1, 90, 2)
        box = np.concatenate([low, low + size]).astype(float)[None]
        square = whole_px_square(box, 1.25)[0]
        np.testing.assert_array_equal(cut_crops([image], box, 1.25, 24)[0][0, ..., ::-1], cut_square(image, square, 24))
