"""``pose3d lift``, and ``pose3d predict --keypoints``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_keypoints import FILES as WRITTEN
from tiny_keypoints import (
    HEIGHT_PX,
    OPENPOSE_18,
    WIDTH_PX,
    person,
    write_alphapose,
    write_arrays,
    write_coco,
    write_coco_annotations,
    write_deeplabcut,
    write_detectron,
    write_mmpose,
    write_openpose,
    write_sleap,
    write_videopose3d,
    write_wholebody,
)
from tiny_models import save_lifters
from tiny_video import picture, write_video

from pose3d.commands.run import main
from pose3d.formats.joint_files import read_motion
from pose3d.formats.predictions import read_predictions
from pose3d.formats.read_keypoints import read_keypoints
from pose3d.geometry.layouts import layout
from pose3d.geometry.skeleton import JOINT_NAMES

ROOT = Path(__file__).parents[2]
KEYPOINTS, SCORES = person()
ONE = [(KEYPOINTS, SCORES)]
TWO = [person(), person(x_px=150)]


@pytest.fixture
def models(tmp_path):
    return save_lifters(tmp_path / "models", "coco17")


@pytest.fixture
def lift(tmp_path, models, capsys):
    """Runs the command; gives the folder that was written, and what was said."""

    def run(*arguments, out="out"):
        main([str(one) for one in ("lift", *arguments, "--models", models, "--out", tmp_path / out)])
        return tmp_path / out, capsys.readouterr().err

    return run


@pytest.fixture
def message(lift):
    def run(*arguments):
        with pytest.raises(SystemExit) as caught:
            lift(*arguments)
        return caught.value.code

    return run


SAID = ["--fps", 25, "--size", f"{WIDTH_PX}x{HEIGHT_PX}"]
FILES = {
    "COCO": lambda path: [write_coco(path, ONE)],
    "OpenPose": lambda path: [write_openpose(path, ONE, OPENPOSE_18)],
    "AlphaPose": lambda path: [write_alphapose(path, ONE, range(17), [1])],
    "MMPose": lambda path: [write_mmpose(path, ONE)],
    "arrays": lambda path: [write_arrays(path.with_suffix(".npz"), ONE), "--layout", "coco17"],
    "Detectron": lambda path: [write_detectron(path.with_suffix(".npz"), ONE)],
    "DeepLabCut": lambda path: [write_deeplabcut(path, *ONE[0])],
    "SLEAP": lambda path: [write_sleap(path, ONE)],
    "VideoPose3D": lambda path: [write_videopose3d(path.with_suffix(".npz"), KEYPOINTS)],
    "COCO annotations": lambda path: [write_coco_annotations(path, KEYPOINTS)],
}


def test_the_same_person_in_every_format_gives_the_same_poses(tmp_path, lift):
    expected = read_predictions(lift(write_coco(tmp_path / "k.json", ONE), *SAID)[0] / "predictions.npz")
    for name, write in FILES.items():
        out, said = lift(*write(tmp_path / f"k{len(name)}"), *SAID, out=name)
        found = read_predictions(out / "predictions.npz")
        assert f": {name}, coco17, 12 frames of 640 x 480 px, 1 person\n" in said
        np.testing.assert_allclose(found.keypoints_px, expected.keypoints_px, atol=0.01)
        np.testing.assert_array_equal(found.time_s, expected.time_s)
        for lifter, lifted in expected.lifted.items():
            if name not in ("VideoPose3D", "COCO annotations"):  # which have no scores
                np.testing.assert_allclose(found.lifted[lifter].poses_cam_m, lifted.poses_cam_m, atol=1e-3)
            assert np.isfinite(found.lifted[lifter].poses_cam_m).all()


@pytest.mark.parametrize("name", ["OpenPose body25", "AlphaPose halpe26", "MediaPipe JSON"])
def test_other_layouts_go_to_lifters_of_theirs(tmp_path, name):
    layout_name, write = WRITTEN[name]
    models = save_lifters(tmp_path / "models", layout_name)
    said = [] if name == "MediaPipe JSON" else list(map(str, SAID))
    main(["lift", str(write(tmp_path / "k")), *said, "--models", str(models), "--out", str(tmp_path / "out")])
    found = read_predictions(tmp_path / "out" / "predictions.npz")
    assert found.found.all()
    ankle = JOINT_NAMES.index("RFoot")
    np.testing.assert_allclose(found.keypoints_px[:, ankle], KEYPOINTS[:, 16], atol=1e-3)
    np.testing.assert_allclose(found.confidence[:, ankle], SCORES[:, 16], rtol=1e-6)
    assert all(np.isfinite(lifted.poses_cam_m).all() for lifted in found.lifted.values())


def test_cocos_points_of_wholebody_are_lifted_where_no_lifter_takes_all(tmp_path, models, lift):
    expected = read_predictions(lift(write_coco(tmp_path / "k.json", ONE), *SAID)[0] / "predictions.npz")
    path = write_wholebody(tmp_path / "w.json", *ONE[0])
    sentence = f"{path}: no lifter takes coco_wholebody here, so its first 17 points are lifted, which are coco17's\n"
    for asked in ([], ["--layout", "coco_wholebody"], ["--layout", "coco17"]):
        out, said = lift(path, *SAID, *asked, out="_".join(["w", *asked]))
        assert f"{path}: COCO-WholeBody, coco17, 12 frames" in said and (sentence in said) == ("coco17" not in asked)
        found = read_predictions(out / "predictions.npz").lifted["temporal"].poses_cam_m
        np.testing.assert_array_equal(found, expected.lifted["temporal"].poses_cam_m)
    save_lifters(models, "coco_wholebody")
    assert f"{path}: COCO-WholeBody, coco_wholebody, 12 frames" in lift(path, *SAID, out="feet-too")[1]


def test_the_layouts_own_points_are_lifted_where_the_lifters_know_them(tmp_path):
    """Into every file that has room for them, in both frames, and as tall as the person."""
    models = save_lifters(tmp_path / "models", "halpe26", landmarks=True)
    path = WRITTEN["AlphaPose halpe26"][1](tmp_path / "k")
    options = [str(one) for one in (*SAID, "--models", models, "--format", "trc,c3d,glb")]
    main(["lift", str(path), *options, "--out", str(tmp_path / "out")])
    found, names = read_predictions(tmp_path / "out" / "predictions.npz"), layout("halpe26").landmarks
    assert found.landmarks == names and len(names) == 11
    lifted = found.lifted["temporal"]
    assert np.isfinite(lifted.landmarks_cam_m).all() and np.isfinite(found.standing.landmarks_world_m).all()
    for format_name in ("trc", "c3d"):
        motion = read_motion(tmp_path / "out" / f"predictions.{format_name}")
        assert motion.joints[17:] == names
        in_camera = motion.positions_m[:, 17:] * [1, -1, -1]
        np.testing.assert_allclose(in_camera, lifted.landmarks_cam_m, rtol=1e-5, atol=1e-5)
    assert set(read_motion(tmp_path / "out" / "predictions.glb").joints).isdisjoint(names)
    toe, ankle = names.index("left_big_toe"), JOINT_NAMES.index("LFoot")
    rotation = found.standing.world_from_camera[:3, :3]
    offset = found.standing.landmarks_world_m[:, toe] - found.standing.poses_world_m[:, ankle]
    expected = (lifted.landmarks_cam_m[:, toe] - lifted.poses_cam_m[:, ankle]) @ rotation.T
    np.testing.assert_allclose(offset, expected, atol=1e-4)
    main(["lift", str(path), *options, "--height", "1.5", "--out", str(tmp_path / "tall")])
    tall = read_predictions(tmp_path / "tall" / "predictions.npz").lifted["temporal"]
    factors = tall.poses_cam_m[:, 3] / lifted.poses_cam_m[:, 3]
    np.testing.assert_allclose(tall.landmarks_cam_m, lifted.landmarks_cam_m * factors[:, None], rtol=1e-3, atol=1e-4)


def test_points_may_be_missing_but_of_our_own_joints(tmp_path, lift):
    scores = SCORES.copy()
    scores[:, 9] = 0  # the left wrist, throughout
    scores[3:9, :14] = 0  # of a person cut off by the picture's edge three points are left, for 0.28 s
    out, said = lift(write_coco(tmp_path / "k.json", [(KEYPOINTS, scores)]), *SAID)
    found = read_predictions(out / "predictions.npz")
    assert np.flatnonzero(~found.found).tolist() == list(range(3, 9))
    wrist = JOINT_NAMES.index("LWrist")
    assert (found.confidence[:, wrist] == 0).all() and np.isfinite(found.keypoints_px).all()
    before, after = (found.lifted["temporal"].poses_cam_m[t] for t in (2, 9))
    np.testing.assert_allclose(found.lifted["temporal"].poses_cam_m[5], before + (after - before) * 3 / 7, atol=1e-4)
    assert "of all points are undetected\n" in said
    models = save_lifters(tmp_path / "ours", "h36m17")
    np.savez(tmp_path / "k.npz", keypoints=KEYPOINTS, scores=scores)
    with pytest.raises(SystemExit, match=r"k.npz: Neck/Nose of person 1 is nowhere detected, and lifters of h36m17"):
        options = ["--layout", "h36m17", *map(str, SAID), "--models", str(models), "--out", str(tmp_path / "out")]
        main(["lift", str(tmp_path / "k.npz"), *options])


def test_who_is_not_in_the_file_is_not_said_to_have_too_few_points(tmp_path, lift):
    """Frames 0 to 5 are person 1's and 6 to 11 person 2's, of whom three are then left out."""
    entries = json.loads(write_coco(tmp_path / "k.json", ONE, track_id=1).read_text())
    for entry in entries[6:]:
        entry["track_id"] = 2
    path = tmp_path / "two.json"
    path.write_text(json.dumps(entries))
    said = "person 1 is left out in 6 of 12 frames: in 6 this person is not seen, though others are in 6 of them; poses"
    assert f"{path}: {said} move evenly through them\n" in lift(path, *SAID, "--person", 1)[1]
    for entry in entries[:2]:
        entry["keypoints"][15:] = [0] * 36  # a face is left
    path.write_text(json.dumps(entries[:6] + entries[9:]))
    said = "in 6 this person is not seen, though others are in 3 of them; in 2 too few points are detected; poses move"
    assert f"person 1 is left out in 8 of 12 frames: {said}" in lift(path, *SAID, "--person", 1, out="second")[1]
    scores = np.where((np.arange(12) < 3)[:, None] & (np.arange(17) > 2), 0, SCORES)  # nose and eyes
    said = lift(write_coco(tmp_path / "few.json", [(KEYPOINTS, scores)]), *SAID, out="few")[1]
    assert "person 1 is left out in 3 of 12 frames: in 3 too few points are detected; poses move evenly" in said


DEGENERATE = {
    "nan": lambda points: np.full_like(points, np.nan),
    "zeros": lambda points: 0 * points,
    "one place": lambda points: points[..., :1, :] * 0 + [200, 100],
    "a person of some px": lambda points: points / 50 + 200,
    "half of each point": lambda points: np.where(np.arange(2) == np.arange(17)[:, None] % 2, np.nan, points),
    "half of the points": lambda points: np.where(np.arange(17)[:, None] < 9, 0, points),
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("layout_name", ["coco17", "h36m17"])
def test_frames_without_a_person_are_bridged_or_left_out(tmp_path, layout_name, name, capsys):
    """One such frame is bridged; through eight, poses move evenly."""
    models = save_lifters(tmp_path / "models", layout_name)
    points = np.concatenate([KEYPOINTS, KEYPOINTS + 5]).astype(np.float64)  # 24 frames
    options = ["--layout", layout_name, *map(str, SAID), "--models", str(models)]
    poses = []
    for frames in ([], [3, *range(8, 16)]):
        changed = points.copy()
        changed[frames] = DEGENERATE[name](points[frames])
        np.save(tmp_path / "k.npy", changed)
        out = tmp_path / f"out{len(frames)}"
        main(["lift", str(tmp_path / "k.npy"), *options, "--out", str(out)])
        found = read_predictions(out / "predictions.npz")
        poses.append(found.lifted["temporal"].poses_cam_m)
    enough = layout_name == "coco17" and name == "half of the points"
    left_out = [] if enough else list(range(8, 16))
    assert np.flatnonzero(~found.found).tolist() == left_out
    assert np.isfinite(poses[1]).all() and (enough or np.abs(poses[1] - poses[0])[:8].max() < 0.2)
    assert ("is left out in 8 of 24 frames" in capsys.readouterr().err) != enough
    if left_out:
        np.testing.assert_allclose(poses[1][9], poses[1][7] + (poses[1][16] - poses[1][7]) * 2 / 9, atol=1e-4)


def test_a_folder_of_ones_own_training_has_plain_names(tmp_path, lift, message):
    path = write_coco(tmp_path / "k.json", ONE)
    expected = read_predictions(lift(path, *SAID)[0] / "predictions.npz")
    for name in ("repnet", "temporal"):
        (tmp_path / "models" / f"{name}.coco17.pt").rename(tmp_path / "models" / f"{name}.pt")
    found = read_predictions(lift(path, *SAID, out="plain")[0] / "predictions.npz")
    np.testing.assert_array_equal(found.keypoints_px, expected.keypoints_px)
    np.save(tmp_path / "k.npy", np.linspace(50, 300, 156).reshape(3, 26, 2))
    assert message(tmp_path / "k.npy", *SAID) == (
        f"error: {tmp_path}/models/repnet.pt lifts keypoints of the layout coco17, not of halpe26: give a folder "
        "that has one for these with --models, or train one with lifting.layout=halpe26"
    )


def test_the_files_are_those_of_predict(tmp_path, lift, capsys):
    out, _ = lift(write_coco(tmp_path / "k.json", ONE), *SAID)
    assert {path.name for path in out.iterdir()} == {"predictions.npz", "predictions.csv", "predictions.bvh"}
    found = read_predictions(out / "predictions.npz")
    assert found.found.all() and len(found) == 12 and found.time_s[-1] == 11 / 25
    coco, joints = layout("coco17"), [j for j in layout("coco17").joints if j is not None]
    assert len(joints) == 12
    points = [k for k, j in enumerate(coco.joints) if j is not None]
    np.testing.assert_allclose(found.keypoints_px[:, joints], KEYPOINTS[:, points], atol=1e-3)
    np.testing.assert_allclose(found.confidence[:, joints], SCORES[:, points], rtol=1e-6)
    others = [j for j in range(17) if j not in joints]  # of which the file says nothing: where the pose is
    assert (found.confidence[:, others] == 0).all()
    projected = found.camera.project(found.lifted["temporal"].poses_cam_m[:, others])
    np.testing.assert_allclose(found.keypoints_px[:, others], projected, atol=0.01)
    np.testing.assert_allclose(found.boxes_px[0], [*KEYPOINTS[0].min(0), *KEYPOINTS[0].max(0)], atol=1e-3)


def test_what_predict_wrote_is_lifted_to_the_same_poses(tmp_path):
    models = save_lifters(tmp_path / "models", "h36m17")
    np.save(tmp_path / "k.npy", KEYPOINTS)
    common = ["--models", str(models), "--out"]
    said = [*map(str, SAID), "--layout", "h36m17", "--fov", "70"]
    main(["lift", str(tmp_path / "k.npy"), *said, *common, str(tmp_path / "first")])
    first = read_predictions(tmp_path / "first" / "predictions.npz")
    for name, options in (("npz", []), ("csv", ["--size", "640x480", "--fov", "70"])):
        path = tmp_path / "first" / f"predictions.{name}"
        main(["lift", str(path), *options, *common, str(tmp_path / name)])
        again = read_predictions(tmp_path / name / "predictions.npz")
        np.testing.assert_allclose(again.keypoints_px, first.keypoints_px, atol=1e-3)
        np.testing.assert_allclose(again.time_s, first.time_s)
        for lifter, lifted in first.lifted.items():
            np.testing.assert_allclose(again.lifted[lifter].poses_cam_m, lifted.poses_cam_m, atol=1e-3)


def test_everybody_gets_a_folder_by_the_files_number(tmp_path, lift, message):
    tracked = write_alphapose(tmp_path / "k.json", TWO, range(17), [4, 9])
    out, said = lift(tracked, *SAID, "--person", "all", out="all")
    assert sorted(path.name for path in out.iterdir()) == ["person-4", "person-9"]
    assert "12 frames of 640 x 480 px, 2 people\n" in said
    one = read_predictions(lift(tracked, *SAID, "--person", 9, out="9")[0] / "predictions.npz")
    all_of = read_predictions(out / "person-9" / "predictions.npz")
    np.testing.assert_array_equal(one.keypoints_px, all_of.keypoints_px)
    assert message(tracked, *SAID, "--person", 1) == (
        f"error: {tracked} has no person 1 among its 2 (4, 9): ask for one of them"
    )
    untracked = write_mmpose(tmp_path / "m.json", TWO)
    second = read_predictions(lift(untracked, *SAID, "--person", 2, out="2")[0] / "predictions.npz")
    np.testing.assert_allclose(second.keypoints_px, one.keypoints_px, atol=1e-3)
    assert message(untracked, *SAID, "--person", 0) == "error: --person counts from 1 from the left, not from 0"
    with pytest.raises(SystemExit, match=r"has people of an earlier run already \(person-4\): delete them"):
        lift(tracked, *SAID, "--person", "all", out="all")


def test_who_cannot_be_lifted_keeps_nobody_else_from_it(tmp_path, capsys):
    """Of three people the second never shows the right wrist, which lifters of our joints need."""
    points = np.stack([KEYPOINTS * 0.4 + [x_px, 100] for x_px in (0, 190, 380)], 1)
    scores = np.stack([np.ones_like(SCORES)] * 3, 1)
    scores[:, 1, 16] = 0
    np.savez(tmp_path / "k.npz", keypoints=points, scores=scores)
    models = save_lifters(tmp_path / "ours", "h36m17")
    options = ["--layout", "h36m17", *map(str, SAID), "--models", str(models), "--person", "all"]
    main(["lift", str(tmp_path / "k.npz"), *options, "--out", str(tmp_path / "all")])
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == ["person-1", "person-3"]
    assert "left out: " + str(tmp_path / "k.npz") + ": RWrist of person 2 is nowhere" in capsys.readouterr().err
    scores[:, :, 16] = 0
    np.savez(tmp_path / "k.npz", keypoints=points, scores=scores)
    with pytest.raises(SystemExit, match="RWrist of person 3 is nowhere detected"):
        main(["lift", str(tmp_path / "k.npz"), *options, "--out", str(tmp_path / "none")])


def test_one_frame_is_not_called_frames(tmp_path, lift):
    assert ", 1 frame of 640 x 480 px, 1 person" in lift(write_coco(tmp_path / "k.json", [person(1)]), *SAID)[1]


def test_who_shows_too_little_of_the_body_is_named_where_everybody_is_asked_for(tmp_path, lift, message):
    """Of two people the second shows six points, all of the head and shoulders."""
    points_px, scores = person(x_px=150)
    little = points_px, np.where(np.arange(scores.shape[1]) < 6, scores, 0)
    path = write_alphapose(tmp_path / "k.json", [ONE[0], little], range(17), [4, 9])
    out, said = lift(path, *SAID, "--person", "all", out="all")
    assert [one.name for one in out.iterdir()] == ["person-4"]
    assert f"left out: {path}: too few frames show enough of person 9: ask for one with --person\n" in said
    path = write_alphapose(tmp_path / "k.json", [little], range(17), [9])
    assert message(path, *SAID, "--person", "all") == (
        f"error: {path}: too few frames show enough of anybody: ask for one with --person"
    )


def test_height_and_up_are_as_for_predict(tmp_path, lift, message):
    path = write_coco(tmp_path / "k.json", ONE)
    short, tall = (
        read_predictions(lift(path, *SAID, "--height", metres, "--up", "level", out=metres)[0] / "predictions.npz")
        for metres in ("1.6", "1.76")
    )
    for name, lifted in short.lifted.items():
        np.testing.assert_allclose(tall.lifted[name].poses_cam_m, lifted.poses_cam_m * 1.1, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(tall.standing.world_from_camera[2, :3], [0, -1, 0])
    np.testing.assert_allclose(tall.keypoints_px, short.keypoints_px, atol=0.01)
    assert message(path, *SAID, "--height", 178).startswith("error: --height is in metres and nobody is 178 m tall")
    assert message(path, *SAID, "--height", 1.8, "--person", "all").startswith("error: --height is one person's")
    assert message(path, *SAID, "--up", "north").startswith("error: --up takes estimate, level, calibration, met")
    assert message(path, *SAID, "--up", "metadata") == "error: --up metadata is about a video's: give --video"
    assert message(path, *SAID, "--up", "calibration").endswith("need a calibration: give --camera")


def test_a_calibration_has_the_size_of_the_picture(tmp_path, lift, message):
    path = write_coco(tmp_path / "k.json", ONE)
    camera = {"width_px": WIDTH_PX, "height_px": HEIGHT_PX, "intrinsics_px": [[700, 0, 320], [0, 700, 240], [0, 0, 1]]}
    (tmp_path / "c.json").write_text(json.dumps(camera))
    found = read_predictions(lift(path, *SAID, "--camera", tmp_path / "c.json")[0] / "predictions.npz")
    assert found.camera.intrinsics_px[0, 0] == 700 and found.camera.width_px == WIDTH_PX
    (tmp_path / "c.json").write_text(json.dumps(camera | {"width_px": 1280, "height_px": 720}))
    assert "1280 x 720" in message(path, *SAID, "--camera", tmp_path / "c.json")


def test_a_calibration_says_which_way_is_up(tmp_path, lift, message):
    path = write_coco(tmp_path / "k.json", ONE)
    k = [[700, 0, 320], [0, 700, 240], [0, 0, 1]]
    camera = {"width_px": WIDTH_PX, "height_px": HEIGHT_PX, "intrinsics_px": k, "translation_m": [0, 0, 3]}
    options = [*SAID, "--camera", tmp_path / "c.json", "--up", "calibration"]
    (tmp_path / "c.json").write_text(json.dumps(camera | {"rotation": [[1, 0, 0], [0, 0, -1], [0, 1, 0]]}))
    found = read_predictions(lift(path, *options)[0] / "predictions.npz")
    np.testing.assert_array_equal(found.standing.world_from_camera[2, :3], [0, -1, 0])
    (tmp_path / "c.json").write_text(json.dumps(camera | {"rotation": [[1, 0, 0], [0, 0, 1], [0, -1, 0]]}))
    assert message(path, *options).endswith(
        "c.json: of camera c the calibration's z axis does not point up in the picture: is its rotation inverse, its "
        "world another camera's space, or did the camera lie on its side? Give another --up, or turn the video and its "
        "calibration"
    )


def test_files_of_other_formats_are_written_and_read_back(tmp_path, lift):
    """The keypoints of a prediction, as VideoPose3D and OpenPose have them, are keypoints of another program."""
    out, _ = lift(write_coco(tmp_path / "k.json", ONE), *SAID, "--format", "videopose3d,openpose,trc")
    assert (out / "predictions.trc").exists()
    predicted = read_predictions(out / "predictions.npz").keypoints_px
    ours = read_keypoints(out / "predictions.videopose3d.npz")
    assert (ours.layout, ours.size_px) == ("h36m17", (WIDTH_PX, HEIGHT_PX))
    np.testing.assert_allclose(ours.keypoints, predicted, atol=1e-3)
    body = read_keypoints(out / "predictions.openpose")
    assert body.layout == "body25"
    ankle = layout("body25").points.index("RAnkle")
    np.testing.assert_allclose(body.keypoints[:, ankle], KEYPOINTS[:, 16], atol=1e-2)


def test_files_of_other_formats_may_be_in_the_worlds_frame(tmp_path, lift):
    path = write_coco(tmp_path / "k.json", ONE)
    out, _ = lift(path, *SAID, "--format", "trc", "--frame", "world", "--up", "0,-4,-3")
    x, y, z = np.moveaxis(read_predictions(out / "predictions.npz").standing.poses_world_m, -1, 0)
    motion = read_motion(out / "predictions.trc")
    np.testing.assert_allclose(motion.positions_m, np.stack([x, z, -y], -1), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_the_commands_of_the_page_do_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_lifters(tmp_path / "models", "coco17")
    write_coco(tmp_path / "keypoints.json", ONE)
    write_video(tmp_path / "video.mp4", [picture(WIDTH_PX, HEIGHT_PX, None, seed) for seed in range(12)])
    lines = (ROOT / "docs/keypoints.md").read_text().splitlines()
    commands = [line.partition("#")[0].split() for line in lines if line.startswith("    pose3d ")]
    assert [command[1] for command in commands] == ["lift", "lift", "predict"]
    commands[0][-3] = "640x480"  # as the video of the other lines is
    for command in commands:
        main(command[1:])
    first, second = read_predictions("walk/predictions.npz"), read_predictions("prediction/predictions.npz")
    np.testing.assert_allclose(second.lifted["temporal"].poses_cam_m, first.lifted["temporal"].poses_cam_m, atol=0.02)
    assert (tmp_path / "prediction" / "player.html").exists()


@pytest.mark.slow
def test_with_a_video_its_times_and_size_are_taken_and_it_is_shown(tmp_path, lift):
    video = write_video(tmp_path / "v.mp4", [picture(WIDTH_PX, HEIGHT_PX, None, seed) for seed in range(14)])
    path = write_coco(tmp_path / "k.json", ONE)
    out, said = lift(path, "--video", video, "--show", "0.2")
    assert f"{path} has 12 frames, the video 14: nobody is in those that it lacks\n" in said
    assert {"player.html", "demo.webm", "demo.gif"} <= {file.name for file in out.iterdir()}
    found = read_predictions(out / "predictions.npz")
    assert found.found.tolist() == [True] * 12 + [False] * 2
    np.testing.assert_allclose(found.time_s, np.arange(14) / 25, atol=1e-3)
    main(["predict", str(video), "--keypoints", str(path), "--models", str(out.parent / "models"), "--out", f"{out}-2"])
    again = read_predictions(Path(f"{out}-2") / "predictions.npz")
    np.testing.assert_array_equal(again.lifted["temporal"].poses_cam_m, found.lifted["temporal"].poses_cam_m)


def test_exchanged_sides_are_warned_of(tmp_path, lift):
    swapped = KEYPOINTS[:, layout("coco17").mirror]
    _, said = lift(write_coco(tmp_path / "k.json", [(swapped, SCORES)]), *SAID)
    assert "k.json: person 1: both eyes are seen surely though the shoulders say that the person faces away: " in said
    assert "warning" not in lift(write_coco(tmp_path / "k.json", ONE), *SAID)[1]


@pytest.mark.parametrize("sides", [[1, -1], [-1, -1]])
def test_a_picture_that_was_turned_is_asked_about_once(tmp_path, lift, sides):
    """Where y counts upwards, and by half a turn, which exchanges left and right as well."""
    points = [320, 240] + (KEYPOINTS - [320, 240]) * sides
    _, said = lift(write_coco(tmp_path / "k.json", [(points, SCORES)]), *SAID)
    question = "the person stands on the head all the time: is the picture turned, or does y count upwards?"
    assert f"warning: {tmp_path / 'k.json'}: person 1: {question}\n" in said and said.count("warning") == 1


def with_points(how):
    """COCO's results in which something is done to the 51 numbers of frame 7."""

    def written(path):
        entries = json.loads(write_coco(path, ONE).read_text())
        how(entries[7]["keypoints"])
        path.write_text(json.dumps(entries))

    return written


def cut_off(path):
    path.write_text(write_coco(path, ONE).read_text()[:3000])


def crowd(path):
    entry = json.loads(write_coco(path, ONE).read_text())[7]
    path.write_text(json.dumps([entry] * 1001))


BAD = {
    "mixed layouts": (
        with_points(lambda points: points.extend([1.0, 2.0, 0.5])),
        "frame 7 has a person of 18 points, frame 0 one of 17: layouts are mixed, give one file for each",
    ),
    "a point far away": (
        with_points(lambda points: points.__setitem__(4, 1e7)),
        "frame 7 has a point that no picture can hold: correct the file",
    ),
    "a crowd": (crowd, "frame 7 has 1,001 people, 1,000 are the most: leave some out"),
    "cut off": (cut_off, "is not whole JSON (it breaks off"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_keypoints_end_both_commands_with_the_file_and_the_frame(tmp_path, message, models, name):
    write, expected = BAD[name]
    path = tmp_path / "k.json"
    write(path)
    said = message(path, *SAID)
    assert said.startswith(f"error: {path}") and expected in said and "\n" not in said
    video = write_video(tmp_path / "v.mp4", [picture(WIDTH_PX, HEIGHT_PX, None, 0)] * 2)
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(video), "--keypoints", str(path), "--models", str(models), "--out", str(tmp_path / "p")])
    assert caught.value.code == said
    assert not list((tmp_path / "p").iterdir())


def test_keypoints_past_the_videos_end_are_said_and_left_out(tmp_path, models, capsys):
    video = write_video(tmp_path / "v.mp4", [picture(WIDTH_PX, HEIGHT_PX, None, seed) for seed in range(8)])
    path, out = write_coco(tmp_path / "k.json", ONE), tmp_path / "p"
    main(["predict", str(video), "--keypoints", str(path), "--models", str(models), "--out", str(out)])
    said = f"{path} has 12 frames, the video 8: 4 with keypoints past its end are left out\n"
    assert said in capsys.readouterr().err
    assert len(read_predictions(out / "predictions.npz")) == 8


def test_errors_are_one_sentence_and_leave_nothing(tmp_path, message, models):
    path = write_coco(tmp_path / "k.json", ONE)
    assert message(path, "--size", "640x480") == (
        f"error: {path} (COCO) does not say how many frames a second has: give --fps 30"
    )
    for size in ("640", "640x0", "-1x3", "1e9x1e9", "axb"):
        assert message(path, "--fps", 25, f"--size={size}") == (
            f"error: --size takes the picture's width and height in px, such as 1920x1080, not {size}"
        )
    assert message(path, *SAID, "--layout", "mediapipe33").startswith(
        f"error: {path} (COCO) has the 17 points of coco17, not the 33 of mediapipe33: give --layout coco17"
    )
    assert message(path, *SAID, "--layout", "coco").startswith("error: no keypoint layout is called 'coco'")
    np.save(tmp_path / "k.npy", np.ones((3, 26, 2)))
    assert message(tmp_path / "k.npy", *SAID) == (
        f"error: {tmp_path}/k.npy is of halpe26, which no lifter takes here; there are lifters for coco17"
    )
    assert message(path, *SAID, "--show") == "error: --show needs --video, whose pictures it shows"
    assert message(path, *SAID, "--person", "two") == "error: --person takes a number, largest or all, not two"
    assert message(path, *SAID, "--fov", 200).startswith("error: the field of view must lie between 5 and 170 degrees")
    assert message(path, *SAID, "--names", tmp_path / "n.csv").startswith(f"error: {tmp_path}/n.csv is missing")
    (tmp_path / "n.csv").write_text("a,b\n")
    assert message(path, *SAID, "--names", tmp_path / "n.csv") == (
        f"error: {tmp_path}/n.csv line 1: the columns must be name,point"
    )
    (models / "temporal.coco17.pt").unlink()
    assert message(path, *SAID) == (
        f"error: {models} has lifters for no layout: run from the root of the repository, or give --models"
    )
    assert not list((tmp_path / "out").iterdir())


def test_predict_takes_options_of_keypoints_with_a_file_only(tmp_path):
    def message(*options):
        with pytest.raises(SystemExit) as caught:
            main(["predict", "v.mp4", "--out", str(tmp_path), *options])
        return caught.value.code

    needs = "error: --layout, --names and --normalised are about a file of --keypoints: give one"
    assert message("--layout", "coco17") == message("--normalised") == message("--names", "n.csv") == needs
    neither = "error: --keypoints goes with neither --boxes nor --runtime onnx: no network looks at the video"
    assert message("--keypoints", "k.json", "--boxes", "b.csv") == neither
    assert message("--keypoints", "k.json", "--runtime", "onnx") == neither


def test_the_same_file_gives_the_same_bytes_in_a_process_of_its_own(tmp_path, lift, models):
    path = write_coco(tmp_path / "k.json", ONE)
    out, _ = lift(path, *SAID)
    command = [sys.executable, "-m", "pose3d", "lift", path, *SAID, "--models", models, "--out", tmp_path / "again"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("predictions.npz", "predictions.csv", "predictions.bvh"):
        assert (out / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert json.loads(path.read_text())[0]["image_id"] == 0


def test_points_that_the_lens_does_not_show_are_missing_and_said_once(tmp_path, lift, message):
    path = tmp_path / "walk.json"
    write_coco(path, ONE)
    from_middle = np.linalg.norm(KEYPOINTS - [320, 240], axis=-1)
    camera = {"width_px": WIDTH_PX, "height_px": HEIGHT_PX}

    def file(fold_px, k1=-0.35):
        focal_px = fold_px / 0.6506 * (k1 / -0.35) ** 0.5
        camera["distortion"] = [k1, 0, 0, 0, 0]
        intrinsics_px = [[focal_px, 0, 320], [0, focal_px, 240], [0, 0, 1]]
        (tmp_path / "c.json").write_text(json.dumps(camera | {"intrinsics_px": intrinsics_px}))
        return tmp_path / "c.json"

    fold_px = float(np.quantile(from_middle, 0.8))
    folder, said = lift(path, *SAID, "--camera", file(fold_px))
    beyond = from_middle > fold_px
    assert said.count(f"{(from_middle > fold_px).sum()} keypoints lie where the camera's distortion shows nothing") == 1
    found = read_predictions(folder / "predictions.npz")
    assert np.isfinite(found.lifted["temporal"].poses_cam_m).all() and np.isfinite(found.keypoints_px).all()
    for point, joint in enumerate(layout("coco17").joints):
        if joint is not None:
            np.testing.assert_array_equal(found.confidence[:, joint] == 0, beyond[:, point])
    assert "at once where the camera's lens shows anything" in message(path, *SAID, "--camera", file(1.0, k1=-3500))
