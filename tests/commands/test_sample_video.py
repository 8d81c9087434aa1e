"""pose3d sample-video, and predict on what it writes, as `make demo` does, from a package and models in miniature."""

import json
import subprocess
from pathlib import Path

import pytest
from people import camera_ring
from tiny_models import save_models
from tiny_qualisys import element, write_calibration
from tiny_video import picture, write_video

from pose3d.commands.run import main
from pose3d.commands.sample_video import CAMERA
from pose3d.datasets import packages
from pose3d.formats.predictions import read_predictions
from pose3d.multiview.views import CALIBRATION

ROOT = Path(__file__).parents[2]
FILES = {"walk.mp4", "walk.json", "walk.LICENCE.txt"}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Two cameras of 1000 x 1000 px, of which the second is the one that is taken; its video lacks the last columns."""
    folder = tmp_path / "package" / "multiview"
    folder.mkdir(parents=True)
    cameras = camera_ring()[:2]
    names = ["other", CAMERA]
    elements = [
        element(camera).replace(f'"{camera.id}"', f'"{name}"') for camera, name in zip(cameras, names, strict=True)
    ]
    write_calibration(folder / CALIBRATION, *elements)
    for name, width in zip(names, (1000, 992), strict=True):
        write_video(folder / f"{name}.mp4", [picture(width, 1000, (300, 200, 500, 800), seed) for seed in range(4)])
    (tmp_path / "package/licences").mkdir()
    (tmp_path / "package/licences/pose2sim.txt").write_text("the licence")
    monkeypatch.setattr(packages, "cached_files", lambda package: tmp_path / "package")
    return cameras[1]


def test_video_camera_and_licence_are_written(tmp_path, package, capsys):
    out = tmp_path / "new/demo"
    main(["sample-video", "--out", str(out)])
    assert {path.name for path in out.iterdir()} == FILES
    assert capsys.readouterr().out.split() == [f"{out}/walk.mp4", f"{out}/walk.json"]
    assert (out / "walk.mp4").read_bytes() == (tmp_path / f"package/multiview/{CAMERA}.mp4").read_bytes()
    assert (out / "walk.LICENCE.txt").read_text() == "the licence"
    camera = json.loads((out / "walk.json").read_text())
    assert (camera["width_px"], camera["height_px"]) == (992, 1000)
    assert camera["intrinsics_px"][0] == pytest.approx(package.intrinsics_px[0])
    assert camera["distortion"] == pytest.approx(package.distortion)


@pytest.mark.slow
def test_predict_takes_what_was_written(tmp_path, package, monkeypatch):
    monkeypatch.setenv("POSE3D_ACCELERATOR", "cpu")
    monkeypatch.setenv("POSE3D_PRECISION", "32-true")
    monkeypatch.chdir(ROOT)  # whose params.yaml says how crops are cut
    out, models = tmp_path / "demo", save_models(tmp_path / "models")
    main(["sample-video", "--out", str(out)])
    (out / "boxes.csv").write_text("frame,x0,y0,x1,y1\n0,300,200,500,800\n")
    arguments = ["--camera", out / "walk.json", "--boxes", out / "boxes.csv", "--models", models, "--out", out]
    main(list(map(str, ["predict", out / "walk.mp4", *arguments, "--show"])))
    written = {path.name for path in out.iterdir()} - FILES - {"boxes.csv"}
    assert written == {f"predictions.{kind}" for kind in ("npz", "csv", "bvh")} | {
        "player.html",
        "demo.webm",
        "demo.gif",
    }
    read = read_predictions(out / "predictions.npz")
    assert len(read) == 4
    assert read.camera.intrinsics_px == pytest.approx(package.intrinsics_px)


def test_without_a_network_one_sentence_says_so_and_nothing_is_written(tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "WARNING: Retrying\nERROR: No matching distribution found\n")
    monkeypatch.setattr(packages.subprocess, "run", lambda *given, **options: failed)
    monkeypatch.setenv("POSE3D_CACHE", str(tmp_path / "cache"))
    with pytest.raises(SystemExit) as caught:
        main(["sample-video", "--out", str(tmp_path / "demo")])
    assert caught.value.code.startswith("error: cannot download pose2sim==0.10.49 (No matching distribution found): ")
    assert "\n" not in caught.value.code
    assert not (tmp_path / "demo").exists()
