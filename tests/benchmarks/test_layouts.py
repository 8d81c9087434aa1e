"""The benchmark of layouts, as people call it, on toy people."""

from pathlib import Path

import pytest
from params_files import PEOPLE, write_params
from people import SPLITS, population, write_data
from tiny_models import save_lifters

from benchmarks import landmarks, layouts
from pose3d.geometry.landmarks import estimate_landmarks
from pose3d.lifting.lift import load_lifter
from pose3d.records.sequences import write_sequences

TINY = {"steps": 2, "projected_prior_batch_size": 4, "width": 8, "critic_width": 8}


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    write_params(tmp_path, lifting=PEOPLE, repnet=TINY, temporal=TINY | {"window_frames": 3, "run_outputs": 2})


def test_both_lifters_of_each_layout_are_measured_beside_our_own(capsys):
    write_data(Path("data"), population())
    layouts.main(["--data", "data", "--layouts", "coco17"])
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[:3] for row in rows] == [
        [lifter, *of_layout]
        for lifter in ("repnet", "temporal")
        for of_layout in (["h36m17", "0%"], ["coco17", "0%"], ["coco17", "20%"])
    ]
    for row, first in zip(rows, [rows[0]] * 3 + [rows[3]] * 3, strict=True):
        assert float(row[5]) == pytest.approx(float(row[4]) / float(first[4]), abs=2e-3)
    assert load_lifter("data/layouts/temporal.coco17.pt", "coco17").kind == "temporal"
    written = Path("data/layouts/temporal.coco17.pt").stat().st_mtime_ns
    layouts.main(["--data", "data", "--layouts", "coco17", "--lifters", "temporal"])
    assert Path("data/layouts/temporal.coco17.pt").stat().st_mtime_ns == written


def test_the_table_of_landmarks_comes_back_from_bodies_that_it_made(capsys, monkeypatch):
    from dataclasses import replace

    from pose3d.geometry.landmarks import landmark_offsets, write_offsets

    people = [replace(s, landmarks_world_m=estimate_landmarks(s.poses_world_m)) for s in population()]
    splits = {"train": ["S1", "S7"], "validation": ["S8"], "test": ["S9", "S11"]}
    Path("data").mkdir()
    write_sequences("data/sequences.h5", people, splits)
    landmarks.main([])
    errors_mm = [float(line.split()[1]) for line in capsys.readouterr().out.splitlines()]
    assert len(errors_mm) == len(landmark_offsets()) and max(errors_mm) < 0.1
    monkeypatch.setattr(landmarks, "TABLE", Path("table.py"))
    Path("table.py").write_text("# about it\nOFFSETS = {}\n")
    landmarks.main(["--write"])
    assert Path("table.py").read_text() == "# about it\n" + write_offsets(landmark_offsets())


def test_lifters_that_know_landmarks_have_a_row(capsys, tmp_path):
    write_sequences("data/sequences.h5", population(), SPLITS)
    save_lifters(Path("models"), "body25", landmarks=True)
    save_lifters(Path("models"), "coco17")
    landmarks.main(["--models", "models"])
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[:2] for row in rows] == [["| repnet", "body25"], ["| temporal", "body25"]]
    assert all(float(cell.split()[0]) > 0 for row in rows for cell in (*row[2:6], row[7]))
    assert rows[0][6] == "" and rows[0][8].endswith(") |")
