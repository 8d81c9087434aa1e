"""The loop by a trainer of one weight, whose every step can be worked out by hand."""

import math
import signal

import pytest
import torch
from lightning_fabric import Fabric

from pose3d.runtime.errors import InputError
from pose3d.runtime.signals import Terminated
from pose3d.training.checkpoint import Checkpoint
from pose3d.training.loop import run_training

ONE = Fabric(accelerator="cpu", devices=1)


class Counter(torch.nn.Module):
    """Adds the number of the step to its weight: after n steps it is 0 + 1 + ... + (n - 1)."""

    def __init__(self, at=-1, act=lambda: None, loss=float):
        super().__init__()
        self.steps, self.total = 7, torch.nn.Parameter(torch.zeros(()), requires_grad=False)
        self.parts = {"counter": self}
        self._at, self._act, self._loss = at, act, loss

    def step(self, step):
        if step == self._at:
            self._act()
        self.total += step
        return {"loss": torch.tensor(self._loss(step)), "total": self.total.detach().clone()}

    def logs(self, done):
        return done % 3 == 0 or done == self.steps

    def saves(self, done):
        return done % 2 == 0

    def row(self, done, terms, progress):
        return {name: float(values.mean()) for name, values in terms.items()}


ROWS = [
    {"step": 3, "loss": 1.0, "total": 4 / 3},  # of 0, 1, 3
    {"step": 6, "loss": 4.0, "total": 31 / 3},  # of 6, 10, 15
    {"step": 7, "loss": 6.0, "total": 21.0},
]


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return Checkpoint("count", "x")


def test_rows_hold_the_steps_since_the_last_and_the_last_step_has_one(checkpoint):
    counter = Counter()
    rows = run_training(counter, ONE, checkpoint, "count")
    assert counter.total == 21
    assert [row.keys() for row in rows] == [row.keys() for row in ROWS]
    for row, expected in zip(rows, ROWS, strict=True):
        assert row == pytest.approx(expected)


def ctrl_c():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("act", "kind", "resumed"),
    [
        (ctrl_c, KeyboardInterrupt, 4),
        (lambda: signal.raise_signal(signal.SIGTERM), Terminated, 6),  # the step is done first
    ],
)
def test_a_stopped_run_goes_on_within_a_row_to_the_same_end(act, kind, resumed, checkpoint, capsys):
    with pytest.raises(kind):
        run_training(Counter(5, act), ONE, checkpoint, "count")
    assert torch.load(checkpoint.path)["step"] == resumed
    counter = Counter()
    rows = run_training(counter, ONE, checkpoint, "count")
    assert f"count: going on from step {resumed} of 7 ({checkpoint.path})\n" in capsys.readouterr().err
    assert counter.total == 21 and rows == run_training(Counter(), ONE, Checkpoint("whole", "x"), "count")


@pytest.mark.parametrize(("bad", "kept"), [(0, None), (1, None), (2, 2), (4, 4), (6, 6)])
def test_the_first_step_that_is_not_finite_is_named_and_what_was_saved_before_it_stays(bad, kept, checkpoint):
    """Also where the next row, in which all steps are looked at, is some steps away."""
    diverging = Counter(loss=lambda step: math.nan if step >= bad else float(step))
    with pytest.raises(InputError, match=rf"diverged at step {bad + 1} \(loss nan, total "):
        run_training(diverging, ONE, checkpoint, "count")
    assert checkpoint.path.exists() == (kept is not None)
    assert kept is None or torch.load(checkpoint.path)["step"] == kept


def test_a_part_that_is_not_finite_behind_finite_terms_is_no_result(checkpoint):
    counter = Counter()
    counter.register_buffer("behind", torch.tensor(0.0))

    def overflow():
        counter.behind.fill_(math.inf)

    counter._at, counter._act = 6, overflow
    with pytest.raises(InputError, match=r"diverged at step 7 \(counter\.behind is not finite\).*stays at"):
        run_training(counter, ONE, checkpoint, "count")
