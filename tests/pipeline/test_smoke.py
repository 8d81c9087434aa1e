"""The whole DAG on size smoke, in a copy of the repository, the way a user runs it."""

import json
import math
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from pipeline.workspace import REPOSITORY, Workspace, hashes, md5, remove

from pose3d.records.sequences import keys_in

STAGES = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
pytestmark = pytest.mark.pipeline
BUSY = {
    "download": "data/.raw.partial/new/deepmimic/*",
    "prepare": "data/.frames.h5.partial",
    "crop_resize": "data/.crops.h5.partial",
    "train_2d": ".ckpt/train_2d-*.pt",
    "infer_2d": "data/.keypoints2d.h5.partial",
    "train_repnet": ".ckpt/train_repnet-*.pt",
    "train_temporal": ".ckpt/train_temporal-*.pt",
    "evaluate": "plots/evaluation/per_action.csv",
}
"""What is there while a stage is at work, and before its outputs are.

bake_bodies is left to torture/kills.py: it computes for 20 s before it writes, and ends as all the others do.
"""


def test_evaluation_has_finite_metrics_of_every_method(smoke: Workspace) -> None:
    evaluation = json.loads((smoke.root / "metrics" / "evaluation.json").read_text())
    assert {"pose2d", "repnet", "temporal", "mean_pose", "nearest_neighbour"} <= set(evaluation)
    for method in ("repnet", "temporal"):
        assert evaluation[method]["mpjpe_mm"] > evaluation[method]["pa_mpjpe_mm"] > 0
    values = [value for method in evaluation.values() for value in method.values()]
    assert values
    assert all(math.isfinite(value) for value in values)


def test_all_but_skipped_subjects_have_keypoints(smoke: Workspace) -> None:
    keys, detected = keys_in(smoke.root / "data/sequences.h5"), keys_in(smoke.root / "data/keypoints2d.h5")
    assert set(keys) - set(detected) == {key for key in keys if key.startswith("Stills/")} != set()


def test_second_repro_does_nothing(smoke: Workspace) -> None:
    assert "Data and pipelines are up to date" in smoke.run("dvc", "repro").stdout


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "hash_code"])
def test_a_stage_depends_on_the_modules_it_loads_and_no_others(smoke: Workspace, stage: str) -> None:
    loaded = set((smoke.trace_folder / f"{stage}.txt").read_text().split())
    script, *modules = [line.split()[1] for line in (smoke.root / f"data/code/{stage}.txt").read_text().splitlines()]
    assert script == f"stages/{stage}.py"
    assert loaded == set(modules)


@pytest.fixture(scope="session")
def at_once(smoke: Workspace, preloaded: Path) -> Workspace:
    """The same copy, whose stages start at once, each with signals, a status and outputs of its own."""
    return replace(
        smoke, environment=smoke.environment | {"PATH": os.pathsep.join([str(preloaded), smoke.environment["PATH"]])}
    )


def test_experiment_reruns_only_what_depends_on_the_param(smoke: Workspace, at_once: Workspace) -> None:
    output = at_once.run("dvc", "exp", "run", "-S", "repnet.reproj_weight=3.5").stdout
    ran = {stage for stage in STAGES if f"Running stage '{stage}'" in output}
    assert ran == {"train_repnet", "evaluate"}
    changes = smoke.run("dvc", "metrics", "diff", "HEAD").stdout
    assert "repnet.mpjpe_mm" in changes
    smoke.run("git", "checkout", "-q", "--", ".")
    smoke.run("dvc", "checkout")


def signalled_while_busy(workspace: Workspace, stage: str, number: int) -> subprocess.CompletedProcess:
    """Run a stage's script and send it and its workers a signal, as a terminal does, once it is at work."""
    process = subprocess.Popen(
        ["python", f"stages/{stage}.py"],
        cwd=workspace.root,
        env={**workspace.environment, "PYTHONPATH": str(workspace.root / "src")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in its background has them ignore Ctrl-C, and a child would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not list(workspace.root.glob(BUSY[stage])) and process.poll() is None:
        time.sleep(0.002)
    busy = process.poll() is None
    if busy:
        os.killpg(process.pid, number)
    _, errors = process.communicate()
    assert busy, f"{stage} ended before it could be stopped"
    return subprocess.CompletedProcess(process.args, process.returncode, stderr=errors)


@pytest.mark.parametrize("stage", BUSY)
def test_killed_stage_leaves_nothing_half_written_and_ends_with_the_same_bytes(
    smoke: Workspace, at_once: Workspace, stage: str
) -> None:
    outputs = smoke.locked_outputs(stage)
    expected = hashes(smoke.root, outputs)
    assert expected
    remove(smoke.root, outputs)
    assert signalled_while_busy(at_once, stage, signal.SIGKILL).returncode == -signal.SIGKILL
    left = hashes(smoke.root, outputs)
    assert left == {name: expected[name] for name in left}
    assert left != expected
    at_once.run("python", f"stages/{stage}.py", PYTHONPATH=str(smoke.root / "src"))
    assert hashes(smoke.root, outputs) == expected
    assert not list(smoke.root.glob(".ckpt/*"))
    assert not list(smoke.root.glob("data/.*.partial"))


CTRL_C = [(stage, signal.SIGINT, 130, "interrupted") for stage in BUSY]
SIGTERM = [(stage, signal.SIGTERM, 143, "terminated") for stage in ("prepare", "train_2d", "train_repnet")]


@contextmanager
def put_aside(root: Path, outputs: Iterable[str], folder: Path) -> Iterator[None]:
    """Outputs are elsewhere meanwhile, and come back in place of whatever is there then: dvc checkout is slower."""
    moved = {root / output: folder / str(number) for number, output in enumerate(outputs)}
    for path, elsewhere in moved.items():
        shutil.move(path, elsewhere)
    try:
        yield
    finally:
        remove(root, outputs)
        for path, elsewhere in moved.items():
            shutil.move(elsewhere, path)


@pytest.mark.parametrize(("stage", "number", "status", "word"), CTRL_C + SIGTERM)
def test_a_signal_ends_a_stage_with_one_sentence_and_nothing_half_written(
    smoke: Workspace, at_once: Workspace, tmp_path: Path, stage: str, number: int, status: int, word: str
) -> None:
    """Ctrl-C comes to stages that start at once, SIGTERM to such as everybody starts."""
    outputs = smoke.locked_outputs(stage)
    expected = hashes(smoke.root, outputs)
    with put_aside(smoke.root, outputs, tmp_path):
        done = signalled_while_busy(at_once if number == signal.SIGINT else smoke, stage, number)
        left = hashes(smoke.root, outputs)
    assert left == {name: expected[name] for name in left}
    assert done.returncode == status, done.stderr
    assert f"{word}: run the same command again to go on" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(smoke.root.glob("data/.*.partial"))
    assert hashes(smoke.root, outputs) == expected
    for checkpoint in smoke.root.glob(".ckpt/*"):
        checkpoint.unlink()


def test_prepare_gives_the_same_bytes_with_any_number_of_workers(smoke: Workspace, at_once: Workspace) -> None:
    expected = smoke.locked_outputs("prepare")
    for workers in ("1", "2"):
        at_once.run("python", "stages/prepare.py", PYTHONPATH=str(smoke.root / "src"), POSE3D_WORKERS=workers)
        assert {path: md5(smoke.root / path) for path in expected} == expected


@pytest.mark.parametrize("stage", ["download", "crop_resize", "evaluate"])
def test_full_disk_is_one_sentence_and_keeps_what_was_there(smoke: Workspace, stage: str) -> None:
    """A file-size limit makes every larger write fail as a full disk does."""
    outputs = smoke.locked_outputs(stage)
    before = hashes(smoke.root, outputs)
    result = smoke.run(
        "bash",
        "-c",
        f"trap '' XFSZ; ulimit -f 16; exec python stages/{stage}.py",
        check=False,
        PYTHONPATH=str(smoke.root / "src"),
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stdout
    assert "error: File too large at " in result.stdout.splitlines()[-1]
    assert hashes(smoke.root, outputs) == before
