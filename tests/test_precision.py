"""What float32 costs: every metric and all geometry against float64, for people 2 m to 100 m away.

A coordinate of d metres is rounded to within 2^-24 d = 6e-8 d: 0.3 micrometres at 5 m, 6 at 100 m. The bounds below are
small multiples of that: they are what the roundings of predictions, truths and roots add up to, with no room for an
operation that loses digits.
"""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from people import camera_ring, swinging_poses

from pose3d.evaluation import metrics
from pose3d.geometry.camera import crop_from_image, rotation_to_optical_axis, square_box
from pose3d.lifting.prior import place_before_camera, project_with_errors, vary_bone_lengths
from pose3d.lifting.virtual_camera import (
    lifter_features,
    optical_axis_rotation,
    project_virtual,
    to_camera_space,
    to_rays,
    to_virtual_space,
    view_from_image_plane,
)
from pose3d.multiview.triangulation import triangulate

ROUNDING = 2.0**-24
"""Of a number near 1, to float32."""
IMAGE_PX = 1000

seeds = st.integers(0, 2**32 - 1)
distances_m = st.sampled_from([2.0, 5.0, 20.0, 100.0])


def people(seed, distance_m, frames=12):
    """A prediction, some centimetres off, and the truth: (T, 17, 3) in the space of a camera that far away, metres."""
    rng = np.random.default_rng(seed)
    world = swinging_poses(rng, frames)
    camera = camera_ring(1, distance_m)[0]
    truth = camera.world_to_camera(world)
    return truth + rng.normal(0, 0.05, truth.shape), truth


def as_float32(*arrays):
    return [array.astype(np.float32) for array in arrays]


def reflecting(predicted, truth):
    return metrics.align_procrustes(predicted, truth, allow_reflection=True)


# What roundings of both poses and both roots may add up to, in units of ROUNDING times the largest coordinate.
METRICS = {
    metrics.joint_errors: 4,
    metrics.root_relative: 4,
    metrics.align_root: 4,
    metrics.align_scale: 8,
    metrics.align_size: 8,
    metrics.align_procrustes: 8,
    metrics.align_procrustes_l1: 64,
    metrics.mpjpe: 8,
    metrics.n_mpjpe: 8,
    metrics.pa_mpjpe: 8,
    metrics.pa_l1_mpjpe: 16,
    metrics.velocity_errors: 16,
    metrics.acceleration_errors: 32,
}
SHARES = {metrics.pck_curve, metrics.pck150, metrics.auc, metrics.pck_2d, metrics.pck_px, metrics.heatmap_pck}


def test_no_metric_is_left_out():
    public = {f for name, f in vars(metrics).items() if inspect.isfunction(f) and not name.startswith("_")}
    assert {f for f in public if f.__module__ == metrics.__name__} == set(METRICS) | SHARES


@given(seeds, distances_m)
@settings(max_examples=25, deadline=None)
def test_metrics(seed, distance_m):
    predicted, truth = people(seed, distance_m)
    largest_m = np.abs([predicted, truth]).max()
    for metric in (*METRICS, reflecting):
        arguments = (predicted,) if metric is metrics.root_relative else (predicted, truth)
        expected, found = metric(*arguments), metric(*as_float32(*arguments))
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=0, atol=METRICS.get(metric, 8) * ROUNDING * largest_m)


@given(seeds, distances_m)
@settings(max_examples=25, deadline=None)
def test_shares_below_thresholds_change_by_what_lies_on_a_threshold_alone(seed, distance_m):
    predicted, truth = people(seed, distance_m)
    errors = metrics.joint_errors(metrics.align_root(predicted, truth), truth)
    near_m = 1e-6 * distance_m
    for share, thresholds_m in (
        (metrics.pck150, [metrics.PCK_THRESHOLD_M]),
        (metrics.auc, metrics.AUC_THRESHOLDS_M),
        (lambda e: metrics.pck_curve(e, [0.05])[0], [0.05]),
    ):
        on_one = np.mean([(np.abs(errors - threshold) < near_m).mean() for threshold in thresholds_m])
        p32, t32 = as_float32(predicted, truth)
        in_float32 = metrics.joint_errors(metrics.align_root(p32, t32), t32)
        for found in (in_float32, in_float32.astype(np.float32)):
            assert abs(share(found) - share(errors)) <= on_one + 1e-12


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_share_of_keypoints(seed):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, IMAGE_PX, (20, 17, 2))
    predicted = truth + rng.normal(0, 20, truth.shape)
    boxes = np.concatenate([truth.min(1), truth.max(1)], -1)
    longer = (boxes[:, 2:] - boxes[:, :2]).max(-1, keepdims=True)
    on_threshold = (np.abs(np.linalg.norm(predicted - truth, axis=-1) - 0.02 * longer) < 1e-3).mean()
    found = metrics.pck_2d(*as_float32(predicted, truth, boxes), 0.02)
    assert abs(found - metrics.pck_2d(predicted, truth, boxes, 0.02)) <= on_threshold + 1e-12


@given(seeds, distances_m)
@settings(max_examples=25, deadline=None)
def test_cameras(seed, distance_m):
    """Through the lens to a ten-thousandth of a px, wherever somebody stands, and back."""
    camera = camera_ring(1, distance_m)[0]
    world = swinging_poses(np.random.default_rng(seed), 4)
    points = camera.world_to_camera(world)
    coarse = as_float32(world, points)
    np.testing.assert_allclose(camera.world_to_camera(coarse[0]), points, rtol=0, atol=4 * ROUNDING)
    metres = 4 * ROUNDING * np.abs(points).max()
    np.testing.assert_allclose(camera.camera_to_world(coarse[1]), camera.camera_to_world(points), rtol=0, atol=metres)
    seen_px = camera.project(points)
    assert camera.project(coarse[1]).dtype == np.float64
    np.testing.assert_allclose(camera.project(coarse[1]), seen_px, rtol=0, atol=1e-4)
    plane = camera.normalize(*as_float32(seen_px))
    np.testing.assert_allclose(plane, points[..., :2] / points[..., 2:], rtol=0, atol=1e-7)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_crops(seed):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, IMAGE_PX, (5, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(20, 500, (5, 2))], -1)
    (coarse,) = as_float32(boxes)
    np.testing.assert_allclose(square_box(coarse, 1.25), square_box(boxes, 1.25), rtol=0, atol=8 * ROUNDING * 1500)
    transform, expected = (crop_from_image(square_box(box, 1.25), 256) for box in (coarse, boxes))
    np.testing.assert_allclose(transform[:, :, :2], expected[:, :, :2], rtol=16 * ROUNDING * 1500 / 20, atol=0)


@given(seeds, distances_m)
@settings(max_examples=15, deadline=None)
def test_triangulation(seed, distance_m):
    cameras = camera_ring(3, distance_m)
    world = swinging_poses(np.random.default_rng(seed), 2)
    seen_px = np.stack([camera.project(camera.world_to_camera(world)) for camera in cameras])
    exact = triangulate(cameras, seen_px, np.ones(seen_px.shape[:-1]), 2.0)
    coarse = triangulate(cameras, *as_float32(seen_px, np.ones(seen_px.shape[:-1])), 2.0)
    np.testing.assert_allclose(exact.points_world_m, world, rtol=0, atol=1e-9 * distance_m)
    # Half a unit in the last place of 1000 px is 3e-5 px, which is 3e-8 of the distance.
    np.testing.assert_allclose(coarse.points_world_m, world, rtol=0, atol=1e-7 * distance_m)


def both(*tensors):
    """In double precision and in single precision, of the same numbers but for their rounding."""
    return [tensor.double() for tensor in tensors], [tensor.float() for tensor in tensors]


def assert_near(found, expected, atol):
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=atol)


@given(seeds, distances_m)
@settings(max_examples=25, deadline=None)
def test_virtual_cameras(seed, distance_m):
    """Features are in units of the person's size in the image, which at 100 m is 1/200 of the image plane's."""
    of_size = 16 * ROUNDING * distance_m / 0.45
    poses = torch.from_numpy(people(seed, distance_m, 3)[1])
    poses = poses + torch.tensor([0.3, -0.2, 0.0]) * distance_m  # far from the optical axis
    rays = poses[..., :2] / poses[..., 2:]
    (plane64,), (plane32,) = both(rays)
    view64, view32 = view_from_image_plane(plane64), view_from_image_plane(plane32)
    assert_near(view32.keypoints, view64.keypoints, of_size)
    assert_near(view32.scale / view64.scale, torch.ones(3, dtype=torch.float64), of_size)
    assert_near(view32.rotation, view64.rotation, 8 * ROUNDING)
    features64, features32 = (lifter_features(plane[None], True)[0] for plane in (plane64, plane32))
    assert_near(features32, features64, 4 * of_size)  # the motion is a difference of two views

    turned = poses @ view64.rotation.transpose(-1, -2)
    relative, roots = turned[:, 1:] - turned[:, :1], turned[:, 0]
    exact, coarse = both(relative, roots, view64.scale)
    assert_near(project_virtual(*coarse), project_virtual(*exact), of_size)
    exact, coarse = both(relative, roots, view64.rotation)
    assert_near(to_camera_space(*coarse), poses, 16 * ROUNDING * distance_m)


@given(seeds, distances_m)
@settings(max_examples=25, deadline=None)
def test_prior_before_a_camera(seed, distance_m):
    rng = np.random.default_rng(seed)
    takes = torch.from_numpy(np.stack([swinging_poses(rng, 3) for _ in range(4)]))
    camera = camera_ring(1, distance_m)[0]
    rotation = torch.from_numpy(np.repeat(camera.rotation[None], 4, 0))
    heading, plane = torch.from_numpy(rng.uniform(0, 6, 4)), torch.from_numpy(rng.uniform(-0.4, 0.4, (4, 2)))
    scale = torch.full((4,), 0.45 / distance_m)
    factors = torch.from_numpy(rng.uniform(0.8, 1.2, (4, 16)))
    exact, coarse = both(takes, heading, rotation, plane, scale, factors)
    placed = []
    for poses, *place, lengths in (exact, coarse):
        placed.append(place_before_camera(vary_bone_lengths(poses, lengths), *place, 1))
    assert_near(placed[1], placed[0], 32 * ROUNDING * distance_m)
    errors = torch.from_numpy(rng.normal(0, 0.02, (4, 3, 17, 2)))
    planes = project_with_errors(placed[0], errors), project_with_errors(placed[0].float(), errors.float())
    assert_near(planes[1], planes[0], 8 * ROUNDING)
    seen = [(p, view_from_image_plane(plane).rotation) for p, plane in both(placed[0], planes[0])]
    for value, exact in zip(to_virtual_space(*seen[1]), to_virtual_space(*seen[0]), strict=True):
        assert_near(value, exact, 32 * ROUNDING * distance_m)


def test_least_rotations_agree_in_both_precisions():
    rng = np.random.default_rng(0)
    plane = torch.from_numpy(rng.uniform(-1, 1, (100, 2)))
    rays = to_rays(plane)
    expected = rotation_to_optical_axis(rays.numpy())
    np.testing.assert_allclose(rotation_to_optical_axis(rays.numpy().astype(np.float32)), expected, atol=4 * ROUNDING)
    np.testing.assert_allclose(optical_axis_rotation(rays.float()).numpy(), expected, atol=8 * ROUNDING)


# Degenerate poses: what a metric says of them is finite, in both precisions.

DEGENERATE = {
    "a point": lambda poses: 0 * poses + 3.0,
    "the origin": lambda poses: 0 * poses,
    "a line": lambda poses: poses[..., :1] * [1.0, 2.0, 3.0],
    "a plane": lambda poses: poses * [1.0, 1.0, 0.0],
    "bones without length": lambda poses: np.repeat(poses[..., ::2, :], 2, -2)[..., :17, :],
    "hardly a size": lambda poses: poses * 1e-30,
    "a planet": lambda poses: poses * 1e7,
}


@pytest.mark.parametrize("truth", ["a person", *DEGENERATE])
@pytest.mark.parametrize("predicted", DEGENERATE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_metrics_of_degenerate_poses_are_finite(predicted, truth, dtype):
    person, other = people(0, 5.0, 4)
    p, t = DEGENERATE[predicted](person).astype(dtype), DEGENERATE.get(truth, np.asarray)(other).astype(dtype)
    for metric in (*METRICS, reflecting):
        values = metric(p) if metric is metrics.root_relative else metric(p, t)
        assert np.isfinite(values).all(), metric.__name__
    assert metrics.pa_mpjpe(p, p).max() <= 1e-6 * np.abs(p).max()


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_sequences_too_short_for_a_difference_have_no_errors_of_it(frames):
    predicted, truth = (poses[:frames] for poses in people(0, 5.0))
    assert metrics.velocity_errors(predicted, truth).shape == (max(frames - 1, 0), 17)
    assert metrics.acceleration_errors(predicted, truth).shape == (max(frames - 2, 0), 17)
    assert metrics.mpjpe(predicted, truth).shape == (frames,)
