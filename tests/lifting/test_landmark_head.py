"""Landmarks of a lifter: offsets by hand, learnt without touching the lifter, alike on both sides, read back."""

import numpy as np
import pytest
import torch
from people import camera_ring, detect, take
from toy_lifters import ONE, lifting, params

from pose3d.evaluation.layouts import true_points_px
from pose3d.geometry.layouts import layout
from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.lifting.fit import Fitted, fit_lifter, with_heads_anew
from pose3d.lifting.landmark_head import LandmarkHead, seen_offsets_m
from pose3d.lifting.lift import LANDMARKS, lift_keypoints, lift_virtual, load_lifter
from pose3d.lifting.long_clips import lift_clip
from pose3d.lifting.prior import points_cam_m
from pose3d.lifting.spread import LiftedView
from pose3d.lifting.supervision import Supervision
from pose3d.training.checkpoint import Checkpoint
from pose3d.training.model_file import save_model

KNEE = JOINT_NAMES.index("RKnee")


@pytest.fixture
def supervision():
    seen = take("S1", "Walk-1", 30, camera_ring())
    return Supervision(seen, detect(seen, 3.0), take("S7", "Walk-1", 30, camera_ring()))


def fitted(supervision, tmp_path, monkeypatch, kind="temporal", name="halpe26", **changes):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    block = params(kind, "virtual_camera", **changes)
    return fit_lifter(lifting("virtual_camera", layout=name), block, supervision, 1, ONE, Checkpoint("t", "x"))


def loaded(made, tmp_path, name="halpe26"):
    save_model(tmp_path / "m.pt", made.architecture, made.weights)
    return load_lifter(tmp_path / "m.pt", name)


def test_a_seen_offset_is_metres_at_the_depth_of_the_lifted_joint():
    """The knee is 0.5 m right of a root 5 m away; it was seen at 0.8 in a view of scale 0.1, which is 0.4 m there. The
    left ear was seen 0.2 m below the nose's joint, 6 m away; the right one was not."""
    points = layout("coco17")
    pose = torch.zeros(16, 3)
    pose[KNEE - 1, 0] = 0.5
    pose[JOINT_NAMES.index("Neck/Nose") - 1] = torch.tensor([0, -0.6, 1.0])
    features = torch.zeros(17, 3)
    features[points.points.index("right_knee")] = torch.tensor([0.8, 0, 1])
    features[points.points.index("left_ear")] = torch.tensor([0, -0.4 / 0.6, 1])
    view = LiftedView(features.flatten(), pose, torch.tensor([0.0, 0.0, 5.0]), torch.tensor(0.1))
    offsets = seen_offsets_m(view, "coco17")
    assert offsets[points.points.index("right_knee")].tolist() == pytest.approx([-0.1, 0])
    assert offsets[points.points.index("left_ear")].tolist() == pytest.approx([0, 0.2])
    assert offsets.abs().sum().item() == pytest.approx(0.3)


def test_landmarks_are_their_joints_and_the_offsets_turned_back(supervision, tmp_path, monkeypatch):
    """A head that always says 0.1 m along the virtual camera's axis: landmarks are 0.1 m from their joints, on its
    side and on its mirror image's alike, so that what is to the right there cancels out."""
    made = fitted(supervision, tmp_path, monkeypatch, "frame", "coco17", landmark_steps=1)
    lifter = loaded(made, tmp_path, "coco17").requires_grad_(False)
    lifter.landmarks.last.weight.zero_()
    lifter.landmarks.last.bias.copy_(torch.tensor([1.0, 0.0, 1.0]).repeat(5))
    clip = supervision.prior[0]
    px = true_points_px(clip, layout("coco17"))
    lifted = lift_keypoints(lifter, clip.camera, px, clip.fps)
    assert lifter.landmarks.names == ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    offsets = lifted.landmarks_cam_m - lifted.poses_cam_m[:, [JOINT_NAMES.index("Neck/Nose")]]
    np.testing.assert_allclose(np.linalg.norm(offsets, axis=-1), 0.1, rtol=1e-4)
    hips = clip.camera.normalize(px)[:, [11, 12]].mean(1)  # where the virtual camera looks
    sight = np.concatenate([hips, np.ones((len(hips), 1))], 1)
    sight *= 0.1 / np.linalg.norm(sight, axis=1, keepdims=True)
    np.testing.assert_allclose(offsets, np.repeat(sight[:, None], 5, 1), atol=1e-4)


@pytest.mark.parametrize("kind", ["frame", "temporal"])
def test_the_lifter_and_its_spread_are_the_same_with_and_without_landmarks(kind, supervision, tmp_path, monkeypatch):
    without = fitted(supervision, tmp_path, monkeypatch, kind, spread_steps=2)
    with_them = fitted(supervision, tmp_path, monkeypatch, kind, spread_steps=2, landmark_steps=2)
    again = fitted(supervision, tmp_path, monkeypatch, kind, spread_steps=2, landmark_steps=2)
    assert LANDMARKS not in without.architecture and with_them.architecture[LANDMARKS] > 0
    added = set(with_them.weights) - set(without.weights)
    assert added and all(name.startswith("landmarks.") for name in added)
    for name, weight in without.weights.items():
        assert torch.equal(weight, with_them.weights[name])
    for name in added:
        assert torch.equal(with_them.weights[name], again.weights[name])


def test_our_own_layout_has_none(supervision, tmp_path, monkeypatch):
    made = fitted(supervision, tmp_path, monkeypatch, "frame", "h36m17", landmark_steps=2)
    assert LANDMARKS not in made.architecture
    clip = supervision.prior[0]
    lifter = loaded(made, tmp_path, "h36m17")
    assert lift_keypoints(lifter, clip.camera, clip.keypoints_px, 25).landmarks_cam_m is None


def test_heads_learnt_anew_replace_those_that_were_there(supervision, tmp_path, monkeypatch):
    """With the same seed they are the same, because nothing of the lifter changes."""
    steps = {"spread_steps": 3, "landmark_steps": 3}
    made = fitted(supervision, tmp_path, monkeypatch, "frame", **steps)
    heads = "spread.", "landmarks."
    wrong = Fitted(made.architecture, {n: w + n.startswith(heads) for n, w in made.weights.items()}, made.curves)
    block = params("frame", "virtual_camera", **steps)
    again = with_heads_anew(wrong, lifting("virtual_camera", layout="halpe26"), block, supervision, 1, ONE)
    assert made.architecture == again.architecture and made.weights.keys() == again.weights.keys()
    for name, weight in made.weights.items():
        torch.testing.assert_close(again.weights[name], weight, rtol=0, atol=1e-6)


def test_landmarks_mirror_with_the_picture(supervision, tmp_path, monkeypatch):
    made = fitted(supervision, tmp_path, monkeypatch, landmark_steps=20)
    lifter = loaded(made, tmp_path)
    points = layout("halpe26")
    generator = torch.Generator().manual_seed(1)
    plane = torch.cat([0.1 * torch.randn(20, 26, 2, generator=generator), torch.ones(20, 26, 1)], -1)
    flip = torch.tensor([-1.0, 1, 1])
    _, _, landmarks = lift_virtual(lifter, plane, 25)
    _, _, mirrored = lift_virtual(lifter, plane[:, torch.from_numpy(points.mirror)] * flip, 25)
    order = [
        points.landmarks.index(points.body_points[points.mirror[points.body_points.index(name)]])
        for name in points.landmarks
    ]
    torch.testing.assert_close(mirrored[:, order] * flip, landmarks, rtol=1e-4, atol=1e-5)


def test_what_is_learnt_is_where_landmarks_are(supervision, tmp_path, monkeypatch):
    """Offsets of the person that it learnt from are nearer to the truth than none at all by far."""
    made = fitted(supervision, tmp_path, monkeypatch, "frame", steps=150, lr=3e-3, landmark_steps=60)
    lifter = loaded(made, tmp_path)
    points, clip = layout("halpe26"), supervision.prior[0]
    lifted = lift_keypoints(lifter, clip.camera, true_points_px(clip, points), clip.fps)
    carriers = lifter.landmarks.carriers
    own = points.numbers >= len(JOINT_NAMES)
    truth = points_cam_m(clip, points)[:, own] - clip.poses_cam_m[:, carriers]
    errors = np.linalg.norm(lifted.landmarks_cam_m - lifted.poses_cam_m[:, carriers] - truth, axis=-1)
    assert errors.mean() < 0.4 * np.linalg.norm(truth, axis=-1).mean()


def test_a_long_clip_has_the_landmarks_of_the_whole_one(supervision, tmp_path, monkeypatch):
    """Smoothed along the root's ray, too, and NaN where too few points are seen."""
    lifter = loaded(fitted(supervision, tmp_path, monkeypatch, landmark_steps=2), tmp_path)
    clip = supervision.prior[0]
    px = true_points_px(clip, layout("halpe26"))
    px[:12] = np.nan
    whole = lift_keypoints(lifter, clip.camera, px, 25)
    rows = lift_clip(lifter, clip.camera, np.arange(len(px)) / 25, px)
    assert np.isnan(whole.landmarks_cam_m[:12]).all() and np.isfinite(whole.landmarks_cam_m[12:]).all()
    np.testing.assert_allclose(rows.landmarks_cam_m[:], whole.landmarks_cam_m, atol=1e-5)
    doubled = whole.each(lambda values: 2 * values)
    np.testing.assert_array_equal(doubled.landmarks_cam_m, 2 * whole.landmarks_cam_m)


def test_the_mirror_of_the_head_keeps_both_sides_apart():
    head = LandmarkHead(78, 4, "halpe26")
    assert [head.names[i] for i in head._mirror][:3] == ["nose", "right_eye", "left_eye"]
