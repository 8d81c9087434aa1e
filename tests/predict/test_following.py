import numpy as np
import pytest
from bright_people import Finder

from pose3d.formats.clip import ClipFrame
from pose3d.predict.following import LOOK_AHEAD_S, SEARCH_S, SWEEP_S, PeopleFollower
from pose3d.predict.people_finder import search_squares
from pose3d.predict.person_tracker import NEAR_S

WIDTH, HEIGHT, RATE_HZ = 320, 240, 25.0
COLOURS = [(220, 220, 220), (230, 30, 30), (30, 230, 30)]


def frame(*people):
    """People as (x, number of the colour), 40 px wide and 120 high; later ones are behind."""
    image = np.random.default_rng(0).integers(20, 30, (HEIGHT, WIDTH, 3), np.uint8)
    for x, colour in reversed(people):
        image[80:200, max(0, x) : max(0, x + 40)] = COLOURS[colour]
    return image


def follow(images, rate_hz=RATE_HZ):
    finder = Finder()
    follower = PeopleFollower(finder, WIDTH, HEIGHT)
    frames = [ClipFrame(t / rate_hz, image) for t, image in enumerate(images)]
    seen = list(follower.follow(frames))
    assert [one[0] for one in seen] == frames
    same = follower.tracker.same_people()
    return [[same.get(number, number) for number in people.tolist()] for _, people, _ in seen], finder


def test_numbers_count_from_the_left_in_the_order_of_appearance():
    numbers, _ = follow([frame((200, 0), (40, 1))] * 3 + [frame((200, 0), (40, 1), (120, 2))] * 20)
    assert numbers[0] == [0, 1]
    assert numbers[-1] == [0, 2, 1]


def test_the_whole_picture_is_searched_at_first_and_square_after_square_later():
    _, finder = follow([frame((100, 0))] * 40)
    every = round(SEARCH_S * RATE_HZ)
    searched = [len(search_squares(WIDTH, HEIGHT)), *[1] * 39]
    assert finder.searched == [n if t % every == 0 else 0 for t, n in enumerate(searched)]


def test_where_people_are_near_each_other_or_out_of_sight_it_looks_anew():
    gone = [frame((100, 0))] * 5 + [frame()] * 20
    _, finder = follow(gone)
    assert sum(finder.searched[6:]) > sum(follow([frame((100, 0))] * 25)[1].searched[6:])
    _, apart = follow([frame((40, 0), (200, 1))] * 20)
    _, near = follow([frame((40, 0), (82, 1))] * 20)
    assert sum(near.searched) == sum(apart.searched)  # their boxes do not overlap


def test_frames_of_one_person_between_searches_are_looked_at_together():
    _, finder = follow([frame((100 + t, 0)) for t in range(21)])
    assert round(LOOK_AHEAD_S * RATE_HZ) == 2 and round(SEARCH_S * RATE_HZ) == 2
    assert finder.together == [1] + [2] * 10  # nobody is known before the first
    _, finder = follow([frame((100 + t, 0), (250, 1)) for t in range(21)])
    assert finder.together == [1] * 21


def test_a_cut_ends_what_is_looked_at_together():
    other = np.random.default_rng(1).integers(0, 100, (HEIGHT, WIDTH, 3), np.uint8)
    numbers, finder = follow([frame((100, 0))] * 13 + [other] + [frame((100, 0))] * 3)
    assert finder.together == [1] + [2] * 6 + [1, 1, 2]
    assert finder.searched[13] == finder.searched[14] == len(search_squares(WIDTH, HEIGHT))
    assert numbers[12] == [0] and numbers[13] == [] and numbers[-1] == [0]


def test_people_who_cross():
    images = [frame((20 + 4 * t, 0), (260 - 4 * t, 1)) for t in range(61)]
    numbers, _ = follow(images)
    assert numbers[0] == [0, 1] and numbers[-1] == [1, 0]


def test_who_leaves_comes_back_with_the_same_number():
    away = round((NEAR_S + 1) * RATE_HZ)
    numbers, _ = follow([frame((100, 0), (220, 1))] * 10 + [frame((100, 0))] * away + [frame((100, 0), (20, 1))] * 30)
    assert numbers[0] == [0, 1]
    assert numbers[-1] == [1, 0]


def test_an_empty_room_is_searched_now_and_then():
    numbers, finder = follow([frame()] * 20)
    assert numbers == [[]] * 20
    assert np.count_nonzero(finder.searched) == 20 / round(SWEEP_S * RATE_HZ)


@pytest.mark.parametrize("rate_hz", [8.0, 5.0, 2.0, 0.4])
def test_frames_that_lie_far_apart(rate_hz):
    """Somebody who stands and somebody who walks a fifth of the body's height a frame."""
    images = [frame((0, 0), (60 + 24 * t, 1)) for t in range(9)]
    assert follow(images, rate_hz)[0] == [[0, 1]] * 9


def test_the_whole_picture_is_searched_where_people_move_far_from_frame_to_frame():
    """By their own height in two seconds, farther than the box reaches in which they are expected."""
    wall = np.kron(np.random.default_rng(0).integers(0, 90, (12, 16, 1), np.uint8), np.ones((20, 20, 3), np.uint8))
    images = [wall.copy() for _ in range(12)]
    for t, image in enumerate(images):
        image[100:160, 100 + 60 * (t % 2) : 120 + 60 * (t % 2)] = 120
    numbers, finder = follow(images, 0.5)
    assert finder.searched == [len(search_squares(WIDTH, HEIGHT))] * 12
    assert numbers == [[0]] * 12


def test_the_same_numbers_twice():
    images = [frame((20 + 4 * t, 0), (260 - 4 * t, 1)) for t in range(30)]
    assert follow(images)[0] == follow(images)[0]


@pytest.mark.parametrize(("width", "height"), [(320, 240), (240, 320), (1920, 1080), (100, 100)])
def test_searched_squares_cover_the_picture_and_their_neighbours_overlap(width, height):
    squares = search_squares(width, height)
    assert squares[0].tolist() == [width / 2, height / 2, max(width, height), 0]
    for side in set(squares[:, 2]):
        of_size = squares[squares[:, 2] == side]
        for point in ((1, 1), (width - 1, height - 1), (width / 2, height / 2), (width - 1, 1), (0.37 * width, 1)):
            assert (np.abs(of_size[:, :2] - point) <= side / 2 + 1e-6).all(1).any()
