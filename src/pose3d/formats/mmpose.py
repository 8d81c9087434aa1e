"""MMPose's JSON: what its inferencer saves with ``pred_out_dir`` and its demos with ``--save-predictions``.

A list of ``{frame_id, instances}``, of one picture the list of instances alone, or a dict of ``meta_info`` and
``instance_info``. An instance has ``keypoints`` (K, 2) in px and ``keypoint_scores`` (K,). Frames are counted from 0 by
the inferencer, from 1 by the demos, and kept as they are. ``dataset_name`` of ``meta_info`` says the layout.
"""

import os
from typing import Any

from pose3d.formats.keypoints import KeypointFile, keypoint_file
from pose3d.runtime.errors import InputError

LAYOUTS_BY_DATA_SET = {
    ("coco", 17): "coco17",
    ("h36m", 17): "h36m17",
    ("mpii", 16): "mpii16",
    ("halpe26", 26): "halpe26",
    ("body_with_feet", 26): "halpe26",
}
"""Of ``dataset_name`` and number of points; 133 points need no name."""


def read_mmpose(path: str | os.PathLike, content: Any) -> KeypointFile:
    """Read a video's frames, or those of one picture.

    Args:
        path: of the file, for messages.
        content: its JSON.

    Raises:
        InputError: it holds something else; names the frame.
    """
    meta: Any = {}
    if isinstance(content, dict):
        meta = content.get("meta_info") or {}
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
    data_set = meta.get("dataset_name") if isinstance(meta, dict) else None
    n_points = len(points[0]) if points and isinstance(points[0], list) else 0
    known = LAYOUTS_BY_DATA_SET.get((data_set, n_points)) if isinstance(data_set, str) else None
    return keypoint_file(
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
