import numpy as np
import pytest
from people import SPLITS, population
from tiny_models import save_models

from benchmarks import joint_angles
from pose3d.evaluation.angles import angle_agreement_deg
from pose3d.lifting.lift import lift_sequences
from pose3d.records.keypoints2d import Keypoints2D, write_keypoints2d
from pose3d.records.sequences import write_sequences


@pytest.fixture
def data(tmp_path):
    """Toy data and untrained lifters; what was detected is the truth, 20 px aside in each joint of its own."""
    save_models(tmp_path / "models")
    sequences = population()
    write_sequences(tmp_path / "sequences.h5", sequences, SPLITS)
    aside = 20 * np.random.default_rng(0).standard_normal((17, 2))
    detected = {s.key: Keypoints2D(s.keypoints_px + aside, np.ones(s.keypoints_px.shape[:2])) for s in sequences}
    write_keypoints2d(tmp_path / "keypoints2d.h5", detected.items())
    return tmp_path


def test_both_lifters_are_compared_on_the_test_subjects(data, capsys, monkeypatch):
    tests = [s for s in population() if s.subject in SPLITS["test"]]
    true_2d = [Keypoints2D(s.keypoints_px, np.ones(s.keypoints_px.shape[:2])) for s in tests]
    tables = joint_angles.measure(data, data / "models", true_2d=True)
    for name, table in tables.items():
        lifted = lift_sequences(data / "models" / f"{name}.pt", tests, true_2d)
        expected = angle_agreement_deg(tests, [one.poses_cam_m for one in lifted])
        np.testing.assert_allclose(table, expected, atol=1e-3)
    detected = joint_angles.measure(data, data / "models")
    assert (detected["temporal"]["mae_deg"] != tables["temporal"]["mae_deg"]).any()
    monkeypatch.setattr("sys.argv", ["joint_angles", "--data", str(data)])
    joint_angles.main()
    printed = capsys.readouterr().out
    assert f"{detected['repnet'].loc['knee_flexion', 'mae_deg']:.2f}" in printed and "temporal\nangle" in printed
