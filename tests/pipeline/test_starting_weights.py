"""DVC and the files that a training starts from, on the real dvc.yaml, whose stages do next to nothing here."""

import pytest
from pipeline.workspace import Workspace, rerun, stubbed_workspace

STAGES = {"train_2d": "train_2d", "train_repnet": "repnet", "train_temporal": "temporal"}
pytestmark = pytest.mark.pipeline
COPY_START = """
init = Path("pretrained/train_2d/start.pt")
if init.exists():
    Path("data/models/pose2d.pt").write_text(init.read_text())
"""


@pytest.fixture(scope="module")
def stubbed(tmp_path_factory) -> Workspace:
    """A copy of the repository whose stages write a line for each output; train_2d's model is what it starts from."""
    return stubbed_workspace(tmp_path_factory.mktemp("stubbed"), {"train_2d": COPY_START})


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
