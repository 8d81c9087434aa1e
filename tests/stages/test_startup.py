"""What stages and commands load before they do anything; by name and not by clock, for clocks depend on the machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from params_files import write_params

REPOSITORY = Path(__file__).parents[2]
STAGES = sorted(path.stem for path in (REPOSITORY / "stages").glob("*.py"))
TRAIN_OR_RELEASED = "run `make repro` (or `dvc repro`) to make it, or give --models models for the released ones"
COMMANDS = {
    "predict walk.mp4": ("models/temporal.pt", "run `make repro` (or `dvc repro`) to make it"),
    "predict none.mp4 --models given": ("none.mp4", "give the path of a video"),
    "predict walk.mp4 --models given --camera none.json": ("none.json", "give a calibration"),
    "predict walk.mp4 --models given --boxes none.csv": ("none.csv", "give a CSV file of boxes"),
    "predict walk.mp4 --runtime onnx": ("data/onnx/pose2d.onnx", "run `pose3d export` to write it"),
    "predict walk.mp4 --keypoints none.json": ("none.json", "give a file of keypoints"),
    "lift none.json": ("none.json", "give a file of keypoints"),
    "lift walk.mp4 --video none.mp4": ("none.mp4", "give the path of a video"),
    "lift walk.mp4 --names none.csv": ("none.csv", "give a CSV file of name,point"),
    "convert none.npz walk.trc": ("none.npz", "give a file of joints"),
    "make-prior none --out priors/mine.h5": ("none", "give one that is there"),
    "demo": ("data/sequences.h5", "run `make repro` (or `dvc repro`) to make it"),
    "export": ("data/models/pose2d.pt", TRAIN_OR_RELEASED),
    "evaluate-views": ("data/models/pose2d.pt", TRAIN_OR_RELEASED),
    "adapt-views --out out": ("data/models/pose2d.pt", TRAIN_OR_RELEASED),
    "write-npz --format original --out out": ("data/sequences.h5", "run `make repro` (or `dvc repro`) to make it"),
    "evaluate-predictions --predictions none.npz --dataset none.h5": (
        "none.h5",
        "run `make repro` (or `dvc repro`) to make it",
    ),
}
"""With models/ and given/ of the first lines below: what each misses, and its remedy."""
SLOW = {"torch", "lightning_fabric", "scipy", "pandas", "matplotlib", "distributed", "anny", "cv2", "h5py"}
"""Packages that take from tenths of a second to seconds to load."""
RUN = """
import runpy, sys
name, sys.argv = sys.argv[1], sys.argv[1:]
try:
    (runpy.run_path if name.endswith(".py") else runpy.run_module)(name, run_name="__main__")
finally:
    print("loaded:", *sys.modules)
"""


def run(folder: Path, *command: str | Path) -> tuple[subprocess.CompletedProcess, set[str]]:
    """A script or module and its arguments; the modules that are loaded when it has ended."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, command)],
        cwd=folder,
        env={"PYTHONPATH": str(REPOSITORY / "src"), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    done.stdout, _, loaded = done.stdout.rpartition("loaded:")
    return done, set(loaded.split())


def script(stage: str) -> Path:
    return REPOSITORY / "stages" / f"{stage}.py"


def inputs() -> list[tuple[str, str]]:
    """Each stage with each file of data that it always reads, in the order of dvc.yaml."""
    stages = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
    read = [(stage, dep) for stage in stages for dep in stages[stage]["deps"] if dep.endswith((".h5", ".pt"))]
    return [pair for pair in read if pair != ("evaluate", "data/models/pose2d.pt")]  # real videos alone need that


@pytest.mark.parametrize("name", [*map(script, STAGES), "pose3d", "pose3d.config.check"], ids=str)
def test_help_loads_nothing_slow(name, tmp_path):
    done, loaded = run(tmp_path, name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ") and not SLOW & loaded


@pytest.mark.parametrize(("stage", "missing"), inputs())
def test_a_missing_input_is_said_before_anything_slow_is_loaded(stage, missing, tmp_path):
    write_params(tmp_path, size="smoke")
    for other in {path for reader, path in inputs() if reader == stage} - {missing}:
        (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / other).touch()
    (tmp_path / "data/raw").mkdir(parents=True, exist_ok=True)
    (tmp_path / "data/raw/manifest.json").write_text("{}")
    done, loaded = run(tmp_path, script(stage))
    assert done.stderr == f"error: {missing} is missing: run `make repro` (or `dvc repro`) to make it\n"
    assert done.returncode == 1 and not SLOW & loaded


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "hash_code"])
def test_wrong_params_are_said_before_anything_slow_is_loaded(stage, tmp_path):
    write_params(tmp_path)
    params = tmp_path / "params.yaml"
    params.write_text(params.read_text().replace("size: smoke", "size: none"))
    done, loaded = run(tmp_path, script(stage))
    assert done.stderr.startswith("error: params.yaml: size 'none' is unknown; choose one of ")
    assert done.returncode == 1 and not SLOW & loaded


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_what_is_missing_before_it_loads_torch(command, tmp_path):
    for path in ("walk.mp4", "models/pose2d.pt", "models/repnet.pt", *(f"given/{n}.pt" for n in ("pose2d", "repnet"))):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "given/temporal.pt").touch()
    done, loaded = run(tmp_path, "pose3d", *command.split())
    missing, remedy = COMMANDS[command]
    assert done.stderr.splitlines()[-1] == f"error: {missing} is missing: {remedy}"
    assert done.returncode == 1 and "torch" not in loaded


def test_what_a_script_loads_is_seen(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("import cv2, h5py, lightning_fabric, matplotlib, pandas, scipy\n")
    assert run(tmp_path, path)[1] >= SLOW - {"distributed", "anny"}
