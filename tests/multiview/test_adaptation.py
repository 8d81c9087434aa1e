import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from params_files import write_params
from people import camera_ring, swinging_poses
from tiny_models import save_models
from tiny_qualisys import element, write_calibration
from tiny_video import write_video

from pose3d.commands.run import main
from pose3d.multiview import adaptation, agreement, selftraining
from pose3d.multiview.adaptation import adapt_models
from pose3d.multiview.finding import FoundPerson
from pose3d.multiview.views import CALIBRATION
from pose3d.pose2d.inference import load_network

ROOT = Path(__file__).parents[2]
FRAMES = 16


@pytest.fixture
def workplace(tmp_path, monkeypatch) -> Path:
    """Models, four videos of a stick figure, and a finder that knows where it is; no rendered crops."""
    cameras, poses = camera_ring(4), swinging_poses(np.random.default_rng(0), FRAMES)
    keypoints = np.stack([camera.project(camera.world_to_camera(poses)) for camera in cameras])
    boxes = np.concatenate([keypoints.min(2), keypoints.max(2)], axis=-1)
    whole = FoundPerson(keypoints, np.full(keypoints.shape[:-1], 0.8), boxes)
    (tmp_path / "videos").mkdir()
    write_calibration(tmp_path / "videos" / CALIBRATION, *(element(camera) for camera in cameras))
    for camera, view in zip(cameras, keypoints, strict=True):
        images = [np.zeros((camera.height_px, camera.width_px, 3), np.uint8) for _ in range(FRAMES)]
        for image, joints in zip(images, view, strict=True):
            for x, y in joints.round().astype(int).tolist():
                cv2.circle(image, (x, y), 9, (255, 255, 255), -1)
        write_video(tmp_path / "videos" / f"{camera.id}.mp4", images)

    def find(look, cameras, takes, fps):
        return whole.in_frames(slice(0, len(list(takes[0]()))))

    for module in (adaptation, selftraining, agreement):
        monkeypatch.setattr(module, "find_person", find)
    write_params(tmp_path)
    save_models(tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("share", "parts"), [(0.6, {"learnt_from", "held_out", "all"}), (1.0, {"all"})])
@pytest.mark.slow
def test_all_models_and_the_figures_of_every_part_are_written(workplace, share, parts):
    report = adapt_models(Path("models"), Path("videos"), Path("out"), 1, share, rounds=1, steps=2)
    assert json.loads(Path("out/adaptation.json").read_text()) == report
    assert (report["frames"], report["learnt_from"]) == (FRAMES, round(share * FRAMES))
    for when in ("before", "after"):
        assert set(report[when]) == parts | {"rendered_validation_pck_pct"}
        assert report[when]["all"]["consistent_pct"] == 100
        assert report[when]["rendered_validation_pck_pct"] is None
    for name in ("repnet", "temporal"):
        assert Path(f"out/{name}.pt").read_bytes() == Path(f"models/{name}.pt").read_bytes()
    (before, architecture), (after, same) = load_network("models/pose2d.pt"), load_network("out/pose2d.pt")
    assert architecture == same
    assert any(not torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))


def test_models_are_measured_on_the_same_videos(workplace):
    report = agreement.measure_models(Path("models"), Path("videos"), 2, Path("views.png"))
    assert report["frames"] == FRAMES // 2 and report["triangulated"]["residual_median_px"] < 1e-3
    assert report["repnet"]["frames_compared"] == report["temporal"]["frames_compared"] == FRAMES // 2
    assert cv2.imread("views.png").any()


def test_the_command_measures_with_refined_cameras_too(workplace, capsys):
    main(["evaluate-views", "--models", "models", "--folder", "videos", "--frame-step", "1", "--refine"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["as", "given", "refined"] in lines
    assert ["residual_median_px", "0.0", "0.0"] in lines and ["consistent_pct", "100.0", "100.0"] in lines
    assert lines.count(["frames_compared", str(FRAMES)]) == 4  # both lifters, as given and refined


def test_too_few_joints_to_refine_end_in_one_sentence(workplace):
    with pytest.raises(
        SystemExit, match=r"^error: camera cam0 sees \d+ joints together with two other cameras, and 50"
    ):
        main(["evaluate-views", "--models", "models", "--folder", "videos", "--frame-step", "4", "--refine"])


def test_two_views_teach_nothing_and_that_is_said_at_once(workplace, monkeypatch):
    monkeypatch.setattr(adaptation, "find_person", None)
    for name in ("cam2", "cam3"):
        Path(f"videos/{name}.mp4").unlink()
    write_calibration(Path("videos") / CALIBRATION, *(element(camera) for camera in camera_ring(4)[:2]))
    with pytest.raises(SystemExit, match="^error: videos has 2 views: the network learns from what 3 agree on, so add"):
        main(["adapt-views", "--models", "models", "--folder", "videos", "--out", "out"])


@pytest.mark.parametrize("command", [["evaluate-views"], ["adapt-views", "--out", "out"]])
def test_one_frame_in_which_nothing_moves_is_not_taken(workplace, command):
    said = r"^error: of the 16 frames of videos/cam0\.mp4 one is taken with --frame-step 20, and the person is found as"
    with pytest.raises(SystemExit, match=said):
        main([*command, "--models", "models", "--folder", "videos", "--frame-step", "20"])
