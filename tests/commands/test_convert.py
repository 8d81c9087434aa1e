"""``pose3d convert`` between all formats, what it says, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest
from motions import walk, walk_with_gaps
from tiny_mocap import CMU, climb_motion, named, write_any_bvh

from pose3d.commands.run import main
from pose3d.formats.bvh import NAMES
from pose3d.formats.joint_files import read_motion, write_motion
from pose3d.formats.motion import Motion, filled
from pose3d.formats.predictions import Predictions, write_npz
from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton_fit import fit_bone_lengths, with_bone_lengths
from pose3d.lifting.lift import Lifted
from pose3d.records.pickled_npz import read_pickled_npz

OF_POINTS = ["trc", "c3d", "npz", "csv", "amass.npz"]
OF_SKELETONS = ["glb", "bvh"]


def convert(*arguments):
    main(["convert", *map(str, arguments)])


def refused(*arguments):
    with pytest.raises(SystemExit) as ended:
        convert(*arguments)
    return ended.value.code


def predictions(frames=4):
    rng = np.random.default_rng(0)
    poses = [np.float32(walk(frames, frame="camera").positions_m + shift) for shift in (0, 1)]
    intrinsics_px = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    camera = Camera("clip", 640, 480, intrinsics_px, np.zeros(5), np.eye(3), np.zeros(3))
    return Predictions(
        time_s=np.arange(frames) / 25,
        boxes_px=rng.random((frames, 4), np.float32),
        keypoints_px=np.float32(100 * rng.random((frames, 17, 2))),
        confidence=rng.random((frames, 17), np.float32),
        found=np.arange(frames) != 1,
        lifted={"repnet": Lifted(poses[1], False), "temporal": Lifted(poses[0], True)},
        camera=camera,
    )


@pytest.mark.parametrize("source", [*OF_POINTS, *OF_SKELETONS])
def test_every_format_goes_into_every_other(tmp_path, source):
    """Skeletons change the joints once, by constant bones, and then no more."""
    motion = walk(6)
    if source in OF_SKELETONS:
        poses = motion.positions_m
        motion = type(motion)(NAMES, with_bone_lengths(poses, fit_bone_lengths(poses)), 25.0)
    write_motion(tmp_path / f"a.{source}", motion)
    outputs = [tmp_path / f"b.{ending}" for ending in [*OF_POINTS, *OF_SKELETONS]]
    convert(tmp_path / f"a.{source}", *outputs)
    fitted = with_bone_lengths(motion.positions_m, fit_bone_lengths(motion.positions_m))
    for output in outputs:
        found = read_motion(output)
        assert (found.joints, found.fps) == (NAMES, 25)
        expected = fitted if output.suffix[1:] in OF_SKELETONS else motion.positions_m
        np.testing.assert_allclose(found.positions_m, expected, rtol=0, atol=2e-5)


def test_gaps_stay_where_the_format_knows_them(tmp_path):
    motion = walk_with_gaps()
    write_motion(tmp_path / "a.npz", motion)
    convert(tmp_path / "a.npz", *(tmp_path / f"b.{ending}" for ending in [*OF_POINTS, *OF_SKELETONS]))
    for ending in ("trc", "c3d", "npz", "csv"):
        np.testing.assert_array_equal(read_motion(tmp_path / f"b.{ending}").missing, motion.missing)
    np.testing.assert_allclose(read_motion(tmp_path / "b.amass.npz").positions_m, filled(motion).positions_m, atol=1e-6)
    for ending in OF_SKELETONS:
        assert not read_motion(tmp_path / f"b.{ending}").missing.any()


def test_it_says_frames_rate_joints_unit_and_axes(tmp_path, capsys):
    write_motion(tmp_path / "a.npz", walk(frame="camera"))
    convert(tmp_path / "a.npz", *(tmp_path / name for name in ("b.trc", "b.c3d", "b.csv")), "--unit", "mm")
    said = "12 frames at 25 a second, 17 joints"
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/b.trc: {said}, mm, y up",
        f"{tmp_path}/b.c3d: {said}, mm, z up",
        f"{tmp_path}/b.csv: {said}, m, camera",
    ]
    assert "\tmm\t" in (tmp_path / "b.trc").read_text()


def test_it_says_how_many_joints_a_file_holds(tmp_path, capsys):
    """Two points besides the 17: skeletons do not have them."""
    motion = walk()
    positions_m = np.concatenate([motion.positions_m, motion.positions_m[:, :2] + 0.1], 1)
    write_motion(tmp_path / "a.npz", Motion((*NAMES, "nose", "left_heel"), positions_m, 25.0))
    outputs = [tmp_path / f"b.{ending}" for ending in [*OF_POINTS, *OF_SKELETONS]]
    convert(tmp_path / "a.npz", *outputs)
    for output, said in zip(outputs, capsys.readouterr().out.splitlines(), strict=True):
        n_joints = len(read_motion(output).joints)
        assert n_joints == (17 if output.suffix[1:] in OF_SKELETONS else 19)
        assert f" {n_joints} joints" in said


@pytest.mark.parametrize("ending", ["trc", "c3d"])
def test_zeros_are_gaps_and_said(tmp_path, capsys, ending):
    motion = walk()
    motion.positions_m[2:5, 0] = 0
    write_motion(tmp_path / f"a.{ending}", motion)
    convert(tmp_path / f"a.{ending}", tmp_path / "b.npz")
    assert np.argwhere(read_motion(tmp_path / "b.npz").missing).tolist() == [[2, 0], [3, 0], [4, 0]]
    assert capsys.readouterr().err == (
        f"{tmp_path}/a.{ending}: markers at 0, 0, 0 are taken as missing: Hip in 3 of 12 frames\n"
    )


@pytest.mark.parametrize(("factor", "said"), [(1, False), (0.01, True), (100, True)])
def test_joints_that_are_too_far_apart_or_too_near_are_doubted(tmp_path, capsys, factor, said):
    motion = walk(4)
    names = tuple(f"p{number}" for number in range(17))  # which are legs nobody knows
    write_motion(tmp_path / "a.trc", replace(motion, joints=names, positions_m=motion.positions_m * factor))
    convert(tmp_path / "a.trc", tmp_path / "b.c3d")
    err = capsys.readouterr().err
    assert (f"warning: {tmp_path}/a.trc: its joints lie " in err and err.endswith("is its unit another?\n")) == said


@pytest.mark.parametrize(("per_metre", "said"), [(100, ""), (39.37, "if its unit is inches:"), (1, "its unit is m:")])
def test_legs_in_another_unit_of_a_bvh_are_doubted_once(tmp_path, capsys, per_metre, said):
    write_any_bvh(tmp_path / "a.bvh", named(climb_motion(3), CMU), per_metre)
    convert(tmp_path / "a.bvh", tmp_path / "b.trc")
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == bool(said)


@pytest.mark.parametrize(("ending", "said"), [("trc", True), ("bvh", True), ("c3d", False)])
def test_somebody_who_stretches_along_z_is_doubted_where_the_file_does_not_say_what_is_up(
    tmp_path, capsys, ending, said
):
    motion = walk(4)
    write_motion(tmp_path / f"a.{ending}", replace(motion, positions_m=motion.positions_m[..., [2, 0, 1]]))
    convert(tmp_path / f"a.{ending}", tmp_path / "b.npz")
    assert ("somebody stretches along z, and y is taken as up" in capsys.readouterr().err) == said


def test_predictions_with_poses_of_both_frames(tmp_path):
    write_npz(tmp_path / "p.npz", predictions())
    arrays = dict(np.load(tmp_path / "p.npz"))
    level = arrays["poses_cam_m_temporal"][..., [0, 2, 1]] * [1, 1, -1] + [0, 0, 1.5]  # a camera at 1.5 m
    np.savez(tmp_path / "both.npz", **arrays, poses_world_m_temporal=level)
    for name, options, height_m in (
        ("p", (), 0.0),
        ("both", (), 1.5),
        ("both", ("--frame", "world"), 1.5),
        ("both", ("--frame", "camera"), 0.0),
    ):
        convert(tmp_path / f"{name}.npz", tmp_path / "b.trc", *options)
        expected = arrays["poses_cam_m_temporal"][0] * [1, -1, -1] + [0, height_m, 0]
        np.testing.assert_allclose(read_motion(tmp_path / "b.trc").positions_m[0], expected, atol=1e-5)
    convert(tmp_path / "p.npz", tmp_path / "b.trc", "--lifter", "repnet")
    expected = arrays["poses_cam_m_repnet"][0] * [1, -1, -1]
    np.testing.assert_allclose(read_motion(tmp_path / "b.trc").positions_m[0], expected, atol=1e-5)
    assert read_motion(tmp_path / "b.trc").missing.all(1).tolist() == [False, True, False, False]
    assert "does not have one array of 3D poses for world" in refused(
        tmp_path / "p.npz", tmp_path / "b.trc", "--frame", "world"
    )
    np.savez(tmp_path / "both.npz", **arrays, poses_world_m=level)  # as predict writes it, of the temporal lifter
    convert(tmp_path / "both.npz", tmp_path / "b.trc", "--lifter", "repnet")
    np.testing.assert_allclose(read_motion(tmp_path / "b.trc").positions_m[0], expected, atol=1e-5)
    assert "does not have one array of 3D poses for world and repnet" in refused(
        tmp_path / "both.npz", tmp_path / "b.trc", "--lifter", "repnet", "--frame", "world"
    )


def test_keypoints_as_openpose_and_videopose3d_have_them(tmp_path, capsys):
    given = predictions()
    write_npz(tmp_path / "p.npz", given)
    convert(tmp_path / "p.npz", tmp_path / "walk.openpose", tmp_path / "walk.videopose3d.npz")
    assert capsys.readouterr().out == f"{tmp_path}/walk.openpose: px\n{tmp_path}/walk.videopose3d.npz: px\n"
    files = sorted((tmp_path / "walk.openpose").iterdir())
    assert [file.name for file in files] == [f"walk_{t:012d}_keypoints.json" for t in range(4)]
    people = [json.loads(file.read_text())["people"] for file in files]
    assert people[1] == []
    body = np.array(people[2][0]["pose_keypoints_2d"]).reshape(25, 3)
    # BODY_25: neck 1, right wrist 4, hip 8, left ankle 14; nose 0 and toes 22 are not known.
    for theirs, ours in ((1, 8), (4, 16), (8, 0), (14, 6)):
        np.testing.assert_allclose(body[theirs, :2], given.keypoints_px[2, ours], atol=1e-4)
        np.testing.assert_allclose(body[theirs, 2], given.confidence[2, ours], atol=1e-4)
    assert not body[[0, *range(15, 25)]].any() and body[1:15].all()
    found = read_pickled_npz(tmp_path / "walk.videopose3d.npz", ["positions_2d", "metadata"])
    np.testing.assert_array_equal(found["positions_2d"]["walk"]["custom"][0], given.keypoints_px)
    assert found["metadata"] == {
        "layout_name": "h36m",
        "num_joints": 17,
        "keypoints_symmetry": [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]],
        "video_metadata": {"walk": {"w": 640, "h": 480}},
    }


def test_a_folder_with_files_of_others_is_not_replaced(tmp_path):
    write_npz(tmp_path / "p.npz", predictions())
    for _ in range(2):  # our own are
        convert(tmp_path / "p.npz", tmp_path / "walk.openpose")
        (tmp_path / "walk.openpose" / ".DS_Store").write_bytes(b"")
    (tmp_path / "walk.openpose" / "notes.txt").write_text("of mine")
    assert refused(tmp_path / "p.npz", tmp_path / "walk.openpose") == (
        f"error: {tmp_path}/walk.openpose has files that would be lost, such as notes.txt: move them, or write to "
        "another folder"
    )
    assert (tmp_path / "walk.openpose" / "notes.txt").read_text() == "of mine"


def test_what_is_asked_wrongly_is_one_sentence_and_nothing_is_written(tmp_path):
    write_motion(tmp_path / "a.trc", walk())
    trc, there = tmp_path / "a.trc", sorted(tmp_path.iterdir())
    assert refused(trc, tmp_path / "b.xyz").endswith("end it with .npz, .csv, .bvh, .trc, .c3d, .glb, .amass.npz, "
                                                     ".videopose3d.npz, .openpose, .rrd")  # fmt: skip
    assert (
        refused(trc, tmp_path / "b.glb", trc) == f"error: {trc} is what is read: give another name for what is written"
    )
    assert "is for 2D keypoints, which" in refused(trc, tmp_path / "b.openpose")
    assert "leave --frame out" in refused(trc, tmp_path / "b.npz", "--frame", "camera")
    (tmp_path / "a.openpose").mkdir()
    assert "holds 2D keypoints: give a file of joints" in refused(tmp_path / "a.openpose", tmp_path / "b.npz")
    (tmp_path / "a.openpose").rmdir()
    (tmp_path / "a.rrd").touch()
    assert "holds a recording for a viewer: give a file" in refused(tmp_path / "a.rrd", tmp_path / "b.npz")
    (tmp_path / "a.rrd").unlink()
    assert refused(tmp_path / "none.trc", tmp_path / "b.npz") == (
        f"error: {tmp_path}/none.trc is missing: give a file of joints"
    )
    assert sorted(tmp_path.iterdir()) == there


def test_predictions_become_a_recording_for_rerun(tmp_path, capsys):
    pytest.importorskip("rerun", reason="extra rerun")
    write_npz(tmp_path / "p.npz", predictions())
    convert(tmp_path / "p.npz", tmp_path / "p.rrd")
    assert capsys.readouterr().out == f"{tmp_path}/p.rrd: px and m, camera, no video\n"
    assert (tmp_path / "p.rrd").read_bytes()[:4] == b"RRF2"


def test_slow_files_keep_their_rate_and_times_in_ms_are_doubted(tmp_path, capsys):
    motion = walk(6)
    arrays = {"poses_world_m": np.float32(motion.positions_m), "joints": np.array(motion.joints)}
    np.savez(tmp_path / "a.npz", **arrays, fps=0.5)
    convert(tmp_path / "a.npz", tmp_path / "a.trc")
    said = capsys.readouterr()
    assert "6 frames at 0.5 a second" in said.out and said.err == ""
    np.savez(tmp_path / "b.npz", **arrays, time_s=np.arange(6) * 20.0)
    convert(tmp_path / "b.npz", tmp_path / "b.trc", tmp_path / "b.csv")
    assert read_motion(tmp_path / "b.csv").fps == read_motion(tmp_path / "b.trc").fps == 0.05
    assert capsys.readouterr().err == f"warning: {tmp_path}/b.npz: its frames lie 20 s apart: are its times in ms?\n"


def test_one_frame_has_the_rate_that_its_file_says(tmp_path, capsys):
    motion = walk(1)
    poses, joints = np.float32(motion.positions_m), np.array(motion.joints)
    np.savez(tmp_path / "a.npz", poses_world_m=poses, joints=joints, fps=50)
    convert(tmp_path / "a.npz", tmp_path / "a.trc")
    np.savez(tmp_path / "b.npz", poses_world_m=poses, joints=joints, fps=0.1)
    convert(tmp_path / "b.npz", tmp_path / "b.trc")
    said = capsys.readouterr()
    assert "1 frame at 50 a second" in said.out and "1 frame at 0.1 a second" in said.out and said.err == ""
