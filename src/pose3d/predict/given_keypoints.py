"""People whose keypoints another program found: from a file's sightings to rows for every frame of a video.

What a file does not say (the frame rate, the picture's size, whether coordinates are px) comes from the video, or from
options; where nothing says it, one sentence asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pose3d.formats.even_times import doubt_step
from pose3d.formats.frame_numbers import NamedPictures
from pose3d.formats.keypoints import KeypointFile
from pose3d.formats.name_order import written
from pose3d.formats.picture_series import two_series
from pose3d.geometry.layouts import OURS, Layout
from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.predict.frames_of_video import in_video
from pose3d.predict.keypoint_tracker import track_people
from pose3d.predict.person_tracker import PERSON_SIGHTINGS
from pose3d.records.detected_points import BRIDGED_S, LEAST_PERSON_PX, MIN_POINTS, bridge, is_person
from pose3d.records.outside_picture import CORNER_FRAMES, CORNER_SHARE, far_outside, in_upper_left
from pose3d.runtime.errors import InputError

MAX_FRAMES = 2_000_000
MAX_RATE_HZ = 1000.0
_OF_HEAD, _BELOW_HEAD = ("Neck/Nose", "Head"), 2
_SPARSE = 50, 10_000  # frames without anybody for each with somebody, and besides, that are still a video
_NORMALISED = 1.5
"""No file in px has all its coordinates below this."""
_PAST_EDGE = 1.1  # so far from the middle, in half pictures, are few of the points that are surely detected
_NEGATIVE = 0.1  # of shares; people who lean out of the picture on its left or top have fewer
_OUTSIDE_SHARE, _OUTSIDE_DOUBT = 0.5, 0.1
_SURE = 0.5  # of the median confidence: detectors guess where limbs go on outside of the picture, and are unsure there
_MOST_PERCENT, _PERCENT_SIDE_PX = 100, 200  # no coordinate is above, of pictures that are much larger
_SAME_RATE = 0.05
"""Rates that differ by a smaller share are the same: 29.97 is written 30, and 24 frames a second are shown as 25."""


@dataclass(frozen=True, eq=False)
class VideoFacts:
    """What a video says.

    Attributes:
        width_px, height_px: of its picture as shown.
        time_s: (T,) of its frames.
        as_stored: other programs see the picture as it is shown as well, but for a turn.
        said: sentences about what in it is not as usual.
        picture_numbers: (T,) in the names of a folder's pictures, strictly ascending; None: there are none.
        picture_names: of a folder's pictures, see :func:`pose3d.formats.name_order.stem_of`; empty: it is a file.
        header_rates_hz: frames a second that it names, of filming and of playing.
    """

    width_px: int
    height_px: int
    time_s: np.ndarray
    as_stored: bool = True
    said: tuple[str, ...] = ()
    picture_numbers: np.ndarray | None = None
    picture_names: tuple[str, ...] = ()
    header_rates_hz: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class GivenPerson:
    """One person in all T frames.

    Attributes:
        number: in the file, or in the order of appearance and from the left, from 1.
        keypoints_px: (T, K, 2) float32; NaN where a point is neither detected nor in a bridged gap.
        confidence: (T, K) float32 of what is detected; 0: it is not.
        trust: (T, K) float32, the same, and in bridged gaps the lower of both ends: what a lifter is given.
        found: (T,) bool, enough are known, from that frame or through a bridged gap.
    """

    number: int
    keypoints_px: np.ndarray
    confidence: np.ndarray
    trust: np.ndarray
    found: np.ndarray


@dataclass(frozen=True, eq=False)
class GivenPeople:
    """All people of a file in a video of T frames.

    Attributes:
        path: of the file, for messages.
        width_px, height_px: of the picture.
        time_s: (T,) seconds since the first frame.
        frames, numbers: (N,) of each sighting.
        keypoints_px, confidence: (N, K, 2) and (N, K) float32; NaN and 0 where undetected.
        has_ids: whether numbers are the file's own.
        said: sentences about what was changed or left out.
    """

    path: str
    width_px: int
    height_px: int
    time_s: np.ndarray
    frames: np.ndarray
    numbers: np.ndarray
    keypoints_px: np.ndarray
    confidence: np.ndarray
    has_ids: bool
    said: tuple[str, ...]

    def people(self, layout: Layout | None = None) -> list[int]:
        """Those who are seen well enough in PERSON_SIGHTINGS frames, or in half of a shorter video."""
        least = min(PERSON_SIGHTINGS, (len(self.time_s) + 1) // 2)
        enough = _shows_body(self.confidence > 0, layout)
        numbers, counts = np.unique(self.numbers[enough], return_counts=True)
        return numbers[counts >= least].tolist()

    def largest(self, layout: Layout | None = None) -> int:
        """Who takes up the most of the picture over the whole video."""
        people = self.people(layout) or np.unique(self.numbers).tolist()
        low, high = np.nanmin(self.keypoints_px, 1), np.nanmax(self.keypoints_px, 1)
        areas = (high - low).prod(-1).astype(np.float64)
        return max(people, key=lambda person: areas[self.numbers == person].sum())

    def of(self, number: int, layout: Layout | None = None) -> GivenPerson:
        """One person's rows.

        Args:
            number: of the person.
            layout: of the points, see :func:`enough_points`; None: MIN_POINTS are enough.

        Raises:
            InputError: nobody has that number, or too few points anywhere.
        """
        theirs = np.flatnonzero(self.numbers == number)
        if not len(theirs):
            known = np.unique(self.numbers).tolist()
            names = ", ".join(map(str, known[:10])) + (" ..." if len(known) > 10 else "")
            raise InputError(
                f"{self.path} has no person {number} among its {len(known)} ({names}): ask for one of them"
            )
        n_frames, n_points = len(self.time_s), self.keypoints_px.shape[1]
        keypoints = np.full((n_frames, n_points, 2), np.nan, np.float32)
        confidence = np.zeros((n_frames, n_points), np.float32)
        keypoints[self.frames[theirs]] = self.keypoints_px[theirs]
        confidence[self.frames[theirs]] = self.confidence[theirs]
        keypoints, trust = bridge(keypoints, confidence, confidence > 0, self.time_s)
        found = enough_points(trust > 0, layout)
        if not found.any():
            never = np.flatnonzero((trust > 0).sum(0) == 0)
            if layout is not None and layout.name == OURS and len(never):
                raise InputError(
                    f"{self.path}: {layout.points[never[0]]} of person {number} is nowhere detected, and lifters of "
                    f"{OURS} need all its points"
                )
            raise InputError(f"{self.path}: person {number} never has {least_said(layout)} at once: ask for another")
        return GivenPerson(number, keypoints, confidence, trust, found)


def enough_points(seen: np.ndarray, layout: Layout | None) -> np.ndarray:
    """Which frames a lifter can lift: of Human3.6M's joints it needs all.

    Of others it needs MIN_POINTS, two of them joints below the head, because a face alone does not say how large the
    body is, and so how far away. Stages count the frames of data sets by MIN_POINTS.

    Args:
        seen: (..., K) bool.
        layout: of the points; None: MIN_POINTS are enough.

    Returns:
        (...) bool.
    """
    return np.asarray(seen.all(-1)) if layout is not None and layout.name == OURS else _shows_body(seen, layout)


def least_said(layout: Layout | None) -> str:
    """:func:`enough_points` in words."""
    if layout is not None and layout.name == OURS:
        return f"{len(layout)} points"
    return f"{MIN_POINTS} points, {_BELOW_HEAD} of them joints below the head,"


def _shows_body(seen: np.ndarray, layout: Layout | None) -> np.ndarray:
    enough = seen.sum(-1) >= MIN_POINTS
    if layout is None:
        return np.asarray(enough)
    points, joints = layout.shared
    below = [point for point, joint in zip(points, joints, strict=True) if JOINT_NAMES[joint] not in _OF_HEAD]
    return np.asarray(enough & (seen[..., below].sum(-1) >= _BELOW_HEAD))


def people_of(
    file: KeypointFile,
    video: VideoFacts | None = None,
    fps: float | None = None,
    size_px: tuple[int, int] | None = None,
    normalised: bool = False,
) -> GivenPeople:
    """Put a file's sightings into a video.

    Args:
        file: from :func:`pose3d.formats.read_keypoints.read_keypoints`.
        video: whose keypoints they are; None: there is none.
        fps: frames per second, where there is no video and the file does not say it.
        size_px: the picture's width and height, likewise.
        normalised: whether coordinates are shares of the picture's width and height.

    Raises:
        InputError: something is not said, or said twice and differently, or cannot be.
    """
    said = [*file.said, *(() if video is None else video.said)]
    if video is not None and not video.as_stored and file.intrinsics_px is None:
        raise InputError(
            f"{file.path}: its video is mirrored, cut or stretched where it is shown, and programs differ in whether "
            "they do so: convert the video with `ffmpeg -i VIDEO -vf scale=iw*sar:ih,setsar=1 NEW`, and find keypoints "
            "in that"
        )
    width, height = _size(file, video, size_px)
    if file.pictures is not None:
        file = _by_pictures(file, file.pictures, video, said)
    frames, time_s = _frames(file, video, _rate(file, video, fps), said)
    inside = frames < len(time_s)
    if not inside.any():
        raise InputError(
            f"{file.path}: its first frame is {file.frames[0]}, the video has {len(time_s)}: give this video's file"
        )
    keypoints = file.keypoints[inside] * _scale(file, normalised, width, height, said)
    confidence, frames = file.confidence[inside], frames[inside]
    _check_inside(file, normalised, keypoints, frames, width, height)
    if not (file.normalised or normalised or file.size_px):
        said += _of_another_size(file.path, keypoints, confidence, frames, (width, height))
    keypoints, confidence = _near(file, keypoints, confidence, frames, (width, height), said)
    there, seen = is_person(keypoints, confidence > 0), (confidence > 0).any(1)
    if not there.any():
        raise InputError(
            f"{file.path}: nobody of {LEAST_PERSON_PX:g} px or more is detected in the frames of the video"
        )
    if (seen & ~there).any():
        said.append(
            f"{file.path}: {(seen & ~there).sum()} people who are smaller than {LEAST_PERSON_PX:g} px are undetected, "
            f"the first in frame {frames[seen & ~there][0]}"
        )
    keypoints, confidence, frames = keypoints[there], confidence[there], frames[there]
    numbers = _numbers(file, time_s[frames], keypoints) if file.people is None else file.people[inside][there]
    said += _gaps(file.path, time_s, frames)
    return GivenPeople(
        file.path, width, height, time_s, frames, numbers, keypoints, confidence, file.people is not None, tuple(said)
    )


def _numbers(file: KeypointFile, time_s: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """People from 1 where the file has no numbers: one, however long unseen, of formats of one person."""
    if file.one_person and (np.diff(file.frames) > 0).all():
        return np.ones(len(keypoints), np.int64)
    return track_people(time_s, keypoints) + 1


def _size(file: KeypointFile, video: VideoFacts | None, asked: tuple[int, int] | None) -> tuple[int, int]:
    of_video = None if video is None else (video.width_px, video.height_px)
    sizes: Sequence[tuple[str, tuple[int, int] | None]] = (
        ("the video", of_video),
        (file.path, file.size_px),
        ("--size", asked),
    )
    given = [(name, size) for name, size in sizes if size is not None]
    if not given:
        raise InputError(f"{file.path} ({file.format}) does not say how large the picture is: give --size 1920x1080")
    name, size = given[0]
    for other, another in given[1:]:
        if another != size:
            raise InputError(
                f"{name} has a picture of {size[0]} x {size[1]} px, {other} says {another[0]} x {another[1]}: "
                "give keypoints in px of this picture"
            )
    return size


def _rate(file: KeypointFile, video: VideoFacts | None, asked: float | None) -> float | None:
    """Frames per second; None: times are known."""
    if asked is not None and not 0 < asked <= MAX_RATE_HZ:
        raise InputError(f"--fps takes frames per second above 0 and up to {MAX_RATE_HZ:g}, not {asked:g}")
    if video is not None:
        if asked is None:
            _check_rate(file, video)
        return None  # in whose times it is
    if file.time_s is not None:
        if asked is not None:
            raise InputError(f"--fps is not needed: {file.path} has the frames' times; leave it out")
        return None
    if file.fps is not None and asked is not None and abs(asked / file.fps - 1) > 0.01:
        raise InputError(f"{file.path} says {file.fps:g} frames a second, --fps {asked:g}: leave --fps out")
    rate = asked if file.fps is None else file.fps
    if rate is None:
        raise InputError(f"{file.path} ({file.format}) does not say how many frames a second has: give --fps 30")
    return rate


def _check_rate(file: KeypointFile, video: VideoFacts) -> None:
    """Refuse another rate than the video's: frames of the same number are others then."""
    steps_s, rate = np.diff(video.time_s), file.fps
    if rate is None and file.time_s is not None and len(file.time_s) > 1:
        rate = 1 / float(np.median(np.diff(file.time_s)))
    if rate is None or not len(steps_s):
        return
    usual = 1 / float(np.median(steps_s))
    # Of a varying rate programs say the mean, or what the header says; of slow motion that of playing.
    if all(abs(rate / of_video - 1) > _SAME_RATE for of_video in (usual, 1 / steps_s.mean(), *video.header_rates_hz)):
        raise InputError(
            f"{file.path} says {rate:.4g} frames a second, the video has {usual:.4g}: give this video's keypoints; if "
            f"they are, --fps {usual:.4g} takes the video's rate"
        )


def _frames(
    file: KeypointFile, video: VideoFacts | None, fps: float | None, said: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Frames of the sightings, counted from 0, and the times of all frames."""
    n_frames = max(int(file.frames[-1]) + 1, file.n_frames or 0)
    frames = file.frames if video is None else _as_in_video(file, n_frames, video, said)
    n_frames -= int(file.frames[-1] - frames[-1])
    n_seen = len(np.unique(frames))
    # A video may be long before its first person; where there is none, the numbers alone say how long.
    spans = n_frames - (0 if video is None else int(frames[0]))
    if n_frames > MAX_FRAMES or spans > _SPARSE[0] * n_seen + _SPARSE[1]:
        if video is None and n_seen == 1 and file.n_frames is None and fps is not None:
            said.append(f"{file.path}: its only frame, {frames[0]}, is taken as frame 0")
            return np.zeros_like(frames), np.zeros(1)
        or_folder = "" if video else ", or give --video with the folder of the pictures that have these numbers"
        raise InputError(
            f"{file.path}: its frames go from {file.frames[0]} to {file.frames[-1]} and {n_seen} have anybody: they "
            f"are not those of a video; number them one by one{or_folder}"
        )
    if video is not None:
        return frames, video.time_s
    first = int(frames[0])
    if file.time_s is not None:
        said += doubt_step(file.path, file.time_s)
        return frames, file.time_s
    if first == 1:
        said.append(f"{file.path}: nobody is in frame 0; numbers are kept, so times count from there")
    elif first > 1:
        said.append(f"{file.path}: the first frame with anybody is {first}; numbers are kept")
    assert fps is not None
    return frames, np.arange(n_frames) / fps


def _by_pictures(
    file: KeypointFile, pictures: NamedPictures, video: VideoFacts | None, said: list[str]
) -> KeypointFile:
    """With the frames of the video's pictures of equal names, those that it lacks past its end; else as they are.

    Names that count frames may be others than the folder's, all or some of them: then equal numbers go together.
    """
    places = {} if video is None else _places(pictures, video.picture_names)
    n_video = 0 if video is None else len(video.time_s)
    names = list(pictures.names.values())
    lacking = [name for name in names if name not in places]
    if not places and pictures.alike is not None:
        raise InputError(pictures.alike)
    if lacking and len(pictures.folders) > 1:
        first, second, *others = pictures.folders
        said.append(
            f"{file.path} names pictures of several folders, {first[:80]!r} and {second[:80]!r}"
            f"{' and others' if others else ''}: all are taken as one video; give one file for each if they are several"
        )
    by_number = _fit_numbers(pictures, places, video)
    if pictures.counted and lacking and (by_number or not places):
        if video is not None and video.picture_names and not by_number:
            said.append(
                f"{file.path}: the folder has none of its pictures, the first {names[0][:80]!r}: their numbers "
                "are taken as places in the folder"
            )
        return replace(file, pictures=None)
    if not places:
        if len(names) > 1 or n_video > 1:
            last = f" and {names[-1][:80]!r} as frame {len(names) - 1}" if len(names) > 1 else ""
            said.append(
                f"{file.path}: names of pictures that count no frames are taken in their order, {names[0][:80]!r} "
                f"as frame 0{last}: {_doubt_of_order(names, video)}"
            )
        return replace(file, pictures=None)
    said.append(f"{file.path}: keypoints go to the pictures of equal names")
    if lacking:
        said.append(
            f"{file.path}: the folder lacks {len(lacking)} of its pictures, the first {lacking[0][:80]!r}: their "
            "keypoints are left out"
        )
    in_folder = np.array([places.get(pictures.names[frame], n_video) for frame in file.frames.tolist()])
    order = np.argsort(in_folder, kind="stable")
    return replace(
        file,
        frames=in_folder[order],
        keypoints=file.keypoints[order],
        confidence=file.confidence[order],
        people=None if file.people is None else file.people[order],
        n_frames=None,
    )


def _doubt_of_order(names: Sequence[str], video: VideoFacts | None) -> str:
    """What to do where frames do not follow each other as names do, which are in their order."""
    series = two_series(names)
    if series is None and video is not None and video.picture_names:
        return "the folder has none of them; give that of all if pictures are missing"
    if series is None:
        return "if pictures are missing, give --video with the folder of all"
    first, second = (f"{names[one[0]][:80]!r} to {names[one[-1]][:80]!r}" for one in series)
    return f"they seem to be of several series, {first} and {second}; give one file for each"


def _places(pictures: NamedPictures, in_folder: Sequence[str]) -> dict[str, int]:
    """Where those of a file's pictures are that a folder has, also if written otherwise, where that is clear."""
    names = list(pictures.names.values())
    clear = all(len(set(map(written, each))) == len(each) for each in (names, in_folder))
    key_of = written if clear else str
    places = {key_of(name): place for place, name in enumerate(in_folder)}
    return {name: places[key_of(name)] for name in names if key_of(name) in places}


def _fit_numbers(pictures: NamedPictures, places: dict[str, int], video: VideoFacts | None) -> bool:
    """Whether a folder's pictures have all numbers, and those of equal names the same.

    They also fit where one counts from 0 and the other from 1, as programs do that take pictures out of a video.
    """
    if video is None or video.picture_numbers is None:
        return False
    numbers = video.picture_numbers.tolist()
    first, last, n = min(pictures.names), max(pictures.names), len(numbers)
    from_0, from_1 = (numbers[0] == low and numbers[-1] == low + n - 1 for low in (0, 1))
    if (from_0 and first <= 1 and last - first == n - 1) or (from_1 and first == 0 and last < n):
        return True
    known = all(numbers[places[name]] == number for number, name in pictures.names.items() if name in places)
    return known and set(pictures.names) <= set(numbers)


def _as_in_video(file: KeypointFile, n_frames: int, video: VideoFacts, said: list[str]) -> np.ndarray:
    n_video = len(video.time_s)
    if file.pictures is not None:
        return file.frames
    first = int(file.frames[0]) if file.n_frames is None else file.first_frame
    frames, moved = in_video(file.path, file.frames, (first, n_frames - 1), n_video, video.picture_numbers)
    said += moved
    if moved:
        return frames
    if n_frames > n_video:
        n_out = len(np.unique(frames[frames >= n_video]))
        said.append(
            f"{file.path} has {n_frames} frames, the video {n_video}: {n_out} with keypoints past its end are left out"
        )
    elif n_frames < n_video:
        said.append(f"{file.path} has {n_frames} frames, the video {n_video}: nobody is in those that it lacks")
    return frames


def _scale(file: KeypointFile, normalised: bool, width_px: int, height_px: int, said: list[str]) -> np.ndarray:
    highest = float(np.nanmax(np.abs(file.keypoints)))
    if file.normalised is False and normalised:
        raise InputError(f"{file.path} ({file.format}) is in px: leave --normalised out")
    negative = float((file.keypoints < 0)[_sure(file.confidence)].mean())
    both_ways = _if_both_ways(file, width_px, height_px) if negative > _NEGATIVE else ""
    if file.normalised or normalised:
        if highest > 10:
            raise InputError(f"{file.path}: a coordinate is {highest:.4g}, so they are px: leave --normalised out")
        if both_ways and not file.normalised:
            said.append(
                f"{file.path}: {negative:.0%} of the coordinates that are surely detected are below 0: {both_ways}"
            )
        return np.array([width_px, height_px], np.float32)
    if file.normalised is None and highest <= _NORMALISED:
        raise InputError(
            f"{file.path}: no coordinate is above {highest:.3g}, so they are not px: give --normalised if they are "
            f"shares of the picture's width and height{both_ways and '; ' + both_ways}"
        )
    return np.ones(2, np.float32)


def _if_both_ways(file: KeypointFile, width_px: int, height_px: int) -> str:
    """How to make shares of coordinates from -1 to 1, of which y may be measured in half widths, as VideoPose3D's."""
    aspect = height_px / width_px
    highest = float(np.nanmax(np.abs(file.keypoints[..., 1][_sure(file.confidence)])))
    of_width = f"(y / {aspect:.4g} + 1) / 2"
    if _PAST_EDGE < highest <= _PAST_EDGE * aspect:
        return f"if x goes from -1 to 1, make them (x + 1) / 2 and {of_width} first"
    to_share = "if they go from -1 to 1, make them (x + 1) / 2 and (y + 1) / 2 first"
    if aspect == 1 or highest > _PAST_EDGE * aspect:
        return to_share
    return f"{to_share}, or {of_width} if y goes from -{aspect:.4g} to {aspect:.4g} (VideoPose3D, MotionBERT)"


def _check_inside(
    file: KeypointFile, normalised: bool, keypoints: np.ndarray, frames: np.ndarray, width: int, height: int
) -> None:
    """Refuse a size that most points lie outside of."""
    known = ~np.isnan(keypoints[..., 0])
    outside = _outside(keypoints, (width, height))
    share = outside.sum() / max(known.sum(), 1)
    if share > _OUTSIDE_SHARE:
        frame, point = np.argwhere(outside)[0]
        x, y = keypoints[frame, point]
        remedy = "give the size of the picture that the points were found in"
        if normalised:
            remedy = f"give shares of its width and height; {_if_both_ways(file, width, height)}"
        raise InputError(
            f"{file.path}: {share:.0%} of all points lie outside of the picture of {width} x {height} px, the first in "
            f"frame {frames[frame]} at ({x:.0f}, {y:.0f}): {remedy}"
        )


def _sure(confidence: np.ndarray) -> np.ndarray:
    return np.asarray(confidence > _SURE * np.median(confidence[confidence > 0]))


def _outside(keypoints: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    return np.asarray(((keypoints < 0) | (keypoints > size_px)).any(-1))


def _of_another_size(
    path: str, keypoints: np.ndarray, confidence: np.ndarray, frames: np.ndarray, size_px: tuple[int, int]
) -> list[str]:
    """A question where px look like those of another picture. It is no more, because people do stand in corners."""
    known = confidence > 0
    if not known.any():
        return []
    picture = f"the picture of {size_px[0]} x {size_px[1]} px"
    sure = _sure(confidence)
    outside = _outside(keypoints, size_px) & sure
    share = outside.sum() / sure.sum()
    if share > _OUTSIDE_DOUBT:
        frame, point = np.argwhere(outside)[0]
        x, y = keypoints[frame, point]
        return [
            f"{path}: {share:.0%} of the points that are surely detected lie outside of {picture}, the first in frame "
            f"{frames[frame]} at ({x:.0f}, {y:.0f}): were they found in a larger picture? Give px of this one"
        ]
    in_corner = in_upper_left(keypoints[known], *size_px)
    if in_corner.mean() < CORNER_SHARE or len(np.unique(frames[known.any(1)])) < CORNER_FRAMES:
        return []
    if np.nanmax(keypoints) <= _MOST_PERCENT and min(size_px) >= _PERCENT_SIDE_PX:
        return [
            f"{path}: no coordinate is above {np.nanmax(keypoints):.3g} in {picture}: are they per cent? Then divide "
            "them by 100 and give --normalised"
        ]
    return [
        f"{path}: all people stay in the upper left quarter of {picture}: were they found in a smaller picture, or in "
        "a crop? Then give px of this one"
    ]


def _near(
    file: KeypointFile,
    keypoints: np.ndarray,
    confidence: np.ndarray,
    frames: np.ndarray,
    size_px: tuple[int, int],
    said: list[str],
) -> tuple[np.ndarray, np.ndarray]:
    """Without points so far outside of the picture that nobody can have seen what they are."""
    far = far_outside(keypoints, *size_px)
    if not far.any():
        return keypoints, confidence
    frame, point = np.argwhere(far)[0]
    x, y = keypoints[frame, point]
    said.append(
        f"{file.path}: {far.sum()} points lie farther outside of the picture than it is wide or high, the first in "
        f"frame {frames[frame]} at ({x:.0f}, {y:.0f}), and are undetected"
    )
    return np.where(far[..., None], np.float32(np.nan), keypoints), np.where(far, np.float32(0), confidence)


def _gaps(path: str, time_s: np.ndarray, frames: np.ndarray) -> list[str]:
    """Frames without anybody between those with somebody, in one sentence."""
    seen = np.unique(frames)
    missing = np.diff(seen) - 1
    if not missing.any():
        return []
    short = np.diff(time_s[seen]) <= BRIDGED_S + 1e-9
    n_short, n_long = int(missing[short].sum()), int(missing[~short].sum())
    n_gaps = int((missing[~short] > 0).sum())
    return [
        f"{path}: {n_short + n_long} frames between others are without anybody: {n_short} are bridged, in gaps of at "
        f"most {BRIDGED_S:g} s; {n_long} in {n_gaps} longer gaps are left out"
    ]
