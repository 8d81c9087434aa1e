"""COCO's keypoints: results as detectors write them, also COCO-WholeBody's and AlphaPose's, and annotations.

=============  ======================================================================================================
form           content
=============  ======================================================================================================
results        list of ``{image_id, category_id, keypoints, score}``; keypoints are x, y, score of 17 points
COCO-          the same with ``foot_kpts``, or all 133 points in ``keypoints``; face and hands are not read
WholeBody
AlphaPose      the same of 17, 26 or 136 points (Halpe); ``image_id`` is a picture's name, ``idx`` a person's number.
               Scores reach 6. Or, with ``--format open`` or ``cmu``, {picture: {people or bodies}} of OpenPose's 18
annotations    ``{images, annotations}``; the third number of a point is 0 where it is not labelled
=============  ======================================================================================================

An entry whose ``keypoints`` are empty is a box without a pose, and passed over.

``image_id`` is the frame's number (of PoseTrack its last four digits), or the picture's name. ``track_id`` (as
PoseTrack has it) numbers people.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pose3d.formats.frame_numbers import picture_frames
from pose3d.formats.keypoints import KeypointFile, keypoint_file
from pose3d.formats.openpose import in_coco17
from pose3d.runtime.errors import InputError

_OF_SEQUENCE = 10_000  # frames that PoseTrack's ids have room for


def read_coco_results(path: str | os.PathLike, content: Sequence[Any]) -> KeypointFile:
    """Read a list of results, of COCO, COCO-WholeBody or AlphaPose.

    Args:
        path: of the file, for messages.
        content: its JSON.

    Raises:
        InputError: it holds something else; names the entry or the frame.
    """
    people = [entry for entry in content if _is_result(path, content, entry) and entry["keypoints"]]
    alphapose = any("idx" in entry or isinstance(entry["image_id"], str) for entry in people)
    with_feet = any("foot_kpts" in entry for entry in people)
    points = [
        entry["keypoints"] + entry["foot_kpts"] if isinstance(entry.get("foot_kpts"), list) else entry["keypoints"]
        for entry in people
    ]
    frames, pictures = _frames(path, [entry["image_id"] for entry in people])
    frames, counted = _in_sequence(path, frames)
    ids, said = _numbers(path, people, frames)
    name = "AlphaPose" if alphapose else "COCO-WholeBody" if with_feet else "COCO"
    n_values = len(points[0]) if points else 0
    layouts = {17: "coco17", 23: "coco_wholebody"} | ({26: "halpe26"} if alphapose else {})
    known: dict[str, Any] = {"layout": layouts.get(n_values // 3), "pictures": pictures}
    return keypoint_file(path, name, frames, ids, points, said=[*counted, *said], **known)


def _is_result(path: str | os.PathLike, content: Sequence[Any], entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("keypoints"), list) or "image_id" not in entry:
        number = next(index for index, one in enumerate(content) if one is entry)
        raise InputError(f"{path}: entry {number} has no image_id and keypoints, as COCO's results do: correct it")
    return True


def _frames(path: str | os.PathLike, images: Sequence[Any]) -> tuple[Sequence[int], tuple[str, ...] | None]:
    names = [image for image in images if isinstance(image, str)]
    if names and len(names) < len(images):
        raise InputError(f"{path}: image_id is a name in some entries and a number in others: give one of both")
    return picture_frames(path, names) if names else (images, None)


def _in_sequence(path: str | os.PathLike, frames: Sequence[int]) -> tuple[Sequence[int], list[str]]:
    """PoseTrack's ids, which end in four digits of the frame and begin with the sequence's number; and a sentence."""
    whole = all(isinstance(frame, int) and frame >= 2**31 for frame in frames)
    if not whole or len({frame // _OF_SEQUENCE for frame in frames}) != 1:
        return frames, []
    said = f"{path}: image_id is {min(frames)} and on, as PoseTrack's: its last four digits are taken as the frame"
    return [frame % _OF_SEQUENCE for frame in frames], [f"{said}, and points as COCO's"]


def _numbers(
    path: str | os.PathLike, people: Sequence[dict], frames: Sequence[int]
) -> tuple[list[int] | None, list[str]]:
    """Numbers of people, where every entry has one and they tell people of a frame apart; else None and why."""
    keys = [key for key in ("track_id", "idx") if all(key in entry for entry in people)]
    if not people or not keys:
        return None, []
    numbers = [_first(entry[keys[0]]) for entry in people]
    ids = [one for one in numbers if one is not None and one >= 0]
    if len(ids) < len(people):
        return None, []
    if len(set(zip(frames, ids, strict=True))) < len(ids) and len(set(ids)) == 1:
        # AlphaPose without tracking numbers everybody 0.
        return None, [f"{path}: {keys[0]} is {ids[0]} for everybody, so people are told apart by where they are"]
    return ids, []


def _first(number: Any) -> int | None:
    """A number that AlphaPose may have put into lists, one for each of the detections that it merged."""
    for _ in range(3):
        if isinstance(number, list):
            number = number[0] if number else None
    return int(number) if isinstance(number, int | float) and abs(number) < 2**31 else None


def read_coco_annotations(path: str | os.PathLike, content: Mapping[str, Any]) -> KeypointFile:
    """Read annotations, with the pictures' names and sizes.

    Args:
        path: of the file, for messages.
        content: its JSON.

    Raises:
        InputError: it holds something else, or pictures of several sizes.
    """
    try:
        images = {image["id"]: image for image in content["images"]}
        labelled = [one for one in content["annotations"] if one.get("keypoints") and not one.get("iscrowd")]
        named = [image.get("file_name", key) for key, image in images.items()]
        in_order, pictures = _frames(path, named)  # pictures without anybody count as well
        numbers = dict(zip(images, in_order, strict=True))
        frames = [numbers[one["image_id"]] for one in labelled]
        sizes = {(image["width"], image["height"]) for image in images.values() if "width" in image}
        points = [np.asarray(one["keypoints"] + one.get("foot_kpts", []), np.float32) for one in labelled]
    except (KeyError, TypeError, AttributeError, ValueError):
        raise InputError(f"{path} has no images and annotations as COCO has them: correct the file") from None
    if len(sizes) > 1:
        raise InputError(f"{path} has pictures of several sizes, so it is no video: give one file for each")
    for one in points:
        one[2::3] = one[2::3] > 0
    ids, said = _numbers(path, labelled, frames)
    layouts = {17: "coco17", 23: "coco_wholebody"}
    size = next(iter(sizes), None)
    known: dict[str, Any] = {
        "layout": layouts.get(len(points[0]) // 3 if points else 0),
        "size_px": size,
        "pictures": pictures,
    }
    if numbers and all(isinstance(number, int) and 0 <= number < 2**31 for number in numbers.values()):
        known |= {"n_frames": max(numbers.values()) + 1, "first_frame": min(numbers.values())}
    return keypoint_file(path, "COCO annotations", frames, ids, [one.tolist() for one in points], said=said, **known)


def read_alphapose_pictures(path: str | os.PathLike, content: Mapping[str, Any]) -> KeypointFile:
    """Read AlphaPose's forms ``open`` and ``cmu``: a dict of pictures.

    Args:
        path: of the file, for messages.
        content: its JSON.

    Raises:
        InputError: it holds something else; names the picture.
    """
    names, points = [], []
    for name, picture in content.items():
        try:
            people = picture["people"] if "people" in picture else picture["bodies"]
            found = [person["pose_keypoints_2d"] if "people" in picture else person["joints"] for person in people]
        except (KeyError, TypeError):
            raise InputError(f"{path}: {name[:80]} has no people as AlphaPose writes them: correct it") from None
        found = [one for one in found if one != []]
        names += [name] * len(found)
        points += found
    frames, pictures = picture_frames(path, names)
    return in_coco17(keypoint_file(path, "AlphaPose", frames, None, points, pictures=pictures))
