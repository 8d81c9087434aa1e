"""What every training stage shares: seeds, checkpoints that a killed run goes on from, models and curves."""

import csv
import errno
import hashlib
import json
import math
import os
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

import pose3d
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_output, exclusive, partial_path

_MOST_PARTS = 100
"""Of a network, where its model file says how many: more would be built for minutes before the weights disagree."""


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


def read_archive(path: str | os.PathLike) -> Any:
    """What ``torch.save`` wrote as a zip archive, on the CPU, running no code from it.

    ``torch.load`` does not compare the archive's checksums, and a flipped bit would go unnoticed as a wrong weight.

    Raises:
        Exception: it is damaged or something else. Of such bytes zipfile and torch raise nearly every kind there is.
    """
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > os.path.getsize(path):  # it is never packed
            raise zipfile.BadZipFile("it claims to unpack to more than it holds")
        damaged = archive.testzip()
    if damaged:
        raise zipfile.BadZipFile(f"wrong checksum of {damaged}")
    return read_tensors(path)


def read_tensors(path: str | os.PathLike) -> Any:
    """What ``torch.save`` wrote in any of its formats, unchecked but for the size of its tensors.

    Raises:
        Exception: as of :func:`read_archive`.
    """
    content = torch.load(path, map_location="cpu", weights_only=True)
    tensors = [leaf for _, leaf in _leaves(content, "", {}) if isinstance(leaf, torch.Tensor)]
    if not all(tensor.layout == torch.strided and tensor.device.type == "cpu" for tensor in tensors):
        raise TypeError("a tensor in it is no plain array")
    # A single number can be as many as one likes, and several tensors may share what the file holds once.
    held = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    repeated = any(tensor.nbytes > tensor.untyped_storage().nbytes() for tensor in tensors)
    if repeated or sum(held.values()) > os.path.getsize(path):
        raise ValueError("its tensors claim more than it holds")
    return content


def _write_archive(content: dict[str, Any], path: Path) -> None:
    """``torch.save``, which says of a full disk that it got to an unexpected position.

    Raises:
        OSError: as every other writer does.
    """
    try:
        torch.save(content, path)
    except RuntimeError as error:
        raise OSError(errno.EIO, f"cannot write all of a file ({_first_line(error)})", str(path)) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


class Checkpoint:
    """A training run's state on disk, kept outside DVC's outs, which DVC deletes before each run.

    It stands in ``.ckpt/`` of the repository that ``dvc`` was started in (``DVC_ROOT``), under the stage's name and the
    run's fingerprint, and is removed when the stage has written its outputs.
    """

    def __init__(self, stage: str, run_fingerprint: str) -> None:
        self._run = f"{stage}-{run_fingerprint}"
        self.path = Path(os.environ.get("DVC_ROOT", ".")) / ".ckpt" / f"{self._run}.pt"

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the state atomically: a kill leaves the previous checkpoint whole, and so does divergence.

        Args:
            state: ``step``, the number of steps done, and all else that the run goes on from: modules and optimizers,
                whose ``state_dict`` is kept, and numbers, tensors, lists and dicts.

        Raises:
            InputError: it holds a number that is not finite.
        """
        states = {n: v.state_dict() if hasattr(v, "state_dict") else v for n, v in state.items()}
        require_finite_state(states["step"], self, **states)
        with atomic_output(self.path) as partial:
            _write_archive({"run": self._run, **states}, partial)

    def load(self, start: Mapping[str, Any]) -> dict[str, Any] | None:
        """The saved state, or None where there is none or it cannot be gone on from (which is reported).

        Args:
            start: what :meth:`save` would be given at the start of training: the saved state must have its keys, types
                and shapes. An empty list or dict stands for one of any content.
        """
        if not self.path.exists():
            return None
        try:
            state = _finite(read_archive(self.path))
        except Exception as error:
            print(f"{self.path} does not read ({_first_line(error)}); starting from the beginning", file=sys.stderr)
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
    """Whether what was saved has the keys, types and shapes of one's own; empty ones of those stand for any."""
    if isinstance(own, torch.nn.Module):
        return _fits(saved, own.state_dict())
    if isinstance(own, torch.optim.Adam):
        return _fits(saved, own.state_dict()) and _fits_parameters(saved["state"], own)
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
    """Whether Adam's moments, which a parameter has from its first gradient on, have the shapes of the parameters."""
    parameters = [parameter for group in adam.param_groups for parameter in group["params"]]
    own = {i: {"step": torch.tensor(0.0), "exp_avg": p, "exp_avg_sq": p} for i, p in enumerate(parameters)}
    return all(i in own and _fits(moments, own[i]) for i, moments in saved.items())


def require_finite(step: int, checkpoint: Checkpoint | None = None, /, **terms: float) -> None:
    """Stop a diverged run, which its loss terms show.

    Args:
        step: the number of steps done.
        checkpoint: the run's, which stays.

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


def not_finite(values: Any) -> str | None:
    """Where the first number that is NaN or infinite stands; None: nowhere.

    Args:
        values: modules, optimizers, tensors and numbers, in dicts and lists.
    """
    return next((name for name, leaf in _leaves(values, "", {}) if not _is_finite(leaf)), None)


def _is_finite(leaf: Any) -> bool:
    if isinstance(leaf, torch.Tensor):
        return bool(torch.isfinite(leaf).all())
    return not isinstance(leaf, float) or math.isfinite(leaf)


def _leaves(values: Any, name: str, seen: dict[int, Any]) -> Iterator[tuple[str, Any]]:
    """What modules, optimizers, dicts and lists hold that is none of them, and where it stands.

    A dict or list that stands in several places counts once, for in a crafted file they multiply without end. ``seen``
    has those by their address, and keeps them, so that no other gets it.
    """
    if hasattr(values, "state_dict"):
        values = values.state_dict()
    if isinstance(values, Mapping):
        items: Iterable[tuple[Any, Any]] = values.items()
    elif isinstance(values, list | tuple):
        items = enumerate(values)
    else:
        yield name, values
        return
    if id(values) not in seen:
        seen[id(values)] = values
        for key, value in items:
            yield from _leaves(value, f"{name}.{key}" if name else str(key), seen)


def _diverged(step: int, how: str, checkpoint: Checkpoint | None) -> InputError:
    kept = ""
    if checkpoint is not None:
        there = checkpoint.path.exists()
        kept = f"; the last good checkpoint stays at {checkpoint.path}" if there else "; there is no checkpoint yet"
    return InputError(f"training diverged at step {step} ({how}): lower the learning rate or the weights{kept}")


def _finite(content: Any) -> Any:
    """What was read.

    Raises:
        RuntimeError: a number in it is NaN or infinite, which no run of this project writes.
    """
    name = not_finite(content)
    if name is not None:
        raise RuntimeError(f"{name} is not finite")
    return content


def save_model(path: str | os.PathLike, architecture: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
    """Write a trained model: what it is, and its weights on the CPU.

    Raises:
        InputError: a weight is not finite; what stood there stays.
    """
    name = not_finite(weights)
    if name is not None:
        raise InputError(f"{path} is not written: weight {name} is not finite, for training diverged; lower its lr")
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    with atomic_output(path) as partial:
        _write_archive({"architecture": architecture, "weights": weights}, partial)


def load_model(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Read what :func:`save_model` wrote, running no code from the file.

    Returns:
        architecture, weights.

    Raises:
        InputError: missing, unreadable, not such a file, or with a weight that is not finite.
    """
    if not os.path.exists(path):
        raise InputError(f"{path} is missing: run `make repro` to train it")
    try:
        return model_of(_finite(read_archive(path)))
    except Exception as error:
        raise InputError(f"{path} is not a model of this project ({_first_line(error)}): train it again") from None


def model_of(content: Any) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Architecture and weights in what was read of a file of :func:`save_model`.

    Raises:
        TypeError, KeyError: it is something else.
    """
    if not isinstance(content, dict):
        raise TypeError(f"it holds a {type(content).__name__}")
    architecture, weights = content["architecture"], content["weights"]
    if not (isinstance(architecture, dict) and all(map(_is_plain, architecture.values()))):
        raise TypeError("its architecture is no table of plain values")
    if not (isinstance(weights, dict) and all(isinstance(weight, torch.Tensor) for weight in weights.values())):
        raise TypeError("its weights are no table of tensors")
    return architecture, weights


def _is_plain(value: Any) -> bool:
    parts = value if isinstance(value, list | tuple) else [value]
    return len(parts) <= _MOST_PARTS and all(isinstance(part, str | int | float) for part in parts)


def build_with(
    build: Callable[[], torch.nn.Module], weights: dict[str, torch.Tensor], source: str | os.PathLike
) -> torch.nn.Module:
    """A module that has the weights of a file.

    Args:
        build: gives it untrained. First it runs where tensors have a shape and no memory, so that sizes which the file
            claims and does not hold cost nothing.

    Raises:
        InputError: the weights belong to another architecture; names the first key or shape that differs.
    """
    try:
        with torch.device("meta"):
            build().load_state_dict(weights, assign=True)
        module = build()
        module.load_state_dict(weights)
        return module
    except RuntimeError as error:
        lines = str(error).split("\n")
        raise InputError(f"{source} holds weights of another architecture: {lines[len(lines) > 1].strip()}") from None


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
