"""The command that fits the weights of joints, on pictures of a drawn person."""

import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_person import drawn_person
from people import SPLITS, camera_ring, take, write_data

from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.records.encoded_images import write_encoded_images
from pose3d.records.hdf5 import create_hdf5
from pose3d.runtime.errors import InputError

SCRIPT = Path(__file__).parents[2] / "benchmarks/blazepose_joints.py"


@pytest.fixture
def run(tmp_path, monkeypatch, blazepose_files):
    """What runs the command on a folder of the test, and gives its output."""
    spec = importlib.util.spec_from_file_location("blazepose_joints", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "WEIGHTS", tmp_path / "weights.csv")
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--data", str(tmp_path), "--frames", "1", "--write"])
    return script.main


@pytest.fixture
def sequences(tmp_path):
    sequences = [sequence for s in ("S1", "S7", "S8", "S9", "S11") for sequence in take(s, "Walk-1", 2, camera_ring(1))]
    assert {sequence.subject for sequence in sequences} == {name for names in SPLITS.values() for name in names}
    write_data(tmp_path, sequences)
    return sequences


def test_it_prints_the_validation_subjects_figures_and_writes_the_weights(run, sequences, tmp_path, capsys):
    with create_hdf5(tmp_path / "frames.h5") as file:
        for sequence in sequences:
            images = []
            for box in sequence.boxes_px:
                (x, y), side = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).max()
                scale = side / 420  # of the drawn person, whose middle is at (256, 265)
                transform = np.array([[scale, 0, x - 256 * scale], [0, scale, y - 265 * scale]])
                image = cv2.warpAffine(drawn_person(), transform, (1000, 1000), borderMode=cv2.BORDER_REPLICATE)
                images.append(cv2.imencode(".jpg", image)[1].tobytes())
            write_encoded_images(file, sequence.key, images)
    run()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 of 2 training frames"
    assert [line.split()[0] for line in lines[1:]] == ["all", *JOINT_NAMES]
    weights = np.loadtxt(tmp_path / "weights.csv", delimiter=",", skiprows=1, usecols=range(1, 34))
    np.testing.assert_allclose(weights.sum(1), 1, atol=2e-3)


def test_pictures_without_people_are_one_sentence(run, sequences, tmp_path):
    with pytest.raises(InputError, match="frames.h5: BlazePose sees nobody"):
        run()
    assert not (tmp_path / "weights.csv").exists()
