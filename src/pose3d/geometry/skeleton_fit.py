"""A skeleton whose bones keep their lengths, fitted to joint positions that know of none, and how its joints turn.

Animation formats store one length for each bone and a rotation for each joint and frame. Predicted poses are positions
whose bones are a little longer or shorter in every frame. Fitted to them is a skeleton with the median lengths, alike
on the left and on the right; posed, its bones point exactly where the predicted ones do.

Positions say where bones point, not how they are twisted about themselves. A bone is given the twist of the shortest
way from the rest pose, and only what no person does, pointing nearly opposite to rest, makes it lag behind that.

Any right-handed frame with a fixed unit will do; here it is y up, z forward out of the resting person's chest, metres.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.geometry.rotations import best_rotation, least_rotation
from pose3d.geometry.skeleton import BONES, JOINT_NAMES, N_JOINTS, ROOT, bone_matrix, mirror_permutation
from pose3d.runtime.errors import InputError

CHILDREN = tuple(tuple(child for parent, child in BONES if parent == joint) for joint in range(N_JOINTS))
"""Children of each joint."""

_UP, _LEFT = (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)
_DOWN, _RIGHT = (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0)
REST_DIRECTIONS = np.array(
    [_RIGHT, _DOWN, _DOWN, _LEFT, _DOWN, _DOWN, _UP, _UP, _UP, _UP, _LEFT, _LEFT, _LEFT, _RIGHT, _RIGHT, _RIGHT]
)
"""(16, 3) where the bones point at rest: a T-pose, from which no limb can turn to the opposite direction."""

_BONE_MATRIX = bone_matrix()
_MIRRORED_BONES = mirror_permutation()[1:] - 1
_UNTWIST_RAD_S = 4 * np.pi


@dataclass(frozen=True, eq=False)
class FittedSkeleton:
    """A skeleton of constant bone lengths and its motion over T frames.

    A bone's orientation is that of the joint where it starts, turned by the bone's own rotation; a joint's orientation
    is that of the bone that ends there, the world's for the root, turned by the joint's own rotation. Where one bone
    starts the joint turns and the bone does not; where several start (hip and thorax) the joint turns as their rigid
    whole would best fit, and each bone by what is left, because predicted hips and shoulders are not rigid.

    Attributes:
        root_m: (T, 3), where the root is.
        bone_lengths_m: (16,), in the order of :data:`pose3d.geometry.skeleton.BONES`.
        joint_rotations: for each of the 17 joints T rotations; ends of the skeleton do not turn.
        bone_rotations: for each of the 16 bones T rotations.
    """

    root_m: np.ndarray
    bone_lengths_m: np.ndarray
    joint_rotations: tuple[Rotation, ...]
    bone_rotations: tuple[Rotation, ...]


class SkeletonFit:
    """Fits rotations to the poses of a clip that comes in parts, some frames at a time, in order.

    The positions of the fitted skeleton are :func:`with_bone_lengths`'s.

    Args:
        bone_lengths_m: (16,), each more than 0.
        fps: frames per second, more than 0.

    Example:
        A T-pose with bones of 1 m, the left forearm hanging: its elbow turns by -90 degrees about z.

        >>> poses_m = np.zeros((1, 17, 3))
        >>> for parent, child in BONES:
        ...     poses_m[:, child] = poses_m[:, parent] + REST_DIRECTIONS[child - 1]
        >>> elbow, wrist = JOINT_NAMES.index("LElbow"), JOINT_NAMES.index("LWrist")
        >>> poses_m[:, wrist] = poses_m[:, elbow] + [0, -1, 0]
        >>> fitted = SkeletonFit(fit_bone_lengths(poses_m), fps=50)(poses_m)
        >>> (fitted.joint_rotations[elbow].as_rotvec(degrees=True).round(6) + 0).tolist()
        [[0.0, 0.0, -90.0]]
    """

    def __init__(self, bone_lengths_m: np.ndarray, fps: float) -> None:
        self._lengths_m = bone_lengths_m
        self._swings = [Swing(rest, fps) for rest in REST_DIRECTIONS]

    def __call__(self, poses_m: np.ndarray) -> FittedSkeleton:
        """The next T frames, (T, 17, 3) joints in metres that :func:`check_poses` passes."""
        poses_m = np.asarray(poses_m, np.float64)
        bones = _BONE_MATRIX @ poses_m
        directions = bones / np.linalg.norm(bones, axis=-1, keepdims=True)

        still = Rotation.from_quat(np.tile([0.0, 0.0, 0.0, 1.0], (len(poses_m), 1)))
        joint_rotations, bone_rotations = [still] * N_JOINTS, [still] * len(BONES)
        ends = [still] * N_JOINTS  # orientation of the bone that ends in each joint
        for joint, children in enumerate(CHILDREN):  # parents come before their children
            rows = [child - 1 for child in children]
            seen = [ends[joint].inv().apply(directions[:, row]) for row in rows]
            if len(rows) == 1:
                joint_rotations[joint] = self._swings[rows[0]](seen[0])
            elif rows:
                best, _ = best_rotation(np.stack(seen, -1) @ REST_DIRECTIONS[rows])
                joint_rotations[joint] = Rotation.from_matrix(best)
                for row, pointing in zip(rows, seen, strict=True):
                    bone_rotations[row] = self._swings[row](joint_rotations[joint].inv().apply(pointing))
            for child, row in zip(children, rows, strict=True):
                ends[child] = ends[joint] * joint_rotations[joint] * bone_rotations[row]
        return FittedSkeleton(poses_m[:, ROOT].copy(), self._lengths_m, tuple(joint_rotations), tuple(bone_rotations))


def fit_bone_lengths(poses_m: np.ndarray) -> np.ndarray:
    """Median lengths (16,) of the bones of (T, 17, 3) joints, metres, left and right taken together.

    Example:
        Joints on a line: the right hip is 1 m from the root and the left one 4 m.

        >>> poses_m = np.arange(17.0)[None, :, None] * [1.0, 0.0, 0.0]
        >>> fit_bone_lengths(poses_m)[:6].tolist()
        [2.5, 1.0, 1.0, 2.5, 1.0, 1.0]
    """
    lengths_m = np.linalg.norm(_BONE_MATRIX @ poses_m, axis=-1)
    mirrored = lengths_m[:, _MIRRORED_BONES]
    return np.median(np.concatenate([lengths_m, mirrored]), axis=0)


def with_bone_lengths(poses_m: np.ndarray, lengths_m: np.ndarray) -> np.ndarray:
    """The (T, 17, 3) joints with bones of the given (16,) lengths; the root and every bone's direction stay.

    Args:
        poses_m: (T, 17, 3); no bone without length.
        lengths_m: (16,), at least 0.

    Returns:
        (T, 17, 3), metres, float64.

    Example:
        >>> poses_m = np.arange(17.0)[None, :, None] * [1.0, 0.0, 0.0]
        >>> with_bone_lengths(poses_m, np.full(16, 0.5))[0, :5, 0].tolist()
        [0.0, 0.5, 1.0, 1.5, 0.5]
    """
    bones = _BONE_MATRIX @ poses_m
    bones *= lengths_m[:, None] / np.linalg.norm(bones, axis=-1, keepdims=True)
    posed = np.array(poses_m, np.float64)
    for parent, child in BONES:
        posed[:, child] = posed[:, parent] + bones[:, child - 1]
    return posed


class Swing:
    """Rotations that take a bone from its rest direction to others with little twist and no jumps, frame after frame.

    The shortest rotation has the least twist, but near the direction opposite to rest it turns over from one frame to
    the next. Carrying a rotation on from frame to frame by the shortest way never jumps, but gathers twist. So the
    rotation is carried on, and its twist against the shortest one unwound at two turns a second at most: for ordinary
    motion that leaves the shortest rotation.

    Args:
        rest: (3,) unit vector.
        fps: frames per second, more than 0.

    Example:
        >>> swing = Swing(np.array([1.0, 0, 0]), fps=50)
        >>> (swing(np.array([[0.0, 1, 0]])).as_rotvec(degrees=True).round(6) + 0).tolist()
        [[0.0, 0.0, 90.0]]
    """

    def __init__(self, rest: np.ndarray, fps: float) -> None:
        self._rest, self._limit = rest, _UNTWIST_RAD_S / fps
        self._before: np.ndarray | None = None
        self._twist = 0.0

    def __call__(self, directions: np.ndarray) -> Rotation:
        """The next T frames' rotations, to (T, 3) unit vectors."""
        first = directions[:1] if self._before is None else self._before
        before = np.concatenate([first, directions[:-1]])
        shortest = _shortest(self._rest, directions)
        carried = _shortest(before, directions) * _shortest(self._rest, before)
        gathered = (
            shortest.inv() * carried
        ).as_rotvec() @ self._rest  # both take rest to one place: only twist differs
        twist = np.empty(len(directions))
        for t, gained in enumerate(gathered.tolist()):  # Python's floats, because NumPy's take ten times as long
            angle = (self._twist + gained + np.pi) % (2 * np.pi) - np.pi
            self._twist = twist[t] = angle - max(-self._limit, min(angle, self._limit))
        self._before = directions[-1:]
        return shortest * Rotation.from_rotvec(twist[:, None] * self._rest)


def _shortest(start: np.ndarray, end: np.ndarray) -> Rotation:
    return Rotation.from_matrix(least_rotation(start, end))


def check_poses(poses_m: np.ndarray, fps: float, first_frame: int = 0) -> None:
    """Refuse joints to which no skeleton can be fitted.

    Args:
        poses_m: (T, 17, 3), any origin.
        fps: frames per second.
        first_frame: number of the first of these frames, for the message.

    Raises:
        InputError: the shape is not (T, 17, 3), there is no frame, a joint is not finite, a bone has no length, or
            ``fps`` is not a positive number.

    Example:
        >>> check_poses(np.zeros((1, 17, 3)), fps=50)
        Traceback (most recent call last):
            ...
        pose3d.runtime.errors.InputError: frame 0, the bone from Hip to RHip has no length: give joints that are apart
    """
    if poses_m.ndim != 3 or poses_m.shape[1:] != (N_JOINTS, 3):
        raise InputError(f"poses have shape {poses_m.shape}: give one pose of 17 joints for each frame, (T, 17, 3)")
    if not len(poses_m):
        raise InputError("there are no poses: give one frame at least")
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(f"the frame rate is {fps}: give a positive number of frames per second")
    if not np.isfinite(poses_m).all():
        t, joint = np.argwhere(~np.isfinite(poses_m))[0][:2]
        raise InputError(
            f"frame {first_frame + t}, joint {JOINT_NAMES[joint]} is not finite: give every joint of every frame"
        )
    # Below a hundredth of a millimetre single-precision positions some metres away say nothing of a direction.
    short = np.linalg.norm(_BONE_MATRIX @ poses_m, axis=-1) < 1e-5
    if short.any():
        t, row = np.argwhere(short)[0]
        parent, child = (JOINT_NAMES[joint] for joint in BONES[row])
        raise InputError(
            f"frame {first_frame + t}, the bone from {parent} to {child} has no length: give joints that are apart"
        )
