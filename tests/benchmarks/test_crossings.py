"""Scenes and measures of benchmarks.crossings. Gait and body are made of numbers: no downloaded file is needed."""

import json

import numpy as np
import pytest

from benchmarks.crossings.__main__ import main, shown
from benchmarks.crossings.measures import Followed, measure
from benchmarks.crossings.scenes import KINDS, RATE_HZ, Scene, SceneFrame, cameras, paths, walk_along
from pose3d.predict.sightings import SightingRows
from pose3d.synthetic.body import PosedBones


def box(x):
    return [x, 0.0, x + 10, 20]


def measured(*frames):
    """Of each frame: where people truly are, by x (None: hidden), and {number: x}."""
    truth = np.array([[box(x or 0) for x in people] for people, _ in frames])
    seen = np.array([[x is not None for x in people] for people, _ in frames], float)
    numbers = [np.array(list(found), int) for _, found in frames]
    boxes = [np.array([box(x) for x in found.values()]).reshape(-1, 4) for _, found in frames]
    return measure(truth, seen, numbers, boxes)


def test_a_perfect_tracker():
    found = measured(*[((0, 50), {4: 0, 7: 50})] * 5)
    assert found == Followed(frames=5, switches=0, targets=10, right=10, visible=10, found=10, given=10, true=10)
    assert set(found.row(25).values()) == {0, 100}


def test_two_who_swap_numbers_are_two_switches_and_wrong_from_then_on():
    found = measured(*[((0, 50), {4: 0, 7: 50})] * 2, *[((0, 50), {7: 0, 4: 50})] * 2)
    assert (found.switches, found.right, found.targets) == (2, 4, 8)
    assert found.row(25)["switches_per_minute"] == pytest.approx(2 * 60 * 25 / 4)


def test_a_new_number_after_being_hidden_is_a_switch_and_the_old_one_is_none():
    hidden = [((None,), {})] * 3
    assert measured(((0,), {1: 0}), *hidden, ((30,), {2: 30})).switches == 1
    same = measured(((0,), {1: 0}), *hidden, ((30,), {1: 30}))
    assert (same.switches, same.targets, same.right, same.visible) == (0, 2, 2, 2)


def test_a_number_is_whose_it_is_most_of_the_time():
    """For one frame it lies on the other one."""
    found = measured(((0, 50), {4: 50}), *[((0, 50), {4: 0, 7: 50})] * 3)
    assert (found.switches, found.right, found.targets) == (1, 6, 7)


def test_missed_people_and_false_ones():
    found = measured(((0, 50), {1: 0, 2: 50}), ((0, 50), {1: 0, 3: 100}))
    assert found.row(25) == {
        "switches_per_minute": 0,
        "right_person_percent": 75,
        "found_percent": 75,
        "precision_percent": 75,
    }


def test_where_people_overlap_each_keeps_the_number_that_still_lies_there():
    """The other pairing has more overlap in all, but nobody was taken for anybody."""
    found = measured(((0, 30), {1: 0, 2: 30}), ((0, 2), {1: 2, 2: 0}))
    assert (found.switches, found.right) == (0, 4)


def test_sums():
    assert Followed(1, 2, 3, 4, 5, 6, 7, 8) + Followed(frames=1) == Followed(2, 2, 3, 4, 5, 6, 7, 8)
    assert Followed().row(25)["right_person_percent"] == 0


def test_no_foot_slides():
    """A gait of one metre, one foot at the origin for the whole cycle, along a path of two metres to +x."""
    stride_m = np.stack([np.zeros(101), -np.linspace(0, 1, 101), np.ones(101)], -1)
    foot_m = np.zeros((101, 3))
    gait = PosedBones(np.tile(np.eye(3), (101, 2, 1, 1)), np.stack([stride_m, foot_m], 1))
    walked = walk_along(gait, np.stack([np.linspace(3, 5, 50), np.zeros(50)], -1))
    np.testing.assert_allclose(walked.heads_m[:, 0], np.stack([np.linspace(3, 5, 50), np.zeros(50), np.ones(50)], -1))
    in_first_step = walked.heads_m[:24, 1]
    np.testing.assert_allclose(in_first_step, np.tile([3.0, 0, 0], (24, 1)), atol=0.03)
    np.testing.assert_allclose(walked.rotations[:, 0] @ [0, -1.0, 0], np.tile([1.0, 0, 0], (50, 1)), atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_people_keep_apart_and_walk_at_a_walkers_pace(kind):
    scene = Scene("report", kind, 3)
    walked_m = paths(scene, np.random.default_rng(3))
    assert walked_m.shape == (scene.n_people, 300, 2)
    speeds = np.linalg.norm(np.diff(walked_m, axis=1), axis=-1) * RATE_HZ
    assert 0.85 < speeds.max() < 1.5
    for first in range(scene.n_people):
        for second in range(first):
            assert np.linalg.norm(walked_m[first] - walked_m[second], axis=-1).min() > 0.5
    order = np.sign(walked_m[0, :, 0] - walked_m[1, :, 0])
    assert (order[1:] != order[:-1]).any() or kind == "returning"  # they cross


def test_only_cameras_that_move_change_and_a_cut_changes_once():
    def changes(kind):
        views = cameras(Scene("report", kind, 1), np.random.default_rng(1))
        return sum(first is not second for first, second in zip(views[1:], views, strict=False))

    assert {kind: changes(kind) for kind in KINDS} == {
        "two": 0,
        "three": 0,
        "returning": 0,
        "panning": 299,
        "handheld": 299,
        "cut": 1,
    }


def drawn(scene, *_):
    """People as coloured boxes that cross, in place of rendered ones."""
    for t in range(len(scene)):
        boxes = np.array([[100.0 + 8 * t, 100, 150 + 8 * t, 250], [400.0 - 8 * t, 110, 440 - 8 * t, 240]])
        image = np.full((scene.height_px, scene.width_px, 3), 128, np.uint8)
        for (x0, y0, x1, y1), colour in zip(boxes.astype(int), ((200, 60, 60), (40, 40, 180)), strict=True):
            image[y0:y1, x0:x1] = colour
        keypoints = boxes[:, None, :2] + np.linspace(0.2, 0.8, 17)[:, None] * (boxes[:, None, 2:] - boxes[:, None, :2])
        yield SceneFrame(t / RATE_HZ, image, boxes, keypoints, np.ones((2, 17), bool), np.ones(2))


def test_short_gaps_are_shown_and_long_ones_are_not():
    """Somebody moves by 1 px a frame, and is seen in frames 0 to 9, 22 to 30 and 44."""
    sightings = SightingRows(None, 100, 100)
    for t in range(50):
        here = np.zeros(int(t <= 9 or 22 <= t <= 30 or t == 44), int)
        keypoints_px = np.zeros((len(here), 17, 2))
        sightings.append(
            t / RATE_HZ, here, np.array([box(t)] * len(here)).reshape(-1, 4), keypoints_px, keypoints_px[..., 0]
        )
    numbers, boxes_px = shown(sightings)
    assert [len(here) for here in numbers] == [1] * 31 + [0] * 13 + [1] + [0] * 5
    np.testing.assert_allclose(boxes_px[15], [box(15)])


def test_the_command_reports_each_scene_and_all(monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.crossings.__main__.render", drawn)
    lines = []
    for _ in range(2):
        monkeypatch.setattr("sys.argv", ["crossings", "--stand-in", "--kinds", "two", "--seconds", "1.6"])
        main()
        lines.append(capsys.readouterr().out.splitlines())
    assert lines[0] == lines[1]
    two, everything = map(json.loads, lines[0])
    assert two.pop("scene") == "report-two-1" and everything.pop("scene") == "all"
    assert two == everything
    assert two["switches_per_minute"] == 0 and two["right_person_percent"] > 95
