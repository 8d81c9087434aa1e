"""Training curves as CSV."""

import csv
import math
import os

from pose3d.runtime.files import atomic_output


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
