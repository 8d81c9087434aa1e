"""Numbers of frames from names of pictures and files: the last digits in a name, as all programs write them."""

import os
import re
from collections.abc import Sequence
from pathlib import PurePath

from pose3d.runtime.errors import InputError

_LAST_DIGITS = re.compile(r"(\d+)\D*$")


def frame_numbers(path: str | os.PathLike, names: Sequence[str]) -> list[int]:
    """The number of each name; equal names have equal numbers.

    Args:
        path: of the file that has the names, for messages.
        names: of pictures, with or without a suffix.

    Raises:
        InputError: a name has no number, or two names have the same one.

    Example:
        >>> frame_numbers("k.json", ["walk_000012.png", "0.jpg", "clip2_000000000003_keypoints.json"])
        [12, 0, 3]
    """
    numbers: dict[str, int] = {}
    named: dict[int, str] = {}
    for name in names:
        if name in numbers:
            continue
        digits = _LAST_DIGITS.search(PurePath(name).stem[-200:])
        if not digits or len(digits[1]) > 15:
            raise InputError(f"{path}: the name {name[:80]!r} has no frame's number: name pictures by their frames")
        numbers[name] = int(digits[1])
        other = named.setdefault(numbers[name], name)
        if other != name:
            raise InputError(
                f"{path}: {other[:80]!r} and {name[:80]!r} are both frame {numbers[name]}: give one file for each video"
            )
    return [numbers[name] for name in names]
