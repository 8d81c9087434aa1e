import numpy as np
import pytest
from bright_people import Finder

from pose3d.formats.clip import ClipFrame
from pose3d.predict.rewinding import SeenFrame, rewind

STILL = np.eye(2, 3)
NOWHERE = np.empty((0, 4))


def picture(*people):
    """People as (x, grey), 40 px wide and 120 high."""
    image = np.full((240, 320, 3), 20, np.uint8)
    for x, grey in people:
        image[80:200, x : x + 40] = grey
    return image


def seen(finder, image, numbers, motion=STILL):
    """A frame in which everybody is found, but who has no number is left out."""
    (people,) = finder([image], [NOWHERE], [np.array([[160.0, 120, 320, 0]])])
    known = np.array(numbers) >= 0
    return SeenFrame(ClipFrame(0.0, image), motion, np.array(numbers)[known], people.rows(known))


def looked_for(finder, frames, number):
    (row,) = np.flatnonzero(frames[-1].numbers == number)
    return list(rewind(frames, number, frames[-1].people.clothes[row], finder))


def test_who_was_found_late_is_found_in_the_frames_before_and_nobody_else():
    finder = Finder()
    frames = [seen(finder, picture((20, 220), (200 - 5 * t, 150)), [0, -1]) for t in range(3)]
    frames.append(seen(finder, picture((20, 220), (185, 150)), [0, 1]))
    others = looked_for(finder, frames, 1)
    assert [numbers.tolist() for numbers in others] == [[0]] * 3
    assert [frame.numbers.tolist() for frame in frames] == [[0, 1]] * 4
    assert [frame.people.boxes_px[1].tolist() for frame in frames[:2]] == [[200, 80, 240, 200], [195, 80, 235, 200]]


def test_an_empty_frame_gets_its_first_person():
    finder = Finder()
    frames = [seen(finder, picture((200, 150)), [-1]), seen(finder, picture((204, 150)), [7])]
    assert len(looked_for(finder, frames, 7)) == 1
    assert frames[0].numbers.tolist() == [7] and frames[0].people.boxes_px.tolist() == [[200, 80, 240, 200]]


@pytest.mark.parametrize(
    ("before", "motion"),
    [
        (picture((200, 150)), None),  # a cut
        (picture(), STILL),
        (picture((200, 220)), STILL),  # other clothes
        (picture((130, 150)), STILL),  # too far away
    ],
)
def test_it_ends_where_nobody_like_that_is(before, motion):
    finder = Finder()
    first = seen(finder, picture((200, 150)), [-1])
    people = first.people
    frames = [first, SeenFrame(ClipFrame(0.0, before), STILL, np.empty(0, int), people.rows(np.empty(0, int)))]
    frames.append(seen(finder, picture((200, 150)), [1], motion))
    assert looked_for(finder, frames, 1) == []
    assert [len(frame.numbers) for frame in frames] == [0, 0, 1]


def test_places_move_with_the_camera():
    finder, pans = Finder(), np.array([[1.0, 0, -60], [0, 1, 0]])
    frames = [seen(finder, picture((200, 150)), [-1]), seen(finder, picture((140, 150)), [1], pans)]
    assert len(looked_for(finder, frames, 1)) == 1
