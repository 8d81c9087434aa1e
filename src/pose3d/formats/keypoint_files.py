"""Files of 2D keypoints, in any format that their name's ending says."""

import os

from pose3d.formats.endings import format_of
from pose3d.formats.openpose_json import write_openpose
from pose3d.formats.predictions import Predictions
from pose3d.formats.videopose3d import write_videopose3d


def write_keypoints(path: str | os.PathLike, predictions: Predictions) -> None:
    """Write the keypoints of predictions, atomically, in one of :data:`pose3d.formats.endings.OF_KEYPOINTS`.

    Raises:
        OSError: the disk is full or not writable.
    """
    {"openpose": write_openpose, "videopose3d": write_videopose3d}[format_of(path)](path, predictions)
