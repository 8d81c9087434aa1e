from pathlib import Path

import pytest

from pose3d.commands.adapt_views import as_text
from pose3d.commands.run import main
from pose3d.runtime.files import exclusive

ROOT = Path(__file__).parents[2]


def test_a_missing_model_ends_in_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit, match=r"^error: .*pose2d\.pt is missing"):
        main(["adapt-views", "--models", str(tmp_path / "no"), "--folder", str(tmp_path), "--out", str(tmp_path / "o")])
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    "given",
    [["--out", "models"], ["--out", "other", "--rounds", "0"], ["--out", "other", "--learnt-share", "1.1"]],
)
def test_what_cannot_be_meant_is_refused(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="^error: --.* must be "):
        main(["adapt-views", "--models", "models", *given])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_another_run_writes_is_refused(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with exclusive(out / "models"), pytest.raises(SystemExit, match="^error: another run is writing .*out/models: "):
        main(["adapt-views", "--models", "models", "--folder", "videos", "--out", str(out)])
    assert not list(out.iterdir())


def test_an_unwritable_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=rf"^error: Not a directory at {tmp_path / 'file'}/out; "):
        main(["adapt-views", "--models", "models", "--folder", "videos", "--out", str(tmp_path / "file" / "out")])


def test_figures_before_and_after_are_lines():
    def figures(residual_px):
        agreed = {"residual_median_px": residual_px, "consistent_pct": 80.5, "confidence_mean": 0.7}
        return {"all": agreed, "rendered_validation_pck_pct": None}

    assert as_text({"frames": 10, "learnt_from": 10, "before": figures(None), "after": figures(3.1)}).splitlines() == [
        "before  all          median residual - px, 80.5 % consistent, mean confidence 0.7",
        "before  rendered validation subjects: PCK - %",
        "after   all          median residual 3.1 px, 80.5 % consistent, mean confidence 0.7",
        "after   rendered validation subjects: PCK - %",
    ]
