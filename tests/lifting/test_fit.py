"""Training end to end on a toy: determinism, resumption to the same bytes, two processes, divergence, lifting."""

import json
import signal
from dataclasses import replace
from functools import partial
from unittest import mock

import numpy as np
import pytest
import torch
import two_processes
from lightning_fabric import Fabric
from toy_lifters import ONE, at_fourth_step, ctrl_c, lifting, params

from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.lifting import adversarial, fit
from pose3d.lifting.critic import Logistic, Wasserstein
from pose3d.lifting.fit import fit_lifter, lifter_architecture, term_weights
from pose3d.lifting.lift import build_lifter, lift, lift_sequences
from pose3d.lifting.networks import FrameLifter
from pose3d.lifting.plots import save_curves_png
from pose3d.lifting.proportions import body_difference
from pose3d.lifting.supervision import Supervision
from pose3d.lifting.trajectory import smooth
from pose3d.lifting.virtual_camera import view_from_image_plane
from pose3d.lifting.virtual_objective import VirtualCameraObjective
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError
from pose3d.runtime.signals import Terminated
from pose3d.training.checkpoint import Checkpoint
from pose3d.training.model_file import save_model


def sequence(subject, frames, seed):
    rng = np.random.default_rng(seed)
    # x right, y forward, z up in the world; the camera is five metres behind the origin at a man's height
    rotation = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    intrinsics = np.array([[500.0, 0, 256], [0, 500, 256], [0, 0, 1]])
    camera = Camera("c", 512, 512, intrinsics, np.zeros(5), rotation, -rotation @ np.array([0, -5.0, 1.0]))
    world = rng.normal(0, 0.3, (1, 17, 3)) + rng.normal(0, 0.02, (frames, 17, 3)) + [0, 0, 1.0]
    cam = camera.world_to_camera(world)
    boxes = np.tile([0.0, 0, 512, 512], (frames, 1))
    return PoseSequence(subject, f"Walk-{seed}", camera, 25.0, world, cam, camera.project(cam), boxes)


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


def sigterm():
    signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize(("kind", "formulation"), ALL)
@pytest.mark.parametrize(
    ("act", "steps_again"),
    [(ctrl_c, 4), (sigterm, 2)],  # steps 2 to 5 after the checkpoint at 2, or 4 and 5 after that of the fourth step
)
@pytest.mark.slow
def test_a_stopped_run_ends_with_the_same_bytes(
    act, steps_again, kind, formulation, supervision, tmp_path, monkeypatch
):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(adversarial, "_LOG_STEPS", 2 if act is ctrl_c else 3)
    monkeypatch.setattr(adversarial, "_CHECKPOINT_STEPS", 2 if act is ctrl_c else 6)
    monkeypatch.setattr(adversarial, "_STEPS_AHEAD", 4)  # a run goes on amid steps that are drawn together
    block = params(kind, formulation)

    def fit(name):
        return fit_lifter(lifting(formulation), block, supervision, 1, ONE, Checkpoint(name, "x"))

    whole = fit("whole")
    begun = at_fourth_step(monkeypatch, act)
    with pytest.raises(KeyboardInterrupt if act is ctrl_c else Terminated):
        fit("stopped")
    resumed = fit("stopped")
    assert len(begun) == 4 + steps_again
    for name, fitted in (("a", whole), ("b", resumed)):
        save_model(tmp_path / name / "model.pt", fitted.architecture, fitted.weights)
        save_curves_png(tmp_path / name / "curves.png", fitted.curves, "curves")
    for file in ("model.pt", "curves.png"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert whole.curves == resumed.curves


@pytest.mark.parametrize(("kind", "formulation"), ALL)
def test_a_run_starts_from_the_weights_of_init(kind, formulation, supervision, tmp_path, capsys):
    """At a learning rate that moves nothing, its result is what it started from."""
    block = params(kind, formulation, lr=1e-30)
    run = lifting(formulation), block, supervision
    first = fit_lifter(*run, 1, ONE, Checkpoint("first", "x"))
    save_model(tmp_path / "start.pt", first.architecture, first.weights)
    capsys.readouterr()
    again = lifting(formulation), block.model_copy(update={"init": str(tmp_path / "start.pt")}), supervision
    assert block.steps > 2
    second = fit_lifter(*again, 2, ONE, Checkpoint("second", "x"))
    other = fit_lifter(*run, 2, ONE, Checkpoint("other", "x"))
    assert all(torch.equal(second.weights[name], weight) for name, weight in first.weights.items())
    assert not all(torch.equal(other.weights[name], weight) for name, weight in first.weights.items())
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [str(tmp_path / "start.pt")] * 2
    assert "taken over whole" in lines[0] and lines[1].endswith("the critic starts fresh")


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
from pose3d.runtime.processes import all_processes

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


SIGTERM_TO_BOTH = """
import pytest
from test_fit import adversarial, at_fourth_step, fit_lifter, lifting, params, sigterm, toy_supervision
from pose3d.runtime.errors import run_stage
from pose3d.runtime.processes import all_processes
from pose3d.training.checkpoint import Checkpoint

adversarial._LOG_STEPS = 5
at_fourth_step(pytest.MonkeyPatch(), sigterm)

def main():
    run = lifting("virtual_camera"), params("frame", "virtual_camera"), toy_supervision()
    with all_processes() as fabric:
        fit_lifter(*run, 1, fabric, Checkpoint("stopped", "x"))
    print("written")

run_stage(main)
"""


def test_sigterm_to_two_processes_ends_both_behind_the_firsts_checkpoint(supervision, tmp_path, monkeypatch, capsys):
    """Who waits for the other in the next step must not go on waiting, and the row that it is in goes on as well."""
    stopped = two_processes.start(tmp_path / "two", SIGTERM_TO_BOTH, DVC_ROOT=str(tmp_path))
    assert stopped.wait(300) == 143
    output = (tmp_path / "two/err.txt").read_text()
    assert output.count("terminated: run the same command again to go on") == 1
    assert "Traceback" not in output and "written" not in output
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(adversarial, "_LOG_STEPS", 5)
    run = lifting("virtual_camera"), params("frame", "virtual_camera"), supervision, 1, ONE
    fitted, whole = (fit_lifter(*run, Checkpoint(name, "x")) for name in ("stopped", "whole"))
    assert "going on from step 4 of 6" in capsys.readouterr().err
    for row, expected in zip(fitted.curves, whole.curves, strict=True):
        assert row == pytest.approx(expected, rel=1e-5)


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
@pytest.mark.slow
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
@pytest.mark.slow
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
    state = torch.load(checkpoint.path)
    assert state["step"] == 1
    assert all(torch.isfinite(w).all() for w in state["generator"].values())


def test_the_step_of_the_fifty_that_diverged_is_named_with_its_terms(supervision, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    steps, step = [], adversarial.generator_step

    def diverging(*given):
        steps.append(step(*given))
        return steps[-1] | ({"root": torch.tensor(float("nan"))} if len(steps) == 3 else {})

    monkeypatch.setattr(adversarial, "generator_step", diverging)
    with pytest.raises(
        InputError, match=r"diverged at step 3 \(critic_loss .*root nan.*\).*no checkpoint yet"
    ) as error:
        block = params("frame", "virtual_camera", steps=6)
        fit_lifter(lifting("virtual_camera"), block, supervision, 1, ONE, Checkpoint("t", "x"))
    assert len(steps) == 6 and f"reprojection {steps[2]['reprojection']:.4g}" in str(error.value)


@pytest.mark.parametrize("overflowing", ["weight", "critic", "moment"])
@pytest.mark.slow
def test_overflow_behind_the_last_losses_is_no_model(overflowing, supervision, tmp_path, monkeypatch):
    """A finite loss whose gradient is not, after the last step: the squared gradient may overflow alone."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(adversarial, "_CHECKPOINT_STEPS", 4)
    checkpoint, steps, step = Checkpoint("t", "x"), [], adversarial.generator_step

    def overflow(generator, critic, optimizer, *rest):
        if len(steps) == 5 and overflowing != "critic":
            gradient = 1e30 if overflowing == "moment" else float("inf")
            generator.pose[0].bias.register_hook(lambda g: torch.full_like(g, gradient))
        steps.append(step(generator, critic, optimizer, *rest))
        if len(steps) == 6 and overflowing == "critic":
            critic.score[2].bias.data.fill_(float("nan"))
        return steps[-1]

    monkeypatch.setattr(adversarial, "generator_step", overflow)
    named = {
        "weight": "average.weights.pose.0.bias",
        "critic": "critic.score.2.bias",
        "moment": "generator_optimizer.state.1",
    }
    with pytest.raises(InputError, match=rf"diverged at step 6 \({named[overflowing]}.* is not finite\).*stays at"):
        fit_lifter(lifting("virtual_camera"), params("frame", "virtual_camera"), supervision, 1, ONE, checkpoint)
    assert torch.load(checkpoint.path, weights_only=True)["step"] == 4


@pytest.mark.parametrize(("kind", "formulation"), ALL)
@pytest.mark.parametrize("degenerate", ["one point", "all equal", "far away", "mirrored", "prior point", "prior line"])
def test_degenerate_people_train_to_finite_numbers(kind, formulation, degenerate, supervision, tmp_path, monkeypatch):
    """All joints in one place, all frames alike, detections thousands of px off or on the other side of the picture, a
    prior without bones or without width; batches of one where the formulation allows it."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    seen = {
        "one point": lambda k: 0 * k + 100,
        "all equal": lambda k: np.broadcast_to(k[:1], k.shape),
        "far away": lambda k: k + 1e5,
        "mirrored": lambda k: -100 * k,
    }.get(degenerate, lambda k: k)
    world = {"prior point": [0, 0, 0], "prior line": [0, 0, 1]}.get(degenerate, [1, 1, 1])
    detections = [replace(d, keypoints_px=seen(d.keypoints_px)) for d in supervision.detections]
    prior = [
        replace(s, poses_world_m=s.poses_world_m * world, poses_cam_m=s.camera.world_to_camera(s.poses_world_m * world))
        for s in supervision.prior
    ]
    data = Supervision(supervision.sequences, detections, prior)
    block = params(kind, formulation, batch_size=1, projected_prior_batch_size=1, steps=4)
    fitted = fit_lifter(lifting(formulation), block, data, 1, ONE, Checkpoint("t", "x"))
    assert all(torch.isfinite(weight).all() for weight in fitted.weights.values())
    terms = {name: value for row in fitted.curves for name, value in row.items() if name not in ("step", "critic_loss")}
    assert all(value >= 0 for name, value in terms.items() if name != "critic"), terms


@pytest.mark.parametrize(("kind", "formulation"), ALL)
def test_a_clip_without_3d_is_trained_on(kind, formulation, supervision, tmp_path, monkeypatch):
    """The longer of two has no labels: other detections in it give other weights, and none is NaN."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    bare, labelled = supervision.sequences
    unknown = np.full_like(bare.poses_cam_m, np.nan)
    bare = replace(bare, poses_world_m=unknown, poses_cam_m=unknown, keypoints_px=unknown[..., :2])
    first, second = supervision.detections

    def weights(of_bare):
        data = Supervision([bare, labelled], [of_bare, second], supervision.prior)
        return fit_lifter(lifting(formulation), params(kind, formulation), data, 1, ONE, Checkpoint("t", "x")).weights

    once, again = weights(first), weights(replace(first, keypoints_px=first.keypoints_px[:, ::-1].copy()))
    assert all(torch.isfinite(weight).all() for weight in once.values())
    assert any((once[name] != again[name]).any() for name in once)


@pytest.mark.parametrize(("kind", "formulation"), ALL)
def test_each_joint_has_its_weight_in_the_reprojection(kind, formulation, supervision, tmp_path, monkeypatch):
    """The term is a sum over joints: without one of them, and of that one alone, it adds up to the whole."""
    monkeypatch.chdir(tmp_path)
    block = params(kind, formulation, steps=1)

    def first_step(weights):
        how = lifting(formulation, joint_weights=weights)
        return fit_lifter(how, block, supervision, 1, ONE, Checkpoint("t", "x")).curves[0]["reprojection"]

    whole, without = first_step({}), first_step({"RWrist": 0.0})
    alone = first_step({name: 0.0 for name in JOINT_NAMES if name != "RWrist"})
    assert 0 < alone < without < whole == pytest.approx(without + alone, rel=1e-5)
    assert first_step({"RWrist": 0.5}) == pytest.approx(without + alone / 2, rel=1e-5)


@pytest.mark.parametrize(("kind", "formulation"), ALL)
def test_lifting_any_length(kind, formulation, supervision, tmp_path):
    architecture = lifter_architecture(lifting(formulation), params(kind, formulation))
    torch.manual_seed(0)
    save_model(tmp_path / "m.pt", architecture, build_lifter(architecture).state_dict())
    sequences = [sequence("S1", frames, 1) for frames in (1, 12)]
    detections = [Keypoints2D(s.keypoints_px, np.ones((len(s), 17))) for s in sequences]
    lifted = lift_sequences(tmp_path / "m.pt", sequences, detections)
    for s, result in zip(sequences, lifted, strict=True):
        assert result.poses_cam_m.shape == s.poses_cam_m.shape
        assert np.isfinite(result.poses_cam_m).all()
        assert result.has_root == (architecture["lifter"] != "original_repnet")
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


@pytest.mark.slow
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


def test_bodies_vary_as_much_as_the_people_in_the_2d_differ_from_the_prior(supervision):
    """Where ``body_spread`` is null; the toy's people have random bones and differ much."""

    def objective(body_spread):
        how = lifting("virtual_camera").model_copy(update={"body_spread": body_spread})
        return fit._objective(how, params("frame", "virtual_camera"), supervision, FrameLifter(4, 1), 1, ONE)

    def poses(body_spread):
        return objective(body_spread).draw_projected([np.random.default_rng(1)], 8)[1]

    people = fit._by_person(supervision, torch.device("cpu"))
    expected = body_difference(objective(0).prior, people, np.random.default_rng(0))
    assert expected > 0.1
    torch.testing.assert_close(poses(None), poses(expected), rtol=0, atol=0.01)
    assert (poses(None) - poses(0)).abs().max() > 0.05


def test_one_output_per_draw_has_no_velocity_to_compare(supervision, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    block = params("temporal", "virtual_camera", run_outputs=1, velocity_weight=0)
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
    ramp = {"critic_weight": 1.0, "reproj_weight_start": 100, "reproj_weight": 10_000, "steps": 100}
    weights = term_weights(lifting("original"), params("frame", "original", **ramp))
    assert weights(0) == {"critic": 1.0, "camera": 1.0, "reprojection": pytest.approx(100)}
    assert weights(25)["reprojection"] == pytest.approx(1000)
    assert weights(99)["reprojection"] == 10_000
    assert term_weights(lifting("original"), params("temporal", "original"))(5) == {
        "critic": 0.01,
        "reprojection": 200,
    }
    clips = params("temporal", "virtual_camera", projected_prior_weight=2.0, velocity_weight=3.0)
    assert term_weights(lifting("virtual_camera"), clips)(5) == {
        "critic": 1e-4,
        "reprojection": 0.1,
        "projected_prior": 2.0,
        "root": 2.0,
        "velocity": 3.0,
        "root_velocity": 3.0,
    }
    single = term_weights(lifting("virtual_camera"), params("frame", "virtual_camera"))(5)
    assert set(single) == {"critic", "reprojection", "projected_prior", "root"}


def test_the_original_does_not_train_without_its_critic(supervision):
    block = params("frame", "original", critic_weight=0)
    with pytest.raises(InputError, match="repnet.critic_weight is 0, but with lifting.formulation original"):
        fit_lifter(lifting("original"), block, supervision, 1, ONE, Checkpoint("t", "x"))


def test_clips_that_are_all_shorter_than_the_window_are_refused(supervision, tmp_path):
    checkpoint = Checkpoint("test", str(tmp_path / "none"))
    few = Supervision(supervision.sequences[1:], supervision.detections[1:], supervision.prior)
    with pytest.raises(InputError, match="window_frames is 9, but the longest 2D clip has 4 frames"):
        fit_lifter(lifting("virtual_camera"), params("temporal", "virtual_camera"), few, 1, ONE, checkpoint)
    few = Supervision(supervision.sequences, supervision.detections, [sequence("S7", 8, 5)])
    with pytest.raises(InputError, match="the longest prior clip has 8 frames"):
        fit_lifter(lifting("original"), params("temporal", "original"), few, 1, ONE, checkpoint)
