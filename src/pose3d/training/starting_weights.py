"""Files that a training starts from: what ``torch.save`` wrote, here or elsewhere, running no code from it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from pose3d.config.blocks import require_init_file
from pose3d.runtime.errors import InputError
from pose3d.training.archive import read_archive, read_tensors
from pose3d.training.finite import not_finite
from pose3d.training.model_file import model_of

_ZIP_STARTS_WITH = b"PK\x03\x04"
_SHOWN_CHARACTERS = 100


class _Skipped:
    """Takes the place of a NumPy number, such as the best accuracy that trainers keep beside the weights.

    Nothing here reads these, and NumPy's own classes would allocate whatever size a file claims.
    """

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


_NUMPY_NUMBERS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_Skipped, name) for name in ("numpy.dtype", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
]


def read_checkpoint(path: str, key: str) -> dict[str, Any]:
    """What a checkpoint holds: tensors, plain values, and dicts and lists of them.

    Files from before PyTorch 1.6 are no archives and have no checksums; of these a flipped bit goes unnoticed.

    Args:
        key: the param that names the file, for error messages.

    Raises:
        InputError: missing, a folder, no checkpoint, damaged, or holding objects whose code would have to be run.
    """
    require_init_file(key, path)
    try:
        with open(path, "rb") as file:
            is_archive = file.read(len(_ZIP_STARTS_WITH)) == _ZIP_STARTS_WITH
        with torch.serialization.safe_globals(_NUMPY_NUMBERS):
            content = read_archive(path) if is_archive else read_tensors(path)
    except Exception as error:  # of bytes that are not its own, torch raises nearly every kind there is
        raise InputError(f"{path} {_reason(error)}: {key} takes what torch.save wrote of a state_dict()") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no weights by name, such as state_dict() gives: check {key}")
    return content


def _reason(error: Exception) -> str:
    """Why a file did not read, in our words: torch's go over several lines and advise to run its code."""
    named = re.search(r"GLOBAL ([\w.]+)", str(error))
    if named:
        return (
            f"holds Python objects, {named[1]} first, as models saved whole and some trainers' settings do, and no "
            "code from a file is run here"
        )
    return "is not a checkpoint, or damaged"


def own_model(content: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Architecture and weights where it is a model file of this project, else None."""
    try:
        return model_of(content)
    except (TypeError, KeyError):
        return None


def state_dict(content: Any, path: str, key: str) -> dict[str, Tensor]:
    """Tensors by name, without the ``module.`` that data-parallel training puts before each.

    Args:
        content: of the file.
        path: of the file, for messages.
        key: the setting that names the file, for messages.

    Raises:
        InputError: it is something else; names the first entry that is no array of real numbers.
    """
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path} holds no weights where they should be: check {key}")
    for name, value in content.items():
        is_array = isinstance(value, Tensor) and not (value.is_complex() or value.is_quantized)
        if not (isinstance(name, str) and is_array):
            raise InputError(f"{path} holds no weights by name, because {shown(name)} in it is no array: check {key}")
    return {name.removeprefix("module."): value for name, value in content.items()}


def difference(given: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str | None:
    """The first key or shape in which weights differ from a network's, as the rest of a sentence about the file."""
    for name, own in expected.items():
        if name not in given:
            return f"lacks {name}"
        if given[name].shape != own.shape:
            return f"has {name} of shape {tuple(given[name].shape)}, not {tuple(own.shape)}"
    extra = next((name for name in given if name not in expected), None)
    return None if extra is None else f"holds {shown(extra)}, which the network does not have"


def as_own(given: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: str, key: str) -> dict[str, Tensor]:
    """Those weights that the network has, in its number type.

    Args:
        given: of the file, tensors by name.
        expected: the network's.
        path: of the file, for messages.
        key: the setting that names the file, for messages.

    Raises:
        InputError: one is not finite, or would not be in the network's type.
    """
    weights = {name: given[name].to(own.dtype) for name, own in expected.items() if name in given}
    name = not_finite(weights)
    if name is not None:
        raise InputError(f"{path}: weight {name} is NaN or infinite, and no training starts from that: check {key}")
    return weights


def shown(value: Any) -> str:
    """A name out of a file as a sentence may show it: no control characters, and not endless."""
    return ascii(value).strip("'")[:_SHOWN_CHARACTERS]
