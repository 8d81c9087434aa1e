"""Smoothing of the root's distance."""

import numpy as np
import pytest

from pose3d.lifting.trajectory import smooth


@pytest.mark.parametrize("frames", [3, 4, 40])
def test_solves_the_normal_equations(frames):
    values = np.random.default_rng(0).normal(5, 0.1, frames)
    differences = np.diff(np.eye(frames), n=2, axis=0)
    expected = np.linalg.solve(np.eye(frames) + (25 / 3.0) ** 4 * differences.T @ differences, values)
    np.testing.assert_allclose(smooth(values, fps=25), expected, rtol=1e-9)


@pytest.mark.parametrize("frames", [1, 2, 3, 50])
def test_a_straight_walk_stays(frames):
    line = 3 + 0.02 * np.arange(frames)
    np.testing.assert_allclose(smooth(line, fps=50), line, rtol=1e-9)


def test_frame_rate_does_not_matter_and_half_of_a_swing_at_the_cutoff_stays():
    for fps in (50, 100):
        time_s = np.arange(0, 40, 1 / fps)
        swing = np.sin(3.0 * time_s)
        kept = smooth(swing, fps) @ swing / (swing @ swing)
        assert kept == pytest.approx(0.5, abs=0.01)


def test_what_is_not_finite_stays_so_and_raises_nothing():
    """The evaluation then says of which method and sequence; a traceback of a solver would not."""
    assert np.isnan(smooth(np.array([5.0, np.nan, 5.0, 5.0]), fps=25)).any()
