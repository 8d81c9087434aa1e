import numpy as np
import pytest
import torch

from pose3d.lifting import long_clips as module
from pose3d.lifting.lift import lift_keypoints
from pose3d.lifting.long_clips import Resampled, lift_clip, lift_in_chunks
from pose3d.lifting.networks import FrameLifter
from pose3d.lifting.original import OriginalTemporal, RepNet
from pose3d.lifting.temporal import TemporalLifter
from pose3d.predict.clip import camera_from_view
from pose3d.runtime.rows import Rows

CAMERA = camera_from_view(640, 480, 60)


def moving_keypoints(n_frames, rate_hz=25.0):
    """(T, 17, 2): a body that walks through the picture while its joints swing."""
    rng = np.random.default_rng(0)
    time = np.arange(n_frames)[:, None, None] / rate_hz
    body = rng.uniform([250, 150], [330, 350], (17, 2))
    swing = rng.uniform(2, 12, (17, 2)) * np.sin(time * rng.uniform(1, 5, (17, 2)) + rng.uniform(0, 6, (17, 2)))
    return (body + swing + time * [6, 1]).astype(np.float32)


def lifters():
    torch.manual_seed(0)
    return {
        "frame": FrameLifter(16, 1),
        "convolution": TemporalLifter(16, 9, "convolution"),
        "causal": TemporalLifter(16, 9, "causal_convolution"),
        "gru": TemporalLifter(16, 9, "gru"),
        "original_repnet": RepNet(16),
        "original_video_gan": OriginalTemporal(16, 9),
    }


@pytest.mark.parametrize("n_frames", [1, 2, 5, 40, 64, 101])
@pytest.mark.parametrize("name", lifters())
def test_lifting_in_chunks_gives_what_the_whole_clip_does(name, n_frames):
    lifter, keypoints = lifters()[name].eval(), moving_keypoints(n_frames)
    whole = lift_keypoints(lifter, CAMERA, keypoints, 25)
    for chunk_frames in (7, 32, 1024):
        parts = lift_in_chunks(lifter, CAMERA, keypoints, chunk_frames=chunk_frames)
        assert parts.has_root == whole.has_root
        assert parts.poses_cam_m.dtype == np.float32
        np.testing.assert_allclose(parts.poses_cam_m[:], whole.poses_cam_m, atol=1e-5, rtol=1e-5)


DEGENERATE = {
    "nan": lambda px: px * np.nan,
    "zeros": lambda px: px * 0,
    "one place": lambda px: px * 0 + 200,
    "a person of some px": lambda px: px / 100 + 200,
    "infinite": lambda px: px * np.inf,
    "a joint": lambda px: np.where(np.arange(17)[:, None] == 3, np.nan, px),
}


@pytest.mark.parametrize("how", DEGENERATE)
@pytest.mark.parametrize("name", lifters())
def test_frames_without_a_person_are_bridged_or_have_no_pose(name, how):
    """Long gaps spoil no other frame, in one piece, in chunks of which one has nobody, and at another rate."""
    lifter, keypoints = lifters()[name].eval(), moving_keypoints(60)
    plain = lift_keypoints(lifter, CAMERA, keypoints, 25).poses_cam_m
    changed = keypoints.copy()
    gone = [0, *range(20, 44)]
    changed[[0, 10, *range(20, 44)]] = DEGENERATE[how](keypoints[[0, 10, *range(20, 44)]])
    unknown = np.isin(np.arange(60), gone)
    whole = lift_keypoints(lifter, CAMERA, changed, 25)
    np.testing.assert_array_equal(np.isnan(whole.poses_cam_m).any((1, 2)), unknown)
    chunked = lift_in_chunks(lifter, CAMERA, module.Bridged(changed, np.arange(60) / 25), chunk_frames=7)
    for poses in (whole.poses_cam_m, chunked.poses_cam_m[:]):
        np.testing.assert_array_equal(np.isnan(poses).any((1, 2)), unknown)
        assert np.abs(poses[~unknown] - plain[~unknown]).max() < 1
    clip = lift_clip(lifter, CAMERA, np.arange(60) / 25, changed)
    module.fill_unknown(clip, np.arange(60) / 25)
    filled = clip.poses_cam_m[:]
    assert np.isfinite(filled).all()
    np.testing.assert_allclose(filled[25], filled[19] + (filled[44] - filled[19]) * 6 / 25, atol=1e-4)


def test_in_files_as_in_memory(tmp_path):
    lifter, keypoints = lifters()["convolution"].eval(), moving_keypoints(60)
    stored = Rows(tmp_path, (17, 2))
    stored.append(keypoints)
    time_s = np.arange(60) / 30
    in_memory = lift_clip(lifter, CAMERA, time_s, keypoints).poses_cam_m[:]
    in_files = lift_clip(lifter, CAMERA, time_s, stored, tmp_path).poses_cam_m[:]
    np.testing.assert_array_equal(in_files[:], in_memory[:])


def test_values_are_interpolated_in_time():
    time_s, values = np.array([0.0, 1, 3]), np.array([[0.0, 5], [2, 5], [10, 5]])
    new_time_s = np.array([-1, 0, 0.5, 1, 2.5, 3, 4])
    expected = np.array([[0, 5], [0, 5], [1, 5], [2, 5], [8, 5], [10, 5], [10, 5]])
    resampled = Resampled(values, time_s, new_time_s)
    assert len(resampled) == 7
    np.testing.assert_allclose(resampled[:], expected)
    np.testing.assert_allclose(resampled[3:5], expected[3:5])
    np.testing.assert_allclose(Resampled(values[1:2], time_s[:1], np.array([0.0, 0.04]))[:], [[2, 5], [2, 5]])


def test_rows_that_do_not_count_are_bridged():
    time_s, values = np.arange(5.0), np.array([[9.0], [1], [9], [9], [4]])
    np.testing.assert_allclose(Resampled(values, time_s, time_s, np.array([1, 4]))[:], [[1], [1], [2], [3], [4]])


def test_at_the_trained_rate_nothing_is_interpolated():
    lifter, keypoints = lifters()["convolution"].eval(), moving_keypoints(30)
    time_s = 7 + np.round(np.arange(30) / 25, 3)
    np.testing.assert_array_equal(
        lift_clip(lifter, CAMERA, time_s, keypoints).poses_cam_m[:],
        lift_in_chunks(lifter, CAMERA, keypoints).poses_cam_m[:],
    )


@pytest.mark.parametrize("rate_hz", [50.0, 12.5])
def test_other_frame_rates_see_windows_of_the_same_duration(rate_hz):
    lifter = lifters()["convolution"].eval()
    n_frames, rate = int(4 * rate_hz) + 1, 25.0
    usual = lift_in_chunks(lifter, CAMERA, moving_keypoints(101)).poses_cam_m[:]
    other = lift_clip(lifter, CAMERA, np.arange(n_frames) / rate_hz, moving_keypoints(n_frames, rate_hz)).poses_cam_m[:]
    assert len(other) == n_frames
    shared = usual[:: int(rate / rate_hz)] if rate_hz < rate else usual
    found = other if rate_hz < rate else other[:: int(rate_hz / rate)]
    error, span = np.abs(found - shared)[5:-5].mean(), np.abs(usual - usual.mean(0)).mean()
    assert error < 0.1 * span


def test_past_a_gap_a_new_shot_begins():
    lifter, keypoints = lifters()["convolution"].eval(), moving_keypoints(40)
    time_s = np.arange(40) / 25 + np.where(np.arange(40) < 15, 0, 1e6)
    found = lift_clip(lifter, CAMERA, time_s, keypoints).poses_cam_m[:]
    for part in (slice(0, 15), slice(15, 40)):
        alone = lift_in_chunks(lifter, CAMERA, keypoints[part]).poses_cam_m[:]
        np.testing.assert_allclose(found[part], alone, atol=1e-5)


def test_memory_of_lifting_does_not_grow_with_the_clip(monkeypatch):
    most = []
    window = module.lift_window

    def recorded(lifter, image_plane):
        most.append(len(image_plane))
        return window(lifter, image_plane)

    monkeypatch.setattr(module, "lift_window", recorded)
    lift_in_chunks(lifters()["convolution"].eval(), CAMERA, moving_keypoints(500), chunk_frames=100)
    # Eight frames around each and the one before, for the motion; 25 on each side for the smoothing.
    assert most == [134, 159, 159, 159, 134]
