"""Figures of how well views agree, for people."""

import sys
from typing import Any

_DISAGREE_PCT = 5.0
"""Of joints that are consistent. Chance alone gives 0 to 2 % where cameras are somewhere else."""


def shown(value: Any) -> str:
    """A figure, or several, for people; - where there is none.

    Example:
        >>> shown({"Hip": 75.0, "RHip": None}), shown([12.5, 13.0])
        ('Hip 75.0, RHip -', '12.5, 13.0')
    """
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    return "-" if value is None else str(value)


def disagree(figures: dict) -> bool:
    """Whether of all joints, see :func:`pose3d.multiview.agreement.consistency`, hardly one is consistent."""
    return figures["consistent_pct"] < _DISAGREE_PCT


def say_disagreement(figures: dict) -> None:
    """On stderr, where views :func:`disagree`."""
    if disagree(figures):
        print(
            f"the views do not agree, {figures['consistent_pct']} % of the joints are consistent: are rotations of the "
            "calibration inverse, or positions in place of translations, or do the videos not start together?",
            file=sys.stderr,
        )
