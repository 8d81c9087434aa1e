"""Takes of one's own files: which points, in which unit, and the pieces that a person could have done."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pose3d.formats.joint_files import read_motion
from pose3d.formats.motion import NAMES, Motion
from pose3d.geometry.rotations import unit
from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.priors.plausible import bridged, in_metres, is_mirrored, left_out, leg_length_m, middle, no_person, runs
from pose3d.priors.point_map import NEEDED, Points, body_points, people_in
from pose3d.runtime.errors import InputError
from pose3d.synthetic.mocap import sample_times

ENDINGS = {".bvh": "cm", ".c3d": "m", ".trc": "m", ".npz": "m"}
"""Of the files that are read, each with the unit in which it was read: BVH has none and is taken for centimetres, the
others say theirs."""
OURS = {name: name.replace("Foot", "Ankle") for name in JOINT_NAMES}
"""The name of each of the 17 joints among the points, where a file has just these: they are taken as they are."""
_FARTHEST_M = 1e6
"""In whatever unit: what is further away is damage, and would overflow."""
_SHORTEST_S = 0.5
_LOWEST_HZ = 5.0
"""What lies between frames that are further apart is no motion, and would be a lot of it."""


@dataclass(frozen=True)
class Piece:
    """Frames without a gap, at the rate of training.

    Attributes:
        points: (T, 3) float32, metres, the axes of :class:`pose3d.formats.motion.Motion`.
        leg_m: length of the person's legs.
        ours: the points are the 17 joints, see :data:`OURS`.
    """

    points: Points
    leg_m: float
    ours: bool

    def __len__(self) -> int:
        return len(self.points["LHip"])


@dataclass
class Take:
    """What one person does in one file.

    Attributes:
        file: relative to the folder.
        person: of several in the file; or empty.
        fps: the file's frames per second.
        unit: of the file, where it does not say it or its legs are a person's in another one only.
        said: what else is worth a word.
        pieces: those that are used.
        seconds: how much is used.
        left_out_s: seconds that are not, by the reason.
    """

    file: Path
    person: str
    fps: float
    unit: str
    said: list[str] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    seconds: float = 0.0
    left_out_s: dict[str, float] = field(default_factory=dict)

    def standing(self) -> np.ndarray:
        """Sum over the used frames of the directions from feet to shoulders, (3,)."""
        directions = [unit(middle(p.points, "Shoulder") - middle(p.points, "Ankle")).sum(0) for p in self.pieces]
        return np.sum(directions, 0) if directions else np.zeros(3)


def read_takes(folder: Path, file: Path, given: Mapping[str, Sequence[str]], rate_hz: float) -> list[Take]:
    """The takes of a file, one for each person.

    Args:
        folder: where the files are.
        file: relative to it.
        given: a map from :func:`pose3d.priors.point_map.read_map`; or an empty one.
        rate_hz: frames per second of training.

    Raises:
        InputError: the file cannot be read, is in camera space, or does not show which of its names are the body's.
    """
    path = folder / file
    motion = read_motion(path)
    if motion.frame == "camera":
        raise InputError(f"{path} is in camera space, where nobody knows the vertical: give joints of the world, z up")
    positions_m = motion.positions_m
    positions_m[np.abs(positions_m).max(-1) > _FARTHEST_M] = np.nan
    if not given and set(NAMES) == set(motion.joints):
        order = [motion.joints.index(name) for name in NAMES]
        points = dict(zip(OURS.values(), np.moveaxis(motion.positions_m[:, order], 1, 0), strict=True))
        return [_take(file, "", motion, points, tuple(points), rate_hz)]
    return [
        _take(file, person, motion, body_points(path, motion, names, given), NEEDED, rate_hz)
        for person, names in people_in(motion.joints).items()
    ]


def own_files(folder: Path) -> list[Path]:
    """The files in a folder and the folders below it that are read, relative to it, sorted.

    Raises:
        InputError: there are none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: give one with files {', '.join(ENDINGS)}")
    found = [
        (Path(place) / name).relative_to(folder)
        for place, _, names in os.walk(folder)
        for name in names
        if Path(name).suffix.lower() in ENDINGS and not name.startswith(".") and (Path(place) / name).is_file()
    ]
    if not found:
        raise InputError(f"{folder} holds no motion capture: put files there that end in {', '.join(ENDINGS)}")
    return sorted(found)


def _take(file: Path, person: str, motion: Motion, points: Points, needed: Sequence[str], rate_hz: float) -> Take:
    said = ENDINGS[file.suffix.lower()]
    points, unit_name = in_metres(points, said)
    take = Take(file, person, motion.fps, "its own" if unit_name == said == "m" else unit_name)
    too_slow = f"fewer than {_LOWEST_HZ:g} frames a second" if motion.fps < _LOWEST_HZ else None
    wrong = too_slow or no_person(points)
    if wrong:
        take.left_out_s[wrong] = len(motion) / motion.fps
        return take
    points = bridged(points, motion.fps, needed)
    if motion.unseen is not None:
        points = {name: np.where(motion.unseen[:, None], np.nan, path) for name, path in points.items()}
    ours = len(needed) == len(OURS)
    if is_mirrored(points):
        points = {name: path * [-1, 1, 1] for name, path in points.items()}
        take.said.append("mirrored: its axes are left-handed, or left and right are exchanged")
    reasons = left_out(points, motion.fps)
    for start, stop in runs(~np.any(np.stack(list(reasons.values())), 0)):
        if (stop - start) / motion.fps < _SHORTEST_S:  # three frames at least, because of the lowest rate
            reasons.setdefault("too short", np.zeros(len(motion), bool))[start:stop] = True
            continue
        take.pieces.append(_piece(points, slice(start, stop), motion.fps, rate_hz, ours))
        take.seconds += (stop - start) / motion.fps
    take.left_out_s |= {reason: frames.sum() / motion.fps for reason, frames in reasons.items() if frames.any()}
    return take


def _piece(points: Points, part: slice, fps: float, rate_hz: float, ours: bool) -> Piece:
    """Interpolated linearly, as the climbing clips are."""
    n_frames = part.stop - part.start
    position = sample_times((n_frames - 1) / fps, rate_hz) * fps
    before = np.minimum(position.astype(int), n_frames - 2)
    share = (position - before)[:, None]
    sampled = {
        name: ((1 - share) * path[part][before] + share * path[part][before + 1]).astype(np.float32)
        for name, path in points.items()
    }
    return Piece(sampled, leg_length_m(points), ours)
