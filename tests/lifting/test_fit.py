"""Training end to end on a toy: determinism, resumption to the same bytes, two processes, divergence, lifting."""

import json
from dataclasses import replace
from functools import partial
from unittest import mock

import numpy as np
import pytest
import torch
import two_processes
from lightning_fabric import Fabric

from pose3d.camera import Camera
from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.errors import InputError
from pose3d.lifting import adversarial
from pose3d.lifting.critic import Logistic, Wasserstein
from pose3d.lifting.fit import OWN_WEIGHTS, fit_lifter, term_weights
from pose3d.lifting.lift import build_lifter, lift, lift_sequences
from pose3d.lifting.plots import save_curves_png
from pose3d.lifting.supervision import Supervision
from pose3d.lifting.trajectory import smooth
from pose3d.lifting.virtual_camera import view_from_image_plane
from pose3d.lifting.virtual_objective import VirtualCameraObjective
from pose3d.records import Keypoints2D, Sequence
from pose3d.training import Checkpoint, save_model

ONE = Fabric(accelerator="cpu", devices=1)
COMMON = {
    "steps": 6,
    "batch_size": 8,
    "width": 16,
    "critic_width": 8,
    "lr": 1e-3,
    "lr_end_share": 0.1,
    "betas": (0.5, 0.9),
    "average_decay": 0.9,
    "critic_steps": 2,
    "critic_weight": 0.01,
    "reproj_weight": 2.0,
    "reproj_weight_start": 0.5,
    "reproj_weight_ramp": 0.5,
}


def params(kind, formulation, **changes):
    on = formulation == "virtual_camera"
    extra = {"projected_prior_weight": float(on), "projected_prior_batch_size": 12}
    extra |= {"critic_loss": "logistic" if on else "wasserstein", "gradient_penalty": 0.01 if on else 10.0}
    if kind == "temporal":
        extra |= {"network": "convolution", "window_frames": 9, "run_outputs": 3, "velocity_weight": 1.0}
        return TemporalParams(**COMMON | extra | changes)
    return RepnetParams(**COMMON | extra | {"blocks": 1} | changes)


def lifting(formulation, paired=None):
    return LiftingParams(
        formulation=formulation,
        keypoints_subjects=("S1",),
        prior=({"subjects": ("S7",)},),
        paired=paired,
        error_gain=1.0,
        error_candidates=4,
        fit_proportions=False,
        body_spread=0.05,
        mixed_share=0.5,
    )


def sequence(subject, frames, seed):
    rng = np.random.default_rng(seed)
    # x right, y forward, z up in the world; the camera stands five metres behind the origin at a man's height
    rotation = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    intrinsics = np.array([[500.0, 0, 256], [0, 500, 256], [0, 0, 1]])
    camera = Camera("c", 512, 512, intrinsics, np.zeros(5), rotation, -rotation @ np.array([0, -5.0, 1.0]))
    world = rng.normal(0, 0.3, (1, 17, 3)) + rng.normal(0, 0.02, (frames, 17, 3)) + [0, 0, 1.0]
    cam = camera.world_to_camera(world)
    boxes = np.tile([0.0, 0, 512, 512], (frames, 1))
    return Sequence(subject, f"Walk-{seed}", camera, 25.0, world, cam, camera.project(cam), boxes)


def toy_supervision():
    sequences = [sequence("S1", frames, seed) for seed, frames in enumerate([20, 4])]
    rng = np.random.default_rng(9)
    detections = [
        Keypoints2D(s.keypoints_px + rng.normal(0, 2, s.keypoints_px.shape), np.ones(s.keypoints_px.shape[:2]))
        for s in sequences
    ]
    return Supervision(sequences, detections, [sequence("S7", 15, 5)])


@pytest.fixture
def supervision():
    return toy_supervision()


ALL = [(kind, formulation) for kind in ("frame", "temporal") for formulation in ("virtual_camera", "original")]


@pytest.mark.parametrize(("kind", "formulation"), ALL)
def test_a_killed_run_ends_with_the_same_bytes(kind, formulation, supervision, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(adversarial, "_LOG_STEPS", 2)
    monkeypatch.setattr(adversarial, "_CHECKPOINT_STEPS", 2)
    block = params(kind, formulation)

    def fit(name):
        return fit_lifter(lifting(formulation), block, supervision, 1, ONE, Checkpoint(name, "x"))

    whole = fit("whole")
    calls = []
    step = adversarial.generator_step

    def killed(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(adversarial, "generator_step", killed)
    with pytest.raises(KeyboardInterrupt):
        fit("killed")
    resumed = fit("killed")
    assert len(calls) == 4 + 4  # steps 2 to 5 after the checkpoint at 2
    for name, fitted in (("a", whole), ("b", resumed)):
        save_model(tmp_path / name / "model.pt", fitted.architecture, fitted.weights)
        save_curves_png(tmp_path / name / "curves.png", fitted.curves, "curves")
    for file in ("model.pt", "curves.png"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert whole.curves == resumed.curves


def losses_of_every_step(fabric):
    """Every kind of training, one that learns from labels too, and one that goes on from a checkpoint at step 2."""
    adversarial._LOG_STEPS = 1
    plain = toy_supervision()
    labelled = replace(plain, paired=list(zip(plain.sequences, plain.detections, strict=True)))
    runs = {
        f"{kind} {formulation}": (lifting(formulation), params(kind, formulation), plain) for kind, formulation in ALL
    }
    half = lifting("virtual_camera", {"subjects": ("S1",), "frames_share": 1.0, "draws_share": 0.5})
    runs["labels"] = half, params("temporal", "virtual_camera", network="gru"), labelled
    runs["killed"] = runs["frame virtual_camera"]
    curves = {}
    for name, run in runs.items():
        # A weight that moves all of a Wasserstein critic's scores alike has a gradient of zero but for rounding. Adam
        # would make whole steps of that, other ones with one process than with two: its eps lets small ones stay small.
        steady = partial(torch.optim.Adam, eps=1e-3) if "original" in name else torch.optim.Adam
        with mock.patch.object(torch.optim, "Adam", steady):
            curves[name] = fit_lifter(*run, 1, fabric, Checkpoint(name, "x")).curves
    return curves


def test_two_processes_lose_at_every_step_what_one_loses(supervision, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(adversarial, "_LOG_STEPS", 1)
    with monkeypatch.context() as patched:
        patched.setattr(adversarial, "_CHECKPOINT_STEPS", 2)
        patched.setattr(Checkpoint, "save", stop_after(Checkpoint.save))
        with pytest.raises(KeyboardInterrupt):
            run = lifting("virtual_camera"), params("frame", "virtual_camera"), supervision
            fit_lifter(*run, 1, ONE, Checkpoint("killed", "x"))
    code = """
import json
from pathlib import Path
from test_fit import losses_of_every_step
from pose3d.processes import all_processes

with all_processes() as fabric:
    assert fabric.world_size == 2
    losses = losses_of_every_step(fabric)
Path("losses.json").write_text(json.dumps(losses))
"""
    two_processes.run(tmp_path / "two", code, DVC_ROOT=str(tmp_path))
    assert "train_repnet: going on from step 2" in (tmp_path / "two/err.txt").read_text()
    two = json.loads((tmp_path / "two/losses.json").read_text())
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "one"))
    one = losses_of_every_step(ONE)
    assert one.keys() == two.keys() and one["killed"] == one["frame virtual_camera"]
    for name, rows in one.items():
        assert [row.keys() for row in rows] == [row.keys() for row in two[name]]
        losses, of_two = (np.array([list(row.values()) for row in curves]) for curves in (rows, two[name]))
        assert len(losses) == 6 and np.isfinite(losses).all()
        np.testing.assert_allclose(of_two, losses, rtol=1e-5, err_msg=name)


def stop_after(save):
    def saving(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    return saving


class TwoProcesses(Fabric):
    """Says that there are two, and is one."""

    world_size = 2


@pytest.mark.parametrize(
    ("kind", "changes", "name"),
    [
        ("frame", {"batch_size": 7}, "repnet.batch_size is 7"),
        ("temporal", {"projected_prior_batch_size": 9}, "temporal.projected_prior_batch_size is 9"),
        ("frame", {"projected_prior_batch_size": 10}, "draws_share of repnet.projected_prior_batch_size is 5"),
    ],
)
def test_batches_that_the_processes_cannot_share_are_refused(kind, changes, name, supervision, tmp_path):
    half = lifting("virtual_camera", {"subjects": ("S1",), "frames_share": 1.0, "draws_share": 0.5})
    paired = replace(supervision, paired=list(zip(supervision.sequences, supervision.detections, strict=True)))
    block, fabric = params(kind, "virtual_camera", **changes), TwoProcesses(accelerator="cpu", devices=1)
    with pytest.raises(InputError, match=f"{name}, which 2 processes cannot share equally"):
        fit_lifter(half, block, paired, 1, fabric, Checkpoint("test", str(tmp_path)))


@pytest.mark.parametrize("network", [None, "convolution", "causal_convolution", "gru"])
def test_mixed_precision_trains_about_as_well_and_in_other_numbers(network, supervision, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    block = params("temporal", "virtual_camera", network=network) if network else params("frame", "virtual_camera")

    def fit(precision):
        fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
        return fit_lifter(lifting("virtual_camera"), block, supervision, 1, fabric, Checkpoint(precision, "x"))

    plain, mixed = fit("32-true"), fit("bf16-mixed")
    assert {weight.dtype for weight in mixed.weights.values()} == {torch.float32}
    assert not all(torch.equal(plain.weights[name], mixed.weights[name]) for name in plain.weights)
    assert mixed.curves[-1] == pytest.approx(plain.curves[-1], rel=0.1)


@pytest.mark.parametrize("network", ["convolution", "causal_convolution", "gru"])
@pytest.mark.parametrize("window_frames", [9, 81, 243])
def test_every_temporal_network_trains_and_lifts_as_its_model_file_says(network, window_frames, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    clip = sequence("S1", 250, 1)
    detections = Keypoints2D(clip.keypoints_px, np.ones((250, 17)))
    data = Supervision([clip], [detections], [sequence("S7", 245, 5)])
    sizes = {"width": 8, "steps": 2, "window_frames": window_frames}
    block = params("temporal", "virtual_camera", network=network, **sizes)
    fitted = fit_lifter(lifting("virtual_camera"), block, data, 1, ONE, Checkpoint("t", "x"))
    assert fitted.architecture["network"] == network
    save_model(tmp_path / "m.pt", fitted.architecture, fitted.weights)
    (lifted,) = lift_sequences(tmp_path / "m.pt", [clip], [detections])
    assert lifted.poses_cam_m.shape == (250, 17, 3) and np.isfinite(lifted.poses_cam_m).all()


def test_divergence_stops_the_run_and_keeps_the_good_checkpoint(supervision, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(adversarial, "_LOG_STEPS", 1)
    monkeypatch.setattr(adversarial, "_CHECKPOINT_STEPS", 1)
    checkpoint = Checkpoint("t", "x")
    step = adversarial.generator_step

    def diverging(generator, *rest):
        result = step(generator, *rest)
        if checkpoint.path.exists():
            with torch.no_grad():
                next(generator.parameters()).fill_(float("nan"))
        return result

    monkeypatch.setattr(adversarial, "generator_step", diverging)
    with pytest.raises(InputError, match="diverged at step 2"):
        fit_lifter(lifting("virtual_camera"), params("frame", "virtual_camera"), supervision, 1, ONE, checkpoint)
    assert checkpoint.load()["step"] == 1
    assert all(torch.isfinite(w).all() for w in checkpoint.load()["generator"].values())


@pytest.mark.parametrize(("kind", "formulation"), ALL)
def test_lifting_any_length(kind, formulation, supervision, tmp_path):
    architecture = {"lifter": kind if formulation == "virtual_camera" else f"original_{kind}", "width": 8}
    if kind == "temporal":
        architecture["window_frames"] = 9
        if formulation == "virtual_camera":
            architecture["network"] = "convolution"
    elif formulation == "virtual_camera":
        architecture["blocks"] = 1
    torch.manual_seed(0)
    save_model(tmp_path / "m.pt", architecture, build_lifter(architecture).state_dict())
    sequences = [sequence("S1", frames, 1) for frames in (1, 12)]
    detections = [Keypoints2D(s.keypoints_px, np.ones((len(s), 17))) for s in sequences]
    lifted = lift_sequences(tmp_path / "m.pt", sequences, detections)
    for s, result in zip(sequences, lifted, strict=True):
        assert result.poses_cam_m.shape == s.poses_cam_m.shape
        assert np.isfinite(result.poses_cam_m).all()
        assert result.has_root == (architecture["lifter"] != "original_frame")
    if not lifted[0].has_root:
        assert not lifted[0].poses_cam_m[:, 0].any()


@pytest.mark.parametrize("network", [None, "convolution", "gru"])
def test_a_root_network_that_says_nothing_leaves_the_root_on_its_ray_at_a_usual_distance(network):
    torch.manual_seed(0)
    kind = (
        {"lifter": "temporal", "window_frames": 9, "network": network} if network else {"lifter": "frame", "blocks": 1}
    )
    lifter = build_lifter(kind | {"width": 8})
    with torch.no_grad():
        for weight in lifter.root.parameters():
            weight.zero_()
    s = sequence("S1", 3, 1)
    root = lift(lifter, s, s.keypoints_px).poses_cam_m[:, 0]
    np.testing.assert_allclose(s.camera.project(root), s.keypoints_px[:, 0], atol=1e-2)
    scale = view_from_image_plane(torch.from_numpy(s.camera.normalize(s.keypoints_px))).scale
    expected = np.log(0.45 / scale.numpy())
    if network == "convolution":  # it looks ahead, so its root is smoothed
        assert np.ptp(smooth(expected, s.fps) - expected) > 1e-4
        expected = smooth(expected, s.fps)
    np.testing.assert_allclose(np.linalg.norm(root, axis=-1), np.exp(expected), rtol=1e-5)


def test_training_learns_the_toy(supervision, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    block = params("frame", "virtual_camera", steps=100, width=32, lr=5e-3)
    fitted = fit_lifter(lifting("virtual_camera"), block, supervision, 1, ONE, Checkpoint("t", "x"))
    assert fitted.curves[-1]["projected_prior"] < 0.6 * fitted.curves[0]["projected_prior"]
    assert fitted.curves[-1]["root"] < 0.6 * fitted.curves[0]["root"]


@pytest.mark.parametrize("loss", ["wasserstein", "logistic"])
def test_the_critic_learns_by_the_loss_that_is_asked_for(loss, supervision, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    asked = []
    for kind in (adversarial.critic_step, adversarial.generator_step):

        def step(*arguments, kind=kind):
            asked.extend(a.critic_loss for a in arguments if isinstance(a, adversarial.Optimisation))
            return kind(*arguments)

        monkeypatch.setattr(adversarial, kind.__name__, step)
    block = params("frame", "virtual_camera", critic_loss=loss, steps=1)
    fit_lifter(lifting("virtual_camera"), block, supervision, 1, ONE, Checkpoint("t", "x"))
    assert [type(a) for a in asked] == 3 * [{"wasserstein": Wasserstein, "logistic": Logistic}[loss]]


@pytest.mark.parametrize("kind", ["frame", "temporal"])
@pytest.mark.parametrize(("share", "alike"), [(1.0, True), (0.5, False)])
def test_full_supervision_sees_no_prior_and_some_supervision_both(
    kind, share, alike, supervision, tmp_path, monkeypatch
):
    """Trained on labelled pairs alone, without a critic, other prior poses change no bit."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    paired = list(zip(supervision.sequences, supervision.detections, strict=True))
    block = params(kind, "virtual_camera", critic_weight=0)
    draws = lifting("virtual_camera", {"subjects": ("S1",), "frames_share": 1.0, "draws_share": share})

    def fit(prior_seed, pairs):
        data = Supervision(supervision.sequences, supervision.detections, [sequence("S7", 15, prior_seed)], pairs)
        return fit_lifter(draws, block, data, 1, ONE, Checkpoint("t", "x")).weights

    one, other, moved = fit(5, paired), fit(6, paired), fit(5, paired[:1])
    assert all(torch.equal(one[name], other[name]) for name in one) == alike
    assert not all(torch.equal(one[name], moved[name]) for name in one)


def test_one_output_per_draw_has_no_velocity_to_compare(supervision, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    block = params("temporal", "virtual_camera", run_outputs=1)
    fitted = fit_lifter(lifting("virtual_camera"), block, supervision, 1, ONE, Checkpoint("t", "x"))
    assert not {"velocity", "root_velocity"} & set(fitted.curves[-1])


@pytest.mark.parametrize("kind", ["frame", "temporal"])
def test_the_projected_prior_alone_draws_no_detections_to_lift(kind, supervision, tmp_path, monkeypatch):
    """The 2D then lends viewpoints and errors only, and the curves have no terms of it."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    drawn = []
    monkeypatch.setattr(VirtualCameraObjective, "_draw_observed", spy(VirtualCameraObjective._draw_observed, drawn))
    block = params(kind, "virtual_camera", critic_weight=0, reproj_weight=0)
    fitted = fit_lifter(lifting("virtual_camera"), block, supervision, 1, ONE, Checkpoint("t", "x"))
    assert set(drawn) == {0}
    assert {"projected_prior", "root"} <= set(fitted.curves[-1]) and "reprojection" not in fitted.curves[-1]


def spy(method, drawn):
    def noting(self, rng, batch_size):
        drawn.append(batch_size)
        return method(self, rng, batch_size)

    return noting


@pytest.mark.parametrize("kind", ["frame", "temporal"])
def test_a_lifter_with_nothing_to_learn_from_is_refused(kind):
    with pytest.raises(ValueError, match="nothing is learnt while critic_weight and reproj_weight are 0 too"):
        params(kind, "virtual_camera", critic_weight=0, reproj_weight=0, projected_prior_weight=0)
    params(kind, "virtual_camera", critic_weight=0, projected_prior_weight=0)


def test_not_a_lifter(tmp_path):
    save_model(tmp_path / "m.pt", {"backbone": "resnet18"}, {})
    with pytest.raises(InputError, match="not a lifter"):
        lift_sequences(tmp_path / "m.pt", [], [])


def test_weights_follow_the_schedule():
    """From a hundredth of the original's 10,000 to all of it, as its author let it grow; half way, a tenth."""
    unit = {"critic_weight": 1.0, "reproj_weight_start": 0.01, "reproj_weight": 1.0}
    weights = term_weights(lifting("original"), params("frame", "original", steps=100, **unit))
    assert weights(0) == {"critic": 1.0, "camera": 1.0, "reprojection": pytest.approx(100)}
    assert weights(25)["reprojection"] == pytest.approx(1000)
    assert weights(99)["reprojection"] == 10000
    weights = term_weights(lifting("virtual_camera"), params("temporal", "virtual_camera", velocity_weight=2.0, **unit))
    own = OWN_WEIGHTS["virtual_camera", "temporal"]
    assert set(weights(0)) == {"critic", "reprojection", "projected_prior", "root", "velocity", "root_velocity"}
    assert weights(0)["velocity"] == 2 * own["velocity"]
    assert weights(0)["root_velocity"] == 2 * own["root_velocity"]
    doubled = params("temporal", "virtual_camera", projected_prior_weight=2.0)
    assert term_weights(lifting("virtual_camera"), doubled)(0)["root"] == 2 * own["root"]


def test_clips_that_are_all_shorter_than_the_window_are_refused(supervision, tmp_path):
    checkpoint = Checkpoint("test", str(tmp_path / "none"))
    few = Supervision(supervision.sequences[1:], supervision.detections[1:], supervision.prior)
    with pytest.raises(InputError, match="window_frames is 9, but the longest 2D clip has 4 frames"):
        fit_lifter(lifting("virtual_camera"), params("temporal", "virtual_camera"), few, 1, ONE, checkpoint)
    few = Supervision(supervision.sequences, supervision.detections, [sequence("S7", 8, 5)])
    with pytest.raises(InputError, match="the longest prior clip has 8 frames"):
        fit_lifter(lifting("original"), params("temporal", "original"), few, 1, ONE, checkpoint)
