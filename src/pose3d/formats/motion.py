"""Joints over time as other programs have them: at an even rate, in metres, y up, some perhaps missing."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.runtime.errors import InputError

NAMES = tuple(name.split("/")[0] for name in JOINT_NAMES)
"""Names of the 17 joints in files of other programs; a slash would be a path in some of them."""

Y_UP_FROM = {
    "camera": np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]),
    "world": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
}
"""For each frame of ours the rotation to x right, y up, z back: from the camera's x right, y down, z forward, and from
the world's z up. A level camera that looks along the world's y gives the same axes in both ways."""

Z_UP_FROM_Y_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""To x right, y forward, z up, which C3D and AMASS have."""

_NAMED = 4  # markers in a sentence


@dataclass(frozen=True, eq=False)
class Motion:
    """T frames of one person.

    Attributes:
        joints: J names.
        positions_m: (T, J, 3) float64, x right, y up, z back (a person who faces the camera faces z); NaN where a joint
            is missing.
        fps: frames per second.
        frame: ``camera``: the origin is the camera, and y is up in its picture; ``world``: y is up, its plane is 0.
        said: sentences about what was changed in reading.
        unseen: (T,) bool, frames in gaps of the file's times, or after one that was cut; None: it has no gaps.
    """

    joints: tuple[str, ...]
    positions_m: np.ndarray
    fps: float
    frame: str = "world"
    said: tuple[str, ...] = ()
    unseen: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.positions_m)

    @property
    def times_s(self) -> np.ndarray:
        """(T,) seconds since the first frame."""
        return np.arange(len(self)) / self.fps

    @property
    def missing(self) -> np.ndarray:
        """(T, J) bool."""
        return np.isnan(self.positions_m).any(-1)


def from_ours(poses_m: np.ndarray, fps: float, frame: str, joints: tuple[str, ...] = NAMES) -> Motion:
    """Poses (T, J, 3) of camera space or of the world, which is z up.

    Example:
        A metre above a camera, or above the world's origin, is a metre up.

        >>> from_ours(np.array([[[0.0, -1.0, 4.0]]]), 25, "camera", ("Hip",)).positions_m.tolist()
        [[[0.0, 1.0, -4.0]]]
        >>> from_ours(np.array([[[0.0, 4.0, 1.0]]]), 25, "world", ("Hip",)).positions_m.tolist()
        [[[0.0, 1.0, -4.0]]]
    """
    return Motion(joints, np.asarray(poses_m, np.float64) @ Y_UP_FROM[frame].T, fps, frame)


def to_ours(motion: Motion) -> np.ndarray:
    """The (T, J, 3) poses in the motion's frame: camera space, or the world, z up."""
    return motion.positions_m @ Y_UP_FROM[motion.frame]


def without_blanks(names: Iterable[str]) -> tuple[str, ...]:
    """Names of joints of other programs as a motion has them, letters without the marks that ASCII lacks.

    Example:
        >>> without_blanks([" Left Arm ", "Neck/Nose", "Hüfte"])
        ('Left_Arm', 'Neck', 'Hufte')
    """
    return tuple("Neck" if name == "Neck/Nose" else "_".join(_without_marks(name).split()) for name in names)


def names_of_others(names: Iterable[str]) -> tuple[str, ...]:
    """As :func:`without_blanks`, each name its own: what shares one is numbered, and what has none is ``unnamed``.

    Nobody knows which of several is meant, so none keeps the name alone.

    Example:
        >>> names_of_others(["Hip", "Toe", "Toe", "", "Toe_1"])
        ('Hip', 'Toe_2', 'Toe_3', 'unnamed', 'Toe_1')
    """
    plain = ["".join(c if c.isprintable() else "?" for c in name) or "unnamed" for name in without_blanks(names)]
    shared = {name for name, times in Counter(plain).items() if times > 1}
    numbers, taken, found = dict.fromkeys(shared, 0), set(plain), []
    for name in plain:
        own = name
        while own in taken and name in shared:
            numbers[name] += 1
            own = f"{name}_{numbers[name]}"
        taken.add(own)
        found.append(own)
    return tuple(found)


def _without_marks(name: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))


def late_start(first_s: float, fps: float) -> tuple[str, ...]:
    """A sentence where a file's first frame is later than the second of a recording, as of one that was cut."""
    if not 1.5 / fps < first_s < np.inf:
        return ()
    return (f"the first frame is at {first_s:.4g} s of the recording, which is 0 s here: times count from it",)


def unit_m(name: str) -> float | None:
    """How long a unit is, in metres, by the name that a file has for it; None: it is none of m, cm and mm.

    Example:
        >>> unit_m("MM"), unit_m("Metres"), unit_m("centimeters"), unit_m("ms")
        (0.001, 1.0, 0.01, None)
    """
    short = re.sub(r"^(c|m)(?:enti|illi)(?=met)|met(?:er|re)s?$", lambda part: part[1] or "m", name.strip().lower())
    return {"m": 1.0, "cm": 0.01, "mm": 0.001}.get(short)


def without_helpers(motion: Motion) -> Motion:
    """The 17 joints alone, where all of them are there: files of skeletons have further ones between them."""
    return take_joints(motion, NAMES) if set(NAMES) <= set(motion.joints) else motion


def take_joints(motion: Motion, names: tuple[str, ...]) -> Motion:
    """Some of the motion's joints, in this order."""
    order = [motion.joints.index(name) for name in names]
    return replace(motion, joints=names, positions_m=motion.positions_m[:, order])


def zeros_as_gaps(motion: Motion) -> Motion:
    """Missing what is at 0, 0, 0, for which some programs have no other sign; said in the motion.

    A marker that is nowhere else stays where the others are around it in most frames: poses may be about their hip.

    Example:
        >>> found = zeros_as_gaps(Motion(("Hip",), np.array([[[1.0, 2, 3]], [[0, 0, 0]]]), 25))
        >>> found.missing.tolist(), found.said
        ([[False], [True]], ('markers at 0, 0, 0 are taken as missing: Hip in 1 of 2 frames',))
    """
    zero = (motion.positions_m == 0).all(-1)
    elsewhere_m = np.where(zero[..., None], np.nan, motion.positions_m)
    known = ~np.isnan(elsewhere_m).all((1, 2))
    low_m, high_m = np.fmin.reduce(elsewhere_m[known], 1), np.fmax.reduce(elsewhere_m[known], 1)
    if known.any() and ((low_m <= 0) & (high_m >= 0)).all(1).mean() > 0.5:
        zero &= ~np.isnan(elsewhere_m).any(-1).all(0)
    if not zero.any():
        return motion
    counts = zero.sum(0)
    names = [f"{motion.joints[joint]} in {counts[joint]} of {len(motion)} frames" for joint in np.flatnonzero(counts)]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    said = f"markers at 0, 0, 0 are taken as missing: {', '.join(names[:_NAMED])}{more}"
    positions_m = np.where(zero[..., None], np.nan, motion.positions_m)
    return replace(motion, positions_m=positions_m, said=(*motion.said, said))


def check_motion(motion: Motion, where: object) -> None:
    """Refuse what no file can hold.

    Args:
        where: the file, for messages.

    Raises:
        InputError: as :func:`check_read`, or a name is no ASCII; begins with ``where``.
    """
    check_read(motion, where)
    for name in motion.joints:
        if not name.isascii():
            raise _no_name(where, name)


def check_read(motion: Motion, where: object) -> None:
    """Refuse what is no motion; other programs' names may be in any letters.

    Args:
        where: the file, for messages.

    Raises:
        InputError: there is no frame or joint, a name is empty or not unique or has a blank in it, a position is
            infinite, or the rate is not a positive number; begins with ``where``.
    """
    if not motion.positions_m.size:
        raise InputError(f"{where} holds no frames or no joints: give one of each at least")
    if not (np.isfinite(motion.fps) and motion.fps > 0):
        raise InputError(f"{where} has the frame rate {motion.fps}: give a positive number of frames a second")
    for name in motion.joints:
        if motion.joints.count(name) > 1 or name.split() != [name] or not name.isprintable():
            raise _no_name(where, name)
    infinite = np.isinf(motion.positions_m)
    if infinite.any():
        t, joint = np.argwhere(infinite)[0][:2]
        raise InputError(f"{where} is infinite at frame {t}, joint {motion.joints[joint]}: give missing joints as NaN")


def _no_name(where: object, name: str) -> InputError:
    return InputError(f"{where} has a joint {name!r}: give each its own name of ASCII letters without blanks")


def filled(motion: Motion) -> Motion:
    """Without gaps: missing joints move evenly from where they were to where they are next, and rest at both ends.

    Raises:
        InputError: a joint is never there.

    Example:
        >>> positions_m = np.array([[[1.0, 0, 0]], [[np.nan] * 3], [[3.0, 0, 0]]])
        >>> filled(Motion(("Hip",), positions_m, 25)).positions_m[1].tolist()
        [[2.0, 0.0, 0.0]]
    """
    missing = motion.missing
    if not missing.any():
        return motion
    never = missing.all(0)
    if never.any():
        name = motion.joints[int(never.argmax())]
        raise InputError(
            f"joint {name} is missing in every frame, but a skeleton needs each: give it, or another format"
        )
    positions_m, frames = motion.positions_m.copy(), np.arange(len(motion))
    for joint in np.flatnonzero(missing.any(0)):
        there = ~missing[:, joint]
        for axis in range(3):
            known = motion.positions_m[there, joint, axis]
            positions_m[:, joint, axis] = np.interp(frames, frames[there], known)
    return replace(motion, positions_m=positions_m)


def as_skeleton(motion: Motion) -> Motion:
    """Filled, with the 17 joints of :data:`pose3d.geometry.skeleton.JOINT_NAMES` in their order and no others.

    Raises:
        InputError: a joint is not there at all, or never.
    """
    lacking = [name for name in NAMES if name not in motion.joints]
    if lacking:
        raise InputError(f"joint {lacking[0]} is not there, but a skeleton needs all 17: give it, or another format")
    return filled(take_joints(motion, NAMES))
