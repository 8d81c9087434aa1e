"""Our own npz and CSV and those in the manner of AMASS: round trips, choice of frame and lifter, and damage."""

import io
import zipfile

import numpy as np
import pytest
from motions import assert_same, one_joint, walk, walk_with_gaps

from pose3d.formats.joints_csv import read_joints_csv, write_joints_csv
from pose3d.formats.joints_npz import read_joints_npz, write_amass, write_joints_npz
from pose3d.formats.motion import NAMES, filled, to_ours
from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.runtime.errors import FOREIGN, InputError

READ = {"npz": read_joints_npz, "csv": read_joints_csv}
WRITE = {"npz": write_joints_npz, "csv": write_joints_csv}


@pytest.mark.parametrize("motion", [walk(), walk(frame="camera"), walk_with_gaps(), walk(1)])
@pytest.mark.parametrize("form", READ)
def test_all_comes_back_in_its_frame(tmp_path, form, motion):
    WRITE[form](tmp_path / "a", motion)
    found = READ[form](tmp_path / "a")
    assert_same(found, motion, atol=1e-6)
    assert found.frame == motion.frame


@pytest.mark.parametrize("rate", ["mocap_framerate", "mocap_frame_rate"])
def test_amass_is_z_up_without_gaps_and_has_both_names_of_the_rate(tmp_path, rate):
    motion = walk_with_gaps()
    write_amass(tmp_path / "a.npz", motion)
    arrays = dict(np.load(tmp_path / "a.npz"))
    assert arrays[rate] == 25 and arrays["joint_names"].tolist() == list(NAMES)
    x, y, z = np.moveaxis(filled(motion).positions_m, -1, 0)
    np.testing.assert_allclose(arrays["joints"], np.stack([x, -z, y], -1), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(arrays["trans"], arrays["joints"][:, 0])
    del arrays["mocap_framerate" if rate == "mocap_frame_rate" else "mocap_frame_rate"]
    np.savez_compressed(tmp_path / "b.npz", **arrays)
    assert_same(read_joints_npz(tmp_path / "b.npz"), filled(motion), atol=1e-6)


def test_tables_by_hand(tmp_path):
    """In the world, z up, what is at y of a motion is z and what is at z is -y."""
    motion = one_joint((1, 2, 3), (np.nan, np.nan, np.nan))
    write_joints_csv(tmp_path / "a.csv", motion)
    assert (tmp_path / "a.csv").read_text().splitlines() == [
        "frame,time_s,joint,world_x_m,world_y_m,world_z_m",
        "0,0.000000,Hip,1.000000,-3.000000,2.000000",
        "1,0.020000,Hip,nan,nan,nan",
    ]
    write_joints_npz(tmp_path / "a.npz", motion)
    with np.load(tmp_path / "a.npz") as arrays:
        assert sorted(arrays) == ["joints", "poses_world_m", "time_s"]
        assert arrays["poses_world_m"][0].tolist() == [[1, -3, 2]] and arrays["time_s"].tolist() == [0, 0.02]


def predicted(rng, frames=6):
    """Arrays as predict writes them, of both lifters and in both frames."""
    poses = {
        f"poses_{frame}_m_{lifter}": rng.normal(size=(frames, 17, 3)).astype(np.float32)
        for frame in ("cam", "world")
        for lifter in ("repnet", "temporal")
    }
    found = np.arange(frames) != 2
    return {"time_s": 3 + np.arange(frames) / 50, "joints": np.array(JOINT_NAMES), "found": found, **poses}


@pytest.mark.parametrize("lifter", ["repnet", "temporal"])
@pytest.mark.parametrize(("frame", "array"), [("camera", "cam"), ("world", "world"), (None, "world")])
def test_frame_and_lifter_choose_among_predictions(tmp_path, frame, array, lifter):
    arrays = predicted(np.random.default_rng(0))
    np.savez(tmp_path / "a.npz", **arrays)
    motion = read_joints_npz(tmp_path / "a.npz", frame, lifter)
    assert motion.joints == NAMES and motion.fps == pytest.approx(50)
    assert motion.frame == (frame or "world")
    assert motion.missing.all(1).tolist() == [False, False, True, False, False, False]
    x, y, z = np.moveaxis(arrays[f"poses_{array}_m_{lifter}"][[0, 1, 3, 4, 5]], -1, 0)
    expected = np.stack([x, -y, -z] if motion.frame == "camera" else [x, z, -y], -1)
    np.testing.assert_allclose(motion.positions_m[[0, 1, 3, 4, 5]], expected, rtol=0, atol=1e-6)


def test_the_tables_of_predict_are_read(tmp_path):
    lines = [
        "frame,time_s,joint,found,keypoint_x_px,repnet_x_m,repnet_y_m,repnet_z_m,temporal_x_m,temporal_y_m,temporal_z_m"
    ]
    for frame in range(3):
        for number, joint in enumerate(JOINT_NAMES):
            lines.append(f"{frame},{frame / 10},{joint},{int(frame != 1)},9,0,0,0,{number},{frame},4")
    (tmp_path / "a.csv").write_text("\n".join(lines))
    motion = read_joints_csv(tmp_path / "a.csv")
    assert (motion.joints, motion.frame) == (NAMES, "camera") and motion.fps == pytest.approx(10)
    assert motion.positions_m[2, 5].tolist() == [5, -2, -4] and motion.missing.all(1).tolist() == [False, True, False]


def test_uneven_times_are_evened_and_gaps_between_shots_cut(tmp_path):
    """Times of 0, 1 and 3 tenths, then another shot: at the mean rate of 15 / s poses move on evenly between them."""
    arrays = {"time_s": np.array([0, 0.1, 0.3, 9.0]), "joints": np.array(["Hip"])}
    arrays["poses_cam_m"] = np.array([0.0, 1, 3, 5])[:, None, None] * [1.0, 0, 0]
    np.savez(tmp_path / "a.npz", **arrays)
    motion = read_joints_npz(tmp_path / "a.npz")
    assert motion.fps == pytest.approx(1 / 0.15)
    np.testing.assert_allclose(motion.positions_m[:, 0, 0], [0, 1.5, 3, 5], atol=1e-6)


@pytest.mark.parametrize(
    ("gap_s", "unseen"), [(0.0, []), (0.16, []), (0.8, range(2, 13)), (3.0, [5])], ids=["none", "short", "long", "cut"]
)
def test_frames_in_gaps_of_the_times_are_known(tmp_path, gap_s, unseen):
    """20 frames at 25 a second, and between the fifth and the sixth a gap besides.

    Of 0.8 s it makes the mean step 1.56 / 19 = 0.0821 s, so that frames 2 (0.164 s) to 12 (0.985 s) lie after the
    fifth at 0.16 s and before the sixth at 1 s; of 3 s it is cut to one step.
    """
    time_s = np.arange(20) / 25 + gap_s * (np.arange(20) >= 5)
    np.savez(tmp_path / "a.npz", poses_world_m=walk(20).positions_m, joints=np.array(NAMES), time_s=time_s)
    found = read_joints_npz(tmp_path / "a.npz").unseen
    assert ([] if found is None else np.flatnonzero(found).tolist()) == list(unseen)


def test_of_five_frames_a_second_none_is_in_a_gap(tmp_path):
    """Of times such as 0.6 and 0.8 the difference is above 0.2 in double precision."""
    np.savez(tmp_path / "a.npz", poses_world_m=walk(20).positions_m, joints=np.array(NAMES), fps=5)
    assert read_joints_npz(tmp_path / "a.npz").unseen is None


def test_several_pauses_that_were_cut_are_counted(tmp_path):
    time_s = np.arange(6) / 25 + 3 * (np.arange(6) >= 2) + 5 * (np.arange(6) >= 4)
    np.savez(tmp_path / "a.npz", poses_world_m=walk(6).positions_m, joints=np.array(NAMES), time_s=time_s)
    assert read_joints_npz(tmp_path / "a.npz").said == (
        "frame 2 comes 3.04 s after the one before, and at one frame rate a step after it (the first of 2 gaps): "
        "later times are up to 8 s less",
    )


def test_a_layout_and_a_rate_serve_for_names_and_times(tmp_path):
    poses_m = np.random.default_rng(0).normal(size=(4, 17, 3))
    np.savez(tmp_path / "a.npz", poses_world_m=poses_m, layout="coco17", fps=50)
    motion = read_joints_npz(tmp_path / "a.npz")
    assert (motion.joints[5], motion.fps, motion.frame) == ("left_shoulder", 50, "world")
    np.testing.assert_allclose(to_ours(motion), poses_m)


def saved(**change):
    file = io.BytesIO()
    arrays = {
        name: array for name, array in (predicted(np.random.default_rng(0)) | change).items() if array is not None
    }
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no whole npz file of joints"),
        (saved()[:-100], "is no whole npz file of joints"),
        (saved(time_s=None), "has no array time_s: give the times of its frames in seconds there, or"),
        (saved(joints=None), "has no array joints: give the names of the 17 joints there"),
        (saved(joints=np.array(JOINT_NAMES, object)), "its array joints of shape .17,. holds neither numbers"),
        (saved(joints=np.arange(17)), "joints is of type int64"),
        (saved(time_s=np.zeros(6)), "time_s is not ascending"),
        (saved(time_s=np.full(6, np.nan)), "time_s is not ascending"),
        (saved(time_s=np.arange(5.0)), "has shape .6, 17, 3. for 5 times"),
        (saved(found=np.ones(5, bool)), "found has 5 frames"),
        (saved(poses_world_m_temporal=np.full((6, 17, 3), np.inf)), "poses_world_m_temporal is infinite"),
        (saved(poses_world_m_temporal=np.array([{}])), "is no whole npz file of joints"),
        (saved(poses_world_m_temporal_2=np.zeros(3)), "does not have one array of 3D poses for world and temporal"),
        (saved(joints=None, layout="coco99"), "no keypoint layout is called 'coco99'"),
        (saved(joints=None, layout=np.arange(3)), "layout is of type int64"),
        (saved(time_s=None, fps=0), "fps is not one positive number"),
        (saved(mocap_framerate=np.zeros(2), joint_names=np.array(["a"])), "joints is of type"),
        (saved(mocap_framerate=np.array(60), joints=None), "no arrays joints and joint_names"),
    ],
)
def test_a_damaged_npz_is_one_sentence(tmp_path, content, said):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.npz:? .*{said}"):
        read_joints_npz(tmp_path / "a.npz")


def test_arrays_of_other_names_are_told_what_theirs_should_be(tmp_path):
    np.savez(tmp_path / "a.npz", keypoints3d=np.zeros((2, 17, 3)), fps=60)
    with pytest.raises(InputError) as refused:
        read_joints_npz(tmp_path / "a.npz")
    assert str(refused.value) == (
        f"{tmp_path}/a.npz has no array poses_world_m (z up) or poses_cam_m (it has 'fps', 'keypoints3d'): give joints "
        "of shape (T, J, 3) in metres such a name, beside joints, their J names, and fps"
    )


@pytest.mark.parametrize("length", range(0, 3600, 200))
def test_an_npz_of_which_a_part_is_lost_is_no_whole_one(tmp_path, length):
    """Also where it is not the end: what the archive points to would lie before the file's start."""
    for content in (saved()[:length], saved()[length + 1 :]):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(InputError, match="is no whole npz file of joints") as refused:
            read_joints_npz(tmp_path / "a.npz")
        assert not FOREIGN.search(str(refused.value))


def test_names_may_be_bytes(tmp_path):
    arrays = predicted(np.random.default_rng(0))
    np.savez(tmp_path / "a.npz", **arrays | {"joints": arrays["joints"].astype("S")})
    assert read_joints_npz(tmp_path / "a.npz").joints == NAMES


def test_an_npz_that_would_fill_the_memory_is_one_sentence(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("time_s.npy", bytes(2**28))
    with pytest.raises(InputError, match="it claims to unpack to 0.25 GiB"):
        read_joints_npz(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"none\.npz cannot be read \(No such file"):
        read_joints_npz(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0.040000", "0.x", "line 19, has what is no number"),
        ("1,0.040000", "7,0.040000", "line 19, has frame 7 and joint Hip out of order"),
        ("0,0.000000,RHip", "0,0.000000,Hip", "line 3, has frame 0 and joint Hip out of order"),
        ("1,0.040000,RHip", "1,0.040000,LHip", "line 20, has frame 1 and joint LHip out of order"),
        ("1,0.040000,Hip", "1,0,Hip", "line 19, has the time 0"),
        ("frame,", "Frame,", "line 1, does not name the columns"),
        ("world_x_m", "world_q_m", "does not have one array of 3D poses"),
        ("world_y_m", "world_q_m", "line 2, has 6 cells under 6 names, or the table lacks an axis"),
        ("1,0.040000,Hip,", "1,0.040000,Hip,1,", "line 19, has 7 cells"),
        ("1,0.040000,Hip,", '1,0.040000,"Hip,', "is no row of a table"),
    ],
)
def test_a_damaged_table_is_one_sentence(tmp_path, old, new, said):
    write_joints_csv(tmp_path / "a.csv", walk(3))
    text = (tmp_path / "a.csv").read_text()
    assert old in text
    (tmp_path / "a.csv").write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=rf"a\.csv,? .*{said}"):
        read_joints_csv(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "saved_again",
    [
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", ";").replace(".", ","),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace(",", ", "),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.replace("\n2,", "\n2.0,"),
    ],
    ids=["semicolons", "commas in numbers", "tabs", "spaces", "blank lines", "frames with a point"],
)
def test_a_table_that_a_spreadsheet_saved_again_is_the_same(tmp_path, saved_again):
    write_joints_csv(tmp_path / "a.csv", walk_with_gaps())
    (tmp_path / "b.csv").write_text(saved_again((tmp_path / "a.csv").read_text()))
    assert_same(read_joints_csv(tmp_path / "b.csv"), walk_with_gaps(), atol=1e-6)


def test_a_table_of_which_frames_were_cut_has_those_that_are_left(tmp_path):
    write_joints_csv(tmp_path / "a.csv", walk(6))
    header, *rows = (tmp_path / "a.csv").read_text().splitlines()
    (tmp_path / "a.csv").write_text("\n".join([header, *rows[2 * 17 : 5 * 17]]))
    motion = read_joints_csv(tmp_path / "a.csv")
    assert motion.fps == pytest.approx(25)
    np.testing.assert_allclose(motion.positions_m, walk(6).positions_m[2:5], atol=1e-6)


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("True", "False"), ("TRUE", "FALSE"), ("1.0", "0.0")])
def test_found_may_be_written_in_words(tmp_path, yes, no):
    write_joints_csv(tmp_path / "a.csv", walk(2))
    header, *rows = (tmp_path / "a.csv").read_text().splitlines()
    found = [f"{header},found", *(f"{row},{no if row[0] == '1' else yes}" for row in rows)]
    (tmp_path / "a.csv").write_text("\n".join(found))
    assert read_joints_csv(tmp_path / "a.csv").missing.all(1).tolist() == [False, True]
    (tmp_path / "a.csv").write_text("\n".join(found).replace(f",{yes}", ",yes"))
    with pytest.raises(InputError, match=r"a\.csv, line 2, has 'yes' under found: write 1 or 0 there"):
        read_joints_csv(tmp_path / "a.csv")


def test_a_table_with_what_is_infinite_is_one_sentence(tmp_path):
    (tmp_path / "a.csv").write_text("frame,time_s,joint,world_x_m,world_y_m,world_z_m\n0,0,Hip,1,2,inf\n")
    with pytest.raises(InputError, match=r"a\.csv, line 2, has an infinite number"):
        read_joints_csv(tmp_path / "a.csv")


def test_a_table_that_is_cut_off_is_one_sentence(tmp_path):
    write_joints_csv(tmp_path / "a.csv", walk(3))
    lines = (tmp_path / "a.csv").read_text().splitlines()
    for n_lines, said in ((0, "line 1, does not name"), (1, "ends within a frame"), (30, "ends within a frame")):
        (tmp_path / "a.csv").write_text("\n".join(lines[:n_lines]))
        with pytest.raises(InputError, match=rf"a\.csv,? {said}"):
            read_joints_csv(tmp_path / "a.csv")


@pytest.mark.parametrize("write", [write_joints_npz, write_amass])
def test_the_same_motion_is_the_same_bytes(tmp_path, write):
    for name in "ab":
        write(tmp_path / name, walk())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    nowhere = one_joint((np.nan, np.nan, np.nan))
    with pytest.raises(InputError, match=r"a\.npz cannot be written: joint Hip is missing in every frame"):
        write_amass(tmp_path / "a.npz", nowhere)
    assert list(tmp_path.iterdir()) == []
