"""The training stages, started from a file: what they print, make and refuse."""

import runpy
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

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


class Done(NamedTuple):
    """How a stage ended, None or what it gave ``sys.exit``, and what it printed."""

    end: str | int | None
    printed: str


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, own_signals):
    """Runs a block's stage in the test's folder, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))

    def run_stage(block: str) -> Done:
        script = ROOT / "stages" / f"{'' if block == 'train_2d' else 'train_'}{block}.py"
        monkeypatch.setattr(sys, "argv", [str(script)])
        end = None
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit as ended:
            end = ended.code
        return Done(end, capsys.readouterr().out)

    return run_stage


@pytest.mark.parametrize("block", MODELS)
def test_a_stage_starts_from_its_own_model_and_says_so(tmp_path, run, block):
    model = tmp_path / "data/models" / f"{MODELS[block]}.pt"
    prepare(tmp_path, block, None)
    done = run(block)
    assert done.end is None
    assert "taken over" not in done.printed
    first = model.read_bytes()
    init = f"pretrained/{block}/start.pt"
    shutil.copy(model, tmp_path / init)
    prepare(tmp_path, block, init)
    done = run(block)
    assert done.end is None
    said = [line.removeprefix(f"{init}: ") for line in done.printed.splitlines() if line.startswith(init)]
    assert said == REPORTS[block]
    assert model.read_bytes() != first
    assert load_model(model)[0] == load_model(tmp_path / init)[0]


@pytest.mark.parametrize("block", MODELS)
def test_a_stage_refuses_a_file_in_one_sentence_and_writes_nothing(tmp_path, run, block):
    init = f"pretrained/{block}/start.pt"
    prepare(tmp_path, block, init)
    before = sorted(tmp_path.rglob("*"))
    end = run(block).end
    assert end.startswith(f"error: {block}.init names {init}, which is missing: put it there") and "\n" not in end
    (tmp_path / init).write_text("no checkpoint")
    end = run(block).end
    assert end.startswith(f"error: {init} is not a checkpoint, or damaged: {block}.init takes")
    assert "\n" not in end and "\x1b" not in end
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / init])
