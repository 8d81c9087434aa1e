from types import SimpleNamespace

import numpy as np
import pytest
from people import camera_ring, swinging_poses
from scipy.spatial.transform import Rotation

from pose3d import evaluate_views
from pose3d.errors import InputError
from pose3d.evaluate_views import (
    bone_variation_pct,
    boxes_around,
    compare_lifted,
    consistency,
    find_person,
    main,
    moving_boxes,
    steady,
)
from pose3d.records import Keypoints2D
from pose3d.multiview.triangulation import Triangulated


def walking_square(frames=9):
    """A bright square of 40 x 80 px that moves 60 px to the right with each frame over a dark noisy wall."""
    wall = np.random.default_rng(0).integers(0, 20, (240, 640, 3)).astype(np.uint8)
    images = [wall.copy() for _ in range(frames)]
    for t, image in enumerate(images):
        image[80:160, 40 + 60 * t : 80 + 60 * t] = 200
    return images


def test_the_box_follows_what_moves():
    boxes = moving_boxes(walking_square())
    expected = [[40 + 60 * t, 80, 80 + 60 * t, 160] for t in range(9)]
    np.testing.assert_allclose(boxes[2:-2], expected[2:-2], atol=8)


def test_a_scene_without_motion_is_refused():
    with pytest.raises(InputError, match="nothing moves"):
        moving_boxes([np.zeros((100, 100, 3), np.uint8)] * 4)


def test_one_bad_box_is_outvoted():
    boxes = np.tile([10.0, 20, 30, 40], (7, 1))
    boxes[3] = [0, 0, 500, 500]
    np.testing.assert_array_equal(steady(boxes), np.tile([10, 20, 30, 40], (7, 1)))


def test_unsure_keypoints_do_not_widen_the_box():
    keypoints = np.tile(np.linspace([100.0, 100], [200, 300], 17), (5, 1, 1))
    keypoints[:, 4] = 900
    confidence = np.ones((5, 17))
    confidence[:, 4] = 0.1
    # 8 % of 200 px, and 1 px
    np.testing.assert_allclose(boxes_around(Keypoints2D(keypoints, confidence))[2], [83, 83, 217, 317])


def test_the_surer_pass_is_taken_frame_by_frame(monkeypatch):
    passes = [
        Keypoints2D(np.full((9, 17, 2), 1.0), np.full((9, 17), 0.5)),
        Keypoints2D(np.full((9, 17, 2), 2.0), np.repeat(np.linspace(0.1, 0.9, 9)[:, None], 17, 1)),
    ]
    monkeypatch.setattr(evaluate_views, "detect_in_boxes", lambda *_: passes.pop(0))
    found, _ = find_person(None, walking_square())
    np.testing.assert_array_equal(found.keypoints_px[:, 0, 0], [1, 1, 1, 1, 1, 2, 2, 2, 2])


def test_three_views_within_the_threshold_make_a_joint_consistent():
    residuals = np.full((4, 1, 17), 100.0)
    residuals[:3, 0, 0] = 15  # three views
    residuals[:2, 0, 1] = 1  # two are not enough
    residuals[:, 0, 2] = np.nan  # no point
    found = consistency(Triangulated(np.zeros((1, 17, 3)), residuals, residuals < 40))
    assert found["consistent_pct"] == round(100 / 17, 2)
    assert found["consistent_by_joint_pct"]["Hip"] == 100 and found["consistent_by_joint_pct"]["RHip"] == 0
    assert found["residual_median_px"] == 100 and found["residual_90th_percentile_px"] == 100


def test_bones_that_keep_their_lengths_do_not_vary_and_breathing_ones_do():
    poses = swinging_poses(np.random.default_rng(0), 10)
    assert bone_variation_pct(poses) == pytest.approx(0, abs=1e-9)
    scaled = np.concatenate([0.9 * poses, 1.1 * poses])  # mean 1, deviation 0.1
    assert bone_variation_pct(scaled) == pytest.approx(10)


def test_lifted_poses_compare_up_to_turn_and_size():
    world = swinging_poses(np.random.default_rng(0), 6)
    views = [SimpleNamespace(camera=camera) for camera in camera_ring(2)]
    turn = Rotation.from_euler("xyz", [0.1, 0.5, 2]).as_matrix()
    poses = [1.2 * view.camera.world_to_camera(world) @ turn.T for view in views]
    triangulated = world.copy()
    triangulated[0, 3] = np.nan
    found = compare_lifted(poses, views, triangulated)
    assert found["frames_compared"] == 5
    assert found["pa_mpjpe_to_triangulated_mm"] == [0, 0] and found["pa_mpjpe_between_views_mm"] == 0
    poses[1] = poses[1] * [1, 1, -1]  # a mirror image is another pose
    assert compare_lifted(poses, views, triangulated)["pa_mpjpe_between_views_mm"] > 20


def test_a_missing_model_ends_in_one_sentence(tmp_path):
    with pytest.raises(SystemExit, match=r"error: .*pose2d\.pt"):
        main(["--models", str(tmp_path), "--folder", str(tmp_path)])
