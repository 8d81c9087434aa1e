"""A video as frames with their times: a file, or a picture or a folder of them."""

import itertools
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

import numpy as np

from pose3d.formats.picture_folder import PictureFolder, is_picture
from pose3d.formats.video_file import RATES_HZ, VideoFile
from pose3d.runtime.errors import InputError
from pose3d.runtime.prefetch import prefetch

_STEPS = 9
"""So many steps say which one is usual."""
_ANEW_S = 0.5
"""Times that fall by more begin anew, where the next ones go on from there."""
_CUT_OFF = 0.9
"""Of a length that a header only estimates: a video that ends before this share of it may be cut off."""


@dataclass(frozen=True, eq=False)
class ClipFrame:
    """One frame: seconds since the first one, strictly ascending, and the upright picture (H, W, 3) uint8, BGR."""

    time_s: float
    image_bgr: np.ndarray


class Clip:
    """A video, opened for one reading from its start to its end. Use it in a ``with`` statement.

    The picture is the one that players show, see :mod:`pose3d.formats.shown_picture`, and its size is that one's.

    Args:
        path: of a video, of a picture, or of a folder of pictures.
        rate_hz: true frames a second, which then lie evenly; None: times are those of the file.

    Attributes:
        width_px, height_px: size of the picture as shown.
        shown: how it comes from the one that is stored.
        said: sentences about what in the file is not as usual, and what was done about it.
        claimed_frames: what the file's header says, which may be wrong; 0 where it says nothing.
        rate_hz: as given, or the file's own.
        picture_numbers: (T,) of pictures, see :class:`pose3d.formats.picture_folder.PictureFolder`; None: of a video.
        picture_names: of pictures, likewise; empty: of a video.

    Raises:
        InputError: it is missing, no video, does not decode, its picture is too large, or no rate is known.
    """

    def __init__(self, path: str | os.PathLike, rate_hz: float | None = None) -> None:
        if rate_hz is not None and not RATES_HZ[0] < rate_hz < RATES_HZ[1]:
            raise InputError(f"--rate takes frames a second, above 0 and below {RATES_HZ[1]:g}, not {rate_hz:g}")
        self._path = path
        self._given_rate_hz = rate_hz
        self.picture_numbers: np.ndarray | None = None
        self.picture_names: tuple[str, ...] = ()
        if os.path.isdir(path) or (os.path.isfile(path) and is_picture(path)):
            folder = PictureFolder(path, rate_hz)
            self._source: VideoFile | PictureFolder = folder
            self.picture_numbers, self.picture_names = folder.numbers, folder.names
        elif os.path.isfile(path):
            self._source = VideoFile(path)
        else:
            what = "is no file" if os.path.exists(path) else "is missing"
            raise InputError(f"{path} {what}: give the path of a video")
        self.shown = self._source.shown
        self.width_px, self.height_px = self.shown.size_px
        self.claimed_frames = self._source.claimed_frames
        slowed = 1.0 if rate_hz is not None else self._source.slowed
        self._slowed = slowed
        self.said = tuple(one for one in self._source.said if slowed != 1 or "--rate" not in one)
        self._step_s = 1 / rate_hz if rate_hz is not None else self._source.step_s / slowed
        self._next = self._read()
        self._first_s = 0.0 if self._next is None else self._next.time_s

    def __enter__(self) -> "Clip":
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    @property
    def rate_hz(self) -> float:
        return 1 / self._step_s

    @property
    def played_rate_hz(self) -> float:
        """Frames a second as players show them, also where it was filmed at another rate."""
        return 1 / self._source.step_s

    def _read(self) -> ClipFrame | None:
        """The next frame, with the file's own time, and the picture as stored."""
        read = self._source.read()
        return None if read is None else ClipFrame(*read)

    def __iter__(self) -> Iterator[ClipFrame]:
        """The frames in order, up to the first that does not decode; a thread decodes at most three ahead of use.

        A frame that has no time of its own after the one before is a usual step later.

        Raises:
            InputError: the picture's size changes within the video.
        """

        def following_frame(number: int) -> ClipFrame | None:
            frame, self._next = self._next, None
            frame = frame or self._read()
            return None if frame is None else ClipFrame(frame.time_s, self._shown(frame.image_bgr, number))

        clock = self._clock()
        frames = prefetch(following_frame, itertools.count(), workers=1)
        try:
            for frame in frames:
                if frame is None:
                    return
                yield ClipFrame(clock.at(frame.time_s), frame.image_bgr)
        finally:
            frames.close()

    def times_s(self) -> np.ndarray:
        """(T,) times of all frames, which are decoded for it and not made into pictures: that alone counts them."""
        clock, times = self._clock(), []
        if self._next is not None:
            times.append(clock.at(self._next.time_s))
            self._next = None
            while (time_s := self._source.skip()) is not None:
                times.append(clock.at(time_s))
        return np.array(times)

    def pictures(self, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Some pictures in order, (H, W, 3) uint8 BGR as shown; those between are decoded and not made.

        Args:
            indices: of frames, strictly ascending.

        Raises:
            InputError: the video ends before the last of them, or its picture's size changes.
        """
        place = 0
        for index in indices.tolist():
            while place < index and (self._next is not None or self._source.skip() is not None):
                self._next, place = None, place + 1
            frame, self._next = self._next, None
            frame = frame or (self._read() if place == index else None)
            if frame is None:
                raise InputError(f"{self._path} ends at frame {place}, frame {index} was asked for: fetch it again")
            place += 1
            yield self._shown(frame.image_bgr, index)

    def _shown(self, stored: np.ndarray, number: int) -> np.ndarray:
        if stored.shape[1::-1] != self.shown.stored_px:
            raise InputError(f"{self._path} changes its picture's size at frame {number}: cut it there")
        return self.shown.show(stored)

    def _clock(self) -> "_Clock":
        return _Clock(self._given_rate_hz, self._first_s, self._step_s, self._slowed)

    def ends_early(self, n_frames: int, last_s: float) -> str | None:
        """A sentence, where fewer frames decode than the file says there are.

        A count in a header is no more than a claim, and of most containers an estimate from how long sound and video
        last: then only what ends well before that is worth a word.

        Args:
            n_frames: that were decoded.
            last_s: time of the last of them.
        """
        claimed = self.claimed_frames
        if self._source.claimed_exactly:
            few = n_frames < claimed - 2
        else:
            few = n_frames < claimed and last_s + self._step_s < _CUT_OFF * claimed * self._step_s
        if not few:
            return None
        return (
            f"{self._path}: {n_frames} frames decode, up to {last_s:.2f} s; its header has {claimed}: if it plays on "
            "elsewhere, it is damaged here, fetch it again"
        )


class _Clock:
    """Gives each frame its time since the first.

    A frame without a time of its own after the one before is a usual step later. Where times begin anew and go on from
    there, as in recordings that were put one behind another, all that follow are moved.
    """

    def __init__(self, rate_hz: float | None, first_s: float, step_s: float, slowed: float) -> None:
        self._rate_hz, self._first_s, self._slowed = rate_hz, first_s, slowed
        self._number, self._before_s, self._own_s = -1, -step_s, -np.inf
        self._anew_s: float | None = None
        # The header's rate comes first: that of an AVI may be its clock's, 600 a second.
        self._steps_s = deque([step_s], maxlen=_STEPS)

    def at(self, time_s: float) -> float:
        self._number += 1
        if self._rate_hz is not None:
            return self._number / self._rate_hz
        since_s = (time_s - self._first_s) / self._slowed
        if self._anew_s is not None and self._anew_s < since_s < self._before_s:
            self._first_s -= (self._before_s - self._anew_s) * self._slowed
            since_s += self._before_s - self._anew_s
        self._anew_s = since_s if since_s < self._own_s - _ANEW_S else None
        self._own_s = since_s
        if since_s > self._before_s:
            if self._number:
                self._steps_s.append(since_s - self._before_s)
            self._before_s = since_s
        else:
            self._before_s += median_low(self._steps_s)
        return self._before_s


def clip_pictures(path: Path, rate_hz: float | None, indices: np.ndarray) -> Iterator[np.ndarray]:
    """Some pictures of a video in order, (H, W, 3) uint8 BGR as shown.

    Args:
        path: of a video, or of a folder of pictures.
        rate_hz: see :class:`Clip`.
        indices: strictly ascending.

    Raises:
        InputError: the video does not open, or ends before the last of the frames.
    """
    with Clip(path, rate_hz) as clip:
        yield from clip.pictures(indices)
