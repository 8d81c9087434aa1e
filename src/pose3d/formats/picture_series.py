"""Several series of pictures, as of two cameras, told by their names; a clock's hours, minutes and seconds are none."""

from collections.abc import Sequence

import numpy as np

from pose3d.formats.name_order import DECIMAL, WHOLE, number_of

_JUMP = 1.5
"""Of the usual step: steps of whole milliseconds differ by less, and by more where a picture is missing."""
_FULL = (60, 100, 1000, 10**6)
"""Where seconds, minutes and parts of seconds begin again, with as many digits as the number before has."""


def form_of(stem: str) -> str:
    """A name without its numbers; capitals are as small letters."""
    return WHOLE.sub("0", stem.lower())


def varying_digits(stems: Sequence[str]) -> list[tuple[str, ...]]:
    """The groups of digits in which names of one form differ, what counts the pictures last: it has the most values."""
    groups = zip(*map(WHOLE.findall, stems), strict=True)
    n_values = {group: len(set(map(int, group))) for group in groups}
    return sorted((group for group, n in n_values.items() if n > 1), key=n_values.__getitem__)


def farthest_step(numbers: Sequence[str]) -> float:
    """What steps exceed where a picture is missing."""
    steps = np.diff(np.array(numbers, float))
    return _JUMP * float(np.median(steps[steps > 0]) if (steps > 0).any() else 1)


def two_series(stems: Sequence[str]) -> tuple[list[int], list[int]] | None:
    """The first two of several series that have numbers in common, as places of their names; None: there is but one.

    Args:
        stems: in the order of :mod:`pose3d.formats.name_order`.

    Example:
        >>> two_series(["cam1_7", "cam1_8", "cam2_7", "cam2_8"]), two_series(["59_58", "59_59", "60_00"])
        (([0, 1], [2, 3]), None)
    """
    if len(set(map(form_of, stems))) > 1 or number_of(stems) is DECIMAL:
        return None
    varying = varying_digits(stems)
    if len(varying) < 2:
        return None
    numbers, n_digits = list(map(int, varying[-1])), max(map(len, varying[-1]))
    farthest = farthest_step(varying[-1])
    # A clock begins again when it is full.
    if any(max(numbers) < full <= max(numbers) + farthest and n_digits == len(str(full - 1)) for full in _FULL):
        return None
    series: dict[int, dict[int, int]] = {}
    for place, (one, number) in enumerate(zip(map(int, varying[0]), numbers, strict=True)):
        series.setdefault(one, {})[number] = place
    first, second = list(series.values())[:2]
    return (list(first.values()), list(second.values())) if first.keys() & second.keys() else None
