"""What ``pose3d lift`` and ``pose3d predict --keypoints`` do, and the options about a file of keypoints."""

import argparse
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pose3d.predict.result_files import check_result_options, require_no_people, write_results
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import require_files

if TYPE_CHECKING:
    import numpy as np

    from pose3d.formats.keypoints import KeypointFile
    from pose3d.formats.predictions import Predictions
    from pose3d.geometry.camera import Camera
    from pose3d.geometry.layouts import Layout
    from pose3d.predict.given_keypoints import GivenPeople, GivenPerson

MAX_SIDE_PX = 2**15


def add_keypoint_options(parser: argparse.ArgumentParser) -> None:
    """Options about a file of keypoints, which ``pose3d predict --keypoints`` has too."""
    parser.add_argument("--layout", metavar="NAME", help="of the points, where the file does not say: coco17, ...")
    parser.add_argument(
        "--normalised", action="store_true", help="coordinates are shares of the picture's width and height, not px"
    )
    parser.add_argument(
        "--names", metavar="CSV", help="name,point: a file's names of points and the layout's, where they differ"
    )


def lift(given: argparse.Namespace, out: Path) -> None:
    """Lift a file's people and write what a prediction writes.

    Args:
        given: keypoints, layout, names, normalised, fps, size, video, person, models, and those of
            :func:`pose3d.predict.view_options.add_view_options` and
            :func:`pose3d.predict.result_files.add_result_options`.
        out: the folder, which nobody else writes to.

    Raises:
        InputError: a file or an option is wrong, or something is not said.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    check_result_options(given)
    person, size_px = _person(given.person), _size(given.size)
    require_files(given.keypoints, remedy="give a file of keypoints")
    for path, remedy in (
        (given.video, "give the path of a video"),
        (given.camera, "give a calibration"),
        (given.names, "give a CSV file of name,point"),
    ):
        if path is not None:
            require_files(path, remedy=remedy)
    from pose3d.formats.keypoints import COCO, WITH_FEET, layout_of, of_coco
    from pose3d.formats.point_names import read_column_map
    from pose3d.formats.read_keypoints import read_keypoints
    from pose3d.geometry.layouts import layout
    from pose3d.predict.models import has_lifters, lifter_paths

    if given.layout is not None:
        layout(given.layout)
    if given.height is not None:
        from pose3d.world.stature import check_height

        check_height(given.height)
        if person == "all":
            raise InputError("--height is one person's and goes without --person all: lift them one by one")
    file = read_keypoints(given.keypoints, given.layout, given.names and read_column_map(given.names))
    models, layout_name = given.models and Path(given.models), layout_of(file, given.layout)
    if layout_name == WITH_FEET and not has_lifters(WITH_FEET, models) and has_lifters(COCO, models):
        said = f"{file.path}: no lifter takes {WITH_FEET} here, so its first 17 points are lifted, which are {COCO}'s"
        file, layout_name = replace(file, said=(*file.said, said)), COCO
    if layout_name == COCO and file.n_points > len(layout(COCO)):
        file = of_coco(file)
    of_points = layout(layout_name)
    paths = lifter_paths(file.path, of_points.name, models)
    from pose3d.predict.given_keypoints import people_of

    video = None
    if given.video is not None:
        from pose3d.predict.video_facts import video_facts

        video = video_facts(given.video, given.fps)
    people = people_of(file, video, given.fps, size_px, given.normalised)
    _say(file, people, of_points.name)
    numbers = _numbers(given, out, people, of_points, person)
    # Only now, because it takes seconds to load.
    from pose3d.predict.lift_given import lift_person, load_lifters, view_of

    view = view_of(
        people, given.camera, given.camera_name, given.fov, _own_camera(file), given.up, given.video, given.fps
    )
    lifters = load_lifters(paths, of_points)
    anybody, refused = False, None
    for number in numbers:
        try:
            theirs = people.of(number, of_points)
            predictions = lift_person(theirs, people, of_points, view, lifters, given.height)
        except InputError as error:
            if len(numbers) == 1:
                raise
            refused = error
            print(f"left out: {error}", file=sys.stderr)
            continue
        anybody = True
        if not theirs.found.all():
            print(_left_out(people, theirs), file=sys.stderr)
        question = _question(of_points, theirs, predictions, view.up_cam)
        if question is not None:
            print(f"warning: {file.path}: person {number}: {question}", file=sys.stderr)
        folder = out
        if person == "all":
            folder = out / f"person-{number}"
            folder.mkdir()
        write_results(folder, given, predictions)
    if refused is not None and not anybody:
        raise refused


def _left_out(people: "GivenPeople", person: "GivenPerson") -> str:
    import numpy as np

    missing, theirs = np.flatnonzero(~person.found), people.numbers == person.number
    absent = np.setdiff1d(missing, people.frames[theirs])
    reasons = []
    if len(absent):
        n_others = len(np.intersect1d(absent, people.frames[~theirs]))
        but = f", though others are in {n_others} of them" if n_others else ""
        reasons.append(f"in {len(absent)} this person is not seen{but}")
    if n_few := len(missing) - len(absent):
        reasons.append(f"in {n_few} too few points are detected")
    return (
        f"{people.path}: person {person.number} is left out in {len(missing)} of {len(person.found)} frames: "
        f"{'; '.join(reasons)}; poses move evenly through them"
    )


def _question(
    of_points: "Layout", person: "GivenPerson", predictions: "Predictions", up_cam: "np.ndarray | None"
) -> str | None:
    from pose3d.records.swapped_sides import swapped_points, turned_picture, walks_backwards

    turned = turned_picture(of_points, person.keypoints_px, up_cam)
    if turned is not None:  # then all signs of left and right may be wrong
        return f"{turned}: is the picture turned, or does y count upwards?"
    sign = swapped_points(of_points, person.keypoints_px, person.confidence)
    seen = predictions.found[:]
    poses_cam_m = predictions.lifted["temporal"].poses_cam_m[:]
    if sign is None and walks_backwards(poses_cam_m[seen], predictions.time_s[:][seen]):
        sign = "the person walks backwards all the time"
    return None if sign is None else f"{sign}: are left and right exchanged, or the layout another?"


def _person(given: str | None) -> int | Literal["all"] | None:
    if given is None or given == "largest":
        return None
    if given == "all":
        return "all"
    try:
        return int(given)
    except ValueError:
        raise InputError(f"--person takes a number, largest or all, not {given}") from None


def _size(given: str | None) -> tuple[int, int] | None:
    if given is None:
        return None
    match = re.fullmatch(r"(\d{1,6})[xX×](\d{1,6})", given.strip())
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(0 < side <= MAX_SIDE_PX for side in size):
        raise InputError(f"--size takes the picture's width and height in px, such as 1920x1080, not {given}")
    return size


def _say(file: "KeypointFile", people: "GivenPeople", layout_name: str) -> None:
    n_frames, count = len(people.time_s), len(set(people.numbers.tolist()))
    print(
        f"{file.path}: {file.format}, {layout_name}, {n_frames} {'frame' if n_frames == 1 else 'frames'} of "
        f"{people.width_px} x {people.height_px} px, {count} {'person' if count == 1 else 'people'}",
        file=sys.stderr,
    )
    for sentence in people.said:
        print(sentence, file=sys.stderr)


def _numbers(
    given: argparse.Namespace,
    out: Path,
    people: "GivenPeople",
    of_points: "Layout",
    person: int | Literal["all"] | None,
) -> list[int]:
    if person is None:
        return [people.largest(of_points)]
    if person != "all":
        if not people.has_ids and person < 1:
            raise InputError(f"--person counts from 1 from the left, not from {person}")
        return [person]
    require_no_people(out)
    numbers = people.people(of_points)
    if not numbers:
        raise InputError(f"{given.keypoints}: too few frames show enough of anybody: ask for one with --person")
    others = sorted(set(people.numbers.tolist()) - set(numbers))
    if others:
        whom = f"person {others[0]}" + (f" and {len(others) - 1} more" if len(others) > 1 else "")
        print(
            f"left out: {given.keypoints}: too few frames show enough of {whom}: ask for one with --person",
            file=sys.stderr,
        )
    return numbers


def _own_camera(file: "KeypointFile") -> "Camera | None":
    if file.intrinsics_px is None or file.distortion is None or file.size_px is None:
        return None
    import numpy as np

    from pose3d.geometry.camera import Camera

    try:
        return Camera("clip", *file.size_px, file.intrinsics_px, file.distortion, np.eye(3), np.zeros(3))
    except ValueError as error:
        raise InputError(f"{file.path}: {in_words(error)}: predict again") from None
