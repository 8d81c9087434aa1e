import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.lens_edge import mark_beyond, moved_within

BARREL = Camera(
    "c", 1920, 1080, [[1000, 0, 960], [0, 1000, 540], [0, 0, 1]], [-0.35, 0, 0, 0, 0], np.eye(3), np.zeros(3)
)
"""Shows nothing more than 650.6 px from (960, 540)."""


def test_a_point_beyond_the_fold_is_marked_and_moves_between_where_it_is_seen():
    px = np.zeros((5, 2, 2), np.float32) + np.float32([960, 540])
    px[:, 0, 0] = [1500, 1620, 1900, 1640, 1540]
    moved, beyond = mark_beyond(BARREL, px)
    assert beyond.tolist() == [[False, False], [True, False], [True, False], [True, False], [False, False]]
    np.testing.assert_allclose(moved[:, 0, 0], [1500, 1510, 1520, 1530, 1540])
    np.testing.assert_array_equal(moved[:, 1], px[:, 1])
    assert px[2, 0, 0] == 1900  # what was given stays as it was


def test_a_point_that_is_always_beyond_lies_amid_the_others_and_all_of_them_on_the_axis():
    px = np.array([[[1900.0, 540], [900, 500], [1000, 520]]])
    moved, beyond = mark_beyond(BARREL, px)
    assert beyond.tolist() == [[True, False, False]]
    np.testing.assert_allclose(moved[0, 0], [950, 510])
    moved, beyond = mark_beyond(BARREL, px[:, :1])
    assert beyond.all() and moved.tolist() == [[[960, 540]]]


def test_what_is_put_between_is_shown_itself():
    px = np.array([[[960 + 640.0, 540]], [[1900, 1000]], [[960 + 640, 540]]])
    assert BARREL.shows(mark_beyond(BARREL, px)[0]).all()


def test_other_lenses_and_unknown_points_are_left_as_they_are():
    px = np.array([[[1900.0, 540], [np.nan, np.nan]]])
    plain = Camera("c", 1920, 1080, BARREL.intrinsics_px, np.zeros(5), np.eye(3), np.zeros(3))
    assert mark_beyond(plain, px)[0] is px and not mark_beyond(plain, px)[1].any()
    moved, beyond = mark_beyond(BARREL, np.array([[[1000.0, 540], [np.nan, np.nan]]]))
    assert not beyond.any() and np.isnan(moved[0, 1]).all()


def test_points_without_an_image_move_to_where_they_were_seen():
    px = np.array([[[1500.0, 540], [900, 500]], [[np.nan, np.nan], [900, 500]], [[1540, 540], [900, 500]]])
    shown = BARREL.shows(px)
    moved = moved_within(BARREL, px, shown)
    assert moved[:, 0].tolist() == [[1500, 540], [1520, 540], [1540, 540]]
    assert moved_within(BARREL, px[1:2, :1], shown[1:2, :1]).tolist() == [[[960, 540]]]
