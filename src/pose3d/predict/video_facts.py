"""What a video says of itself: how large its picture is, and when its frames are."""

import os

from pose3d.formats.clip import Clip
from pose3d.predict.given_keypoints import VideoFacts


def video_facts(path: str | os.PathLike, rate_hz: float | None = None) -> VideoFacts:
    """Size and times of a video; it is decoded once, because headers may claim other numbers of frames.

    Args:
        path, rate_hz: see :class:`pose3d.formats.clip.Clip`.

    Raises:
        InputError: it is no video.
    """
    with Clip(path, rate_hz) as clip:
        shown, times_s = clip.shown, clip.times_s()
        early = clip.ends_early(len(times_s), float(times_s[-1]))
        as_stored = shown.size_px == shown.turned_px and not shown.mirrored
        said = (*clip.said, *filter(None, [early]))
        rates_hz = clip.rate_hz, clip.played_rate_hz
        size_px, numbers, names = (clip.width_px, clip.height_px), clip.picture_numbers, clip.picture_names
        return VideoFacts(*size_px, times_s, as_stored, said, numbers, names, rates_hz)
