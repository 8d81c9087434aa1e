"""What a video file says of itself beside its pictures, and OpenCV does not tell, or tells wrong.

OpenCV tells the turn of a picture as an angle, in which a mirrored one looks upside down, and says nothing of the clean
aperture, of fields, of frames that an edit list hides, or of the rate at which slow motion was filmed.
"""

import os
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from pose3d.formats.matroska import Matroska, MatroskaTrack, read_matroska
from pose3d.formats.mp4 import Track, read_keys, read_tracks, read_xml, shown_frames

_AnyTrack = TypeVar("_AnyTrack", Track, MatroskaTrack)

_CAPTURED = "com.android.capture.fps"
"""Of Android: pictures a second that the camera took, whatever the rate at which they are played."""
_SONY_RATES = tuple(re.compile(rf"""<VideoFrame\b[^>]*\b{name}=["']([\d.]+)""") for name in ("captureFps", "formatFps"))
"""Of Sony's cameras (XAVC S, slow and quick motion)."""
_SOUND = re.compile(
    rb"ID3|fLaC|#!AMR|\xff[\xf1-\xf3\xf9-\xfb]|RIFF.{4}WAVE|FORM.{4}AIF"
    rb"|OggS.{24}(?:\x01vorbis|OpusHead|\x7fFLAC|Speex)",
    re.DOTALL,
)
"""Beginnings of MP3, FLAC, AMR, AAC, WAV, AIFF and Ogg."""
_MIRRORED_DEG = 1.0
"""A yaw that differs from half a turn by less is one, which shows the picture from behind."""

SOUND = "sound"
"""In place of a codec."""


@dataclass(frozen=True, eq=False)
class VideoHeader:
    """What a file says; None, or False, where it does not.

    Attributes:
        matrix: (2, 2), from px as stored, to the right and down, to px as shown.
        aperture_px: x0, y0, x1, y1 of what is shown, in px as stored.
        interlaced: pictures are stored as fields.
        n_frames: how many are to be shown.
        respeeded: an edit list plays parts at another speed than they were recorded.
        slowed: how many times slower it is played than it was filmed; below 1 quicker.
        codec: four letters, or Matroska's name; :data:`SOUND` where there is sound and no video.
        unfinished: an MP4 without its whole index, as a recording or a copy leaves it that was interrupted.
    """

    matrix: np.ndarray | None = None
    aperture_px: tuple[int, int, int, int] | None = None
    interlaced: bool = False
    n_frames: int | None = None
    respeeded: bool = False
    slowed: float | None = None
    codec: str | None = None
    unfinished: bool = False


def read_video_header(path: str | os.PathLike, size_px: tuple[int, int], rate_hz: float) -> VideoHeader:
    """What a file's header says; nothing where it is damaged, or of a container that is not read here.

    Args:
        path: of the file.
        size_px: width and height of the pictures that are decoded, because a file may have several tracks; 0, 0 where
            none are.
        rate_hz: at which they are played.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(64)
        if head[4:8] == b"ftyp":
            try:
                return _of_mp4(path, size_px, rate_hz)
            except (ValueError, struct.error, OverflowError):
                return VideoHeader(unfinished=True)
        matroska = read_matroska(path)
    except (ValueError, OSError, struct.error, OverflowError):
        return VideoHeader()
    if matroska is not None:
        return _of_matroska(matroska, size_px, rate_hz)
    if _SOUND.match(head):
        return VideoHeader(codec=SOUND)
    return VideoHeader(codec=_avi_codec(path) if head[8:12] == b"AVI " else None)


def _of_matroska(file: Matroska, size_px: tuple[int, int], rate_hz: float) -> VideoHeader:
    track = _decoded(file.tracks, size_px)
    if track is None:
        return VideoHeader(codec=SOUND if file.n_tracks and not file.tracks else None)
    mirrored = abs(abs(track.yaw_deg) - 180) < _MIRRORED_DEG
    angle = np.radians(track.roll_deg)
    # Roll turns counterclockwise as seen, and y points down.
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.diag([-1.0, 1.0]) if mirrored else turn
    return VideoHeader(
        matrix,
        track.aperture_px if size_px == track.size_px else None,
        track.interlaced,
        slowed=_slowed(file.tags.get(_CAPTURED.upper(), 0), rate_hz),
        codec=track.codec,
    )


def _decoded(tracks: Sequence[_AnyTrack], size_px: tuple[int, int]) -> _AnyTrack | None:
    """The track whose pictures are decoded: the only one, although its codec may cut them to another size."""
    if len(tracks) == 1:
        return tracks[0]
    return next((one for one in tracks if size_px in (one.size_px, (0, 0))), None)


def _of_mp4(path: str | os.PathLike, size_px: tuple[int, int], rate_hz: float) -> VideoHeader:
    tracks = read_tracks(path)
    of_pictures = [track for track in tracks if track.handler == b"vide"]
    if not of_pictures:
        sound = any(track.handler == b"soun" for track in tracks)
        return VideoHeader(codec=SOUND if sound else None, unfinished=not tracks)
    track = _decoded(of_pictures, size_px)
    if track is None:
        return VideoHeader()
    fields = track.shown.get(b"fiel", memoryview(b"\1"))
    return VideoHeader(
        track.matrix,
        _clean_aperture(track) if size_px == track.size_px else None,
        len(fields) > 0 and fields[0] == 2,
        shown_frames(track),
        track.respeeded,
        _sony_slowed(path) or _slowed(read_keys(path).get(_CAPTURED, 0), rate_hz),
        track.entry.decode("latin-1"),
    )


def _clean_aperture(track: Track) -> tuple[int, int, int, int] | None:
    """Of ``clap``, 12.1.4 of ISO/IEC 14496-12: size, and offset of its middle, as fractions."""
    content = track.shown.get(b"clap", memoryview(b""))
    if len(content) < 32:
        return None
    numbers = struct.unpack_from(">IIIIiIiI", content)
    if not all(numbers[1::2]):
        return None
    width, height, right, down = (numbers[i] / numbers[i + 1] for i in range(0, 8, 2))
    middle_x, middle_y = track.size_px[0] / 2 + right, track.size_px[1] / 2 + down
    x0, y0 = round(middle_x - width / 2), round(middle_y - height / 2)
    x1, y1 = x0 + round(width), y0 + round(height)
    inside = 0 <= x0 < x1 <= track.size_px[0] and 0 <= y0 < y1 <= track.size_px[1]
    return (x0, y0, x1, y1) if inside and (x0, y0, x1, y1) != (0, 0, *track.size_px) else None


def _sony_slowed(path: str | os.PathLike) -> float | None:
    text = read_xml(path)
    captured, played = (found[1] if (found := rate.search(text)) else 0 for rate in _SONY_RATES)
    return _slowed(captured, played)


def _slowed(captured: str | float, played: str | float) -> float | None:
    """How many times, of frames a second as a file has them; None of what no rates are."""
    try:
        captured, played = float(captured), float(played)
    except ValueError:
        return None
    return captured / played if 0 < captured <= 1e6 and 0 < played <= 1e6 else None


def _avi_codec(path: str | os.PathLike) -> str | None:
    with open(path, "rb") as file:
        found = re.search(rb"strh.{4}vids(.{4})", file.read(2**12), re.DOTALL)
    return found[1].decode("latin-1") if found else None
