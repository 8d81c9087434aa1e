"""What a video says of itself: how large its picture is, and when its frames are."""

import os

import numpy as np

from pose3d.predict.clip import Clip
from pose3d.predict.given_keypoints import VideoFacts


def video_facts(path: str | os.PathLike) -> VideoFacts:
    """Size and times of a video; it is decoded once, because headers may claim other numbers of frames.

    Raises:
        InputError: it is no video.
    """
    with Clip(path) as clip:
        return VideoFacts(clip.width_px, clip.height_px, np.array([frame.time_s for frame in clip]))
