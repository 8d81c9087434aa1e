"""Which of a file's joints or markers are which points of the body: by the names that are common, or by a map.

Names differ in how they write the side (LeftUpLeg, L_Thigh, thigh.L, lThigh) and in the word for the part, where the
joint at which a bone begins mostly has the bone's name (LeftLeg is the knee). One table of words serves the skeletons
of CMU, Mixamo, Rokoko, Xsens, OptiTrack, Unreal, SMPL, the keypoints of OpenPose and Pose2Sim, and the joint centres of
Plug-in Gait; its markers are in :mod:`pose3d.priors.markers`.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pose3d.config.reading import read_yaml
from pose3d.formats.motion import Motion, without_blanks
from pose3d.priors.markers import MARKERS, joint_centres
from pose3d.runtime.errors import InputError

Points = dict[str, np.ndarray]
"""(T, 3) by the body point's name."""

_WORDS = {
    "Hip": ("hjc", "hipjc", "fep", "upleg", "thigh", "upperleg", "hip"),
    "Knee": ("kjc", "kneejc", "feo", "knee", "leg", "shin", "calf", "lowerleg", "lowleg"),
    "Ankle": ("ankle", "ajc", "anklejc", "tio", "foot"),
    "Shoulder": ("sjc", "uparm", "upperarm", "uarm", "arm", "shldr", "clo", "hup", "shoulder"),
    "Elbow": ("ejc", "huo", "elbow", "forearm", "farm", "lowerarm", "lowarm"),
    "Wrist": ("wrist", "wjc", "rao", "hand"),
    "Toe": ("toebase", "toes", "toe", "toe0", "ball", "bigtoe", "footindex", "foot"),
    "Ear": ("ear",),
    "Middle": ("handmiddle1", "middle1", "middle01"),
    "Index": ("handindex1", "index1", "index01", "index"),
    "Pinky": ("handpinky1", "pinky1", "pinky01", "pinky"),
    "Pelvis": ("hips", "hip", "pelvis", "root", "midhip"),
    "Spine": ("spine", "spine01", "spine1", "ab", "abdomen", "l5", "chest"),
    "Neck": ("neck", "neck01", "lowerneck", "thorax"),
    "Head": ("head",),
    "HeadTop": ("headtop", "headtopend"),
    "Nose": ("nose",),
}
"""By the body's point, the better words first: where there is an arm, a shoulder is the collar bone's beginning, and
where there is an ankle, a foot is where the toes begin."""
_HIP_ABOVE_KNEE = ("hjc", "hipjc", "fep", "hip")
"""Where a knee has its own name, a thigh is a marker half way down to it."""
_MIDDLE = ("Pelvis", "Spine", "Neck", "Head", "HeadTop", "Nose")

NEEDED = tuple(f"{side}{part}" for part in list(_WORDS)[:6] for side in "LR")
"""Without these twelve there is no pose."""
KNOWN = (*NEEDED, *(f"{side}{part}" for part in list(_WORDS)[6:11] for side in "LR"), *_MIDDLE, "HeadBand", "HeadFront")
"""All points that a map may name: for the others there are stand-ins."""

_ROOM_FOR_NAMES = 60
_PREFIX = re.compile(r"(?i)(mixamorig\d*|bip0*1|skeleton\d*|def|cc_base)[_ :.-]*")
_SIDE = {"l": "L", "left": "L", "r": "R", "right": "R"}
_BESIDE = re.compile(r"(?i:(left|right))(?=.)|([LlRr])(?=[A-Z][A-Za-z])")


def side_and_word(name: str) -> tuple[str, str]:
    """The side of a name, ``L``, ``R`` or neither, and what is left of it.

    Example:
        >>> [side_and_word(name) for name in ("mixamorig:LeftUpLeg", "thigh.L", "Bip01_R_UpperArm", "lShin", "Spine1")]
        [('L', 'upleg'), ('L', 'thigh'), ('R', 'upperarm'), ('L', 'shin'), ('', 'spine1')]
    """
    name = _PREFIX.sub("", name.rpartition(":")[2], count=1)
    words = [word for word in re.split(r"[^A-Za-z0-9]+", name) if word]
    for word in words:
        if word.lower() in _SIDE:
            return _SIDE[word.lower()], "".join(other for other in words if other is not word).lower()
    joined = "".join(words)
    beside = _BESIDE.match(joined)
    if beside:
        return beside[0][0].upper(), joined[beside.end() :].lower()
    for ending, side in (("Left", "L"), ("Right", "R")):
        if joined.endswith(ending):
            return side, joined.removesuffix(ending).lower()
    return "", joined.lower()


def recognised(names: Sequence[str]) -> dict[str, str]:
    """The file's name of each body point that its names show.

    Example:
        >>> recognised(("Hips", "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftShoulder", "LeftArm"))
        {'LHip': 'LeftUpLeg', 'LKnee': 'LeftLeg', 'LAnkle': 'LeftFoot', 'LShoulder': 'LeftArm', 'Pelvis': 'Hips'}
    """
    common = _common_beginning(names)
    by_word: dict[tuple[str, str], str] = {}
    for name in names:
        by_word.setdefault(side_and_word(name.removeprefix(common)), name)
    found: dict[str, str] = {}
    for point, words in _WORDS.items():
        for side in ("",) if point in _MIDDLE else ("L", "R"):
            known = _HIP_ABOVE_KNEE if point == "Hip" and (side, "knee") in by_word else words
            there = [by_word[side, word] for word in known if (side, word) in by_word]
            if there and there[0] not in found.values():
                found[f"{side}{point}"] = there[0]
    return found


def read_map(path: Path) -> dict[str, list[str]]:
    """A map from body points, or Plug-in Gait's markers, to a file's names: for each one, or a list whose middle it is.

    Raises:
        InputError: it cannot be read, names no point of the body, or gives something else than names.
    """
    found = {}
    for point, given in read_yaml(path, "write lines such as `LKnee: NAME`").items():
        if point not in KNOWN + MARKERS:
            raise InputError(
                f"{path} names {point!r}, which is no point of the body: name some of {', '.join(KNOWN + MARKERS)}"
            )
        names = given if isinstance(given, list) else [given]
        if not names or not all(isinstance(name, str | int) for name in names):
            raise InputError(f"{path}: give {point} a name of the files', or a list of names whose middle it is")
        found[point] = list(without_blanks(map(str, names)))
    return found


def people_in(names: Sequence[str]) -> dict[str, list[str]]:
    """Names by the person before their last colon; one person, without a name, where that does not part several.

    Example:
        >>> list(people_in(("A:LHJC", "B:LHJC"))), list(people_in(("A:LHJC", "*1")))
        (['A', 'B'], [''])
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.rpartition(":")[0], []).append(name)
    whole = {person: own for person, own in groups.items() if person and len(own) * 2 > max(map(len, groups.values()))}
    # Of somebody who is there in part only, no marker must serve for the other's of the same name.
    largest_first = sorted(groups.values(), key=len, reverse=True)
    return whole if len(whole) > 1 else {"": [name for own in largest_first for name in own]}


def body_points(path: object, motion: Motion, names: Sequence[str], given: Mapping[str, Sequence[str]]) -> Points:
    """The points of one person, in the motion's axes and unit.

    Args:
        path: the file, for messages.
        motion: what was read.
        names: those of its joints that are this person's.
        given: a map from :func:`read_map`, which goes before what is recognised, as do the centres that come of markers
            that it names; or an empty one.

    Raises:
        InputError: the map names what is not there, or one of :data:`NEEDED` is neither recognised nor mapped; lists
            the names and says how to write a map.
    """
    at = {name: motion.positions_m[:, motion.joints.index(name)] for name in names}
    common = _common_beginning(names)
    short: dict[str, str] = {}
    for name in names:
        for short_name in (name.removeprefix(common).rpartition(":")[2], name.rpartition(":")[2]):
            short.setdefault(short_name, name)
    mapped = {}
    for point, chosen in given.items():
        unknown = [name for name in chosen if name not in at and name not in short]
        if unknown:
            raise InputError(f"{path} has no {unknown[0]}, which the map gives for {point}: it has {_list(names)}")
        mapped[point] = np.mean([at[name] if name in at else at[short[name]] for name in chosen], 0)
    markers = {short_name: at[name] for short_name, name in short.items()} | mapped
    centres, shown = joint_centres(markers), {point: at[name] for point, name in recognised(names).items()}
    points = shown | centres if set(mapped) & set(MARKERS) else centres | shown
    points |= {point: path for point, path in mapped.items() if point in KNOWN}
    lacking = [point for point in NEEDED if point not in points]
    if lacking:
        example = f"`{lacking[0]}: NAME`, or `{lacking[0]}: [NAME, NAME]` where it is in the middle of several"
        raise InputError(
            f"{path} does not show which of its names are {', '.join(lacking)}: write a map with a line for each, "
            f"{example}, and give it with --map (its names are {_list(names)})"
        )
    return points


def _common_beginning(names: Sequence[str]) -> str:
    """Up to a sign that parts words, such as ``Jane_`` of a person's markers."""
    common = os.path.commonprefix(list(names)) if len(names) > 1 else ""
    return common[: 1 + max(map(common.rfind, "_:.-"))]


def _list(names: Sequence[str]) -> str:
    more = len(names) - _ROOM_FOR_NAMES
    return ", ".join(names[:_ROOM_FOR_NAMES]) + (f" and {more} more" if more > 0 else "")
