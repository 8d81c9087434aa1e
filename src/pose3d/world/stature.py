"""How tall a person is, and poses of a given height: the size that a single camera cannot see.

Standing height is :data:`HEIGHT_PER_SKELETON` times the way along the bones from ankle to knee to hip, and from hip to
spine to thorax to nose to the top of the head. Of the seven embedded bodies, whose mesh says how tall they are, five
gave the ratio (0.969 to 0.975, mean 0.9725); the two test subjects, who did not, have 0.970 and 0.973.

A lifter guesses one size for everybody, and says it twice: in the lengths of its bones, and in the distance at which it
puts them. Two distances follow from a known height: the lifted one times height by lifted height, z_b; and the one at
which the skeleton, with bones of the lifted proportions and the given height, looks as large as the keypoints do, z_s.
They differ by some percent, and neither is better, because a bone that is unsure is lifted too short and seen anyhow.
They differ by much where the lifter is wrong about distance as a whole, of people who lie for instance. So the distance
is z_b^(1 - a) z_s^a with a = 0.4 where they agree, and up to 1 where a shot's median of log z_s / z_b exceeds 0.08.
"""

import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import BONES, ROOT, bone_matrix, mirror_permutation
from pose3d.geometry.skeleton_fit import with_bone_lengths
from pose3d.lifting.long_clips import shots
from pose3d.lifting.trajectory import smooth
from pose3d.runtime.errors import InputError
from pose3d.runtime.rows import Sliceable, chunks

HEIGHT_PER_SKELETON = 0.9725
ANKLE_PER_HEIGHT = 0.045
"""Height of the ankle of a foot that stands flat, by standing height: 0.044 to 0.046 of the seven bodies."""

HEIGHTS_M = (0.5, 2.6)
"""Of people."""

_CHAIN = [child - 1 for child in (2, 3, 7, 8, 9, 10)]  # right leg, trunk, head; left ones are averaged with them
_MIRRORED_BONES = mirror_permutation()[1:] - 1
_LONG = 0.9  # quantile over frames: what bends and what is unsure looks short, never long
_SHORT_M = 1e-6
_ROUNDS = 6
_RESIDUAL = 0.005  # of the image plane: 1/200 of the distance
_SAMPLED_FRAMES = 10_000
_MOST = np.log(2.0)  # either guess of a distance is off by a factor of two at the most
_NEAREST = 0.1
_SEEN_SHARE, _APART = 0.4, 0.08


def check_height(height_m: float) -> None:
    """Refuse what is nobody's height in metres.

    Raises:
        InputError: says what to give.

    Example:
        >>> check_height(178)
        Traceback (most recent call last):
            ...
        pose3d.runtime.errors.InputError: --height is in metres and nobody is 178 m tall: give --height 1.78
    """
    if HEIGHTS_M[0] <= height_m <= HEIGHTS_M[1]:
        return
    known = [height_m / unit for unit in (100, 1000) if HEIGHTS_M[0] <= height_m / unit <= HEIGHTS_M[1]]
    advice = f"give --height {known[0]:g}" if known else f"give {HEIGHTS_M[0]:g} to {HEIGHTS_M[1]:g}"
    raise InputError(f"--height is in metres and nobody is {height_m:g} m tall: {advice}")


def long_bones(poses_m: np.ndarray) -> np.ndarray:
    """Lengths (16,) of the bones of (T, 17, 3) poses where they look long: the same on the left and on the right."""
    return np.quantile(bone_lengths(poses_m), _LONG, axis=0)


def bone_lengths(poses_m: np.ndarray) -> np.ndarray:
    """(T, 16) lengths of the bones of (T, 17, 3) poses, metres, left and right averaged."""
    lengths = np.linalg.norm(bone_matrix() @ np.asarray(poses_m, np.float64), axis=-1)
    return np.maximum((lengths + lengths[:, _MIRRORED_BONES]) / 2, _SHORT_M)


def standing_height(poses_m: np.ndarray) -> float:
    """Standing height of the person of (T, 17, 3) poses, metres: of the frames' skeletons one of the longest.

    Example:
        Joints a decimetre apart, on a line: both bones of a leg have 1 dm, those of trunk and head 7, 1, 1 and 1.

        >>> poses_m = np.arange(17.0)[None, :, None] * [0.1, 0.0, 0.0]
        >>> round(standing_height(poses_m), 4) == round(HEIGHT_PER_SKELETON * 1.2, 4)
        True
    """
    lengths = bone_lengths(poses_m)
    return HEIGHT_PER_SKELETON * float(np.quantile(lengths[:, _CHAIN].sum(1), _LONG))


def of_height(bones_m: np.ndarray, height_m: float) -> np.ndarray:
    """(16,) lengths in the proportions of others, of a person of that height.

    Example:
        >>> bool(np.isclose(HEIGHT_PER_SKELETON * of_height(np.ones(16), 1.8)[[1, 2, 6, 7, 8, 9]].sum(), 1.8))
        True
    """
    return bones_m * height_m / (HEIGHT_PER_SKELETON * bones_m[_CHAIN].sum())


def seen_distance(
    poses_cam_m: np.ndarray, bones_m: np.ndarray, image_plane: np.ndarray, confidence: np.ndarray
) -> np.ndarray:
    """Distance (T,) along the optical axis at which skeletons look as large as keypoints do, metres.

    Each pose gets the given bones in its own directions and is shifted to where its image fits best, by least squares
    with Cauchy weights of x_j + t - u_j (z_j + t_z) over joints j, u_j their keypoints.

    Args:
        poses_cam_m: (T, 17, 3) from a lifter.
        bones_m: (16,) from :func:`of_height`.
        image_plane: (T, 17, 2) keypoints as x/z, y/z.
        confidence: (T, 17), weights.

    Example:
        A pose 5 m away, lifted to 4 m.

        >>> pose_m = with_bone_lengths(np.random.default_rng(0).normal(size=(1, 17, 3)), np.full(16, 0.3))
        >>> there_m = pose_m - pose_m[:, :1] + [0.5, 0.2, 5.0]
        >>> plane = there_m[..., :2] / there_m[..., 2:]
        >>> lifted_m = there_m - [0.0, 0.0, 1.0]
        >>> seen_distance(lifted_m, np.full(16, 0.3), plane, np.ones((1, 17))).round(6).tolist()
        [5.0]
    """
    relative = with_bone_lengths(_apart(poses_cam_m), bones_m)
    relative -= relative[:, :1]
    u, v = image_plane[..., 0], image_plane[..., 1]
    x, y, z = np.moveaxis(relative, -1, 0)
    right_x, right_y = u * z - x, v * z - y
    weights = np.asarray(confidence, np.float64) + 1e-3
    shift = np.zeros((len(relative), 3))
    for _ in range(_ROUNDS):
        a = np.zeros((len(relative), 3, 3))
        a[:, 0, 0] = a[:, 1, 1] = weights.sum(1)
        a[:, 0, 2] = a[:, 2, 0] = -(weights * u).sum(1)
        a[:, 1, 2] = a[:, 2, 1] = -(weights * v).sum(1)
        a[:, 2, 2] = (weights * (u * u + v * v)).sum(1)
        b = np.stack([(weights * right_x).sum(1), (weights * right_y).sum(1)], -1)
        b = np.concatenate([b, -(weights * (u * right_x + v * right_y)).sum(1)[:, None]], -1)
        shift = np.linalg.solve(a + 1e-9 * np.eye(3), b[..., None])[..., 0]
        off_x, off_y = shift[:, :1] - u * shift[:, 2:] - right_x, shift[:, 1:2] - v * shift[:, 2:] - right_y
        off = np.hypot(off_x, off_y)
        usual = 1.5 * np.maximum(np.median(off, axis=1, keepdims=True), _RESIDUAL)
        weights = (np.asarray(confidence, np.float64) + 1e-3) / (1 + (off / usual) ** 2)
    return shift[:, 2]


def sampled(poses_m: Sliceable, found: np.ndarray) -> np.ndarray:
    """At most some ten thousand of the (T, 17, 3) poses in which the person was found, evenly spread, float64."""
    step = -(-max(1, int(found.sum())) // _SAMPLED_FRAMES)
    kept = np.zeros(len(found), bool)
    kept[np.flatnonzero(found)[::step]] = True
    return np.concatenate([poses_m[part][kept[part]] for part in chunks(len(found))]).astype(np.float64)


def height_factors(
    poses_cam_m: Sliceable,
    camera: Camera,
    keypoints_px: Sliceable,
    confidence: Sliceable,
    found: np.ndarray,
    time_s: np.ndarray,
    height_m: float,
) -> np.ndarray:
    """How much larger and farther each pose must be for a person of a given height; where it is seen stays.

    Args:
        poses_cam_m: (T, 17, 3) from a lifter that knows distances, camera space.
        camera: that saw them.
        keypoints_px, confidence: (T, 17, 2) and (T, 17) that were lifted.
        found: (T,) bool, at least one.
        time_s: (T,).
        height_m: standing height.

    Returns:
        (T,) factors of camera space, smooth over each shot.
    """
    sample = sampled(poses_cam_m, found)
    bones_m = of_height(long_bones(sample), height_m)
    by_bones = np.log(height_m / standing_height(sample))
    by_distance = np.full(len(found), by_bones)
    for part in chunks(len(found)):
        poses = np.asarray(poses_cam_m[part], np.float64)
        seen_m = seen_distance(poses, bones_m, camera.normalize(keypoints_px[part]), confidence[part])
        known = found[part] & (poses[:, ROOT, 2] > 0)
        nearest = _NEAREST * poses[:, ROOT, 2]  # of a fit that lies behind the camera: much too near
        by_distance[part][known] = np.log(np.maximum(seen_m, nearest)[known] / poses[known, ROOT, 2])
    farther = np.clip(by_distance - by_bones, -_MOST, _MOST)
    together = np.empty(len(found))
    for shot in shots(time_s):
        known = farther[shot][found[shot]]
        apart = abs(float(np.median(known))) if len(known) else 0.0
        share = 1 - (1 - _SEEN_SHARE) * np.exp(-((apart / _APART) ** 2))
        together[shot] = by_bones + smooth(share * farther[shot], frame_rate(time_s[shot]))
    return np.exp(together)


def frame_rate(time_s: np.ndarray) -> float:
    """Frames per second of (T,) ascending times: of the median step; 25 of a single frame."""
    return 1 / float(np.median(np.diff(time_s))) if len(time_s) > 1 else 25.0


def _apart(poses_m: np.ndarray) -> np.ndarray:
    """The poses with joints that lie on their parents moved off by a micrometre, so that all bones have directions."""
    poses = np.array(poses_m, np.float64)
    for parent, child in BONES:
        together = np.linalg.norm(poses[:, child] - poses[:, parent], axis=-1) < _SHORT_M
        poses[together, child] += [0.0, _SHORT_M, 0.0]
    return poses
