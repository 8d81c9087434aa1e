"""Smoothing of the root's distance."""

import numpy as np
import pytest

from pose3d.lifting.trajectory import smooth, smooth_known


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
