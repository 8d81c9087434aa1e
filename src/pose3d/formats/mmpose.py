"""MMPose's JSON: what its inferencer saves with ``pred_out_dir`` and its demos with ``--save-predictions``.

A list of ``{frame_id, instances}``, of one picture the list of instances alone, or a dict of ``meta_info`` and
``instance_info``. An instance has ``keypoints`` (K, 2) in px and ``keypoint_scores`` (K,). Frames are counted from 0 by
the inferencer, from 1 by the demos, and kept as they are. ``dataset_name`` of ``meta_info`` says the layout, or
``keypoint_id2name`` the points' names.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pose3d.formats.keypoints import BODY_ONLY, KeypointFile, keypoint_file
from pose3d.formats.point_names import in_layout, in_order, is_known
from pose3d.geometry.layouts import LAYOUTS, layout
from pose3d.runtime.errors import InputError

LAYOUTS_BY_DATA_SET = {
    ("coco", 17): "coco17",
    ("h36m", 17): "h36m17",
    ("mpii", 16): "mpii16",
    ("halpe26", 26): "halpe26",
    ("body_with_feet", 26): "halpe26",
}
"""Of ``dataset_name`` and number of points; 133 points need no name."""


def read_mmpose(
    path: str | os.PathLike, content: Any, asked: str | None, column_map: Mapping[str, str]
) -> KeypointFile:
    """Read a video's frames, or those of one picture.

    Args:
        path: of the file, for messages.
        content: its JSON.
        asked: name of the layout, where its data set does not say it.
        column_map: the file's names of points to a layout's.

    Raises:
        InputError: it holds something else; names the frame. Or its points are of no known layout.
    """
    meta: Any = None
    if isinstance(content, dict):
        meta = content.get("meta_info")
        content = content["instance_info"]
    if not isinstance(content, list):
        raise InputError(f"{path}: instance_info is no list of frames: write it again with MMPose")
    if content and isinstance(content[0], dict) and "instances" not in content[0]:
        content = [{"frame_id": 0, "instances": content}]  # of one picture
    frames, points, scores, ids, listed = [], [], [], [], []
    for index, frame in enumerate(content):
        try:
            number = frame.get("frame_id", index)
            listed.append(int(number))
            for instance in frame["instances"]:
                if instance["keypoints"] == []:
                    continue  # a box without a pose
                points.append(instance["keypoints"])
                scores.append(instance["keypoint_scores"])
                ids.append(instance.get("track_id"))
                frames.append(number)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
            raise InputError(
                f"{path}: frame {index} has no instances with keypoints and keypoint_scores: write it again with MMPose"
            ) from None
    meta = meta if isinstance(meta, dict) else {}
    data_set = meta.get("dataset_name")
    n_points = len(points[0]) if points and isinstance(points[0], list) else 0
    known = LAYOUTS_BY_DATA_SET.get((data_set, n_points)) if isinstance(data_set, str) else None
    found = keypoint_file(
        path,
        "MMPose",
        frames,
        ids,
        points,
        scores,
        called="track_id",
        layout=known,
        n_frames=max(listed, default=-1) + 1,
        first_frame=min(listed, default=0),
    )
    names = _names(meta, n_points)
    if column_map and (not names or n_points in BODY_ONLY):
        raise InputError(f"{path} (MMPose) has no names of points that are used: leave --names out")
    if not column_map and (known is not None or n_points in BODY_ONLY):
        return found
    if column_map or any(map(is_known, names)) or (asked is not None and n_points == len(layout(asked)) and names):
        return _by_names(found, names, asked, column_map)
    if asked is not None:
        return found
    if isinstance(data_set, str) and (names or sum(len(one) == n_points for one in LAYOUTS) > 1):
        raise InputError(
            f"{path} has the {n_points} points of {data_set[:40]}, which is no known layout: give --layout if they are "
            "in the order of one"
        )
    return found


def _names(meta: Mapping[str, Any], n_points: int) -> list[str]:
    """Of all points; none where the file does not say them."""
    numbered = meta.get("keypoint_id2name")
    found = [numbered.get(str(number)) for number in range(n_points)] if isinstance(numbered, dict) else []
    names = [name for name in found if isinstance(name, str)]
    return names if len(names) == n_points else []


def _by_names(found: KeypointFile, names: list[str], asked: str | None, column_map: Mapping[str, str]) -> KeypointFile:
    """In the order of a layout, see :func:`pose3d.formats.point_names.in_layout`."""
    best, where, said = in_layout(found.path, names, asked, column_map)
    keypoints = in_order(found.keypoints, where)
    confidence = np.nan_to_num(in_order(found.confidence[..., None], where)[..., 0])
    return replace(found, keypoints=keypoints, confidence=confidence, layout=best.name, said=(*found.said, *said))
