"""Which frames the rows of a table are of: by a column of frames' numbers or of pictures' names, else in order."""

import os
import re
from collections.abc import Collection, Sequence
from mimetypes import types_map
from pathlib import PurePath

from pose3d.formats.frame_numbers import NamedPictures, count_frames, picture_frames, pictures_of
from pose3d.formats.name_order import stem_of
from pose3d.runtime.errors import InputError

_FRAMES = [f"frame{word}" for word in ("", "idx", "id", "number", "index", "num", "no", "nr")]
_OF_A_PICTURE = ("", "name", "id", "file", "filename", "path", "number", "index", "idx", "num", "no", "nr")
_PICTURES = [what + word for what in ("image", "img", "picture") for word in _OF_A_PICTURE]
_PICTURES += ["file", "filename", "filepath"]
_INDEX, _NAMED_INDEX = ("", "unnamed: 0"), "index"
_TIMES = ("t", "sec", "seconds", "ms", "milliseconds")
_JUMP = 1.5  # of the smallest step: times in whole milliseconds differ by less, a frame that is missing by more


def frame_column(header: Sequence[str]) -> int | None:
    """The column that says the frame, by its title; None: no title does.

    Example:
        >>> frame_column(["track", "Frame #", "nose_x"]), frame_column(["image_name", "x"]), frame_column(["nose_x"])
        (1, 0, None)
    """
    titles = [_letters(title) for title in header]
    return next((titles.index(title) for title in (*_FRAMES, *_PICTURES) if title in titles), None)


def picture_column(header: Sequence[str]) -> int | None:
    """The column that names pictures, or numbers them, by its title; None: no title does."""
    titles = [_letters(title) for title in header]
    return next((titles.index(title) for title in _PICTURES if title in titles), None)


def frames_of_rows(
    path: str | os.PathLike, header: Sequence[str], table: Sequence[Sequence[str]], of_points: Collection[int]
) -> tuple[list[int], NamedPictures | None, list[str]]:
    """The frame of each row: as a column says, also one of pictures' names that count none; else in order.

    Args:
        path: of the file, for messages.
        header: titles.
        table: the rows below it.
        of_points: the columns of points, and others that are used.

    Returns:
        Numbers of frames; the pictures as in :class:`pose3d.formats.keypoints.KeypointFile`; and sentences about
        columns that are not used and seem to say another time.

    Raises:
        InputError: a row has no frame's number, or rows are of several videos; names the line or the videos.
    """
    of_pictures, column, passed_over = _column_of_pictures(header, table), frame_column(header), None
    column = of_pictures if column is None else column
    if column is not None and column == of_pictures and _letters(header[column]) not in _FRAMES:
        names = _pictures(path, table, column)
        counted = len(names) > 1 and (all(map(_is_number, names)) or count_frames(names))
        numbered = _is_index(header, table) and [_cell(row, 0) for row in table] != [*map(str, range(len(table)))]
        of_video = len(names) == 1 and not _kind(names[0]).startswith("image/")
        if not counted and (numbered or of_video or len(set(map(stem_of, names))) < len(names)):
            column, passed_over = None, column if len(names) > 1 else None
    titled = column is not None
    if not titled and _is_index(header, table):
        column = 0
    frames, pictures = (list(range(len(table))), None) if column is None else read_frames(path, table, column)
    if pictures is None and column is not None:
        pictures = pictures_beside(header, table, frames)
        passed_over = passed_over if pictures is None else None
    in_order = not titled and frames == list(range(len(table)))
    unused = [
        repr(title[:40])
        for other, title in enumerate(header)
        if other != column
        and other not in of_points
        and (other == passed_over or is_time(title) or (in_order and _jumps(table, other)))
    ]
    if not unused:
        return frames, pictures, []
    not_used = f"{' and '.join(unused)} {'are' if len(unused) > 1 else 'is'} not used"
    if in_order:
        last = len(table) - 1
        question = (
            f"{path}: rows are taken as frames 0 to {last}, one after the other, and {not_used}: if frames are "
            "missing, number them in a column frame"
        )
        return frames, pictures, [question]
    return frames, pictures, [f"{path}: {not_used}: frames are as far apart as the frame rate says"]


def pictures_beside(
    header: Sequence[str], table: Sequence[Sequence[str]], frames: Sequence[int]
) -> NamedPictures | None:
    """Pictures that a column names beside one of frames' numbers; None: no column names one for each."""
    column = _column_of_pictures(header, table)
    cells = [] if column is None else [_cell(row, column) for row in table]
    return pictures_of(frames, cells) if cells and not any(map(_is_number, cells)) else None


def _column_of_pictures(header: Sequence[str], table: Sequence[Sequence[str]]) -> int | None:
    """That of :func:`picture_column`, or one of any title in which all rows have names that end as pictures' do."""
    titled = picture_column(header)
    if titled is not None or not table:
        return titled
    columns = range(len(header))
    return next((one for one in columns if all(_kind(_cell(row, one)).startswith("image/") for row in table)), None)


def read_frames(
    path: str | os.PathLike, table: Sequence[Sequence[str]], column: int
) -> tuple[list[int], NamedPictures | None]:
    """The numbers in a column, or what names of pictures there say, see :func:`picture_frames`.

    Raises:
        InputError: a row has none; names the line.
    """
    cells = [_cell(row, column) for row in table]
    if not any(map(_is_number, cells)):
        return picture_frames(path, cells)
    frames = [_whole(cell) for cell in cells]
    if None in frames:
        raise InputError(
            f"{path} line {frames.index(None) + 2}: the row has no frame's number in column {column + 1}: correct it"
        )
    return [frame for frame in frames if frame is not None], None


def _pictures(path: str | os.PathLike, table: Sequence[Sequence[str]], column: int) -> list[str]:
    """The names in a column, each once; a single one may be that of all rows' video."""
    names = list(dict.fromkeys(_cell(row, column) for row in table))
    if len(names) > 1 and all(_kind(name).startswith("video/") for name in names):
        raise InputError(f"{path} has rows of {names[0][:80]!r} and {names[1][:80]!r}: give one file for each video")
    return names


def _kind(name: str) -> str:
    """Of a file by its suffix, such as image/png."""
    return types_map.get(PurePath(name).suffix.lower(), "")


def _is_index(header: Sequence[str], table: Sequence[Sequence[str]]) -> bool:
    """Whether the first column is pandas' index; one with a name may also be another program's, of something else."""
    title = header[0].strip().lower()
    if title != _NAMED_INDEX:
        return title in _INDEX
    numbers = [_whole(_cell(row, 0)) for row in table]
    known = [number for number in numbers if number is not None and number >= 0]
    ascend = all(later >= one for one, later in zip(known, known[1:], strict=False))
    # All alike is what pandas makes of tables of one row each that are put one behind the other.
    return len(known) == len(table) and ascend and (known[-1] > known[0] or len(known) == 1)


def _cell(row: Sequence[str], column: int) -> str:
    return row[column].strip() if column < len(row) else ""


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _whole(cell: str) -> int | None:
    """Also one that was written as 12.0."""
    try:
        return int(float(cell)) if float(cell) == int(float(cell)) else None
    except (ValueError, OverflowError):
        return None


def _letters(title: str) -> str:
    return re.sub(r"[\W_]", "", title.lower())


def is_time(title: str) -> bool:
    """Whether a title says that a column has times."""
    words = re.findall(r"[^\W\d_]+", title.lower())
    return any(word.startswith("time") or word in _TIMES for word in words)


def _jumps(table: Sequence[Sequence[str]], column: int) -> bool:
    """Whether a column counts upwards, in steps of which some are larger."""
    numbers: list[int] = []
    for row in table:
        number = _whole(_cell(row, column))
        if number is None or (numbers and number <= numbers[-1]):
            return False
        numbers.append(number)
    steps = [later - earlier for earlier, later in zip(numbers, numbers[1:], strict=False)]
    return bool(steps) and max(steps) > _JUMP * min(steps)
