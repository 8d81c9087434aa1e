from pathlib import Path

import pytest

from pose3d.predict.models import default_models, lifter_file, require_models
from pose3d.runtime.errors import InputError


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("models", "data/models"):
        Path(folder).mkdir(parents=True)


def test_where_nothing_was_trained_the_released_models_are_taken():
    Path("models/pose2d.pt").touch()
    assert default_models("torch") == Path("models")


def test_once_one_was_trained_no_released_one_is_mixed_with_it():
    for name in ("models/pose2d.pt", "data/models/repnet.pt"):
        Path(name).touch()
    assert default_models("torch") == Path("data/models")


def test_where_there_are_none_one_sentence_says_so():
    with pytest.raises(InputError, match="^neither data/models nor models has models: run from the root"):
        default_models("torch")


def test_onnxruntime_takes_exported_ones_only():
    Path("models/pose2d.pt").touch()
    assert default_models("onnx") == Path("data/onnx")


def test_files_of_lifters_name_the_layout_where_it_is_another():
    assert [lifter_file("repnet", layout) for layout in ("h36m17", "body25")] == ["repnet.pt", "repnet.body25.pt"]


def test_while_models_are_trained_the_released_ones_are_named():
    Path("data/models/pose2d.pt").touch()
    with pytest.raises(InputError) as caught:
        require_models(default_models("torch"), "torch")
    assert str(caught.value) == (
        "data/models/repnet.pt is missing: run `make repro` (or `dvc repro`) to make it, or give --models models for "
        "the released ones"
    )
    with pytest.raises(InputError, match=r"^mine/pose2d.pt is missing: run `make repro` .* to make it$"):
        require_models(Path("mine"), "torch")
