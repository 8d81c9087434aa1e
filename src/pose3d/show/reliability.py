"""The reliability diagram: of the errors that are claimed to lie within a radius, how many do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pose3d.show.figures import METHOD_COLOURS, METHOD_TITLES, TRUTH, new_figure, style_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def reliability_figure(table: pd.DataFrame) -> Figure:
    """Curves of :func:`pose3d.evaluation.coverage.reliability_table` beside the diagonal on which claims are true."""
    figure = new_figure((5, 5))
    axes = figure.add_subplot()
    axes.plot([0, 100], [0, 100], color=TRUTH, lw=1)
    for column in table.columns:
        name, direction = column.rsplit("_", 1)
        label = f"{METHOD_TITLES[name]}, {direction} the sight line"
        style = "-" if direction == "across" else "--"
        axes.plot(table.index, table[column], style, color=METHOD_COLOURS[name], lw=2, label=label)
    axes.set(xlabel="claimed to be inside, %", ylabel="errors inside, %", xlim=(0, 100), ylim=(0, 100), aspect="equal")
    axes.legend(frameon=False)
    style_axes(axes)
    return figure
