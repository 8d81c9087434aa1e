import numpy as np
import pytest

from pose3d.show.follow import PICTURE_MARGIN, follow, picture_squares

RNG = np.random.default_rng(0)
BODY = np.array([[0.0, -1], [0.3, 0], [-0.3, 0], [0, 1]])


def walk(n=200, speed=0.1, jitter=0.02):
    """Somebody 2 high who walks to the right, swinging an arm."""
    points = BODY + np.arange(n)[:, None, None] * [speed, 0]
    points[:, 1, 0] += 0.3 * np.sin(np.arange(n) / 4)
    return points + RNG.normal(0, jitter, points.shape)


def contained(points, centres, halves):
    return (np.abs(points - centres[:, None]) <= halves[:, None, None] + 1e-9).all()


def test_somebody_who_walks_stays_inside_and_large():
    points = walk()
    centres, halves = follow(points, 25.0)
    assert contained(points, centres, halves)
    assert np.ptp(points[..., 0]) > 19 and halves.max() < 2.4
    np.testing.assert_allclose(halves[60:-60], 1, atol=0.15)


def test_the_view_moves_smoothly():
    centres, halves = follow(walk(jitter=0.1), 25.0)
    steps = np.diff(centres[60:-60], axis=0)
    np.testing.assert_allclose(steps, np.tile([0.1, 0], (len(steps), 1)), atol=0.04)
    assert np.abs(np.diff(steps, axis=0)).max() < 5e-3 and np.abs(np.diff(halves)).max() < 0.05


def test_before_somebody_in_one_place_the_view_stands_still():
    points = BODY + RNG.normal(0, 0.05, (100, 4, 2))
    points[:, 1, 0] += 0.3 * np.sin(np.arange(100) / 4)
    centres, halves = follow(points, 25.0)
    assert contained(points, centres, halves) and not np.ptp(centres, 0).any() and not np.ptp(halves)


def test_somebody_who_walks_away_stays_large():
    sizes = np.linspace(2, 0.8, 150)
    points = BODY * sizes[:, None, None] / 2
    centres, halves = follow(points, 25.0)
    assert contained(points, centres, halves) and halves[-1] < 0.6 and (np.diff(halves) <= 1e-12).all()


def test_at_a_cut_the_view_jumps():
    points = np.concatenate([walk(60), walk(60) + [30, 0]])
    centres, halves = follow(points, 25.0)
    assert contained(points, centres, halves) and halves.max() < 2.4
    assert np.abs(np.diff(centres[:, 0])).argmax() == 59 and np.abs(np.delete(np.diff(centres[:, 0]), 59)).max() < 0.2


def test_where_nobody_is_found_the_view_goes_on_evenly():
    points = walk()
    found = np.ones(200, bool)
    found[:20] = found[80:110] = found[190:] = False
    centres, halves = follow(np.where(found[:, None, None], points, np.nan), 25.0)
    assert np.isfinite(centres).all() and contained(points[found], centres[found], halves[found])
    np.testing.assert_allclose(np.diff(centres[90:100, 0]), 0.1, atol=0.02)
    centres, halves = follow(np.full((3, 4, 2), np.nan), 25.0)
    assert np.isfinite(centres).all() and (halves > 0).all()


def test_followed_in_space_squares_hold_the_person_in_the_plane_of_the_view():
    plane = np.array([[0.6, 0.8, 0], [0, 0, -1.0]])
    points = np.concatenate([walk(), np.zeros((200, 4, 1))], -1)[..., [0, 2, 1]]
    centres, halves = follow(points, 25.0, plane)
    assert centres.shape == (200, 3) and contained(points @ plane.T, centres @ plane.T, halves)


def persons(x, y, height=200.0):
    """Keypoints and boxes of a person at x, y px."""
    points = np.stack([x, y], -1)[:, None] + BODY * height / 2
    return points, np.concatenate([points.min(1), points.max(1)], 1)


@pytest.mark.parametrize("size", [(1768, 994), (1080, 1920)])
def test_picture_squares_hold_somebody_who_walks_across_and_out(size):
    x = np.linspace(-20, size[0] + 20, 150)
    keypoints, boxes = persons(x, np.full(150, 500.0))
    squares = picture_squares(keypoints, boxes, size, 30.0)
    low, high = squares[:, :2] - squares[:, 2:] / 2, squares[:, :2] + squares[:, 2:] / 2
    assert (low >= -1e-9).all() and (high <= np.array(size) + 1e-9).all()
    seen = np.clip(keypoints, 0, size)
    assert (seen >= low[:, None] - 1e-9).all() and (seen <= high[:, None] + 1e-9).all()
    assert squares[:, 2].max() < 400 and squares[:, 2].min() >= PICTURE_MARGIN * 200 - 1


def test_a_joint_that_the_lens_does_not_show_leaves_the_rest_in_the_picture():
    keypoints, boxes = persons(np.linspace(100, 1700, 90), np.full(90, 500.0))
    expected = picture_squares(keypoints, boxes, (1768, 994), 30.0)
    keypoints[:, 1] = np.nan
    np.testing.assert_allclose(picture_squares(keypoints, boxes, (1768, 994), 30.0), expected, atol=1e-9)


def test_picture_of_somebody_small_who_stands_does_not_shake():
    keypoints, boxes = persons(300 + RNG.normal(0, 3, 90), 400 + RNG.normal(0, 3, 90), 100.0)
    squares = picture_squares(keypoints, boxes, (1768, 994), 30.0)
    assert not np.ptp(squares, 0).any() and 115 < squares[0, 2] < 150


def test_picture_of_somebody_as_tall_as_it_is_all_of_its_height():
    keypoints, boxes = persons(np.full(30, 900.0), np.full(30, 497.0), 980.0)
    np.testing.assert_allclose(picture_squares(keypoints, boxes, (1768, 994), 30.0)[0], [900, 497, 994])


def test_picture_of_somebody_outside_it_is_a_part_of_its_border():
    keypoints, boxes = persons(np.full(3, 2000.0), np.full(3, 400.0), 100.0)
    np.testing.assert_allclose(picture_squares(keypoints, boxes, (800, 800), 30.0), [[742.5, 400, 115]] * 3)
