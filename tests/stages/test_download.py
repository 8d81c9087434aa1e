"""The stage download on the embedded data, with packages from a cache that the test fills."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from params_files import write_params

from pose3d.datasets.packages import BLAZEPOSE_PACKAGES, MULTIVIEW_PACKAGES, PACKAGES
from pose3d.runtime.files import sha256_of

REPOSITORY = Path(__file__).parents[2]


def fill_cache(cache: Path) -> None:
    """What a download leaves, with other content: the cache knows its files by the hashes beside them."""
    for package in PACKAGES + BLAZEPOSE_PACKAGES + MULTIVIEW_PACKAGES:
        hashes = {}
        for name in package.kept.values():
            path = cache / package.sha256 / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{package.name} {name}")
            hashes[name] = sha256_of(path)
        (cache / package.sha256 / "sha256.json").write_text(json.dumps(hashes))


def download(folder):
    """Run the stage there, on the cache that is there; gives what it prints."""
    done = subprocess.run(
        [sys.executable, REPOSITORY / "stages/download.py"],
        cwd=folder,
        env={**os.environ, "POSE3D_CACHE": str(folder / "cache"), "PYTHONPATH": str(REPOSITORY / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("with_videos", [True, False])
def test_real_videos_come_with_their_licence_where_they_are_asked_for(tmp_path, with_videos):
    fill_cache(tmp_path / "cache")
    write_params(tmp_path, dataset={"real_views": "pose2sim" if with_videos else None})
    printed = download(tmp_path)
    raw = tmp_path / "data/raw"
    manifest = json.loads((raw / "manifest.json").read_text())
    assert "mediapipe" not in manifest and json.loads((tmp_path / "data/pretrained/manifest.json").read_text()) == {}
    assert ("pose2sim" in manifest) == with_videos == (raw / "multiview").exists()
    if with_videos:
        assert manifest["pose2sim"]["licence"] == "BSD-3-Clause"
        assert sorted(path.name for path in (raw / "multiview").iterdir()) == [
            *("calibration.qca.txt", "cam01.mp4", "cam02.mp4", "cam03.mp4", "cam04.mp4")
        ]
        assert (raw / "licences/pose2sim.txt").exists() and "pose2sim 0.10.49 (BSD-3-Clause): 6 files" in printed


@pytest.mark.parametrize("data", ["embedded", "human36m"])
def test_blazepose_comes_with_its_licence_to_any_data_set_that_trains_it(tmp_path, data):
    fill_cache(tmp_path / "cache")
    (tmp_path / "own").mkdir()
    (tmp_path / "own/take.npz").write_bytes(b"poses")
    write_params(
        tmp_path,
        data,
        train_2d={"network": {"kind": "blazepose", "trainable": "head"}},
        dataset={} if data == "embedded" else {"folder": str(tmp_path / "own")},
    )
    download(tmp_path)
    pretrained = tmp_path / "data/pretrained"
    manifest = json.loads((pretrained / "manifest.json").read_text())
    assert manifest["mediapipe"]["licence"] == "Apache-2.0" and (pretrained / "licences/mediapipe.txt").exists()
    assert sorted(path.name for path in (pretrained / "blazepose").iterdir()) == [
        *("METADATA", "pose_detection.tflite", "pose_landmark_full.tflite")
    ]
    assert not (tmp_path / "data/raw/blazepose").exists()
