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

from pose3d.errors import InputError
from pose3d.skeleton import BONES, JOINT_NAMES, N_JOINTS, ROOT, bone_matrix, mirror_permutation

CHILDREN = tuple(tuple(child for parent, child in BONES if parent == joint) for joint in range(N_JOINTS))
"""Children of each joint."""

_UP, _LEFT = (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)
_DOWN, _RIGHT = (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0)
REST_DIRECTIONS = np.array(
    [_RIGHT, _DOWN, _DOWN, _LEFT, _DOWN, _DOWN, _UP, _UP, _UP, _UP, _LEFT, _LEFT, _LEFT, _RIGHT, _RIGHT, _RIGHT]
)
"""(16, 3) where the bones point at rest: a T-pose, from which no limb can turn to the opposite direction."""

_UNTWIST_RAD_S = 4 * np.pi
_OPPOSITE = 1e-12


@dataclass(frozen=True, eq=False)
class FittedSkeleton:
    """A skeleton of constant bone lengths and its motion over T frames.

    A bone's orientation is that of the joint where it starts, turned by the bone's own rotation; a joint's orientation
    is that of the bone that ends there, the world's for the root, turned by the joint's own rotation. Where one bone
    starts the joint turns and the bone does not; where several start (hip and thorax) the joint turns as their rigid
    whole would best fit, and each bone by what is left, because predicted hips and shoulders are not rigid.

    Attributes:
        root_m: (T, 3).
        bone_lengths_m: (16,), in the order of :data:`pose3d.skeleton.BONES`.
        joint_rotations: for each of the 17 joints T rotations; ends of the skeleton do not turn.
        bone_rotations: for each of the 16 bones T rotations.
    """

    root_m: np.ndarray
    bone_lengths_m: np.ndarray
    joint_rotations: tuple[Rotation, ...]
    bone_rotations: tuple[Rotation, ...]


def fit_skeleton(poses_m: np.ndarray, fps: float) -> FittedSkeleton:
    """Fit lengths and rotations to (T, 17, 3) joints; their positions are then :func:`with_bone_lengths`'s.

    Raises:
        InputError: see :func:`check_poses`.
    """
    poses_m = np.asarray(poses_m, np.float64)
    check_poses(poses_m, fps)
    lengths_m = fit_bone_lengths(poses_m)
    bones = bone_matrix() @ poses_m
    directions = bones / np.linalg.norm(bones, axis=-1, keepdims=True)

    still = Rotation.from_quat(np.tile([0.0, 0.0, 0.0, 1.0], (len(poses_m), 1)))
    joint_rotations, bone_rotations = [still] * N_JOINTS, [still] * len(BONES)
    ends = [still] * N_JOINTS  # orientation of the bone that ends in each joint
    for joint, children in enumerate(CHILDREN):  # parents stand before their children
        rows = [child - 1 for child in children]
        seen = [ends[joint].inv().apply(directions[:, row]) for row in rows]
        if len(rows) == 1:
            joint_rotations[joint] = swing(REST_DIRECTIONS[rows[0]], seen[0], fps)
        elif rows:
            joint_rotations[joint] = best_rotations(REST_DIRECTIONS[rows], np.stack(seen, 1))
            for row, pointing in zip(rows, seen, strict=True):
                pointing = joint_rotations[joint].inv().apply(pointing)
                bone_rotations[row] = swing(REST_DIRECTIONS[row], pointing, fps)
        for child, row in zip(children, rows, strict=True):
            ends[child] = ends[joint] * joint_rotations[joint] * bone_rotations[row]
    return FittedSkeleton(poses_m[:, ROOT].copy(), lengths_m, tuple(joint_rotations), tuple(bone_rotations))


def fit_bone_lengths(poses_m: np.ndarray) -> np.ndarray:
    """Median lengths (16,) of the bones of (T, 17, 3) joints, left and right taken together."""
    lengths_m = np.linalg.norm(bone_matrix() @ poses_m, axis=-1)
    mirrored = lengths_m[:, mirror_permutation()[1:] - 1]
    return np.median(np.concatenate([lengths_m, mirrored]), axis=0)


def with_bone_lengths(poses_m: np.ndarray, lengths_m: np.ndarray) -> np.ndarray:
    """The (T, 17, 3) joints with bones of the given (16,) lengths; the root and every bone's direction stay."""
    bones = bone_matrix() @ poses_m
    bones *= lengths_m[:, None] / np.linalg.norm(bones, axis=-1, keepdims=True)
    posed = np.array(poses_m, np.float64)
    for parent, child in BONES:
        posed[:, child] = posed[:, parent] + bones[:, child - 1]
    return posed


def shortest_rotations(start: np.ndarray, end: np.ndarray) -> Rotation:
    """Rotations by the smallest angle that take unit vectors (T, 3) to others; opposite ones by any half turn."""
    start, end = np.broadcast_arrays(start, end)
    cosine = (start * end).sum(-1)
    # The quaternion of twice the angle between two vectors is their product: hence the 1, which halves it.
    quaternions = np.concatenate([np.cross(start, end), 1 + cosine[:, None]], -1)
    opposite = cosine < _OPPOSITE - 1
    aside = np.cross(start[opposite], np.eye(3)[np.abs(start[opposite]).argmin(-1)])
    quaternions[opposite] = np.concatenate([aside, np.zeros((len(aside), 1))], -1)
    return Rotation.from_quat(quaternions)


def swing(rest: np.ndarray, directions: np.ndarray, fps: float) -> Rotation:
    """Rotations that take a bone from its rest direction (3,) to (T, 3) directions with little twist and no jumps.

    The shortest rotation has the least twist, but near the direction opposite to rest it turns over from one frame to
    the next. Carrying a rotation on from frame to frame by the shortest way never jumps, but gathers twist. So the
    rotation is carried on, and its twist against the shortest one unwound at two turns a second at most: for ordinary
    motion that leaves the shortest rotation.
    """
    shortest = shortest_rotations(rest, directions)
    carried = shortest_rotations(directions[:-1], directions[1:]) * shortest[:-1]
    gathered = (shortest[1:].inv() * carried).as_rotvec() @ rest  # both take rest to one place: what differs is twist
    limit = _UNTWIST_RAD_S / fps
    twist = np.zeros(len(directions))
    for t, gained in enumerate(gathered, start=1):
        angle = np.remainder(twist[t - 1] + gained + np.pi, 2 * np.pi) - np.pi
        twist[t] = angle - np.clip(angle, -limit, limit)
    return shortest * Rotation.from_rotvec(twist[:, None] * rest)


def best_rotations(rest: np.ndarray, directions: np.ndarray) -> Rotation:
    """The T rotations that take vectors (N, 3) nearest to (T, N, 3) others in the least-squares sense.

    Kabsch, "A solution for the best rotation to relate two sets of vectors" (Acta Crystallographica A32, 1976).
    """
    u, _, vt = np.linalg.svd(np.swapaxes(directions, -1, -2) @ rest)
    u[..., 2] *= np.sign(np.linalg.det(u @ vt))[:, None]  # a rotation, not a reflection
    return Rotation.from_matrix(u @ vt)


def check_poses(poses_m: np.ndarray, fps: float) -> None:
    """Refuse joints to which no skeleton can be fitted.

    Raises:
        InputError: the shape is not (T, 17, 3), there is no frame, a joint is not finite, a bone has no length, or
            ``fps`` is not a positive number.
    """
    if poses_m.ndim != 3 or poses_m.shape[1:] != (N_JOINTS, 3):
        raise InputError(f"poses have shape {poses_m.shape}: give one pose of 17 joints for each frame, (T, 17, 3)")
    if not len(poses_m):
        raise InputError("there are no poses: give one frame at least")
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(f"the frame rate is {fps}: give a positive number of frames per second")
    if not np.isfinite(poses_m).all():
        t, joint = np.argwhere(~np.isfinite(poses_m))[0][:2]
        raise InputError(f"frame {t}, joint {JOINT_NAMES[joint]} is not finite: give every joint of every frame")
    # Below a hundredth of a millimetre single-precision positions some metres away say nothing of a direction.
    short = np.linalg.norm(bone_matrix() @ poses_m, axis=-1) < 1e-5
    if short.any():
        t, row = np.argwhere(short)[0]
        parent, child = (JOINT_NAMES[joint] for joint in BONES[row])
        raise InputError(f"frame {t}, the bone from {parent} to {child} has no length: give joints that are apart")
