"""Written files are read back by a reader made from the format's description alone, and by pybvh where installed."""

import numpy as np
import pybvh
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import swinging_poses
from scipy.spatial.transform import Rotation

from pose3d.formats import bvh
from pose3d.formats.bvh import BONE_JOINTS, NAMES, continuous_euler_deg, write_bvh
from pose3d.geometry.skeleton_fit import fit_bone_lengths, with_bone_lengths
from pose3d.runtime.errors import InputError
from pose3d.runtime.rows import chunks

CAMERA_FROM_WORLD = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])


def person_cam_m(frames=30, seed=0):
    """Somebody who swings, five metres before a level camera, whose bones change their lengths a little."""
    rng = np.random.default_rng(seed)
    poses = swinging_poses(rng, frames) @ CAMERA_FROM_WORLD.T + [0, 1.0, 5.0]
    return poses + rng.normal(0, 0.005, poses.shape)


def read_bvh(path):
    """Positions by joint name, (T, 3) centimetres, seconds per frame, and the tree as (name, parent)."""
    head, motion = path.read_text().split("MOTION\n")
    words = iter(head.split())
    assert next(words) == "HIERARCHY"
    nodes, channels, stack = [], [], []
    for word in words:
        if word in ("ROOT", "JOINT", "End"):
            nodes.append({"name": next(words), "parent": stack[-1] if stack else None, "channels": []})
        elif word == "{":
            stack.append(len(nodes) - 1)
        elif word == "}":
            stack.pop()
        elif word == "OFFSET":
            nodes[stack[-1]]["offset"] = np.array([float(next(words)) for _ in range(3)])
        else:
            assert word == "CHANNELS"
            named = [next(words) for _ in range(int(next(words)))]
            nodes[stack[-1]]["channels"] = named
            channels += [(stack[-1], name) for name in named]
    assert not stack
    lines = motion.splitlines()
    frames = np.array([[float(value) for value in line.split()] for line in lines[2:]])
    assert lines[0] == f"Frames: {len(frames)}"
    assert frames.shape[1] == len(channels)
    positions, turned = [], []
    for index, node in enumerate(nodes):
        local, moved = Rotation.identity(len(frames)), np.tile(node["offset"], (len(frames), 1))
        for column, (owner, name) in enumerate(channels):
            if owner == index and name.endswith("rotation"):
                local = local * Rotation.from_euler(name[0], frames[:, [column]], degrees=True)
            elif owner == index:
                moved[:, "XYZ".index(name[0])] += frames[:, column]
        parent = node["parent"]
        positions.append(moved if parent is None else positions[parent] + turned[parent].apply(moved))
        turned.append(local if parent is None else turned[parent] * local)
    tree = [(n["name"], None if n["parent"] is None else nodes[n["parent"]]["name"]) for n in nodes]
    by_name = {n["name"]: p for n, p in zip(nodes, positions, strict=True)}
    return by_name, float(lines[1].removeprefix("Frame Time: ")), tree


def read_back_cam_m(path):
    """(T, 17, 3) joints in camera space, metres."""
    positions, _, _ = read_bvh(path)
    return np.stack([positions[name] for name in NAMES], 1) / 100 * [1, -1, -1]


def test_positions_are_those_of_the_fitted_skeleton(tmp_path):
    poses = person_cam_m()
    write_bvh(tmp_path / "a.bvh", poses, 25)
    fitted = with_bone_lengths(poses, fit_bone_lengths(poses))
    np.testing.assert_allclose(read_back_cam_m(tmp_path / "a.bvh"), fitted, atol=1e-6)
    assert np.abs(fitted - poses).max() < 0.1


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 5))
def test_any_directions_come_back(tmp_path_factory, seed, frames):
    path = tmp_path_factory.mktemp("bvh") / "a.bvh"
    poses = np.random.default_rng(seed).normal(0, 1, (frames, 17, 3))
    write_bvh(path, poses, 50)
    np.testing.assert_allclose(read_back_cam_m(path), with_bone_lengths(poses, fit_bone_lengths(poses)), atol=1e-5)


def test_y_is_up_and_the_unit_centimetres(tmp_path):
    poses = person_cam_m(1)
    poses += [1.0, 0.3, 6.0] - poses[:, :1]
    write_bvh(tmp_path / "a.bvh", poses, 25)
    positions, seconds, _ = read_bvh(tmp_path / "a.bvh")
    np.testing.assert_allclose(positions["Hip"], [[100, -30, -600]], atol=1e-4)
    assert positions["Head"][0, 1] > positions["Hip"][0, 1] > positions["LFoot"][0, 1]
    assert seconds == pytest.approx(0.04)


def test_tree_has_every_joint_and_five_ends(tmp_path):
    write_bvh(tmp_path / "a.bvh", person_cam_m(2), 25)
    _, _, tree = read_bvh(tmp_path / "a.bvh")
    names = [name for name, _ in tree]
    assert sorted(n for n in names if n != "Site") == sorted([*NAMES, *BONE_JOINTS.values()])
    assert [parent for name, parent in tree if name == "Site"] == ["RFoot", "LFoot", "Head", "LWrist", "RWrist"]
    assert ("RClavicle", "Thorax") in tree and ("RShoulder", "RClavicle") in tree and ("RElbow", "RShoulder") in tree


def test_angles_do_not_jump_over_whole_turns():
    turning = np.linspace(0, 900, 200)
    angles = continuous_euler_deg([Rotation.from_euler("Y", turning[:, None], degrees=True)])[:, 0]
    np.testing.assert_allclose(angles[:, 2], turning, atol=1e-6)
    over_the_pole = continuous_euler_deg([Rotation.from_euler("X", np.linspace(1, 179, 90)[:, None], degrees=True)])
    assert np.abs(np.diff(over_the_pole, axis=0)).max() < 2.1


def test_some_frames_at_a_time_give_what_all_together_do(tmp_path, monkeypatch):
    poses = person_cam_m(40)
    write_bvh(tmp_path / "whole.bvh", poses, 25)
    monkeypatch.setattr(bvh, "chunks", lambda n_rows: chunks(n_rows, 7))
    write_bvh(tmp_path / "parts.bvh", poses, 25)
    motions = [(tmp_path / f"{name}.bvh").read_text().partition("MOTION")[2] for name in ("whole", "parts")]
    frames = [np.array([line.split() for line in motion.splitlines()[3:]], float) for motion in motions]
    assert len(frames[0]) == 40
    np.testing.assert_allclose(frames[0], frames[1], atol=2e-6)
    poses[30, 5] = np.nan
    with pytest.raises(InputError, match="frame 30, joint LKnee"):
        write_bvh(tmp_path / "a.bvh", poses, 25)


def test_read_alike_by_another_program(tmp_path):
    poses = person_cam_m(5)
    write_bvh(tmp_path / "a.bvh", poses, 25)
    read = pybvh.read_bvh_file(tmp_path / "a.bvh", world_up="+y")
    positions = read.joint_positions()[:, [read.joint_index[name] for name in NAMES]] / 100 * [1, -1, -1]
    np.testing.assert_allclose(positions, with_bone_lengths(poses, fit_bone_lengths(poses)), atol=1e-5)
    assert read.frame_time == pytest.approx(0.04)


def test_refused_poses_leave_the_file_as_it_was(tmp_path):
    path = tmp_path / "a.bvh"
    write_bvh(path, person_cam_m(2), 25)
    before = path.read_bytes()
    poses = person_cam_m(2)
    poses[1, 2] = np.nan
    with pytest.raises(InputError, match=r"a\.bvh cannot be written: frame 1, joint RKnee is not finite: give"):
        write_bvh(path, poses, 25)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
