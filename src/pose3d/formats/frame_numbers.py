"""Numbers of frames from names of pictures and files: the only digits that vary, or the last."""

import os
import re
from collections.abc import Sequence
from pathlib import PurePath

from pose3d.runtime.errors import InputError

_DIGITS = re.compile(r"\d+")


def frame_numbers(path: str | os.PathLike, names: Sequence[str]) -> list[int]:
    """The number of each name; equal names have equal numbers.

    Where names differ in one group of digits alone it is that, and else the last.

    Args:
        path: of the file that has the names, for messages.
        names: of pictures, with or without a suffix.

    Raises:
        InputError: a name has no number, or two names have the same one.

    Example:
        >>> frame_numbers("k.json", ["walk_000012.png", "0.jpg", "clip2_000000000003_keypoints.json"])
        [12, 0, 3]
        >>> frame_numbers("k.json", ["frame0007_v2.png", "frame0008_v2.png"])
        [7, 8]
    """
    stems = {name: PurePath(name).stem[-200:] for name in names}
    place = _only_varying(list(stems.values()))
    numbers: dict[str, int] = {}
    named: dict[int, str] = {}
    for name, stem in stems.items():
        digits = _DIGITS.findall(stem)
        if not digits or len(digits[place]) > 15:
            raise InputError(f"{path}: the name {name[:80]!r} has no frame's number: name pictures by their frames")
        numbers[name] = int(digits[place])
        other = named.setdefault(numbers[name], name)
        if other != name:
            raise InputError(
                f"{path}: {other[:80]!r} and {name[:80]!r} are both frame {numbers[name]}: give one file for each video"
            )
    return [numbers[name] for name in names]


def _only_varying(stems: Sequence[str]) -> int:
    """Which group of digits is the only one in which names of one form differ; -1, the last: there is no such one."""
    if len({_DIGITS.sub("#", stem) for stem in stems}) > 1:
        return -1
    groups = zip(*map(_DIGITS.findall, stems), strict=True)
    varying = [place for place, group in enumerate(groups) if len(set(group)) > 1]
    return varying[0] if len(varying) == 1 else -1
