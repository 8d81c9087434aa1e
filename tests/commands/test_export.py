"""Small random models as files, exported by the command."""

import shutil
import sys

import pytest
from tiny_models import save_models

from pose3d.commands.run import main
from pose3d.onnx.export import MODELS

pytest.importorskip("onnx", reason="extra onnx")
pytest.importorskip("onnxruntime", reason="extra onnx")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return save_models(tmp_path_factory.mktemp("models"))


def test_the_command_prints_files_with_their_differences(models, tmp_path, capsys):
    main(["export", "--models", str(models), "--out", str(tmp_path / "out")])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [str(tmp_path / "out" / f"{name}.onnx") for name in MODELS]
    assert all("MB, within " in line for line in lines)


def test_a_missing_model_is_one_sentence_and_nothing_is_written(models, tmp_path):
    folder = tmp_path / "models"
    shutil.copytree(models, folder)
    (folder / "temporal.pt").unlink()
    with pytest.raises(SystemExit) as end:
        main(["export", "--models", str(folder), "--out", str(tmp_path / "out")])
    assert end.value.code == f"error: {folder}/temporal.pt is missing: run `make repro` (or `dvc repro`) to make it"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_one_sentence(models, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)  # importing it raises
    with pytest.raises(SystemExit) as end:
        main(["export", "--models", str(models), "--out", str(tmp_path)])
    assert end.value.code == f"error: the package {package} is not installed: install pose3d[onnx]"
    assert not list(tmp_path.iterdir())


def test_an_unwritable_folder_is_one_sentence(models, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="error: Not a directory at "):
        main(["export", "--models", str(models), "--out", str(tmp_path / "file" / "out")])
