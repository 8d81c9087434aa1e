"""Keypoints for VideoPose3D: ``data_2d_custom_*.npz`` of one video, and what Detectron's script writes before it.

=================  ===================================================================================================
file               content
=================  ===================================================================================================
data_2d_custom     ``positions_2d``: {video: {action: [(T, K, 2 or 3) px]}}; ``metadata``: ``layout_name``, and
                   ``video_metadata`` {video: {w, h}}
of Detectron       ``keypoints``: for each frame [[], (P, 4, 17) or []] of x, y, logit, score; ``boxes`` alike;
                   ``metadata`` {w, h}. People have no numbers.
=================  ===================================================================================================

Both are pickles, of which nothing is run (:mod:`pose3d.records.pickled_npz`).
"""

import os
from typing import Any

import numpy as np

from pose3d.datasets.layouts import LAYOUTS_BY_NAME
from pose3d.formats.keypoints import KeypointFile, keypoint_file
from pose3d.records.pickled_npz import read_pickled_npz
from pose3d.runtime.errors import InputError


def read_videopose3d_custom(path: str | os.PathLike) -> KeypointFile:
    """Read the keypoints of the one video of a file.

    Raises:
        InputError: it is damaged, of another form, or holds several videos.
    """
    content = read_pickled_npz(path, ["positions_2d", "metadata"])
    arrays = [
        (f"{video}/{action}", str(video), view)
        for video, actions in _items(content.get("positions_2d"))
        for action, views in _items(actions)
        for view in (list(views) if isinstance(views, list | tuple | np.ndarray) else [views])
    ]
    if len(arrays) != 1:
        names = ", ".join(name for name, _, _ in arrays[:5]) or "none"
        raise InputError(f"{path} holds keypoints of {len(arrays)} videos ({names}): save the one that is wanted alone")
    _, video, points = arrays[0]
    if not isinstance(points, np.ndarray) or points.dtype.kind not in "fiu" or points.ndim != 3:
        raise InputError(f"{path}: the keypoints of {video} are no array (frames, points, 2): save it again")
    if points.shape[-1] not in (2, 3):
        raise InputError(f"{path}: the keypoints of {video} have shape {points.shape}, not (frames, points, 2)")
    metadata = content.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    of_video = dict(_items(metadata.get("video_metadata"))).get(video)
    name = metadata.get("layout_name")
    known = LAYOUTS_BY_NAME.get(name) if isinstance(name, str) else None
    return keypoint_file(
        path,
        "VideoPose3D",
        np.arange(len(points)),
        None,
        points,
        one_person=True,
        layout=known,
        size_px=_size(path, of_video),
        n_frames=len(points),
    )


def read_detectron(path: str | os.PathLike) -> KeypointFile:
    """Read what VideoPose3D's ``infer_video.py`` and ``infer_video_d2.py`` write.

    Raises:
        InputError: it is damaged or of another form; names the frame.
    """
    content = read_pickled_npz(path, ["keypoints", "metadata"])
    frames, points, scores = [], [], []
    by_frame = content.get("keypoints")
    if not isinstance(by_frame, np.ndarray | list) or not np.ndim(by_frame):
        raise InputError(f"{path} has no keypoints by frame, as Detectron's script writes them: write it again")
    for number, classes in enumerate(by_frame):
        people = classes[1] if isinstance(classes, np.ndarray | list | tuple) and len(classes) == 2 else None
        if not isinstance(people, np.ndarray | list):
            raise InputError(f"{path}: frame {number} has no keypoints as Detectron's script writes them")
        if not len(people):
            continue
        array = np.asarray(people)
        if array.dtype.kind not in "fiu" or array.ndim != 3 or array.shape[1] != 4:
            raise InputError(f"{path}: frame {number} has keypoints of shape {array.shape}, not (people, 4, 17)")
        frames += [number] * len(array)
        points += [one[:2].T for one in array]
        scores += [one[3] for one in array]
    return keypoint_file(
        path,
        "Detectron",
        frames,
        None,
        [one.tolist() for one in points],
        [one.tolist() for one in scores],
        layout="coco17",
        size_px=_size(path, content.get("metadata")),
        n_frames=len(by_frame),
    )


def _items(content: Any) -> list[tuple[Any, Any]]:
    return list(content.items()) if isinstance(content, dict) else []


def _size(path: str | os.PathLike, metadata: Any) -> tuple[int, int] | None:
    if not isinstance(metadata, dict) or not {"w", "h"} <= set(metadata):
        return None
    width, height = metadata["w"], metadata["h"]
    if not all(isinstance(side, int | np.integer) and 0 < side < 2**16 for side in (width, height)):
        raise InputError(f"{path}: metadata has no picture's size in w and h: correct it")
    return int(width), int(height)
