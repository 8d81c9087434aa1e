"""2D keypoints as OpenPose's JSON: a folder with a file for each frame, in the layout BODY_25.

Of its 25 keypoints the 14 that our joints have are written: the limbs' twelve, MidHip (Hip) and Neck (Thorax, which
lies between the shoulders too). Nose, eyes, ears, heels and toes are 0, 0, 0, which OpenPose writes for what it does
not see. Coordinates are px as ours, pixel centres at +0.5: what OpenPose's own are to half a px is nowhere said.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from pose3d.formats.predictions import Predictions
from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_folder
from pose3d.runtime.rows import chunks

N_BODY_25 = 25
BODY_25 = {
    "Thorax": 1, "RShoulder": 2, "RElbow": 3, "RWrist": 4, "LShoulder": 5, "LElbow": 6, "LWrist": 7,
    "Hip": 8, "RHip": 9, "RKnee": 10, "RFoot": 11, "LHip": 12, "LKnee": 13, "LFoot": 14,
}  # fmt: skip
"""Numbers among BODY_25's keypoints; RFoot and LFoot are the ankles."""
_OTHERS = (
    "face_keypoints_2d",
    "hand_left_keypoints_2d",
    "hand_right_keypoints_2d",
    "pose_keypoints_3d",
    "face_keypoints_3d",
    "hand_left_keypoints_3d",
    "hand_right_keypoints_3d",
)


def write_openpose(folder: str | os.PathLike, predictions: Predictions) -> None:
    """Write the folder, atomically: ``<name>_000000000000_keypoints.json`` and so on, nobody where nobody was found.

    The files' name is what the folder's begins with. A folder of that name with such files alone is replaced.

    Raises:
        InputError: there is one with others, which would be lost.
        OSError: the disk is full or not writable.
    """
    name = Path(folder).name.partition(".")[0]
    _require_no_others(Path(folder), re.compile(rf"{re.escape(name)}_\d+_keypoints\.json"))
    ours = [JOINT_NAMES.index(joint) for joint in BODY_25]
    with atomic_folder(folder) as new:
        for part in chunks(len(predictions)):
            body = np.zeros((part.stop - part.start, N_BODY_25, 3))
            body[:, list(BODY_25.values()), :2] = predictions.keypoints_px[part][:, ours]
            body[:, list(BODY_25.values()), 2] = predictions.confidence[part][:, ours]
            found = predictions.found[part]
            for t, keypoints in enumerate(body):
                people = [_person(keypoints)] if found[t] else []
                text = json.dumps({"version": 1.3, "people": people}, separators=(",", ":"))
                (new / f"{name}_{part.start + t:012d}_keypoints.json").write_text(text)


def _require_no_others(folder: Path, ours: re.Pattern) -> None:
    if not folder.is_dir():
        return
    names = sorted(path.name for path in folder.iterdir())
    others = [name for name in names if not (ours.fullmatch(name) or name.startswith("."))]
    if others:
        raise InputError(
            f"{folder} has files that would be lost, such as {others[0]}: move them, or write to another folder"
        )


def _person(keypoints: np.ndarray) -> dict[str, Any]:
    numbers = [round(value, 4) for value in keypoints.ravel().tolist()]
    return {"person_id": [-1], "pose_keypoints_2d": numbers, **{name: [] for name in _OTHERS}}
