import re
from types import SimpleNamespace

import numpy as np
import pytest

from pose3d.pose2d.blazepose_people import People as Detected
from pose3d.predict import pipeline
from pose3d.predict.people_finder import PeopleFinder
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.runtime.errors import InputError

NOWHERE = np.empty((0, 4))
BODY = np.random.default_rng(0).uniform(-0.5, 0.5, (17, 2)) * [20, 80]
BODY[:2] = [[-10, -40], [10, 40]]
IMAGE = np.full((200, 400, 3), 90, np.uint8)


def look_at(people):
    """Sees in a box whoever of some (x, y) is nearest to its middle, if near enough."""

    def look(images, boxes_px):
        middles, bodies = (boxes_px[:, :2] + boxes_px[:, 2:]) / 2, np.array(people, float)
        nearest = np.array([bodies[np.linalg.norm(bodies - middle, axis=1).argmin()] for middle in middles])
        sure = 0.9 * (np.linalg.norm(nearest - middles, axis=1) < 60)
        return Keypoints2D(nearest[:, None] + BODY, np.repeat(sure[:, None], 17, axis=1))

    return look


def detector(people=()):
    """Says in every square that some (x, y) are the middles of people who are 100 px high."""
    hips = np.array(people, float).reshape(-1, 2)
    found = Detected(np.full(len(hips), 0.9), np.zeros((len(hips), 4)), hips, hips - [0, 50])
    return SimpleNamespace(in_squares=lambda images, squares, max_overlap: [found for _ in squares])


def box(x, y=100):
    return [x - 10, y - 40, x + 10, y + 40]


def square(x, y=100):
    return [x, y, 100, 0]


def n_found(finder, expected_px, searched):
    return len(finder([IMAGE], [expected_px], [searched])[0])


def test_people_are_given_from_the_left_and_cut_off_at_the_edges():
    finder = PeopleFinder(detector(), look_at([(300, 100), (5, 100)]))
    (found,) = finder([IMAGE], [np.array([box(300), box(5)])], [NOWHERE])
    assert len(found) == 2
    around = [0, 100 - 40.8, 5 + 12.4, 100 + 45.6], [300 - 12.4, 100 - 40.8, 300 + 12.4, 100 + 45.6]
    np.testing.assert_allclose(found.boxes_px, around)
    np.testing.assert_allclose(found.keypoints_px[:, 0, 0], [-5, 290])
    np.testing.assert_allclose(found.confidence, 0.9)


def test_who_is_found_twice_is_one():
    finder = PeopleFinder(detector([(204, 100), (230, 100), (200, 104)]), look_at([(200, 100)]))
    assert n_found(finder, np.array([box(201)]), np.array([square(200)])) == 1
    assert n_found(finder, NOWHERE, np.array([square(200)] * 2)) == 1


def test_frames_are_looked_at_together_and_each_gets_its_own():
    calls = []

    def look(images, boxes_px):
        calls.append([image[0, 0, 0] for image in images])
        return look_at([(300, 100), (5, 100)])(images, boxes_px)

    finder = PeopleFinder(detector([(300, 100)]), look)
    expected = [np.array([box(5)]), NOWHERE, NOWHERE, np.array([box(300), box(5)])]
    found = finder([IMAGE, IMAGE + 1, IMAGE + 2, IMAGE + 3], expected, [NOWHERE, [square(300)], NOWHERE, [square(300)]])
    assert calls == [[90, 91, 93, 93]]
    assert [people.keypoints_px[:, 0, 0].tolist() for people in found] == [[-5], [290], [], [-5, 290]]


def test_people_of_one_frame_are_picked_and_put_together():
    (found,) = PeopleFinder(detector(), look_at([(300, 100), (5, 100)]))(
        [IMAGE], [np.array([box(300), box(5)])], [NOWHERE]
    )
    right = found.rows(np.array([False, True]))
    assert right.keypoints_px[:, 0, 0].tolist() == [290]
    assert right.with_others(found).keypoints_px[:, 0, 0].tolist() == [290, -5, 290]
    assert len(found.rows(np.array([False, False])).with_others(right)) == 1


def test_what_is_no_person_is_left_out():
    finder = PeopleFinder(detector(), look_at([(200, 100)]))
    (found,) = finder([IMAGE], [np.array([box(50)])], [NOWHERE])
    assert len(found) == 0 and found.boxes_px.shape == (0, 4)
    assert n_found(finder, NOWHERE, NOWHERE) == 0
    assert n_found(finder, NOWHERE, np.array([square(200)])) == 0
    finder = PeopleFinder(detector([(50, 100)]), look_at([(200, 100)]))
    assert n_found(finder, NOWHERE, np.array([square(50)])) == 0


def test_who_is_expected_and_not_found_is_looked_for_behind_those_in_front():
    calls = []

    def look(images, boxes_px):
        calls.append((images, boxes_px))
        return look_at([(200, 100)] if len(calls) == 1 else [(240, 100)])(images, boxes_px)

    image = IMAGE + np.arange(400, dtype=np.uint8)[None, :, None] % 50
    (found,) = PeopleFinder(detector(), look)([image], [np.array([box(200), box(230)])], [NOWHERE])
    assert len(calls) == 2 and calls[1][1].tolist() == [box(230)]
    assert (calls[1][0][0] != calls[0][0][0]).any()
    np.testing.assert_allclose(found.keypoints_px[:, 0, 0], [190, 230])
    assert found.guessed.tolist() == [False, True]


def test_who_is_detected_behind_those_in_front_is_looked_for_there_and_is_no_guess():
    calls = []

    def look(images, boxes_px):
        calls.append(boxes_px)
        return look_at([(200, 100)] if len(calls) == 1 else [(240, 100)])(images, boxes_px)

    found = PeopleFinder(detector([(230, 100)]), look)([IMAGE], [np.array([box(200)])], [np.array([square(200)])])[0]
    np.testing.assert_allclose(calls[1], [[180, 50, 280, 150]])
    np.testing.assert_allclose(found.keypoints_px[:, 0, 0], [190, 230])
    assert found.guessed.tolist() == [False, False]


def test_nobody_is_looked_for_behind_the_one_who_was_detected():
    """The detected box is a ninth of a height beside the expected one, and a twentieth beside the person."""
    calls = []

    def look(images, boxes_px):
        calls.append(boxes_px)
        return look_at([(200, 100)])(images, boxes_px)

    found = PeopleFinder(detector([(204, 100)]), look)([IMAGE], [np.array([box(195)])], [np.array([square(200)])])[0]
    assert len(found) == 1
    assert [len(boxes_px) for boxes_px in calls] == [2]


def test_a_joint_on_a_neighbour_moves_no_edge():
    """One person's wrist is put onto the other's, who is surer of it, on the other side."""

    def look(images, boxes_px):
        seen = look_at([(100, 100), (150, 100)])(images, boxes_px)
        seen.keypoints_px[0, 13] = seen.keypoints_px[1, 16]
        seen.confidence[0, 13] = 0.5
        return seen

    (found,) = PeopleFinder(detector(), look)([IMAGE], [np.array([box(100), box(150)])], [NOWHERE])
    np.testing.assert_allclose(found.boxes_px[:, 2], [112.4, 162.4])


@pytest.mark.parametrize("content", [None, b"", b"\x1c\0\0\0TFL3"])
def test_a_missing_or_damaged_detector_is_one_sentence(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        pipeline.PERSON_DETECTOR.parent.mkdir()
        pipeline.PERSON_DETECTOR.write_bytes(content)
    with pytest.raises(
        InputError, match=re.escape("pose_detection.tflite is missing or damaged: `git checkout models/")
    ):
        pipeline.load_finder(look_at([]))


def test_the_detector_is_in_the_repository(monkeypatch):
    monkeypatch.setenv("POSE3D_ACCELERATOR", "cpu")
    assert len(pipeline.load_finder(look_at([]))([IMAGE], [NOWHERE], [np.array([square(200)])])[0]) == 0
