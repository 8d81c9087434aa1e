from pathlib import Path

import pytest

from pose3d.adapt_views import main

ROOT = Path(__file__).parents[1]


def test_a_missing_model_ends_in_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit, match=r"error: .*pose2d\.pt is missing"):
        main(["--models", str(tmp_path / "no"), "--folder", str(tmp_path), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("given", [["--out", "models"], ["--out", "other", "--rounds", "0"]])
def test_what_cannot_be_meant_is_refused(given, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--models", "models", *given])
    assert ended.value.code == 2 and "must be" in capsys.readouterr().err
