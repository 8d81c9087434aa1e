"""The stage prepare on recorded data, run as DVC runs it."""

import os
import subprocess
import sys
from pathlib import Path

from params_files import write_params
from tiny_human36m import write_human36m

REPOSITORY = Path(__file__).parents[2]


def test_all_problems_are_named_at_once_and_nothing_is_written(tmp_path):
    data = tmp_path / "own"
    write_human36m(data, ["S1", "S9"], ["Walking"], frames=3)
    video, poses = data / "S1/Videos/Walking.54138969.mp4", data / "S9/MyPoseFeatures/D3_Positions/Walking 1.cdf"
    assert video.exists() and poses.exists()
    video.write_bytes(b"no video")
    poses.unlink()
    subjects = {"train": ["S1"], "validation": [], "test": ["S9"]}
    dataset = {"source": "human36m", "subjects": subjects, "folder": None, "actions": ["Walking"], "frame_step": 1}
    write_params(tmp_path, "human36m", dataset=dataset)
    done = subprocess.run(
        [sys.executable, REPOSITORY / "stages/prepare.py"],
        cwd=tmp_path,
        env={**os.environ, "POSE3D_DATA": str(data), "PYTHONPATH": str(REPOSITORY / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error: 5 of 16 sequences cannot be used" in done.stderr
    assert f"- {video} does not open as a video" in done.stderr
    assert done.stderr.count(f"- {poses} is missing") == 4
    assert list((tmp_path / "data").iterdir()) == []
