"""DVC and the files that a training starts from, on the real dvc.yaml, whose stages do next to nothing here."""

import os
import sys
from pathlib import Path

import pytest
import yaml
from pipeline.workspace import Workspace, copy_repository

STAGES = {"train_2d": "train_2d", "train_repnet": "repnet", "train_temporal": "temporal"}
pytestmark = pytest.mark.pipeline
STUB = """
from pathlib import Path
for name in {outputs!r}:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(name)
init = Path("pretrained/train_2d/start.pt")
if Path(__file__).stem == "train_2d" and init.exists():
    Path("data/models/pose2d.pt").write_text(init.read_text())
"""


@pytest.fixture(scope="module")
def stubbed(tmp_path_factory) -> Workspace:
    """A copy of the repository whose stages write a line for each output, after ``dvc repro``; all committed."""
    root = tmp_path_factory.mktemp("stubbed") / "pose3d"
    root.mkdir()
    copy_repository(root)
    for name, stage in yaml.safe_load((root / "dvc.yaml").read_text())["stages"].items():
        outputs = [next(iter(out)) if isinstance(out, dict) else out for out in stage["outs"]]
        (root / "stages" / f"{name}.py").write_text(STUB.format(outputs=outputs))
    person = {"NAME": "test", "EMAIL": "test@example.invalid"}
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "DVC_NO_ANALYTICS": "1",
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in person.items()},
    }
    workspace = Workspace(root, environment, root)
    workspace.run("dvc", "repro")
    commit(workspace)
    return workspace


def commit(workspace: Workspace) -> None:
    workspace.run("git", "add", "-A")
    workspace.run("git", "commit", "-q", "-m", "results")


def rerun(workspace: Workspace) -> set[str]:
    """Stages that DVC runs now."""
    printed = workspace.run("dvc", "repro").stdout
    return {line.split("'")[1] for line in printed.splitlines() if line.startswith("Running stage")}


def test_a_new_and_a_changed_file_run_their_stage_again_and_no_other_training(stubbed: Workspace) -> None:
    files = {stage: stubbed.root / "pretrained" / block / "start.pt" for stage, block in STAGES.items()}
    assert rerun(stubbed) == set()
    for file in files.values():
        file.write_text("one")
    assert rerun(stubbed) == set(files) | {"infer_2d", "evaluate"}  # these two read what the stub of train_2d wrote
    for stage in ("train_repnet", "train_temporal"):
        files[stage].write_text("two")
        assert rerun(stubbed) == {stage}
    assert "pretrained" not in stubbed.run("git", "status", "--short", "-uall").stdout


def test_an_experiment_in_a_copy_has_the_file_once_dvc_has(stubbed: Workspace) -> None:
    """As pretrained/README.md says."""
    (stubbed.root / "pretrained/train_2d/start.pt").write_text("weights")
    stubbed.run("dvc", "add", "pretrained/train_2d/start.pt")
    stubbed.run("git", "add", "pretrained/train_2d/start.pt.dvc")
    stubbed.run("dvc", "exp", "run", "--temp", "-n", "copied", "-S", "seed=2")
    stubbed.run("dvc", "exp", "apply", "copied")
    assert (stubbed.root / "data/models/pose2d.pt").read_text() == "weights"
