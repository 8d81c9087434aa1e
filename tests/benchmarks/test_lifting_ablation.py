"""The runner of ablations, as people call it, on tiny files of VideoPose3D's format."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from params_files import write_params
from tiny_npz import write_videopose3d

from pose3d.lifting.lift import load_lifter
from pose3d.runtime.errors import InputError

REPOSITORY = Path(__file__).parents[2]
SCRIPT = REPOSITORY / "benchmarks/lifting_ablation.py"
ABLATION = {
    "data": "Swinging people",
    "size": "lifting",
    "protocols": {
        "choose": {
            "lifting.keypoints_subjects": ["S1"],
            "lifting.prior": [{"subjects": ["S7", "S8"]}],
            "score": ["S9", "S11"],
        }
    },
    "tables": [
        {
            "title": "Tiny",
            "protocol": "choose",
            "kind": "temporal",
            "seeds": [1],
            "by_occlusion": True,
            "base": {
                "temporal.steps": 2,
                "temporal.batch_size": 2,
                "temporal.projected_prior_batch_size": 2,
                "temporal.width": 8,
                "temporal.critic_width": 8,
                "temporal.window_frames": 3,
                "temporal.run_outputs": 2,
                "temporal.spread_steps": 2,
            },
            "runs": [
                {"name": "full", "what": "everything"},
                {"name": "broken", "what": "diverges", "set": {"temporal.lr": 1e30}},
                {"name": "critic", "what": "critic on", "set": {"temporal.critic_weight": 1}},
            ],
        }
    ],
}


@pytest.fixture
def folder(tmp_path):
    """A working folder with params, the tiny data and the ablation."""
    write_params(tmp_path, "videopose3d", "lifting")
    (tmp_path / "npz").mkdir()
    write_videopose3d(tmp_path / "npz")
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(ABLATION))
    return tmp_path


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        cwd=folder,
        env={**os.environ, "POSE3D_DATA": str(folder / "npz"), "PYTHONPATH": str(REPOSITORY / "src")},
        capture_output=True,
        text=True,
    )


def load_runner():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("lifting_ablation", SCRIPT)
    runner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runner)
    return runner


def test_runs_are_done_once_whatever_else_fails_and_their_figures_are_in_the_table(folder, monkeypatch, capsys):
    first = call(folder, "run", "tiny.yaml", "--workers", "2")
    assert first.returncode == 1
    assert (
        "of 3 runs failed 1" in first.stderr and "Tiny: broken, seed 1" in first.stderr and "diverged" in first.stderr
    )
    results = folder / "results/tiny.jsonl"
    written = results.read_bytes()
    lines = {line["name"]: line for line in map(json.loads, written.splitlines())}
    assert set(lines) == {"full", "critic"}
    assert lines["full"]["frames"] == 2 * 2 * 4 * 12  # subjects, actions, cameras, frames
    assert lines["full"]["setup"]["dataset"]["subjects"]["train"] == ["S1", "S5", "S6", "S7", "S8"]
    load_lifter(folder / f".ckpt/ablation/{lines['full']['key']}.pt")

    monkeypatch.chdir(folder)
    monkeypatch.setenv("POSE3D_DATA", str(folder / "npz"))
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")
    runner = load_runner()
    monkeypatch.setattr(sys, "argv", ["lifting_ablation.py", "run", "tiny.yaml", "--only", "full|critic"])
    runner.main()
    assert results.read_bytes() == written

    monkeypatch.setattr(sys, "argv", ["lifting_ablation.py", "table", "tiny.yaml"])
    capsys.readouterr()
    runner.main()
    table = capsys.readouterr().out
    assert "Swinging people, scored on S9 and S11. These are no Human3.6M figures" in table
    figures = lines["critic"]["figures"]
    assert f"| critic | critic on | {figures['mpjpe_mm']:.1f} | {figures['pa_mpjpe_mm']:.1f} |" in table
    assert "| broken | diverges | not run |" in table
    assert "| root mm | visible joints mm | partly joints mm | deep joints mm | CPU s |" in table
    assert f"| {figures['visible_mpjpe_mm']:.1f} | {figures['partly_mpjpe_mm']:.1f} |" in table
    assert all(isinstance(figures[f"{name}_mpjpe_mm"], float) for name in ("visible", "partly", "deep"))


def test_every_committed_result_is_in_the_committed_tables(monkeypatch):
    """A new param would leave them behind: then give it to the lines' setups too, with the value that they had."""
    monkeypatch.chdir(REPOSITORY)
    runner = load_runner()
    ablation = runner.Ablation(**runner.read_yaml(Path("benchmarks/lifting_ablation.yaml")))
    setups = {
        runner.digest(runner.resolve(ablation, table, row, seed).setup)
        for table in ablation.tables
        for row in table.runs
        for seed in table.seeds
    }
    lines = runner.read_results(Path("benchmarks/results/lifting_ablation.jsonl"))
    assert lines and all(runner.digest(line["setup"]) in setups for line in lines)


@pytest.mark.parametrize(
    "override, message",
    [
        ({"temporal.citric_weight": 0}, "temporal.citric_weight: Extra inputs"),
        ({"repnet.critic_weight": 0}, "repnet.critic_weight belongs to none of"),
        ({"lifting.keypoints_subjects": ["S9"]}, "keypoints_subjects"),
    ],
)
def test_an_override_that_would_not_do_what_it_says_is_refused(folder, override, message, monkeypatch):
    runner = load_runner()
    monkeypatch.chdir(folder)
    ablation = runner.Ablation(**ABLATION)
    (table,) = ablation.tables
    runner.resolve(ablation, table, table.runs[0], 1)
    with pytest.raises(InputError, match=message):
        runner.resolve(ablation, table, runner.Row(name="wrong", what="", set=override), 1)
