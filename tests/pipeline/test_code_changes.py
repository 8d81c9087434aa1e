"""What DVC runs again after a change of code, on the real dvc.yaml, whose stages do next to nothing here."""

import pytest
import yaml
from pipeline.workspace import Workspace, out_of_date, rerun, stages_run, stubbed_workspace

pytestmark = pytest.mark.pipeline
LOAD_THE_CRITIC = {"train_repnet", "train_temporal"}
A_COMMENT = "# a comment\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Workspace:
    return stubbed_workspace(tmp_path_factory.mktemp("stubbed"))


@pytest.fixture
def stubbed(shared: Workspace) -> Workspace:
    """As it was committed."""
    yield shared
    ran = shared.run("git", "diff", "--quiet", "--", "dvc.lock", check=False).returncode
    shared.run("git", "checkout", "-q", "--", ".")
    if ran:
        shared.run("dvc", "checkout")


def append(workspace: Workspace, name: str, text: str) -> None:
    with open(workspace.root / name, "a", encoding="utf-8") as file:
        file.write(text)


def test_nothing_runs_again_where_nothing_changed(stubbed: Workspace) -> None:
    assert "up to date" in stubbed.run("dvc", "status").stdout
    assert rerun(stubbed) == set()
    assert out_of_date(stubbed.root) == {}


def test_comments_docstrings_and_formatting_run_no_stage_again(stubbed: Workspace) -> None:
    append(stubbed, "src/pose3d/runtime/errors.py", A_COMMENT)
    append(stubbed, "src/pose3d/lifting/critic.py", '\n\n"""Some words."""\n')
    append(stubbed, "stages/evaluate.py", "\n\n")
    camera = stubbed.root / "src/pose3d/geometry/camera.py"
    camera.write_bytes(camera.read_bytes().replace(b"\n", b"\r\n"))
    assert out_of_date(stubbed.root) == {}
    assert rerun(stubbed) == {"hash_code"}
    assert "up to date" in stubbed.run("dvc", "status").stdout
    assert out_of_date(stubbed.root) == {}
    assert stubbed.run("git", "diff", "--stat", "--", "metrics").stdout == ""


def test_a_change_of_a_module_runs_the_stages_again_that_load_it_and_no_others(stubbed: Workspace) -> None:
    append(stubbed, "src/pose3d/lifting/critic.py", "CHANGED = 1\n")
    assert out_of_date(stubbed.root) == dict.fromkeys(LOAD_THE_CRITIC, ["code"])
    assert rerun(stubbed) == {"hash_code", *LOAD_THE_CRITIC}  # and not evaluate: the models came out the same
    assert out_of_date(stubbed.root) == {}


def test_a_change_of_a_script_runs_its_stage_again(stubbed: Workspace) -> None:
    append(stubbed, "stages/evaluate.py", "CHANGED = 1\n")
    assert out_of_date(stubbed.root) == {"evaluate": ["code"]}
    assert rerun(stubbed) == {"hash_code", "evaluate"}


def test_a_change_of_a_param_is_out_of_date_as_well(stubbed: Workspace) -> None:
    params = stubbed.root / "params.yaml"
    params.write_text(yaml.safe_dump(yaml.safe_load(params.read_text()) | {"seed": 77}))
    reading = {"prepare", "train_2d", "infer_2d", "train_repnet", "train_temporal"}
    assert out_of_date(stubbed.root) == dict.fromkeys(reading, ["params"])


def test_a_module_that_no_stage_loads_does_not_count(stubbed: Workspace) -> None:
    append(stubbed, "src/pose3d/show/player.py", "CHANGED = 1\n")
    assert out_of_date(stubbed.root) == {}
    assert rerun(stubbed) == {"hash_code"}


def test_an_experiment_in_a_copy_runs_what_its_code_and_params_need(stubbed: Workspace) -> None:
    append(stubbed, "src/pose3d/lifting/critic.py", "CHANGED = 2\n")
    printed = stubbed.run("dvc", "exp", "run", "--temp", "-S", "evaluate.pck_threshold=0.2").stdout
    assert stages_run(printed) == {"hash_code", "evaluate", *LOAD_THE_CRITIC}


def test_a_stage_that_was_run_by_hand_is_noted_with_the_code_of_now(stubbed: Workspace) -> None:
    """As docs/scale.md has it for several nodes."""
    append(stubbed, "stages/train_2d.py", "CHANGED = 1\n")
    stubbed.run("python", "stages/train_2d.py")
    assert rerun(stubbed, "hash_code") == {"hash_code"}
    stubbed.run("dvc", "commit", "--force", "train_2d")
    assert out_of_date(stubbed.root) == {}
    assert rerun(stubbed) == set()
