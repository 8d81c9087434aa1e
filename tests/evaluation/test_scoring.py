"""Which frames are scored."""

import numpy as np
import pytest
from people import SPLITS, population, write_data
from tiny_models import save_lifters

from pose3d.config.evaluation import EvaluateParams
from pose3d.evaluation.scoring import metrics_of, predict
from pose3d.evaluation.tables import per_action_mm, per_subject_mm
from pose3d.records.keypoints2d import read_keypoints2d, write_keypoints2d
from pose3d.records.sequences import read_sequences
from pose3d.runtime.errors import InputError

PARAMS = EvaluateParams(pck_threshold=0.1, nearest_poses=1, nearest_yaws=1)
TEST = sorted(SPLITS["test"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_data(folder, population(frames=12))
    save_lifters(folder / "models", "h36m17")
    for path in (folder / "models").iterdir():
        path.rename(path.with_name(path.name.replace(".h36m17", "")))
    return folder


def scored(folder, missing):
    """Predictions where frames of the first test sequence are without a detection."""
    sequences = read_sequences(folder / "sequences.h5")
    whole = read_keypoints2d(folder / "keypoints2d.h5", sequences)
    first = [s.subject for s in sequences].index(TEST[0])
    before = whole[first].confidence.copy()
    whole[first].confidence[missing] = 0
    whole[first].keypoints_px[missing] = 77
    path = folder / "keypoints2d.h5"
    path.unlink()
    write_keypoints2d(path, zip([s.key for s in sequences], whole, strict=True))
    try:
        return predict(folder, TEST, np.ones((1, 17, 3)) * np.arange(17)[:, None], PARAMS)
    finally:
        whole[first].confidence[:] = before
        path.unlink()
        write_keypoints2d(path, zip([s.key for s in sequences], whole, strict=True))


def test_short_gaps_are_scored_and_long_ones_left_out_and_counted(folder):
    bridged = scored(folder, [3, 4])
    assert bridged.left_out().total == 0 and len(bridged.errors["temporal"].action) == 96
    assert "frames_left_out" not in per_action_mm(bridged.errors, bridged.left_out())
    cut = scored(folder, [0, *range(3, 10)])
    assert np.flatnonzero(~cut.found[0]).tolist() == [0, *range(3, 10)]
    assert len(cut.errors["temporal"].action) == 88 and len(cut.errors["temporal"].velocity) == 96 - 8 - 9
    by_action = per_action_mm(cut.errors, cut.left_out())
    assert by_action["frames_left_out"].tolist() == [8, 0, 8, 8] and by_action["frames"].tolist() == [40, 48, 88, 88]
    assert per_subject_mm(cut.errors, cut.left_out())["frames_left_out"].tolist() == [8, 0, 8]
    assert metrics_of(folder, cut, 0.1)["data"] == {"frames": 88, "fps": 25, "frames_left_out": 8}
    assert all(np.isfinite(poses).all() for poses in cut.poses_cam_m["temporal"])


def test_nothing_detected_is_one_sentence(folder, monkeypatch):
    monkeypatch.setattr(
        "pose3d.evaluation.scored_frames.usable_frames", lambda detected, _: detected.confidence[:, 0] > 2
    )
    with pytest.raises(InputError, match=r"keypoints2d.h5: no frame of S11, S9 has enough keypoints to be scored"):
        predict(folder, TEST, np.ones((1, 17, 3)), PARAMS)
