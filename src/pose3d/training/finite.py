"""Refusing weights and states that are NaN or infinite."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch


def not_finite(values: Any) -> str | None:
    """The place of the first number that is NaN or infinite; None if all are finite.

    Args:
        values: modules, optimizers, tensors and numbers, in dicts and lists.
    """
    return next((name for name, leaf in leaves(values, "", {}) if not _is_finite(leaf)), None)


def _is_finite(leaf: Any) -> bool:
    if isinstance(leaf, torch.Tensor):
        return bool(torch.isfinite(leaf).all())
    return not isinstance(leaf, float) or math.isfinite(leaf)


def leaves(values: Any, name: str, seen: dict[int, Any]) -> Iterator[tuple[str, Any]]:
    """Walk modules, optimizers, dicts and lists, and yield each other value with its place.

    A dict or list that is in several places counts once, because in a crafted file they multiply without end. ``seen``
    holds those by address and keeps them alive, so that no other object gets the same address.

    Args:
        values: any of these, or a leaf itself.
        name: of the values, empty at the top.
        seen: empty at the top.
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
            yield from leaves(value, f"{name}.{key}" if name else str(key), seen)


def all_finite(content: Any) -> Any:
    """Return what was read if all its numbers are finite.

    Raises:
        RuntimeError: a number in it is NaN or infinite, which no run of this project writes.
    """
    name = not_finite(content)
    if name is not None:
        raise RuntimeError(f"{name} is not finite")
    return content
