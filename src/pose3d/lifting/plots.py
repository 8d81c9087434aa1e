"""Training curves as a picture: one panel per loss term."""

import os
from collections.abc import Sequence

from pose3d.show.figures import TRUNK, new_figure, save_png, style_axes

_COLUMNS = 3


def save_curves_png(path: str | os.PathLike, rows: Sequence[dict[str, float]], title: str) -> None:
    """One panel per term over generator steps; bytes depend on the rows only.

    Args:
        path: the PNG to write.
        rows: as :func:`pose3d.training.loop.run_training` returns them.
        title: above the panels.
    """
    terms = [name for name in rows[-1] if name != "step"]
    lines = -(-len(terms) // _COLUMNS)
    figure = new_figure((9, 2.1 * lines))
    figure.suptitle(title, fontsize=12)
    figure.supxlabel("generator step", fontsize=10)
    panels = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for panel, name in zip(panels, terms, strict=False):
        panel.plot([row["step"] for row in rows], [row[name] for row in rows], color=TRUNK, lw=1.2)
        panel.set_title(name.replace("_", " "), fontsize=10)
        panel.tick_params(labelsize=9)
        style_axes(panel)
    for panel in panels[len(terms) :]:
        panel.set_axis_off()
    save_png(figure, path)
