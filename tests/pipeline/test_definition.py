"""dvc.yaml against the code: nothing that a stage uses is missing from it, and dvc.lock is what the code makes."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pipeline.workspace import REPOSITORY

STAGES = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]


def blocks_read(script: Path) -> set[str]:
    """Names of the params blocks that a script takes from ``params``."""
    return {
        node.attr
        for node in ast.walk(ast.parse(script.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "params"
    }


@pytest.mark.parametrize("stage", STAGES)
def test_stage_params_are_those_its_script_reads(stage: str) -> None:
    listed = STAGES[stage].get("params", [])
    method = {entry for entry in listed if isinstance(entry, str)}
    profile = {block for entry in listed if isinstance(entry, dict) for blocks in entry.values() for block in blocks}
    known = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    scale = yaml.safe_load((REPOSITORY / "profiles" / "small.yaml").read_text())
    read = blocks_read(REPOSITORY / "stages" / f"{stage}.py")
    assert method == {block for block in read if block in known}
    assert profile == {block for block in read if block in scale}


@pytest.mark.parametrize("stage", STAGES)
def test_stage_depends_on_its_script_and_carries_no_params_in_its_command(stage: str) -> None:
    assert STAGES[stage]["cmd"] == f"PYTHONPATH=src:$PYTHONPATH python stages/{stage}.py"
    assert f"stages/{stage}.py" in STAGES[stage]["deps"]


def test_no_output_is_written_by_two_stages() -> None:
    outputs = [
        next(iter(out)) if isinstance(out, dict) else out
        for stage in STAGES.values()
        for kind in ("outs", "metrics", "plots")
        for out in stage.get(kind, [])
    ]
    assert len(outputs) == len(set(outputs))


def test_profiles_have_the_same_blocks_and_keys() -> None:
    """What one profile sets and another does not would be a key of params.yaml in disguise."""
    profiles = {path.stem: yaml.safe_load(path.read_text()) for path in (REPOSITORY / "profiles").glob("*.yaml")}
    small = {block: set(values) for block, values in profiles["small"].items()}
    for name, profile in profiles.items():
        assert {block: set(values) for block, values in profile.items()} == small, name


def test_dvc_lock_is_up_to_date_with_code_and_params() -> None:
    result = subprocess.run(
        [str(Path(sys.executable).parent / "dvc"), "repro", "--allow-missing", "--dry"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Running stage" not in result.stdout, f"run `make repro` and commit dvc.lock:\n{result.stdout}"
