"""The boxes of a person whom one has found oneself, from a file."""

import csv
import io
import os

import numpy as np

from pose3d.predict.frames_of_video import in_video
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import read_small_text

MAX_BOXES_BYTES = 32 * 2**20
"""Of a file of boxes: a million frames."""


class GivenBoxes:
    """Boxes from a CSV file with the columns frame, x0, y0, x1, y1: frames from 0 (or see put_into), px, a row a frame.

    Frames between two rows have boxes between theirs; those before the first and after the last have the nearest.

    Args:
        path: the CSV file.
        width_px, height_px: of the picture, which every box must lie in.

    Attributes:
        first_frame: of the first row.

    Raises:
        InputError: the file cannot be read, or a row is wrong or reaches outside of the picture; names the line.
    """

    def __init__(self, path: str | os.PathLike, width_px: int, height_px: int) -> None:
        rows: dict[int, list[float]] = {}
        try:
            text = read_small_text(path, MAX_BOXES_BYTES).removeprefix("\ufeff")
            table = csv.reader(io.StringIO(text, newline=""))
            if [name.strip() for name in next(table, [])] != ["frame", "x0", "y0", "x1", "y1"]:
                raise InputError(f"{path} line 1: the columns must be frame,x0,y0,x1,y1")
            for cells in filter(None, table):
                frame, box = _box_of(cells, f"{path} line {table.line_num}", width_px, height_px)
                if frame in rows:
                    raise InputError(f"{path} line {table.line_num}: frame {frame} has a box already; keep one")
                rows[frame] = box
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}): give a CSV file of boxes") from None
        except (ValueError, csv.Error) as error:
            raise InputError(f"{path} is not a CSV file ({in_words(error)}): give one with frame,x0,y0,x1,y1") from None
        if not rows:
            raise InputError(f"{path} has no boxes: give at least one row below frame,x0,y0,x1,y1")
        self._path, self.first_frame = path, min(rows)
        self._frames = np.array(sorted(rows))
        self._boxes = np.array([rows[frame] for frame in sorted(rows)])

    def put_into(self, n_video: int, picture_numbers: np.ndarray | None) -> list[str]:
        """Count rows as the video's frames, where they are numbered from 1, or all as its pictures are.

        Rows that also count from 0 in pictures that begin with 0 or 1 do that.

        Args:
            n_video, picture_numbers: see :func:`pose3d.predict.frames_of_video.in_video`.

        Returns:
            A sentence where that changes them.

        Raises:
            InputError: no row is of a frame of the video.
        """
        last = int(self._frames[-1])
        begins_late = picture_numbers is not None and picture_numbers[0] > 1
        named = picture_numbers if last >= n_video or begins_late else None
        self._frames, said = in_video(f"{self._path}", self._frames, (self.first_frame, last), n_video, named)
        self.first_frame = int(self._frames[0])
        if self.first_frame >= n_video:
            raise InputError(
                f"{self._path}: its first row is of frame {self.first_frame}, the video has {n_video}: number frames "
                "from 0"
            )
        return said

    def at(self, frames: np.ndarray) -> np.ndarray:
        """Boxes of some frames, (N,) to (N, 4) px."""
        return np.stack([np.interp(frames, self._frames, column) for column in self._boxes.T], axis=-1)


def _box_of(cells: list[str], where: str, width_px: int, height_px: int) -> tuple[int, list[float]]:
    try:
        frame, box = int(cells[0]), [float(cell) for cell in cells[1:]]
    except ValueError:
        frame, box = -1, []
    if len(box) != 4 or not 0 <= frame < 2**31 or not np.isfinite(box).all():
        raise InputError(f"{where}: a row must be a frame's number from 0 and four numbers of px")
    x0, y0, x1, y1 = box
    if x0 >= x1 or y0 >= y1:
        raise InputError(f"{where}: the box has no width or no height; x0 < x1 and y0 < y1 must hold")
    if x0 < 0 or y0 < 0 or x1 > width_px or y1 > height_px:
        raise InputError(f"{where}: the box reaches outside of the picture of {width_px} x {height_px} px; cut it off")
    return frame, box
