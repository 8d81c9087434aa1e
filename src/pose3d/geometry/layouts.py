"""Keypoint layouts: the points that detectors find, in their order, and where these are on the body.

Every point is either one of our 17 joints or a *landmark*: a place on the skin (nose, eyes, ears, mouth, fingers, toes,
heels), or, of MPII, the upper end of the neck. Joints of other layouts that annotators place alike have one name here:
BODY_25's and Halpe's Neck is the middle between the shoulders, which is where our Thorax is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pose3d.geometry.skeleton import JOINT_NAMES, mirror_permutation
from pose3d.runtime.errors import InputError

OURS = "h36m17"
"""The layout of our 17 joints: what our 2D network gives and all lifters put out. Its lifters take all 17 relative to
the root; those of other layouts take points of which some may be missing."""

LANDMARK_JOINTS = {
    "nose": "Neck/Nose",
    "upper_neck": "Thorax",
    **{
        f"{side}_{part}": joint
        for side in ("left", "right")
        for part, joint in (
            *((face, "Neck/Nose") for face in ("eye_inner", "eye", "eye_outer", "ear", "mouth")),
            *((finger, f"{side[0].upper()}Wrist") for finger in ("pinky", "index", "thumb")),
            *((of_foot, f"{side[0].upper()}Foot") for of_foot in ("heel", "big_toe", "small_toe", "foot_index")),
        )
    },
}
"""The joint that each landmark goes along with. Fingers are their bases, where they leave the hand; ``mouth`` is a
corner of it; toes are their tips, and ``foot_index`` is that of the second."""

LANDMARK_NAMES = tuple(LANDMARK_JOINTS)
N_LANDMARKS = len(LANDMARK_NAMES)
POINT_NAMES = (*JOINT_NAMES, *LANDMARK_NAMES)
"""All places on the body that layouts have points at: joints first."""


def carriers_of(points: Sequence[str]) -> list[int]:
    """Which of our joints each of some :data:`POINT_NAMES` is, or goes along with.

    Example:
        >>> carriers_of(["RKnee", "right_heel"])
        [2, 3]
    """
    return [JOINT_NAMES.index(LANDMARK_JOINTS.get(name, name)) for name in points]


def mirror_points() -> np.ndarray:
    """Order of :data:`POINT_NAMES` after left and right change places. Its own inverse.

    Example:
        >>> POINT_NAMES[mirror_points()[POINT_NAMES.index("left_ear")]]
        'right_ear'
    """
    landmarks = [POINT_NAMES.index(_other_side(name)) for name in LANDMARK_NAMES]
    return np.concatenate([mirror_permutation(), landmarks])


def _other_side(name: str) -> str:
    if name.startswith("left_"):
        return name.replace("left_", "right_", 1)
    return name.replace("right_", "left_", 1)


@dataclass(frozen=True)
class Layout:
    """K points in the order in which a detector gives them.

    Attributes:
        name: as options and params say it.
        points: K names, as the detector's own documentation has them.
        body_points: for each point its name in :data:`POINT_NAMES`.
        links: pairs of points to draw a line between.

    Example:
        >>> ears = Layout("ears", ("ear l", "ear r"), ("left_ear", "right_ear"), ((0, 1),))
        >>> len(ears), ears.mirror.tolist(), ears.joints
        (2, [1, 0], (None, None))
    """

    name: str
    points: tuple[str, ...]
    body_points: tuple[str, ...]
    links: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def mirror(self) -> np.ndarray:
        """Order of the points (K,) after left and right change places; its own inverse."""
        mirrored = mirror_points()[self.numbers]
        return np.array([self.body_points.index(POINT_NAMES[number]) for number in mirrored])

    @cached_property
    def numbers(self) -> np.ndarray:
        """Number of each point in :data:`POINT_NAMES`, (K,): an index into joints followed by landmarks."""
        return np.array([POINT_NAMES.index(name) for name in self.body_points])

    @cached_property
    def sides(self) -> tuple[frozenset[int], frozenset[int]]:
        """The points of the left side and of the right."""
        left, right = (
            frozenset(i for i, name in enumerate(self.body_points) if name.startswith(side))
            for side in (("L", "left_"), ("R", "right_"))
        )
        return left, right

    @cached_property
    def joints(self) -> tuple[int | None, ...]:
        """Which of our 17 joints each point is; None: it is a landmark."""
        return tuple(int(number) if number < len(JOINT_NAMES) else None for number in self.numbers)

    @cached_property
    def landmarks(self) -> tuple[str, ...]:
        """The layout's own points, which are no joints of ours: their names, in its order."""
        return tuple(name for name, joint in zip(self.body_points, self.joints, strict=True) if joint is None)

    @cached_property
    def shared(self) -> tuple[np.ndarray, np.ndarray]:
        """The points that are joints of ours, and which joints these are: two arrays of indices."""
        points = np.array([number for number, joint in enumerate(self.joints) if joint is not None])
        return points, self.numbers[points]


def layout(name: str) -> Layout:
    """The layout of a name.

    Raises:
        InputError: there is none of that name; says which there are.

    Example:
        >>> coco = layout("coco17")
        >>> coco.points[5], coco.body_points[5], coco.points[coco.mirror[5]]
        ('left_shoulder', 'LShoulder', 'right_shoulder')
    """
    for known in LAYOUTS:
        if known.name == name:
            return known
    raise InputError(f"no keypoint layout is called {name!r}: name one of {', '.join(one.name for one in LAYOUTS)}")


_LIMBS = {"shoulder": "Shoulder", "elbow": "Elbow", "wrist": "Wrist", "hip": "Hip", "knee": "Knee", "ankle": "Foot"}
_MIDDLES = {"neck": "Thorax", "thorax": "Thorax", "pelvis": "Hip", "midhip": "Hip", "head": "Head", "head_top": "Head"}
_MIDDLES |= {"hip": "Hip", "mouth_left": "left_mouth", "mouth_right": "right_mouth"}


def _body_point(point: str) -> str:
    """The place of a point by its name in lower case, ``left_`` and ``right_`` in front."""
    side, _, part = point.partition("_")
    if side in ("left", "right") and part in _LIMBS:
        return f"{side[0].upper()}{_LIMBS[part]}"
    return _MIDDLES.get(point, point)


def _plain(name: str) -> str:
    """OpenPose's and Halpe's LBigToe as left_big_toe."""
    sides = {"L": "left_", "R": "right_"}
    part = name[1:] if name[0] in sides and name[1:2].isupper() else name
    side = sides[name[0]] if part != name else ""
    return side + part.replace("BigToe", "big_toe").replace("SmallToe", "small_toe").lower()


def _layout(name: str, points: tuple[str, ...], body_points: tuple[str, ...], links: str) -> Layout:
    """A layout with links written as chains of points: ``0-1-2 1-3``."""
    chains = [[int(point) for point in chain.split("-")] for chain in links.split()]
    pairs = tuple(pair for chain in chains for pair in zip(chain, chain[1:], strict=False))
    return Layout(name, points, body_points, pairs)


def _named(name: str, points: str, links: str) -> Layout:
    """A layout whose points' own names, one after another, say where they are."""
    names = tuple(points.split())
    return _layout(name, names, tuple(_body_point(_plain(point)) for point in names), links)


def _both(*parts: str) -> str:
    return " ".join(f"{side}_{part}" for part in parts for side in ("left", "right"))


_COCO17 = f"nose {_both('eye', 'ear', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')}"
_COCO17_LINKS = "5-7-9 6-8-10 5-6-12-11-5 11-13-15 12-14-16 0-1-3 0-2-4"

LAYOUTS = (
    # Human3.6M's 17 joints; ours.
    _layout("h36m17", JOINT_NAMES, JOINT_NAMES, "0-1-2-3 0-4-5-6 0-7-8-9-10 8-11-12-13 8-14-15-16"),
    # COCO, Lin et al., ECCV 2014: what most detectors give.
    _named("coco17", _COCO17, _COCO17_LINKS),
    # Halpe-FullBody's body and feet (AlphaPose, RTMPose's "body with feet").
    _named(
        "halpe26",
        "Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip RHip LKnee RKnee LAnkle RAnkle "
        "Head Neck Hip LBigToe RBigToe LSmallToe RSmallToe LHeel RHeel",
        "17-18-19 18-5-7-9 18-6-8-10 19-11-13-15 19-12-14-16 0-1-3 0-2-4 15-20 15-22 15-24 16-21 16-23 16-25",
    ),
    # OpenPose, Cao et al., TPAMI 2019.
    _named(
        "body25",
        "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist MidHip RHip RKnee RAnkle LHip LKnee LAnkle "
        "REye LEye REar LEar LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel",
        "0-1-8 1-2-3-4 1-5-6-7 8-9-10-11 8-12-13-14 0-15-17 0-16-18 14-19-20 14-21 11-22-23 11-24",
    ),
    # BlazePose, Bazarevsky et al., 2020.
    _named(
        "mediapipe33",
        "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear "
        "mouth_left mouth_right "
        + _both("shoulder", "elbow", "wrist", "pinky", "index", "thumb", "hip", "knee", "ankle", "heel", "foot_index"),
        "0-1-2-3-7 0-4-5-6-8 9-10 11-12-24-23-11 11-13-15-17-19-15-21 12-14-16-18-20-16-22 23-25-27-29-31-27 "
        "24-26-28-30-32-28",
    ),
    # MPII, Andriluka et al., CVPR 2014.
    _named(
        "mpii16",
        "right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax upper_neck head_top "
        "right_wrist right_elbow right_shoulder left_shoulder left_elbow left_wrist",
        "0-1-2-6-3-4-5 6-7-8-9 7-12-11-10 7-13-14-15",
    ),
    # COCO-WholeBody, Jin et al., ECCV 2020: the first 23 of its 133 points.
    _named(
        "coco_wholebody",
        f"{_COCO17} left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel",
        f"{_COCO17_LINKS} 15-17 15-18 15-19 16-20 16-21 16-22",
    ),
)
"""The layouts that are known."""
