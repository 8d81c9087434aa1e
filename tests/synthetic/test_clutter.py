from dataclasses import replace

import numpy as np
import pytest

from pose3d.synthetic.background import View
from pose3d.synthetic.clutter import clutter, dead_leaves

SEEDS = range(6)


def plain_view(size: int = 96) -> View:
    light = np.full((size, size, 3), 0.5, np.float32)
    image = np.full((size, size, 3), 128, np.uint8)
    nothing = np.zeros((size, size), np.float32)
    exposure = np.array([1.0, 0.9, 0.8], np.float32)
    return View(None, 1, light, 0.6 * light, image, nothing, nothing, nothing, exposure)


@pytest.mark.parametrize("seed", SEEDS)
def test_leaves_are_colours_where_there_are_any(seed):
    colours, coverage = dead_leaves(np.random.default_rng(seed), 60, 80)
    assert colours.shape == (60, 80, 3) and coverage.shape == (60, 80)
    assert colours.min() >= 0 and colours.max() <= 1
    assert coverage.min() >= 0 and coverage.max() <= 1 + 1e-6
    assert not colours[coverage == 0].any()


def test_pictures_differ_by_seed_repeat_by_seed_and_cover_little_or_much():
    pictures = [dead_leaves(np.random.default_rng(seed), 128, 128) for seed in range(20)]
    again = dead_leaves(np.random.default_rng(3), 128, 128)
    np.testing.assert_array_equal(again[0], pictures[3][0])
    shares = np.array([coverage.mean() for _, coverage in pictures])
    assert shares.min() < 0.6 and shares.max() > 0.9
    assert len({colours.tobytes() for colours, _ in pictures}) == 20


def test_edges_are_antialiased():
    _, coverage = dead_leaves(np.random.default_rng(1), 128, 128)
    assert ((coverage > 0.1) & (coverage < 0.9)).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cluttered_view_keeps_its_geometry_and_what_no_leaf_covers(seed):
    view = plain_view()
    changed = clutter(view, np.random.default_rng(seed))
    colours, coverage = dead_leaves(np.random.default_rng(seed), 96, 96)
    for name in ("depth_m", "lamp_px", "lamp_depth_m", "camera", "exposure"):
        assert getattr(changed, name) is getattr(view, name)
    bare, full = coverage == 0, coverage > 1 - 1e-6
    np.testing.assert_array_equal(changed.image[bare], view.image[bare])
    np.testing.assert_allclose(changed.lit[full], (colours * [1.0, 0.9, 0.8])[full], atol=1e-5)
    assert (changed.unlit <= changed.lit + 1e-6).all(), "no place is brighter in the person's shadow"
    np.testing.assert_array_equal(view.image, plain_view().image)


def test_the_picture_is_the_lit_view():
    changed = clutter(plain_view(), np.random.default_rng(0))
    assert np.abs(changed.image / 255 - np.clip(changed.lit, 0, 1)).max() <= 0.5 / 255 + 1e-6
    assert replace(changed).image.dtype == np.uint8
