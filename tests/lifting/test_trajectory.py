"""Smoothing of the root's distance, and of poses about the root."""

import numpy as np
import pytest

from pose3d.lifting.trajectory import POSE_REACH_S, smooth, smooth_known, smooth_poses


@pytest.mark.parametrize("frames", [3, 4, 40])
def test_solves_the_normal_equations(frames):
    values = np.random.default_rng(0).normal(5, 0.1, frames)
    differences = np.diff(np.eye(frames), n=2, axis=0)
    time_s = np.arange(1, frames - 1) / 25
    weights = 1 + 20 * (np.exp(-2 * time_s) + np.exp(-2 * ((frames - 1) / 25 - time_s)))
    normal = np.eye(frames) + (25 / 3.0) ** 4 * differences.T @ (weights[:, None] * differences)
    np.testing.assert_allclose(smooth(values, fps=25), np.linalg.solve(normal, values), rtol=1e-8)


def test_noise_at_the_ends():
    """Gain of white noise: the norm of a row of the matrix. With one weight for all it was 1.94 times the middle's."""
    matrix = np.stack([smooth(one, fps=25) for one in np.eye(250)], 1)
    gain = np.linalg.norm(matrix, axis=1)
    assert gain[0] / gain[125] == pytest.approx(1.64, abs=0.01)
    np.testing.assert_allclose(gain, gain[::-1], rtol=1e-6)
    assert gain[125] == pytest.approx(0.178, abs=0.001)


def test_what_is_not_known_draws_at_nothing():
    values = np.linspace(3, 4, 60)
    known = np.ones(60, bool)
    known[[0, 1, 20, 21, 22]] = False
    wild = np.where(known, values, 50.0)
    expected = smooth(np.where(np.arange(60) < 2, values[2], values), fps=25)
    np.testing.assert_allclose(smooth_known(wild, known, 25), expected, rtol=1e-9)
    np.testing.assert_array_equal(smooth_known(wild, None, 25), smooth(wild, 25))
    np.testing.assert_array_equal(smooth_known(wild, ~known & False, 25), smooth(wild, 25))


@pytest.mark.parametrize("frames", [1, 2, 3, 50])
def test_a_straight_walk_stays(frames):
    line = 3 + 0.02 * np.arange(frames)
    np.testing.assert_allclose(smooth(line, fps=50), line, rtol=1e-9)


def test_frame_rate_does_not_matter_and_half_of_a_swing_at_the_cutoff_stays():
    for fps in (50, 100):
        time_s = np.arange(0, 40, 1 / fps)
        swing = np.sin(3.0 * time_s)
        kept = (
            smooth(swing, fps)[5 * fps : -5 * fps] @ swing[5 * fps : -5 * fps] / (swing[5 * fps : -5 * fps] ** 2).sum()
        )
        assert kept == pytest.approx(0.5, abs=0.01)


def test_what_is_not_finite_stays_so_and_raises_nothing():
    """The evaluation then says of which method and sequence; a traceback of a solver would not."""
    assert np.isnan(smooth(np.array([5.0, np.nan, 5.0, 5.0]), fps=25)).any()


def test_poses_are_smoothed_about_their_root_in_each_run_of_known_frames():
    """Each run by the normal equations; frames of no known pose, and two that are alone, stay as they are."""
    poses = np.random.default_rng(0).normal(0, 0.3, (40, 17, 3))
    known = np.ones(40, bool)
    known[[20, 23]] = False
    smoothed = smooth_poses(poses, known, fps=25)
    np.testing.assert_array_equal(smoothed[:, 0], poses[:, 0])
    np.testing.assert_allclose(smoothed[20:24], poses[20:24], rtol=0, atol=1e-12)
    for run in (slice(0, 20), slice(24, 40)):
        about_root = (poses[run] - poses[run, :1]).reshape(-1, 51)
        differences = np.diff(np.eye(len(about_root)), n=2, axis=0)
        expected = np.linalg.solve(np.eye(len(about_root)) + differences.T @ differences, about_root)
        found = smoothed[run] - poses[run, :1]
        np.testing.assert_allclose(found.reshape(-1, 51), expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(smooth_poses(poses, np.ones(40, bool), 25), smooth_poses(poses, None, 25))
    np.testing.assert_array_equal(smooth_poses(poses, np.zeros(40, bool), 25), poses)


def test_even_movements_stay_and_half_of_a_swing_at_the_cutoff():
    time_s = np.arange(400) / 100
    even = np.linspace(-1, 1, 51).reshape(1, 17, 3) * time_s[:, None, None]
    np.testing.assert_allclose(smooth_poses(even, None, 100), even, rtol=0, atol=1e-9)
    swing = np.zeros((400, 17, 3))
    swing[:, 5, 0] = np.sin(25.0 * time_s)
    kept = smooth_poses(swing, None, 100)[100:300, 5, 0] @ swing[100:300, 5, 0] / (swing[100:300, 5, 0] ** 2).sum()
    assert kept == pytest.approx(0.5, abs=0.01)


def test_a_frame_out_of_reach_has_no_part_in_a_pose():
    poses = np.random.default_rng(0).normal(0, 0.3, (80, 17, 3))
    moved = poses.copy()
    moved[0, 1:] += 1
    reach = int(POSE_REACH_S * 25)
    difference = np.abs(smooth_poses(moved, None, 25) - smooth_poses(poses, None, 25)).max((1, 2))
    assert difference[reach:].max() < 1e-6 < difference[reach - 12]
