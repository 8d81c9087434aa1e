"""What the campaign compares, by hand."""

import h5py
import numpy as np
import pytest
from pipeline.workspace import REPOSITORY

from torture.instruction_sets import SAME_EVERYWHERE, SETS, STAGES, apart_px, variables


def test_keypoints_are_apart_by_the_mean_distance(tmp_path):
    for name, moved in (("one", 0.0), ("other", 3.0)):
        (tmp_path / name / "data").mkdir(parents=True)
        points = np.zeros((2, 17, 2), np.float32)
        points[0, :, 0], points[0, :, 1] = moved, moved * 4 / 3  # 5 px away in one of two frames
        with h5py.File(tmp_path / name / "data/keypoints2d.h5", "w") as file:
            file["S1/Walk/cam0/keypoints_px"] = points
            file["S1/Walk/cam0/confidence"] = np.full((2, 17), moved)
    assert apart_px(tmp_path / "one", tmp_path / "other") == pytest.approx(2.5)
    assert apart_px(tmp_path / "one", tmp_path / "one") == 0


def test_every_library_is_told_and_no_stage_runs_behind_its_readers():
    assert len({tuple(sorted(changes)) for changes in SETS.values()}) == 1
    assert STAGES.index("evaluate") < STAGES.index("train_2d") < STAGES.index("crop_resize") < STAGES.index("prepare")
    assert STAGES.index("prepare") < STAGES.index("bake_bodies")


def test_the_switch_tells_every_library_what_the_oldest_set_does():
    asked = {name: value for name, value in SETS["SSE"].items() if name != "MKL_ENABLE_INSTRUCTIONS"}  # by MKL_CBWR
    assert asked.items() <= variables(REPOSITORY / SAME_EVERYWHERE).items()
