import json

import numpy as np
import pytest
from people import SPLITS, camera_ring, take
from tiny_models import save_models

from benchmarks import standing
from pose3d.records.keypoints2d import Keypoints2D, write_keypoints2d
from pose3d.records.sequences import write_sequences


def test_contact_is_slow_and_on_the_floor_or_where_a_foot_rests():
    poses = np.zeros((50, 17, 3))
    poses[:, 3, 2] = 0.08  # the right foot stands
    poses[:, 6, 2] = np.where(np.arange(50) < 25, 1.0, 0.5)  # the left one rests on a step of 0.42 m, then lower
    poses[25:, 6, 0] = 0.1 * np.arange(25)  # and runs at 2.5 m/s
    contact = standing.true_contacts(poses, 25)
    assert contact[:, 0].all()
    assert contact[:20, 1].all() and not contact[26:, 1].any()
    kicked = np.zeros((50, 17, 3))
    kicked[:, 3, 2] = 1 - ((np.arange(50) - 25) / 25) ** 2  # slow at the top for a moment, where nothing is
    assert not standing.true_contacts(kicked, 25)[20:30, 0].any()


def test_sliding_is_along_the_floor_and_of_feet_in_contact_in_both_frames():
    poses = np.zeros((4, 17, 3))
    poses[:, 3, 0], poses[:, 3, 2] = [0, 0.003, 0.007, 1], [0, 5, 0, 0]
    contact = np.array([[1, 0], [1, 0], [1, 0], [0, 0]], bool)
    np.testing.assert_allclose(standing.sliding_m(poses, contact), [0.003, 0.004])


def test_f1():
    assert standing.f1(np.array([True, True, False]), np.array([True, False, True])) == 0.5


def test_turned_keypoints_are_those_of_a_turned_camera():
    (camera,) = camera_ring(1)
    points = np.array([[[0.1, 0.2, 4.0]]])
    rotation = standing.pitched_by(10)
    np.testing.assert_allclose(
        standing.turned_keypoints(camera, camera.project(points), rotation),
        camera.project(points @ rotation.T),
        atol=1e-6,
    )
    up = rotation @ [0.0, -1, 0]
    assert np.degrees(np.arctan2(up[2], -up[1])) == pytest.approx(-10)


def test_the_command_on_toy_data(tmp_path, capsys):
    sequences = take("S8", "Walk-1", 40, camera_ring(2))
    seen = [
        Keypoints2D(s.camera.project(s.poses_cam_m).astype(np.float32), np.ones((40, 17), np.float32))
        for s in sequences
    ]
    write_sequences(
        tmp_path / "s.h5",
        [*take("S1", "Walk-1", 2, camera_ring(1)), *sequences, *take("S9", "Walk-1", 2, camera_ring(1))],
        SPLITS,
    )
    write_keypoints2d(tmp_path / "k.h5", zip([s.key for s in sequences], seen, strict=True))
    save_models(tmp_path)
    files = ["--sequences", tmp_path / "s.h5", "--keypoints", tmp_path / "k.h5", "--lifter", tmp_path / "temporal.pt"]
    standing.main([*map(str, files), "--bodies", "", "--frames", ""])
    report = json.loads(capsys.readouterr().out)
    assert report["frames"] == 80 and set(report["root_error_mm"]) == {"as_lifted", "height_known"}
    assert 0 <= report["contact_f1"] <= 1 and report["up_error_median_deg"]["all"] >= 0
