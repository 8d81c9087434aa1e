"""Numbers of frames from names of pictures and files: the only digits that vary, or the last."""

import os
import re
from collections.abc import Sequence
from pathlib import PurePath

from pose3d.runtime.errors import InputError

_DIGITS = re.compile(r"\d+")
_LONG = 10  # digits: of clocks, which count no frames


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
    varying = _only_varying(list(stems.values()))
    place = -1 if varying is None else varying
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


def count_frames(names: Sequence[str]) -> bool:
    """Whether names differ in one group of digits alone: neither clocks do, nor folders, nor letters.

    Example:
        >>> count_frames(["f0_v2.png", "f1_v2.png"]), count_frames(["11-59-50_960.png", "11-59-51_000.png"])
        (True, False)
    """
    stems = [PurePath(name).stem[-200:] for name in names]
    place = _only_varying(stems)
    return place is not None and all(len(_DIGITS.findall(stem)[place]) < _LONG for stem in stems)


def _only_varying(stems: Sequence[str]) -> int | None:
    """Which group of digits is the only one in which names of one form differ; None: there is no such one."""
    if len({_DIGITS.sub("\0", stem) for stem in stems}) > 1:
        return None
    groups = zip(*map(_DIGITS.findall, stems), strict=True)
    varying = [place for place, group in enumerate(groups) if len(set(group)) > 1]
    return varying[0] if len(varying) == 1 else None
