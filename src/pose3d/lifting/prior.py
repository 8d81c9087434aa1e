"""The 3D side: unpaired poses of other people, put where the 2D side's cameras could have seen them.

Gravity is known (cameras are calibrated), heading is not: each prior take is turned by a random angle about the
vertical, mirrored at random, and put on the root's ray of some detection at the distance at which it would look as
large. That gives the critic poses in the frame in which the generator predicts them, and, projected with the
detector's kind of errors, pairs of 2D and 3D that cost no label.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from pose3d.geometry.landmarks import estimate_landmarks
from pose3d.geometry.layouts import LANDMARK_JOINTS, Layout, mirror_points
from pose3d.geometry.rotations import rotation_about_z
from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS, ROOT, bone_matrix, mirror_permutation
from pose3d.lifting.virtual_camera import to_rays, view_from_image_plane
from pose3d.records.sequences import PoseSequence

# A take that walks past the camera is pushed back until every joint is at least this far in front of it.
_MIN_DEPTH_M = 0.5
_RIGHT_HIP, _LEFT_HIP = JOINT_NAMES.index("RHip"), JOINT_NAMES.index("LHip")
LANDMARK_PARENTS = [JOINT_NAMES.index(joint) for joint in LANDMARK_JOINTS.values()]
_TRUNK = slice(JOINT_NAMES.index("Spine"), N_JOINTS)  # and head and arms; the root and the legs come before it
_FIRST_OF_PAIR = np.minimum(np.arange(1, N_JOINTS), mirror_permutation()[1:]) - 1
"""Of each bone the right one of its pair, or itself where it has no other side."""


class PriorTakes:
    """World poses of all takes, stacked; a take that several cameras saw counts once.

    Attributes:
        lengths: frames of each take.
        subjects: whose take each is; all of one subject's come together.
        poses_world_m: (N, 17, 3), z up.
        landmarks_m: (N, L, 3) landmarks relative to the joints that they go along with; None: not asked for.
    """

    def __init__(self, sequences: Sequence[PoseSequence], device: torch.device, landmarks: bool = False) -> None:
        takes = {(s.subject, s.action): s for s in reversed(sequences)}
        poses = [takes[key].poses_world_m for key in sorted(takes)]
        self.subjects = [subject for subject, _ in sorted(takes)]
        self.lengths = [len(p) for p in poses]
        self.poses_world_m = torch.from_numpy(np.concatenate(poses)).float().to(device)
        self.landmarks_m = None
        if landmarks:
            known = np.concatenate([landmarks_of(takes[key]) for key in sorted(takes)])
            known = known - np.concatenate(poses)[:, LANDMARK_PARENTS]
            self.landmarks_m = torch.from_numpy(known).float().to(device)

    def points_world_m(self, frames: Tensor) -> Tensor:
        """The joints (..., 17, 3) of frames (...), followed by the landmarks where these were asked for."""
        joints = self.poses_world_m[frames]
        if self.landmarks_m is None:
            return joints
        return torch.cat([joints, joints[..., LANDMARK_PARENTS, :] + self.landmarks_m[frames]], -2)


def landmarks_of(sequence: PoseSequence) -> np.ndarray:
    """The landmarks (T, L, 3) of a take in the world: its own, or where it has none estimated from its joints."""
    own = sequence.landmarks_world_m
    return estimate_landmarks(sequence.poses_world_m) if own is None else own


def points_cam_m(sequence: PoseSequence, points: Layout) -> np.ndarray:
    """Where the points of a layout truly are, (T, K, 3) in camera space; landmarks as :func:`landmarks_of` has them."""
    world_m = np.concatenate([sequence.poses_world_m, landmarks_of(sequence)], 1)[:, points.numbers]
    return sequence.camera.world_to_camera(world_m)


@cache
def _mirror(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """The order of joints and landmarks after a mirror, and the axes' signs, (3,)."""
    sign = torch.tensor([-1.0, 1.0, 1.0], dtype=dtype, device=device)
    return torch.from_numpy(mirror_points()).to(device), sign


@cache
def _bones_and_back(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Bones from joints, (16, 17), and joints relative to the root from bones, (16, 16).

    Each joint is the sum of the bones on its way from the root; the inverse is exact, all its entries are 0 or 1.
    """
    matrix = bone_matrix()
    inverse = np.linalg.inv(matrix[:, 1:]).round()
    return torch.from_numpy(matrix).to(device, dtype), torch.from_numpy(inverse).to(device, dtype)


def mirror_world(poses_world_m: Tensor) -> Tensor:
    """(..., 17, 3) poses mirrored at a vertical plane: x changes sign, left and right change places.

    Landmarks may follow the joints, here as in all functions below.
    """
    order, sign = _mirror(poses_world_m.dtype, poses_world_m.device)
    return poses_world_m[..., order[: poses_world_m.shape[-2]], :] * sign


def vary_bone_lengths(poses_world_m: Tensor, factors: Tensor) -> Tensor:
    """Give the people of (B, T, 17, 3) takes other bodies: bone lengths times (B, 16) factors, every direction kept.

    The prior is a few people; the 2D is of others. The root's path stays.
    What a landmark is away from its joint varies with the bone that ends there.
    """
    bones_from_joints, joints_from_bones = _bones_and_back(poses_world_m.dtype, poses_world_m.device)
    joints = poses_world_m[..., :N_JOINTS, :]
    bones = (bones_from_joints @ joints) * factors[:, None, :, None]
    root = joints[..., ROOT : ROOT + 1, :]
    varied = torch.cat([root, root + joints_from_bones @ bones], -2)
    if poses_world_m.shape[-2] == N_JOINTS:
        return varied
    offsets = poses_world_m[..., N_JOINTS:, :] - joints[..., LANDMARK_PARENTS, :]
    offsets = offsets * factors[:, None, [joint - 1 for joint in LANDMARK_PARENTS], None]
    return torch.cat([varied, varied[..., LANDMARK_PARENTS, :] + offsets], -2)


def symmetric_factors(rng: np.random.Generator, batch_size: int, spread: float) -> np.ndarray:
    """(B, 16) log-normal factors for the bones, alike on the left and on the right.

    Args:
        rng: every draw comes from it.
        batch_size: bodies to draw, B.
        spread: standard deviation of the logarithm.
    """
    drawn = rng.normal(0, spread, (batch_size, N_JOINTS - 1))
    return np.exp(drawn[:, _FIRST_OF_PAIR])


def mix_halves(legs_world_m: Tensor, trunks_world_m: Tensor) -> Tensor:
    """The legs and the path of some takes with the trunks and arms of others, all (B, T, 17, 3), z up.

    A small prior shows few combinations. The trunk is turned about the vertical until both takes' hips face alike in
    the middle frame, and keeps its tilt. (Parts as a way to more poses: LInKs, 3DV 2024, there in 2D.)
    """
    middle = legs_world_m.shape[1] // 2

    def facing(poses: Tensor) -> Tensor:
        hips = poses[:, middle, _LEFT_HIP] - poses[:, middle, _RIGHT_HIP]
        return torch.atan2(hips[:, 1], hips[:, 0])

    turn = vertical_rotation(facing(legs_world_m) - facing(trunks_world_m))
    trunks = trunks_world_m - trunks_world_m[..., ROOT : ROOT + 1, :]
    root = legs_world_m[..., ROOT : ROOT + 1, :]
    if legs_world_m.shape[-2] == N_JOINTS:
        trunks = trunks[..., _TRUNK, :] @ turn[:, None].transpose(-1, -2)
        return torch.cat([legs_world_m[..., : _TRUNK.start, :], root + trunks], -2)
    of_trunk = torch.tensor([joint >= _TRUNK.start for joint in (*range(N_JOINTS), *LANDMARK_PARENTS)])
    turned = root + trunks @ turn[:, None].transpose(-1, -2)
    return torch.where(of_trunk.to(root.device)[:, None], turned, legs_world_m)


def vertical_rotation(angle_rad: Tensor) -> Tensor:
    """:func:`pose3d.geometry.rotations.rotation_about_z` on tensors: (B,) angles to (B, 3, 3)."""
    cos, sin, zero, one = angle_rad.cos(), angle_rad.sin(), torch.zeros_like(angle_rad), torch.ones_like(angle_rad)
    return torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], -1).unflatten(-1, (3, 3))


def camera_tilts(rng: np.random.Generator, batch_size: int, tilt_deg: float) -> np.ndarray:
    """(B, 3, 3) rotations of a camera about its own x axis, up or down, and then about its optical axis.

    Args:
        rng: every draw comes from it.
        batch_size: cameras to draw, B.
        tilt_deg: standard deviation of both angles.
    """
    angles = np.radians(rng.normal(0, tilt_deg, (2, batch_size)))
    tilt, roll = rotation_about_z(np.cos(angles), np.sin(angles))
    about_x = tilt[:, [2, 0, 1]][:, :, [2, 0, 1]]  # y towards z in place of x towards y
    return roll @ about_x


def other_errors(rng: np.random.Generator, batch_size: int, n_points: int, most: float) -> np.ndarray:
    """(B, K, 2) Gaussian errors; each of the B draws its standard deviation evenly from 0 to ``most``.

    A lifter that has seen one detector's errors alone trusts points that another places less well.

    Args:
        rng: every draw comes from it.
        batch_size: takes to draw for, B.
        n_points: K.
        most: in the unit of the errors.
    """
    deviations = rng.uniform(0, most, (batch_size, 1, 1))
    return deviations * rng.standard_normal((batch_size, n_points, 2))


def place_before_camera(
    poses_world_m: Tensor, heading_rad: Tensor, rotation: Tensor, root_plane: Tensor, scale: Tensor, frame: int
) -> Tensor:
    """Put takes in front of cameras.

    Args:
        poses_world_m: (B, T, 17, 3), z up; their place in the world does not matter.
        heading_rad: (B,) turn about the vertical.
        rotation: (B, 3, 3) camera from world.
        root_plane: (B, 2) where the root appears in the image plane in ``frame``.
        scale: (B,) how large the body appears (see :class:`pose3d.lifting.virtual_camera.VirtualView`) in ``frame``,
            to first order.
        frame: one of the T.

    Returns:
        (B, T, 17, 3) metres, camera space.
    """
    poses = poses_world_m - poses_world_m[:, frame : frame + 1, ROOT : ROOT + 1]
    poses = torch.einsum("bij,btkj->btki", rotation @ vertical_rotation(heading_rad), poses)
    ray = torch.nn.functional.normalize(to_rays(root_plane), dim=-1)
    relative = poses[:, frame, 1:N_JOINTS]
    along = torch.einsum("bkj,bj->bk", relative, ray)
    lateral = (relative.square().sum(-1) - along.square()).mean(-1).clamp(min=1e-4).sqrt()
    poses = poses + (ray * (lateral / scale)[:, None])[:, None, None]
    too_near = (_MIN_DEPTH_M - poses[..., 2].amin((1, 2))).clamp(min=0)
    return poses + (ray * (too_near / ray[:, 2])[:, None])[:, None, None]


def errors_of_points(residuals: Tensor, points: Layout) -> Tensor:
    """A detector's errors of our joints as errors of a layout's points.

    A landmark has the errors of the joint that it goes along with, and as large ones of its own: those of that joint in
    other takes of the batch.

    Args:
        residuals: (..., B, T, 17, 2).
        points: K of them.

    Returns:
        (..., B, T, K, 2).
    """
    errors = []
    for number, joint in enumerate(points.joints):
        if joint is not None:
            errors.append(residuals[..., joint, :])
        else:
            shared = residuals[..., LANDMARK_PARENTS[points.numbers[number] - N_JOINTS], :]
            errors.append((shared + shared.roll(number + 1, -3)) / 2**0.5)
    return torch.stack(errors, -2)


def project_points(poses_cam_m: Tensor, residuals: Tensor, points: Layout) -> Tensor:
    """As :func:`project_with_errors`, of the points of a layout.

    Args:
        poses_cam_m: (..., 17 + L, 3) joints and landmarks, camera space.
        residuals: (..., K, 2) a detector's errors, in units of the 2D size; NaN where it has missed the point.
        points: K of them.

    Returns:
        (..., K, 2) image plane; NaN where the point is missed.
    """
    plane = poses_cam_m[..., :2] / poses_cam_m[..., 2:]
    scale = view_from_image_plane(plane[..., :N_JOINTS, :]).scale
    return plane[..., torch.from_numpy(points.numbers).to(plane.device), :] + residuals * scale[..., None, None]


def project_with_errors(poses_cam_m: Tensor, residuals: Tensor) -> Tensor:
    """Image plane (..., 17, 2) of camera-space poses (..., 17, 3) with a detector's errors (..., 17, 2), those in units
    of the 2D size."""
    plane = poses_cam_m[..., :2] / poses_cam_m[..., 2:]
    return plane + residuals * view_from_image_plane(plane).scale[..., None, None]
