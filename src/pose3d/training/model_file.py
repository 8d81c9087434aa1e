"""Model files: an architecture and its weights."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_output, require_files
from pose3d.training.archive import first_line, read_archive, write_archive
from pose3d.training.finite import all_finite, not_finite

Network = TypeVar("Network", bound=torch.nn.Module)
_MOST_PARTS = 100
"""Of a network, where its model file says how many: more would be built for minutes before the weights disagree."""


def save_model(path: str | os.PathLike, architecture: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
    """Write a trained model: what it is, and its weights on the CPU.

    Args:
        path: of the new file.
        architecture: what the network is built with.
        weights: tensors by name, on any device.

    Raises:
        InputError: a weight is not finite; what was there stays.
    """
    name = not_finite(weights)
    if name is not None:
        raise InputError(f"{path} is not written: weight {name} is not finite, because training diverged; lower its lr")
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    with atomic_output(path) as partial:
        write_archive({"architecture": architecture, "weights": weights}, partial)


def load_model(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Read what :func:`save_model` wrote, running no code from the file.

    Returns:
        architecture, weights.

    Raises:
        InputError: missing, unreadable, not such a file, or with a weight that is not finite.
    """
    require_files(path)
    try:
        return model_of(all_finite(read_archive(path)))
    except Exception as error:
        raise InputError(f"{path} is not a model of this project ({first_line(error)}): train it again") from None


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


def build_with(build: Callable[[], Network], weights: dict[str, torch.Tensor], source: str | os.PathLike) -> Network:
    """A module that has the weights of a file.

    Args:
        build: gives it untrained. First it runs where tensors have a shape and no memory, so that sizes which the file
            claims and does not hold cost nothing.
        weights: tensors by name.
        source: the file, for messages.

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
