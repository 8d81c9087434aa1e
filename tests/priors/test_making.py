"""A folder becomes a file of priors/, which the lifters learn from."""

from dataclasses import replace

import numpy as np
import pytest
from people import population, write_data
from tiny_mocap import CMU, MIXAMO, OUR_JOINTS, XSENS, as_clip, climb_motion, named, write_any_bvh
from tiny_performers import tiny_body
from toy_lifters import ONE, lifting, params

from pose3d.config.lifting import LiftingParams
from pose3d.formats.joint_files import write_motion
from pose3d.formats.motion import NAMES, to_ours
from pose3d.geometry.layouts import N_LANDMARKS
from pose3d.geometry.rotations import rotation_about_z
from pose3d.lifting.fit import fit_lifter
from pose3d.lifting.supervision import read_supervision
from pose3d.priors.making import doubt_verticals, prior_body, read_folder, upwards, write_takes
from pose3d.priors.onto_body import joints_only
from pose3d.records.sequences import read_sequences, read_splits
from pose3d.runtime.errors import InputError
from pose3d.synthetic.body import write_bodies
from pose3d.synthetic.retarget import retarget
from pose3d.training.checkpoint import Checkpoint

BODY = tiny_body()
MOTION = climb_motion()


def make(folder, out, rate_hz=30.0, asked=None):
    takes = read_folder(folder, {}, rate_hz)
    up = {ending: direction for ending, (direction, _) in upwards(takes, asked).items()}
    return write_takes(out, folder, takes, up, joints_only(BODY), rate_hz)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One clip in every format and naming."""
    folder = tmp_path_factory.mktemp("mocap")
    write_motion(folder / "a.npz", named(MOTION, CMU))
    write_motion(folder / "a.trc", named(MOTION, CMU))
    (folder / "Ann").mkdir()
    write_motion(folder / "Ann/walk 1.c3d", named(MOTION, CMU))
    write_any_bvh(folder / "Ann/mixamo.bvh", named(MOTION, MIXAMO))
    write_any_bvh(folder / "Bob/xsens.bvh", named(MOTION, XSENS))
    write_motion(folder / "Bob/a.amass.npz", named(MOTION, CMU))
    return folder


def test_a_clip_comes_back_from_every_format_as_the_climbs_would(folder, tmp_path):
    """Joints within a millimetre of the retargeted clip itself, place and floor apart."""
    assert make(folder, tmp_path / "priors/mine.h5") == (6, 6 * 61)
    bones = retarget(BODY, as_clip(MOTION)).bones
    joints_m = BODY.joints(bones, BODY.skin(bones))
    sequences = {sequence.key: sequence for sequence in read_sequences(tmp_path / "priors/mine.h5")}
    assert list(sequences) == [
        "Ann/mixamo.bvh-1/cam0",
        "Ann/walk-1.c3d-1/cam0",
        "Bob/a.amass.npz-1/cam0",
        "Bob/xsens.bvh-1/cam0",
        f"{folder.name}/a.npz-1/cam0",
        f"{folder.name}/a.trc-1/cam0",
    ]
    assert read_splits(tmp_path / "priors/mine.h5") == {
        "train": ["Ann", "Bob", folder.name],
        "validation": [],
        "test": [],
    }
    for key, sequence in sequences.items():
        assert sequence.fps == 30 and sequence.landmarks_world_m.shape == (61, N_LANDMARKS, 3), key
        off = sequence.poses_world_m - joints_m
        np.testing.assert_allclose(off - off[0, 0], 0, atol=1e-3)
        assert sequence.poses_cam_m[..., 2].min() > 1
        np.testing.assert_allclose(
            sequence.camera.world_to_camera(sequence.poses_world_m), sequence.poses_cam_m, atol=1e-5
        )


def test_the_same_files_give_the_same_bytes(folder, tmp_path):
    for name in ("a", "b"):
        make(folder, tmp_path / f"priors/{name}.h5")
    assert (tmp_path / "priors/a.h5").read_bytes() == (tmp_path / "priors/b.h5").read_bytes()


TURNED = {
    "x": [[0, 1, 0], [-1, 0, 0], [0, 0, 1]],
    "-y": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "z": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
}
"""Rotations from y up."""


@pytest.mark.parametrize("axis", ["x", "-y", "z"])
@pytest.mark.parametrize("ending", ["bvh", "trc", "c3d"])
def test_the_axis_that_is_up_is_found_and_said(tmp_path, axis, ending):
    motion = named(MOTION, CMU)
    for name in ("plain", "turned"):
        (tmp_path / name).mkdir()
    write_motion(tmp_path / "plain/a.npz", motion)
    turned = replace(motion, positions_m=motion.positions_m @ np.array(TURNED[axis], float).T)
    if ending == "bvh":
        write_any_bvh(tmp_path / "turned/a.bvh", turned)
    else:
        write_motion(tmp_path / f"turned/a.{ending}", turned)
    takes = read_folder(tmp_path / "turned", {}, 30.0)
    ((_, said),) = upwards(takes, None).values()
    as_file = {"x": "x", "-y": "-z", "z": "-y"} if ending == "c3d" else {axis: axis}
    assert said == f".{ending}: {as_file[axis]} is up, because people stand so: if they lie, give --up format"
    make(tmp_path / "turned", tmp_path / "priors/turned.h5")
    make(tmp_path / "plain", tmp_path / "priors/plain.h5")
    heights = [read_sequences(tmp_path / f"priors/{name}.h5")[0].poses_world_m[..., 2] for name in ("turned", "plain")]
    np.testing.assert_allclose(*heights, atol=1e-3)


def test_files_that_say_what_is_up_are_believed_where_people_stand(folder):
    said = {ending: sentence for ending, (_, sentence) in upwards(read_folder(folder, {}, 30.0), None).items()}
    assert said == {
        ".bvh": ".bvh: y is up, as the format has it, and people stand so",
        ".c3d": ".c3d: up is what the files say, and people stand so",
        ".npz": ".npz: up is what the files say, and people stand so",
        ".trc": ".trc: y is up, as the format has it, and people stand so",
    }


def test_where_nobody_stands_the_format_or_the_asked_axis_is_up(tmp_path):
    motion = named(MOTION, CMU)
    turns = rotation_about_z(*(f(np.linspace(0, 2 * np.pi, 61)) for f in (np.cos, np.sin)))
    write_any_bvh(tmp_path / "a.bvh", replace(motion, positions_m=motion.positions_m @ turns))
    takes = read_folder(tmp_path, {}, 30.0)
    assert upwards(takes, None)[".bvh"][1] == ".bvh: y is up, as the format has it"
    assert upwards(takes, "z")[".bvh"][1] == ".bvh: z is up, as asked"


def test_of_people_who_lie_all_the_time_the_formats_axis_is_up_where_asked(tmp_path):
    motion = named(MOTION, CMU)
    lying = replace(motion, positions_m=motion.positions_m @ np.array(TURNED["z"], float).T)
    write_any_bvh(tmp_path / "a.bvh", lying)
    write_motion(tmp_path / "a.c3d", lying)
    takes = read_folder(tmp_path, {}, 30.0)
    found = {ending: sentence for ending, (_, sentence) in upwards(takes, None).items()}
    assert found[".bvh"] == ".bvh: z is up, because people stand so: if they lie, give --up format"
    assert found[".c3d"] == ".c3d: -y is up, because people stand so: if they lie, give --up format"
    asked = upwards(takes, "format")
    assert [sentence for _, sentence in asked.values()] == [
        ".bvh: y is up, as the format has it, as asked",
        ".c3d: up is what the files say, as asked",
    ]
    assert [direction.tolist() for direction, _ in asked.values()] == [[0, 1, 0], [0, 1, 0]]


def said_of_takes(folder, asked=None):
    takes = read_folder(folder, {}, 30.0)
    doubt_verticals(takes, {ending: direction for ending, (direction, _) in upwards(takes, asked).items()})
    return {take.file.name: take.said for take in takes}


def test_a_file_with_another_vertical_than_the_others_is_doubted(tmp_path):
    motion = named(MOTION, CMU)
    turned = {axis: motion.positions_m @ np.array(matrix, float).T for axis, matrix in TURNED.items()}
    for name in ("a", "b", "c"):
        write_any_bvh(tmp_path / f"{name}.bvh", motion)
        write_motion(tmp_path / f"{name}.c3d", motion)
    write_any_bvh(tmp_path / "z.bvh", replace(motion, positions_m=turned["z"]))
    write_motion(tmp_path / "y.c3d", replace(motion, positions_m=turned["z"]))
    said = said_of_takes(tmp_path)
    bvh, c3d = said.pop("z.bvh"), said.pop("y.c3d")
    end = ": unless they lie, its vertical is another, so turn it or make a prior of it alone"
    assert bvh == ["people stretch along z, not y" + end]
    assert c3d == ["people stretch along -y, not z" + end]
    assert set(map(tuple, said.values())) == {()}
    assert said_of_takes(tmp_path, "x")["a.bvh"] == ["people stretch along y, not x" + end]


def test_who_lies_down_and_rises_is_not_doubted(tmp_path):
    """Half of the frames lying, half standing, beside others who stand."""
    motion = named(MOTION, CMU)
    lying = motion.positions_m @ np.array(TURNED["z"], float).T
    half = np.where((np.arange(len(motion)) < 30)[:, None, None], lying, motion.positions_m)
    write_any_bvh(tmp_path / "a.bvh", motion)
    write_any_bvh(tmp_path / "b.bvh", replace(motion, positions_m=half))
    assert said_of_takes(tmp_path) == {"a.bvh": [], "b.bvh": []}


def test_several_bad_files_are_listed_and_nothing_is_written(folder, tmp_path):
    write_motion(tmp_path / "good.npz", named(MOTION, CMU))
    (tmp_path / "bad.bvh").write_text("nothing\n")
    with pytest.raises(InputError, match=r"^\S+bad.bvh, line 1, is not HIERARCHY: give a BVH file$"):
        make(tmp_path, tmp_path / "priors/mine.h5")
    (tmp_path / "worse.trc").write_text("nothing\n")
    with pytest.raises(InputError, match=r"^2 of 3 files in .* cannot be used:\n- .*bad.bvh.*\n- .*worse.trc"):
        make(tmp_path, tmp_path / "priors/mine.h5")
    assert not (tmp_path / "priors").exists()


def test_nothing_that_is_left_is_one_sentence(tmp_path):
    write_motion(tmp_path / "a.npz", named(climb_motion(5), CMU))
    with pytest.raises(InputError, match="can be used: the table says why"):
        make(tmp_path, tmp_path / "priors/mine.h5")
    assert not (tmp_path / "priors").exists()
    with pytest.raises(InputError, match="is no folder: give one with files .bvh, .c3d, .trc, .npz"):
        make(tmp_path / "none", tmp_path / "priors/mine.h5")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no motion capture: put files there"):
        make(tmp_path / "empty", tmp_path / "priors/mine.h5")


def test_names_that_keys_cannot_have_stay_apart(tmp_path):
    for name in ("a b.npz", "a#b.npz"):
        write_motion(tmp_path / name, named(MOTION, CMU))
    make(tmp_path, tmp_path / "priors/mine.h5")
    assert [s.action for s in read_sequences(tmp_path / "priors/mine.h5")] == ["a-b.npz-1", "a-b.npz-1+"]


def test_the_priors_body_comes_from_the_pipeline_or_is_baked(tmp_path, monkeypatch):
    baked = []
    monkeypatch.setattr("pose3d.priors.making.bake_bodies", lambda shapes: baked.append(list(shapes)) or {"S7": BODY})
    write_bodies(tmp_path / "bodies.h5", {"S7": BODY})
    assert prior_body(tmp_path / "bodies.h5").bone_labels == BODY.bone_labels and not baked
    write_bodies(tmp_path / "bodies.h5", {})  # of a recorded data set
    prior_body(tmp_path / "bodies.h5")
    prior_body(tmp_path / "none.h5")
    assert baked == [["S7"], ["S7"]]


def test_our_own_poses_stay_what_they_are(tmp_path):
    motion = named(climb_motion(30, 25), OUR_JOINTS)
    write_motion(tmp_path / "a.trc", motion)
    make(tmp_path, tmp_path / "priors/mine.h5", 25)
    (found,) = read_sequences(tmp_path / "priors/mine.h5")
    off = found.poses_world_m - to_ours(motion)[:, [motion.joints.index(name) for name in NAMES]]
    np.testing.assert_allclose(off - off[0, 0], 0, atol=1e-5)
    assert found.landmarks_world_m is None


@pytest.mark.parametrize("kind", ["repnet", "temporal"])
@pytest.mark.parametrize("formulation", ["virtual_camera", "original"])
def test_lifters_train_with_such_a_prior(folder, tmp_path, monkeypatch, kind, formulation):
    monkeypatch.chdir(tmp_path)
    make(folder, tmp_path / "priors/mine.h5", 25)
    write_data(tmp_path, population(frames=12))
    prior = [{"file": "priors/mine.h5", "subjects": ["Ann"]}]
    chosen = LiftingParams.model_validate(lifting(formulation).model_dump() | {"prior": prior})
    supervision = read_supervision("sequences.h5", "keypoints2d.h5", chosen)
    assert {s.subject for s in supervision.prior} == {"priors/mine.h5:Ann"}
    fitted = fit_lifter(chosen, params(kind, formulation), supervision, 1, ONE, Checkpoint("t", "x"))
    assert all(np.isfinite(list(row.values())).all() for row in fitted.curves)
