import json
from dataclasses import replace

import numpy as np
import pytest
from people import DISTORTION, SPLITS, camera_ring, population, take, write_data
from tiny_models import save_models

from benchmarks import other_people
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.world.stature import bone_lengths


@pytest.fixture
def walk():
    """A take as an undistorted camera sees it, the float64 projections of its poses."""
    (sequence,) = take("S8", "Walk-1", 10, camera_ring(1))
    plain = replace(sequence.camera, distortion=np.zeros_like(DISTORTION))
    return other_people.seen_by(sequence, sequence.poses_world_m, plain)


def sight(sequence):
    """From the camera to the person's mean place, (3,)."""
    return sequence.poses_world_m[:, 0].mean(0, dtype=np.float64) - sequence.camera.position_m


@pytest.mark.parametrize("down_deg", [-20, 0, 60])
def test_the_camera_goes_round_the_person_and_stays_level(walk, down_deg):
    changed = other_people.looked_down_on(walk, down_deg)
    before, after = sight(walk), sight(changed)
    assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before))
    assert np.degrees(np.arcsin(-after[2] / np.linalg.norm(after))) == pytest.approx(down_deg, abs=1e-4)
    assert np.arctan2(after[1], after[0]) == pytest.approx(np.arctan2(before[1], before[0]))
    assert changed.camera.rotation[0, 2] == pytest.approx(walk.camera.rotation[0, 2], abs=0.01)
    mean = [one.poses_cam_m[:, 0].mean(0) for one in (walk, changed)]
    np.testing.assert_allclose(*mean, atol=1e-5)  # in the same place of the picture


def test_a_longer_lens_sees_the_person_from_farther_away_and_as_large(walk):
    changed = other_people.through_focal_length(walk, 2.0)
    np.testing.assert_allclose(changed.keypoints_px[:, 0], walk.keypoints_px[:, 0], atol=1e-6)
    np.testing.assert_allclose(changed.poses_cam_m[:, 0], walk.poses_cam_m[:, 0] * [1, 1, 2], atol=1e-6)
    relative = [one.poses_cam_m - one.poses_cam_m[:, :1] for one in (walk, changed)]
    np.testing.assert_allclose(*relative, atol=1e-6)
    assert np.ptp(changed.keypoints_px, axis=1).mean() == pytest.approx(
        np.ptp(walk.keypoints_px, axis=1).mean(), rel=0.1
    )


def test_a_child_stands_on_the_same_floor_with_shorter_legs_and_a_larger_head(walk):
    changed = other_people.of_body(walk, 0.5, legs=0.8, arms=0.9, head=1.2)
    ratio = bone_lengths(changed.poses_world_m)[0] / bone_lengths(walk.poses_world_m)[0]
    by_joint = dict(zip(range(1, 17), ratio, strict=True))
    assert [by_joint[joint] for joint in (1, 2, 3, 7, 9, 10, 11, 12, 13)] == pytest.approx(
        [0.5, 0.4, 0.4, 0.5, 0.6, 0.6, 0.5, 0.45, 0.45]
    )
    lowest = [one.poses_world_m[..., 2].min() for one in (walk, changed)]
    assert lowest[1] == pytest.approx(0.5 * lowest[0])
    steps = [np.diff(one.poses_world_m[:, 0], axis=0) for one in (walk, changed)]
    np.testing.assert_allclose(steps[1], 0.5 * steps[0], atol=1e-7)


def test_detection_errors_are_carried_over(walk):
    aside_px = 20 * np.random.default_rng(0).standard_normal((10, 17, 2))
    detected = Keypoints2D(walk.keypoints_px + aside_px, np.ones((10, 17)))
    same = other_people.carried_over(walk, detected, walk)
    np.testing.assert_allclose(same, detected.keypoints_px, atol=1e-6)
    upside_down = other_people.carried_over(walk, detected, other_people.rolled(walk, 180))
    plane = walk.camera.normalize(detected.keypoints_px)
    np.testing.assert_allclose(walk.camera.normalize(upside_down), -plane, atol=1e-9)
    quarter = other_people.carried_over(walk, detected, other_people.rolled(walk, 90))
    np.testing.assert_allclose(walk.camera.normalize(quarter), plane[..., ::-1] * [-1, 1], atol=1e-9)
    small = other_people.of_body(walk, 0.5)
    errors = [other_people.carried_over(walk, detected, one) - one.keypoints_px for one in (walk, small)]
    sizes = np.concatenate([other_people._sizes(one.camera.normalize(one.keypoints_px)) for one in (walk, small)], -1)
    np.testing.assert_allclose(errors[1], errors[0] * sizes[..., 1:] / sizes[..., :1], atol=1e-6)


def test_both_lifters_are_measured_in_every_scene_and_none_of_the_test_subjects_is(tmp_path, capsys):
    people = population(frames=3, actions=("Walk-1",))
    write_data(tmp_path, people)
    save_models(tmp_path / "models")
    other_people.main(["--data", str(tmp_path), "--output", str(tmp_path / "a.json")])
    rows = json.loads((tmp_path / "a.json").read_text())
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(rows) == 2 + 2 * len(other_people.SCENES)
    of_one = {(row["changed"], row["to"]): row for row in rows if row["lifter"] == "repnet"}
    nothing, half = of_one["nothing", ""], of_one["size", "x 0.5"]
    assert half["pa_mpjpe_mm"] < nothing["pa_mpjpe_mm"] and half["mpjpe_mm"] != nothing["mpjpe_mm"]
    others = [replace(s, poses_cam_m=s.poses_cam_m + 1) if s.subject in SPLITS["test"] else s for s in people]
    write_data(tmp_path, others)
    other_people.main(["--data", str(tmp_path), "--lifters", "repnet", "--output", str(tmp_path / "b.json")])
    assert json.loads((tmp_path / "b.json").read_text()) == [row for row in rows if row["lifter"] == "repnet"]
