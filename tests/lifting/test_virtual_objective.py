"""What the virtual-camera lifters are trained on, with generators that say the truth or something known to be off."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from people import camera_ring, detect, take
from torch import nn

from pose3d.geometry.skeleton import JOINT_NAMES, bone_matrix
from pose3d.lifting.critic import beside
from pose3d.lifting.networks import FrameLifter
from pose3d.lifting.observations import Observations, PairedClips
from pose3d.lifting.prior import PriorTakes
from pose3d.lifting.temporal import TemporalLifter
from pose3d.lifting.virtual_camera import to_virtual_space, view_from_image_plane
from pose3d.lifting.virtual_objective import VirtualCameraObjective, VirtualCameraSettings
from pose3d.runtime.errors import InputError

CPU = torch.device("cpu")


def objective(
    sequences,
    paired=None,
    labelled=8,
    around=(0, 0),
    outputs=1,
    motion=False,
    noise_px=0.0,
    pairs=8,
    candidates=4,
    observations=None,
    turn_deg=0,
    shown_to_critic=False,
):
    """Of S1's 2D, S7's 3D and, if given, labelled sequences with exact detections."""
    settings = VirtualCameraSettings(
        run_outputs=outputs,
        pairs_per_step=pairs,
        labelled_per_step=labelled,
        noise_scale=1.0,
        other_noise=0,
        noise_candidates=candidates,
        body_spread=0.05,
        limb_mix_prob=0.5,
        limb_turn_deg=turn_deg,
        tilt_deg=0,
        joint_weights=[1.0] * 17,
        critic_sees_keypoints=shown_to_critic,
    )
    return VirtualCameraObjective(
        SimpleNamespace(frames_before=around[0], frames_after=around[1], with_motion=motion),
        observations or Observations(sequences, detect(sequences, noise_px), CPU),
        PriorTakes(take("S7", "Walk-1", 12, camera_ring()), CPU),
        None if paired is None else PairedClips(paired, detect(paired, 0.0), CPU),
        settings,
        CPU,
    )


class Known(nn.Module):
    """Gives the same run of poses (R, 16, 3) and root codes (R, 3) for every input."""

    def __init__(self, poses, codes):
        super().__init__()
        self.poses, self.codes = poses, codes

    def forward(self, features):
        return self.poses.expand(len(features), -1, -1, -1), self.codes.expand(len(features), -1, -1)


def saying(sequence, joints_cam_m) -> Known:
    """A generator whose lifts of the sequence's exact keypoints are the given (T, 17, 3) joints in camera space."""
    view = view_from_image_plane(torch.from_numpy(sequence.camera.normalize(sequence.keypoints_px)).float())
    joints = torch.from_numpy(joints_cam_m).float() @ view.rotation.transpose(-1, -2)
    root = joints[:, 0]
    beside = root[:, :2] / (view.scale * root[:, 2])[:, None]
    code = torch.cat([beside, (root[:, 2] * view.scale / 0.45).log()[:, None]], -1)
    return Known(joints[:, 1:] - joints[:, :1], code)


@pytest.fixture
def clip():
    """Somebody crosses the picture in three frames, the only run of three outputs: the virtual camera turns a lot."""
    sequence = take("S1", "Walk-1", 3, camera_ring(1))[0]
    joints = sequence.poses_cam_m + np.arange(-1, 2, dtype=np.float32)[:, None, None] * [0.9, 0, 0]
    return replace(sequence, poses_cam_m=joints.astype(np.float32), keypoints_px=sequence.camera.project(joints))


def terms_of(clip, joints_cam_m):
    learning = objective([clip], [clip], outputs=3)
    [batch] = learning.generator_batches([np.random.default_rng(0)], 4)
    _, terms = learning.terms(saying(clip, joints_cam_m), batch)
    return {name: term.item() for name, term in terms.items()}


def test_the_truth_costs_nothing(clip):
    terms = terms_of(clip, clip.poses_cam_m)
    assert set(terms) == {"reprojection", "projected_prior", "root", "velocity", "root_velocity"}
    assert max(terms.values()) < 2e-4  # rounding, and the smoothing of square roots


def test_a_root_that_is_off_by_as_much_in_every_frame_moves_as_it_should(clip):
    offset = np.array([0.03, -0.06, 0.2], np.float32)
    terms = terms_of(clip, clip.poses_cam_m + offset)
    view = view_from_image_plane(torch.from_numpy(clip.camera.normalize(clip.keypoints_px)))
    depth = np.einsum("tij,tj->ti", view.rotation, clip.poses_cam_m[:, 0])[:, 2]
    assert terms["root"] == pytest.approx(np.mean(np.linalg.norm(offset) / depth), rel=1e-3)
    assert terms["reprojection"] > 0.01
    assert max(terms[name] for name in ("projected_prior", "velocity", "root_velocity")) < 2e-4


def test_a_root_that_moves_wrongly_is_measured_in_camera_space(clip):
    joints = clip.poses_cam_m.copy()
    joints[1] += np.array([0.3, 0, 0.4], np.float32)  # there and back: half a metre too much in both steps
    terms = terms_of(clip, joints)
    distance = np.linalg.norm(clip.poses_cam_m[:, 0], axis=-1)  # depth in the virtual camera
    assert terms["root_velocity"] == pytest.approx(np.mean(0.5 / distance[1:]), rel=1e-3)
    assert terms["root"] == pytest.approx(0.5 / distance[1] / 3, rel=2e-3)
    assert terms["velocity"] < 2e-4


def test_a_joint_that_is_off_costs_its_distance_and_no_root(clip):
    joints = clip.poses_cam_m.copy()
    joints[1, 5] += np.array([0.3, 0, 0.4], np.float32)
    terms = terms_of(clip, joints)
    assert terms["projected_prior"] == pytest.approx(0.5 / (16 * 3), rel=1e-2)
    assert terms["velocity"] == pytest.approx(2 * 0.5 / (16 * 2), rel=1e-2)
    assert max(terms["root"], terms["root_velocity"]) < 2e-4


@pytest.mark.parametrize("labelled", [8, 2, 0])
def test_labelled_pairs_are_detections_with_their_own_pose_and_as_many_as_asked(labelled):
    seen = take("S1", "Walk-1", 12, camera_ring())
    paired = [take("S5", action, 6, camera_ring(1))[0] for action in ("Sit-1", "Wave-1")]
    drawn = objective(seen, paired, labelled, around=(2, 1), outputs=2)
    [plane], [poses] = drawn._draw_supervised([np.random.default_rng(0)], 8)
    assert plane.shape == (8, 5, 17, 2) and poses.shape == (8, 5, 17, 3)
    all_poses = np.concatenate([s.poses_cam_m for s in paired])
    all_planes = np.concatenate([s.camera.normalize(s.keypoints_px) for s in paired])
    found = []
    for run_plane, run_poses in zip(plane.numpy(), poses.numpy(), strict=True):
        index = [np.flatnonzero((all_poses == pose).all((1, 2))) for pose in run_poses]
        if all(len(i) for i in index):
            frames = np.concatenate(index)
            assert set(np.diff(frames)) <= {0, 1} and len(set(frames // 6)) == 1  # in order, of one clip
            np.testing.assert_allclose(run_plane, all_planes[frames], atol=1e-6)
            found.append(frames)
        else:
            assert not any(len(i) for i in index)
    assert len(found) == labelled


def test_without_labels_the_projected_prior_is_all():
    weak = objective(take("S1", "Walk-1", 12, camera_ring()))
    drawn, projected = (
        weak._draw_supervised([np.random.default_rng(0)], 8),
        weak.draw_projected([np.random.default_rng(0)], 8),
    )
    for a, b in zip(drawn, projected, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(("around", "outputs"), [((0, 0), 1), ((1, 1), 3), ((4, 0), 2), ((4, 0), 5), ((1, 3), 4)])
def test_prior_takes_appear_where_detections_did_in_the_frame_that_the_critic_sees(around, outputs):
    seen = take("S1", "Walk-1", 12, camera_ring())
    [plane], [poses] = objective(seen, around=around, outputs=outputs).draw_projected([np.random.default_rng(0)], 16)
    assert plane.shape[1] == sum(around) + outputs
    roots = np.concatenate([s.camera.normalize(s.keypoints_px)[:, 0] for s in seen])
    frame = around[0] + outputs // 2
    distance = np.linalg.norm(plane[:, frame, None, 0].numpy() - roots, axis=-1).min(1)
    assert distance.max() < 1e-5
    torch.testing.assert_close(plane, poses[..., :2] / poses[..., 2:], atol=1e-5, rtol=0)  # exact detections: no errors


def test_turned_limbs_are_those_of_the_takes_beside_their_trunks():
    seen = take("S1", "Walk-1", 12, camera_ring())
    bones, turned = (
        torch.from_numpy(bone_matrix()).float()
        @ objective(seen, turn_deg=deg).draw_projected([np.random.default_rng(0)], 200)[1]
        for deg in (0, 40)
    )
    torch.testing.assert_close(turned.norm(dim=-1), bones.norm(dim=-1), atol=1e-4, rtol=0)
    off = (turned - bones).norm(dim=-1).flatten(0, 2)  # of bones, each named by the joint at its end
    limbs = [JOINT_NAMES.index(side + joint) - 1 for side in "RL" for joint in ("Knee", "Foot", "Elbow", "Wrist")]
    assert off[:, limbs].mean(0).min() > 0.03
    assert np.delete(off.numpy(), limbs, 1).max() < 1e-4


def test_tilted_viewpoints_show_takes_at_the_same_place_and_another_slant():
    weak = objective(take("S1", "Walk-1", 12, camera_ring()))
    ([plane], [poses]), ([tilted_plane], [tilted]) = (
        weak.draw_projected([np.random.default_rng(0)], 400, tilt_deg) for tilt_deg in (0.0, 20.0)
    )
    roots = [p[:, 0, 0] for p in (plane, tilted_plane)]
    assert max(np.linalg.norm(root[:, None] - roots[0][None], axis=-1).min(1).max() for root in roots) < 1e-5

    def slants_deg(poses):
        """How far the line from the hips to the thorax leans sideways in the picture."""
        trunks = (poses[:, 0, 8] - poses[:, 0, 0]).numpy()
        return np.degrees(np.arctan2(trunks[:, 0], -trunks[:, 1]))

    assert slants_deg(tilted).std() > slants_deg(poses).std() + 8


@pytest.mark.parametrize("keypoints", [False, True])
@pytest.mark.parametrize(("network", "outputs"), [("convolution", 1), ("convolution", 4), ("causal_convolution", 3)])
def test_the_critic_sees_the_middle_output_of_each_run(network, outputs, keypoints):
    torch.manual_seed(0)
    lifter = TemporalLifter(8, 3, network)
    around = lifter.frames_before, lifter.frames_after
    seen = objective(
        take("S1", "Walk-1", 12, camera_ring()),
        around=around,
        motion=True,
        outputs=outputs,
        pairs=0,
        shown_to_critic=keypoints,
    )
    [(_, features, shown)] = seen.critic_batches([np.random.default_rng(0)], 6)
    lifts = []

    def noting(runs):
        lifts.append(lifter(runs))
        return lifts[-1]

    rng = np.random.default_rng(0)
    seen.draw_projected([rng], 6)  # the prior's poses are drawn first
    judged, _ = seen.terms(noting, seen.generator_batches([rng], 6)[0])
    assert lifts[0][0].shape[:2] == (6, outputs)
    torch.testing.assert_close(beside(lifter.poses(features).squeeze(1), shown), judged)


def test_the_critic_sees_a_pose_of_the_prior_beside_its_own_projection():
    """Of a detector without errors, where the critic sees keypoints; else it sees the pose alone."""
    data = objective(take("S1", "Walk-1", 12, camera_ring()), shown_to_critic=True)
    [(real, _, _)] = data.critic_batches([np.random.default_rng(0)], 6)
    [plane], [joints] = data.draw_projected([np.random.default_rng(0)], 6)
    view = view_from_image_plane(plane[:, 0])
    assert torch.equal(real[..., 3:], view.keypoints)
    torch.testing.assert_close(real[..., :3], to_virtual_space(joints[:, 0], view.rotation)[0])
    data = objective(take("S1", "Walk-1", 12, camera_ring()))
    [(alone, _, shown)] = data.critic_batches([np.random.default_rng(0)], 6)
    assert torch.equal(alone, real[..., :3]) and shown.shape == (6, 16, 0)


@pytest.mark.parametrize("kind", ["frame", "convolution", "causal_convolution", "gru"])
def test_terms_of_the_root_teach_the_root_alone_and_terms_of_the_pose_the_pose(kind):
    torch.manual_seed(0)
    lifter = FrameLifter(8, 1) if kind == "frame" else TemporalLifter(8, 9, kind)
    around, outputs = (lifter.frames_before, lifter.frames_after), 1 if kind == "frame" else 3
    seen = take("S1", "Walk-1", 20, camera_ring())
    learning = objective(seen, seen, 4, around, outputs, lifter.with_motion, noise_px=3.0)
    fake, terms = learning.terms(lifter, learning.generator_batches([np.random.default_rng(0)], 4)[0])
    assert fake.shape == (4, 16, 3) and set(terms) >= {"reprojection", "projected_prior", "root"}
    assert ("root_velocity" in terms) == ("velocity" in terms) == (outputs > 1)

    def taught(loss):
        parts = {"pose": list(lifter.pose.parameters()), "root": list(lifter.root.parameters())}
        gradients = {
            name: torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
            for name, weights in parts.items()
        }
        return {name for name, given in gradients.items() if any(g is not None and g.any() for g in given)}

    for name, term in terms.items():
        assert (
            taught(term)
            == {
                "reprojection": {"pose", "root"},
                "projected_prior": {"pose"},
                "velocity": {"pose"},
                "root": {"root"},
                "root_velocity": {"root"},
            }[name]
        )
    assert taught(fake.sum()) == {"pose"}  # so that the critic does not move the root


def test_a_pose_gets_the_errors_of_the_detection_that_looks_most_like_it():
    sequences = take("S1", "Walk-1", 12, camera_ring())
    data = objective(sequences, candidates=2000)  # some hundred of each frame
    poses = torch.from_numpy(np.concatenate([s.poses_cam_m for s in sequences])).float()
    # Nearer to the camera or further away, it looks alike but for perspective.
    poses = poses + torch.nn.functional.normalize(poses[:, :1], dim=-1) * 0.01
    [alike] = data._draw_alike(poses[None], 0, [np.random.default_rng(0)])
    assert alike[:, 0].tolist() == list(range(len(poses)))


def test_another_detectors_errors_stay_for_a_run_and_are_in_units_of_the_2d_size():
    data = objective(take("S1", "Walk-1", 12, camera_ring()), around=(1, 1), outputs=3)
    data._settings = replace(data._settings, other_noise=0.1)
    [plane], [poses] = data.draw_projected([np.random.default_rng(0)], 2000)
    exact = poses[..., :2] / poses[..., 2:]
    errors = (plane - exact) / view_from_image_plane(exact).scale[..., None, None]  # its own detections are exact
    torch.testing.assert_close(errors, errors[:, :1].expand_as(errors), atol=1e-4, rtol=0)
    # Uniform from 0 to 0.1, squared: a third of 0.01.
    np.testing.assert_allclose(errors.square().mean(), 0.1**2 / 3, rtol=0.05)


def test_steps_that_are_drawn_at_once_get_what_each_would_get_alone():
    sequences = take("S1", "Walk-1", 12, camera_ring())
    data = objective(sequences, sequences, 2, (1, 1), 3, motion=True, noise_px=3.0, candidates=64)
    data._settings = replace(data._settings, tilt_deg=12.0, other_noise=0.1)
    for draw in (data.generator_batches, data.critic_batches):
        together = draw([np.random.default_rng(seed) for seed in range(3)], 4)
        alone = [draw([np.random.default_rng(seed)], 4)[0] for seed in range(3)]
        for ours, expected in zip(together, alone, strict=True):
            for a, b in zip(ours, expected, strict=True):
                torch.testing.assert_close(a, b)
        assert not torch.equal(together[0][0], together[1][0])


def without_labels(sequence):
    unknown = np.full_like(sequence.poses_cam_m, np.nan)
    return replace(sequence, poses_world_m=unknown, poses_cam_m=unknown, keypoints_px=unknown[..., :2])


def test_clips_without_labels_are_seen_and_lend_no_errors():
    """The middle one of three: its detections are drawn, and errors come from the frames of the other two."""
    labelled = [take("S1", action, frames, camera_ring(1))[0] for action, frames in (("A", 5), ("B", 7), ("C", 6))]
    detections = detect(labelled, 3.0)
    sequences = [labelled[0], without_labels(labelled[1]), labelled[2]]
    observations, full = (Observations(s, detections, CPU) for s in (sequences, labelled))
    assert observations.lengths == [5, 7, 6] and observations.annotated_lengths == [5, 6]
    assert observations.annotated_frames.tolist() == [*range(5), *range(12, 18)]
    for name in ("image_plane", "rotations"):
        torch.testing.assert_close(getattr(observations, name), getattr(full, name), rtol=0, atol=0)
    for name in ("annotated", "residuals"):
        wanted = getattr(full, name)[observations.annotated_frames]
        torch.testing.assert_close(getattr(observations, name), wanted, rtol=0, atol=0)
    known = observations.annotated_frames
    torch.testing.assert_close(observations.scales[known], full.scales[known], rtol=0, atol=0)
    detected_scales = view_from_image_plane(observations.image_plane[5:12].double()).scale.float()
    torch.testing.assert_close(observations.scales[5:12], detected_scales)

    lifting = objective(sequences, observations=observations, candidates=64, motion=True, outputs=3)
    rng = np.random.default_rng(0)
    [seen] = lifting._draw_observed([rng], 400)
    middle_clip = observations.image_plane[5:12]
    assert (seen[:, -1, None] == middle_clip).all((-1, -2)).any(-1).sum() > 60
    [drawn] = lifting._draw_alike(torch.from_numpy(labelled[1].poses_cam_m)[None], 1, [rng])
    assert drawn.shape == (7, 4) and drawn.max() < 11
    plane, poses = lifting.draw_projected([rng], 200)
    assert torch.isfinite(plane).all() and torch.isfinite(poses).all()


def test_some_clip_must_show_how_the_detector_errs():
    sequences = take("S1", "A", 5, camera_ring())
    with pytest.raises(InputError, match="none of lifting.keypoints_subjects has 3D"):
        Observations([without_labels(s) for s in sequences], detect(sequences, 3.0), CPU)
