import pytest

from pose3d.evaluate_views import main


def test_a_missing_model_ends_in_one_sentence(tmp_path):
    with pytest.raises(SystemExit, match=r"error: .*pose2d\.pt"):
        main(["--models", str(tmp_path), "--folder", str(tmp_path)])
