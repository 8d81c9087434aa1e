"""One person found in several calibrated views at once: the same body in all of them, seen in squares of one scale.

Boxes in single views are often wrong: motion shows the limbs that swing and not the foot at rest, and a network that is
unsure follows the furniture. What several views agree on is a body at a place, and a body at a place has a box in every
view. So boxes are proposed in several ways, joints are detected in all of them, and in each frame the boxes are kept
whose joints the views support most. No label is used.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from pose3d.geometry.camera import Camera
from pose3d.geometry.lens_edge import BEYOND, moved_within
from pose3d.multiview.triangulation import Triangulated, triangulate
from pose3d.pose2d.detector import Detector, KeypointDetector, box_around_joints
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.runtime.errors import InputError

FrameSource = Callable[[], Iterator[np.ndarray]]
"""Gives the frames of one view from the first, (H, W, 3) uint8 BGR, as often as it is called: they fill gigabytes."""

CROP_MARGIN = 1.25
"""As ``crop_resize.margin``: the network knows people at this scale."""
BACKGROUND_FRAMES = 15
BACKGROUND_SCALE = 4
DIFFERENCE = 30
"""A px belongs to the person if it differs from the background by more grey levels (largest over the channels)."""
GREY = 128
LONGEST_SWING_S = 0.5
"""A standing person's limbs all move within this time before or after."""
CENTRE_SHARE = 0.25
"""Centres of boxes belong to one body where they lie within this share of the box's side of its centre's image."""
SEARCH_SHARE = 0.05
"""Largest distance of a supporting detection from the joint's image, in longer sides of the person's box."""
WHOLE_BODY = 0.7
"""Share of the joints that must be known for a box around them: legs alone would draw it down, and then for good."""
SELDOM = 0.1
"""A joint that is known in fewer of the frames counts as unknown."""
JOINT_ROUNDS = 2
"""How often boxes are made from the joints of the boxes before."""
_BATCH = 32


@dataclass(frozen=True, eq=False)
class FoundPerson:
    """One person in V views of T frames.

    Attributes:
        keypoints_px: (V, T, 17, 2) px of each view's picture.
        confidence: (V, T, 17).
        boxes_px: (V, T, 4) in which they were detected.
    """

    keypoints_px: np.ndarray
    confidence: np.ndarray
    boxes_px: np.ndarray

    def in_view(self, view: int) -> Keypoints2D:
        """One view's keypoints."""
        return Keypoints2D(self.keypoints_px[view], self.confidence[view])

    def in_frames(self, frames: slice) -> "FoundPerson":
        """Some of the frames."""
        return FoundPerson(self.keypoints_px[:, frames], self.confidence[:, frames], self.boxes_px[:, frames])

    @property
    def size_px(self) -> float:
        """Longer side of the person's box, the median of all."""
        return float(np.median((self.boxes_px[..., 2:] - self.boxes_px[..., :2]).max(-1)))

    def triangulated(self, cameras: Sequence[Camera], threshold_px: float) -> Triangulated:
        """The joints in the world, as :func:`pose3d.multiview.triangulation.triangulate` has them."""
        return triangulate(cameras, self.keypoints_px, self.confidence, threshold_px)


def detector_of(network: nn.Module, architecture: dict[str, Any]) -> Detector:
    """The detector of :func:`find_person`, on the CPU, with what :func:`pose3d.pose2d.inference.load_network` gives."""
    return Detector(network, architecture, torch.device("cpu"), CROP_MARGIN, "local_soft_argmax", flip_test=True)


def find_person(
    look: KeypointDetector, cameras: Sequence[Camera], takes: Sequence[FrameSource], fps: float
) -> FoundPerson:
    """The person in all views.

    Args:
        look: finds keypoints in boxes.
        cameras: V of them.
        takes: one for each camera, of equally many frames.
        fps: frames per second of the takes.

    Raises:
        InputError: nothing moves in a view.
    """
    moving = np.stack([moving_boxes(pictures) for pictures in takes])
    best = _looked_at(look, takes, moving)
    size_px = best.size_px
    proposals = [
        lambda: body_boxes(cameras, united(moving, round(LONGEST_SWING_S * fps))),
        lambda: _boxes_of_keypoints(cameras, best.keypoints_px),
        *[lambda: _boxes_of_joints(cameras, best, SEARCH_SHARE * size_px)] * JOINT_ROUNDS,
    ]
    for propose in proposals:
        best = better_of(cameras, best, _looked_at(look, takes, propose()), SEARCH_SHARE * size_px)
    return within_lenses(cameras, best)


def within_lenses(cameras: Sequence[Camera], person: FoundPerson) -> FoundPerson:
    """With confidence 0 where a lens shows nothing; how many keypoints that are is said on stderr."""
    beyond = np.stack([~camera.shows(seen) for camera, seen in zip(cameras, person.keypoints_px, strict=True)])
    if not beyond.any():
        return person
    print(f"{beyond.sum():,} keypoints {BEYOND}", file=sys.stderr)
    return FoundPerson(person.keypoints_px, np.where(beyond, 0, person.confidence), person.boxes_px)


def _looked_at(look: KeypointDetector, takes: Sequence[FrameSource], boxes_px: np.ndarray) -> FoundPerson:
    views = []
    for pictures, boxes in zip(takes, boxes_px, strict=True):
        images, batches = pictures(), []
        for start in range(0, len(boxes), _BATCH):
            some = boxes[start : start + _BATCH]
            batches.append(look(list(islice(images, len(some))), some))
        views.append(batches)
    keypoints = np.stack([np.concatenate([batch.keypoints_px for batch in view]) for view in views])
    confidence = np.stack([np.concatenate([batch.confidence for batch in view]) for view in views])
    return FoundPerson(keypoints, confidence, boxes_px)


def better_of(cameras: Sequence[Camera], first: FoundPerson, second: FoundPerson, threshold_px: float) -> FoundPerson:
    """Frame by frame the one with more support, in all views together.

    Args:
        cameras: V of them.
        first, second: the same T frames of V views.
        threshold_px: see :func:`support`.
    """
    better = support(cameras, second, threshold_px) > support(cameras, first, threshold_px)
    return FoundPerson(
        np.where(better[:, None, None], second.keypoints_px, first.keypoints_px),
        np.where(better[:, None], second.confidence, first.confidence),
        np.where(better[:, None], second.boxes_px, first.boxes_px),
    )


def support(cameras: Sequence[Camera], person: FoundPerson, threshold_px: float) -> np.ndarray:
    """(T,) mean over views and joints of the confidence, less the nearer a detection is to the threshold.

    A detection at the image of its triangulated joint counts whole, one beyond the threshold nothing (Epanechnikov's
    kernel), and so does a joint on which fewer than three views agree: two rays nearly always meet somewhere.

    Args:
        cameras: V of them.
        person: T frames of V views.
        threshold_px: distance from which a detection counts nothing.
    """
    found = person.triangulated(cameras, threshold_px)
    near = 1 - np.minimum(np.nan_to_num(found.residuals_px, nan=np.inf) / threshold_px, 1) ** 2
    near *= (near > 0).sum(0) >= min(3, len(cameras))
    return (near * person.confidence).mean((0, 2))


def moving_masks(pictures: FrameSource) -> list[np.ndarray]:
    """For each frame, shrunk by BACKGROUND_SCALE, (H, W) uint8: 1 where it differs from the median of some frames."""
    small = [
        cv2.resize(i, None, fx=1 / BACKGROUND_SCALE, fy=1 / BACKGROUND_SCALE, interpolation=cv2.INTER_AREA)
        for i in pictures()
    ]
    chosen = np.linspace(0, len(small) - 1, min(len(small), BACKGROUND_FRAMES)).round().astype(int)
    background = np.median([small[i] for i in chosen], axis=0).astype(np.uint8)
    masks = [(cv2.absdiff(image, background).max(-1) > DIFFERENCE).astype(np.uint8) for image in small]
    masks = [cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) for mask in masks]
    return [cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8)) for mask in masks]


def before_grey(pictures: FrameSource) -> FrameSource:
    """The same frames with grey in place of whatever does not move: a camera at rest shows what is no person.

    False detections on clutter, common after training before plain walls, vanish with it; so does a foot at rest.
    """
    masks = [cv2.dilate(mask, np.ones((5, 5), np.uint8)) for mask in moving_masks(pictures)]

    def frames() -> Iterator[np.ndarray]:
        for image, mask in zip(pictures(), masks, strict=True):
            moves = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
            yield np.where(moves[..., None] > 0, image, np.uint8(GREY))

    return frames


def moving_boxes(pictures: FrameSource) -> np.ndarray:
    """Boxes (T, 4) px around what moves most before a camera at rest.

    The background is the median of some of the frames; the person is the largest connected region that differs from it.
    Where a frame has none, the box of the nearest frame that has one is taken.

    Raises:
        InputError: nothing moves in any frame.
    """
    masks = moving_masks(pictures)
    boxes = np.full((len(masks), 4), np.nan)
    for t, mask in enumerate(masks):
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        if count > 1:
            x, y, width, height, _ = stats[1 + stats[1:, cv2.CC_STAT_AREA].argmax()]
            boxes[t] = np.array([x, y, x + width, y + height]) * BACKGROUND_SCALE
    found = np.flatnonzero(np.isfinite(boxes[:, 0]))
    if not len(found):
        raise InputError("nothing moves before a camera: the videos must show a person who moves, from cameras at rest")
    nearest = found[np.abs(np.arange(len(boxes))[:, None] - found).argmin(1)]
    return steady(boxes[nearest])


def _windows(values: np.ndarray, reach: int) -> np.ndarray:
    """(..., T, N) to (..., T, N, 2 * reach + 1): each frame's neighbours in time, the ends repeated."""
    padded = np.pad(values, [(0, 0)] * (values.ndim - 2) + [(reach, reach), (0, 0)], mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=-2)


def steady(boxes_px: np.ndarray) -> np.ndarray:
    """Boxes (..., T, 4) with each side the median over five frames, so that one bad frame moves nothing."""
    return np.median(_windows(boxes_px, 2), axis=-1)


def united(boxes_px: np.ndarray, reach: int) -> np.ndarray:
    """Boxes (..., T, 4) around all boxes of up to ``reach`` frames before and after."""
    near = _windows(boxes_px, reach)
    return np.concatenate([near[..., :2, :].min(-1), near[..., 2:, :].max(-1)], axis=-1)


def body_boxes(cameras: Sequence[Camera], boxes_px: np.ndarray) -> np.ndarray:
    """Boxes (V, T, 4) of one body for each frame: one centre in the world and one size in metres in all views.

    The centre is triangulated from the centres of those boxes that agree, the size is the median of theirs over views
    and time. Frames without a centre have that of the frames around; where none has one, the boxes stay.
    """
    centres_px = (boxes_px[..., :2] + boxes_px[..., 2:]) / 2
    sides_px = (boxes_px[..., 2:] - boxes_px[..., :2]).max(-1)
    found = triangulate(cameras, centres_px, np.ones(sides_px.shape), CENTRE_SHARE * float(np.median(sides_px)))
    centres_m = _interpolated(found.points_world_m[:, None])
    if not np.isfinite(centres_m).all():
        return boxes_px
    centres_m = np.median(_windows(centres_m[:, 0], 2), axis=-1)
    in_cameras = np.stack([camera.world_to_camera(centres_m) for camera in cameras])
    px_per_m = np.stack(
        [c.intrinsics_px[[0, 1], [0, 1]].mean() / z for c, z in zip(cameras, in_cameras[..., 2], strict=True)]
    )
    half_px = np.median((sides_px / px_per_m)[found.agreeing]) * px_per_m[..., None] / 2
    centres_px = _images(cameras, centres_m[:, None])[:, :, 0]
    return np.concatenate([centres_px - half_px, centres_px + half_px], axis=-1)


def _boxes_of_keypoints(cameras: Sequence[Camera], keypoints_px: np.ndarray) -> np.ndarray:
    """Steady boxes (V, T, 4) of bodies with the given joints (V, T, 17, 2), as training crops have them."""
    return steady(
        np.stack(
            [
                [box_around_joints(pose, camera.width_px, camera.height_px) for pose in view]
                for camera, view in zip(cameras, keypoints_px, strict=True)
            ]
        )
    )


def _boxes_of_joints(cameras: Sequence[Camera], person: FoundPerson, threshold_px: float) -> np.ndarray:
    """Boxes (V, T, 4) around the images of the joints that the views agree on, in every view.

    Joints missing in a frame are where they were or will be; joints hardly ever known are left out. Where these are too
    many, the boxes stay.
    """
    found = person.triangulated(cameras, threshold_px)
    agreed = found.agreeing.sum(0) >= min(3, len(cameras))
    joints_m = _interpolated(np.where(agreed[..., None], found.points_world_m, np.nan))
    known = agreed.mean(0) >= SELDOM
    if known.mean() < WHOLE_BODY:
        return person.boxes_px
    joints_m = np.median(_windows(joints_m[:, known].reshape(len(joints_m), -1), 2), axis=-1).reshape(
        len(joints_m), -1, 3
    )
    return _boxes_of_keypoints(cameras, _images(cameras, joints_m))


def _images(cameras: Sequence[Camera], points_m: np.ndarray) -> np.ndarray:
    """(V, T, J, 2) px of (T, J, 3) points in the world; those beyond a lens's fold where it saw and will see them."""
    seen_px = [camera.project(camera.world_to_camera(points_m)) for camera in cameras]
    return np.stack([moved_within(c, px, np.isfinite(px).all(-1)) for c, px in zip(cameras, seen_px, strict=True)])


def _interpolated(points_m: np.ndarray) -> np.ndarray:
    """(T, J, 3) with gaps (NaN) of each joint filled linearly in time; joints without any frame stay NaN."""
    filled, times = points_m.copy(), np.arange(len(points_m))
    for joint in range(points_m.shape[1]):
        known = np.isfinite(points_m[:, joint]).all(-1)
        if known.any():
            for axis in range(3):
                filled[:, joint, axis] = np.interp(times, times[known], points_m[known, joint, axis])
    return filled
