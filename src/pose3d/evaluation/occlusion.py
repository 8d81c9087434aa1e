"""Which joints a person's own body hides from the camera, told from the true pose alone.

The body is capsules, all points within a radius of a bone. The sight line of a joint p is the straight line from the
camera centre to it, with direction u = p / |p|. For a bone from a to a + d, with ' for the part across u,

    s = clamp(-(a - p)' . d' / |d'|^2, 0, 1)        where on the bone it comes nearest to the sight line
    distance = |(a - p)' + s d'|                    how near: the distance of the origin from a segment in the plane
    gap = -u . (a - p + s d)                        how far that place on the bone is before the joint

A bone of radius r hides the joint where distance < r and 0 < gap < |p|: the bone's axis, not only its surface, must be
nearer to the camera, so that a hand laid on the belly is seen and a hand laid on the back is not. The depth of the
occlusion is 1 - distance / r: 0 where the sight line grazes the capsule or misses it, 1 where it meets the bone itself.

What this leaves out: a bone never hides a joint that it ends in, so a forearm pointing away from the camera does not
hide its own wrist; the torso does not hide its own neighbouring joints (:data:`RIGID`), so a shoulder is hidden by
the other arm but not by the chest; hands, feet and clothes have no capsule; and things in the room hide nothing.
"""

import numpy as np
from numpy.typing import ArrayLike

from pose3d.geometry.skeleton import BONES, N_JOINTS

RADII_M = dict(
    zip(
        BONES,
        # hip, thigh, shin, twice; belly, chest, neck, head; collar, upper arm, forearm, twice
        (0.10, 0.08, 0.055) * 2 + (0.13, 0.13, 0.06, 0.10) + (0.07, 0.05, 0.04) * 2,
        strict=True,
    )
)
"""Radius of each bone's capsule, metres. Round figures of adults: a thigh of 50 cm girth, a shin of 35 cm, an upper arm
of 31 cm, a forearm of 25 cm, a neck of 38 cm are 0.080, 0.056, 0.050, 0.040 and 0.060 m in radius; the trunk and the
head lie between their half breadth and half depth; the hip and collar bones have the flesh about the joint they lead
to. One size for all people: a child's limbs come out too thick."""

TORSO = ((0, 1), (0, 4), (0, 7), (7, 8), (8, 9), (8, 11), (8, 14))
"""The bones that hardly move against each other, from the hips to the neck and the shoulders."""

CLASSES = ("visible", "partly", "deep")
DEEP = 0.5
"""From this depth on a joint is ``deep``: the sight line passes within half the radius of the bone's axis."""

CHUNK_POSES = 2048
"""Poses handled at once: each temporary is 0.3 MB and stays in the cache."""


def _rigid() -> np.ndarray:
    """(16, J): True where a bone lies so near a joint, whatever the pose, that it cannot be said to hide it."""
    ends = np.zeros((len(BONES), N_JOINTS), bool)
    for row, bone in enumerate(BONES):
        ends[row, list(bone)] = True
    torso = np.array([bone in TORSO for bone in BONES])
    # A joint neighbours a bone where a bone of the torso joins the two.
    neighbours = (ends[torso].T.astype(int) @ ends[torso] > 0).astype(int)
    return ends | (torso[:, None] & (ends @ neighbours > 0))


RIGID = _rigid()
"""(16, J): True where a bone ends in the joint, or both belong to the torso and a bone of the torso joins them: a hip
sits in the trunk, and a shoulder at the chest, however the person turns."""


def self_occlusion(poses_cam_m: ArrayLike, radii_m: ArrayLike | None = None) -> np.ndarray:
    """Occlusion depth of each joint by a nearer part of the same body, (T, J, 3) to (T, J) float64.

    Args:
        poses_cam_m: (T, 17, 3), camera space (the centre at the origin, any axes), metres.
        radii_m: (16,) radii of the bones, metres, more than 0; by default :data:`RADII_M`.

    Returns:
        0 for a visible joint, up to 1 where the sight line meets the axis of a nearer bone; the deepest bone counts.

    Raises:
        ValueError: poses or radii of another shape.

    Example:
        The right wrist straight behind the rest of the body, which is all in one place.

        >>> poses_cam_m = np.tile([0.0, 0.0, 5.0], (1, 17, 1))
        >>> poses_cam_m[:, 16] = [0.0, 0.0, 6.0]
        >>> self_occlusion(poses_cam_m)[0, 14:].tolist()
        [0.0, 0.0, 1.0]
    """
    poses = np.asarray(poses_cam_m)
    radii = np.asarray(list(RADII_M.values()) if radii_m is None else radii_m, np.float64)
    if poses.ndim != 3 or poses.shape[1:] != (N_JOINTS, 3) or radii.shape != (len(BONES),):
        raise ValueError(f"poses must be (T, 17, 3) and radii (16,), not {poses.shape} and {radii.shape}")
    depth = np.zeros(poses.shape[:2])
    for start in range(0, len(poses), CHUNK_POSES):
        chunk = slice(start, start + CHUNK_POSES)
        # Joints first and coordinates before frames: every operation below then runs along contiguous frames.
        depth[chunk] = _deepest(np.ascontiguousarray(poses[chunk].transpose(1, 2, 0), np.float64), radii).T
    return depth


def _deepest(joints: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """:func:`self_occlusion` of one chunk, (J, 3, T) to (J, T)."""
    distance_m = np.linalg.norm(joints, axis=1)
    depth = np.zeros_like(distance_m)
    for (parent, child), radius, rigid in zip(BONES, radii, RIGID, strict=True):
        hidden = np.flatnonzero(~rigid)
        p, far = joints[hidden], distance_m[hidden]
        u = p / far[:, None]
        start, along = joints[parent] - p, np.broadcast_to(joints[child] - joints[parent], p.shape)
        start_u, along_u = _dot(start, u), _dot(along, u)
        start_across, along_across = start - start_u[:, None] * u, along - along_u[:, None] * u
        power = _dot(along_across, along_across)
        # A bone seen end-on is a point across u: any s will do.
        s = np.divide(-_dot(start_across, along_across), power, out=np.zeros_like(power), where=power > 0).clip(0, 1)
        nearest = start_across + s[:, None] * along_across
        gap = -(start_u + s * along_u)
        inside = 1 - np.sqrt(_dot(nearest, nearest)) / radius
        depth[hidden] = np.maximum(depth[hidden], np.where((gap > 0) & (gap < far), inside, 0))
    return depth


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Over the middle axis, (N, 3, T) to (N, T)."""
    return np.einsum("nct,nct->nt", a, b)


def occlusion_class(depth: ArrayLike) -> np.ndarray:
    """Index into :data:`CLASSES` of each depth (0 to 1) from :func:`self_occlusion`, same shape, int8.

    Example:
        >>> [CLASSES[index] for index in occlusion_class([0.0, 0.2, 0.5])]
        ['visible', 'partly', 'deep']
    """
    depth = np.asarray(depth)
    return (depth > 0).astype(np.int8) + (depth >= DEEP).astype(np.int8)
