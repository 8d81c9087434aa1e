"""Points by their names, as people and programs write them, in a layout's order."""

import csv
import io
import os
import re
from collections.abc import Mapping, Sequence

import numpy as np

from pose3d.geometry.layouts import LAYOUTS, Layout, layout
from pose3d.records.detected_points import MIN_POINTS
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import read_small_text

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SIDES = {"l": "left", "r": "right"}
_WITHOUT_LIFTERS = ("mpii16", "coco_wholebody")  # of those that come with the repository
_SIDED = "shoulder|elbow|wrist|hip|knee|ankle|foot|heel|eye|ear|mouth|pinky|index|thumb|bigtoe|smalltoe"
_IN_ONE = re.compile(rf"(left|right|l|r)({_SIDED})|({_SIDED})(left|right|l|r)")
_SAME = {"bigtoe": "big toe", "smalltoe": "small toe", "midhip": "mid hip", "foot index": "foot index"}


def read_column_map(path: str | os.PathLike) -> dict[str, str]:
    """The file's names of points to a layout's, from a CSV file with the columns ``name,point``.

    Raises:
        InputError: it cannot be read, or has other columns.
    """
    try:
        rows = list(csv.reader(io.StringIO(read_small_text(path).removeprefix("\ufeff"), newline="")))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a CSV file of name,point") from None
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file ({in_words(error)}): give one with name,point") from None
    rows = [[cell.strip() for cell in row] for row in rows if row]
    if not rows or rows[0] != ["name", "point"]:
        raise InputError(f"{path} line 1: the columns must be name,point")
    for line, row in enumerate(rows[1:], 2):
        if len(row) != 2 or not all(row):
            raise InputError(f"{path} line {line}: a row must be the file's name of a point and the layout's")
    return {name: point for name, point in rows[1:]}


def key_of(name: str) -> tuple[str, ...]:
    """A name's words, however it is written: without order, sides in full.

    Example:
        >>> key_of("LShoulder") == key_of("left_shoulder") == key_of("shoulder left") == key_of("L-Shoulder")
        True
        >>> key_of("LEFT_SHOULDER") == key_of("LSHOULDER") == key_of("lshoulder") == key_of("leftshoulder")
        True
    """
    words = []
    for part in re.split(r"[^A-Za-z0-9]+", name):
        if in_one := _IN_ONE.fullmatch(part.lower()):  # lhip
            words += [word for word in in_one.groups() if word]
        elif part[:1] in ("L", "R") and part.isupper() and len(part) > 2 and part not in ("LEFT", "RIGHT"):
            words += [part[0].lower(), part[1:].lower()]  # LFINGER
        else:
            words += [word.lower() for word in _WORDS.findall(part)]
    words = [word for one in words for word in _SAME.get(_SIDES.get(one, one), _SIDES.get(one, one)).split()]
    return tuple(sorted(words))


def in_layout(
    path: str | os.PathLike, names: Sequence[str], asked: str | None, column_map: Mapping[str, str]
) -> tuple[Layout, list[int | None], list[str]]:
    """The layout that has a file's points, and for each of its points where it is among the file's.

    Args:
        path: of the file, for messages.
        names: the file's.
        asked: name of a layout, whose order decides where no layout has some of the names, and the others are in it;
            None: what has the most of the names. Of several it is one whose points are all named, or COCO's, or one
            that released lifters take, or the smallest.
        column_map: the file's names to a layout's, for those that are not alike.

    Returns:
        The layout, for each of its points the number of the name or None, and sentences about points that the file has
        too many or too few.

    Raises:
        InputError: a name in ``column_map`` is neither the file's nor the layout's, or no layout has any of the names,
            or too few for a person beside unknown ones.
    """
    absent = sorted(set(column_map) - set(names))
    if absent:
        raise InputError(f"{path} has no point {absent[0]!r}, which the file of names lists: correct that file")
    keys = [key_of(column_map.get(name, name)) for name in names]
    best = _best(set(keys)) if asked is None else layout(asked)
    wrong = [point for point in column_map.values() if key_of(point) not in _keys(best)]
    if wrong:
        raise InputError(f"{path}: {best.name} has no point {wrong[0]!r}: its points are {', '.join(best.points)}")
    of_any = set().union(*map(_keys, LAYOUTS))
    unknown = [name for name, key in zip(names, keys, strict=True) if key not in of_any]
    in_its_order = len(names) == len(best) and all(
        name in unknown or key == key_of(point) for name, key, point in zip(names, keys, best.points, strict=True)
    )
    if asked is not None and unknown and in_its_order:
        said = (
            f"{path}: no layout has points {', '.join(unknown[:5])}: all are taken in {asked}'s order, as --layout says"
        )
        return best, list(range(len(names))), [said]
    common = [name for name, key in zip(names, keys, strict=True) if key in _keys(best)]
    if not common or (unknown and len(common) < MIN_POINTS):
        which = f"no name of {', '.join(names[:5])} ... is a point of {asked or 'any known layout'}"
        if common:
            which = f"of {', '.join(names[:5])} ... {best.name} has no more points than {', '.join(common)}"
        fits = asked is None and any(len(one) == len(names) for one in LAYOUTS)
        raise InputError(
            f"{path}: {which}: give a file of names with --names (columns name,point)"
            f"{', or --layout if they are in the order of one' if fits else ''}"
        )
    where = [keys.index(key) if key in keys else None for key in map(key_of, best.points)]
    twice = [where_one for where_one in where if where_one is not None and keys.count(keys[where_one]) > 1]
    if twice:
        same = [name for name, key in zip(names, keys, strict=True) if key == keys[twice[0]]]
        raise InputError(f"{path}: {same[0]!r} and {same[1]!r} are the same point: tell them apart with --names")
    left_out = [name for name, key in zip(names, keys, strict=True) if key not in _keys(best)]
    return best, where, _said(path, best, where, left_out)


def in_order(values: np.ndarray, where: Sequence[int | None]) -> np.ndarray:
    """(N, K, C) values of a layout's points, NaN of those that a file lacks.

    Args:
        values: (N, P, C) of the file's points.
        where: K numbers of them or None, from :func:`in_layout`.
    """
    ordered = np.full((len(values), len(where), values.shape[2]), np.nan, np.float32)
    for point, number in enumerate(where):
        if number is not None:
            ordered[:, point] = values[:, number]
    return ordered


def is_known(name: str) -> bool:
    """Whether any layout has a point of a name.

    Example:
        >>> is_known("LShoulder"), is_known("tail")
        (True, False)
    """
    return any(key_of(name) in _keys(one) for one in LAYOUTS)


def _best(keys: set[tuple[str, ...]]) -> Layout:
    def fit(one: Layout) -> tuple[int, ...]:
        return (
            len(_keys(one) & keys),
            _keys(one) <= keys,
            one.name == "coco17",
            one.name not in _WITHOUT_LIFTERS,
            -len(one),
        )

    return max(LAYOUTS, key=fit)


def _keys(of: Layout) -> set[tuple[str, ...]]:
    return {key_of(point) for point in of.points}


def _said(path: str | os.PathLike, best: Layout, where: Sequence[int | None], left_out: Sequence[str]) -> list[str]:
    said = []
    if left_out:
        said.append(f"{path}: {best.name} has no points {', '.join(left_out[:8])}, which are left out")
    absent = [best.points[point] for point, column in enumerate(where) if column is None]
    if absent:
        said.append(f"{path} is read as {best.name}; of its points the file lacks {', '.join(absent)}")
    return said
