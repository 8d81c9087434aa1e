"""2D keypoints as VideoPose3D reads those of a video of one's own: ``data_2d_custom_<name>.npz``.

``positions_2d`` holds, by the video's name and then under ``custom``, a list of one array (T, 17, 2) in px;
``metadata`` the layout (``h36m``), which joints mirror which, and the picture's size. Confidences have no place in it.
"""

import os
from pathlib import Path

import numpy as np

from pose3d.formats.predictions import Predictions
from pose3d.geometry.skeleton import LEFT_JOINTS, N_JOINTS, RIGHT_JOINTS
from pose3d.records.pickled_npz_writer import write_pickled_npz
from pose3d.runtime.files import atomic_output


def write_videopose3d(path: str | os.PathLike, predictions: Predictions) -> None:
    """Write the keypoints, atomically; the video's name is what the file's name begins with.

    Raises:
        OSError: the disk is full or not writable.
    """
    name = Path(path).name.partition(".")[0]
    size = {"w": predictions.camera.width_px, "h": predictions.camera.height_px}
    metadata = {
        "layout_name": "h36m",
        "num_joints": N_JOINTS,
        "keypoints_symmetry": [list(LEFT_JOINTS), list(RIGHT_JOINTS)],
        "video_metadata": {name: size},
    }
    keypoints_px = np.asarray(predictions.keypoints_px[:], np.float32)
    members = {"positions_2d": {name: {"custom": [keypoints_px]}}, "metadata": metadata}
    with atomic_output(path) as partial:
        write_pickled_npz(partial, members)
