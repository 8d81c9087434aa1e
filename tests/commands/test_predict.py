import importlib.util
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from bright_people import Finder
from tiny_gopro import add_gravity
from tiny_models import save_models
from tiny_video import picture, write_video

from pose3d.commands.run import main
from pose3d.formats.joint_files import read_motion
from pose3d.formats.predictions import read_predictions
from pose3d.predict import pipeline, predict
from pose3d.runtime.files import exclusive

ROOT = Path(__file__).parents[2]


@pytest.fixture
def video(tmp_path):
    return write_video(tmp_path / "v.mp4", [picture(64, 48, (20, 10, 30, 40), seed) for seed in range(21)])


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Untrained models, and params as the repository's root has them."""
    monkeypatch.setenv("POSE3D_ACCELERATOR", "cpu")
    monkeypatch.setenv("POSE3D_PRECISION", "32-true")
    params = SimpleNamespace(
        crop_resize=SimpleNamespace(margin=1.25), infer_2d=SimpleNamespace(flip_test=True, decode="local_soft_argmax")
    )
    monkeypatch.setattr(pipeline.Params, "load", lambda: params)
    monkeypatch.setattr(pipeline, "load_finder", Finder)
    return save_models(tmp_path / "models")


@pytest.mark.slow
def test_the_command_writes_all_files(tmp_path, video, models):
    (tmp_path / "b.csv").write_text("frame,x0,y0,x1,y1\n0,10,0,40,48\n")
    camera = {"width_px": 64, "height_px": 48, "intrinsics_px": [[70, 0, 32], [0, 70, 24], [0, 0, 1]]}
    (tmp_path / "k.json").write_text(json.dumps(camera))
    out = tmp_path / "new" / "out"
    options = ["--camera", tmp_path / "k.json", "--boxes", tmp_path / "b.csv", "--models", models, "--out", out]
    main(list(map(str, ["predict", video, *options])))
    read = read_predictions(out / "predictions.npz")
    assert len(read) == 21
    assert read.camera.intrinsics_px[0, 0] == 70
    assert all(np.isfinite(lifted.poses_cam_m).all() for lifted in read.lifted.values())
    assert (out / "predictions.csv").read_text().count("\n") == 1 + 21 * 17
    assert "Frames: 21\n" in (out / "predictions.bvh").read_text()
    assert not (out / "player.html").exists()
    assert read.standing.poses_world_m.shape == (21, 17, 3)
    again = predict(video, tmp_path / "k.json", boxes=tmp_path / "b.csv", models=models)
    np.testing.assert_array_equal(again.keypoints_px, read.keypoints_px)


@pytest.mark.slow
def test_other_formats_are_written_beside_the_files_of_always(tmp_path, video, models, capsys):
    options = ["--format", "trc, glb,c3d,amass,videopose3d,openpose,bvh,trc"]
    main(["predict", str(video), "--models", str(models), "--out", str(tmp_path / "out"), *options])
    endings = ["npz", "csv", "bvh", "trc", "glb", "c3d", "amass.npz", "videopose3d.npz", "openpose"]
    printed = [line for line in capsys.readouterr().out.splitlines() if "predictions." in line]
    assert printed == [f"{tmp_path}/out/predictions.{ending}" for ending in endings]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(Path(line).name for line in printed)
    read = read_predictions(tmp_path / "out/predictions.npz")
    poses = read.lifted["temporal"].poses_cam_m * np.float32([1, -1, -1])
    for ending in ("trc", "c3d"):
        motion = read_motion(tmp_path / f"out/predictions.{ending}")
        np.testing.assert_array_equal(motion.missing.all(1), ~read.found)
        np.testing.assert_allclose(motion.positions_m[read.found], poses[read.found], rtol=0, atol=1e-5)
    assert len(read_motion(tmp_path / "out/predictions.glb")) == 21
    assert len(list((tmp_path / "out/predictions.openpose").iterdir())) == 21


@pytest.mark.slow
def test_a_recording_for_rerun_has_the_video(tmp_path, video, models):
    pytest.importorskip("rerun", reason="extra rerun")
    from rerun.chunk import RrdReader

    main(["predict", str(video), "--models", str(models), "--out", str(tmp_path / "out"), "--format", "rrd"])
    images = [
        chunk.num_rows for chunk in RrdReader(tmp_path / "out/predictions.rrd").stream().filter(content="camera/image")
    ]
    assert sum(images) == 21


def test_rerun_is_asked_for_before_the_long_part(tmp_path, video, models, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(video), "--models", str(models), "--out", str(tmp_path / "out"), "--format", "rrd"])
    assert caught.value.code == "error: an rrd file needs the package rerun-sdk: run `pip install .[rerun]`"
    assert not list((tmp_path / "out").iterdir())


TOML = """[{name}]
name = "{name}"
size = [64.0, 48.0]
matrix = [[70.0, 0.0, 31.5], [0.0, 70.0, 23.5], [0.0, 0.0, 1.0]]
distortions = [-0.1, 0.02, 0.0, 0.0]
rotation = [{tilt}, 0.0, 0.0]
translation = [0.0, {x}, 4.0]
fisheye = false
"""


@pytest.mark.slow
def test_height_up_and_a_camera_of_several(tmp_path, video, models):
    """The video is v.mp4 and is taken with the camera v, whose world has z up."""
    both = TOML.format(name="u", x=0.0, tilt=1.4) + TOML.format(name="v", x=2.0, tilt=1.6)
    (tmp_path / "Calib.toml").write_text(both)
    predictions = predict(video, tmp_path / "Calib.toml", models=models, height_m=1.6, up="calibration")
    assert predictions.camera.intrinsics_px[0, 2] == 32 and predictions.camera.distortion[0] == -0.1
    np.testing.assert_allclose(
        predictions.standing.world_from_camera[2, :3], [0, -np.sin(1.6), np.cos(1.6)], atol=1e-12
    )
    taller = predict(video, tmp_path / "Calib.toml", models=models, height_m=1.76, up="level", camera_name="v")
    for name, lifted in predictions.lifted.items():
        np.testing.assert_allclose(taller.lifted[name].poses_cam_m, lifted.poses_cam_m * 1.1, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(taller.standing.world_from_camera[2, :3], [0, -1, 0])


@pytest.mark.slow
def test_up_by_the_gravity_of_the_videos_metadata(tmp_path, video, models):
    add_gravity(video, (0, 4000, 3000))
    predictions = predict(video, models=models, up="metadata")
    assert len(predictions) == 21
    np.testing.assert_allclose(predictions.standing.world_from_camera[2, :3], [0, -0.8, -0.6], atol=1e-9)


def test_heights_and_directions_that_cannot_be(tmp_path, video, models):
    def message(*arguments):
        with pytest.raises(SystemExit) as caught:
            main([str(a) for a in ("predict", video, *arguments, "--models", models, "--out", tmp_path / "out")])
        return caught.value.code

    (tmp_path / "Calib.toml").write_text(TOML.format(name="a", x=0, tilt=0) + TOML.format(name="b", x=2, tilt=0))
    assert message("--height", 178) == "error: --height is in metres and nobody is 178 m tall: give --height 1.78"
    assert message("--height", 1.8, "--person", "all").startswith("error: --height is one person's")
    assert message("--up", "0,1,0").startswith("error: --up 0,1,0 does not point up in the picture")
    assert message("--up", "north") == (
        "error: --up takes estimate, level, calibration, metadata or three numbers x,y,z, not north"
    )
    assert message("--up", "calibration").endswith("need a calibration: give --camera")
    assert message("--up", "metadata") == (
        f"error: {video} has no gravity in its metadata, as GoPros from HERO9 on write it: give another --up"
    )
    assert message("--camera", tmp_path / "Calib.toml").endswith(
        "Calib.toml has cameras a, b: say with --camera-name which took the video"
    )
    assert "of camera b the calibration's z axis does not point up in the picture" in message(
        "--camera", tmp_path / "Calib.toml", "--camera-name", "b", "--up", "calibration"
    )
    own = {"width_px": 64, "height_px": 48, "intrinsics_px": [[70, 0, 32], [0, 70, 24], [0, 0, 1]]}
    (tmp_path / "k.json").write_text(json.dumps(own))
    assert "does not say how camera k stands" in message("--camera", tmp_path / "k.json", "--up", "calibration")


def test_a_folder_that_another_prediction_is_writing_is_refused(tmp_path, video, models):
    out = tmp_path / "out"
    out.mkdir()
    with exclusive(out / "predictions"), pytest.raises(SystemExit, match="error: another run is writing .*out/pred"):
        main(["predict", str(video), "--models", str(models), "--out", str(out)])
    assert list(out.iterdir()) == []


@pytest.mark.slow
def test_onnxruntime_predicts_what_torch_does(tmp_path, video, models, monkeypatch):
    pytest.importorskip("onnxruntime", reason="extra onnx")
    from pose3d.onnx.export import export

    export(models, tmp_path / "data" / "onnx")
    monkeypatch.chdir(tmp_path)  # where export writes by default, predict reads by default
    expected = predict(video, models=models)
    found = predict(video, runtime="onnx")
    assert expected.keypoints_px[:, :, 0].std() > 1  # the picture matters
    np.testing.assert_allclose(found.keypoints_px, expected.keypoints_px, atol=1e-3)
    for name, lifted in expected.lifted.items():
        np.testing.assert_allclose(found.lifted[name].poses_cam_m, lifted.poses_cam_m, atol=1e-4)


def test_models_that_were_not_exported_are_asked_for(tmp_path, video, models, monkeypatch):
    pytest.importorskip("onnxruntime", reason="extra onnx")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(video), "--runtime", "onnx"])
    assert caught.value.code == "error: data/onnx/pose2d.onnx is missing: run `pose3d export` to write it"


@pytest.mark.slow
def test_what_was_predicted_is_shown(tmp_path, video, models, capsys):
    main(["predict", str(video), "--models", str(models), "--out", str(tmp_path / "out"), "--show", "0.2"])
    printed = [path.rpartition("/")[2] for path in capsys.readouterr().out.split()]
    assert printed[:4] == ["predictions.npz", "predictions.csv", "predictions.bvh", "player.html"]
    assert set(printed) == {path.name for path in (tmp_path / "out").iterdir()}  # and nothing of the way there


def test_errors_are_one_sentence(tmp_path, video, models):
    def message(*arguments):
        with pytest.raises(SystemExit) as caught:
            main([str(a) for a in ("predict", *arguments, "--models", models, "--out", tmp_path / "out")])
        return caught.value.code

    assert message(tmp_path / "none.mp4").startswith(f"error: {tmp_path}/none.mp4 is missing")
    assert message(video, "--fov", 200) == "error: the field of view must lie between 5 and 170 degrees, not 200"
    assert message(video, "--person", 0) == "error: --person counts from 1 from the left, not from 0"
    assert message(video, "--person", "two") == "error: --person takes a number from 1, largest or all, not two"
    asked = "error: person 7 was asked for, 1 can be seen where people first appear: "
    assert message(video, "--person", 7) == f"{asked}ask for a lower number, or give --boxes"
    for person in (1, "all", "largest"):
        together = message(video, "--person", person, "--boxes", tmp_path / "b.csv")
        assert together == "error: --person goes without --boxes, which say who it is"
    (tmp_path / "b.csv").write_text("frame,x0,y0,x1,y1\n21,10,0,40,48\n30,10,0,40,48\n")
    late = f"error: {tmp_path}/b.csv: its first row is of frame 21, the video has 21: number frames from 0"
    assert message(video, "--boxes", tmp_path / "b.csv") == late
    assert message(video, "--camera", tmp_path / "k.json").startswith(f"error: {tmp_path}/k.json is missing: give")
    (tmp_path / "out").rmdir()
    (tmp_path / "out").write_text("a file")
    assert message(video).startswith("error: File exists at")
    (tmp_path / "out").unlink()
    (models / "temporal.pt").unlink()
    assert message(video) == f"error: {models}/temporal.pt is missing: run `make repro` (or `dvc repro`) to make it"
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("person", ["1", "largest", "all"])
def test_a_video_without_anybody_is_one_sentence(tmp_path, models, person):
    video = write_video(tmp_path / "v.mp4", [picture(64, 48, None, seed) for seed in range(5)])
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(video), "--models", str(models), "--out", str(tmp_path / "out"), "--person", person])
    assert caught.value.code == f"error: no person is found in {video}: say where one is with --boxes"
    assert not list((tmp_path / "out").iterdir())


def test_where_own_models_find_nobody_the_released_ones_are_named(tmp_path, models, monkeypatch):
    video = write_video(tmp_path / "v.mp4", [picture(64, 48, None, seed) for seed in range(5)])
    (tmp_path / "data").mkdir()
    models.rename(tmp_path / "data" / "models")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(video), "--models", "data/models", "--out", "out"])
    asked = "say where one is with --boxes, or give --models models for the released models"
    assert caught.value.code == f"error: no person is found in {video}: {asked}"


def two_people(seed):
    """The right one is larger."""
    image = picture(160, 120, (20, 50, 40, 110), seed)
    image[20:110, 90:120] = 220
    return image


@pytest.mark.slow
def test_nobodys_poses_are_lost_where_there_is_no_world(tmp_path, models, monkeypatch):
    video = write_video(tmp_path / "v.mp4", [two_people(seed) for seed in range(12)])
    monkeypatch.setattr(pipeline._Job, "_stand", lambda *_: None)
    options = ["--models", str(models), "--out", str(tmp_path / "all"), "--person", "all", "--frame", "world"]
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(video), *options])
    assert caught.value.code.startswith("error: --frame world needs a camera at rest")
    for person in (1, 2):
        names = {path.name for path in (tmp_path / "all" / f"person-{person}").iterdir()}
        assert names == {"predictions.npz", "predictions.csv"}


@pytest.mark.slow
def test_everybody_gets_a_folder(tmp_path, models, capsys):
    """The same bytes twice, and those of each when asked for alone."""
    video = write_video(tmp_path / "v.mp4", [two_people(seed) for seed in range(12)])
    for out, *person in (
        ("all", "--person", "all"),
        ("again", "--person", "all"),
        ("2", "--person", "2"),
        ("largest",),
    ):
        main(["predict", str(video), "--models", str(models), "--out", str(tmp_path / out), *person])
    folders = [tmp_path / "all" / "person-1", tmp_path / "all" / "person-2"]
    assert sorted((tmp_path / "all").iterdir()) == folders
    assert [read_predictions(folder / "predictions.npz").boxes_px[5, 0] < 60 for folder in folders] == [True, False]
    for name in ("predictions.npz", "predictions.csv", "predictions.bvh"):
        assert (folders[0] / name).read_bytes() == (tmp_path / "again" / "person-1" / name).read_bytes()
        right = (folders[1] / name).read_bytes()
        assert (tmp_path / "2" / name).read_bytes() == (tmp_path / "largest" / name).read_bytes() == right
    assert str(folders[1] / "predictions.bvh") in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:  # other people of another video would stay beside them
        main(["predict", str(video), "--models", str(models), "--out", str(tmp_path / "all"), "--person", "all"])
    sentence = "has people of an earlier run already (person-1): delete them, or give another --out"
    assert caught.value.code == f"error: {tmp_path}/all {sentence}"


@pytest.mark.parametrize("most_bytes", [2_500, 20_000])
@pytest.mark.slow
def test_a_full_disk_leaves_nothing_half_written(tmp_path, video, models, most_bytes):
    """Full while frames are looked at, and full while the table is written."""
    out, limits = tmp_path / "out", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, limits[1]))
    try:
        with pytest.raises(SystemExit) as caught:
            main(["predict", str(video), "--models", str(models), "--out", str(out)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.code.startswith("error: ")
    ending = rf" at {re.escape(str(out))}(/predictions\.\w+)?; free space or correct permissions there, then run again$"
    assert re.search(ending, caught.value.code)
    assert {path.name for path in out.iterdir()} <= {"predictions.npz"}
    if (out / "predictions.npz").exists():
        assert len(read_predictions(out / "predictions.npz")) == 21


def test_what_is_no_video_is_one_sentence_on_the_terminal(tmp_path, models):
    (tmp_path / "v.mp4").write_text("no video")
    options = ["--models", models, "--out", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-m", "pose3d", "predict", tmp_path / "v.mp4", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and not done.stdout
    sentence = "does not open as a video: it is damaged, or of a format that OpenCV lacks; if it plays elsewhere, "
    assert done.stderr.startswith(f"error: {tmp_path}/v.mp4 {sentence}`ffmpeg -i {tmp_path}/v.mp4 ")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_where_nothing_was_trained_the_released_models_are_taken_and_named(
    tmp_path, video, models, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)  # where models are in models/
    (tmp_path / "b.csv").write_text("frame,x0,y0,x1,y1\n0,10,0,40,48\n")
    main(["predict", str(video), "--boxes", "b.csv"])
    assert capsys.readouterr().err.startswith("with the models of models\n")
    found = read_predictions(tmp_path / "prediction/predictions.npz").keypoints_px
    np.testing.assert_array_equal(found, predict(video, boxes="b.csv", models=models).keypoints_px)


def test_a_corrupt_model_is_one_sentence_and_nothing_is_left(tmp_path, video, models):
    content = bytearray((models / "repnet.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (models / "repnet.pt").write_bytes(content)
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(video), "--models", str(models), "--out", str(tmp_path / "out")])
    assert re.fullmatch(
        rf"error: {models}/repnet\.pt is not a model of this project \(.*\): train it again", caught.value.code
    )
    assert list((tmp_path / "out").iterdir()) == []
