import cv2
import numpy as np
import pytest

from pose3d.predict.camera_motion import CameraMotion, CameraPath

NOBODY = np.empty((0, 4))


def texture(seed=0):
    noise = np.random.default_rng(seed).integers(0, 255, (40, 60, 3), np.uint8)
    return cv2.resize(noise, (640, 420), interpolation=cv2.INTER_CUBIC)


def shown(wide, x, y):
    """(360, 480) of a larger picture, whose left upper corner is at x, y."""
    return wide[y : y + 360, x : x + 480]


def test_a_camera_at_rest():
    motion = CameraMotion()
    for _ in range(2):
        np.testing.assert_array_equal(motion.step(shown(texture(), 40, 20), NOBODY), np.eye(2, 3))


@pytest.mark.parametrize(("x", "y"), [(48, 20), (34, 26)])
def test_a_camera_that_pans_moves_the_picture_the_other_way(x, y):
    motion = CameraMotion()
    motion.step(shown(texture(), 40, 20), NOBODY)
    moved = motion.step(shown(texture(), x, y), NOBODY)
    np.testing.assert_allclose(moved[:, :2], np.eye(2), atol=0.01)
    corners = np.array([[0.0, 0], [480, 0], [0, 360], [480, 360]])
    np.testing.assert_allclose(corners @ moved[:, :2].T + moved[:, 2], corners + [40 - x, 20 - y], atol=1)


def test_a_camera_that_comes_nearer_enlarges():
    near = cv2.resize(texture(), None, fx=1.05, fy=1.05)
    motion = CameraMotion()
    motion.step(shown(texture(), 0, 0), NOBODY)
    moved = motion.step(shown(near, 0, 0), NOBODY)
    np.testing.assert_allclose(moved[:, :2], 1.05 * np.eye(2), atol=0.01)
    np.testing.assert_allclose(moved[:, 2], 0, atol=1.5)


def test_people_do_not_count():
    """All that has corners walks; a wall without any stays."""
    before, after = (np.full((360, 480, 3), 90, np.uint8) for _ in range(2))
    before[100:300, 100:200] = texture()[:200, :100]
    after[100:300, 104:204] = texture()[:200, :100]
    moved = []
    for people in (NOBODY, np.array([[100.0, 100, 200, 300]])):
        motion = CameraMotion()
        motion.step(before, NOBODY)
        moved.append(motion.step(after, people))
    assert moved[0][0, 2] == pytest.approx(4, abs=0.5)
    np.testing.assert_array_equal(moved[1], np.eye(2, 3))


def test_a_cut_is_no_motion():
    motion = CameraMotion()
    motion.step(shown(texture(0), 40, 20), NOBODY)
    assert motion.step(shown(texture(1), 40, 20), NOBODY) is None
    assert motion.step(shown(texture(1), 42, 20), NOBODY) is not None  # the new shot goes on


def test_walls_of_one_colour():
    motion = CameraMotion()
    wall = np.full((360, 480, 3), 120, np.uint8)
    motion.step(wall, NOBODY)
    np.testing.assert_array_equal(motion.step(wall, NOBODY), np.eye(2, 3))
    assert motion.step(wall + 80, NOBODY) is None


def test_a_camera_is_at_rest_while_the_first_picture_stays_where_it_was():
    shaken, moved, cut = (CameraPath(100, 50) for _ in range(3))
    for step in (1.5, -1.5, 1.9):
        shaken.step(np.array([[1.0, 0, step], [0, 1, 0]]))
    for _ in range(3):
        moved.step(np.array([[1.0, 0, 0.9], [0, 1, 0]]))
    moved.step(np.array([[1.0, 0, -2.7], [0, 1, 0]]))  # there and back is not rest
    cut.step(None)
    assert (shaken.at_rest, moved.at_rest, cut.at_rest) == (True, False, False)
