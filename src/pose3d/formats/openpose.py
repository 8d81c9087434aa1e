"""OpenPose's JSON: a folder with a file for each frame, as ``--write_json`` makes it.

A file has ``people``, each with ``pose_keypoints_2d`` (before version 1: ``pose_keypoints``) as x, y, score of BODY_25
or COCO's 18 points, which their number tells apart; undetected ones are 0, 0, 0. ``person_id`` is [-1] unless OpenPose
tracked. Hands and faces are not read. The frame's number is in the file's name: ``walk_000000000012_keypoints.json``.
Hidden files, as macOS leaves beside others on disks of other systems, are left alone.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from pose3d.formats.frame_numbers import picture_frames
from pose3d.formats.json_files import MAX_JSON_BYTES, read_json
from pose3d.formats.keypoints import MAX_PEOPLE, KeypointFile, keypoint_file
from pose3d.runtime.errors import InputError

COCO17_OF_18 = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
"""Where COCO's 17 points are among OpenPose's 18, whose second is the neck, made of both shoulders."""
MAX_FILES = 1_000_000


def read_openpose(path: str | os.PathLike) -> KeypointFile:
    """Read a folder of frames, or the file of one.

    Raises:
        InputError: a file is damaged or none of OpenPose's; names it.
    """
    files = [Path(path)]
    if os.path.isdir(path):
        files = sorted(
            file for file in Path(path).iterdir() if file.suffix.lower() == ".json" and not file.name.startswith(".")
        )
    if not files:
        raise InputError(f"{path} has no JSON files: give the folder that OpenPose's --write_json wrote")
    if len(files) > MAX_FILES or sum(file.stat().st_size for file in files) > MAX_JSON_BYTES * 4:
        raise InputError(f"{path} has too many or too large files ({len(files):,}): cut the video up")
    numbers, pictures = picture_frames(path, [file.name for file in files])
    frames, ids, points = [], [], []
    for number, file in zip(numbers, files, strict=True):
        for person in _people(file, read_json(file)):
            frames.append(number)
            ids.append(person.get("person_id"))
            points.append(person["pose_keypoints_2d" if "pose_keypoints_2d" in person else "pose_keypoints"])
    last, first = max(numbers), min(numbers)
    found = keypoint_file(
        path,
        "OpenPose",
        frames,
        ids,
        points,
        called="person_id",
        n_frames=last + 1,
        first_frame=first,
        pictures=pictures,
    )
    return in_coco17(found)


def in_coco17(found: KeypointFile) -> KeypointFile:
    """COCO's 17 points of OpenPose's 18; files of other layouts as they are."""
    if found.n_points != len(COCO17_OF_18) + 1:
        return replace(found, layout="body25") if found.n_points == 25 else found
    order = list(COCO17_OF_18)
    return replace(found, keypoints=found.keypoints[:, order], confidence=found.confidence[:, order], layout="coco17")


def _people(file: Path, content: Any) -> list[dict]:
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list):
        raise InputError(f"{file} has no list of people: give a folder of OpenPose's files alone")
    if len(people) > MAX_PEOPLE:
        raise InputError(f"{file} has {len(people):,} people in one frame, {MAX_PEOPLE:,} are the most: leave some out")
    for person in people:
        points = person.get("pose_keypoints_2d", person.get("pose_keypoints")) if isinstance(person, dict) else None
        if not isinstance(points, list):
            raise InputError(f"{file} has a person without pose_keypoints_2d: write it again with OpenPose's body")
    return [person for person in people if person.get("pose_keypoints_2d", person.get("pose_keypoints"))]
