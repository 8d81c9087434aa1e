"""A replayed step against the plain one, with a capture that holds what a CUDA graph would."""

import pytest
import torch
from lightning_fabric import Fabric
from people import camera_ring, detect, take
from recorded_step import recorded
from toy_lifters import lifting, params

from pose3d.lifting import adversarial, fit
from pose3d.lifting.captured_step import capture_for, cuda_graph
from pose3d.lifting.supervision import Supervision
from pose3d.training.checkpoint import Checkpoint

ONE = Fabric(accelerator="cpu", devices=1)


@pytest.fixture(scope="module")
def supervision():
    seen = take("S1", "Walk-1", 20, camera_ring())
    return Supervision(seen, detect(seen, 3.0), take("S7", "Walk-1", 20, camera_ring()))


def trained(monkeypatch, tmp_path, supervision, kind, formulation, capture, **changes):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(fit, "capture_for", lambda *_: capture)
    block = params(kind, formulation, steps=40, **changes)
    return fit.fit_lifter(lifting(formulation), block, supervision, 1, ONE, Checkpoint("t", "x"))


CASES = [
    ("frame", "virtual_camera", {"critic_loss": "wasserstein"}),
    ("frame", "virtual_camera", {"critic_loss": "logistic", "critic_steps": 2}),
    ("frame", "virtual_camera", {"critic_weight": 0}),
    ("temporal", "virtual_camera", {}),
    ("frame", "original", {}),
    ("temporal", "original", {}),
]


class Counted:
    """A capture by the recorder, and how often it was replayed."""

    def __init__(self, stop_at_replay=None):
        self.captures = self.replays = 0
        self.stop_at_replay = stop_at_replay

    def __call__(self, work):
        self.captures += 1
        replay = recorded(work)

        def counted():
            self.replays += 1
            if self.replays == self.stop_at_replay:
                raise KeyboardInterrupt
            replay()

        return counted


@pytest.mark.parametrize(("kind", "formulation", "changes"), CASES)
def test_a_replayed_step_gives_the_plain_steps_numbers(kind, formulation, changes, supervision, tmp_path, monkeypatch):
    """To the bit where float32 holds the rate: terms and averaged weights after 3 plain and 37 replayed steps.

    The reprojection's weight grows and batches change, so that numbers of the captured step alone would show.
    """
    exact = {"lr": 2.0**-9, "final_lr_ratio": 1.0, "reproj_weight_start": 0.1, "reproj_weight": 2.0} | changes
    given, counted = (monkeypatch, tmp_path, supervision, kind, formulation), Counted()
    plain, replayed = (trained(*given, capture, **exact) for capture in (None, counted))
    assert (counted.captures, counted.replays) == (1, 37)
    assert plain.curves == replayed.curves
    assert all(torch.equal(weight, replayed.weights[name]) for name, weight in plain.weights.items())


def test_replayed_steps_take_the_schedules_rates(supervision, tmp_path, monkeypatch):
    """A rate that falls to nothing; float32 rounds it, and it cannot stay what it was when the step was captured."""
    falling = {"lr": 0.003, "final_lr_ratio": 0.0}
    given, counted = (monkeypatch, tmp_path, supervision, "frame", "virtual_camera"), Counted()
    plain, replayed = (trained(*given, capture, **falling) for capture in (None, counted))
    constant = trained(*given, Counted(), lr=0.003, final_lr_ratio=1.0)
    assert counted.replays == 37
    for name, weight in plain.weights.items():
        torch.testing.assert_close(replayed.weights[name], weight, rtol=1e-4, atol=1e-6)
    assert any((constant.weights[name] - weight).abs().max() > 1e-3 for name, weight in plain.weights.items())


def test_a_run_goes_on_from_a_checkpoint_to_the_same_bytes_as_one_that_was_not_stopped(
    supervision, tmp_path, monkeypatch
):
    """Its first steps are plain where the other's were replayed."""
    monkeypatch.setattr(adversarial, "_CHECKPOINT_STEPS", 15)
    falling = {"lr": 0.003, "final_lr_ratio": 0.1}
    given = monkeypatch, tmp_path, supervision, "frame", "virtual_camera"
    whole = trained(*given, Counted(), **falling)
    Checkpoint("t", "x").remove()
    with pytest.raises(KeyboardInterrupt):
        trained(*given, Counted(stop_at_replay=20), **falling)
    assert Checkpoint("t", "x").path.exists()
    resumed = trained(*given, Counted(), **falling)
    assert resumed.curves == whole.curves
    assert all(torch.equal(weight, resumed.weights[name]) for name, weight in whole.weights.items())


def test_a_step_that_cannot_be_captured_is_taken_plainly_and_that_is_said(supervision, tmp_path, monkeypatch, capsys):
    def refuse(work):
        work()
        raise RuntimeError("operation not permitted\nmore about it")

    def capture(work):
        saved = {}
        recorded(lambda: saved.setdefault("done", work()))  # leaves memory as it was
        raise RuntimeError("operation not permitted\nmore about it")

    given = monkeypatch, tmp_path, supervision, "frame", "virtual_camera"
    exact = {"lr": 2.0**-9, "final_lr_ratio": 1.0}
    plain, fallen_back = (trained(*given, how, **exact) for how in (None, capture))
    assert plain.curves == fallen_back.curves
    said = capsys.readouterr().out
    assert said.count("cannot be captured: operation not permitted") == 1 and "more about it" not in said


@pytest.mark.parametrize(
    ("device", "processes", "capture"), [("cuda", 1, cuda_graph), ("cuda", 2, None), ("cpu", 1, None)]
)
def test_what_captures_a_step(device, processes, capture):
    assert capture_for(torch.device(device), processes) is capture


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("kind", "formulation", "changes"), CASES)
def test_a_cuda_graph_gives_the_plain_steps_numbers(
    kind, formulation, changes, supervision, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    gpu, weights = Fabric(accelerator="cuda", devices=1), []
    for capture in (None, cuda_graph):
        monkeypatch.setattr(fit, "capture_for", lambda *_, capture=capture: capture)
        block = params(kind, formulation, steps=40, lr=2.0**-9, final_lr_ratio=1.0, **changes)
        weights.append(fit.fit_lifter(lifting(formulation), block, supervision, 1, gpu, Checkpoint("t", "x")).weights)
    assert "cannot be captured" not in capsys.readouterr().out
    for name, weight in weights[0].items():
        torch.testing.assert_close(weights[1][name], weight, rtol=1e-4, atol=1e-6)
