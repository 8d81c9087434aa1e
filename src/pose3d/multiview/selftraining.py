"""Teach the 2D network people it has not seen, without labels: what most views agree on teaches the views that do not.

Where at least three views see a joint in one place, its image in every view is a label, also in the view that missed it
(multi-view self-training: Rhodin et al., "Learning Monocular 3D Human Pose Estimation from Multi-view Images", CVPR
2018, and Simon et al., "Hand Keypoint Detection in Single Images using Multiview Bootstrapping", CVPR 2017). Joints
without agreement teach nothing. The teacher looks at the pictures twice, as they are and with grey in place of all that
does not move, and takes in each frame what the views support more; the pupil sees them as they are. Half of each batch
is the training data of before, so that little is forgotten.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import cast

import numpy as np
import torch
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from pose3d.config.pose2d import AugmentationParams, CosineSchedule
from pose3d.geometry.camera import Camera, apply_affine
from pose3d.geometry.skeleton import BONES, JOINT_NAMES
from pose3d.multiview.finding import (
    CROP_MARGIN,
    SEARCH_SHARE,
    FoundPerson,
    FrameSource,
    before_grey,
    better_of,
    detector_of,
    find_person,
)
from pose3d.multiview.left_right import with_settled_sides
from pose3d.pose2d.batches import Batch, TrainingCrops, normalize_images, training_batches
from pose3d.pose2d.blazepose_network import BlazePoseHeatmaps
from pose3d.pose2d.crops import Crops
from pose3d.pose2d.detector import cut_crops
from pose3d.pose2d.inference import HeatmapNetwork
from pose3d.pose2d.training import heatmap_loss, learning_rate_factor
from pose3d.runtime.errors import InputError
from pose3d.runtime.workers import worker_count
from pose3d.training.checkpoint import require_finite, require_finite_state

AGREEING_VIEWS = 3
SURE = 0.15
"""Least mean confidence of the agreeing views with which a joint teaches."""
LEAST_JOINTS = 5
"""Frames with fewer joints that teach are left out."""
BONE_SHARE = 0.35
"""Both joints of a bone teach nothing where its length differs by more than this share from its median over time."""
APART_M = 0.08
"""Knees, feet, elbows or wrists of one person that are nearer to each other than this are most often one limb seen
twice, in all views alike: which of the two it is nobody can say, so neither teaches."""
AVERAGE_DECAY = 0.98
"""Of the averaged weights, per step."""
UNTAUGHT_PX = -1e6
"""Keypoints there lie outside of every crop, however it is augmented, and the loss leaves such joints out."""
_SCHEDULE = CosineSchedule(kind="cosine", warmup=0.1)


@dataclass(frozen=True)
class AdaptationParams:
    """Settings of the self-training.

    Attributes:
        rounds: of labelling and learning, at least 1.
        steps: of each round.
        batch_size: half of it real crops, half rendered ones.
        lr: largest learning rate of each round.
        agreement_shares: how far from a joint's image a detection may lie to agree, in longer sides of the person's
            box, in the first round and in the last.
    """

    rounds: int = 3
    steps: int = 200
    batch_size: int = 32
    lr: float = 3e-4
    agreement_shares: tuple[float, float] = (0.06, 0.03)


@dataclass(frozen=True, eq=False)
class LabelledCrops:
    """N crops in memory: ``images_rgb`` (N, S, S, 3) uint8 and ``keypoints_px`` (N, 17, 2) in crop px."""

    images_rgb: np.ndarray
    keypoints_px: np.ndarray

    def __len__(self) -> int:
        return len(self.images_rgb)

    def image_rgb(self, index: int) -> np.ndarray:
        """One crop."""
        return self.images_rgb[index]


def adapt(
    detector: tuple[HeatmapNetwork, dict],
    cameras: Sequence[Camera],
    takes: Sequence[FrameSource],
    fps: float,
    rendered: Crops | None,
    settings: AdaptationParams,
    augmentation: AugmentationParams,
    seed: int,
) -> HeatmapNetwork:
    """Rounds of labelling the videos and learning from that, under a narrowing threshold of agreement.

    Args:
        detector: network and architecture from :func:`pose3d.pose2d.inference.load_network`.
        cameras: V of them.
        takes: V views of the frames to learn from.
        fps: frames per second of the takes.
        rendered: crops with true keypoints that the network is not to forget, if any.
        settings: rounds, steps and thresholds.
        augmentation: of the crops that it learns from.
        seed: of their order and augmentation.

    Raises:
        InputError: nothing moves before a camera, the views agree on nothing, or the loss is not finite.
    """
    network, architecture = detector
    on_grey = [before_grey(pictures) for pictures in takes]
    for number, share in enumerate(np.linspace(*settings.agreement_shares, settings.rounds).tolist()):
        look = detector_of(network, architecture)
        seen, suppressed = (find_person(look, cameras, pictures, fps) for pictures in (takes, on_grey))
        teacher = better_of(cameras, seen, suppressed, SEARCH_SHARE * suppressed.size_px)
        joints_m = agreed_joints(cameras, teacher, share * teacher.size_px)
        real = label_crops(cameras, takes, teacher.boxes_px, joints_m, architecture["crop_size_px"])
        if not len(real):
            raise InputError(
                "the views agree on too few joints to learn from: use a 2D model that knows more kinds of pictures"
            )
        taught_pct = 100 * np.isfinite(joints_m).all(-1).mean()
        print(f"round {number + 1} of {settings.rounds}: {len(real)} crops, {taught_pct:.0f} % of the joints teach")
        network = fine_tune(
            network, architecture["sigma_heatmap_px"], real, rendered, settings, augmentation, seed + number
        )
    return network


def agreed_joints(cameras: Sequence[Camera], person: FoundPerson, threshold_px: float) -> np.ndarray:
    """Joints (T, 17, 3) in the world that teach, metres; NaN for those that do not.

    They are those of three views or more within ``threshold_px``, sure enough, whose sides are settled between views
    and over time, of bones that keep their length and limbs that are not the other side's.

    Args:
        cameras: V of them.
        person: T frames of V views.
        threshold_px: within which a detection agrees with a joint's image.
    """
    settled, _ = with_settled_sides(cameras, person, threshold_px)
    found = settled.triangulated(cameras, threshold_px)
    votes = found.agreeing.sum(0)
    confidence = (found.agreeing * settled.confidence).sum(0) / np.maximum(votes, 1)
    known = (votes >= AGREEING_VIEWS) & (confidence >= SURE)
    joints_m = np.where(known[..., None], found.points_world_m, np.nan)
    kept = _of_bones_that_keep_their_length(joints_m) & _of_limbs_apart(joints_m)
    return np.where(kept[..., None], joints_m, np.nan)


def _of_limbs_apart(joints_m: np.ndarray) -> np.ndarray:
    """(T, J) False for both knees, feet, elbows or wrists of a frame where they lie in one place."""
    kept = np.ones(joints_m.shape[:2], bool)
    for name in ("Knee", "Foot", "Elbow", "Wrist"):
        right, left = JOINT_NAMES.index(f"R{name}"), JOINT_NAMES.index(f"L{name}")
        together = np.linalg.norm(joints_m[:, right] - joints_m[:, left], axis=-1) < APART_M  # False where unknown
        kept[together, right] = kept[together, left] = False
    return kept


def _of_bones_that_keep_their_length(joints_m: np.ndarray) -> np.ndarray:
    """(T, J) False for both joints of a bone whose length is far from its median over time."""
    kept = np.ones(joints_m.shape[:2], bool)
    for parent, child in BONES:
        lengths = np.linalg.norm(joints_m[:, child] - joints_m[:, parent], axis=-1)
        if np.isfinite(lengths).any():
            typical = np.nanmedian(lengths)
            odd = np.abs(lengths - typical) > BONE_SHARE * typical  # False where unknown
            kept[odd, parent] = kept[odd, child] = False
    return kept


def label_crops(
    cameras: Sequence[Camera],
    takes: Sequence[FrameSource],
    boxes_px: np.ndarray,
    joints_m: np.ndarray,
    crop_size_px: int,
) -> LabelledCrops:
    """Crops of all views of the frames in which enough joints are known, with those joints' images.

    Args:
        cameras: V of them.
        takes: V views of T frames or more, of which the first T count.
        boxes_px: (V, T, 4).
        joints_m: (T, 17, 3) in the world, NaN where unknown.
        crop_size_px: side of the crops.
    """
    taught = np.isfinite(joints_m).all(-1)
    frames = np.flatnonzero(taught.sum(1) >= LEAST_JOINTS)
    images, keypoints = (
        [np.zeros((0, crop_size_px, crop_size_px, 3), np.uint8)],
        [np.zeros((0, *joints_m.shape[1:2], 2))],
    )
    for camera, pictures, boxes in zip(cameras, takes, boxes_px, strict=True):
        for t, image in zip(range(len(joints_m)), pictures(), strict=False):
            if t not in frames:
                continue
            crops, transforms = cut_crops([image], boxes[t : t + 1], CROP_MARGIN, crop_size_px)
            seen_px = np.full((len(taught[t]), 2), UNTAUGHT_PX)
            seen_px[taught[t]] = apply_affine(
                transforms[0], camera.project(camera.world_to_camera(joints_m[t, taught[t]]))
            )
            images.append(crops)
            keypoints.append(np.where(np.isnan(seen_px), UNTAUGHT_PX, seen_px)[None])  # beyond the lens's fold
    return LabelledCrops(np.concatenate(images), np.concatenate(keypoints))


def fine_tune(
    network: HeatmapNetwork,
    sigma_heatmap_px: float,
    real: LabelledCrops,
    rendered: Crops | None,
    settings: AdaptationParams,
    augmentation: AugmentationParams,
    seed: int,
) -> HeatmapNetwork:
    """A copy of the network, trained on with the mean of its weights over the last steps.

    The statistics of batch normalisation stay: those of two kinds of pictures together would fit neither.

    Args:
        network: it stays as it is.
        sigma_heatmap_px: standard deviation of the targets, heatmap px.
        real: crops of the videos.
        rendered: half of each batch; None: the real crops alone teach.
        settings: steps, batch size and learning rate.
        augmentation: of all crops.
        seed: of their order and augmentation.

    Raises:
        InputError: the loss or a weight is not finite.
    """
    learner = copy.deepcopy(network).eval()
    averaged = AveragedModel(learner, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY))
    optimizer = torch.optim.Adam(learner.parameters(), lr=settings.lr, fused=True)
    schedule = LambdaLR(optimizer, lambda step: learning_rate_factor(step, settings.steps, settings.steps, _SCHEDULE))
    sources: list[TrainingCrops] = [real] if rendered is None else [real, rendered]
    parts = [_endless(source, augmentation, settings.batch_size // len(sources), seed) for source in sources]
    progress = tqdm(range(settings.steps), desc="fine-tuning", unit="step", mininterval=2)
    for step, batches in zip(progress, zip(*parts, strict=True), strict=False):
        images = normalize_images(torch.cat([batch.images_rgb for batch in batches]))
        keypoints_px = torch.cat([batch.keypoints_px for batch in batches])
        loss = heatmap_loss(learner(images), keypoints_px, images.shape[-1], sigma_heatmap_px)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        averaged.update_parameters(learner)
        require_finite(step + 1, heatmap_loss=loss.item())
    require_finite_state(settings.steps, network=averaged.module)
    if isinstance(averaged.module, BlazePoseHeatmaps):
        averaged.module.round_to_half()
    return cast(HeatmapNetwork, averaged.module)  # torch types it as any nn.Module


def _endless(crops: TrainingCrops, augmentation: AugmentationParams, batch_size: int, seed: int) -> Iterator[Batch]:
    for epoch in count():
        yield from training_batches(crops, augmentation, batch_size, seed, epoch, 0, worker_count())
