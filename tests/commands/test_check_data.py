import subprocess
import sys
from pathlib import Path

import h5py
from params_files import write_params
from tiny_original_crops import write_original_crops

from pose3d.commands.check_data import table_of

ROOT = Path(__file__).parents[2]


def test_table_counts_takes_cameras_frames_and_problems():
    def row(subject, take, camera, frames, problem=0):
        named = {"subject": subject, "take": take, "camera": camera}
        return named | {"frames": frames, "left_out": 0, "problem": problem}

    rows = [
        row("S9", "Walking-1", "a", 10),
        row("S9", "Walking-1", "b", 10),
        row("S9", "Walking-2", "a", 5),
        row("S9", "Walking-2", "b", 0, 1),
        row("S11", "Eating", "a", 7),
        row("S11", "Posing-1", "a", 0, 1),
    ]
    table = table_of(rows)
    assert table.to_numpy().tolist() == [
        ["S11", "Eating", 1, 1, 7, 0],
        ["S11", "Posing", 0, 0, 0, 1],
        ["S9", "Walking", 2, 2, 25, 1],
        ["all", "", 3, 2, 32, 2],
    ]
    assert list(table.columns) == ["subject", "action", "takes", "cameras", "frames", "problems"]
    rows[1]["left_out"], rows[2]["left_out"] = 3, 1
    assert table_of(rows)["left_out"].tolist() == [0, 0, 4, 4]


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "pose3d", "check-data"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT / "src"), **environment},
        capture_output=True,
        text=True,
    )


def test_crops_are_counted_and_what_is_wrong_is_named(tmp_path):
    write_original_crops(tmp_path / "own", ["S1"], ["S9"], frames=2)
    rows = tmp_path / "own/cropped/S1/Walking-2/annot.h5"
    with h5py.File(rows, "r+") as file:
        file["pose2d"][5, 16, 1] = float("inf")  # a row of the third camera
    subjects = {"train": ["S1"], "validation": [], "test": ["S9"]}
    lifting = {"keypoints_subjects": ["S1"], "prior": [{"subjects": ["S1"]}]}
    write_params(tmp_path, "original_crops", dataset={"subjects": subjects, "actions": ["Walking"]}, lifting=lifting)
    done = run(tmp_path, POSE3D_DATA=str(tmp_path / "own"))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    shown = [line.split() for line in done.stdout.splitlines()]
    assert ["S1", "Walking", "2", "4", "12", "1"] in shown and ["S9", "Walking", "2", "4", "14", "0"] in shown
    assert f"- {rows}: pose2d of camera 58860488 is not finite at frame 1, joint RWrist; cut" in done.stdout


def test_params_and_folder_come_first(tmp_path):
    write_params(tmp_path)
    done = run(tmp_path)
    assert done.returncode == 0 and "nothing to check" in done.stdout
    write_params(tmp_path, "human36m", "full")
    done = run(tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("error: train_2d.init names pretrained/")
    write_params(tmp_path, "videopose3d")
    done = run(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: this data set is your own: set the environment variable POSE3D_DATA")
    done = run(tmp_path, POSE3D_DATA=str(tmp_path / "sizes"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "data_3d_h36m.npz is missing" in done.stderr
    (tmp_path / "params.yaml").write_text("data: embedded\nsize: small\nseed: one\n")
    done = run(tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
