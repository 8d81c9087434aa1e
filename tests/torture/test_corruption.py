"""A seeded part of torture/corruption.py on files written here, and that its verdicts can be bad."""

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from people import SPLITS, detect, population

from pose3d.config.dataset import RecordedDataset
from pose3d.datasets.manifest import MANIFEST, check_manifest
from pose3d.lifting.lift import build_lifter, load_lifter
from pose3d.records.keypoints2d import read_keypoints2d, write_keypoints2d
from pose3d.records.sequences import read_sequences, read_splits, write_sequences
from pose3d.runtime.files import sha256_of, write_text
from pose3d.training.model_file import save_model
from torture import corruption
from torture.own_files import write_own_files


def read_poses():
    sequences = read_sequences("sequences.h5")
    return read_splits("sequences.h5"), [vars(s) | {"camera": vars(s.camera)} for s in sequences]


def read_raw():
    check_manifest(Path("raw"))
    return Path("raw/walk.json").read_bytes()


TARGETS = {
    "sequences.h5": read_poses,
    "keypoints2d.h5": lambda: [vars(k) for k in read_keypoints2d("keypoints2d.h5", read_sequences("sequences.h5"))],
    "repnet.pt": lambda: corruption._state(load_lifter("repnet.pt")),
    "raw/manifest.json": read_raw,
    "raw/walk.json": read_raw,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("files")
    sequences = population(2, ("Walk-1",))
    write_sequences(root / "sequences.h5", sequences, SPLITS)
    detections = detect(sequences, 2.0)
    write_keypoints2d(root / "keypoints2d.h5", zip([s.key for s in sequences], detections, strict=True))
    architecture = {"lifter": "frame", "width": 8, "blocks": 1}
    save_model(root / "repnet.pt", architecture, build_lifter(architecture).state_dict())
    write_text(root / "raw/walk.json", json.dumps({"Frames": np.arange(50).tolist()}))
    files = {"walk.json": {"member": "walk.txt", "sha256": sha256_of(root / "raw/walk.json")}}
    write_text(root / "raw" / MANIFEST, json.dumps({"package": {"version": "1", "files": files}}, indent=2))
    return root


@pytest.mark.parametrize("path", TARGETS)
def test_a_damaged_file_is_named_or_reads_as_before(root, path):
    target = corruption.Target(path, TARGETS[path], tracked=False)
    repeats = {"one bit flipped": 5, "16 bytes changed": 3, "cut off": 3, "emptied": 1}
    tried = corruption.cases(root, (target,), repeats)
    (row,) = corruption.run_cases(root, tried)
    assert (row.cases, row.failed) == (12, 0)


@pytest.mark.parametrize("kind", ["a file of another schema version", "a file of other sequences"])
def test_keypoints_of_another_run_are_refused(root, kind):
    target = corruption.Target("keypoints2d.h5", TARGETS["keypoints2d.h5"], tracked=False)
    (row,) = corruption.run_cases(root, corruption.cases(root, (target,), {kind: 1}))
    assert (row.cases, row.failed) == (1, 0)


@pytest.mark.slow
def test_files_of_every_source_are_damaged_and_read_undisturbed(tmp_path):
    sources = [model.model_fields["source"].annotation for model in get_args(RecordedDataset)]
    targets = {Path(target.path).parts[1]: target for target in corruption.TARGETS if target.path.startswith("own/")}
    write_own_files(tmp_path)
    for (source,) in map(get_args, sources):
        outcome = corruption.in_child(targets[source].read, tmp_path)
        assert outcome.kind == "read", outcome.text


def _hang():
    signal.pause()


@pytest.mark.parametrize(
    ("read", "problem"),
    [
        (lambda: Path("raw/walk.json").read_bytes(), "other content was read without a message"),
        (lambda: json.loads(Path("raw/walk.json").read_text()), "Error"),
        (lambda: bytearray(2**33), "MemoryError"),
        (_hang, "the process ended"),
    ],
)
def test_a_reader_that_does_worse_fails(root, monkeypatch, read, problem):
    monkeypatch.setattr(corruption, "LIMIT_S", 1)
    case = corruption.Case(corruption.Target("raw/walk.json", read, tracked=False), "cut off", seed=1)
    assert problem in corruption.failure(case, root, whole="")
    assert (
        sha256_of(root / "raw/walk.json")
        == json.loads((root / "raw" / MANIFEST).read_text())["package"]["files"]["walk.json"]["sha256"]
    ), "the file is put back"


def test_damage_is_seeded(root):
    case = corruption.Case(corruption.Target("raw/walk.json", read_raw), "16 bytes changed", seed=1)
    assert corruption.damaged(case, root) == corruption.damaged(case, root)
    assert corruption.damaged(case, root) != corruption.damaged(replace(case, seed=2), root)
