"""The training stages, started from a file: what they print, make and refuse."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from params_files import PEOPLE, write_params
from people import SPLITS, population, write_data
from toy_crops import write_toy_data

from pose3d.training.model_file import load_model

ROOT = Path(__file__).parents[2]
MODELS = {"train_2d": "pose2d", "repnet": "repnet", "temporal": "temporal"}
SHORT = {
    "train_2d": {"epochs": 1, "batch_size": 4, "frame_step": 1},
    "repnet": {"steps": 2},
    "temporal": {"steps": 2, "window_frames": 3},
}
LIFTER_REPORT = [
    "the lifter is taken over whole, its input and output layers too, because this project's model files have its "
    "joints",
    "the critic starts fresh",
]
REPORTS = {
    "train_2d": [
        "backbone and deconv_layers are taken over",
        "final_layer is taken over, because this project's model files have its joints",
    ],
    "repnet": LIFTER_REPORT,
    "temporal": LIFTER_REPORT,
}


def prepare(folder: Path, block: str, init: str | None) -> None:
    """Params and data of a few frames; every block but the one in question is of size smoke."""
    write_params(folder, dataset={"subjects": SPLITS}, lifting=PEOPLE, **{block: SHORT[block] | {"init": init}})
    (folder / "pretrained" / block).mkdir(parents=True, exist_ok=True)
    if block == "train_2d":
        write_toy_data(folder)
    else:
        write_data(folder / "data", population(frames=5))


def run(folder: Path, block: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, ROOT / "stages" / f"{'' if block == 'train_2d' else 'train_'}{block}.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "DVC_ROOT": str(folder)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("block", MODELS)
def test_a_stage_starts_from_its_own_model_and_says_so(tmp_path, block):
    model = tmp_path / "data/models" / f"{MODELS[block]}.pt"
    prepare(tmp_path, block, None)
    done = run(tmp_path, block)
    assert done.returncode == 0, done.stderr
    assert "taken over" not in done.stdout
    first = model.read_bytes()
    init = f"pretrained/{block}/start.pt"
    shutil.copy(model, tmp_path / init)
    prepare(tmp_path, block, init)
    done = run(tmp_path, block)
    assert done.returncode == 0, done.stderr
    said = [line.removeprefix(f"{init}: ") for line in done.stdout.splitlines() if line.startswith(init)]
    assert said == REPORTS[block]
    assert model.read_bytes() != first
    assert load_model(model)[0] == load_model(tmp_path / init)[0]


@pytest.mark.parametrize("block", MODELS)
def test_a_stage_refuses_a_file_in_one_sentence_and_writes_nothing(tmp_path, block):
    init = f"pretrained/{block}/start.pt"
    prepare(tmp_path, block, init)
    before = sorted(tmp_path.rglob("*"))
    done = run(tmp_path, block)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: {block}.init names {init}, which is missing: put it there")
    (tmp_path / init).write_text("no checkpoint")
    done = run(tmp_path, block)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "\x1b" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"error: {init} is not a checkpoint, or damaged: {block}.init takes")
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / init])
