"""3D poses guessed without learning: the baselines that a lifter has to beat.

Both baselines get more than the lifters do, the tilt of each test camera (its calibrated vertical), and the same prior:
unpaired world poses of ``lifting.prior``, here each without its root position and at every yaw. Neither sees a true
pose of the sequences that it is scored on. NumPy only.

Example:
    What the examples below start from: a level camera, whose y points down, and a head detected above the root.

    >>> rotation = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    >>> camera = Camera("cam0", 100, 100, np.eye(3), np.zeros(5), rotation, np.array([0.0, 0, 5]))
    >>> poses_m = np.zeros((1, 17, 3))
    >>> walk = PoseSequence("S1", "Walk-1", camera, 50, poses_m, poses_m, poses_m[..., :2], np.ones((1, 4)))
    >>> keypoints_px = np.zeros((1, 17, 2))
    >>> keypoints_px[:, 10] = [0, -0.2]
    >>> detected = Keypoints2D(keypoints_px, np.ones((1, 17)))
"""

from collections.abc import Iterable, Iterator

import numpy as np
from tqdm import tqdm

from pose3d.evaluation.metrics import root_relative
from pose3d.geometry.camera import Camera, rotation_to_optical_axis
from pose3d.geometry.layouts import layout
from pose3d.geometry.rotations import rotation_about_z
from pose3d.geometry.skeleton import mirror_permutation
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import PoseSequence

FRAMES_AT_ONCE = 256
"""Bounds memory: the similarities of 256 frames to 72,000 views take 74 MB."""


def prior_poses(sequences: Iterable[PoseSequence], limit: int) -> np.ndarray:
    """At most ``limit`` root-relative world poses (N, J, 3), metres, evenly spaced over all takes.

    Each take is used once, from whichever camera comes first, since its cameras all saw the same poses.

    Example:
        Of five frames, in which the right hip moves away, the first, the middle and the last.

        >>> camera = Camera("cam0", 100, 100, np.eye(3), np.zeros(5), np.eye(3), np.zeros(3))
        >>> poses_m = np.arange(5.0)[:, None, None] * np.eye(17)[:, 1:4]
        >>> walk = PoseSequence("S1", "Walk-1", camera, 50, poses_m, poses_m, poses_m[..., :2], np.ones((5, 4)))
        >>> prior_poses([walk], limit=3)[:, 1, 0].tolist()
        [0.0, 2.0, 4.0]
    """
    takes: dict[tuple[str, str], PoseSequence] = {}
    for sequence in sequences:
        takes.setdefault((sequence.subject, sequence.action), sequence)
    poses = root_relative(np.concatenate([takes[take].poses_world_m for take in sorted(takes)]))
    return poses[np.unique(np.linspace(0, len(poses) - 1, limit).round().astype(int))]


def mean_pose(prior_world_m: np.ndarray, sequence: PoseSequence) -> np.ndarray:
    """The mean of the prior over all poses and all yaws, turned into the sequence's camera: one constant per camera.

    Facing is unknown, and the mean of a point over all turns about the vertical is its projection onto the vertical
    through the root. So the mean in the world has x = y = 0 and each joint at its mean height, exactly: the constant
    of least squared error for somebody who knows where up is and nothing else.

    Args:
        prior_world_m: (N, J, 3) from :func:`prior_poses`.
        sequence: its camera is used, and its number of frames T.

    Returns:
        (T, J, 3) root-relative, camera axes, metres.

    Example:
        Heads 1 and 3 m above the root, seen by a level camera, whose y points down.

        >>> prior_world_m = np.zeros((2, 17, 3))
        >>> prior_world_m[:, 10] = [[4, 5, 1], [6, 7, 3]]
        >>> (mean_pose(prior_world_m, walk)[0, 10] + 0).tolist()
        [0.0, -2.0, 0.0]
    """
    mean = np.zeros(prior_world_m.shape[1:])
    mean[:, 2] = prior_world_m[..., 2].mean(0)
    return np.broadcast_to(mean @ sequence.camera.rotation.T, (len(sequence), *mean.shape))


def level_camera(camera: Camera, root_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Virtual cameras that look along the rays through the root, rolled so that the world's vertical is upright.

    Args:
        camera: level or tilted.
        root_px: (T, 2), in the full image.

    Returns:
        rotation (T, 3, 3), virtual camera from camera; elevation (T,), rad, positive where the camera looks down.

    Example:
        A level camera with a root as far below its optical axis as ahead.

        >>> _, elevation = level_camera(camera, np.array([[0.0, 1.0]]))
        >>> np.degrees(elevation).round(6).tolist()
        [45.0]
    """
    rays = camera.normalize(root_px)
    to_root = rotation_to_optical_axis(np.concatenate([rays, np.ones_like(rays[:, :1])], axis=-1))
    up = to_root @ camera.rotation[:, 2]
    level = np.linalg.norm(up[:, :2], axis=-1, keepdims=True)
    # Straight above or below the person every roll is as good as another.
    x, y = np.where(level > 1e-9, up[:, :2] / np.maximum(level, 1e-9), [0.0, -1.0]).T
    roll = rotation_about_z(-y, -x)
    return roll @ to_root, -np.arcsin(np.clip(up[:, 2], -1, 1))


def turned_views(poses_world_m: np.ndarray, n_yaws: int) -> np.ndarray:
    """Each pose and its mirror image at ``n_yaws`` regular yaws, (N, J, 3) to (2 * n_yaws * N, J, 3), float32.

    Args:
        poses_world_m: root-relative.
        n_yaws: 1 or more.

    Example:
        The x of a right hip, of the left hip mirrored, and both turned by 180 degrees.

        >>> poses_world_m = np.zeros((1, 17, 3))
        >>> poses_world_m[0, [1, 4], 0] = [-1, 2]
        >>> turned_views(poses_world_m, n_yaws=2)[:, 1, 0].tolist()
        [-1.0, -2.0, 1.0, 2.0]
    """
    mirrored = poses_world_m[:, mirror_permutation()] * [-1.0, 1.0, 1.0]
    poses = np.concatenate([poses_world_m, mirrored])
    yaws = np.arange(n_yaws) * (2 * np.pi / n_yaws)
    turns = rotation_about_z(np.cos(yaws), np.sin(yaws))
    views = poses @ np.swapaxes(turns, -1, -2)[:, None]
    return views.reshape(-1, *poses.shape[1:]).astype(np.float32)


def seen_from_elevation(poses_world_m: np.ndarray, elevation: float) -> np.ndarray:
    """World axes (x, y, z up) to the axes of a level camera that looks along +y, ``elevation`` rad down, (..., 3).

    Example:
        >>> seen_from_elevation(np.array([1.0, 2.0, 3.0]), elevation=0.0).tolist()
        [1.0, -3.0, 2.0]
    """
    cos, sin = np.cos(elevation), np.sin(elevation)
    rotation = np.array([[1, 0, 0], [0, -sin, -cos], [0, cos, -sin]], poses_world_m.dtype)
    return poses_world_m @ rotation.T


def _root_px(detected: Keypoints2D) -> np.ndarray:
    """(T, 2): the Hip, or in a layout that has none the middle of both hips."""
    points = layout(detected.layout).body_points
    names = ["Hip"] if "Hip" in points else ["RHip", "LHip"]
    return detected.keypoints_px[:, [points.index(name) for name in names]].mean(1)


def _shapes(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, J, 2) relative to the root to (N, 2 J) of unit length, and the lengths (N,)."""
    flat = points.reshape(len(points), -1)
    length = np.linalg.norm(flat, axis=-1)
    return flat / np.maximum(length, 1e-9)[:, None], length


def nearest_neighbour(views_world_m: np.ndarray, sequence: PoseSequence, detected: Keypoints2D) -> np.ndarray:
    """For each frame the view of the prior whose projection looks most like the detected keypoints.

    Keypoints are seen through :func:`level_camera`, which looks at the root, and divided by their own length, so
    that neither place nor size in the image matters. Of another layout those count that are joints. The prior is
    projected in perspective by one such camera per sequence, at its median elevation and at the distance at which
    the prior's median size matches the keypoints'. The nearest in the Euclidean sense is the one of greatest inner
    product.

    Args:
        views_world_m: (M, J, 3) from :func:`turned_views`.
        sequence: its camera is used, not its poses.
        detected: its keypoints, T frames.

    Returns:
        (T, J, 3) root-relative, camera axes, metres, float32.

    Example:
        A head 1 m to the right of the root, and one 1 m above it, as it is seen.

        >>> views_world_m = np.zeros((2, 17, 3), np.float32)
        >>> views_world_m[:, 10] = [[1, 0, 0], [0, 0, 1]]
        >>> (nearest_neighbour(views_world_m, walk, detected)[0, 10] + 0).tolist()
        [0.0, -1.0, 0.0]
    """
    points, joints = layout(detected.layout).shared
    to_virtual, elevation = level_camera(sequence.camera, _root_px(detected))
    rays = sequence.camera.normalize(detected.keypoints_px[:, points])
    rays = np.concatenate([rays, np.ones_like(rays[..., :1])], axis=-1) @ np.swapaxes(to_virtual, -1, -2)
    keypoints, keypoint_lengths = _shapes(rays[..., :2] / np.maximum(rays[..., 2:], 0.1))

    views = seen_from_elevation(views_world_m, float(np.median(elevation)))
    compared = views[:, joints]
    _, lengths_m = _shapes(compared[..., :2])
    distance_m = np.median(lengths_m) / max(np.median(keypoint_lengths), 1e-3)
    projected, _ = _shapes(compared[..., :2] / np.maximum(compared[..., 2:] + np.float32(distance_m), 0.1))

    keypoints = keypoints.astype(np.float32)
    chunks = [keypoints[t : t + FRAMES_AT_ONCE] for t in range(0, len(keypoints), FRAMES_AT_ONCE)]
    nearest = np.concatenate([(chunk @ projected.T).argmax(-1) for chunk in chunks])
    return (views[nearest] @ to_virtual).astype(np.float32)


def nearest_neighbours(
    prior_world_m: np.ndarray, n_yaws: int, sequences: list[PoseSequence], detections: list[Keypoints2D]
) -> Iterator[np.ndarray]:
    """:func:`nearest_neighbour` of every sequence, one after the other, with a progress bar.

    Args:
        prior_world_m: (N, J, 3) from :func:`prior_poses`.
        n_yaws: how many turns of each pose are compared, 1 or more.
        sequences: their cameras are used, not their poses.
        detections: of each sequence, T frames.

    Yields:
        for each sequence (T, J, 3) root-relative, camera axes, metres, float32.

    Example:
        A head 1 m above the root.

        >>> prior_world_m = np.zeros((1, 17, 3))
        >>> prior_world_m[:, 10] = [0, 0, 1]
        >>> (poses_cam_m,) = nearest_neighbours(prior_world_m, 4, [walk], [detected])
        >>> (poses_cam_m[0, 10] + 0).tolist()
        [0.0, -1.0, 0.0]
    """
    views = turned_views(prior_world_m, n_yaws)
    pairs = zip(sequences, detections, strict=True)
    for sequence, detected in tqdm(pairs, "nearest neighbour", total=len(sequences), unit="sequence"):
        yield nearest_neighbour(views, sequence, detected)
