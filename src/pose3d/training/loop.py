"""The loop of every training that goes on where it was stopped: steps, curves, checkpoints, ends.

A step's random draws depend on the seed and the step alone. So a run that was killed goes on from its last checkpoint
and ends with the same bytes as one that was not.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor
from tqdm import tqdm

from pose3d.runtime.processes import mean_over_processes
from pose3d.runtime.signals import Terminated, sigterm_held
from pose3d.training.checkpoint import Checkpoint, require_finite, require_finite_state

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Trainer(Protocol):
    """What one training does in a step, and when it logs and saves.

    Attributes:
        steps: of the whole training.
        parts: all that a step changes, by name: modules, optimizers and their schedules, which have a ``state_dict``.
    """

    steps: int

    @property
    def parts(self) -> Mapping[str, Any]: ...

    def step(self, step: int) -> dict[str, Tensor]:
        """Take a step.

        Args:
            step: 0 to ``steps - 1``.

        Returns:
            Loss terms by name, the same names at every step: detached scalars, means over this process's share.
        """

    def logs(self, done: int) -> bool:
        """Whether a row of the curves follows the first ``done`` steps."""

    def saves(self, done: int) -> bool:
        """Whether a checkpoint follows the first ``done`` steps."""

    def row(self, done: int, terms: Mapping[str, Tensor], progress: tqdm) -> dict[str, float]:
        """A row of the curves.

        Args:
            done: number of steps.
            terms: of the N steps since the last row, each (N,), means over all processes.
            progress: the bar, to show something of it.
        """


def run_training(trainer: Trainer, fabric: Fabric, checkpoint: Checkpoint, label: str) -> list[dict[str, float]]:
    """Take all steps, or those that are left where there is a checkpoint, to the same result.

    Args:
        trainer: in its initial state, which is the same in all processes.
        fabric: device and processes.
        checkpoint: read and written by the first process, also once SIGTERM came and the step is done. The caller
            removes it when the model is written.
        label: of the progress bar.

    Returns:
        The rows of the curves, each with the ``step`` behind which it is.

    Raises:
        InputError: a term, a figure of a row or a part stopped being finite; the last good checkpoint stays.
        Terminated: SIGTERM came, and the checkpoint is written.
    """
    first_step = 0
    rows: list[dict[str, float]] = []
    unlogged: list[Tensor] = []  # (K,) terms of each step since the last row; to look at them makes the device wait

    def state_after(done: int) -> dict[str, Any]:
        return {**trainer.parts, "step": done, "rows": rows, "unlogged": unlogged}

    state = fabric.broadcast(checkpoint.load(state_after(0)) if fabric.is_global_zero else None)
    if state is not None:
        for name, part in trainer.parts.items():
            part.load_state_dict(state[name])
        first_step, rows = state["step"], state["rows"]
        unlogged = [terms.to(fabric.device) for terms in state["unlogged"]]
        if fabric.is_global_zero:
            print(f"{label}: going on from step {first_step} of {trainer.steps} ({checkpoint.path})", file=sys.stderr)

    progress = tqdm(
        range(first_step, trainer.steps),
        desc=label,
        initial=first_step,
        total=trainer.steps,
        unit="step",
        mininterval=2,
        disable=not fabric.is_global_zero,
    )
    with progress, sigterm_held() as terminated:  # the bar closes before any message of an end
        for step in progress:
            terms = trainer.step(step)
            unlogged.append(mean_over_processes(torch.stack(list(terms.values()))))
            done = step + 1
            logs = trainer.logs(done)
            ends = fabric.is_global_zero and terminated()
            saves = fabric.is_global_zero and (ends or trainer.saves(done))
            if logs or saves:
                _require_finite_steps(done, list(terms), unlogged, checkpoint)
            if logs:
                columns = torch.stack(unlogged).unbind(1)
                rows.append({"step": done} | trainer.row(done, dict(zip(terms, columns, strict=True)), progress))
                require_finite(done, checkpoint, **rows[-1])
                unlogged = []
            if saves:
                checkpoint.save(state_after(done))
            if ends:
                raise Terminated
    require_finite_state(trainer.steps, checkpoint, **trainer.parts)
    return rows


def _require_finite_steps(done: int, names: Sequence[str], steps: Sequence[Tensor], checkpoint: Checkpoint) -> None:
    """Stop a diverged run at the first of its last steps that shows it."""
    for step, terms in enumerate(torch.stack(list(steps)).tolist(), done - len(steps) + 1):
        require_finite(step, checkpoint, **dict(zip(names, terms, strict=True)))
