import numpy as np
import pytest

from pose3d.synthetic.background import View
from pose3d.synthetic.clutter import clutter, dead_leaves

SEEDS = range(6)


def plain_view(size: int = 96) -> View:
    lit = np.full((size, size, 3), 128, np.uint8)
    nothing = np.zeros((size, size), np.float32)
    exposure = np.array([1.0, 0.9, 0.8], np.float32)
    return View(None, 1, lit, lit // 2, nothing, nothing, nothing, exposure)


@pytest.mark.parametrize("seed", SEEDS)
def test_leaves_are_colours_where_there_are_any(seed):
    colours, coverage = dead_leaves(np.random.default_rng(seed), 60, 80)
    assert colours.shape == (60, 80, 3) and coverage.shape == (60, 80)
    assert colours.dtype == coverage.dtype == np.uint8
    assert not colours[coverage == 0].any()


def test_pictures_differ_by_seed_repeat_by_seed_and_cover_little_or_much():
    pictures = [dead_leaves(np.random.default_rng(seed), 128, 128) for seed in range(20)]
    again = dead_leaves(np.random.default_rng(3), 128, 128)
    np.testing.assert_array_equal(again[0], pictures[3][0])
    shares = np.array([coverage.mean() / 255 for _, coverage in pictures])
    assert shares.min() < 0.6 and shares.max() > 0.9
    assert len({colours.tobytes() for colours, _ in pictures}) == 20


def test_edges_are_antialiased():
    _, coverage = dead_leaves(np.random.default_rng(1), 128, 128)
    assert ((coverage > 25) & (coverage < 230)).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cluttered_view_keeps_its_geometry_and_what_no_leaf_covers(seed):
    view = plain_view()
    changed = clutter(view, np.random.default_rng(seed))
    colours, coverage = dead_leaves(np.random.default_rng(seed), 96, 96)
    for name in ("depth", "lamp_px", "lit_depth", "camera", "exposure"):
        assert getattr(changed, name) is getattr(view, name)
    bare, full = coverage == 0, coverage == 255
    np.testing.assert_array_equal(changed.lit[bare], view.lit[bare])
    np.testing.assert_allclose(changed.lit[full], (colours * [1.0, 0.9, 0.8])[full], atol=0.5 + 1e-4)
    assert (changed.unlit <= changed.lit).all(), "no place is brighter in the person's shadow"
    np.testing.assert_array_equal(view.lit, plain_view().lit)
