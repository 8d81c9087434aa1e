from types import SimpleNamespace

import numpy as np

from pose3d.pose2d.blazepose import N_LANDMARKS, Landmarks
from pose3d.pose2d.blazepose_people import People as Detected
from pose3d.predict.people_finder import PeopleFinder, body_boxes

NOWHERE = np.empty((0, 4))
SHAPE = np.random.default_rng(0).uniform(-0.5, 0.5, (N_LANDMARKS, 2)) * [20, 80]
SHAPE[:2] = [[-10, -40], [10, 40]]


def blazepose(people, detected=()):
    """Sees in a square whoever of some (x, y) is nearest to its middle; the picture tells whether anybody is left."""

    def landmarks(images, squares):
        bodies = np.array(people, float)
        nearest = [bodies[np.linalg.norm(bodies - square[:2], axis=1).argmin()] for square in squares]
        points = np.array(nearest)[:, None] + SHAPE
        ones = np.ones((len(squares), N_LANDMARKS))
        flags = np.array([float(np.linalg.norm(n - s[:2]) < 60) for n, s in zip(nearest, squares, strict=True)])
        return Landmarks(points, 0 * ones, ones, ones, flags, squares)

    def in_squares(images, squares, max_overlap):
        hips = np.array(detected, float).reshape(-1, 2)
        found = Detected(np.full(len(hips), 0.9), np.zeros((len(hips), 4)), hips, hips - [0, 50])
        return [found for _ in squares]

    return SimpleNamespace(people=SimpleNamespace(in_squares=in_squares), landmarks=landmarks)


def square(x, y):
    return [x, y, 100, 0]


IMAGE = np.full((200, 400, 3), 90, np.uint8)


def test_boxes_by_hand():
    points = np.zeros((1, N_LANDMARKS, 2))
    points[0, :2] = [[10, 20], [50, 120]]
    points[0, 2:] = [20, 60]
    np.testing.assert_allclose(body_boxes(points), [[8, 11.5, 52, 122]])


def test_people_are_given_from_the_left_and_cut_off_at_the_edges():
    found = PeopleFinder(blazepose([(300, 100), (5, 100)]))(
        IMAGE, np.array([square(300, 100), square(5, 100)]), NOWHERE
    )
    assert len(found) == 2
    np.testing.assert_allclose(found.boxes_px[:, [0, 2]], [[0, 5 + 11.6], [300 - 11.6, 300 + 11.6]])
    np.testing.assert_array_equal(found.squares[:, 0], [5, 300])


def test_who_is_found_twice_is_one():
    finder = PeopleFinder(blazepose([(200, 100)], detected=[(204, 100), (230, 100), (200, 104)]))
    assert len(finder(IMAGE, np.array([square(201, 100)]), np.array([square(200, 100)]))) == 1
    assert len(finder(IMAGE, NOWHERE, np.array([square(200, 100)] * 2))) == 1


def test_what_is_no_person_is_left_out():
    finder = PeopleFinder(blazepose([(200, 100)]))
    found = finder(IMAGE, np.array([square(50, 100)]), NOWHERE)
    assert len(found) == 0 and found.boxes_px.shape == (0, 4)
    assert len(finder(IMAGE, NOWHERE, NOWHERE)) == 0
    assert len(finder(IMAGE, NOWHERE, np.array([square(200, 100)]))) == 0


def test_who_is_expected_and_not_found_is_looked_for_behind_those_in_front():
    calls = []
    network = blazepose([(200, 100)])
    first_look = network.landmarks

    def landmarks(images, squares):
        calls.append((images, squares))
        return first_look(images, squares) if len(calls) == 1 else blazepose([(240, 100)]).landmarks(images, squares)

    network.landmarks = landmarks
    found = PeopleFinder(network)(
        IMAGE + np.arange(400, dtype=np.uint8)[None, :, None] % 50,
        np.array([square(200, 100), square(230, 100)]),
        NOWHERE,
    )
    assert len(calls) == 2 and calls[1][1].tolist() == [square(230, 100)]
    assert (calls[1][0][0] != calls[0][0][0]).any()
    np.testing.assert_allclose(found.landmarks_px[:, 0, 0], [190, 230])
