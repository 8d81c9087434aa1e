import numpy as np
import pytest

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


@pytest.mark.parametrize(("height", "block"), [(90, 1), (290, 2), (610, 4), (613, 4)])
def test_large_squares_are_shrunk_by_blocks_first_and_their_transforms_stay_exact(height, block):
    """A ramp keeps its value at every point under averaging, so that each crop px tells where it lies."""
    x, y = np.meshgrid(np.arange(1300) + 0.5, np.arange(900) + 0.5)
    image = np.stack([x / 6, y / 6, 0 * x], -1).round().astype(np.uint8)
    box = np.array([[300.0, 101, 300 + height / 2, 101 + height]])
    crops, transforms = cut_crops([image], box, 1.25, 24)
    side, low = 24 / transforms[0, 0, 0], -transforms[0, :, 2] / transforms[0, 0, 0]
    assert side == pytest.approx(1.25 * height, abs=block)
    np.testing.assert_allclose(np.array([side, *low]) / block, np.round(np.array([side, *low]) / block), atol=1e-6)
    here = low + (np.arange(24)[:, None] + 0.5) * side / 24
    np.testing.assert_allclose(crops[0, 10, :, 2], here[:, 0] / 6, atol=1)  # red of RGB is last of BGR
    np.testing.assert_allclose(crops[0, :, 10, 1], here[:, 1] / 6, atol=1)


@pytest.mark.parametrize(
    "box", [[-900, -900, 300, 400], [100, 100, 2000, 300], [-5000, 0, -4000, 500], [0, 0, 9, 4000]]
)
def test_large_squares_that_reach_beyond_the_picture_repeat_its_border(box):
    crops, _ = cut_crops([np.full((130, 170, 3), 77, np.uint8)], np.array([box], float), 1.25, 24)
    assert crops.shape == (1, 24, 24, 3) and (crops == 77).all()
