"""Files become takes: every format, at the rate of training; what is left out is counted; bad files say why."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import walk
from tiny_mocap import CMU, MIXAMO, OUR_JOINTS, PLUG_IN_GAIT, climb_motion, named, write_any_bvh

from pose3d.formats.joint_files import write_motion
from pose3d.priors.own_takes import OURS, own_files, read_takes
from pose3d.priors.point_map import read_map
from pose3d.runtime.errors import InputError

MOTION = named(climb_motion(), CMU)


def write(folder, name, motion=MOTION):
    """A file of any of the formats."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".bvh":
        write_any_bvh(path, motion)
    else:
        write_motion(path, motion)
    return path.relative_to(folder)


def read(folder, name, motion=MOTION, rate_hz=30.0, given=None):
    (take,) = read_takes(folder, write(folder, name, motion), given or {}, rate_hz)
    return take


@pytest.mark.parametrize("name", ["a.bvh", "a.c3d", "a.trc", "a.npz", "a.amass.npz"])
def test_every_format_gives_the_same_points(tmp_path, name):
    take = read(tmp_path, name)
    (piece,) = take.pieces
    assert (take.fps, take.left_out_s, len(piece)) == (30, {}, 61)
    assert take.seconds == pytest.approx(61 / 30)
    for point, joint in {"LHip": "LeftUpLeg", "RWrist": "RightHand", "Neck": "Neck", "LToe": "LeftToeBase"}.items():
        expected = MOTION.positions_m[:, MOTION.joints.index(joint)]
        np.testing.assert_allclose(piece.points[point], expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize(("rate_hz", "frames"), [(30, 61), (25, 51), (60, 121), (7.5, 16)])
def test_the_rate_is_that_of_training(tmp_path, rate_hz, frames):
    (piece,) = read(tmp_path, "a.npz", rate_hz=rate_hz).pieces
    assert len(piece) == frames
    path = MOTION.positions_m[:, MOTION.joints.index("LeftUpLeg")]
    times_s = np.arange(frames) / rate_hz
    expected = np.stack([np.interp(times_s, MOTION.times_s, path[:, axis]) for axis in range(3)], -1)
    np.testing.assert_allclose(piece.points["LHip"], expected, atol=1e-6)


def test_files_of_our_own_joints_are_taken_as_they_are(tmp_path):
    motion = walk(20)
    for name in ("a.c3d", "a.trc", "a.npz"):
        (piece,) = read(tmp_path, name, motion, 25).pieces
        assert piece.ours
        poses_m = np.stack([piece.points[point] for point in OURS.values()], 1)
        np.testing.assert_allclose(poses_m, motion.positions_m, atol=1e-4)


@pytest.mark.parametrize("per_metre", [1.0, 100.0, 1000.0, 39.37])
def test_bvh_of_any_unit(tmp_path, per_metre):
    write_any_bvh(tmp_path / "a.bvh", MOTION, per_metre)
    (take,) = read_takes(tmp_path, own_files(tmp_path)[0], {}, 30.0)
    assert take.unit == {1: "m", 100: "cm", 1000: "mm", 39.37: "in"}[per_metre]
    expected = MOTION.positions_m[:, MOTION.joints.index("LeftUpLeg")]
    np.testing.assert_allclose(take.pieces[0].points["LHip"], expected, atol=2e-4)


def test_what_is_left_out_parts_a_take_and_is_counted(tmp_path):
    positions_m = MOTION.positions_m.copy()
    positions_m[20:28, MOTION.joints.index("LeftHand")] = np.nan
    positions_m[35, MOTION.joints.index("RightHand")] += 1
    take = read(tmp_path, "a.c3d", replace(MOTION, positions_m=positions_m))
    assert [len(piece) for piece in take.pieces] == [20, 24]
    assert take.left_out_s == pytest.approx({"joints missing": 8 / 30, "jumps": 3 / 30, "too short": 6 / 30})
    assert take.seconds + sum(take.left_out_s.values()) == pytest.approx(61 / 30)


@pytest.mark.parametrize("gap_s", [0.7, 5.0])
def test_gaps_of_the_times_part_a_take(tmp_path, gap_s):
    """Nobody knows what happened in them, and joints that stay where they are would not show it."""
    arrays = dict(np.load(tmp_path / write(tmp_path, "a.npz")))
    arrays["time_s"] = arrays["time_s"] + gap_s * (np.arange(61) >= 30)
    np.savez(tmp_path / "a.npz", **arrays)
    (take,) = read_takes(tmp_path, Path("a.npz"), {}, 30.0)
    assert len(take.pieces) == 2 and set(take.left_out_s) == {"joints missing"}
    assert take.seconds == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("name", ["a.c3d", "a.trc"])
def test_zeros_are_gaps_where_some_programs_have_no_other_sign(tmp_path, name):
    positions_m = MOTION.positions_m.copy()
    positions_m[10:20, MOTION.joints.index("RightLeg")] = 0
    assert read(tmp_path, name, replace(MOTION, positions_m=positions_m)).left_out_s == {
        "joints missing": pytest.approx(10 / 30),
        "too short": pytest.approx(10 / 30),
    }


def test_a_take_of_no_person_is_left_out_as_a_whole(tmp_path):
    take = read(tmp_path, "a.npz", replace(MOTION, positions_m=MOTION.positions_m * 3.5))
    assert take.pieces == [] and take.left_out_s == {"legs of 2.8 m, in no usual unit": pytest.approx(61 / 30)}


def test_frames_that_are_far_apart_are_no_motion(tmp_path):
    take = read(tmp_path, "a.bvh", replace(MOTION, fps=0.001))
    assert take.pieces == [] and list(take.left_out_s) == ["fewer than 5 frames a second"]


def test_left_handed_axes_are_put_right_and_said(tmp_path):
    take = read(tmp_path, "a.npz", replace(MOTION, positions_m=MOTION.positions_m * [1, 1, -1]))
    assert take.said == ["mirrored: its axes are left-handed, or left and right are exchanged"]
    points = take.pieces[0].points
    ahead = np.cross(points["LHip"] - points["RHip"], [0, 1.0, 0])
    assert ((points["LToe"] - points["LAnkle"]) * ahead).sum(-1).min() > 0


def test_our_own_joints_in_left_handed_axes_are_put_right_as_well(tmp_path):
    motion = named(climb_motion(), OUR_JOINTS)
    plain, mirrored = (
        read(tmp_path, f"{name}.npz", replace(motion, positions_m=motion.positions_m * [sign, 1, 1]))
        for name, sign in (("a", 1), ("b", -1))
    )
    assert plain.said == [] and plain.pieces[0].ours
    assert mirrored.said == ["mirrored: its axes are left-handed, or left and right are exchanged"]
    for point, path in plain.pieces[0].points.items():
        np.testing.assert_allclose(mirrored.pieces[0].points[point], path)


def test_two_people_in_one_file_are_two_takes(tmp_path):
    one = named(MOTION, {name: f"Ann:{name}" for name in MOTION.joints})
    both = replace(
        one,
        joints=(*one.joints, *(name.replace("Ann", "Bob") for name in one.joints)),
        positions_m=np.concatenate([one.positions_m, one.positions_m + [1, 0, 0]], 1),
    )
    file = write(tmp_path, "a.c3d", both)
    ann, bob = read_takes(tmp_path, file, {}, 30.0)
    assert (ann.person, bob.person) == ("Ann", "Bob")
    np.testing.assert_allclose(bob.pieces[0].points["LHip"] - ann.pieces[0].points["LHip"], [[1, 0, 0]] * 61, atol=1e-4)


def test_plug_in_gaits_joint_centres(tmp_path):
    assert len(read(tmp_path, "a.c3d", named(climb_motion(), PLUG_IN_GAIT)).pieces[0]) == 61


def test_files_are_found_in_folders_below(tmp_path):
    for name in ("b.bvh", "S1/a.C3D", "S1/x/c.trc", "S2/d.npz", "notes.txt", ".hidden.bvh"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "endless.bvh")
    assert [str(file) for file in own_files(tmp_path)] == ["S1/a.C3D", "S1/x/c.trc", "S2/d.npz", "b.bvh"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.bvh", b"HIERARCHY\n", "ends within its hierarchy"),
        ("a.bvh", b"\0\xff", "is no text"),
        ("a.c3d", b"\2P" + bytes(100), "is no whole C3D file"),
        ("a.trc", b"PathFileType\n", "has no number for DataRate"),
        ("a.npz", b"PK", "is no whole npz file"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said) as refused:
        read_takes(tmp_path, own_files(tmp_path)[0], {}, 25.0)
    assert name in str(refused.value) and "\n" not in str(refused.value)


def test_camera_space_has_no_vertical(tmp_path):
    file = write(tmp_path, "a.npz", walk(frame="camera"))
    with pytest.raises(InputError, match="a.npz is in camera space, where nobody knows the vertical: give"):
        read_takes(tmp_path, file, {}, 25.0)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("a.bvh", ["Tæer", "Tå"]),
        ("a.bvh", ["右つま先", "左つま先"]),
        ("a.bvh", ["Toe", "Toe"]),
        ("a.trc", ["Toe", "Toe"]),
        ("a.trc", ["*", "*"]),
        ("a.c3d", ["", ""]),
        ("a.c3d", ["*", "*"]),
    ],
)
def test_names_of_what_nobody_needs_may_be_any(tmp_path, monkeypatch, name, names):
    """Toes of names that are shared, in other letters, or none."""
    for writer in ("trc", "c3d"):
        monkeypatch.setattr(f"pose3d.formats.{writer}.check_motion", lambda motion, where: None)
    changed = dict(zip(("LeftToeBase", "RightToeBase"), names, strict=True))
    take = read(tmp_path, name, replace(MOTION, joints=tuple(changed.get(joint, joint) for joint in MOTION.joints)))
    (piece,) = take.pieces
    assert not {"LToe", "RToe"} & set(piece.points)
    expected = MOTION.positions_m[:, MOTION.joints.index("LeftUpLeg")]
    np.testing.assert_allclose(piece.points["LHip"], expected, rtol=0, atol=2e-4)


def test_what_is_needed_and_named_twice_is_asked_for_and_other_letters_can_be_mapped(tmp_path):
    joints = tuple(joint.replace("RightLeg", "LeftLeg") for joint in MOTION.joints)
    file = write(tmp_path, "a.bvh", replace(MOTION, joints=joints))
    with pytest.raises(InputError, match=r"which of its names are LKnee, RKnee: .*LeftLeg_1.*LeftLeg_2"):
        read_takes(tmp_path, file, {}, 25.0)
    joints = tuple(joint.replace("LeftLeg", "左ひざ") for joint in MOTION.joints)
    (tmp_path / "map.yaml").write_text("LKnee: 左ひざ\n")
    (piece,) = read(tmp_path, "b.bvh", replace(MOTION, joints=joints), given=read_map(tmp_path / "map.yaml")).pieces
    expected = MOTION.positions_m[:, MOTION.joints.index("LeftLeg")]
    np.testing.assert_allclose(piece.points["LKnee"], expected, rtol=0, atol=2e-4)


def test_unknown_names_are_asked_for(tmp_path):
    file = write(tmp_path, "a.trc", named(MOTION, {name: f"m{i}" for i, name in enumerate(MIXAMO)}))
    with pytest.raises(InputError, match=r"write a map with a line for each, .* \(its names are m0, m1, m2"):
        read_takes(tmp_path, file, {}, 25.0)
