"""Numbers of frames from names of pictures and files: the only digits that vary, or the last."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from pose3d.formats.name_order import DECIMAL, folder_of, natural, number_of, stem_of
from pose3d.runtime.errors import InputError

_DIGITS = re.compile(r"\d+")
_NO_LETTERS = re.compile(r"[\W\d_]")
_LONG = 10  # digits: of clocks, which count no frames


@dataclass(frozen=True)
class NamedPictures:
    """Pictures that a file names.

    Attributes:
        names: of each frame by its number, see :func:`pose3d.formats.name_order.stem_of`.
        counted: whether numbers are those in the names, or the file's own; else they are places in the order of names
            that count none.
        alike: what is wrong with names that a folder of these pictures alone tells apart; None: nothing is.
        folders: that names have in front.
    """

    names: Mapping[int, str]
    counted: bool
    alike: str | None = None
    folders: tuple[str, ...] = (".",)


def picture_frames(path: str | os.PathLike, names: Sequence[str]) -> tuple[list[int], NamedPictures]:
    """The frame of each name of a picture: what names count, or else, as of clocks, their places in their order.

    A single name is frame 0, unless it is a number alone, as AlphaPose names the frames of a video.

    Args:
        path: of the file that has the names, for messages.
        names: of pictures, with or without a suffix.

    Returns:
        Numbers of frames, and their pictures.

    Raises:
        InputError: a name is empty or has no number to count by, or two are the same picture's.

    Example:
        >>> picture_frames("k.json", ["11-59_58.png", "12-00_01.png", "11-59_58.png"])
        ([0, 1, 0], NamedPictures(names={0: '11-59_58', 1: '12-00_01'}, counted=False, alike=None, folders=('.',)))
    """
    stems = {name: stem_of(name) for name in names}
    (only,) = stems if len(stems) == 1 else ("",)
    if count_frames(list(stems)) or PurePath(only).stem.isdecimal() or not all(stems.values()):
        frames = frame_numbers(path, names)
        return frames, _named(dict(zip(frames, names, strict=True)), counted=True)
    named: dict[str, str] = {}
    for name, stem in stems.items():
        other = named.setdefault(stem, name)
        if other != name:
            raise InputError(f"{path} has pictures {other[:80]!r} and {name[:80]!r}: give one file for each video")
    alike = None
    if len({_NO_LETTERS.sub("", stem) for stem in named}) > 1 and all(map(_DIGITS.search, named)):
        try:
            frame_numbers(path, names)
        except InputError as error:  # they are of two videos, or of a folder that has several series
            alike = f"{error}, or --video with the folder that has these pictures"
    number = number_of(named)
    in_order = sorted(named, key=lambda stem: (natural(stem, number), stem))
    places = {stem: place for place, stem in enumerate(in_order)}
    pictures = {place: named[stem] for stem, place in places.items()}
    return [places[stems[name]] for name in names], _named(pictures, counted=False, alike=alike)


def pictures_of(frames: Sequence[Any], names: Sequence[Any]) -> NamedPictures | None:
    """Pictures that a file names beside the numbers of its frames; None: it does not name one for each.

    Args:
        frames: N numbers, or what else is there.
        names: N names, likewise.

    Example:
        >>> pictures_of([3, 3, 5], ["a_1.png", "a_1.png", "a_2.png"]).names
        {3: 'a_1', 5: 'a_2'}
        >>> pictures_of([3, 5], ["walk.mp4", "walk.mp4"])
    """
    if not all(isinstance(name, str) and stem_of(name) for name in names):
        return None
    if not all(isinstance(frame, int | float) for frame in frames):  # which is said elsewhere
        return None
    pairs = set(zip(frames, map(stem_of, names), strict=True))
    one_each = len(pairs) == len(set(frames)) == len({stem for _, stem in pairs})
    return _named(dict(zip(frames, names, strict=True)), counted=True) if one_each else None


def _named(names: Mapping[int, str], counted: bool, alike: str | None = None) -> NamedPictures:
    """Of the whole names of frames."""
    stems = {frame: stem_of(name) for frame, name in names.items()}
    return NamedPictures(stems, counted, alike, tuple(dict.fromkeys(map(folder_of, names.values()))))


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
    stems = {name: stem_of(name) for name in names}
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
    """Whether names differ in one group of digits alone: neither clocks do, nor folders, letters, or decimals.

    Example:
        >>> count_frames(["walk_000000000007_keypoints.json", "walk_000000000008_keypoints.json"])
        True
        >>> count_frames(["f0_v2.png", "f1_v2.png"]), count_frames(["11-59-50_960.png", "11-59-51_000.png"])
        (True, False)
    """
    stems = [stem_of(name) for name in names]
    place = _only_varying(stems)
    if place is None:
        return False
    digits = [_DIGITS.findall(stem)[place] for stem in stems]
    decimals = number_of(stems) is DECIMAL and any(one.startswith("0") and len(one) > 1 for one in digits)
    return not decimals and max(len(one.lstrip("0")) for one in digits) < _LONG


def _only_varying(stems: Sequence[str]) -> int | None:
    """Which group of digits is the only one in which names of one form differ; None: there is no such one."""
    if len({_DIGITS.sub("0", stem) for stem in stems}) > 1:
        return None
    groups = zip(*map(_DIGITS.findall, stems), strict=True)
    varying = [place for place, group in enumerate(groups) if len(set(group)) > 1]
    return varying[0] if len(varying) == 1 else None
