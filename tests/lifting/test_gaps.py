"""Short gaps of points, bridged; long ones left alone."""

import numpy as np
import pytest

from pose3d.lifting.gaps import BRIDGED_S, Bridged, bridge_gaps, marked

TIME_S = np.array([0.0, 0.1, 0.15, 0.2, 0.6, 0.7])


def track():
    """One point that is at (10 t, -10 t) px."""
    return np.stack([10 * TIME_S, -10 * TIME_S], -1)[:, None]


def test_a_short_gap_is_a_straight_line_in_time():
    points = track()
    points[1:3] = np.nan
    np.testing.assert_allclose(bridge_gaps(points, TIME_S), track(), atol=1e-12)
    assert np.isnan(points[1:3]).all()  # what was given stays as it was


@pytest.mark.parametrize("gone", [slice(0, 2), slice(4, 6), slice(3, 5), slice(0, 6)], ids=str)
def test_gaps_at_an_end_or_long_ones_stay(gone):
    points = track()
    points[gone] = np.nan
    assert TIME_S[5] - TIME_S[2] > BRIDGED_S
    np.testing.assert_array_equal(bridge_gaps(points, TIME_S), points)


def test_points_are_bridged_each_for_itself():
    points = np.concatenate([track(), track() + 1], 1)
    points[1, 0], points[2, 1] = np.nan, np.nan
    bridged = bridge_gaps(points, TIME_S)
    np.testing.assert_allclose(bridged, np.concatenate([track(), track() + 1], 1), atol=1e-12)


def test_where_nothing_is_missing_nothing_is_copied():
    points = track()
    assert bridge_gaps(points, TIME_S) is points


@pytest.mark.parametrize("rows", [slice(0, 200), slice(3, 4), slice(57, 90), slice(190, 200), slice(5, 5)], ids=str)
def test_slices_are_those_of_the_whole(rows):
    rng = np.random.default_rng(0)
    time_s = np.cumsum(rng.uniform(0.02, 0.06, 200))
    points = rng.normal(scale=100, size=(200, 4, 2))
    points[rng.random((200, 4)) < 0.6] = np.nan
    whole = bridge_gaps(marked(points), time_s)
    assert 0 < np.isnan(whole).sum() < np.isnan(points).sum()
    np.testing.assert_array_equal(Bridged(points, time_s)[rows], whole[rows])
    assert len(Bridged(points, time_s)) == 200


def test_what_is_missing_is_marked():
    points = np.tile([[100.0, 100], [150, 300], [200, 0], [0, 250]], (6, 1, 1))
    assert marked(points) is points
    points[0, 1] = 0
    points[1, 2, 0] = np.nan
    points[2] = 77  # all in one place
    points[3] = [[5, 5], [8, 14], [5, 14], [8, 5]]  # a person of 9 px
    points[4, 3] = np.inf
    gone = np.zeros((6, 4), bool)
    gone[0, 1] = gone[1, 2] = gone[2] = gone[3] = gone[4, 3] = True
    np.testing.assert_array_equal(marked(points), np.where(gone[..., None], np.nan, points))
