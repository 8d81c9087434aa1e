"""COCO's keypoints: results as detectors write them, also COCO-WholeBody's and AlphaPose's, and annotations.

=============  ======================================================================================================
form           content
=============  ======================================================================================================
results        list of ``{image_id, category_id, keypoints, score}``; keypoints are x, y, score of 17 points
COCO-          the same with ``foot_kpts``, or all 133 points in ``keypoints``; face and hands are not read
WholeBody
AlphaPose      the same of 17, 26 or 136 points (Halpe); ``image_id`` is a picture's name, ``idx`` a person's number.
               Scores reach 6. Or, with ``--format open`` or ``cmu``, {picture: {people or bodies}} of OpenPose's 18
annotations    ``{images, annotations}``; the third number of a point is 0 where it is not labelled. Points are in the
               order of the names that ``categories`` has (PoseTrack's is another than COCO's); COCO's without any
=============  ======================================================================================================

An entry whose ``keypoints`` are empty is a box without a pose, and passed over.

``image_id`` is the frame's number (of PoseTrack its last four digits), or the picture's name, which may also be under
``file_name``. ``track_id`` (as
PoseTrack has it) numbers people.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pose3d.formats.frame_numbers import NamedPictures, count_frames, picture_frames, pictures_of
from pose3d.formats.keypoints import KeypointFile, keypoint_file
from pose3d.formats.name_order import stem_of
from pose3d.formats.openpose import in_coco17
from pose3d.formats.point_names import in_layout, in_order, key_of
from pose3d.geometry.layouts import layout
from pose3d.runtime.errors import InputError

_OF_SEQUENCE = 10_000  # frames that PoseTrack's ids have room for
_FEET = layout("coco_wholebody").points[17:]


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
    if pictures is None:
        pictures = pictures_of(frames, [entry.get("file_name") for entry in people])
    name = "AlphaPose" if alphapose else "COCO-WholeBody" if with_feet else "COCO"
    n_values = len(points[0]) if points else 0
    layouts = {17: "coco17", 23: "coco_wholebody"} | ({26: "halpe26"} if alphapose else {})
    known = _numbers(people) | {"layout": layouts.get(n_values // 3), "pictures": pictures}
    return keypoint_file(path, name, frames, points=points, said=counted, **known)


def _is_result(path: str | os.PathLike, content: Sequence[Any], entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("keypoints"), list) or "image_id" not in entry:
        number = next(index for index, one in enumerate(content) if one is entry)
        raise InputError(f"{path}: entry {number} has no image_id and keypoints, as COCO's results do: correct it")
    return True


def _frames(
    path: str | os.PathLike, images: Sequence[Any], called: str = "image_id"
) -> tuple[Sequence[int], NamedPictures | None]:
    names = [image for image in images if isinstance(image, str)]
    if names and len(names) < len(images):
        raise InputError(f"{path}: {called} is a name in some entries and not in others: give it in all, or in none")
    return picture_frames(path, names) if names else (images, None)


def _in_sequence(path: str | os.PathLike, frames: Sequence[int]) -> tuple[Sequence[int], list[str]]:
    """PoseTrack's ids, which end in four digits of the frame and begin with the sequence's number; and a sentence."""
    whole = all(isinstance(frame, int) and 10**10 <= frame < 10**11 for frame in frames)
    if not whole or len({frame // _OF_SEQUENCE for frame in frames}) != 1:
        return frames, []
    said = f"{path}: image_id is {min(frames)} and on, as PoseTrack's: its last four digits are taken as the frame"
    return [frame % _OF_SEQUENCE for frame in frames], [f"{said}, and points as COCO's"]


def _numbers(people: Sequence[dict]) -> dict[str, Any]:
    """The numbers of people, None for those without one, and what they are called: as of most."""
    called = max(("track_id", "idx"), key=lambda key: sum(key in entry for entry in people))
    return {"people": [entry.get(called) for entry in people], "called": called}


def read_coco_annotations(
    path: str | os.PathLike, content: Mapping[str, Any], asked: str | None, column_map: Mapping[str, str]
) -> KeypointFile:
    """Read annotations, with the pictures' names and sizes.

    Args:
        path: of the file, for messages.
        content: its JSON.
        asked: name of a layout, see :func:`pose3d.formats.point_names.in_layout`; of points without names, too.
        column_map: the file's names of points to a layout's.

    Raises:
        InputError: it holds something else, pictures of several sizes, or points that no layout has.
    """
    try:
        images = {image["id"]: image for image in content["images"]}
        labelled = [one for one in content["annotations"] if one.get("keypoints") and not one.get("iscrowd")]
        lost = next((one["image_id"] for one in labelled if one["image_id"] not in images), None)
        if lost is not None:
            raise InputError(
                f"{path}: an annotation has image_id {str(lost)[:80]}, which is none of images: add that one, or leave "
                "the annotation out"
            )
        names_of = {key: image.get("file_name", key) for key, image in images.items()}
        texts = [name for name in names_of.values() if isinstance(name, str)]
        if texts and (not count_frames(texts) or len(set(map(stem_of, texts))) < len(texts)):
            names_of = {one["image_id"]: names_of[one["image_id"]] for one in labelled}  # others may be other videos'
        # Pictures without anybody count as well.
        in_order, pictures = _frames(path, list(names_of.values()), "file_name")
        numbers = dict(zip(names_of, in_order, strict=True))
        frames = [numbers[one["image_id"]] for one in labelled]
        sizes = {(images[key]["width"], images[key]["height"]) for key in names_of if "width" in images[key]}
        points = [np.asarray(one["keypoints"] + one.get("foot_kpts", []), np.float32) for one in labelled]
        names = _point_names(content.get("categories") or [], labelled)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise InputError(f"{path} has no images and annotations as COCO has them: correct the file") from None
    if len(sizes) > 1:
        raise InputError(f"{path} has pictures of several sizes, so it is no video: give one file for each")
    for one in points:
        one[2::3] = one[2::3] > 0
    known: dict[str, Any] = {"size_px": next(iter(sizes), None), "pictures": pictures} | _numbers(labelled)
    points, known["layout"], known["said"] = _by_names(path, points, names, asked, column_map)
    if numbers and all(isinstance(number, int) and 0 <= number < 2**31 for number in numbers.values()):
        known |= {"n_frames": max(numbers.values()) + 1, "first_frame": min(numbers.values())}
    return keypoint_file(path, "COCO annotations", frames, points=[one.tolist() for one in points], **known)


def _point_names(categories: Sequence[dict], labelled: Sequence[dict]) -> list[list[str]]:
    """The lists of points' names, each once, of the categories that annotations have; plain numbers are no names.

    Names that are written otherwise (:func:`pose3d.formats.point_names.key_of`) are the same.
    """
    used = [one.get("category_id") for one in labelled]
    lists: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for one in categories:
        names = one.get("keypoints") or []
        named = all(isinstance(name, str) for name in names) and not all(map(str.isdecimal, names))
        if named and names and (None in used or one.get("id") in used):
            lists.setdefault(tuple(map(key_of, names)), names)
    return list(lists.values())


def _by_names(
    path: str | os.PathLike,
    points: list[np.ndarray],
    lists: Sequence[list[str]],
    asked: str | None,
    column_map: Mapping[str, str],
) -> tuple[list[np.ndarray], str | None, list[str]]:
    """Points in a layout's order, its name, and what is said of that."""
    lengths = {len(one) for one in points}
    n_points = max(lengths, default=0) // 3
    usual = {17: "coco17", 23: "coco_wholebody", 133: "coco_wholebody"}.get(n_points)
    if column_map and not lists:
        raise InputError(f"{path} (COCO annotations) has no names of points: leave --names out")
    by_asked = asked is not None and n_points == len(layout(asked))
    if not lists or lengths != {3 * n_points}:  # mixed layouts and points that break off are refused elsewhere
        return points, asked if by_asked else usual, []
    if len(lists) > 1:
        raise InputError(f"{path}: categories have points of different names: give one file for each")
    (names,) = lists
    if n_points == len(names) + len(_FEET):
        names = [*names, *_FEET]  # of foot_kpts, which categories do not name
    if usual and not column_map and len(names) in (17, n_points):
        pairs = zip(names, layout(usual).points, strict=False)
        if all(key_of(name) == key_of(point) for name, point in pairs):
            return points, usual, []
    if n_points != len(names):
        odd = f"{path}: categories name {len(names)} points, but people have {n_points}"
        if by_asked:
            return points, asked, [f"{odd}, which are taken in {asked}'s order, as --layout says"]
        raise InputError(f"{odd}: correct the names")
    best, where, said = in_layout(path, names, asked, column_map)
    ordered = np.nan_to_num(in_order(np.reshape(points, (len(points), -1, 3)), where))
    return list(ordered.reshape(len(points), -1)), best.name, said


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
