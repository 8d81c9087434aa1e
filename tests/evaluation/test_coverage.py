"""Coverage: by hand, and of errors whose distribution is known."""

import numpy as np
import pytest
from people import camera_ring, take

from pose3d.evaluation.coverage import Intervals, coverage_table, intervals_of, reliability_table, summary
from pose3d.geometry.skeleton import N_JOINTS, ROOT
from pose3d.lifting.lift import Lifted
from pose3d.lifting.spread import LEVELS
from pose3d.show.figures import save_png
from pose3d.show.reliability import reliability_figure

RNG = np.random.default_rng(0)


def ones(*shape):
    return np.ones((*shape, 2))


def test_gaussian_errors_within_their_radii():
    """|x| of a Gaussian of standard deviation s is below 1.645 s nine times of ten, whatever s is of each joint."""
    deviation = RNG.uniform(0.01, 0.2, (20_000, N_JOINTS, 1))
    errors = np.abs(RNG.normal(0, deviation, (20_000, N_JOINTS, 2)))
    given = Intervals(errors, 1.645 * deviation * ones(1, 1), ones(len(LEVELS), N_JOINTS))
    figures = summary(given)
    assert figures["coverage90_across"] == pytest.approx(0.9, abs=0.003)
    assert figures["root_coverage90_along"] == pytest.approx(0.9, abs=0.01)
    assert figures["median_radius_along_mm"] == pytest.approx(1645 * 0.105, rel=0.02)


def test_reliability_takes_each_levels_own_factor():
    """Of a Gaussian half is within 0.674 of its deviation: with that factor the curve is on the diagonal there."""
    errors = np.abs(RNG.normal(0, 1, (20_000, N_JOINTS, 2)))
    factors = ones(len(LEVELS), N_JOINTS)
    factors[LEVELS.index(0.5)] = 0.674 / 1.645
    table = reliability_table({"temporal": Intervals(errors, np.full_like(errors, 1.645), factors)})
    assert table.loc[50].tolist() == pytest.approx([50, 50], abs=0.3)
    assert table.loc[95].tolist() == pytest.approx([90, 90], abs=0.3)


def test_what_a_turn_and_a_shift_of_the_root_do_to_the_errors(tmp_path):
    """All is lifted to 5 cm behind its place, and the root is known to 2 cm: of it nothing is inside along the ray."""
    (walk,) = take("S1", "Walk-1", 4, camera_ring()[:1])
    root = walk.poses_cam_m[:, :1]
    lifted = walk.poses_cam_m + 0.05 * root / np.linalg.norm(root, axis=-1, keepdims=True)
    given = intervals_of([walk], [Lifted(lifted, True, np.full((4, N_JOINTS, 2), 0.02))], ones(len(LEVELS), N_JOINTS))
    assert pytest.approx(np.array([[0.0], [0.05]]) * np.ones(4), abs=1e-6) == given.errors_m[:, ROOT].T
    assert given.errors_m[:, 1:].max() < 1e-6
    table = coverage_table([walk], {"repnet": given})
    assert table.loc["all", "repnet_along_inside_pct"] == 100 and table.loc["root", "repnet_along_inside_pct"] == 0
    assert table.loc["root", ["repnet_along_median_error_mm", "repnet_along_q90_error_mm"]].tolist() == [50, 50]
    save_png(reliability_figure(reliability_table({"repnet": given})), tmp_path / "r.png")
    assert (tmp_path / "r.png").stat().st_size > 1000
