from dataclasses import replace

import numpy as np
import pytest
from people import swinging_poses
from tiny_video import picture, write_video

from pose3d.formats.predictions import Predictions
from pose3d.lifting.lift import Lifted
from pose3d.predict import show as module
from pose3d.predict.clip import camera_from_view
from pose3d.predict.show import write_show
from pose3d.show.figures import reproject

CAMERA = camera_from_view(64, 48, 60)


@pytest.fixture
def video(tmp_path):
    return write_video(tmp_path / "v.mp4", [picture(64, 48, (t, 0, t + 9, 48)) for t in range(20)])


def predictions(has_root=True):
    """Of a person whom nobody sees before frame 3 nor in frame 6."""
    poses = (swinging_poses(np.random.default_rng(0), 20) * [1, -1, -1] + [0, 1, 5]).astype(np.float32)
    single = poses if has_root else poses - poses[:, :1]
    boxes, found = np.tile(np.float32([10, 5, 40, 45]), (20, 1)), ~np.isin(np.arange(20), [0, 1, 2, 6])
    keypoints = reproject(CAMERA, poses).astype(np.float32)
    lifted = {"repnet": Lifted(single, has_root), "temporal": Lifted(poses, True)}
    return Predictions(np.arange(20) / 25, boxes, keypoints, np.ones((20, 17), np.float32), found, lifted, CAMERA)


def test_the_beginning_is_shown_from_the_first_person_on(tmp_path, video, monkeypatch):
    shown = {}
    monkeypatch.setattr(module, "write_demo", lambda *given, radii_m: shown.update(enumerate((*given, radii_m))) or [])
    given = predictions(has_root=False)
    radii = np.arange(20 * 17 * 2, dtype=np.float32).reshape(20, 17, 2)
    given.lifted["temporal"] = replace(given.lifted["temporal"], radii_m=radii)
    write_show(tmp_path, video, given, seconds=0.4)
    _, frames_rgb, fps, keypoints, boxes, poses, title, radii_m = shown.values()
    assert list(radii_m) == ["temporal"] and np.isnan(radii_m["temporal"][3]).all()
    np.testing.assert_array_equal(np.delete(radii_m["temporal"], 3, 0), np.delete(radii[3:13], 3, 0))
    frames = list(frames_rgb)
    assert len(frames) == 10
    assert frames[0][20, 3:12].min() > 150 > frames[0][20, 20:].max()
    assert fps == pytest.approx(25) and title == "v.mp4"
    truth = predictions().lifted["temporal"].poses_cam_m[3:13]
    for name in ("single frame", "temporal"):
        assert np.isnan(poses[name][3]).all()
        np.testing.assert_allclose(np.delete(poses[name], 3, 0), np.delete(truth, 3, 0), atol=1e-5)
    assert np.isnan(boxes[3]).all() and np.isnan(keypoints[3]).all()
    assert list(poses) == ["single frame", "temporal"]


def test_a_slow_clip_is_shown_at_a_frame_in_two_seconds(tmp_path, video, monkeypatch):
    shown = []
    monkeypatch.setattr(module, "write_demo", lambda *given, radii_m: shown.extend([given[2], len(given[3])]) or [])
    write_show(tmp_path, video, replace(predictions(), time_s=np.arange(20) * 20.0), seconds=100)
    assert shown == [0.5, 5]


def test_files_are_written_also_for_less_than_a_frame(tmp_path, video):
    for path in write_show(tmp_path / "out", video, predictions(), seconds=1e-3):
        assert path.stat().st_size > 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"player.html", "demo.webm", "demo.gif"}
