"""The campaign on long clips counts what files hold, and sees what is missing."""

import numpy as np
import pytest
from people import swinging_poses
from tiny_video import picture, write_video

from pose3d.formats.clip import Clip
from pose3d.formats.endings import ENDINGS
from pose3d.formats.joint_files import write_motion
from pose3d.formats.motion import from_ours
from torture import long_clips
from torture.long_clips import FORMATS, followed, frames_in, keypoints, write_given_keypoints
from torture.writers import formats

WRITERS = formats()


@pytest.mark.parametrize("name", ["predictions.npz", "predictions.csv", "walk.videopose3d.npz", "walk.openpose"])
def test_every_frame_of_predictions_is_counted(tmp_path, name):
    WRITERS[name](tmp_path / name, 1)
    assert frames_in(tmp_path / name) == 300


@pytest.mark.parametrize("ending", ["trc", "c3d", "bvh", "glb", "amass.npz"])
def test_every_frame_of_a_motion_is_counted(tmp_path, ending):
    path = tmp_path / f"walk.{ending}"
    write_motion(path, from_ours(swinging_poses(np.random.default_rng(0), 7), 25.0, "world"))
    assert frames_in(path) == 7


def test_the_given_keypoints_lie_in_the_picture(tmp_path):
    with np.load(write_given_keypoints(tmp_path / "keypoints.npz", 5, 0)) as arrays:
        points_px, scores = arrays["keypoints"], arrays["scores"]
    assert points_px.shape == (5, 1, 25, 2) and scores.shape == (5, 1, 25)
    assert (points_px > 0).all() and (points_px < [64, 48]).all()
    assert np.ptp(points_px[..., 1], axis=-1).min() > 10  # px: who is smaller is nobody


def test_a_file_that_is_not_there_or_too_short_fails(tmp_path, monkeypatch, capfd):
    def writes_one(*arguments):
        (tmp_path / "lifted").mkdir()
        WRITERS["predictions.npz"](tmp_path / "lifted" / "predictions.npz", 1)
        return 123_000_000, ""

    monkeypatch.setattr(long_clips, "pose3d", writes_one)
    row = keypoints(tmp_path, 300, 0)
    assert (row.cases, row.passed) == (len(FORMATS), 1) and row.tried.endswith("peak memory 123 MB")
    assert f"predictions{ENDINGS['c3d']}: it holds 0 frames" in capfd.readouterr().err


@pytest.mark.parametrize(("frames", "passed"), [(300, 1), (301, 0)])
def test_a_person_is_followed_through_the_sample_video_there_and_back(tmp_path, monkeypatch, capfd, frames, passed):
    looked_at = []

    def writes_the_sample(arguments):
        (tmp_path / "sample").mkdir()
        shown = [picture(200, 960, (20 * seed, 0, 20 * seed + 20, 900), seed) for seed in range(4)]
        write_video(tmp_path / "sample" / "walk.mp4", shown)

    def writes_300_frames(command, video, *arguments):
        with Clip(video) as clip:
            looked_at.extend(frame.image_bgr.mean(0)[:, 0].argmax() // 10 for frame in clip)
            assert (clip.width_px, clip.height_px) == (100, 480)
        (tmp_path / "on").mkdir()
        WRITERS["predictions.npz"](tmp_path / "on" / "predictions.npz", 1)
        return 7_000_000, ""

    monkeypatch.setattr(long_clips, "run_pose3d", writes_the_sample)
    monkeypatch.setattr(long_clips, "pose3d", writes_300_frames)
    row = followed(tmp_path, frames)
    assert looked_at[:8] == [0, 1, 2, 3, 2, 1, 0, 1] and len(looked_at) == frames
    assert (row.cases, row.passed) == (1, passed) and row.tried.endswith(f"of {frames} frames: peak memory 7 MB")
    assert ("predict: it holds 300 frames" in capfd.readouterr().err) != passed
