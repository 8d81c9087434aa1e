"""The lifter's 2D side: detected keypoints of many clips as tensors, with the viewpoints they were seen from.

Of another layout than our own, what is detected teaches the detector's errors and nothing else: where the same person's
points truly are needs 3D, of joints and of landmarks.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pose3d.geometry.layouts import OURS, layout
from pose3d.geometry.skeleton import ROOT
from pose3d.lifting.prior import points_cam_m
from pose3d.lifting.virtual_camera import view_from_image_plane
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import PoseSequence, check_3d
from pose3d.runtime.errors import InputError


class Observations:
    """Detections of all clips, stacked, in the true cameras' image planes. Of our own layout no 3D is read.

    Args:
        sequences: the clips, with or without annotations; of another layout than our own all with 3D.
        detections: one for each clip, in the same order.
        device: where the tensors live.

    Attributes:
        lengths: frames of each clip.
        layout: whose K points are detected.
        image_plane: (N, K, 2) detected keypoints, undistorted x/z, y/z.
        roots: (N, 2) the person's root there, as detected; of another layout, as annotated.
        scales: (N,) the person's 2D size, as annotated, or as detected in clips that are not.
        rotations: (N, 3, 3) camera from world: where gravity points in the image.
        annotated_lengths: frames of each of the clips whose 2D is annotated, usually all clips.
        annotated_frames: (M,) which of the N these are.
        annotated: (M, 17, 2) the 2D labels that trained the detector, in the same plane.
        residuals: (M, K, 2) detected minus true keypoints over the person's 2D size: what the detector's errors
            look like. Of another layout NaN where it has missed the point.

    Raises:
        InputError: no clip is annotated, or one of another layout has no 3D.
    """

    def __init__(
        self, sequences: Sequence[PoseSequence], detections: Sequence[Keypoints2D], device: torch.device
    ) -> None:
        self.lengths = [len(sequence) for sequence in sequences]
        self.annotated_lengths = [len(sequence) for sequence in sequences if sequence.is_annotated]
        if not self.annotated_lengths:
            raise InputError(
                "none of lifting.keypoints_subjects has 3D, so that nothing shows how the detector errs: "
                "name one more who has, or set lifting.formulation to original"
            )
        self.layout = detections[0].layout
        pairs = list(zip(sequences, detections, strict=True))
        detected = np.concatenate([s.camera.normalize(d.keypoints_px) for s, d in pairs])
        annotated = np.concatenate([s.camera.normalize(s.keypoints_px) for s in sequences if s.is_annotated])
        frames = np.flatnonzero(np.repeat([s.is_annotated for s in sequences], self.lengths))
        if self.layout == OURS:
            roots, true = detected[:, ROOT], annotated
            measured = detected.copy()
            measured[frames] = annotated
        else:
            check_3d(sequences, "lifting.keypoints_subjects")
            true = np.concatenate([_in_plane(points_cam_m(s, layout(self.layout))) for s in sequences])
            seen = np.concatenate([d.confidence > 0 for d in detections])
            detected = np.where(seen[..., None], detected, np.nan)
            roots, measured = annotated[:, ROOT], annotated
        scales = view_from_image_plane(torch.from_numpy(measured)).scale.numpy()
        rotations = np.concatenate([np.repeat(s.camera.rotation[None], len(s), 0) for s in sequences])

        def tensor(values: np.ndarray) -> Tensor:
            return torch.from_numpy(values).float().to(device)

        self.image_plane, self.roots = tensor(detected), tensor(roots)
        self.annotated_frames = torch.from_numpy(frames).to(device)
        self.annotated = tensor(annotated)
        self.residuals = tensor((detected[frames] - true) / scales[frames, None, None])
        self.scales = tensor(scales)
        self.rotations = tensor(rotations)


class PairedClips:
    """Detections with their own 3D poses: labels, which a weakly supervised lifter does not see.

    They give the bound that weak supervision is measured against, and serve users who have a few.

    Args:
        sequences: the clips, with 3D.
        detections: one for each clip, in the same order.
        device: where the tensors live.

    Attributes:
        lengths: frames of each clip.
        image_plane: (N, 17, 2) detected keypoints, undistorted x/z, y/z.
        poses_cam_m: (N, 17, 3).
    """

    def __init__(
        self, sequences: Sequence[PoseSequence], detections: Sequence[Keypoints2D], device: torch.device
    ) -> None:
        self.lengths = [len(sequence) for sequence in sequences]
        planes = [s.camera.normalize(d.keypoints_px) for s, d in zip(sequences, detections, strict=True)]
        self.image_plane = torch.from_numpy(np.concatenate(planes)).float().to(device)
        self.poses_cam_m = torch.from_numpy(np.concatenate([s.poses_cam_m for s in sequences])).float().to(device)


def _in_plane(points_cam_m: np.ndarray) -> np.ndarray:
    return points_cam_m[..., :2] / points_cam_m[..., 2:]
