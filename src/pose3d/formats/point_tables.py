"""Tables (CSV) with columns for each point by name: DeepLabCut's, SLEAP's, and others of the same kind.

===========  =========================================================================================================
of           form
===========  =========================================================================================================
DeepLabCut   three header rows, scorer, bodyparts and coords (x, y, likelihood), or four with individuals before
             bodyparts; then a row for each frame with its number, or its picture's name, in the first column, or
             with the picture's name and folders in the first three, as of frames that were labelled
SLEAP        ``track, frame_idx, instance.score``, and ``nose.x, nose.y, nose.score`` of each point; a row for each
             person in a frame
others       ``nose_x, nose_y`` and, if any, ``nose_score`` (or ``nose_conf``, ``nose_visible`` and so on, see
             :data:`pose3d.formats.keypoints.SCORES`); a row for each frame, with its number in a column ``frame``
             (``frame_no``, ``Frame #``, ...) or in a first one without a name or named ``index`` (pandas), or its
             picture's name in a column ``image``, or all frames in order
===========  =========================================================================================================

Undetected points are empty or nan. Points are those of a layout by their names, or by a file that maps names.
"""

import csv
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pose3d.formats.frame_columns import frames_of_rows
from pose3d.formats.frame_numbers import NamedPictures, picture_frames
from pose3d.formats.keypoints import MAX_VALUES, SCORES, KeypointFile, keypoint_file, said_of_unused
from pose3d.formats.name_order import folder_of
from pose3d.formats.point_names import in_layout, in_order
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import read_small_text

MAX_TABLE_BYTES = 256 * 2**20
_POINT_COLUMN = re.compile(rf"(.+?)[._ ](x|y|{'|'.join(SCORES)})", re.IGNORECASE)
_OF_PEOPLE = ("trackid", "track", "personid", "person")
_OF_A_POINT = re.compile(r"(.+)[._ ]([^\W_]+)")
_LINE = re.compile(r"[^\r\n]*+(?:\r\n?|\n)|[^\r\n]++")
_TRUTHS = {"true": "1", "false": "0"}


def read_rows(path: str | os.PathLike) -> list[list[str]]:
    """The rows of a table, of CSV or with semicolons or tabs; cells without spaces around them.

    Raises:
        InputError: it cannot be read, is too large, or is no table.
    """
    try:
        text = read_small_text(path, MAX_TABLE_BYTES).removeprefix("\ufeff")
        first = text.partition("\n")[0]
        if max(map(first.count, ",;\t")) == 0:
            raise ValueError("its first line has one column")
        delimiter = max(",;\t", key=first.count)
        if text.count(delimiter) > MAX_VALUES // 10:
            raise ValueError("it has too many cells")
        # Not io.StringIO, which keeps four bytes of every letter.
        lines = (line[0] for line in _LINE.finditer(text))
        return [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a file of keypoints") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is neither text nor an npz file: give a file of keypoints") from None
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path} is no table of keypoints ({in_words(error)}): give another file") from None


def read_deeplabcut(
    path: str | os.PathLike, rows: Sequence[Sequence[str]], asked: str | None, column_map: Mapping[str, str]
) -> KeypointFile:
    """Read DeepLabCut's table, also of several individuals.

    Args:
        path: of the file, for messages.
        rows: from :func:`read_rows`.
        asked: name of a layout, see :func:`pose3d.formats.point_names.in_layout`.
        column_map: names of the file to those of the layout.

    Raises:
        InputError: it has another form; names the line.
    """
    header = {row[0].strip().lower(): row for row in rows[:4]}
    if not {"scorer", "bodyparts", "coords"} <= set(header):
        raise InputError(f"{path} has no header rows scorer, bodyparts and coords, as DeepLabCut's tables: correct it")
    table = rows[4 if "individuals" in header else 3 :]
    individuals = header.get("individuals", [""] * len(header["bodyparts"]))
    columns: dict[str, dict[str, dict[str, int]]] = {}
    for column in range(1, len(header["coords"])):
        try:
            individual, name = individuals[column], header["bodyparts"][column].strip()
        except IndexError:
            raise InputError(f"{path} line 1: header rows are of different lengths: correct them") from None
        if name and name.lower() != "single":
            columns.setdefault(individual, {}).setdefault(name, {})[header["coords"][column].strip().lower()] = column
    names = list(dict.fromkeys(name for points in columns.values() for name in points))
    parted = [cell.strip() for cell in header["bodyparts"][1:3]] == ["", ""]  # labeled-data, video, img0000.png
    first = ["/".join(row[:3]) if parted else row[0].strip() for row in table]
    if all(map(str.isdecimal, first)):
        frames, pictures = list(map(int, first)), None
    else:
        videos = list(dict.fromkeys(map(folder_of, first)))
        if len(videos) > 1:
            raise InputError(
                f"{path} has labels of several videos, {videos[0][:80]!r} and {videos[1][:80]!r}"
                f"{' and others' if len(videos) > 2 else ''}: give the table of one of them, as in its folder"
            )
        frames, pictures = picture_frames(path, first)
    parts = []
    for person, points in enumerate(columns.values()):
        triples = [_triple(points.get(name, {})) for name in names]
        ids = [person] * len(frames) if len(columns) > 1 else None
        parts.append((frames, ids, _numbers(path, table, triples, len(rows) - len(table) + 1)))
    return _file(path, "DeepLabCut", names, parts, asked, column_map, "individuals", pictures=pictures)


def is_sleap(header: Sequence[str]) -> bool:
    return "frame_idx" in header and any(name.endswith(".x") for name in header)


def read_named_columns(
    path: str | os.PathLike, rows: Sequence[Sequence[str]], asked: str | None, column_map: Mapping[str, str]
) -> KeypointFile:
    """Read SLEAP's table, or another with columns named by points; see :func:`read_deeplabcut`."""
    header = [name.strip() for name in rows[0]]
    table = rows[1:]
    of_points: dict[str, dict[str, int]] = {}
    for column, title in enumerate(header):
        match = _POINT_COLUMN.fullmatch(title)
        if match and match[1].lower() != "instance":
            of_points.setdefault(match[1], {})[match[2].lower()] = column
    columns = {name: _triple(own) for name, own in of_points.items() if {"x", "y"} <= set(own)}
    if not columns:
        raise InputError(f"{path} has no columns of points such as nose_x and nose_y: give a table of keypoints")
    person = person_column(header, table)
    used = [column for triple in columns.values() for column in triple if column is not None]
    used += [] if person is None else [person]
    frames, pictures, said = frames_of_rows(path, header, table, used)
    said += said_of_unused(path, _unused(header, columns))
    parts = [(frames, cells_of(table, person), _numbers(path, table, list(columns.values()), 2))]
    name = "SLEAP" if is_sleap(header) else "table"
    called = "person" if person is None else header[person]
    return _file(path, name, list(columns), parts, asked, column_map, called, said, pictures)


def _triple(own: Mapping[str, int]) -> tuple[int | None, int | None, int | None]:
    """The columns of a point's x, y and score."""
    return own.get("x"), own.get("y"), next((own[name] for name in SCORES if name in own), None)


def _unused(header: Sequence[str], columns: Mapping[str, Sequence[int | None]]) -> dict[str, str]:
    """Titles of the columns of points without a score that are neither x, y nor z; to what one is as a score."""
    matches = [match for title in header if (match := _OF_A_POINT.fullmatch(title)) and match[1] in columns]
    return {
        match[0]: f"{match[1]}_score"
        for match in matches
        if columns[match[1]][2] is None and match[2].lower() not in ("x", "y", "z")
    }


def person_column(header: Sequence[str], table: Sequence[Sequence[str]]) -> int | None:
    """The column of people's numbers or names, by its title; None: no title says it.

    A column ``id`` is that where it has something twice; else it numbers the rows.

    Example:
        >>> person_column(["frame", "Person ID", "nose_x"], []), person_column(["id", "nose_x"], [["0"], ["1"]])
        (1, None)
    """
    titles = [re.sub(r"[\W_]", "", title.lower()) for title in header]
    column = next((titles.index(title) for title in _OF_PEOPLE if title in titles), None)
    if column is None and "id" in titles:
        column = titles.index("id")
        cells = cells_of(table, column)
        if cells is not None and len(set(cells)) == len(cells):
            column = None
    return column


def cells_of(table: Sequence[Sequence[str]], column: int | None) -> list[str] | None:
    """Of a column, also of rows that are too short; None: there is no such column."""
    return None if column is None else [row[column].strip() if column < len(row) else "" for row in table]


def _numbers(
    path: str | os.PathLike, table: Sequence[Sequence[str]], triples: Sequence[Sequence[int | None]], first_line: int
) -> np.ndarray:
    """(rows, K, 3) of the columns x, y, score; nan where a cell is empty or there is no such column, score 1 then."""
    values = np.full((len(table), len(triples), 3), np.nan, np.float32)
    wanted = [(k, axis, column) for k, triple in enumerate(triples) for axis, column in enumerate(triple)]
    for line, row in enumerate(table):
        for k, axis, column in wanted:
            if column is None:
                continue
            try:
                values[line, k, axis] = float(_TRUTHS.get(row[column].lower(), row[column]) or "nan")
            except (ValueError, IndexError):
                comma = "," in "".join(row[column : column + 1])
                remedy = "write decimals with a point, not a comma" if comma else "correct it"
                raise InputError(
                    f"{path} line {first_line + line}: column {column + 1} is no number: {remedy}"
                ) from None
    unrated = np.array([triple[2] is None for triple in triples])
    values[:, unrated, 2] = 1
    return values


def _file(
    path: str | os.PathLike,
    name: str,
    names: list[str],
    parts: Sequence[tuple[Sequence[int], Sequence[Any] | None, np.ndarray]],
    asked: str | None,
    column_map: Mapping[str, str],
    called: str,
    said: Sequence[str] = (),
    pictures: NamedPictures | None = None,
) -> KeypointFile:
    best, where, of_names = in_layout(path, names, asked, column_map)
    frames = np.concatenate([np.asarray(numbers) for numbers, _, _ in parts]) if parts else np.empty(0)
    people = [one for _, ids, _ in parts for one in ids or []]
    values = np.concatenate([part for _, _, part in parts]) if parts else np.empty((0, 0, 3))
    points = in_order(values, where)
    there = np.asarray(~np.isnan(points[..., :2]).all((1, 2)))
    n_frames = int(frames.max()) + 1 if len(frames) and 0 <= frames.max() < 2**31 else None
    return keypoint_file(
        path,
        name,
        frames[there],
        [one for one, is_there in zip(people, there.tolist(), strict=True) if is_there] if people else None,
        points[there],
        said=[*said, *of_names],
        called=called,
        one_person=name != "SLEAP" and not people,
        layout=best.name,
        n_frames=n_frames,
        first_frame=0 if n_frames is None else int(frames.min()),
        pictures=pictures,
    )
