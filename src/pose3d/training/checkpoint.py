"""Checkpoints that a killed run goes on from, and stopping a run whose numbers are no longer finite."""

import hashlib
import json
import math
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

import pose3d
from pose3d.runtime.code_hashes import code_hash
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_output, exclusive, partial_path
from pose3d.training.archive import first_line, read_archive, write_archive
from pose3d.training.finite import all_finite, not_finite


def fingerprint(params: Any, inputs: Iterable[str | os.PathLike], script: str | os.PathLike) -> str:
    """Hash of params, the inputs' content and the code loaded so far: a checkpoint is used only where all three agree.

    Of code its comments, docstrings and formatting do not count.

    Args:
        params: anything that ``json.dumps`` takes.
        inputs: files that the stage reads.
        script: the stage's script.
    """
    digest = hashlib.sha256(json.dumps(params, sort_keys=True).encode())
    package = Path(pose3d.__file__).parent
    loaded = {Path(file) for m in list(sys.modules.values()) if (file := getattr(m, "__file__", None))}
    code = sorted(path for path in loaded if package in path.parents)
    for path in inputs:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    for path in [Path(script), *code]:
        digest.update(code_hash(path).encode())
    digest.update(torch.__version__.encode())
    return digest.hexdigest()[:16]


class Checkpoint:
    """A training run's state on disk, kept outside DVC's outs, which DVC deletes before each run.

    It lies in ``.ckpt/`` of the repository that ``dvc`` was started in (``DVC_ROOT``), under the stage's name and the
    run's fingerprint, and is removed when the stage has written its outputs.
    """

    def __init__(self, stage: str, run_fingerprint: str) -> None:
        self._run = f"{stage}-{run_fingerprint}"
        self.path = Path(os.environ.get("DVC_ROOT", ".")) / ".ckpt" / f"{self._run}.pt"

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the state atomically: a kill leaves the previous checkpoint whole, and so does divergence.

        Args:
            state: ``step``, the number of steps done, and all else that the run goes on from: modules, optimizers and
                schedules, whose ``state_dict`` is kept, and numbers, tensors, lists and dicts.

        Raises:
            InputError: it holds a number that is not finite.
        """
        states = {n: v.state_dict() if hasattr(v, "state_dict") else v for n, v in state.items()}
        require_finite_state(states["step"], self, **states)
        with atomic_output(self.path) as partial:
            write_archive({"run": self._run, **states}, partial)

    def load(self, start: Mapping[str, Any]) -> dict[str, Any] | None:
        """The saved state, or None if no file is there or training cannot go on from it (which is reported).

        Args:
            start: what :meth:`save` would be given at the start of training: the saved state must have its keys, types
                and shapes. An empty list or dict fits one of any content.
        """
        if not self.path.exists():
            return None
        try:
            state = all_finite(read_archive(self.path))
        except Exception as error:
            print(f"{self.path} does not read ({first_line(error)}); starting from the beginning", file=sys.stderr)
            return None
        if not _fits(state, {"run": self._run, **start}) or state["run"] != self._run:
            print(f"{self.path} is not a checkpoint of this run; starting from the beginning", file=sys.stderr)
            return None
        return state

    def remove(self) -> None:
        """Call once the stage's outputs are written; what a kill left of a checkpoint's writing goes too."""
        if not self.path.parent.exists():  # training was too short for a checkpoint
            return
        with exclusive(self.path):
            self.path.unlink(missing_ok=True)
            partial_path(self.path).unlink(missing_ok=True)


def _fits(saved: Any, own: Any) -> bool:
    """True if ``saved`` has the keys, types and shapes of ``own``; its empty lists and dicts fit any."""
    if isinstance(own, torch.optim.Adam):
        return _fits(saved, own.state_dict()) and _fits_parameters(saved["state"], own)
    if hasattr(own, "state_dict"):
        return _fits(saved, own.state_dict())
    if isinstance(own, torch.Tensor):
        return isinstance(saved, torch.Tensor) and (saved.shape, saved.dtype) == (own.shape, own.dtype)
    if isinstance(own, dict):
        if not isinstance(saved, dict) or not own:
            return isinstance(saved, dict)
        return saved.keys() == own.keys() and all(_fits(saved[key], value) for key, value in own.items())
    if isinstance(own, list | tuple) and own and isinstance(saved, type(own)):
        return len(saved) == len(own) and all(map(_fits, saved, own))
    return type(saved) is type(own)


def _fits_parameters(saved: dict[int, Any], adam: torch.optim.Adam) -> bool:
    """True if Adam's moments, which a parameter has from its first gradient on, have the shapes of the parameters."""
    parameters = [parameter for group in adam.param_groups for parameter in group["params"]]
    own = {i: {"step": torch.tensor(0.0), "exp_avg": p, "exp_avg_sq": p} for i, p in enumerate(parameters)}
    return all(i in own and _fits(moments, own[i]) for i, moments in saved.items())


def require_finite(step: int, checkpoint: Checkpoint | None = None, /, **terms: float) -> None:
    """Stop a diverged run, which its loss terms show.

    Args:
        step: the number of steps done.
        checkpoint: the run's, which stays.
        terms: losses by name.

    Raises:
        InputError: a term is NaN or infinite; names the step, every term and the last good checkpoint.
    """
    if not all(math.isfinite(value) for value in terms.values()):
        values = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
        raise _diverged(step, values, checkpoint)


def require_finite_state(step: int, checkpoint: Checkpoint | None = None, /, **parts: Any) -> None:
    """Stop a diverged run, which its weights or its optimizers' moments show while the losses still look well.

    A squared gradient that overflows stays in Adam's moments, and the weight is never moved again. To look at every
    number takes a pass over the weights: call it before something is saved, not at every step.

    Args:
        step, checkpoint: as for :func:`require_finite`.
        parts: what :func:`not_finite` takes, by name.

    Raises:
        InputError: a number is NaN or infinite; names the step, the first such part and the last good checkpoint.
    """
    name = not_finite(parts)
    if name is not None:
        raise _diverged(step, f"{name} is not finite", checkpoint)


def _diverged(step: int, how: str, checkpoint: Checkpoint | None) -> InputError:
    kept = ""
    if checkpoint is not None:
        there = checkpoint.path.exists()
        kept = f"; the last good checkpoint stays at {checkpoint.path}" if there else "; there is no checkpoint yet"
    return InputError(f"training diverged at step {step} ({how}): lower the learning rate or the weights{kept}")
