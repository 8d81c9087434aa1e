import runpy
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from people import SPLITS, population, write_data

from pose3d.lifting import training

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository with random people's data, whose prior is a file."""
    monkeypatch.chdir(tmp_path)
    profile = yaml.safe_load((ROOT / "profiles/smoke.yaml").read_text())
    profile["dataset"]["subjects"] = SPLITS
    profile["lifting"] |= {"keypoints_subjects": ["S1"], "prior": [{"file": "priors/other.h5", "subjects": ["S7"]}]}
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/people.yaml").write_text(yaml.safe_dump(profile))
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params | {"profile": "people"}))
    write_data(tmp_path / "data", population(frames=3))
    (tmp_path / "priors").mkdir()
    shutil.copy("data/sequences.h5", "priors/other.h5")
    return tmp_path


@pytest.mark.parametrize("stage", ["train_repnet", "train_temporal"])
def test_a_checkpoint_of_another_prior_is_not_gone_on_from(folder, monkeypatch, stage):
    paths = []

    def stop(*arguments):
        paths.append(arguments[-1].path)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "fit_lifter", stop)
    monkeypatch.setattr(sys, "argv", [f"{stage}.py"])
    for frames in (3, 3, 4):
        write_data(folder / "other", population(frames=frames))
        shutil.copy("other/sequences.h5", "priors/other.h5")
        with pytest.raises(SystemExit):
            runpy.run_path(str(ROOT / f"stages/{stage}.py"), run_name="__main__")
    assert paths[0] == paths[1] != paths[2]


@pytest.mark.parametrize("stage", ["train_repnet", "train_temporal"])
def test_a_checkpoint_of_other_starting_weights_is_not_gone_on_from(folder, monkeypatch, stage):
    block = stage.removeprefix("train_")
    init = f"pretrained/{block}/start.pt"
    profile = yaml.safe_load(Path("profiles/people.yaml").read_text())
    profile[block]["init"] = init
    Path("profiles/people.yaml").write_text(yaml.safe_dump(profile))
    Path(init).parent.mkdir(parents=True)
    paths = []

    def stop(*arguments):
        paths.append(arguments[-1].path)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "fit_lifter", stop)
    monkeypatch.setattr(sys, "argv", [f"{stage}.py"])
    for content in ("one", "one", "two"):
        Path(init).write_text(content)
        with pytest.raises(SystemExit):
            runpy.run_path(str(ROOT / f"stages/{stage}.py"), run_name="__main__")
    assert paths[0] == paths[1] != paths[2]
