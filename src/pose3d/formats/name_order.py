"""The order of pictures by their names, in which numbers count by their value: 2 comes before 10.

So do seconds with decimals, ``t0.1.png`` after ``t0.08.png``, although a point may also part two numbers,
``shot1.2.png`` before ``shot1.10.png``. Decimals are told by their lengths, which differ where zeros at the end were
left out, while what is counted past 9 has numbers that end with 0.
"""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePath

WHOLE, DECIMAL = re.compile(r"(\d+)"), re.compile(r"(\d+(?:[.,]\d+)?)")
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_SUFFIX = re.compile(r"\.[a-z][a-z0-9]{1,4}", re.IGNORECASE | re.ASCII)
_LONGEST = 200  # letters that are looked at


def stem_of(name: str) -> str:
    r"""A name without folders, also Windows', the picture's suffix, and what OpenPose puts behind it.

    Example:
        >>> stem_of("a/t0.04.png"), stem_of(r"a\t0.04.png"), stem_of("t0.04_keypoints.json"), stem_of("t0.04")
        ('t0.04', 't0.04', 't0.04', 't0.04')
        >>> stem_of("walk.mp4_0007"), stem_of("walk.mp4_0007.jpeg")
        ('walk.mp4_0007', 'walk.mp4_0007')
    """
    path = PurePath(name.strip().replace("\\", "/"))
    stem = path.stem if _SUFFIX.fullmatch(path.suffix) else path.name
    return stem.removesuffix("_keypoints")[-_LONGEST:]


def folder_of(name: str) -> str:
    r"""What :func:`stem_of` leaves out in front.

    Example:
        >>> folder_of(r"labeled-data\walk\img07.png"), folder_of("img07.png")
        ('labeled-data/walk', '.')
    """
    return str(PurePath(name.replace("\\", "/")).parent)


def written(stem: str) -> str:
    """A name in small letters, with numbers by their value, so that ``IMG_007`` and ``img_7`` are alike.

    Example:
        >>> written("IMG_007"), written("cam10_0.png")
        ('img_7', 'cam10_0.png')
    """
    return _ZEROS.sub("", unicodedata.normalize("NFC", stem).lower())  # macOS parts letters from their accents


def number_of(stems: Iterable[str]) -> re.Pattern[str]:
    """What is a number in names: :data:`DECIMAL` where they end with decimals of several lengths."""
    ends = [found[1] for stem in stems if (found := re.search(r"\d[.,](\d+)\D*$", stem))]
    cut_zeros = len(set(map(len, ends))) > 1 and not any(len(end) > 1 and end[-1] == "0" for end in ends)
    return DECIMAL if cut_zeros else WHOLE


def natural(stem: str, number: re.Pattern[str]) -> list[tuple[int, str]]:
    """A key to sort by: texts and numbers of a name in turn; capitals are as small letters."""
    parts = number.split(stem.lower())
    return [_value(part) if place % 2 else (0, part) for place, part in enumerate(parts)]


def _value(digits: str) -> tuple[int, str]:
    whole, *decimals = re.split("[.,]", digits)
    return int(whole), decimals[0] if decimals else ""
