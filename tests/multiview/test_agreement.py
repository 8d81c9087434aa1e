from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from people import camera_ring, looking_at, swinging_poses
from scipy.spatial.transform import Rotation

from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.multiview.agreement import (
    agreement,
    ask_exchanged,
    ask_odd_view,
    bone_variation_pct,
    compare_lifted,
    consistency,
    draw_views,
    halves,
    refined_figures,
    say_size,
)
from pose3d.multiview.finding import FoundPerson
from pose3d.multiview.triangulation import Triangulated


def test_three_views_within_the_threshold_make_a_joint_consistent():
    residuals = np.full((4, 1, 17), 100.0)
    residuals[:3, 0, 0] = 15  # three views
    residuals[:2, 0, 1] = 1  # two are not enough
    residuals[:, 0, 2] = np.nan  # no point
    found = consistency(Triangulated(np.zeros((1, 17, 3)), residuals, residuals < 40))
    assert found["consistent_pct"] == round(100 / 17, 2)
    assert found["consistent_by_joint_pct"]["Hip"] == 100 and found["consistent_by_joint_pct"]["RHip"] == 0
    assert found["residual_median_px"] == 100 and found["residual_90th_percentile_px"] == 100


def test_bones_that_keep_their_lengths_do_not_vary_and_breathing_ones_do():
    poses = swinging_poses(np.random.default_rng(0), 10)
    assert bone_variation_pct(poses) == pytest.approx(0, abs=1e-9)
    scaled = np.concatenate([0.9 * poses, 1.1 * poses])  # mean 1, deviation 0.1
    assert bone_variation_pct(scaled) == pytest.approx(10)


def test_unknown_joints_take_no_part_in_the_bones():
    poses = swinging_poses(np.random.default_rng(0), 10)
    poses[:, 13] = np.nan
    assert bone_variation_pct(poses) == pytest.approx(0, abs=1e-9)
    assert np.isnan(bone_variation_pct(np.full_like(poses, np.nan)))


def test_lifted_poses_compare_up_to_turn_and_size():
    world = swinging_poses(np.random.default_rng(0), 6)
    views = [SimpleNamespace(camera=camera) for camera in camera_ring(2)]
    turn = Rotation.from_euler("xyz", [0.1, 0.5, 2]).as_matrix()
    poses = [1.2 * view.camera.world_to_camera(world) @ turn.T for view in views]
    triangulated = world.copy()
    triangulated[0, 3] = np.nan
    found = compare_lifted(poses, views, triangulated)
    assert found["frames_compared"] == 5
    assert found["pa_mpjpe_to_triangulated_mm"] == [0, 0] and found["pa_mpjpe_between_views_mm"] == 0
    poses[1] = poses[1] * [1, 1, -1]  # a mirror image is another pose
    assert compare_lifted(poses, views, triangulated)["pa_mpjpe_between_views_mm"] > 20


def person_seen(cameras, poses_m, confidence=0.8):
    keypoints = np.stack([camera.project(camera.world_to_camera(poses_m)) for camera in cameras])
    boxes = np.concatenate([keypoints.min(2), keypoints.max(2)], axis=-1)
    return FoundPerson(keypoints, np.full(keypoints.shape[:-1], confidence), boxes)


def test_true_keypoints_agree_wholly_and_one_blind_view_costs_its_residuals_only():
    cameras, poses = camera_ring(4), swinging_poses(np.random.default_rng(0), 3)
    person = person_seen(cameras, poses)
    found = agreement(cameras, person)
    assert found["consistent_pct"] == 100 and found["residual_median_px"] == 0 and found["confidence_mean"] == 0.8
    sides = np.ptp(person.keypoints_px, axis=2).max(-1)
    assert found["person_px"] == round(float(np.median(sides)), 2)
    person.keypoints_px[1] += [300, -200]
    found = agreement(cameras, person)
    assert found["consistent_pct"] == 100
    assert found["residual_by_camera_median_px"] == pytest.approx([0, np.hypot(300, 200), 0, 0], abs=0.1)


def test_the_picture_has_a_row_for_each_camera_and_leaves_the_frames_alone(tmp_path):
    cameras = camera_ring(2)
    frames = [np.zeros((1000, 1000, 3), np.uint8)] * 3
    draw_views(
        tmp_path / "views.png",
        [lambda: iter(frames)] * 2,
        person_seen(cameras, swinging_poses(np.random.default_rng(0), 3)),
    )
    picture = cv2.imread(str(tmp_path / "views.png"))
    assert picture.shape == (2 * 480, 3 * 270, 3)
    assert picture[:480].any() and picture[480:].any() and not frames[0].any()


def test_halves_are_stretches_of_time_with_a_gap_between_learnt_and_judged():
    assert halves(50, 30) == [(slice(28, 50), slice(25)), (slice(22), slice(25, 50))]  # 0.1 s are three frames
    assert halves(2, 30) == [(slice(4, 2), slice(1)), (slice(0), slice(1, 2))]  # nothing to learn from


def test_cameras_refined_on_the_other_half_agree_better_and_their_changes_are_told():
    true, poses = camera_ring(4), swinging_poses(np.random.default_rng(0), 20)
    person = person_seen(true, poses)
    turn = Rotation.from_euler("x", 0.6, degrees=True).as_matrix()  # 12 px at this focal length
    wrong = replace(true[1], rotation=turn @ true[1].rotation, translation_m=turn @ true[1].translation_m)
    views = [SimpleNamespace(camera=camera) for camera in (true[0], wrong, *true[2:])]
    lifted = {"repnet": [camera.world_to_camera(poses) for camera in true]}
    found = refined_figures(views, person, 25, "rotations", lifted)
    both, first = found["both_halves"], found["first_half"]
    assert both["refined"]["residual_median_px"] < 0.4 * both["as_given"]["residual_median_px"]
    assert both["refined"]["consistent_pct"] == 100
    assert first["turned_deg"][1] > 0.3 and max(first["moved_mm"]) < 1e-6
    assert max(both["turned_apart_deg"]) < 0.2
    assert found["repnet"]["frames_compared"] == 20 and max(found["repnet"]["pa_mpjpe_to_triangulated_mm"]) < 10
    rotation = np.array(first["refined_cameras"]["cam1"]["rotation"])
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)


def standing(leg_m: float) -> np.ndarray:
    """(4, 17, 3) with thighs and shins that are half as long, in three of the frames."""
    poses = np.full((4, 17, 3), np.nan)
    for part, height in (("Hip", 1), ("Knee", 0.5), ("Foot", 0)):
        poses[1:, [JOINT_NAMES.index(side + part) for side in "RL"]] = [0, 0, height * leg_m]
    return poses


@pytest.mark.parametrize(("leg_m", "said"), [(0.086, "0.086"), (2.2, "2.2"), (0.41, None), (0.86, None), (1.29, None)])
def test_legs_of_nobodys_length_ask_for_the_unit(leg_m, said, capsys):
    """Cameras in cm that are taken for mm make a leg of 86 cm 8.6 cm long; children's are from 0.4 m on."""
    say_size(camera_ring(3), standing(leg_m))
    question = f"the person's legs are {said} m long by the calibration: are its positions in another unit?"
    assert capsys.readouterr().err.startswith(question) == (said is not None)


def test_of_legs_that_are_never_seen_nothing_is_asked(capsys):
    say_size(camera_ring(3), np.full((3, 17, 3), np.nan))
    assert capsys.readouterr().err == ""


def from_places(*places_m) -> list:
    return [looking_at(np.array([0, 0, 0.95]), np.array(place), f"cam{i}") for i, place in enumerate(places_m)]


@pytest.mark.parametrize(
    ("places_m", "within_deg"),
    [
        ([(0, 5, 0.95), (0.5, 5, 0.95)], 6),  # atan(0.5 / 5)
        ([(0, 5, 0.95), (0, -4, 0.95)], 0),  # look at each other
        ([(0, 5, 0.95), (0.2, 5, 0.95), (0.5, 5, 0.95)], 6),
        ([(0, 5, 0.95), (1, 5, 0.95)], None),  # 11 degrees
        ([(0, 5, 0.95), (0.1, 5, 0.95), (5, 0, 0.95)], None),
    ],
)
def test_cameras_along_one_line_tell_no_length(places_m, within_deg, capsys):
    poses = standing(5.0)  # as errors along the line make them, and not the unit
    poses += [0, 0, 0.95] - np.median(poses[np.isfinite(poses).all(-1)], axis=0)
    say_size(from_places(*places_m), poses)
    said = f"all cameras see the person along nearly one line, within {within_deg} degrees: its distance is unsure"
    err = capsys.readouterr().err
    assert err.startswith(said) if within_deg is not None else err.startswith("the person's legs are")


@pytest.mark.parametrize(
    ("medians_px", "said"),
    [
        (
            [10.0, 309.1, 11.2, 11.0],
            "camera cam1 does not agree with the others, which do within 11 px: does its video start with",
        ),
        ([10.0, 11.0, None], "camera cam2 does not agree with the others, which do within 11 px: does its"),
        ([14.4, 10.4, 16.0, 11.9], ""),
        ([1.0, 35.0, 2.0], ""),  # within what is searched
        ([200.0, 150.0, 198.0, 250.0], ""),  # no two agree
        ([10.0, 60.0, 61.0, 12.0], ""),  # two exchanged ones
        ([10.0, None, None, 12.0], ""),
        ([5.0, 90.0], ""),
    ],
)
def test_one_view_that_does_not_agree_with_the_others_is_asked_about(medians_px, said, capsys):
    ask_odd_view(camera_ring(len(medians_px)), {"residual_by_camera_median_px": medians_px})
    err = capsys.readouterr().err
    assert err.startswith(said) and bool(err) == bool(said)


@pytest.mark.parametrize(("views", "frames"), [(4, 250), (5, 1), (6, 3), (8, 3)])
def test_two_exchanged_videos_are_asked_about(views, frames, capsys):
    cameras = camera_ring(views)
    person = person_seen(cameras, swinging_poses(np.random.default_rng(0), frames))
    ask_exchanged(cameras, person)
    assert capsys.readouterr().err == ""
    ask_exchanged([cameras[2], cameras[1], cameras[0], *cameras[3:]], person)
    question = "are the videos of cameras cam2 and cam0 exchanged? 100 % of their joints agree with the other views if"
    assert capsys.readouterr().err.startswith(question)


def test_views_that_agree_in_no_order_and_two_alone_are_not_asked_about(capsys):
    cameras, rng = camera_ring(4), np.random.default_rng(0)
    person = person_seen(cameras, swinging_poses(rng, 5))
    two = FoundPerson(person.keypoints_px[:2], person.confidence[:2], person.boxes_px[:2])
    ask_exchanged(cameras[1::-1], two)
    person.keypoints_px[:] += rng.normal(0, 60, person.keypoints_px.shape)  # a detector that errs far
    ask_exchanged(cameras, person)
    assert capsys.readouterr().err == ""
