import numpy as np

from pose3d.geometry.gaps import fill_in_time, frames_around


def test_filling_stays_at_the_ends():
    px = np.arange(8.0).reshape(4, 1, 2)
    filled = fill_in_time(px, np.array([[False], [True], [True], [False]]))
    assert filled[:, 0].tolist() == [[2, 3], [2, 3], [4, 5], [4, 5]]


def test_a_point_that_is_never_known_lies_amid_the_others():
    px = np.array([[[0.0, 0], [4, 2], [9, 9]]])
    assert fill_in_time(px, np.array([[True, True, False]]))[0, 2].tolist() == [2, 1]


def test_frames_around_gaps_of_each_point():
    known = np.array([[True, False], [False, False], [True, True]])
    before, after = frames_around(known)
    assert before.tolist() == [[0, -1], [0, -1], [2, 2]] and after.tolist() == [[0, 2], [2, 2], [2, 2]]
