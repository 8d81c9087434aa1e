"""Joint angles as a table: a CSV file with a row for each frame.

Its columns are frame (from 0), time_s and an angle each, in degrees, by the names of
:func:`pose3d.geometry.joint_angles.joint_angles_deg`; a cell is empty where the angle is undefined.
"""

import csv
import os
from collections.abc import Mapping

import numpy as np

from pose3d.runtime.files import atomic_output


def write_angles_csv(path: str | os.PathLike, times_s: np.ndarray, angles_deg: Mapping[str, np.ndarray]) -> None:
    """Write the table atomically.

    Args:
        path: of the new file.
        times_s: (T,) seconds.
        angles_deg: name to (T,).

    Raises:
        OSError: the disk is full or not writable.
    """
    with atomic_output(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["frame", "time_s", *angles_deg])
        for frame, (time_s, *row) in enumerate(
            zip(times_s.tolist(), *map(np.ndarray.tolist, angles_deg.values()), strict=True)
        ):
            table.writerow([frame, f"{time_s:.6f}", *("" if value != value else f"{value:.3f}" for value in row)])
