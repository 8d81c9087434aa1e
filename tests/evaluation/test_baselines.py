import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import camera_ring, detect, looking_at, take
from scipy.spatial.transform import Rotation

from pose3d.evaluation import baselines, metrics
from pose3d.evaluation.layouts import true_points_px
from pose3d.geometry.layouts import layout
from pose3d.geometry.skeleton import mirror_permutation
from pose3d.records.keypoints2d import Keypoints2D


@pytest.fixture(scope="module")
def prior_takes():
    return [*take("S7", "Walk-1", 30, camera_ring(2)), *take("S7", "Wave-1", 20, camera_ring(2))]


def test_prior_uses_each_take_once_and_thins_evenly(prior_takes):
    every = baselines.prior_poses(prior_takes, 1000)
    assert every.shape == (50, 17, 3)
    assert not every[:, 0].any()
    few = baselines.prior_poses(prior_takes, 3)
    np.testing.assert_array_equal(few, every[[0, 24, 49]])


def test_mean_pose_is_the_mean_over_poses_and_yaws(prior_takes):
    prior = baselines.prior_poses(prior_takes, 20)
    sequence = prior_takes[1]
    yaws = Rotation.from_rotvec(np.arange(36)[:, None] * [0, 0, np.pi / 18]).as_matrix()
    everywhere = np.einsum("yab,njb->ynja", yaws, prior).mean((0, 1))
    mean = baselines.mean_pose(prior, sequence)
    assert mean.shape == sequence.poses_cam_m.shape
    np.testing.assert_allclose(mean, np.broadcast_to(everywhere @ sequence.camera.rotation.T, mean.shape), atol=1e-9)


def test_turned_views_are_rigid_copies_and_mirror_images(prior_takes):
    prior = baselines.prior_poses(prior_takes, 2)
    views = baselines.turned_views(prior, 4).reshape(4, 2, 2, 17, 3)  # yaw, mirrored or not, pose
    np.testing.assert_allclose(views[0, 0], prior, atol=1e-6)
    np.testing.assert_allclose(views[1, 0, :, :, 0], -prior[..., 1], atol=1e-6)  # a quarter turn to the left
    np.testing.assert_allclose(views[1, 0, :, :, 1], prior[..., 0], atol=1e-6)
    mirrored = views[0, 1, :, mirror_permutation()].swapaxes(0, 1)
    np.testing.assert_allclose(mirrored * [-1, 1, 1], prior, atol=1e-6)


@given(st.floats(-np.pi, np.pi), st.floats(0.2, 4.0), st.floats(100, 900), st.floats(100, 900), st.floats(-1.0, 1.0))
@settings(max_examples=60, deadline=None)
def test_level_camera_looks_at_the_root_with_the_vertical_upright(angle, height, x, y, roll):
    level = looking_at(np.array([0, 0, 1.0]), np.array([4 * np.cos(angle), 4 * np.sin(angle), height]), "cam")
    turn = Rotation.from_rotvec([0, 0, roll]).as_matrix()
    camera = type(level)(
        "cam", 1000, 1000, level.intrinsics_px, level.distortion, turn @ level.rotation, turn @ level.translation_m
    )
    root_px = np.array([[x, y]])
    rotation, elevation = baselines.level_camera(camera, root_px)
    np.testing.assert_allclose(rotation[0] @ rotation[0].T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation[0]) == pytest.approx(1)
    ray = rotation[0] @ [*camera.normalize(root_px)[0], 1]
    np.testing.assert_allclose(ray[:2], 0, atol=1e-9)
    up = rotation[0] @ camera.rotation[:, 2]
    np.testing.assert_allclose(up, [0, -np.cos(elevation[0]), -np.sin(elevation[0])], atol=1e-9)
    # The same world vertical, seen by the camera that the prior is projected with.
    np.testing.assert_allclose(baselines.seen_from_elevation(np.array([0, 0, 1.0]), elevation[0]), up, atol=1e-9)


def test_a_camera_straight_above_is_no_division_by_zero():
    camera = looking_at(np.array([0, 1e-12, 0.0]), np.array([0, 0, 5.0]), "above")
    rotation, elevation = baselines.level_camera(camera, camera.project(np.array([[0, 0, 1.0]])))
    assert np.isfinite(rotation).all()
    assert elevation[0] == pytest.approx(np.pi / 2, abs=1e-5)


def test_nearest_neighbour_finds_the_pose_when_the_prior_holds_it():
    truth = take("S9", "Walk-1", 12, camera_ring(2, distance_m=4.5))
    prior = baselines.prior_poses(truth, 100)
    for sequence in truth:
        detected = detect([sequence], 0.0)[0]
        found = baselines.nearest_neighbour(baselines.turned_views(prior, 72), sequence, detected)
        assert found.dtype == np.float32
        assert (
            metrics.mpjpe(found, sequence.poses_cam_m).mean() < 0.03
        )  # at most 2.5 degrees of yaw away, 5 at the worst
        assert metrics.pa_mpjpe(found, sequence.poses_cam_m).mean() < 0.02
        assert not found[:, 0].any()


@pytest.mark.parametrize("name", ["coco17", "mpii16", "body25"])
def test_nearest_neighbour_compares_the_joints_that_another_layout_has(name):
    """The other points may be anywhere, and COCO's 17 have no hip in the middle."""
    (truth,) = take("S9", "Walk-1", 12, camera_ring(1, distance_m=4.5))
    px = true_points_px(truth, layout(name))
    others = np.setdiff1d(np.arange(len(layout(name))), layout(name).shared[0])
    px[:, others] = 5000
    detected = Keypoints2D(px, np.ones(px.shape[:2]), name)
    views = baselines.turned_views(baselines.prior_poses([truth], 100), 72)
    found = baselines.nearest_neighbour(views, truth, detected)
    assert metrics.mpjpe(found, truth.poses_cam_m).mean() < 0.03


def test_nearest_neighbour_ignores_place_and_size_in_the_image(prior_takes):
    sequence = take("S9", "Walk-1", 6, camera_ring(1))[0]
    views = baselines.turned_views(baselines.prior_poses(prior_takes, 30), 12)
    near = baselines.nearest_neighbour(views, sequence, detect([sequence], 1.0)[0])
    further = [s for s in take("S9", "Walk-1", 6, camera_ring(1, distance_m=5.5))][0]
    far = baselines.nearest_neighbour(views, further, detect([further], 1.0)[0])
    assert metrics.mpjpe(near, far).mean() < 0.1


def test_collapsed_keypoints_give_a_finite_pose(prior_takes):
    sequence = prior_takes[0]
    views = baselines.turned_views(baselines.prior_poses(prior_takes, 5), 4)
    point = Keypoints2D(np.full_like(sequence.keypoints_px, 500), np.zeros((30, 17), np.float32))
    assert np.isfinite(baselines.nearest_neighbour(views, sequence, point)).all()


def test_chunks_do_not_change_the_result(prior_takes, monkeypatch):
    sequence, views = prior_takes[0], baselines.turned_views(baselines.prior_poses(prior_takes, 5), 8)
    detected = detect([sequence], 2.0)[0]
    whole = baselines.nearest_neighbour(views, sequence, detected)
    monkeypatch.setattr(baselines, "FRAMES_AT_ONCE", 7)
    np.testing.assert_allclose(baselines.nearest_neighbour(views, sequence, detected), whole, atol=1e-6)
    assert len(list(baselines.nearest_neighbours(views[:2], 4, [sequence], [detected]))) == 1
