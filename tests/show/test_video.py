import os

import cv2
import numpy as np
import pytest
from people import camera_ring, take
from PIL import Image

from pose3d.runtime.errors import InputError
from pose3d.show import figures, video


@pytest.fixture(scope="module")
def sequence():
    return take("S9", "Walk-1", 8, camera_ring(1))[0]


def moving_frames(n=12, size=64):
    frames = [np.full((size, 2 * size, 3), 255, np.uint8) for _ in range(n)]
    for t, frame in enumerate(frames):
        frame[20:40, 4 * t : 4 * t + 20] = (40, 39, 214)
    return frames


def test_mp4_is_vp9_readable_and_its_bytes_repeat(tmp_path):
    frames = moving_frames()
    for name in ("a.mp4", "b.mp4"):
        video.write_mp4(tmp_path / name, iter(frames), 25.0)
    content = (tmp_path / "a.mp4").read_bytes()
    assert content == (tmp_path / "b.mp4").read_bytes() and b"vp09" in content
    capture = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert capture.get(cv2.CAP_PROP_FPS) == 25 and capture.get(cv2.CAP_PROP_FRAME_COUNT) == len(frames)
    for frame in frames:
        assert np.abs(capture.read()[1].astype(int) - frame).mean() < 6  # lossy
    assert not capture.read()[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_mp4_bytes_are_the_same_on_one_core(tmp_path):
    frames = moving_frames(size=256)
    video.write_mp4(tmp_path / "all.mp4", frames, 25.0)
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        video.write_mp4(tmp_path / "one.mp4", frames, 25.0)
    finally:
        os.sched_setaffinity(0, cores)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "all.mp4").read_bytes()


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


def frames_of(sequence, images):
    poses = {"temporal": sequence.poses_cam_m, "ground truth": sequence.poses_cam_m}
    return list(video.side_by_side(images, sequence.keypoints_px, sequence.boxes_px, poses))


def test_video_frames_show_the_skeleton_on_the_person(sequence):
    # One white dot at every true joint: the overlay must cover it, in the crop as in the full image.
    images = [np.zeros((1000, 1000, 3), np.uint8) for _ in range(len(sequence))]
    frames = frames_of(sequence, images)
    assert len(frames) == len(sequence)
    assert frames[0].shape == (video.SIDE_PX + video.HEADER_PX, 3 * video.SIDE_PX + 2 * video.GAP_PX, 3)
    centre_x, centre_y, side = video.clip_square(sequence.boxes_px)
    scale = video.SIDE_PX / side
    for frame, keypoints in zip(frames, sequence.keypoints_px, strict=True):
        for joint in range(17):
            x = int((keypoints[joint, 0] - centre_x) * scale + video.SIDE_PX / 2)
            y = int((keypoints[joint, 1] - centre_y) * scale + video.SIDE_PX / 2) + video.HEADER_PX
            assert frame[y - 1 : y + 2, x - 1 : x + 2].max() > 40


def colours(panel):
    return {tuple(colour[::-1]) for colour in panel.reshape(-1, 3).tolist()}


def rgb(colour):
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def test_truth_is_grey_alone_and_seen_beside_a_wrong_pose(sequence):
    poses = {"temporal": sequence.poses_cam_m + [0.6, 0, 0], "ground truth": sequence.poses_cam_m}
    images = [np.zeros((1000, 1000, 3), np.uint8)] * len(sequence)
    frame = next(video.side_by_side(images, sequence.keypoints_px, sequence.boxes_px, poses))
    top, left = video.HEADER_PX, video.SIDE_PX + video.GAP_PX
    temporal, truth = frame[top:, left : left + video.SIDE_PX], frame[top:, 2 * left :]
    predicted = {rgb(colour) for colour in (figures.RIGHT, figures.LEFT, figures.TRUNK)}
    greys = {rgb(colour) for colour in (figures.TRUTH_RIGHT, figures.TRUTH_LEFT, figures.TRUTH)}
    assert predicted | greys <= colours(temporal)
    assert greys <= colours(truth) and not predicted & colours(truth)


def test_demo_has_the_originals_order_and_puts_a_rootless_pose_at_the_true_root(sequence):
    truth = sequence.poses_cam_m
    single = truth - truth[:, :1] + 7
    poses = video.demo_poses(single, truth, truth, single_has_root=False)
    assert list(poses) == ["single frame", "temporal", "ground truth"]
    np.testing.assert_allclose(poses["single frame"], truth, atol=1e-6)
    assert video.demo_poses(single, truth, truth, single_has_root=True)["single frame"] is single


def test_demo_without_truth_puts_a_rootless_pose_where_the_temporal_one_stands(sequence):
    temporal = sequence.poses_cam_m
    single = temporal - temporal[:, :1] + 7
    poses = video.demo_poses(single, temporal, None, single_has_root=False)
    assert list(poses) == ["single frame", "temporal"]
    np.testing.assert_allclose(poses["single frame"], temporal, atol=1e-6)


def test_floor_lines_are_half_a_metre_apart_and_reach_half_a_metre_beyond():
    lines = video.floor_lines(np.array([[[0.1, 0.1, 0.3], [0.9, 0.4, 1.7]]]))
    assert np.unique(lines[..., 0]).tolist() == [-0.5, 0, 0.5, 1.0, 1.5]
    assert np.unique(lines[..., 1]).tolist() == [-0.5, 0, 0.5, 1.0]
    assert len(lines) == 5 + 4 and not lines[..., 2].any()


def test_view_keeps_right_angles_and_lengths_and_stands_upright():
    np.testing.assert_allclose(video._VIEW @ video._VIEW.T, np.eye(2), atol=1e-12)
    low, high, far = video.view_px(np.array([[0, 0, -0.5], [0, 0, 0.5], [0, 1.0, 0]]), np.zeros(2), 1.0)
    assert high[1] < low[1]
    assert far[0] > video.SIDE_PX / 2 and far[1] < video.SIDE_PX / 2  # seen from the right and above, as in the panel


def test_a_failing_video_leaves_nothing(tmp_path):
    def breaks():
        yield np.zeros((64, 64, 3), np.uint8)
        raise InputError("frame 1 is not a readable image")

    with pytest.raises(InputError):
        video.write_mp4(tmp_path / "a.mp4", breaks(), 25.0)
    with pytest.raises(ValueError, match="no frames"):
        video.write_mp4(tmp_path / "a.mp4", iter([]), 25.0)
    assert list(tmp_path.iterdir()) == []


def test_a_video_cut_short_by_a_full_disk_is_refused(tmp_path, monkeypatch):
    class FullDisk:
        def __init__(self, path, *_):
            self.path = path

        def isOpened(self):
            return True

        def write(self, frame):
            pass

        def release(self):
            with open(self.path, "wb") as file:
                file.write(b"cut off")

    monkeypatch.setattr(cv2, "VideoWriter", FullDisk)
    monkeypatch.setattr(cv2, "VideoWriter_fourcc", lambda *_: 0, raising=False)
    with pytest.raises(InputError, match="could not be written whole"):
        video.write_mp4(tmp_path / "a.mp4", iter([np.zeros((64, 64, 3), np.uint8)]), 25.0)
    assert list(tmp_path.iterdir()) == []
