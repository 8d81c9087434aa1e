"""The whole DAG on profiles/smoke.yaml, in a copy of the repository, the way a user runs it."""

import hashlib
import json
import math
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from pipeline.workspace import REPOSITORY, Workspace

STAGES = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
pytestmark = pytest.mark.pipeline


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def test_evaluation_has_finite_metrics_of_every_method(smoke: Workspace) -> None:
    evaluation = json.loads((smoke.root / "metrics" / "evaluation.json").read_text())
    assert {"pose2d", "repnet", "temporal", "mean_pose", "nearest_neighbour"} <= set(evaluation)
    for method in ("repnet", "temporal"):
        assert evaluation[method]["mpjpe_mm"] > evaluation[method]["pa_mpjpe_mm"] > 0
    values = [value for method in evaluation.values() for value in method.values()]
    assert values
    assert all(math.isfinite(value) for value in values)


def test_second_repro_does_nothing(smoke: Workspace) -> None:
    assert "Data and pipelines are up to date" in smoke.run("dvc", "repro").stdout


@pytest.mark.parametrize("stage", STAGES)
def test_loaded_modules_are_the_listed_deps(smoke: Workspace, stage: str) -> None:
    loaded = set((smoke.trace_folder / f"{stage}.txt").read_text().split())
    listed = {dep for dep in STAGES[stage]["deps"] if dep.startswith("src/")}
    assert loaded == listed


def test_experiment_reruns_only_what_depends_on_the_param(smoke: Workspace) -> None:
    output = smoke.run("dvc", "exp", "run", "-S", "repnet.reproj_weight=3.5").stdout
    ran = {stage for stage in STAGES if f"Running stage '{stage}'" in output}
    assert ran == {"train_repnet", "evaluate"}
    changes = smoke.run("dvc", "metrics", "diff", "HEAD").stdout
    assert "repnet.mpjpe_mm" in changes
    smoke.run("git", "checkout", "-q", "--", ".")
    smoke.run("dvc", "checkout")


@pytest.mark.parametrize(
    ("stage", "wait_for"),
    [
        ("prepare", "data/.frames.h5.partial"),
        ("crop_resize", "data/.crops.h5.partial"),
        ("train_2d", ".ckpt/train_2d-*.pt"),
        ("infer_2d", "data/.keypoints2d.h5.partial"),
        ("train_repnet", ".ckpt/train_repnet-*.pt"),
        ("train_temporal", ".ckpt/train_temporal-*.pt"),
    ],
)
def test_killed_stage_leaves_nothing_half_written_and_ends_with_the_same_bytes(
    smoke: Workspace, stage: str, wait_for: str
) -> None:
    expected = smoke.locked_outputs(stage)
    files = {path: smoke.root / path for path in expected if (smoke.root / path).is_file()}
    assert files
    for path in files.values():
        path.unlink()
    environment = {**smoke.environment, "PYTHONPATH": str(smoke.root / "src")}
    process = subprocess.Popen(
        ["python", f"stages/{stage}.py"],
        cwd=smoke.root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not list(smoke.root.glob(wait_for)) and process.poll() is None:
        time.sleep(0.005)
    interrupted = process.poll() is None
    if interrupted:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert interrupted, f"{stage} ended before it could be killed"
    assert [path for path, file in files.items() if file.exists() and md5(file) != expected[path]] == []
    smoke.run("python", f"stages/{stage}.py", PYTHONPATH=str(smoke.root / "src"))
    assert {path: md5(file) for path, file in files.items()} == {path: expected[path] for path in files}
    assert not list(smoke.root.glob(".ckpt/*"))
    assert not list(smoke.root.glob("data/.*.partial"))


def test_prepare_gives_the_same_bytes_with_any_number_of_workers(smoke: Workspace) -> None:
    expected = smoke.locked_outputs("prepare")
    for workers in ("1", "2"):
        smoke.run("python", "stages/prepare.py", PYTHONPATH=str(smoke.root / "src"), POSE3D_WORKERS=workers)
        assert {path: md5(smoke.root / path) for path in expected} == expected


def test_full_disk_is_one_sentence_and_keeps_what_was_there(smoke: Workspace) -> None:
    """A file-size limit makes every larger write fail as a full disk does."""
    crops = smoke.root / "data" / "crops.h5"
    before = md5(crops)
    result = smoke.run(
        "bash",
        "-c",
        "trap '' XFSZ; ulimit -f 16; exec python stages/crop_resize.py",
        check=False,
        PYTHONPATH=str(smoke.root / "src"),
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stdout
    assert "error:" in result.stdout.splitlines()[-1]
    assert md5(crops) == before
