import numpy as np
import pytest

from pose3d.geometry.camera import apply_affine
from pose3d.pose2d.crops import cut_square
from pose3d.pose2d.rotated_crops import crop_from_rotated_square, cut_rotated, squares_around, squares_of_pictures


def test_the_top_of_the_circle_is_up_in_the_crop():
    centres, tops = np.array([[100.0, 50.0], [10.0, 20.0]]), np.array([[130.0, 90.0], [10.0, 12.0]])
    squares = squares_around(centres, tops, margin=1.25)
    np.testing.assert_allclose(squares[:, 2], [125, 20])  # radii of 50 and 8 px
    assert squares[1, 3] == 0  # straight up
    in_crops = apply_affine(crop_from_rotated_square(squares, 200), np.stack([centres, tops], axis=1))
    np.testing.assert_allclose(in_crops, [[[100, 100], [100, 20]]] * 2, atol=1e-9)  # 20 = 100 - 100 / 1.25


def test_a_circle_without_size_still_has_a_square():
    assert squares_around(np.zeros((1, 2)), np.zeros((1, 2)), 1.25).tolist() == [[0, 0, 1, 0]]


def test_an_upright_crop_of_its_own_size_is_the_picture():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    square = np.array([30.0, 32, 40, 0])
    crop = cut_rotated(image, crop_from_rotated_square(square, 40), 40)
    assert (crop == image[12:52, 10:50]).all()


def test_a_quarter_turn_turns_the_picture():
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    crop = cut_rotated(image, crop_from_rotated_square(np.array([20, 20, 40, np.pi / 2]), 40), 40)
    # Somebody whose head is at the right is turned clockwise by a quarter; so what was right is up.
    assert (crop == np.rot90(image)).all()


@pytest.mark.parametrize("side", [100, 170, 333, 800])
def test_shrinking_averages_and_keeps_places(side):
    y, x = np.mgrid[:801, :799] + 0.5  # odd, so that halves do not fit
    image = np.repeat((np.clip(np.stack([x, y], -1), 0, 799) / 4)[..., [0, 1, 1]], 1, -1).round().astype(np.uint8)
    square = np.array([399, 401, side, 0.0])
    ours = cut_rotated(image, crop_from_rotated_square(square, 50), 50).astype(int)
    theirs = cut_square(image, square[:3], 50).astype(int)
    assert np.abs(ours - theirs)[1:-1, 1:-1].max() <= 1


def test_no_px_of_the_picture_is_passed_over():
    image = np.zeros((512, 512, 3), np.uint8)
    image[200, 303] = 255
    crop = cut_rotated(image, crop_from_rotated_square(squares_of_pictures(512, 512), 32), 32)
    assert crop.any() and crop[12, 18].all()


def test_beside_the_picture_it_is_black():
    image = np.full((20, 40, 3), 200, np.uint8)
    crop = cut_rotated(image, crop_from_rotated_square(squares_of_pictures(40, 20), 40), 40)
    assert (crop[:9] == 0).all() and (crop[11:29, 1:-1] == 200).all() and (crop[31:] == 0).all()
    assert not cut_rotated(image, crop_from_rotated_square(np.array([500, 500, 40, 0.3]), 40), 40).any()
