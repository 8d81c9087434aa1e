import csv

import numpy as np
import pytest
from walking import walking_poses

from pose3d.commands.run import main
from pose3d.formats.mot import read_mot
from pose3d.formats.predictions import Predictions, write_npz
from pose3d.geometry.joint_angles import joint_angles_deg
from pose3d.lifting.lift import Lifted
from pose3d.predict.clip import camera_from_view

TIMES_S = np.arange(0, 5, 0.04)
CAMERA_FROM_WALK = np.array([1.0, -1.0, -1.0])
"""y up and z right to y down and z forward: half a turn about x."""


def predictions(poses_m, lost=(), landmarks_m=None, names=()):
    frames = len(poses_m)
    found = ~np.isin(np.arange(frames), lost)
    poses = (poses_m * CAMERA_FROM_WALK + [0, 0, 4]).astype(np.float32)
    px, sure = np.zeros((frames, 17, 2), np.float32), np.ones((frames, 17), np.float32)
    if landmarks_m is not None:
        landmarks_m = (landmarks_m * CAMERA_FROM_WALK + [0, 0, 4]).astype(np.float32)
    lifted = {"repnet": Lifted(np.zeros_like(poses), True), "temporal": Lifted(poses, True, None, landmarks_m)}
    view = camera_from_view(640, 480, 60)
    boxes = np.ones((frames, 4), np.float32)
    return Predictions(TIMES_S[:frames], boxes, px, sure, found, lifted, view, landmarks=names)


def test_tables_and_curves_are_written(tmp_path, capsys):
    poses_m = walking_poses(TIMES_S)
    write_npz(tmp_path / "predictions.npz", predictions(poses_m, lost=[3]))
    main(["angles", str(tmp_path / "predictions.npz"), "--out", str(tmp_path / "new" / "angles")])
    said = capsys.readouterr()
    names = ["angles.csv", "angles.mot", "angles.png", "strides.png"]
    assert said.out.split() == [str(tmp_path / "new" / "angles" / name) for name in names]
    assert said.err == "no ankle angles: the poses have neither heels nor toes\n"
    expected = joint_angles_deg(poses_m)
    times_s, columns, in_degrees = read_mot(tmp_path / "new/angles/angles.mot")
    with open(tmp_path / "new/angles/angles.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert in_degrees and list(columns) == list(expected) == list(rows[0])[2:]
    np.testing.assert_allclose(times_s, TIMES_S, atol=1e-6)
    assert [row["frame"] for row in rows] == [str(frame) for frame in range(len(TIMES_S))]
    for name, degrees in expected.items():
        degrees[3] = np.nan
        np.testing.assert_allclose(columns[name], degrees, atol=1e-3)
        in_table = [float(row[name] or "nan") for row in rows]
        np.testing.assert_allclose(in_table, degrees, atol=2e-3)


@pytest.mark.parametrize("toes", [("big_toe", "small_toe"), ("foot_index",)])
def test_lifted_feet_give_ankles(tmp_path, capsys, toes):
    """Feet set by construction: the right one across its shank, the left one pointing 20 degrees down from there."""
    poses_m = walking_poses(TIMES_S[:20])
    names, points = [], []
    for side, knee, down_deg in (("right", 2, 0), ("left", 5, 20)):
        shank = poses_m[:, knee + 1] - poses_m[:, knee]
        shank /= np.linalg.norm(shank, axis=1, keepdims=True)
        ahead = np.cross(shank, [0.0, 0.0, -1.0])
        ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
        down = np.radians(down_deg)
        foot = 0.24 * (np.cos(down) * ahead + np.sin(down) * shank)
        heel = poses_m[:, knee + 1] + 0.03 * shank
        names += [f"{side}_heel", *(f"{side}_{toe}" for toe in toes)]
        aside = np.array([0.0, 0.0, 0.04])
        points += [heel, *((heel + foot,) if len(toes) == 1 else (heel + foot + aside, heel + foot - aside))]
    landmarks_m = np.stack(points, 1)
    write_npz(tmp_path / "predictions.npz", predictions(poses_m, [4], landmarks_m, tuple(names)))
    main(["angles", str(tmp_path), "--out", str(tmp_path / "out")])
    assert capsys.readouterr().err == ""
    _, columns, _ = read_mot(tmp_path / "out" / "angles.mot")
    for side, expected_deg in (("right", 0.0), ("left", -20.0)):
        found = columns[f"{side}_ankle_dorsiflexion_deg"]
        assert np.isnan(found[4])
        np.testing.assert_allclose(np.delete(found, 4), expected_deg, atol=1e-2)


def test_strides_of_an_earlier_run_are_named(tmp_path, capsys):
    for poses_m, said in ((walking_poses(TIMES_S), 0), (walking_poses(TIMES_S[:20]), 1)):
        write_npz(tmp_path / "predictions.npz", predictions(poses_m))
        main(["angles", str(tmp_path), "--out", str(tmp_path / "out")])
        earlier = f"{tmp_path}/out/strides.png is of an earlier run: there are too few strides for it here\n"
        assert capsys.readouterr().err.count(earlier) == said


def test_everybody_gets_a_folder(tmp_path):
    for person in (1, 2, 10):
        (tmp_path / f"person-{person}").mkdir()
        poses_m = walking_poses(TIMES_S[:20] * person)
        write_npz(tmp_path / f"person-{person}" / "predictions.npz", predictions(poses_m))
    main(["angles", str(tmp_path), "--out", str(tmp_path / "out")])
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").glob("*/*"))
    files = ("angles.csv", "angles.mot", "angles.png")  # 0.8 s hold no stride
    assert written == sorted(f"person-{person}/{name}" for person in (1, 2, 10) for name in files)
    assert len({path.read_bytes() for path in (tmp_path / "out").glob("*/angles.csv")}) == 3


def test_wrong_input_is_one_sentence(tmp_path):
    def message(path):
        with pytest.raises(SystemExit) as caught:
            main(["angles", str(path), "--out", str(tmp_path / "out")])
        assert not (tmp_path / "out").exists()
        return caught.value.code

    assert message(tmp_path / "none") == f"error: {tmp_path}/none is missing: run `pose3d predict` to make it"
    assert message(tmp_path).startswith(f"error: {tmp_path} has no predictions.npz, nor folders person-N with one: run")
    (tmp_path / "predictions.csv").write_text("frame,time_s\n")
    assert message(tmp_path / "predictions.csv") == (
        f"error: {tmp_path}/predictions.csv is no whole npz file of predictions (it is of another kind, or "
        "breaks off): give predictions.npz, or predict again"
    )
    (tmp_path / "predictions.npz").write_text("no archive")
    assert message(tmp_path).startswith(f"error: {tmp_path}/predictions.npz is no whole npz file of predictions")
    whole = predictions(walking_poses(TIMES_S[:3]))
    write_npz(tmp_path / "predictions.npz", Predictions(**(vars(whole) | {"lifted": {}})))
    assert message(tmp_path) == f"error: {tmp_path}/predictions.npz has no temporal poses: predict again"
