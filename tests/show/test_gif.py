import numpy as np
import pytest
from moving_square import moving_frames
from PIL import Image

from pose3d.show.gif import write_gif


def test_gif_keeps_time_and_repeats(tmp_path):
    for name in ("a.gif", "b.gif"):
        write_gif(tmp_path / name, iter(moving_frames(30)), 30.0)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.info["duration"], gif.info["loop"]) == (10, 100, 0)  # every third of 30 frames/s
        gif.seek(4)
        shown = np.asarray(gif.convert("RGB"))
    np.testing.assert_allclose(shown[30, 48 + 10], (214, 39, 40), atol=8)  # frame 12


def test_gif_is_shrunk_until_it_fits(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (8, 64, 64, 3), dtype=np.uint8)
    write_gif(tmp_path / "a.gif", noise, 12.5)
    whole = (tmp_path / "a.gif").stat().st_size
    write_gif(tmp_path / "b.gif", noise, 12.5, max_bytes=whole // 2)
    assert (tmp_path / "b.gif").stat().st_size <= whole // 2
    with pytest.raises(ValueError, match="cannot hold one frame"):
        write_gif(tmp_path / "c.gif", noise, 12.5, max_bytes=100)
    with pytest.raises(ValueError, match="no frames"):
        write_gif(tmp_path / "c.gif", [], 12.5)
