"""pose3d release in a repository in miniature, whose dvc.lock is that of its untrained models."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
import torch
import yaml
from params_files import PEOPLE, write_params
from people import SPLITS, population, write_data
from tiny_models import save_models

from pose3d.commands.release import TABLE, table_of
from pose3d.commands.run import main
from pose3d.datasets import packages
from pose3d.lifting.lift import load_lifter
from pose3d.predict import layout_models
from pose3d.training.model_file import load_model

FIGURES = {"pose2d": {"pck_at_10pct": 0.9612}}
for lifter, mpjpe_mm in (("repnet", 101.26), ("temporal", 97.5)):
    FIGURES[lifter] = {"mpjpe_mm": mpjpe_mm, "pa_mpjpe_mm": 70.04, "root_error_mm": 180}
FIGURES["temporal"] |= {"coverage90_across": 0.8405, "coverage90_along": 0.9}
STAGES = {"pose2d": "train_2d", "repnet": "train_repnet", "temporal": "train_temporal"}
CARD = f"# Models\n\n{TABLE[0]}\nold figures\n{TABLE[1]}\n\nLimits.\n"
LAYOUTS_CARD = CARD + "\n".join(["", layout_models.TABLE[0], "none yet", layout_models.TABLE[1], "The end.", ""])
TINY = {"steps": 2, "projected_prior_batch_size": 4, "width": 8, "critic_width": 8}


def git(*arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    return subprocess.run(["git", *identity, *arguments], capture_output=True, text=True, check=True).stdout.strip()


def lock(*paths: str) -> None:
    """dvc.lock with these outputs, and a stage for each model."""
    outputs = [{"path": path, "md5": hashlib.md5(Path(path).read_bytes()).hexdigest()} for path in paths]
    stages = {"everything": {"cmd": "make", "outs": outputs}}
    for stage in STAGES.values():
        params = {"params.yaml": {"seed": 1, "block": {"lr": 0.1}}, "sizes/small.yaml": {"block": {"steps": 2}}}
        stages[stage] = {"deps": [{"path": "data/crops.h5", "md5": "abc"}], "params": params, "outs": []}
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


@pytest.fixture(autouse=True)
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_models(Path("data/models"))
    write_data(Path("data"), population())
    Path("metrics").mkdir()
    for name in ("pose2d", "validation", "evaluation"):
        Path(f"metrics/{name}.json").write_text(json.dumps(FIGURES))
    Path("models").mkdir()
    Path("models/README.md").write_text(CARD)
    for name in ("blazepose/pose_detection.tflite", "licences/mediapipe.txt"):
        (tmp_path / "package" / name).parent.mkdir(parents=True)
        (tmp_path / "package" / name).write_text(name)
    monkeypatch.setattr(packages, "cached_files", lambda package: tmp_path / "package")
    outputs = [f"data/models/{name}.pt" for name in STAGES] + [str(path) for path in Path("metrics").iterdir()]
    lock(*outputs, "data/sequences.h5", "data/keypoints2d.h5")
    git("init", "--quiet")
    git("add", "dvc.lock", "metrics", "models")
    git("commit", "--quiet", "--message", "trained")


def refusal() -> str:
    with pytest.raises(SystemExit) as caught:
        main(["release"])
    assert [path.name for path in Path("models").iterdir()] == ["README.md"] and "\n" not in caught.value.code
    return caught.value.code


def test_models_their_facts_and_their_card_are_written():
    main(["release"])
    facts = json.loads(Path("models/models.json").read_text())
    assert facts["commit"] == git("rev-parse", "HEAD")
    assert facts["trained"]["repnet"] == {
        "md5": {"data/crops.h5": "abc"},
        "params": {"seed": 1, "block": {"lr": 0.1, "steps": 2}},
    }
    assert facts["metrics"]["evaluation"] == FIGURES
    files = {path.name for path in Path("models").iterdir()} - {"README.md", "models.json"}
    assert (
        set(facts["files"]) == files == {*(f"{n}.pt" for n in STAGES), "pose_detection.tflite", "LICENCE.mediapipe.txt"}
    )
    for name, file in facts["files"].items():
        assert file["sha256"] == hashlib.sha256(Path("models", name).read_bytes()).hexdigest()
    card = Path("models/README.md").read_text()
    assert card.startswith("# Models\n") and card.endswith("\n\nLimits.\n") and "old figures" not in card
    assert "| test | 96.1 % | temporal | 97.5 | 70.0 | 180.0 | 84.0 / 90.0 |" in card


def test_lifters_are_in_half_precision_and_load_in_single():
    main(["release"])
    assert Path("models/pose2d.pt").read_bytes() == Path("data/models/pose2d.pt").read_bytes()
    for name in ("repnet", "temporal"):
        architecture, weights = load_model(f"models/{name}.pt")
        trained = load_model(f"data/models/{name}.pt")
        assert architecture == trained[0]
        assert {w.dtype for w in weights.values() if w.ndim > 1} == {torch.float16}
        loaded = load_lifter(f"models/{name}.pt").state_dict()
        for key, weight in loaded.items():
            assert weight.dtype == trained[1][key].dtype
            torch.testing.assert_close(weight, trained[1][key], rtol=2**-11, atol=1e-7)


def test_where_half_precision_costs_something_weights_stay(monkeypatch):
    monkeypatch.setattr("pose3d.commands.release.MOST_CHANGE_MM", 0.0)
    main(["release"])
    for name in ("repnet", "temporal"):
        assert Path(f"models/{name}.pt").read_bytes() == Path(f"data/models/{name}.pt").read_bytes()


def test_a_second_release_gives_the_same_bytes():
    main(["release"])
    first = {path.name: path.read_bytes() for path in Path("models").iterdir()}
    main(["release"])
    assert {path.name: path.read_bytes() for path in Path("models").iterdir()} == first


def test_models_that_the_pipeline_did_not_make_are_refused():
    Path("data/models/temporal.pt").write_bytes(b"another")
    assert refusal() == "error: data/models/temporal.pt is not what dvc.lock says: run `make repro` and commit dvc.lock"
    Path("data/models/temporal.pt").unlink()
    assert refusal().startswith("error: data/models/temporal.pt is not what dvc.lock says")


def test_what_git_does_not_have_is_refused():
    with open("dvc.lock", "a") as file:
        file.write("\n")
    assert refusal() == "error: dvc.lock is not as git has it: commit first, because the models' card names the commit"


def test_without_git_or_dvc_lock_one_sentence_says_so(monkeypatch):
    git("rm", "--quiet", "dvc.lock")
    git("commit", "--quiet", "--message", "no lock")
    assert refusal().startswith("error: dvc.lock is missing or damaged: run `make repro`")
    monkeypatch.setenv("GIT_DIR", "nowhere")
    assert refusal().startswith("error: this is no git repository with a commit")


def test_a_card_without_a_place_for_figures_is_refused():
    Path("models/README.md").write_text("# Models\n")
    git("commit", "--quiet", "--all", "--message", "no marks")
    assert refusal().startswith("error: models/README.md lacks the lines <!-- ")


def test_figures_that_a_lifter_lacks_are_left_empty():
    def facts(figures):
        metrics = {name: figures for name in ("validation", "evaluation")}
        return {"metrics": metrics, "files": {}, "half_precision_changes_mpjpe_mm": {}, "commit": "c"}

    rootless = FIGURES | {"repnet": {"mpjpe_mm": 1, "pa_mpjpe_mm": 2}}
    assert "| test | 96.1 % | single frame | 1.0 | 2.0 |  |  |" in table_of(facts(rootless))


def release_coco17():
    write_params(
        Path(),
        lifting=PEOPLE,
        repnet=TINY,
        temporal=TINY | {"window_frames": 3, "run_outputs": 2},
        dataset={"subjects": {split: list(names) for split, names in SPLITS.items()}},
    )
    Path("models/README.md").write_text(LAYOUTS_CARD)
    git("add", "--all")
    git("commit", "--quiet", "--message", "params")
    main(["release", "--layouts", "coco17"])


def test_lifters_of_other_layouts_are_trained_and_released_beside_the_others():
    release_coco17()
    assert {path.name for path in Path("models").iterdir()} == {
        *("README.md", "layouts.json", "repnet.coco17.pt", "temporal.coco17.pt")
    }
    lifters = json.loads(Path("models/layouts.json").read_text())["lifters"]
    for name, made in lifters.items():
        assert made["sha256"] == hashlib.sha256(Path("models", name).read_bytes()).hexdigest()
        assert (made["layout"], made["commit"]) == ("coco17", git("rev-parse", "HEAD"))
        assert made["params"]["lifting"]["prior"] == [{"file": None, "subjects": ["S1", "S7"]}]
        assert all(error > 0 for split in made["metrics"].values() for of in split.values() for error in of.values())
        _, weights = load_model(f"models/{name}")
        assert {w.dtype for w in weights.values() if w.ndim > 1} == {torch.float16}
        load_lifter(f"models/{name}", "coco17")
    card = Path("models/README.md").read_text()
    inside = 100 * lifters["repnet.coco17.pt"]["metrics"]["test"]["spread"]["coverage90_along"]
    assert f" / {inside:.1f} |" in card and layout_models.table_of(lifters) in card and "none yet" not in card
    assert "old figures" in card and card.endswith("The end.\n")


def test_heads_alone_are_learnt_beside_the_released_lifters():
    """From other steps they come out as others; the lifters' weights, figures and facts stay."""
    release_coco17()
    path = Path("models/layouts.json")
    before = {name: load_model(f"models/{name}") for name in ("repnet.coco17.pt", "temporal.coco17.pt")}
    facts = json.loads(path.read_text())["lifters"]
    params = Path("sizes/smoke.yaml")
    params.write_text(
        params.read_text()
        .replace("landmark_steps: 20", "landmark_steps: 2")
        .replace("spread_steps: 20", "spread_steps: 2")
    )
    git("commit", "--quiet", "--all", "--message", "fewer steps")
    main(["release", "--layouts", "coco17", "--heads"])
    after = json.loads(path.read_text())["lifters"]
    for name, (architecture, weights) in before.items():
        again = load_model(f"models/{name}")
        assert again[0] == architecture and again[1].keys() == weights.keys()
        changed = {key for key, weight in weights.items() if not torch.equal(weight, again[1][key])}
        assert {key.split(".")[0] for key in changed} == {"landmarks", "spread"}
        assert (after[name]["commit"], after[name]["params"]) == (facts[name]["commit"], facts[name]["params"])
        assert after[name]["heads"]["commit"] == git("rev-parse", "HEAD") != facts[name]["commit"]
        for split, figures in after[name]["metrics"].items():
            assert figures["true_2d"] == pytest.approx(facts[name]["metrics"][split]["true_2d"])
        assert after[name]["sha256"] == hashlib.sha256(Path("models", name).read_bytes()).hexdigest()
    Path("models/repnet.coco17.pt").write_bytes(b"another")
    with pytest.raises(SystemExit) as caught:
        main(["release", "--layouts", "coco17", "--heads"])
    assert "models/repnet.coco17.pt is not there as layouts.json says" in caught.value.code


def test_heads_of_other_layouts_need_one():
    with pytest.raises(SystemExit) as caught:
        main(["release", "--heads"])
    assert caught.value.code.startswith("error: --heads goes with --layouts")


@pytest.mark.parametrize(
    ("name", "said"), [("coco18", "no keypoint layout is called 'coco18'"), ("h36m17", "are the pipeline's own")]
)
def test_layouts_that_cannot_be_released_are_refused(name, said):
    Path("models/README.md").write_text(LAYOUTS_CARD)
    git("commit", "--quiet", "--all", "--message", "card")
    with pytest.raises(SystemExit) as caught:
        main(["release", "--layouts", name])
    assert said in caught.value.code and [path.name for path in Path("models").iterdir()] == ["README.md"]
