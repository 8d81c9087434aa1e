"""Files of both frames: of a tilted camera, before which somebody stands and waves, read back by programs of others."""

import argparse
from dataclasses import replace

import ezc3d
import numpy as np
import pybvh
import pytest
from people import OFFSETS_M, looking_at
from scipy.spatial.transform import Rotation
from trc import TRCData

from pose3d.formats.glb_reading import read_glb
from pose3d.formats.joint_files import read_motion
from pose3d.formats.motion import NAMES
from pose3d.formats.predictions import Predictions, read_predictions
from pose3d.geometry.skeleton import N_JOINTS, PARENTS
from pose3d.lifting.lift import Lifted
from pose3d.predict.result_files import add_result_options, check_result_options, write_results
from pose3d.runtime.errors import InputError
from pose3d.world.standing import stand

FRAMES = 20
ANKLE_M = 0.0706  # 0.045 of 1.57 m, which 0.89 m from ankle to hip, 0.49 m to thorax and 0.23 m to head make
HEAD, FEET, WRIST = NAMES.index("Head"), [NAMES.index("RFoot"), NAMES.index("LFoot")], NAMES.index("RWrist")


def waving_m() -> np.ndarray:
    """(T, 17, 3) in a world with the floor at 0."""
    poses = np.zeros((FRAMES, N_JOINTS, 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            poses[:, joint] = poses[:, parent] + OFFSETS_M[joint]
    poses[..., 2] += ANKLE_M - poses[0, FEET, 2].mean()
    angles = Rotation.from_rotvec(np.linspace(0, 1.5, FRAMES)[:, None] * [0, 1.0, 0])
    poses[:, WRIST] = poses[:, PARENTS[WRIST]] + angles.apply(OFFSETS_M[WRIST])
    return poses


@pytest.fixture(scope="module")
def predictions():
    """Of a camera that looks down by 24 degrees and is rolled by 15."""
    level = looking_at(np.array([0, 0, 0.8]), np.array([3.0, -4.0, 3.0]), "cam0")
    roll = Rotation.from_rotvec([0, 0, np.radians(15)]).as_matrix()
    camera = replace(level, rotation=roll @ level.rotation, translation_m=roll @ level.translation_m)
    poses, found = camera.world_to_camera(waving_m()), np.ones(FRAMES, bool)
    keypoints, time_s = camera.project(poses), np.arange(FRAMES) / 25
    return Predictions(
        time_s=time_s,
        boxes_px=np.zeros((FRAMES, 4), np.float32),
        keypoints_px=keypoints.astype(np.float32),
        confidence=np.ones((FRAMES, N_JOINTS), np.float32),
        found=found,
        lifted={"repnet": Lifted(poses, False), "temporal": Lifted(poses.astype(np.float32), True)},
        camera=replace(camera, rotation=np.eye(3), translation_m=np.zeros(3)),
        standing=stand(poses, camera, keypoints, found, time_s, up_cam=camera.rotation[:, 2]),
    )


def write(folder, predictions, *options):
    parser = argparse.ArgumentParser()
    add_result_options(parser)
    write_results(folder, parser.parse_args(["--format", "trc,c3d,glb,amass", *options]), predictions)


def by_pybvh(path):
    read = pybvh.read_bvh_file(path, world_up="+y")
    return read.joint_positions()[:, [read.joint_index[name] for name in NAMES]] / 100


def by_trc_data_reader(path):
    read = TRCData()
    read.load(str(path))
    return np.stack([np.array(read[name], float) for name in NAMES], 1)


def by_ezc3d(path):
    content = ezc3d.c3d(str(path))
    assert content["parameters"]["POINT"]["LABELS"]["value"] == list(NAMES)
    return content["data"]["points"][:3].transpose(2, 1, 0) / 1000


READERS = {  # of each format one, and which axis its users take for the vertical
    "bvh": (by_pybvh, 1),
    "trc": (by_trc_data_reader, 1),
    "c3d": (by_ezc3d, 2),
    "glb": (lambda path: read_glb(path).positions_m[:, [read_glb(path).joints.index(name) for name in NAMES]], 1),
    "amass.npz": (lambda path: np.load(path)["joints"], 2),
    "npz": (lambda path: np.load(path)["poses_world_m"], 2),
    "csv": (lambda path: read_motion(path, "world").positions_m @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]), 2),
}


@pytest.mark.parametrize("ending", READERS)
def test_in_the_worlds_frame_feet_are_on_the_floor_and_the_head_is_up(tmp_path, predictions, ending):
    write(tmp_path, predictions, "--frame", "world")
    read, up = READERS[ending]
    joints_m, world_m = read(tmp_path / f"predictions.{ending}"), predictions.standing.poses_world_m[:]
    assert joints_m.shape == (FRAMES, N_JOINTS, 3)
    np.testing.assert_allclose(joints_m[:, FEET, up], ANKLE_M, rtol=0, atol=2e-3)
    np.testing.assert_allclose(joints_m[:, HEAD, up] - ANKLE_M, 0.89 + 0.49 + 0.23, rtol=0, atol=2e-3)
    assert (joints_m[..., up].argmax(1) == HEAD).all()
    x, y, z = np.moveaxis(world_m, -1, 0)
    expected = np.stack([x, z, -y] if up == 1 else [x, y, z], -1)
    np.testing.assert_allclose(joints_m, expected, rtol=0, atol=1e-3)


def test_in_the_cameras_frame_which_is_the_default_the_vertical_is_the_pictures(tmp_path, predictions):
    write(tmp_path, predictions)
    expected = predictions.lifted["temporal"].poses_cam_m * [1, -1, -1]
    for ending in ("bvh", "trc", "glb"):
        np.testing.assert_allclose(
            READERS[ending][0](tmp_path / f"predictions.{ending}"), expected, rtol=0, atol=1e-3, err_msg=ending
        )
    assert np.ptp(expected[0, FEET, 1]) > 0.05  # level feet of a rolled camera


def test_of_a_moving_camera_there_is_no_world_and_what_needs_none_is_kept(tmp_path, predictions):
    with pytest.raises(InputError, match="^--frame world needs a camera at rest"):
        write(tmp_path, replace(predictions, standing=None), "--frame", "world")
    assert {path.name for path in tmp_path.iterdir()} == {"predictions.npz", "predictions.csv"}
    with pytest.raises(InputError, match="^--frame world needs a camera at rest"):
        write(tmp_path, replace(predictions, standing=None), "--frame", "world", "--format", "trc,videopose3d")
    assert (tmp_path / "predictions.videopose3d.npz").exists() and not (tmp_path / "predictions.trc").exists()
    assert read_predictions(tmp_path / "predictions.npz").standing is None
    write(tmp_path, replace(predictions, standing=None), "--frame", "camera")
    assert (tmp_path / "predictions.trc").exists()


def test_it_is_said_that_times_after_a_pause_are_the_videos_in_our_own_files_alone(tmp_path, predictions, capsys):
    time_s = np.where(np.arange(FRAMES) < 10, 0, 3) + np.arange(FRAMES) / 25
    write(tmp_path, replace(predictions, time_s=time_s))
    core = "frame 10 comes 3.04 s after the one before, and at one frame rate a step after it: later times are 3 s less"
    assert capsys.readouterr().err == (
        f"{tmp_path}: predictions.npz and predictions.csv alone have the video's times: {core}\n"
    )
    for name in ("predictions.npz", "predictions.csv"):
        assert read_motion(tmp_path / name).said == (core,)
    assert not read_motion(tmp_path / "predictions.trc").said
    write(tmp_path, predictions)
    assert not capsys.readouterr().err


def test_formats_may_be_named_as_endings_or_in_capitals(tmp_path, predictions):
    write(tmp_path, predictions, "--format", ".trc, C3D")
    assert (tmp_path / "predictions.trc").exists() and (tmp_path / "predictions.c3d").exists()


def test_what_is_of_an_earlier_run_is_named(tmp_path, predictions, capsys):
    write(tmp_path, predictions)
    (tmp_path / "player.html").write_text("of another video")
    write(tmp_path, predictions, "--format", "c3d,amass")
    assert capsys.readouterr().err == (
        f"{tmp_path} has files of an earlier run beside those of this one: predictions.trc, predictions.glb, "
        "player.html\n"
    )


def asked(**options):
    usual = {"show": None, "format": "", "frame": "camera", "person": None, "out": "prediction"}
    return argparse.Namespace(**usual | {"video": None, "keypoints": None} | options)


def test_what_is_read_is_not_overwritten(tmp_path):
    for options in (
        {"keypoints": str(tmp_path / "predictions.npz")},
        {"keypoints": str(tmp_path / "predictions.openpose"), "format": "openpose"},
        {"video": str(tmp_path / "." / "demo.webm"), "show": 20.0},
    ):
        with pytest.raises(InputError, match="is what is read and would be overwritten: give another --out$"):
            check_result_options(asked(out=str(tmp_path), **options))
        check_result_options(asked(out=str(tmp_path / "new"), **options))
        check_result_options(asked(out=str(tmp_path), person="all", **options))  # whose folders are deeper
    check_result_options(asked(out=str(tmp_path), video=str(tmp_path / "demo.webm")))


@pytest.mark.parametrize(("frame", "person", "said"), [("world", "all", 1), ("camera", "all", 0), ("world", "2", 0)])
def test_that_people_are_not_beside_each_other_in_worlds_of_their_own_is_said(capsys, frame, person, said):
    check_result_options(asked(frame=frame, person=person))
    assert capsys.readouterr().err.count("each person's world begins below that person") == said
