"""The original's two objectives: weak perspective for single frames, perspective without the division for windows.

Its losses and schedules on its networks (:mod:`pose3d.lifting.original`). Two documented defects are corrected: critic
steps send no gradients through the generator, and no checkpoint is chosen on test data.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pose3d.lifting.clips import Runs
from pose3d.lifting.losses import orthogonal_camera, perspective_without_division, weak_perspective_reprojection
from pose3d.lifting.networks import Forward
from pose3d.lifting.original import normalise_px, normalised_intrinsics, relative_to_root
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.processes import WHOLE, Share

_ALONE = slice(0)  # its critic sees nothing beside a pose


class Batch(NamedTuple):
    """B windows of T detections, and as many poses of the prior.

    Attributes:
        keypoints: (B, T, 17, 2) px / width * 2 - 1.
        focal, centre: (B, 2) intrinsics in the keypoints' units.
        real: (B, 16, 3) root-relative poses of the prior, metres.
    """

    keypoints: Tensor
    focal: Tensor
    centre: Tensor
    real: Tensor


class OriginalData:
    """Detections and prior poses in the original's normalisation; windows of ``window_frames``, edge frames
    repeated.

    Args:
        sequences: N clips, of which only the cameras and lengths are read.
        keypoints_px: N arrays (T, 17, 2), in the same order.
        prior: sequences whose 3D poses the critic sees.
        window_frames: frames of a window, odd; 1 for single frames.
        joint_weights: (17, 1) of the reprojection.
        device: where the tensors live.
        share: what this process draws of each batch.
    """

    def __init__(
        self,
        sequences: Sequence[PoseSequence],
        keypoints_px: Sequence[np.ndarray],
        prior: Sequence[PoseSequence],
        window_frames: int,
        joint_weights: Tensor,
        device: torch.device,
        share: Share = WHOLE,
    ) -> None:
        def tensor(values: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).float().to(device)

        pairs = list(zip(sequences, keypoints_px, strict=True))
        lengths = [len(s) for s in sequences]
        half = window_frames // 2
        self._windows = Runs(lengths, half, 1, half, device)
        self._keypoints = tensor(np.concatenate([normalise_px(k, s.camera.width_px) for s, k in pairs]))
        intrinsics = [normalised_intrinsics(s) for s in sequences]
        self._focal = tensor(np.repeat([f for f, _ in intrinsics], lengths, 0))
        self._centre = tensor(np.repeat([c for _, c in intrinsics], lengths, 0))
        self._prior = relative_to_root(tensor(np.concatenate([s.poses_cam_m for s in prior])))
        self._joint_weights = joint_weights
        self._device, self._share = device, share

    def generator_batches(self, rngs: Sequence[np.random.Generator], batch_size: int) -> list[Batch]:
        """This process's share of ``batch_size`` detections and prior poses of each step, drawn independently."""

        def index(size: int) -> Tensor:
            drawn = [self._share.part(rng.integers(size, size=batch_size)) for rng in rngs]
            return torch.from_numpy(np.stack(drawn)).to(self._device)

        frames = self._windows.frames(index(len(self._windows)))
        middle = frames[..., frames.shape[-1] // 2]
        real = self._prior[index(len(self._prior))]
        drawn = (self._keypoints[frames], self._focal[middle], self._centre[middle], real)
        return [Batch(*of_step) for of_step in zip(*drawn, strict=True)]


class OriginalSingleFrame(OriginalData):
    """Critic, camera and weak-perspective reprojection for :class:`pose3d.lifting.original.RepNet`."""

    def critic_batches(
        self, rngs: Sequence[np.random.Generator], batch_size: int
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        batches = self.generator_batches(rngs, batch_size)
        return [(b.real, relative_to_root(b.keypoints[:, 0]).flatten(1), b.real[..., _ALONE]) for b in batches]

    def terms(self, generator: Forward, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The weak-perspective camera's terms on frames.

        Args:
            generator, batch: see :meth:`pose3d.lifting.adversarial.Objective.terms`.
        """
        keypoints = relative_to_root(batch.keypoints[:, 0])
        poses, cameras = generator(keypoints.flatten(1))
        return poses, {
            "reprojection": weak_perspective_reprojection(poses, cameras, keypoints, self._joint_weights[1:]),
            "camera": orthogonal_camera(cameras),
        }


class OriginalWindows(OriginalData):
    """Critic and perspective reprojection for :class:`pose3d.lifting.original.OriginalTemporal`."""

    def critic_batches(
        self, rngs: Sequence[np.random.Generator], batch_size: int
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        batches = self.generator_batches(rngs, batch_size)
        return [(b.real, relative_to_root(b.keypoints).flatten(2), b.real[..., _ALONE]) for b in batches]

    def terms(self, generator: Forward, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The perspective camera's term on the windows' centre frames.

        Args:
            generator, batch: see :meth:`pose3d.lifting.adversarial.Objective.terms`.
        """
        poses, root = generator(relative_to_root(batch.keypoints).flatten(2), batch.keypoints.flatten(2))
        joints = torch.cat([root[:, None], root[:, None] + poses], 1)
        keypoints = batch.keypoints[:, batch.keypoints.shape[1] // 2]
        reprojection = perspective_without_division(joints, batch.focal, batch.centre, keypoints, self._joint_weights)
        return poses, {"reprojection": reprojection}
