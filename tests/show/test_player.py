import base64
import json
import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest
from people import camera_ring, take

from pose3d.show.figures import LEFT, RIGHT, TRUNK, TRUTH_RIGHT, bone_colour
from pose3d.show.follow import picture_squares
from pose3d.show.player import page, write_player

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def sequence():
    return take("S9", "Walk-1", 6, camera_ring(1))[0]


def write(path, sequence, title="a clip", images=None, radii=None):
    if images is None:
        images = [np.full((1000, 1000, 3), 128, np.uint8)] * len(sequence)
    poses = {"temporal": sequence.poses_cam_m, "ground truth": sequence.poses_cam_m}
    boxes, up = sequence.boxes_px, sequence.camera.rotation[:, 2]
    write_player(path, images, 25.0, sequence.keypoints_px, boxes, poses, title, up, radii)
    return path.read_text(encoding="utf-8")


def clip_of(text):
    return json.loads(re.search(r'id="clip">(.*?)</script>', text)[1])


def floats(text, width):
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(-1, 17, width)


def test_page_holds_video_keypoints_and_poses(tmp_path, sequence):
    clip = clip_of(write(tmp_path / "player.html", sequence))
    assert clip["size"] == [640, 640]
    np.testing.assert_allclose(floats(clip["keypoints"], 2), sequence.keypoints_px * 0.64, atol=1e-3)
    squares = np.frombuffer(base64.b64decode(clip["squares"]), "<f4").reshape(-1, 3)
    expected = picture_squares(sequence.keypoints_px, sequence.boxes_px, (1000, 1000), 25.0) * 0.64
    np.testing.assert_allclose(squares, expected, atol=1e-2)
    shown = floats(clip["poses"]["temporal"], 3)
    centres = np.frombuffer(base64.b64decode(clip["centres"]), "<f4").reshape(-1, 3)
    assert np.abs(centres - shown[:, 0]).max() < 0.5 and len(base64.b64decode(clip["reaches"])) == 4 * len(sequence)
    # The world, turned about its vertical and moved: lengths and heights are the world's.
    world = sequence.poses_world_m
    np.testing.assert_allclose(np.ptp(shown[..., 2], 1), np.ptp(world[..., 2], 1), atol=1e-5)
    np.testing.assert_allclose(
        np.linalg.norm(shown[0, 3] - shown[0, 10]), np.linalg.norm(world[0, 3] - world[0, 10]), atol=1e-5
    )
    video = tmp_path / "clip.webm"
    video.write_bytes(base64.b64decode(clip["video"]))
    assert cv2.VideoCapture(str(video)).read()[1].shape == (640, 640, 3)


def test_page_repeats_and_fetches_nothing(tmp_path, sequence):
    text = write(tmp_path / "a.html", sequence)
    assert text == write(tmp_path / "b.html", sequence)
    assert not re.search(r"https?://|\bsrc=|\bhref=|@import", text.replace(clip_of(text)["video"], ""))


def test_titles_cannot_run_scripts_nor_fill_places():
    text = page("</title><script>alert(1)</script>{{CLIP}}", {"poses": {"</script><script>alert(2)": ""}})
    assert "<script>alert" not in text
    assert text.count("{{CLIP}}") == 2  # the title, in head and heading
    assert clip_of(text) == {"poses": {"</script><script>alert(2)": ""}}


def test_colours_are_those_of_all_pictures(tmp_path, sequence):
    clip = clip_of(write(tmp_path / "player.html", sequence))
    child = [bone[1] for bone in clip["bones"]]
    assert clip["colours"] == [bone_colour(joint) for joint in child]
    assert clip["truthColours"] == [bone_colour(joint, truth=True) for joint in child]
    template = page("", {})
    assert all(colour in template for colour in (RIGHT, LEFT, TRUNK, TRUTH_RIGHT))


def test_page_has_intervals_where_a_method_knows_them(tmp_path, sequence):
    """About the joints as shown, along the lines to the camera, as long as the radii say; the root has none."""
    radii = np.stack([np.full((6, 17), 0.05), np.broadcast_to(np.linspace(0.1, 0.26, 17), (6, 17))], -1)
    clip = clip_of(write(tmp_path / "player.html", sequence, radii={"temporal": radii}))
    ends = np.frombuffer(base64.b64decode(clip["bars"]["temporal"]), "<f4").reshape(6, 17, 2, 3)
    shown = floats(clip["poses"]["temporal"], 3)
    assert np.isnan(ends[:, 0]).all()
    np.testing.assert_allclose(ends[:, 1:].mean(2), shown[:, 1:], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(np.ptp(ends[:, 1:], 2), axis=-1), 2 * radii[:, 1:, 1], rtol=1e-4)
    # All lines meet in the camera, which is where the shown frame has moved it.
    lines = ends[0, 1:, 1] - ends[0, 1:, 0]
    lines /= np.linalg.norm(lines, axis=-1, keepdims=True)
    across = np.eye(3) - lines[:, :, None] * lines[:, None]
    meeting = np.linalg.solve(across.sum(0), (across @ ends[0, 1:, 0, :, None])[..., 0].sum(0))
    camera_to_joints = np.linalg.norm(sequence.poses_cam_m[0], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(shown[0] - meeting, axis=-1), camera_to_joints, rtol=1e-3)
    np.testing.assert_allclose(np.frombuffer(base64.b64decode(clip["across"]["temporal"]), "<f4"), 0.05)
    assert clip_of(write(tmp_path / "none.html", sequence))["bars"] == {}


@pytest.mark.parametrize("frames", [5, 7])
def test_wrong_number_of_images_is_refused_and_leaves_nothing(tmp_path, sequence, frames):
    with pytest.raises(ValueError, match=f"{frames} images"):
        write(tmp_path / "player.html", sequence, images=[np.zeros((64, 64, 3), np.uint8)] * frames)
    assert list(tmp_path.iterdir()) == []


def screenshot(folder, place):
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync --timeout=3000 --window-size=1200,760"
    subprocess.run(
        [CHROMIUM, *flags.split(), f"--user-data-dir={folder / 'profile'}", f"--screenshot={folder / 'page.png'}",
         f"file://{folder / 'player.html'}{place}"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return cv2.imread(str(folder / "page.png"))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")
def test_browser_shows_video_skeletons_and_intervals(tmp_path, sequence):
    green = [np.full((1000, 1000, 3), (0, 200, 0), np.uint8)] * len(sequence)
    radii = np.broadcast_to([0.1, 0.3], (len(sequence), 17, 2))
    write(tmp_path / "player.html", sequence, images=green, radii={"temporal": radii})
    pages = {hash_: screenshot(tmp_path, hash_) for hash_ in ("#frame=3", "#frame=3&intervals")}
    left, right = np.split(pages["#frame=3"][80:560].astype(int), 2, axis=1)
    lines = [(image[80:560, 600:].max(-1) < 0xC8).sum() for image in pages.values()]  # darker than floor and ground
    assert lines[1] > lines[0] + 1000

    def share(image, rgb):
        return (np.abs(image - rgb[::-1]).max(-1) < 30).mean()

    assert share(left, (0, 200, 0)) > 0.5  # the video is decoded and drawn
    for half in (left, right):
        assert share(half, (0xD6, 0x27, 0x28)) > 1e-3 and share(half, (0x1F, 0x77, 0xB4)) > 1e-3
