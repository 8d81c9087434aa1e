import json

import pytest

from pose3d.commands.run import main
from pose3d.multiview import agreement

REPORT = {"frames": 5, "cameras": ["a", "b"], "triangulated": {"consistent_pct": 54.9, "residual_median_px": 2.5}}


@pytest.fixture
def measured(monkeypatch):
    monkeypatch.setattr(agreement, "measure_models", lambda *given: REPORT)


def test_a_missing_model_ends_in_one_sentence(tmp_path):
    with pytest.raises(SystemExit, match=r"^error: .*pose2d\.pt"):
        main(["evaluate-views", "--models", str(tmp_path), "--folder", str(tmp_path)])


def test_steps_start_at_one():
    with pytest.raises(SystemExit, match="^error: --frame-step must be at least 1, not 0$"):
        main(["evaluate-views", "--frame-step", "0"])


def test_figures_are_printed_and_written(measured, tmp_path, capsys):
    main(["evaluate-views", "--models", "models", "--folder", "videos", "--output", str(tmp_path / "views.json")])
    assert json.loads((tmp_path / "views.json").read_text()) == REPORT
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert lines[0] == "5 frames of 2 cameras" and lines[-1].split() == ["residual_median_px", "2.5"]


def test_where_figures_cannot_be_written_they_are_printed(measured, tmp_path, capsys):
    (tmp_path / "file").touch()
    output = tmp_path / "file" / "views.json"
    with pytest.raises(SystemExit, match=rf"^error: File exists at {output.parent}; "):
        main(["evaluate-views", "--models", "models", "--folder", "videos", "--output", str(output)])
    assert "residual_median_px" in capsys.readouterr().out


def test_refined_figures_stand_beside_those_as_given(monkeypatch, tmp_path, capsys):
    half = {
        "as_given": {"residual_median_px": 12.5, "residual_by_camera_median_px": [12.0, 13.0]},
        "refined": {"residual_median_px": 6.25, "residual_by_camera_median_px": [6.0, 6.5]},
        "turned_deg": [0.5, 0.75],
        "refined_cameras": {"a": {"rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}},
    }
    report = REPORT | {"refined": {"extrinsics": "full", "first_half": half, "repnet": {"frames_compared": 4}}}
    asked = []
    monkeypatch.setattr(agreement, "measure_models", lambda *given: asked.append(given[-3]) or report)
    main(
        [
            "evaluate-views",
            "--models",
            "models",
            "--folder",
            "videos",
            "--refine",
            "--output",
            str(tmp_path / "views.json"),
        ]
    )
    main(["evaluate-views", "--models", "models", "--folder", "videos", "--refine", "rotations"])
    main(["evaluate-views", "--models", "models", "--folder", "videos"])
    assert asked == ["full", "rotations", None]
    assert json.loads((tmp_path / "views.json").read_text()) == report
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["residual_median_px", "12.5", "6.25"] in lines
    assert ["turned_deg", "0.5,", "0.75"] in lines and ["frames_compared", "4"] in lines
    assert not any("refined_cameras" in line for line in lines)


def test_views_that_do_not_agree_are_told_and_what_is_unknown_is_a_dash(monkeypatch, capsys):
    triangulated = {
        "residual_median_px": None,
        "consistent_pct": 1.5,
        "consistent_by_joint_pct": {"Hip": 20.0, "RHip": 0.0},
        "residual_by_camera_median_px": [None, 35.0],
    }
    half = {"as_given": {"residual_median_px": None}, "refined": {"residual_median_px": 12.5}}
    report = REPORT | {"triangulated": triangulated, "refined": {"extrinsics": "full", "first_half": half}}
    monkeypatch.setattr(agreement, "measure_models", lambda *given: report)
    main(["evaluate-views", "--models", "models", "--folder", "videos"])
    said = capsys.readouterr()
    assert said.err == (
        "the views do not agree, 1.5 % of the joints are consistent: are rotations of the calibration inverse, or "
        "positions in place of translations, or do the videos not start together?\n"
    )
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert {"residual_median_px -", "consistent_by_joint_pct Hip 20.0, RHip 0.0"} <= set(lines)
    assert {"residual_by_camera_median_px -, 35.0", "residual_median_px - 12.5"} <= set(lines)
