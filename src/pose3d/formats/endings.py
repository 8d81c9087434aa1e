"""Which format a file has, by how its name ends."""

import os
from pathlib import Path

from pose3d.runtime.errors import InputError

ENDINGS = {
    "npz": ".npz",
    "csv": ".csv",
    "bvh": ".bvh",
    "trc": ".trc",
    "c3d": ".c3d",
    "glb": ".glb",
    "amass": ".amass.npz",
    "videopose3d": ".videopose3d.npz",
    "openpose": ".openpose",
    "rrd": ".rrd",
}
"""Of the files that are written, by format."""
OF_KEYPOINTS = ("videopose3d", "openpose")
"""Formats of 2D keypoints; the others hold joints in 3D."""
OF_SKELETONS = ("bvh", "glb")
"""Formats that are written with the skeleton of the 17 joints alone."""
OF_PREDICTIONS = (*OF_KEYPOINTS, "rrd")
"""Formats that only whole predictions can be written in, and that are not read."""


def format_of(path: str | os.PathLike) -> str:
    """The format that a file's name says; of two endings that fit the longer counts.

    Raises:
        InputError: it says none.

    Example:
        >>> format_of("walk.amass.npz"), format_of("walk.npz"), format_of("WALK.TRC")
        ('amass', 'npz', 'trc')
    """
    name = Path(path).name.lower()
    fitting = [known for known, ending in ENDINGS.items() if name.endswith(ending)]
    if not fitting:
        raise InputError(f"{path} has no ending that says its format: end it with {', '.join(ENDINGS.values())}")
    return max(fitting, key=lambda known: len(ENDINGS[known]))


def check_formats(names: list[str]) -> None:
    """Refuse unknown formats.

    Raises:
        InputError: names the first.
    """
    for name in names:
        if name not in ENDINGS:
            raise InputError(f"--format {name} is unknown: choose of {','.join(ENDINGS)}")
