"""The worst takes of toy people: what is measured of them, and that table and picture are of the same takes."""

import numpy as np
import pandas as pd
import pytest
from people import SPLITS, population, write_data
from tiny_models import save_models

from benchmarks import worst_takes
from pose3d.geometry.rotations import rotation_about_z
from pose3d.geometry.skeleton import mirror_permutation
from pose3d.lifting.lift import lift_sequences
from pose3d.records.keypoints2d import read_keypoints2d

BOX = np.array([[0.0, 0, 100, 200]])


def test_sides_are_exchanged_where_the_other_way_round_is_nearer_by_a_twentieth_of_the_box():
    truth = np.random.default_rng(0).uniform(0, 200, (1, 17, 2))
    legs = np.where(np.isin(np.arange(17), worst_takes.LEGS)[:, None], truth[:, mirror_permutation()], truth)
    exchanged = worst_takes.exchanged_sides(legs, truth, BOX)
    assert exchanged.tolist() == [[True, False]]
    np.testing.assert_array_equal(worst_takes.sides_put_right(legs, exchanged), truth)
    assert not worst_takes.exchanged_sides(truth, truth, BOX).any()
    assert not worst_takes.exchanged_sides(truth + 40, truth, BOX).any()  # far off, and not exchanged
    # Exchanging limbs that are 9 px apart moves them by less than a twentieth of 200 px, of 11 px by more.
    for apart_px, found in ((9, False), (11, True)):
        truth = np.zeros((1, 17, 2))
        truth[:, [11, 12, 13], 0] = apart_px
        assert worst_takes.exchanged_sides(truth[:, mirror_permutation()], truth, BOX).tolist() == [[False, found]]


def test_nearest_pose_is_found_however_it_is_turned_moved_mirrored_or_scaled():
    poses = population()[0].poses_world_m.astype(np.float64)
    there = poses[:1] * 1.2 @ rotation_about_z(np.cos([1.0]), np.sin([1.0]))[0].T + [3, 1, 0]
    mirrored = there[:, mirror_permutation()] * [-1, 1, 1]
    for prior in (there, mirrored):
        np.testing.assert_allclose(worst_takes.nearest_prior_mm(prior, poses[:1]), 0, atol=1e-6)
    lying = there[..., [0, 2, 1]] * [1, -1, 1]  # a quarter turn about x
    anyhow, upright = worst_takes.nearest_prior_mm(lying, poses[:1])
    assert anyhow[0] < 1e-6 and upright[0] > 100
    of_two = worst_takes.nearest_prior_mm(np.concatenate([lying, there]), poses)
    for errors_mm in of_two:  # the first frame is in the prior, and the person moves away from it
        assert errors_mm.shape == (len(poses),) and errors_mm[0] < 1e-6 < 1 < errors_mm[1]


@pytest.fixture
def data(tmp_path):
    """Toy data of noisy 2D, and untrained lifters twice, as those of now and those of before."""
    write_data(tmp_path, population())
    save_models(tmp_path / "models")
    save_models(tmp_path / "older")
    return tmp_path


def test_worst_takes_come_first_with_figures_of_both_kinds_of_2d(data):
    takes = worst_takes.measure(data, data / "models", data / "older", ["S7"])
    table = worst_takes.table_of(takes)
    tests = [s for s in population() if s.subject in SPLITS["test"]]
    assert sorted(table.index) == [s.key for s in tests] and table["temporal_mm"].is_monotonic_decreasing
    detected = read_keypoints2d(data / "keypoints2d.h5", tests)
    for sequence, lifted in zip(tests, lift_sequences(data / "models/temporal.pt", tests, detected), strict=True):
        by_frame = worst_takes.pa_mm(lifted.poses_cam_m, sequence)
        assert table.loc[sequence.key, "temporal_mm"] == pytest.approx(by_frame.mean(), rel=1e-4)
        take = next(take for take in takes if take.sequence.key == sequence.key)
        assert take.worst_frame == by_frame.argmax()
    np.testing.assert_allclose(table["before_mm"], table["temporal_mm"])  # the same weights lift the same 2D
    assert (table["single_true_2d_mm"] != table["single_mm"]).all()
    assert table["error_px"].between(3, 5).all()  # noise of 3 px in x and y: 3 times the root of pi / 2
    shown = worst_takes.markdown(table, 2).splitlines()
    assert len(shown) == 2 + 2 + 1 and f"all {len(tests)} test takes" in shown[-1]
    assert f"| {table['temporal_mm'].mean():.1f} |" in shown[-1]  # toy takes are equally long


def test_command_writes_table_and_picture(data, monkeypatch, capsys):
    arguments = ["--data", str(data), "--out", str(data / "out"), "--count", "2"]
    monkeypatch.setattr("sys.argv", ["worst_takes", *arguments])
    worst_takes.main()
    table = pd.read_csv(data / "out/worst_takes.csv", index_col="take")
    assert f"| {table.index[0]} | 12 | " in capsys.readouterr().out and "before_mm" not in table
    assert (data / "out/worst_takes.png").read_bytes().startswith(b"\x89PNG")
