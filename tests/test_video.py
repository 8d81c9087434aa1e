import cv2
import numpy as np
import pytest
from PIL import Image

from pose3d import video


def moving_frames(n=12, size=64):
    frames = [np.full((size, 2 * size, 3), 255, np.uint8) for _ in range(n)]
    for t, frame in enumerate(frames):
        frame[20:40, 4 * t : 4 * t + 20] = (40, 39, 214)
    return frames


def test_webm_is_vp8_readable_and_its_bytes_repeat(tmp_path):
    frames = moving_frames()
    for name in ("a.webm", "b.webm"):
        video.write_webm(tmp_path / name, iter(frames), 25.0)
    content = (tmp_path / "a.webm").read_bytes()
    assert content == (tmp_path / "b.webm").read_bytes() and b"V_VP8" in content
    capture = cv2.VideoCapture(str(tmp_path / "a.webm"))
    for frame in frames:
        assert np.abs(capture.read()[1].astype(int) - frame).mean() < 6  # lossy
    assert not capture.read()[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.webm", "b.webm"]


def test_gif_keeps_time_and_repeats(tmp_path):
    for name in ("a.gif", "b.gif"):
        video.write_gif(tmp_path / name, iter(moving_frames(30)), 30.0)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.info["duration"], gif.info["loop"]) == (10, 100, 0)  # every third of 30 frames/s
        gif.seek(4)
        shown = np.asarray(gif.convert("RGB"))
    np.testing.assert_allclose(shown[30, 48 + 10], (214, 39, 40), atol=8)  # frame 12


def test_gif_is_shrunk_until_it_fits(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (8, 64, 64, 3), dtype=np.uint8)
    video.write_gif(tmp_path / "a.gif", noise, 12.5)
    whole = (tmp_path / "a.gif").stat().st_size
    video.write_gif(tmp_path / "b.gif", noise, 12.5, max_bytes=whole // 2)
    assert (tmp_path / "b.gif").stat().st_size <= whole // 2
    with pytest.raises(ValueError, match="cannot hold one frame"):
        video.write_gif(tmp_path / "c.gif", noise, 12.5, max_bytes=100)
    with pytest.raises(ValueError, match="no frames"):
        video.write_gif(tmp_path / "c.gif", [], 12.5)


def test_unknown_joints_are_not_drawn():
    image = np.zeros((64, 64, 3), np.uint8)
    video.draw_skeleton(image, np.full((17, 2), np.nan))
    assert not image.any()
    points = np.full((17, 2), np.nan)
    points[:2] = [[10, 10], [50, 50]]
    video.draw_skeleton(image, points)
    assert image[30, 30].any()
