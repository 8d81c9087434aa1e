"""What every training stage shares: seeds, checkpoints that a killed run goes on from, models and curves."""

import csv
import hashlib
import json
import math
import os
import pickle
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import pose3d
from pose3d.errors import InputError
from pose3d.files import atomic_output


def seed_all(seed: int) -> None:
    """Seed torch and ask it for deterministic algorithms; NumPy code takes :func:`numpy_generator` instead."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # It would fill every new tensor with NaN first, to show what reads memory before writing it; nothing here does.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False


def numpy_generator(seed: int, *keys: int) -> np.random.Generator:
    """A generator of its own for each purpose (``keys``), so that no draw depends on another's order."""
    return np.random.default_rng(np.random.SeedSequence([seed, *keys]))


def fingerprint(params: Any, inputs: Iterable[str | os.PathLike], script: str | os.PathLike) -> str:
    """Hash of params, the inputs' content and the code loaded so far: a checkpoint is used only where all three agree.

    Args:
        params: anything that ``json.dumps`` takes.
        inputs: files that the stage reads.
        script: the stage's script.
    """
    digest = hashlib.sha256(json.dumps(params, sort_keys=True).encode())
    package = Path(pose3d.__file__).parent
    loaded = {Path(m.__file__) for m in list(sys.modules.values()) if getattr(m, "__file__", None)}
    code = sorted(path for path in loaded if package in path.parents)
    for path in [*inputs, script, *code]:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    digest.update(torch.__version__.encode())
    return digest.hexdigest()[:16]


_UNREADABLE = (RuntimeError, EOFError, pickle.UnpicklingError, OSError, zipfile.BadZipFile)


def _read_archive(path: str | os.PathLike) -> Any:
    """What ``torch.save`` wrote, on the CPU, running no code from it.

    ``torch.load`` does not compare the archive's checksums, and a flipped bit would go unnoticed as a wrong weight.

    Raises:
        one of _UNREADABLE: it is damaged or something else.
    """
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged:
        raise zipfile.BadZipFile(f"wrong checksum of {damaged}")
    return torch.load(path, map_location="cpu", weights_only=True)


class Checkpoint:
    """A training run's state on disk, kept outside DVC's outs, which DVC deletes before each run.

    It stands in ``.ckpt/`` of the repository that ``dvc`` was started in (``DVC_ROOT``), under the stage's name and the
    run's fingerprint, and is removed when the stage has written its outputs.
    """

    def __init__(self, stage: str, run_fingerprint: str) -> None:
        folder = Path(os.environ.get("DVC_ROOT", ".")) / ".ckpt"
        self.path = folder / f"{stage}-{run_fingerprint}.pt"

    def save(self, state: dict[str, Any]) -> None:
        """Write the state atomically: a kill leaves the previous checkpoint whole."""
        with atomic_output(self.path) as partial:
            torch.save(state, partial)

    def load(self) -> dict[str, Any] | None:
        """The saved state, or None where there is none or it does not read (which is reported)."""
        if not self.path.exists():
            return None
        try:
            return _read_archive(self.path)
        except _UNREADABLE as error:
            print(f"{self.path} does not read ({error}); starting from the beginning", file=sys.stderr)
            return None

    def remove(self) -> None:
        """Call once the stage's outputs are written."""
        self.path.unlink(missing_ok=True)


def require_finite(step: int, **terms: float) -> None:
    """Stop a diverged run.

    Raises:
        InputError: a term is NaN or infinite; names the step and every term.
    """
    if not all(math.isfinite(value) for value in terms.values()):
        values = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
        raise InputError(f"training diverged at step {step} ({values}): lower the learning rate or the weights")


def save_model(path: str | os.PathLike, architecture: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
    """Write a trained model: what it is, and its weights on the CPU."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    with atomic_output(path) as partial:
        torch.save({"architecture": architecture, "weights": weights}, partial)


def load_model(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Read what :func:`save_model` wrote, running no code from the file.

    Returns:
        architecture, weights.

    Raises:
        InputError: missing, unreadable, or not such a file.
    """
    if not os.path.exists(path):
        raise InputError(f"{path} is missing: run `make repro` to train it")
    try:
        content = _read_archive(path)
        if not isinstance(content, dict):
            raise TypeError(f"it holds a {type(content).__name__}")
        return content["architecture"], content["weights"]
    except (*_UNREADABLE, KeyError, TypeError) as error:
        reason = str(error).split("\n")[0]
        raise InputError(f"{path} is not a model of this project ({reason}): train it again") from None


def load_weights(module: torch.nn.Module, weights: dict[str, torch.Tensor], source: str | os.PathLike) -> None:
    """Strictly load weights into a module.

    Raises:
        InputError: they belong to another architecture; names the first key or shape that differs.
    """
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).split("\n")[1].strip() if "\n" in str(error) else str(error)
        raise InputError(f"{source} holds weights of another architecture: {reason}") from None


def write_curves(path: str | os.PathLike, rows: list[dict[str, float]]) -> None:
    """Write a table of training curves as CSV, one row per logged step; a cell is empty where a row has no value."""
    names = dict.fromkeys(name for row in rows for name in row)
    with atomic_output(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names)
        table.writerows([_cell(row.get(name, math.nan)) for name in names] for row in rows)


def _cell(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return "" if math.isnan(value) else f"{value:.6g}"
