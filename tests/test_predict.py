import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_video import picture, write_video

from pose3d import predict as module
from pose3d.clip import Clip, camera_from_view
from pose3d.errors import InputError
from pose3d.following import GivenBoxes
from pose3d.lifting.lift import lift
from pose3d.lifting.networks import FrameLifter, RepNet
from pose3d.lifting.temporal import OriginalTemporal, TemporalLifter
from pose3d.pose2d.network import PoseResNet
from pose3d.predict import _without_truth, find_keypoints, lift_clip, lift_in_chunks, main, predict, resample
from pose3d.predictions import read_predictions
from pose3d.records import Keypoints2D
from pose3d.training import save_model

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
        "original_frame": RepNet(16),
        "original_temporal": OriginalTemporal(16, 9),
    }


@pytest.mark.parametrize("n_frames", [1, 2, 5, 40, 64, 101])
@pytest.mark.parametrize("name", lifters())
def test_lifting_in_chunks_gives_what_the_whole_clip_does(name, n_frames):
    lifter, keypoints = lifters()[name].eval(), moving_keypoints(n_frames)
    whole = lift(lifter, _without_truth(CAMERA, n_frames), keypoints)
    for chunk_frames in (7, 32, 1024):
        parts = lift_in_chunks(lifter, CAMERA, keypoints, chunk_frames)
        assert parts.has_root == whole.has_root
        assert parts.poses_cam_m.dtype == np.float32
        np.testing.assert_allclose(parts.poses_cam_m, whole.poses_cam_m, atol=1e-5, rtol=1e-5)


def test_values_are_interpolated_in_time():
    time_s, values = np.array([0.0, 1, 3]), np.array([[0.0, 5], [2, 5], [10, 5]])
    np.testing.assert_allclose(
        resample(time_s, values, np.array([-1, 0, 0.5, 1, 2.5, 3, 4])),
        [[0, 5], [0, 5], [1, 5], [2, 5], [8, 5], [10, 5], [10, 5]],
    )
    np.testing.assert_allclose(resample(np.array([0.0]), values[1:2], np.array([0.0, 0.04])), [[2, 5], [2, 5]])


def test_at_the_trained_rate_nothing_is_interpolated():
    lifter, keypoints = lifters()["convolution"].eval(), moving_keypoints(30)
    time_s = 7 + np.round(np.arange(30) / 25, 3)
    np.testing.assert_array_equal(
        lift_clip(lifter, CAMERA, time_s, keypoints).poses_cam_m, lift_in_chunks(lifter, CAMERA, keypoints).poses_cam_m
    )


@pytest.mark.parametrize("rate_hz", [50.0, 12.5])
def test_other_frame_rates_see_windows_of_the_same_duration(rate_hz):
    lifter = lifters()["convolution"].eval()
    n_frames, rate = int(4 * rate_hz) + 1, 25.0
    usual = lift_in_chunks(lifter, CAMERA, moving_keypoints(101)).poses_cam_m
    other = lift_clip(lifter, CAMERA, np.arange(n_frames) / rate_hz, moving_keypoints(n_frames, rate_hz)).poses_cam_m
    assert len(other) == n_frames
    shared = usual[:: int(rate / rate_hz)] if rate_hz < rate else usual
    found = other if rate_hz < rate else other[:: int(rate_hz / rate)]
    error, span = np.abs(found - shared)[5:-5].mean(), np.abs(usual - usual.mean(0)).mean()
    assert error < 0.1 * span


def test_past_a_gap_a_new_shot_begins():
    lifter, keypoints = lifters()["convolution"].eval(), moving_keypoints(40)
    time_s = np.arange(40) / 25 + np.where(np.arange(40) < 15, 0, 1e6)
    found = lift_clip(lifter, CAMERA, time_s, keypoints).poses_cam_m
    for part in (slice(0, 15), slice(15, 40)):
        alone = lift_in_chunks(lifter, CAMERA, keypoints[part]).poses_cam_m
        np.testing.assert_allclose(found[part], alone, atol=1e-5)


def test_memory_of_lifting_does_not_grow_with_the_clip(monkeypatch):
    most = []
    window = module._lift_window

    def recorded(lifter, image_plane):
        most.append(len(image_plane))
        return window(lifter, image_plane)

    monkeypatch.setattr(module, "_lift_window", recorded)
    lift_in_chunks(lifters()["convolution"].eval(), CAMERA, moving_keypoints(500), 100)
    assert most == [109] * 5  # eight frames around each and the one before, for the motion


def sure_everywhere(images_bgr, boxes_px):
    """The box's middle is every joint."""
    middle = (boxes_px[:, None, :2] + boxes_px[:, None, 2:]) / 2
    return Keypoints2D(np.repeat(middle, 17, 1).astype(np.float32), np.full((len(boxes_px), 17), 0.9, np.float32))


@pytest.fixture
def video(tmp_path):
    return write_video(tmp_path / "v.mp4", [picture(64, 48, (20, 10, 30, 40), seed) for seed in range(21)])


def test_given_boxes_go_to_their_own_frames(tmp_path, video):
    (tmp_path / "b.csv").write_text("frame,x0,y0,x1,y1\n0,0,0,10,20\n20,40,20,50,40\n")
    with Clip(video) as clip:
        found = find_keypoints("v", clip, sure_everywhere, GivenBoxes(tmp_path / "b.csv", 64, 48), None)
    time_s, boxes_px, detected = found
    np.testing.assert_allclose(time_s, np.arange(21) / 25, atol=1e-6)
    np.testing.assert_allclose(boxes_px[10], [20, 10, 30, 30])
    np.testing.assert_allclose(detected.keypoints_px[10, 3], [25, 20])


def test_nobody_in_the_video_is_an_error(video):
    def nobody(images_bgr, boxes_px):
        found = sure_everywhere(images_bgr, boxes_px)
        return Keypoints2D(found.keypoints_px, found.confidence * 0.1)

    with Clip(video) as clip, pytest.raises(InputError, match="no person is found in v.mp4: say where one is with"):
        find_keypoints("v.mp4", clip, nobody, None, None)


def test_a_wrong_number_of_frames_is_mentioned(video, capsys):
    with Clip(video) as clip:
        clip.claimed_frames = 30
        find_keypoints("v.mp4", clip, sure_everywhere, None, None)
    assert "v.mp4 claims 30 frames, 21 decode: the rest is left out" in capsys.readouterr().err


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Untrained models, and params as the repository's root has them."""
    monkeypatch.setenv("POSE3D_ACCELERATOR", "cpu")
    torch.manual_seed(0)
    folder = tmp_path / "models"
    sizes = {"backbone": "resnet18", "deconv_channels": [8, 8, 8], "stem_channels": 8}
    network = PoseResNet("resnet18", (8, 8, 8), 8)
    architecture = {**sizes, "crop_size_px": 64, "sigma_heatmap_px": 1.5}
    save_model(folder / "pose2d.pt", architecture, network.state_dict())
    save_model(folder / "repnet.pt", {"lifter": "frame", "width": 16, "blocks": 1}, FrameLifter(16, 1).state_dict())
    architecture = {"lifter": "temporal", "width": 16, "window_frames": 9, "network": "convolution"}
    save_model(folder / "temporal.pt", architecture, TemporalLifter(16, 9, "convolution").state_dict())
    params = SimpleNamespace(
        crop_resize=SimpleNamespace(margin=1.25), infer_2d=SimpleNamespace(flip_test=True, decode="local_soft_argmax")
    )
    monkeypatch.setattr(module.Params, "load", lambda: params)
    return folder


def test_the_command_writes_both_files(tmp_path, video, models):
    (tmp_path / "b.csv").write_text("frame,x0,y0,x1,y1\n0,10,0,40,48\n")
    camera = {"width_px": 64, "height_px": 48, "intrinsics_px": [[70, 0, 32], [0, 70, 24], [0, 0, 1]]}
    (tmp_path / "k.json").write_text(json.dumps(camera))
    out = tmp_path / "new" / "out"
    options = ["--camera", tmp_path / "k.json", "--boxes", tmp_path / "b.csv", "--models", models, "--out", out]
    main(list(map(str, [video, *options])))
    read = read_predictions(out / "predictions.npz")
    assert len(read) == 21
    assert read.camera.intrinsics_px[0, 0] == 70
    assert all(np.isfinite(lifted.poses_cam_m).all() for lifted in read.lifted.values())
    assert (out / "predictions.csv").read_text().count("\n") == 1 + 21 * 17
    again = predict(video, tmp_path / "k.json", boxes=tmp_path / "b.csv", models=models)
    np.testing.assert_array_equal(again.keypoints_px, read.keypoints_px)


def test_errors_are_one_sentence(tmp_path, video, models):
    def message(*arguments):
        with pytest.raises(SystemExit) as caught:
            main([str(a) for a in (*arguments, "--models", models, "--out", tmp_path / "out")])
        return caught.value.code

    assert message(tmp_path / "none.mp4").startswith(f"error: {tmp_path}/none.mp4 is missing")
    assert message(video, "--fov", 200) == "error: the field of view must lie between 5 and 170 degrees, not 200"
    assert message(video, "--person", 0).startswith("error: --person counts from 1")
    assert message(video, "--camera", tmp_path / "k.json").startswith(f"error: {tmp_path}/k.json cannot be read")
    (tmp_path / "out").rmdir()
    (tmp_path / "out").write_text("a file")
    assert message(video).startswith("error: File exists at")
    (tmp_path / "out").unlink()
    (models / "temporal.pt").unlink()
    assert message(video) == f"error: {models}/temporal.pt is missing: run `make repro` to train it"
    assert not list((tmp_path / "out").iterdir())


def test_help_needs_no_models(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "--person N" in capsys.readouterr().out
