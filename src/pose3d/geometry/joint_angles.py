"""Joint angles of people whose joint centres are known, in degrees, by the conventions of biomechanics.

Axes are those of the International Society of Biomechanics: x forward, y up along the body, z to the person's right;
angles are read off in its order. Wu et al., "ISB recommendation on definitions of joint coordinate system of various
joints", part I: ankle, hip and spine (Journal of Biomechanics 35, 2002) and part II: shoulder, elbow, wrist and hand
(38, 2005); the knee is Grood and Suntay's ("A joint coordinate system for the clinical description of
three-dimensional motions", Journal of Biomechanical Engineering 105, 1983). Those papers build the axes on bony
landmarks. Here are joint centres only, so that the axes are what these show:

=======  ============================================================================================================
segment  axes
=======  ============================================================================================================
pelvis   z from the left to the right hip, y the part of hip to spine across z: the lower trunk says how it is pitched
thorax   y from spine to thorax, z the part of left to right shoulder across y
thigh    y from knee to hip, z the axis about which the knee is bent
upper    y from elbow to shoulder, z the axis about which the elbow is bent (part II, the second option for the humerus)
=======  ============================================================================================================

Angles that :func:`joint_angles_deg` gives; those of limbs for both sides, the left as the right of the person in the
mirror. 0 is the upright body with hanging arms (ankles: feet across the shanks).

===========================  =====================================================  =========================
angle                        positive                                               rotation
===========================  =====================================================  =========================
trunk_flexion                thorax forward against the pelvis                      -z of z, x, y
trunk_lateral_bending        to the right                                           x of z, x, y
trunk_rotation               to the left                                            y of z, x, y
hip_flexion                  thigh forward                                          z of z, x, y
hip_adduction                thigh to the other side                                x of z, x, y
hip_internal_rotation        shin of a bent knee outward                            y of z, x, y
knee_flexion                 always: the angle between thigh and shank              -z
ankle_dorsiflexion           toes up                                                z
shoulder_plane_of_elevation  0: arm raised sideways, 90: forward                    first y of y, x, y
shoulder_elevation           always: the angle between upper arm and trunk          -x of y, x, y
shoulder_internal_rotation   forearm of a bent elbow inward                         second y of y, x, y
elbow_flexion                always: the angle between upper arm and forearm        z
===========================  =====================================================  =========================

Rotations are right-handed about the right side's axes; those with a minus have the clinic's sign, as trunk flexion and
Grood and Suntay's knee flexion have it, and as most write elevation, which part II counts negative.
"""

import numpy as np
from numpy.typing import ArrayLike

from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS

LEAST_ANGLE_DEG = 15.0
"""Two directions that are nearer than this to one line show no plane and no axis across them: what is read off these is
NaN. So have hanging arms no plane of elevation, and straight legs no rotation about themselves."""

_MIRROR = np.array([1.0, 1.0, -1.0])


def joint_angles_deg(
    poses_m: ArrayLike, heels_m: ArrayLike | None = None, toes_m: ArrayLike | None = None
) -> dict[str, np.ndarray]:
    """The angles of the module's tables, by names such as ``right_knee_flexion_deg`` and ``trunk_flexion_deg``.

    NaN where an angle is undefined: a joint is not finite, a limb has no length, or :data:`LEAST_ANGLE_DEG` says so.

    Args:
        poses_m: (..., 17, 3) in any right-handed frame; their size and place do not matter.
        heels_m, toes_m: (..., 2, 3), right and left, in the same frame; None: no ankle's angle, because it needs both.

    Returns:
        Arrays (...), from -180 to 180.

    Raises:
        ValueError: the poses are not (..., 17, 3).

    Example:
        A person who faces x, z to the right, as on a chair, with one arm forward and the other hanging.

        >>> pose_m = np.zeros((17, 3))
        >>> pose_m[[7, 8]] = [0, 0.25, 0], [0, 0.5, 0]  # spine and thorax
        >>> pose_m[1:4] = [0, 0, 0.1], [0.4, 0, 0.1], [0.4, -0.4, 0.1]  # right hip, knee, ankle
        >>> pose_m[4:7] = pose_m[1:4] * [1, 1, -1]
        >>> pose_m[14:17] = [0, 0.5, 0.2], [0.3, 0.5, 0.2], [0.6, 0.5, 0.2]  # right shoulder, elbow, wrist
        >>> pose_m[11:14] = [0, 0.5, -0.2], [0, 0.2, -0.2], [0, -0.1, -0.2]
        >>> angles_deg = joint_angles_deg(pose_m)
        >>> [float(angles_deg[f"{name}_deg"].round(6)) for name in ("right_hip_flexion", "left_knee_flexion")]
        [90.0, 90.0]
        >>> [float(angles_deg[f"{side}_shoulder_plane_of_elevation_deg"].round(6)) for side in ("right", "left")]
        [90.0, nan]
    """
    poses = np.asarray(poses_m, np.float64)
    if poses.ndim < 2 or poses.shape[-2:] != (N_JOINTS, 3):
        raise ValueError(f"poses must be (..., {N_JOINTS}, 3), not {poses.shape}")
    joints = {name: poses[..., joint, :] for joint, name in enumerate(JOINT_NAMES)}
    ankles = None if heels_m is None or toes_m is None else ankle_dorsiflexion_deg(poses, heels_m, toes_m)
    with np.errstate(invalid="ignore", over="ignore"):  # of what is not finite the angle is NaN, and that is all
        pelvis = pelvis_axes(poses)
        thorax = _thorax(joints["Thorax"] - joints["Spine"], joints["RShoulder"] - joints["LShoulder"])
        flexion, bending, rotation = _zxy_deg(pelvis @ np.swapaxes(thorax, -1, -2))
        angles = {
            "trunk_flexion_deg": -flexion,
            "trunk_lateral_bending_deg": bending,
            "trunk_rotation_deg": rotation,
        }
        for side, name in enumerate(("right", "left")):
            limbs = _leg_deg(joints, name, pelvis)
            if ankles is not None:
                limbs["ankle_dorsiflexion"] = ankles[..., side]
            limbs |= _arm_deg(joints, name, thorax)
            angles |= {f"{name}_{angle}_deg": values for angle, values in limbs.items()}
    return angles


@np.errstate(invalid="ignore", over="ignore")
def ankle_dorsiflexion_deg(poses_m: ArrayLike, heels_m: ArrayLike, toes_m: ArrayLike) -> np.ndarray:
    """How far the toes are up, (..., 2), right and left: the angle between shank and foot beyond a right one.

    Wu et al.'s (part I) rotation about the ankle's z axis, seen where the foot turns about that axis alone; one that is
    turned in or out besides reads nearer to 0. NaN as in :func:`joint_angles_deg`.

    Args:
        poses_m: (..., 17, 3) in any frame.
        heels_m, toes_m: (..., 2, 3), right and left, in the same frame.

    Example:
        The right foot flat under an upright shank, the left one pointing downwards.

        >>> pose_m = np.zeros((17, 3))
        >>> pose_m[[2, 5], 1] = 0.4  # both knees above their ankles, y up
        >>> (ankle_dorsiflexion_deg(pose_m, np.zeros((2, 3)), [[0.2, 0, 0], [0, -0.2, 0]]) + 0).tolist()
        [0.0, -90.0]
    """
    poses = np.asarray(poses_m, np.float64)
    knees, ankles = (poses[..., [JOINT_NAMES.index(f"{side}{name}") for side in "RL"], :] for name in ("Knee", "Foot"))
    feet = np.asarray(toes_m, np.float64) - np.asarray(heels_m, np.float64)
    return _between_deg(ankles - knees, feet) - 90


@np.errstate(invalid="ignore", over="ignore")
def pelvis_axes(poses_m: ArrayLike) -> np.ndarray:
    """Axes of the pelvis, see the module's table: (..., 17, 3) poses to (..., 3, 3), whose rows are x, y and z.

    NaN where hips and spine lie nearly on one line.

    Example:
        A person who faces y, z up, the right hip at x.

        >>> pose_m = np.zeros((17, 3))
        >>> pose_m[1], pose_m[4], pose_m[7] = [0.1, 0, 0], [-0.1, 0, 0], [0, 0, 0.2]
        >>> (pelvis_axes(pose_m) + 0).tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    poses = np.asarray(poses_m, np.float64)
    hip, right, left, spine = (poses[..., JOINT_NAMES.index(name), :] for name in ("Hip", "RHip", "LHip", "Spine"))
    z, x = _direction(right - left), _across(spine - hip, right - left)
    return np.stack([x, np.cross(z, x), z], -2)


def _leg_deg(joints: dict[str, np.ndarray], side: str, pelvis: np.ndarray) -> dict[str, np.ndarray]:
    hip, knee, ankle = (joints[f"{side[0].upper()}{name}"] for name in ("Hip", "Knee", "Foot"))
    thigh, shank = _local(knee - hip, side, pelvis), _local(ankle - knee, side, pelvis)
    flexion, adduction, rotation = _zxy_deg(_limb(-thigh, _across(shank, thigh)))
    return {
        "hip_flexion": flexion,
        "hip_adduction": adduction,
        "hip_internal_rotation": rotation,
        "knee_flexion": _between_deg(knee - hip, ankle - knee),
    }


def _arm_deg(joints: dict[str, np.ndarray], side: str, thorax: np.ndarray) -> dict[str, np.ndarray]:
    shoulder, elbow, wrist = (joints[f"{side[0].upper()}{name}"] for name in ("Shoulder", "Elbow", "Wrist"))
    upper, forearm = _local(elbow - shoulder, side, thorax), _local(wrist - elbow, side, thorax)
    plane, elevation, rotation = _yxy_deg(_limb(-upper, _across(upper, forearm)))
    return {
        "shoulder_plane_of_elevation": plane,
        "shoulder_elevation": elevation,
        "shoulder_internal_rotation": rotation,
        "elbow_flexion": _between_deg(elbow - shoulder, wrist - elbow),
    }


def _local(vectors: np.ndarray, side: str, axes: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) in a segment's axes; those of the left side in the mirror, where they are a right side's."""
    local = (axes @ vectors[..., None])[..., 0]
    return local if side == "right" else local * _MIRROR


def _thorax(up: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(..., 3, 3), whose rows are the axes x, y, z."""
    y, x = _direction(up), _across(up, right)
    return np.stack([x, y, np.cross(x, y)], -2)


def _limb(up: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """(..., 3, 3), whose columns are the axes x, y, z in those of the segment before: the rotation between both.

    Args:
        up: (..., 3), any length.
        axis: (..., 3) across it, unit length; NaN: x and z are NaN, y is not.
    """
    y = _direction(up)
    return np.stack([np.cross(y, axis), y, axis], -1)


def _zxy_deg(rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Angles about z, x and y of (..., 3, 3) R = Rz Rx Ry; the first and the last NaN where y is nearly the old z."""
    r = rotation
    about_x = _degrees(np.arctan2(r[..., 2, 1], np.hypot(r[..., 0, 1], r[..., 1, 1])))
    defined = np.where(np.abs(about_x) < 90 - LEAST_ANGLE_DEG, 1.0, np.nan)
    about_z, about_y = np.arctan2(-r[..., 0, 1], r[..., 1, 1]), np.arctan2(-r[..., 2, 0], r[..., 2, 2])
    return _degrees(about_z) * defined, about_x, _degrees(about_y) * defined


def _yxy_deg(rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Angles a, b, c of (..., 3, 3) R = Ry(a) Rx(-b) Ry(c), b from 0 to 180; a and c NaN where y is nearly the old y
    or its opposite."""
    r = rotation
    about_x = _degrees(np.arctan2(np.hypot(r[..., 0, 1], r[..., 2, 1]), r[..., 1, 1]))
    defined = np.where(np.abs(about_x - 90) < 90 - LEAST_ANGLE_DEG, 1.0, np.nan)
    first, last = np.arctan2(-r[..., 0, 1], -r[..., 2, 1]), np.arctan2(-r[..., 1, 0], r[..., 1, 2])
    return _degrees(first) * defined, about_x, _degrees(last) * defined


def _degrees(radians: np.ndarray) -> np.ndarray:
    return np.asarray(np.degrees(radians))


def _between_deg(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle between directions (..., 3), 0 to 180."""
    a, b = _direction(a), _direction(b)
    return _degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(-1)))


def _across(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Direction of a x b (..., 3); NaN where a and b are nearer than :data:`LEAST_ANGLE_DEG` to one line."""
    across = np.cross(_direction(a), _direction(b))
    sine = np.linalg.norm(across, axis=-1, keepdims=True)
    return across / np.where(sine > np.sin(np.radians(LEAST_ANGLE_DEG)), sine, np.nan)


def _direction(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) at length 1; NaN where there is no length."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, np.nan)
