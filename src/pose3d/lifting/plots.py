"""Training curves as a picture: one panel per loss term."""

import os
from collections.abc import Sequence as ListLike

from pose3d.files import atomic_output

_COLUMNS = 3


def save_curves_png(path: str | os.PathLike, rows: ListLike[dict[str, float]], title: str) -> None:
    """One panel per term over generator steps; bytes depend on the rows only.

    Args:
        rows: as :func:`pose3d.lifting.adversarial.train` returns them.
    """
    from matplotlib.figure import Figure  # here, so that a stage's `--help` does not wait for it

    terms = [name for name in rows[-1] if name != "step"]
    lines = -(-len(terms) // _COLUMNS)
    figure = Figure(figsize=(4 * _COLUMNS, 2.6 * lines), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for panel, name in zip(panels, terms, strict=False):
        panel.plot([row["step"] for row in rows], [row[name] for row in rows], linewidth=1.2)
        panel.set_title(name.replace("_", " "), fontsize=10)
        panel.set_xlabel("generator step", fontsize=8)
        panel.grid(alpha=0.3)
        panel.tick_params(labelsize=8)
    for panel in panels[len(terms) :]:
        panel.set_axis_off()
    with atomic_output(path) as partial:
        figure.savefig(partial, format="png", dpi=100, metadata={"Software": None})
