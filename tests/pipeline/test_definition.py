"""dvc.yaml against the code: nothing that a stage uses is missing from it, and dvc.lock is what the code makes."""

import ast
from pathlib import Path

import pytest
import yaml
from pipeline.workspace import REPOSITORY, out_of_date, out_paths

from pose3d.config.check import BLOCKS
from pose3d.runtime.code_hashes import code_hashes

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
    listed: dict[str, set[str]] = {"params.yaml": set(), "data_sets/${data}.yaml": set(), "sizes/${size}.yaml": set()}
    for entry in STAGES[stage].get("params", []):
        for file, keys in (entry if isinstance(entry, dict) else {"params.yaml": [entry]}).items():
            listed[file] |= set(keys)
    script = REPOSITORY / "stages" / f"{stage}.py"
    read = blocks_read(script)
    in_part = {tuple(entry.split(".")) for entries in listed.values() for entry in entries if "." in entry}
    for block, key in in_part:
        assert block in read and keys_read(script, block) == {key}
    whole = read - {block for block, _ in in_part}
    for file, entries in listed.items():
        path = REPOSITORY / file.replace("${data}", "embedded").replace("${size}", "small")
        content = yaml.safe_load(path.read_text())
        assert {entry for entry in entries if "." not in entry} == whole & set(content), file
        assert all(key in content[block] for block, key in in_part if f"{block}.{key}" in entries)


def test_the_blocks_of_each_file_are_those_that_stages_watch() -> None:
    watched: dict[str, set[str]] = {"params": {"data", "size"}, "data_sets": set(), "sizes": set()}
    for stage in STAGES.values():
        for entry in stage.get("params", []):
            for file, keys in (entry if isinstance(entry, dict) else {"params.yaml": [entry]}).items():
                watched[file.split("/")[0].removesuffix(".yaml")] |= {key.split(".")[0] for key in keys}
    assert watched == BLOCKS


def test_every_script_is_a_stage() -> None:
    assert {script.stem for script in (REPOSITORY / "stages").glob("*.py")} == set(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_stage_depends_on_its_code_and_carries_no_params_in_its_command(stage: str) -> None:
    assert STAGES[stage]["cmd"] == f"PYTHONPATH=src:$PYTHONPATH python stages/{stage}.py"
    code = [dep for dep in STAGES[stage]["deps"] if dep.startswith(("src", "stages", "data/code"))]
    assert code == (["src/pose3d", "stages"] if stage == "hash_code" else [f"data/code/{stage}.txt"])


def test_no_stage_loads_a_file_of_the_package_that_is_not_python() -> None:
    """It would have to be listed among the stage's deps."""
    others = [
        path.name for path in (REPOSITORY / "src").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    scripts = [Path(f"stages/{stage}.py") for stage in STAGES]
    loaded = {name for hashes in code_hashes(scripts, REPOSITORY).values() for name in hashes}
    assert "player.html" in others
    assert not [(name, other) for name in loaded for other in others if other in (REPOSITORY / name).read_text()]


def test_artifacts_are_outputs_and_described() -> None:
    artifacts = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["artifacts"]
    outputs = {path for stage in STAGES.values() for path in out_paths(stage)}
    assert {entry["path"] for entry in artifacts.values()} <= outputs
    assert all({"path", "type", "desc", "labels"} == set(entry) for entry in artifacts.values())
    assert all(stage["desc"] for stage in STAGES.values())


def test_no_curve_is_drawn_of_a_term_that_is_off_by_default() -> None:
    definition = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    for plot in (plot for entry in definition["plots"] if isinstance(entry, dict) for plot in entry.values()):
        for path, terms in plot["y"].items():
            block = params.get(Path(path).parent.name, {})
            assert not [term for term in terms if block.get(f"{term}_weight") == 0], path


def test_stages_that_read_the_prior_depend_on_its_folder() -> None:
    reading = {stage for stage in STAGES if "lifting" in blocks_read(REPOSITORY / "stages" / f"{stage}.py")}
    assert reading == {stage for stage in STAGES if "priors" in STAGES[stage]["deps"]} != set()


def test_stages_that_start_from_weights_depend_on_their_folder() -> None:
    folders = {stage: {dep for dep in STAGES[stage]["deps"] if dep.startswith("pretrained")} for stage in STAGES}
    blocks = {"train_2d": "train_2d", "train_repnet": "repnet", "train_temporal": "temporal"}
    assert folders == {stage: {f"pretrained/{blocks[stage]}"} if stage in blocks else set() for stage in STAGES}


def test_no_output_is_written_by_two_stages() -> None:
    outputs = [path for stage in STAGES.values() for path in out_paths(stage)]
    assert len(outputs) == len(set(outputs))


@pytest.mark.parametrize("folder", ["data_sets", "sizes"])
def test_any_data_set_goes_with_any_size(folder: str) -> None:
    """What one sets and another does not would be a key of params.yaml in disguise.

    The keys of ``dataset`` follow from its source, which the params themselves check.
    """
    files = {path.stem: yaml.safe_load(path.read_text()) for path in (REPOSITORY / folder).glob("*.yaml")}
    keys = {name: {b: set(values) for b, values in file.items() if b != "dataset"} for name, file in files.items()}
    assert len(files) > 4 and all(own == keys[min(keys)] for own in keys.values())
    assert all(("dataset" in file) == (folder == "data_sets") for file in files.values())


def test_dvc_lock_is_up_to_date_with_code_and_params() -> None:
    assert out_of_date(REPOSITORY) == {}, "run `make repro` and commit dvc.lock"
