"""The stage crop_resize, run as DVC runs it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from params_files import write_params
from toy_crops import encode_png, toy_frame, toy_sequence, write_toy_data

from pose3d.geometry.camera import apply_affine, invert_affine
from pose3d.pose2d.crops import Crops
from pose3d.records.encoded_images import write_encoded_images
from pose3d.records.hdf5 import create_hdf5
from pose3d.records.sequences import write_sequences

REPOSITORY = Path(__file__).parents[2]


def run_stage(folder: Path, workers: int = 1) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, REPOSITORY / "stages/crop_resize.py"],
        cwd=folder,
        env={**os.environ, "POSE3D_WORKERS": str(workers), "PYTHONPATH": str(REPOSITORY / "src")},
        capture_output=True,
        text=True,
    )


def test_crops_of_all_sequences_are_the_same_bytes_for_any_number_of_workers(tmp_path):
    sequences = write_toy_data(tmp_path)
    write_params(tmp_path)
    crops_path = tmp_path / "data/crops.h5"
    written = []
    for workers in (1, 3):
        crops_path.unlink()
        done = run_stage(tmp_path, workers)
        assert done.returncode == 0, done.stderr
        written.append(crops_path.read_bytes())
    assert written[0] == written[1]

    with Crops(crops_path, sequences) as crops:
        assert crops.image_rgb(len(crops) - 1).shape == (crops.size_px, crops.size_px, 3)
        back = apply_affine(invert_affine(crops.crop_from_image), crops.keypoints_px)
        assert np.abs(back - np.concatenate([s.keypoints_px for s in sequences])).max() < 0.01


@pytest.mark.parametrize(
    "damage, message",
    [
        (
            lambda images: [*images[:2], b"no image", *images[3:]],
            "data/frames.h5: S8/Dots-1/cam0 frame 2 does not decode",
        ),
        (lambda images: images[:-1], "does not hold the 4 frames of S8/Dots-1/cam0"),
        (lambda images: [encode_png(np.zeros((8, 8, 3), np.uint8))] * 4, "frame 0 has 8 x 8 px, its camera 160 x 120"),
    ],
)
def test_bad_frames_are_named_and_nothing_is_written(tmp_path, damage, message):
    sequences = [toy_sequence(subject, 4, seed) for seed, subject in enumerate(("S1", "S8", "S9"))]
    write_params(tmp_path)
    write_sequences(tmp_path / "data/sequences.h5", sequences, {"train": ["S1"], "validation": ["S8"], "test": ["S9"]})
    with create_hdf5(tmp_path / "data/frames.h5") as frames:
        for sequence in sequences:
            images = [encode_png(toy_frame(keypoints)) for keypoints in sequence.keypoints_px]
            write_encoded_images(frames, sequence.key, damage(images) if sequence.subject == "S8" else images)
    done = run_stage(tmp_path)
    assert done.returncode == 1
    last_line = done.stderr.strip().splitlines()[-1]
    assert last_line.startswith("error: ") and message in last_line
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["frames.h5", "sequences.h5"]
