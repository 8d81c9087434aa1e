import runpy
import shutil
import sys
from pathlib import Path

import pytest
from params_files import PEOPLE, write_params
from people import SPLITS, population, write_data

from pose3d.lifting import training

ROOT = Path(__file__).parents[2]
PRIOR = PEOPLE | {"prior": [{"file": "priors/other.h5", "subjects": ["S7"]}]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository with random people's data, whose prior is a file."""
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, dataset={"subjects": SPLITS}, lifting=PRIOR)
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
    write_params(folder, dataset={"subjects": SPLITS}, lifting=PRIOR, **{block: {"init": init}})
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
