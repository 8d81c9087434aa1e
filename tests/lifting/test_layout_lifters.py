"""Lifters of other layouts than Human3.6M's: training, resumption, lifting with points missing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from people import camera_ring, detect, take
from toy_lifters import ONE, at_fourth_step, ctrl_c, lifting, params

from pose3d.evaluation.layouts import layout_errors_mm, true_points_px
from pose3d.geometry.layouts import N_LANDMARKS, POINT_NAMES, layout, mirror_points
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting import adversarial
from pose3d.lifting.fit import fit_lifter, lifter_architecture
from pose3d.lifting.lift import build_lifter, lift_keypoints, load_lifter
from pose3d.lifting.long_clips import lift_clip
from pose3d.lifting.prior import (
    LANDMARK_PARENTS,
    PriorTakes,
    mirror_world,
    mix_halves,
    project_points,
    vary_bone_lengths,
)
from pose3d.lifting.supervision import Supervision
from pose3d.runtime.errors import InputError
from pose3d.training.checkpoint import Checkpoint
from pose3d.training.model_file import save_model

KINDS = ("frame", "temporal")


@pytest.fixture(scope="module")
def seen():
    return take("S1", "Walk-1", 20, camera_ring())


@pytest.fixture(scope="module")
def supervision(seen):
    return Supervision(seen, detect(seen, 2.0), take("S7", "Walk-1", 15, camera_ring()))


def untrained(kind, name):
    torch.manual_seed(0)
    return build_lifter(
        lifter_architecture(lifting("virtual_camera", layout=name), params(kind, "virtual_camera"))
    ).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_run_ends_with_the_same_bytes(kind, supervision, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(adversarial, "_LOG_STEPS", 2)
    monkeypatch.setattr(adversarial, "_CHECKPOINT_STEPS", 2)
    monkeypatch.setattr(adversarial, "_STEPS_AHEAD", 4)

    def fit(name):
        chosen = lifting("virtual_camera", layout="halpe26")
        return fit_lifter(chosen, params(kind, "virtual_camera"), supervision, 1, ONE, Checkpoint(name, "x"))

    whole = fit("whole")
    at_fourth_step(monkeypatch, ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        fit("stopped")
    resumed = fit("stopped")
    assert whole.curves == resumed.curves and "reprojection" not in whole.curves[-1]
    assert whole.architecture["layout"] == "halpe26"
    for name, weight in whole.weights.items():
        assert torch.equal(weight, resumed.weights[name])


def test_human36m_s_lifters_are_described_as_ever():
    assert "layout" not in lifter_architecture(lifting("virtual_camera"), params("temporal", "virtual_camera"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["coco17", "mediapipe33", "mpii16"])
def test_what_is_missing_does_not_matter_and_is_nan_or_without_confidence(kind, name, seen):
    lifter, sequence, points = untrained(kind, name), seen[0], layout(name)
    px = true_points_px(sequence, points)
    confidence = np.ones(px.shape[:2])
    confidence[:, 0], confidence[5:9, 3] = 0, 0
    gone = np.where(confidence[..., None] > 0, px, np.nan)
    wild = np.where(confidence[..., None] > 0, px, 1e5)
    expected = lift_keypoints(lifter, sequence.camera, gone, sequence.fps).poses_cam_m
    found = lift_keypoints(lifter, sequence.camera, wild, sequence.fps, confidence).poses_cam_m
    np.testing.assert_array_equal(found, expected)
    assert np.isfinite(found).all() and found.shape == (len(px), N_JOINTS, 3)
    assert not np.array_equal(found, lift_keypoints(lifter, sequence.camera, px, sequence.fps).poses_cam_m)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_with_too_few_points_have_no_pose_and_the_others_do(kind, seen):
    lifter, sequence = untrained(kind, "coco17"), seen[0]
    px = true_points_px(sequence, layout("coco17"))
    px[0, 3:], px[4, 3:], px[9:17] = np.nan, np.nan, np.nan
    poses = lift_keypoints(lifter, sequence.camera, px, sequence.fps).poses_cam_m
    np.testing.assert_array_equal(np.isnan(poses).any((1, 2)), np.isin(np.arange(len(px)), [0, *range(9, 17)]))
    in_chunks = lift_clip(lifter, sequence.camera, np.arange(len(px)) / sequence.fps, px).poses_cam_m[:]
    np.testing.assert_allclose(in_chunks, poses, atol=1e-3)
    assert np.isnan(lift_keypoints(lifter, sequence.camera, px * np.nan, sequence.fps).poses_cam_m).all()


def test_a_mirrored_person_has_the_mirrored_pose(seen):
    """Flip averaging by the layout's own sides: lifting the mirror image gives the mirror image."""
    lifter, sequence, points = untrained("frame", "body25"), seen[0], layout("body25")
    camera = replace(sequence.camera, distortion=np.zeros(5), intrinsics_px=np.diag([1000.0, 1000, 1]))
    plane = camera.project(sequence.poses_cam_m)
    px = np.random.default_rng(0).normal(0, 50, (len(plane), len(points), 2))
    mirrored_px = px[:, points.mirror] * [-1, 1]
    poses, mirrored = (lift_keypoints(lifter, camera, p, 25.0).poses_cam_m for p in (px, mirrored_px))
    np.testing.assert_allclose(mirrored, poses[:, mirror_points()[:N_JOINTS]] * [-1, 1, 1], atol=1e-4)


def test_another_number_of_points_and_another_layout_are_refused(seen, tmp_path):
    lifter = untrained("frame", "coco17")
    with pytest.raises(InputError, match="coco17 has 17 points, not 26"):
        lift_keypoints(lifter, seen[0].camera, np.zeros((2, 26, 2)), 25.0)
    architecture = lifter_architecture(lifting("virtual_camera", layout="coco17"), params("frame", "virtual_camera"))
    save_model(tmp_path / "repnet.coco17.pt", architecture, lifter.state_dict())
    assert load_lifter(tmp_path / "repnet.coco17.pt", "coco17").layout == "coco17"
    with pytest.raises(InputError, match="keypoints of the layout coco17, not of h36m17"):
        load_lifter(tmp_path / "repnet.coco17.pt")
    save_model(tmp_path / "temporal.coco17.pt", architecture, lifter.state_dict())
    with pytest.raises(InputError, match="was it exchanged"):
        load_lifter(tmp_path / "temporal.coco17.pt", "coco17")


def test_other_layouts_need_the_projected_prior_and_the_virtual_camera(supervision):
    with pytest.raises(InputError, match="projected_prior_weight is 0, but with lifting.layout coco17"):
        block = params("frame", "virtual_camera").model_copy(update={"projected_prior_weight": 0.0})
        fit_lifter(lifting("virtual_camera", layout="coco17"), block, supervision, 1, ONE, Checkpoint("a", "x"))
    for formulation, layout_name, what in (
        ("original", "coco17", "layout must be h36m17 with formulation original"),
        ("virtual_camera", "coco18", "there is no layout coco18, only h36m17, coco17"),
    ):
        with pytest.raises(ValueError, match=what):
            lifting(formulation, layout=layout_name)


def test_errors_of_a_perfect_lifter_are_those_of_its_missing_frames_only(seen, monkeypatch):
    """Errors count the frames that have a pose."""
    truth = {s.key: s.poses_cam_m for s in seen}

    def perfect(lifter, camera, px, fps, confidence):
        poses = truth[f"S1/Walk-1/{camera.id}"].copy()
        poses[0] = np.nan
        return type("Lifted", (), {"poses_cam_m": poses})

    monkeypatch.setattr("pose3d.evaluation.layouts.lift_keypoints", perfect)
    errors = layout_errors_mm(untrained("frame", "coco17"), seen, 0.2)
    assert errors == {name: pytest.approx(0, abs=1e-3) for name in ("mpjpe_mm", "pa_mpjpe_mm", "root_error_mm")}


@pytest.fixture(scope="module")
def points():
    takes = take("S7", "Walk-1", 15, camera_ring())
    prior = PriorTakes(takes, torch.device("cpu"), landmarks=True)
    return prior.points_world_m(torch.arange(10).view(2, 5))


def test_joints_come_first(points):
    assert points.shape == (2, 5, N_JOINTS + N_LANDMARKS, 3)
    joints = PriorTakes(take("S7", "Walk-1", 15, camera_ring()), torch.device("cpu")).poses_world_m[:10]
    torch.testing.assert_close(points[..., :N_JOINTS, :].flatten(0, 1), joints, rtol=0, atol=0)


def test_a_mirror_is_its_own_inverse(points):
    torch.testing.assert_close(mirror_world(mirror_world(points)), points, rtol=0, atol=0)
    left = mirror_world(points)[..., POINT_NAMES.index("left_heel"), :]
    torch.testing.assert_close(left, points[..., POINT_NAMES.index("right_heel"), :] * torch.tensor([-1.0, 1, 1]))


def test_landmarks_keep_to_their_joints_when_bones_change(points):
    factors = torch.ones(2, 16)
    torch.testing.assert_close(vary_bone_lengths(points, factors), points)
    factors[:, 2] = 1.5  # from the right knee to the right ankle
    varied = vary_bone_lengths(points, factors)
    torch.testing.assert_close(varied[..., :N_JOINTS, :], vary_bone_lengths(points[..., :N_JOINTS, :], factors))
    offsets = [p[..., N_JOINTS:, :] - p[..., LANDMARK_PARENTS, :] for p in (points, varied)]
    longer = torch.tensor([1.5 if parent == 3 else 1.0 for parent in LANDMARK_PARENTS])
    torch.testing.assert_close(offsets[1], offsets[0] * longer[:, None], rtol=1e-4, atol=1e-5)


def test_halves_take_their_landmarks_along(points):
    legs, trunks = points[:1], points[1:]
    mixed = mix_halves(legs, trunks)
    torch.testing.assert_close(mixed[..., :N_JOINTS, :], mix_halves(legs[..., :17, :], trunks[..., :17, :]))
    of_legs = torch.tensor([parent < 7 for parent in LANDMARK_PARENTS])
    torch.testing.assert_close(mixed[..., N_JOINTS:, :][..., of_legs, :], legs[..., N_JOINTS:, :][..., of_legs, :])
    torch.testing.assert_close(mix_halves(points, points), points, rtol=0, atol=1e-5)


def test_points_are_projected_with_the_errors_of_their_joints(points):
    coco = layout("coco17")
    in_front = points + torch.tensor([0.0, 0, 5])
    plane = in_front[..., coco.numbers, :2] / in_front[..., coco.numbers, 2:]
    torch.testing.assert_close(project_points(in_front, torch.zeros(2, 5, 17, 2), coco), plane)
    residuals = torch.zeros(2, 5, 17, 2)
    residuals[..., 9, 0] = 0.1  # of Neck/Nose, everywhere the same
    moved = project_points(in_front, residuals, coco) - plane
    face = torch.tensor([joint is None for joint in coco.joints])
    assert (moved[..., ~face, :] == 0).all() and (moved[..., 1] == 0).all()
    size = moved[..., face, 0]
    torch.testing.assert_close(size, size[..., :1].expand_as(size))
    assert (size > 0).all()
