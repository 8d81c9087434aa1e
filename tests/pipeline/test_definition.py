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
    """Names of the params blocks that a script loads: the fields of its class ``Params``."""
    classes = [n for n in ast.parse(script.read_text()).body if isinstance(n, ast.ClassDef) and n.name == "Params"]
    return {field.target.id for found in classes for field in found.body if isinstance(field, ast.AnnAssign)}


def keys_read(script: Path, block: str) -> set[str]:
    """Keys that a script takes from a block, as ``….<block>.<key>``."""
    return {
        node.attr
        for node in ast.walk(ast.parse(script.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == block
    }


@pytest.mark.parametrize("stage", STAGES)
def test_stage_params_are_those_its_script_reads(stage: str) -> None:
    listed = STAGES[stage].get("params", [])
    method = {entry for entry in listed if isinstance(entry, str)}
    profile = {block for entry in listed if isinstance(entry, dict) for blocks in entry.values() for block in blocks}
    known = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    scale = yaml.safe_load((REPOSITORY / "profiles" / "small.yaml").read_text())
    script = REPOSITORY / "stages" / f"{stage}.py"
    read = blocks_read(script)
    assert method == {block for block in read if block in known}
    assert {entry.split(".")[0] for entry in profile} == {block for block in read if block in scale}
    for block, key in (entry.split(".") for entry in profile if "." in entry):
        assert keys_read(script, block) == {key}


@pytest.mark.parametrize("stage", STAGES)
def test_stage_depends_on_its_script_and_carries_no_params_in_its_command(stage: str) -> None:
    assert STAGES[stage]["cmd"] == f"PYTHONPATH=src:$PYTHONPATH python stages/{stage}.py"
    assert f"stages/{stage}.py" in STAGES[stage]["deps"]


def test_stages_that_read_the_prior_depend_on_its_folder() -> None:
    reading = {stage for stage in STAGES if "lifting" in blocks_read(REPOSITORY / "stages" / f"{stage}.py")}
    assert reading == {stage for stage in STAGES if "priors" in STAGES[stage]["deps"]} != set()


def test_stages_that_start_from_weights_depend_on_their_folder() -> None:
    folders = {stage: {dep for dep in STAGES[stage]["deps"] if dep.startswith("pretrained")} for stage in STAGES}
    blocks = {"train_2d": "train_2d", "train_repnet": "repnet", "train_temporal": "temporal"}
    assert folders == {stage: {f"pretrained/{blocks[stage]}"} if stage in blocks else set() for stage in STAGES}


def test_no_output_is_written_by_two_stages() -> None:
    outputs = [
        next(iter(out)) if isinstance(out, dict) else out
        for stage in STAGES.values()
        for kind in ("outs", "metrics", "plots")
        for out in stage.get(kind, [])
    ]
    assert len(outputs) == len(set(outputs))


def test_profiles_have_the_same_blocks_and_keys() -> None:
    """What one profile sets and another does not would be a key of params.yaml in disguise.

    The keys of ``dataset`` follow from its source, which the params themselves check.
    """
    profiles = {path.stem: yaml.safe_load(path.read_text()) for path in (REPOSITORY / "profiles").glob("*.yaml")}
    small = {block: set(values) for block, values in profiles["small"].items() if block != "dataset"}
    for name, profile in profiles.items():
        assert {block: set(values) for block, values in profile.items() if block != "dataset"} == small, name
        assert "source" in profile["dataset"], name


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
