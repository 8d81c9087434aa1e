import cv2
import numpy as np

from pose3d.predict.clothes import clothes, difference

SHOULDERS, HIPS, KNEES = np.array([[120.0, 60], [80, 60]]), np.array([[112.0, 120], [88, 120]]), [[112, 170], [88, 170]]


def dressed(shirt, trousers, seed=0):
    """(240, 200, 3) noisy picture of somebody who stands in the middle."""
    image = np.full((240, 200, 3), 128, np.uint8)
    image[55:120, 75:125] = shirt
    image[120:180, 75:125] = trousers
    noise = np.random.default_rng(seed).normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def worn(image, shift=0.0):
    return clothes(image, SHOULDERS + shift, HIPS + shift, np.array(KNEES) + shift)


RED, BLUE, BLACK = (40, 40, 200), (190, 80, 40), (25, 25, 25)


def test_the_same_clothes_are_alike_and_others_are_not():
    first = worn(dressed(RED, BLACK))
    assert difference(first, first) == 0
    assert difference(first, worn(dressed(RED, BLACK, seed=1))) < 0.1
    assert difference(first, worn(dressed(BLUE, BLACK))) > 0.6
    assert difference(first, worn(dressed(RED, BLUE))) > 0.6
    assert difference(first, worn(dressed(BLUE, RED))) > 0.8


def test_nearer_and_farther_people_wear_the_same():
    image = dressed(RED, BLACK)
    near = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    assert difference(worn(image), clothes(near, 2 * SHOULDERS, 2 * HIPS, 2 * np.array(KNEES))) < 0.05


def test_a_bit_more_light_changes_little():
    assert difference(worn(dressed(RED, BLACK)), worn(cv2.add(dressed(RED, BLACK), (8, 8, 8, 0)))) < 0.3


def test_legs_below_the_picture_do_not_count():
    whole, half = dressed(RED, BLACK), dressed(RED, BLUE)[:115]
    cut_off = worn(half)
    assert not cut_off[len(cut_off) // 2 :].any()
    assert difference(worn(whole), cut_off) < 0.3


def test_of_whom_nothing_is_seen_nothing_is_known():
    nothing = worn(dressed(RED, BLACK), shift=1000.0)
    assert not nothing.any()
    assert difference(nothing, worn(dressed(RED, BLACK))) == 0.5


def test_of_people_who_are_large_in_the_picture_some_px_are_enough():
    image = dressed(RED, BLACK)
    near = cv2.resize(image, None, fx=5, fy=5, interpolation=cv2.INTER_LINEAR)  # a trunk of 300 px
    every_third = clothes(near, 5 * SHOULDERS, 5 * HIPS, 5 * np.array(KNEES))
    np.testing.assert_array_equal(
        every_third, clothes(near[::3, ::3], 5 / 3 * SHOULDERS, 5 / 3 * HIPS, 5 / 3 * np.array(KNEES))
    )
    assert difference(worn(image), every_third) < 0.15
