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
from pose3d.lifting.lift import build_lifter, lift_keypoints, lift_sequences, load_lifter, nearest_of
from pose3d.lifting.long_clips import lift_clip
from pose3d.lifting.observations import Observations
from pose3d.lifting.prior import (
    LANDMARK_PARENTS,
    PriorTakes,
    errors_of_points,
    mirror_world,
    mix_halves,
    points_cam_m,
    project_points,
    vary_bone_lengths,
)
from pose3d.lifting.supervision import Supervision
from pose3d.lifting.virtual_camera import view_from_image_plane
from pose3d.lifting.virtual_objective import VirtualCameraObjective, VirtualCameraSettings
from pose3d.records.keypoints2d import Keypoints2D
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
    torch.testing.assert_close(project_points(in_front, torch.zeros(2, 5, 17, 2), coco), plane)  # 17 points of COCO
    residuals = torch.zeros(2, 5, 17, 2)
    residuals[..., 9, 0] = 0.1  # of Neck/Nose, everywhere the same
    moved = project_points(in_front, errors_of_points(residuals, coco), coco) - plane
    face = torch.tensor([joint is None for joint in coco.joints])
    assert (moved[..., ~face, :] == 0).all() and (moved[..., 1] == 0).all()
    size = moved[..., face, 0]
    torch.testing.assert_close(size, size[..., :1].expand_as(size))
    assert (size > 0).all()


CPU = torch.device("cpu")
NOSE, LEFT_WRIST = 0, 9
"""A landmark and a joint of COCO's 17 points."""


def detect_points(sequences, name, noise_px, missing=()):
    """What a detector of a layout gives, (frame, point) of ``missing`` not."""
    rng = np.random.default_rng(3)
    found = []
    for sequence in sequences:
        px = true_points_px(sequence, layout(name))
        confidence = np.ones(px.shape[:2], np.float32)
        for frame, point in missing:
            confidence[frame, point] = 0
        found.append(Keypoints2D((px + rng.normal(0, noise_px, px.shape)).astype(np.float32), confidence, name))
    return found


def test_a_detector_of_a_layout_errs_by_what_it_is_off_from_the_layouts_true_points(seen):
    """20 px to the right on a camera without distortion, over the annotated 2D size."""
    camera = replace(seen[0].camera, distortion=np.zeros(5))
    sequence = replace(seen[0], camera=camera, keypoints_px=camera.project(seen[0].poses_cam_m))
    (detected,) = detect_points([sequence], "coco17", 0.0, [(2, LEFT_WRIST)])
    detected.keypoints_px[5, NOSE, 0] += 20
    observations = Observations([sequence], [detected], CPU)
    scale = view_from_image_plane(torch.from_numpy(camera.normalize(sequence.keypoints_px))).scale
    expected = torch.zeros(20, 17, 2, dtype=torch.double)
    expected[5, NOSE, 0] = 20 / camera.intrinsics_px[0, 0] / scale[5]
    expected[2, LEFT_WRIST] = torch.nan
    torch.testing.assert_close(observations.residuals.double(), expected, atol=2e-4, rtol=0, equal_nan=True)
    torch.testing.assert_close(observations.roots, observations.annotated[:, 0])
    assert observations.layout == "coco17"


def test_without_3d_nothing_shows_how_a_detector_of_another_layout_errs(seen):
    detected = detect_points(seen, "coco17", 2.0)
    unknown = np.full_like(seen[1].poses_cam_m, np.nan)
    without = [seen[0], replace(seen[1], poses_cam_m=unknown, poses_world_m=unknown)]
    with pytest.raises(InputError, match="cam1 has no 3D poses"):
        Observations(without, detected, CPU)


def test_what_the_detector_misses_is_missing_in_training(seen):
    """Whatever is drawn: the wrist is found in no frame, the others are where they truly are."""
    detected = detect_points(seen, "coco17", 0.0, [(frame, LEFT_WRIST) for frame in range(20)])
    settings = VirtualCameraSettings(
        run_outputs=1,
        pairs_per_step=40,
        labelled_per_step=0,
        noise_scale=1.0,
        other_noise=0,
        noise_candidates=4,
        body_spread=0,
        limb_mix_prob=0,
        limb_turn_deg=0,
        tilt_deg=0,
        joint_weights=[1.0] * 17,
        critic_sees_keypoints=False,
        layout="coco17",
    )
    takes = PriorTakes(take("S7", "Walk-1", 15, camera_ring()), CPU, landmarks=True)
    observations = Observations(seen, detected, CPU)
    objective = VirtualCameraObjective(untrained("frame", "coco17"), observations, takes, None, settings, CPU)
    plane, poses, _ = objective._draw_plane([np.random.default_rng(0)], 0)
    assert not plane[..., LEFT_WRIST, 2].any() and plane[..., 2].mean() > 0.5
    [batch] = objective.generator_batches([np.random.default_rng(0)], 0)
    assert batch.features.isfinite().all()
    shown = plane[..., 2] > 0
    joint = layout("coco17").joints.index(2)  # the right knee
    true = poses[..., 2, :2] / poses[..., 2, 2:]
    there = shown[..., joint]
    torch.testing.assert_close(plane[..., joint, :2][there], true[there], atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_lifters_learn_from_the_detections_of_their_own_layout(kind, seen, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    prior = take("S7", "Walk-1", 15, camera_ring())
    chosen, block = lifting("virtual_camera", layout="mpii16"), params(kind, "virtual_camera")
    weights = []
    for number, missing in enumerate([[], [(frame, point) for frame in range(0, 20, 2) for point in (0, 15)]]):
        supervision = Supervision(seen, detect_points(seen, "mpii16", 2.0, missing), prior)
        fitted = fit_lifter(chosen, block, supervision, 1, ONE, Checkpoint(f"{kind}{number}", "x"))
        assert all(np.isfinite(value) for value in fitted.curves[-1].values())
        weights.append(torch.cat([weight.flatten() for weight in fitted.weights.values()]))
    assert all(one.isfinite().all() for one in weights) and not torch.equal(*weights)


def test_sequences_have_a_pose_in_every_frame(seen, tmp_path):
    """That of the nearest frame with enough points: every method is scored on every frame."""
    architecture = lifter_architecture(lifting("virtual_camera", layout="coco17"), params("frame", "virtual_camera"))
    lifter, few_at = untrained("frame", "coco17"), [0, *range(7, 15)]
    save_model(tmp_path / "m.pt", architecture, lifter.state_dict())
    few = [(frame, point) for frame in few_at for point in range(3, 17)]
    detected = detect_points(seen[:1], "coco17", 1.0, few)
    (lifted,) = lift_sequences(tmp_path / "m.pt", seen[:1], detected)
    poses = lift_keypoints(lifter, seen[0].camera, detected[0].keypoints_px, 25.0, detected[0].confidence).poses_cam_m
    assert np.isnan(poses[few_at]).all()
    held = np.arange(20)
    held[few_at] = [1, 6, 6, 6, 6, 15, 15, 15, 15]
    np.testing.assert_array_equal(lifted.poses_cam_m, poses[held])
    with pytest.raises(InputError, match=r"m\.pt lifts keypoints of the layout coco17, not of mpii16"):
        lift_sequences(tmp_path / "m.pt", seen[:1], detect_points(seen[:1], "mpii16", 1.0))


@pytest.mark.parametrize(
    ("enough", "nearest"),
    [([1, 1, 1], [0, 1, 2]), ([0, 1, 0], [1, 1, 1]), ([1, 0, 0, 0, 1], [0, 0, 0, 4, 4]), ([0, 0], [0, 1])],
)
def test_the_nearest_frame_that_has_enough(enough, nearest):
    assert nearest_of(np.array(enough, bool)).tolist() == nearest


def test_true_points_are_joints_and_landmarks_of_the_camera(seen):
    points = points_cam_m(seen[0], layout("coco17"))
    np.testing.assert_allclose(points[:, 5], seen[0].poses_cam_m[:, 11], atol=1e-5)  # the left shoulder
    np.testing.assert_allclose(seen[0].camera.project(points), true_points_px(seen[0], layout("coco17")), atol=1e-3)
