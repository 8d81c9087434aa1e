"""Joint angles as curves: over time, and over the strides of somebody who walks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pose3d.show.figures import LEFT, RIGHT, TRUNK, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"right": RIGHT, "left": LEFT, "trunk": TRUNK}
_COLUMNS = 3
_CYCLE_PCT = np.linspace(0, 100, 101)


def angles_figure(times_s: np.ndarray, angles_deg: Mapping[str, np.ndarray], title: str) -> Figure:
    """A panel for each angle over time, both sides in it.

    Args:
        times_s: (T,).
        angles_deg: as :func:`pose3d.geometry.joint_angles.joint_angles_deg` names them, to (T,); gaps where NaN.
        title: of the whole.
    """
    figure, panels = _panels(angles_deg, title, "time, s")
    for name, values_deg in angles_deg.items():
        side, angle = _side_and_angle(name)
        turns = np.abs(np.diff(values_deg, prepend=values_deg[:1])) > 180  # past half a turn: no line across the panel
        panels[angle].plot(times_s, np.where(turns, np.nan, values_deg), color=COLOURS[side], lw=1.2, label=side)
    _legend(figure, panels)
    return figure


def strides_figure(
    times_s: np.ndarray, angles_deg: Mapping[str, np.ndarray], strides_s: Mapping[str, np.ndarray], title: str
) -> Figure:
    """A panel for each angle over the stride: the mean of all strides and a band of one standard deviation about it.

    Limbs are shown over the strides of their own side, the trunk over those of the right foot. A stride in which an
    angle is undefined does not count for it.

    Args:
        times_s, angles_deg: as :func:`angles_figure` has them.
        strides_s: as :func:`pose3d.geometry.strides.strides_s` gives them.
        title: of the whole.
    """
    figure, panels = _panels(angles_deg, title, "stride, %")
    for name, values_deg in angles_deg.items():
        side, angle = _side_and_angle(name)
        cycles = over_strides(times_s, values_deg, strides_s["left" if side == "left" else "right"])
        cycles = cycles[np.isfinite(cycles).all(1)]
        if not len(cycles):
            continue
        mean, spread = cycles.mean(0), cycles.std(0)
        axes = panels[angle]
        axes.fill_between(_CYCLE_PCT, mean - spread, mean + spread, color=COLOURS[side], alpha=0.2, lw=0)
        axes.plot(_CYCLE_PCT, mean, color=COLOURS[side], lw=1.8, label=f"{side} ({len(cycles)})")
        axes.set_xlim(0, 100)
    _legend(figure, panels)
    return figure


def over_strides(times_s: np.ndarray, values_deg: np.ndarray, strides_s: np.ndarray) -> np.ndarray:
    """(N, 101) values at 0, 1, ... 100 % of N strides, interpolated; NaN as far as values beside are NaN.

    Args:
        times_s, values_deg: (T,).
        strides_s: (N, 2) begins and ends.
    """
    at_s = strides_s[:, :1] + np.diff(strides_s) * _CYCLE_PCT / 100
    return np.interp(at_s, times_s, values_deg)


def _side_and_angle(name: str) -> tuple[str, str]:
    """``right_knee_flexion_deg`` is the right side's knee flexion, ``trunk_flexion_deg`` the trunk's trunk flexion."""
    words = name.removesuffix("_deg").split("_")
    return words[0], " ".join(words if words[0] == "trunk" else words[1:])


def _panels(angles_deg: Mapping[str, np.ndarray], title: str, x_label: str) -> tuple[Figure, dict[str, Axes]]:
    names = list(dict.fromkeys(_side_and_angle(name)[1] for name in angles_deg))
    rows = -(-len(names) // _COLUMNS)
    figure = new_figure((4 * _COLUMNS, 2.2 * rows))
    figure.suptitle(title)
    grid = figure.subplots(rows, _COLUMNS, sharex=True, squeeze=False)
    for unused in grid.flat[len(names) :]:
        unused.set_axis_off()
    panels = dict(zip(names, grid.flat, strict=False))
    for place, (name, axes) in enumerate(panels.items()):
        axes.set_title(name, fontsize=10)
        style_axes(axes)
        if place % _COLUMNS == 0:
            axes.set_ylabel("degrees")
        if place + _COLUMNS >= len(names):  # none is below
            axes.set_xlabel(x_label)
            axes.tick_params(labelbottom=True)
    return figure, panels


def _legend(figure: Figure, panels: Mapping[str, Axes]) -> None:
    lines = {str(line.get_label()): line for axes in panels.values() for line in axes.get_lines()}
    figure.legend(list(lines.values()), list(lines), loc="outside upper right", ncols=len(lines), frameon=False)
