"""The lifter's 2D side: detected keypoints of many clips as tensors, with the viewpoints they were seen from."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pose3d.lifting.virtual_camera import view_from_image_plane
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError


class Observations:
    """Detections of all clips, stacked, in the true cameras' image planes. No 3D is read.

    Args:
        sequences: N clips, with or without annotations.
        detections: N, in the same order.
        device: where the tensors live.

    Attributes:
        lengths: frames of each clip.
        image_plane: (N, 17, 2) detected keypoints, undistorted x/z, y/z.
        scales: (N,) the person's 2D size, as annotated, or as detected in clips that are not.
        rotations: (N, 3, 3) camera from world: where gravity points in the image.
        annotated_lengths: frames of each of the clips whose 2D is annotated, mostly all.
        annotated_frames: (M,) which of the N these are.
        annotated: (M, 17, 2) the 2D labels that trained the detector, in the same plane.
        residuals: (M, 17, 2) detected minus annotated keypoints over the person's 2D size: what the detector's errors
            look like.

    Raises:
        InputError: no clip is annotated.
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
        detected = np.concatenate(
            [s.camera.normalize(d.keypoints_px) for s, d in zip(sequences, detections, strict=True)]
        )
        annotated = np.concatenate([s.camera.normalize(s.keypoints_px) for s in sequences if s.is_annotated])
        frames = np.flatnonzero(np.repeat([s.is_annotated for s in sequences], self.lengths))
        measured = detected.copy()
        measured[frames] = annotated
        scales = view_from_image_plane(torch.from_numpy(measured)).scale.numpy()
        rotations = np.concatenate([np.repeat(s.camera.rotation[None], len(s), 0) for s in sequences])

        def tensor(values: np.ndarray) -> Tensor:
            return torch.from_numpy(values).float().to(device)

        self.image_plane = tensor(detected)
        self.annotated_frames = torch.from_numpy(frames).to(device)
        self.annotated = tensor(annotated)
        self.residuals = tensor((detected[frames] - annotated) / scales[frames, None, None])
        self.scales = tensor(scales)
        self.rotations = tensor(rotations)


class PairedClips:
    """Detections with their own 3D poses: labels, which a weakly supervised lifter does not see.

    They are there for the bound that weak supervision is measured against, and for those who have a few.

    Args:
        sequences: N clips with 3D.
        detections: N, in the same order.
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
