import json

import pytest
import yaml
from params_files import REPOSITORY

from benchmarks import whole_run

COPY = "import pathlib\npathlib.Path('{out}').write_text(pathlib.Path('{source}').read_text() + '{name} ')\n"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Three stages that pass a line on, of which the first needs a network."""
    root = tmp_path / "repository"
    for folder in ("stages", "sizes", "data"):
        (root / folder).mkdir(parents=True)
    (root / "params.yaml").write_text("data: embedded\nsize: small\nseed: 7\n")
    (root / "data/bodies.h5").write_text("bodies ")
    chain = {"hash_code": None, "bake_bodies": None, "prepare": "data/bodies.h5", "evaluate": "data/sequences.h5"}
    outs = {"hash_code": ["data/code"], "bake_bodies": ["data/bodies.h5"], "prepare": ["data/sequences.h5"]}
    outs["evaluate"] = [{"data/metrics.json": {"cache": False}}]
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {n: {"outs": outs[n]} for n in chain}}, sort_keys=False))
    (root / "stages/bake_bodies.py").write_text("raise SystemExit('there is no network')\n")
    for name, out in (("prepare", "data/sequences.h5"), ("evaluate", "data/metrics.json")):
        (root / f"stages/{name}.py").write_text(COPY.format(name=name, source=chain[name], out=out))
    monkeypatch.chdir(root)
    return root


def test_runs_the_stages_that_are_left_and_notes_their_times(repository, tmp_path, capfd):
    out = tmp_path / "out"
    whole_run.main(["--size", "gpu", "--out", str(out)])
    assert (out / "data/metrics.json").read_text() == "bodies prepare evaluate "
    assert yaml.safe_load((out / "params.yaml").read_text()) == {"data": "embedded", "size": "gpu", "seed": 7}
    noted = json.loads((out / "times.json").read_text())
    assert list(noted["minutes"]) == ["prepare", "evaluate"] and noted["machine"]["cores"]
    assert capfd.readouterr().out.splitlines()[2].startswith("| prepare | 0.")


def test_goes_on_behind_a_stage_that_failed(repository, tmp_path):
    out = tmp_path / "out"
    evaluate = repository / "stages/evaluate.py"
    working = evaluate.read_text()
    evaluate.write_text("raise SystemExit(3)\n")
    with pytest.raises(SystemExit, match="3"):
        whole_run.main(["--size", "gpu", "--out", str(out)])
    evaluate.write_text(working)
    (repository / "stages/prepare.py").write_text("raise SystemExit('it has been run')\n")
    whole_run.main(["--size", "gpu", "--out", str(out)])
    assert list(json.loads((out / "times.json").read_text())["minutes"]) == ["prepare", "evaluate"]


def test_the_pipelines_own_stages_come_in_the_order_of_their_needs():
    entries = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
    written = {"data/code"}
    for name, outs in whole_run.stages(REPOSITORY).items():
        needed = {dep for dep in entries[name]["deps"] if dep.startswith("data/") and not dep.startswith("data/code/")}
        assert needed <= written
        written |= set(outs)
