"""Lifting whole sequences with a trained model file."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from pose3d.geometry.camera import Camera
from pose3d.geometry.layouts import OURS, layout
from pose3d.geometry.skeleton import mirror_permutation
from pose3d.lifting.gaps import bridge_gaps, marked
from pose3d.lifting.landmark_head import LandmarkHead
from pose3d.lifting.layout_view import features_of
from pose3d.lifting.networks import Forward, FrameLifter, Lifter
from pose3d.lifting.original import OriginalTemporal, RepNet, normalise_px, relative_to_root
from pose3d.lifting.spread import LiftedView, Spread
from pose3d.lifting.temporal import TemporalLifter
from pose3d.lifting.trajectory import smooth_known, smooth_poses
from pose3d.lifting.virtual_camera import root_position, to_camera_space
from pose3d.records.detected_points import MIN_POINTS
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError
from pose3d.runtime.rows import Rows
from pose3d.training.model_file import build_with, load_model

LIFTERS = {"repnet": (FrameLifter.kind, RepNet.kind), "temporal": (TemporalLifter.kind, OriginalTemporal.kind)}
"""Names of the pipeline's model files, and the kinds of lifters that each may hold."""
SPREAD = "spread_width"
"""Key of an architecture with a spread, whose weights' names begin with ``spread.``."""
LANDMARKS = "landmarks_width"
"""Key of one that says where its layout's own points are; weights' names begin with ``landmarks.``."""


Poses = TypeVar("Poses", bound=np.ndarray | Rows, covariant=True)
Changed = TypeVar("Changed", bound=np.ndarray | Rows)


@dataclass(frozen=True, eq=False)
class Lifted(Generic[Poses]):
    """One sequence in 3D.

    Attributes:
        poses_cam_m: (T, 17, 3) float32, axes of the camera. With ``has_root`` joints in camera space; without,
            relative to the root, which then is at 0. An array, or of long clips :class:`pose3d.runtime.rows.Rows`.
        has_root: False for the original's single-frame lifter only: weak perspective knows no distance.
        radii_m: (T, 17, 2) float32, across and along the sight line to each joint, metres: nine of ten errors are
            smaller, of the root those of its place, of every other joint those of its place relative to the root.
            None: the lifter's file has no spread.
        landmarks_cam_m: (T, L, 3) float32, the own points of the lifter's layout
            (:attr:`pose3d.geometry.layouts.Layout.landmarks`), in camera space. None: its file has none.
    """

    poses_cam_m: Poses
    has_root: bool
    radii_m: Poses | None = None
    landmarks_cam_m: Poses | None = None

    def each(self, change: Callable[[Poses], Changed]) -> "Lifted[Changed]":
        """The same with whatever has a row for each frame changed."""
        radii, landmarks = (None if rows is None else change(rows) for rows in (self.radii_m, self.landmarks_cam_m))
        return Lifted(change(self.poses_cam_m), self.has_root, radii, landmarks)


class LiftedWindow(NamedTuple):
    """Frames of virtual cameras in 3D: what :func:`pose3d.lifting.virtual_camera.to_camera_space` takes, and more.

    Attributes:
        poses_virtual_m: (..., 16, 3) root-relative.
        roots_virtual_m: (..., 3).
        rotation: (..., 3, 3) virtual from camera.
        radii_m: (..., 17, 2), see :class:`Lifted`; None: the lifter has no spread.
        offsets_cam_m: (..., L, 3) from the joints that landmarks go along with to these, axes of the true camera; None:
            the lifter has no landmarks.
    """

    poses_virtual_m: Tensor
    roots_virtual_m: Tensor
    rotation: Tensor
    radii_m: Tensor | None
    offsets_cam_m: Tensor | None


def build_lifter(architecture: dict[str, Any]) -> Lifter:
    """The untrained generator of an architecture, as stored in model files.

    Raises:
        KeyError: not an architecture of a lifter.
    """
    sizes = {key: value for key, value in architecture.items() if key not in ("lifter", SPREAD, LANDMARKS)}
    kinds = {kind.kind: kind for kind in (FrameLifter, TemporalLifter, RepNet, OriginalTemporal)}
    lifter = kinds[architecture["lifter"]](**sizes)
    if SPREAD in architecture:
        lifter.spread = Spread(lifter.channels, architecture[SPREAD], lifter.layout)
    if LANDMARKS in architecture:
        lifter.landmarks = LandmarkHead(lifter.channels, architecture[LANDMARKS], lifter.layout)
    return lifter


def check_kind(path: str | os.PathLike, kind: str) -> None:
    """Refuse a single-frame lifter under the temporal one's name, and the other way round; other names may hold any.

    Raises:
        InputError: says what the file holds.
    """
    name = Path(path).name.split(".")[0]  # repnet.coco17.pt is a repnet's
    if kind not in LIFTERS.get(name, (kind,)):
        raise InputError(f"{path} holds a lifter of kind {kind}, not {' or '.join(LIFTERS[name])}: was it exchanged?")


def load_lifter(path: str | os.PathLike, layout: str = OURS) -> Lifter:
    """A trained lifter, on the CPU and in evaluation mode.

    Args:
        path: its model file.
        layout: of the keypoints that it is for.

    Raises:
        InputError: the file is missing, damaged, not a lifter's, of another kind than its name says, or its lifter
            takes keypoints of another layout.
    """
    architecture, weights = load_model(path)
    try:
        if architecture.get("blocks", 0) > len(weights):
            raise ValueError("it claims more layers than it holds")
        lifter = build_with(lambda: build_lifter(architecture), weights, path)
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path} is not a lifter of this project: train it again") from None
    check_kind(path, lifter.kind)
    if lifter.layout != layout:
        raise InputError(
            f"{path} lifts keypoints of the layout {lifter.layout}, not of {layout}: give a folder that has one for "
            f"these with --models, or train one with lifting.layout={layout}"
        )
    return lifter.eval()


def lift_sequences(
    model_path: str | os.PathLike, sequences: Sequence[PoseSequence], detections: Sequence[Keypoints2D]
) -> list[Lifted[np.ndarray]]:
    """Lift detections with a trained model; of the sequences only the cameras' intrinsics and the frame rates are read.

    Args:
        model_path: a lifter's model file.
        sequences: N of them.
        detections: N, in the same order, of the lifter's layout.

    Returns:
        N clips, see :func:`lift_detections`.

    Raises:
        InputError: see :func:`load_lifter`.
    """
    lifter = load_lifter(model_path, detections[0].layout if detections else OURS)
    return lift_detections(lifter, sequences, detections)


def lift_detections(
    lifter: Lifter, sequences: Sequence[PoseSequence], detections: Sequence[Keypoints2D]
) -> list[Lifted[np.ndarray]]:
    """Lift detections; of the sequences only the cameras' intrinsics and the frame rates are read.

    Args:
        lifter: from :func:`load_lifter`.
        sequences: N of them.
        detections: N, in the same order, of the lifter's layout.

    Returns:
        N clips, each with a pose in every frame: where too little is detected for longer than is
        bridged, that of the nearest frame with enough.
    """
    clips = []
    for sequence, detected in zip(sequences, detections, strict=True):
        # Whoever wrote them has marked what is missing; what is left is lifted, however small a network saw somebody.
        # Of our own joints frames are missing as a whole, and one whose confidence is 0 is as good as the others.
        rated = detected.confidence
        there = (rated.max(1, keepdims=True) if detected.layout == OURS else rated) > 0
        points_px = np.where(there[..., None], np.asarray(detected.keypoints_px, np.float64), np.nan)
        lifted = lift_bridged(
            lifter, sequence.camera, bridge_gaps(points_px, np.arange(len(sequence)) / sequence.fps), sequence.fps
        )
        known = np.isfinite(lifted.poses_cam_m).all((1, 2))
        if not known.all():
            lifted = lifted.each(itemgetter(nearest_of(known)))
        clips.append(lifted)
    return clips


def lift(lifter: Lifter, sequence: PoseSequence, keypoints_px: np.ndarray) -> Lifted[np.ndarray]:
    """Lift (T, 17, 2) keypoints of one sequence, of which only the camera's intrinsics and the frame rate are read.

    Args:
        lifter: from :func:`load_lifter`, or from :func:`pose3d.onnx.runtime.load_lifter_onnx`.
        sequence: T frames.
        keypoints_px: (T, 17, 2) in the full image.
    """
    return lift_keypoints(lifter, sequence.camera, keypoints_px, sequence.fps)


def lift_keypoints(
    lifter: Lifter, camera: Camera, keypoints_px: np.ndarray, fps: float, confidence: np.ndarray | None = None
) -> Lifted[np.ndarray]:
    """Lift (T, 17, 2) keypoints of one clip; any T >= 1, edge frames are repeated where a window needs more.

    What is missing is :mod:`pose3d.records.detected_points`'s rule. Short gaps of a point are bridged
    (:func:`pose3d.lifting.gaps.bridge_gaps`). Of Human3.6M's 17 joints a lifter needs all, of another layout
    :data:`pose3d.records.detected_points.MIN_POINTS`: frames that then have fewer have NaN for a pose.

    Args:
        lifter: from :func:`load_lifter`, or from :func:`pose3d.onnx.runtime.load_lifter_onnx`.
        camera: that saw them.
        keypoints_px: (T, 17, 2), or (T, K, 2) of the lifter's layout, in the full image; NaN: missing.
        fps: frames per second, for gaps and the smoothing of the root's distance.
        confidence: (T, K), not above 0 where a point is missing; more than that it does not say.

    Raises:
        InputError: the lifter takes another number of points.
    """
    keypoints_px = np.asarray(keypoints_px, np.float64)
    if confidence is not None:
        keypoints_px = np.where(np.nan_to_num(confidence)[..., None] > 0, keypoints_px, np.nan)
    bridged_px = bridge_gaps(marked(keypoints_px), np.arange(len(keypoints_px)) / fps)
    return lift_bridged(lifter, camera, bridged_px, fps)


@torch.no_grad()
def lift_bridged(lifter: Lifter, camera: Camera, keypoints_px: np.ndarray, fps: float) -> Lifted[np.ndarray]:
    """:func:`lift_keypoints` of points whose short gaps are bridged already; NaN where they are missing."""
    device = next((weight.device for weight in lifter.parameters()), torch.device("cpu"))
    if lifter.kind in (FrameLifter.kind, TemporalLifter.kind):
        points, enough = points_of(lifter, camera, keypoints_px)
        joints, *others = lift_virtual(lifter, points.to(device), fps, enough)
        return Lifted(
            _known(joints, enough), True, *(None if rows is None else _known(rows, enough) for rows in others)
        )
    complete_px, enough = _held(OURS, keypoints_px)
    absolute = torch.from_numpy(normalise_px(complete_px, camera.width_px)).float().to(device)
    if lifter.kind == RepNet.kind:
        poses, _ = lifter(relative_to_root(absolute).flatten(1))
        root = torch.zeros_like(poses[:, 0])
    else:
        absolute = repeat_edges(absolute, lifter.frames_before, lifter.frames_after)
        poses, root = lifter.forward_clip(relative_to_root(absolute).flatten(1)[None], absolute.flatten(1)[None])
        poses, root = poses[0], root[0]
    joints = torch.cat([root[:, None], root[:, None] + poses], 1)
    return Lifted(_known(joints, enough), has_root=lifter.kind != RepNet.kind)


def _known(values: Tensor, enough: np.ndarray) -> np.ndarray:
    """(T, ...) with NaN in the frames that have too few points."""
    known = values.cpu().numpy()
    known[~enough] = np.nan
    return known


def points_of(lifter: Lifter, camera: Camera, keypoints_px: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """What a lifter of the virtual camera takes of T frames.

    Args:
        lifter, camera, keypoints_px: as of :func:`lift_keypoints`.

    Returns:
        Image plane (T, 17, 2), or of another layout (T, K, 3) with 1 where a point is seen, else 0; and (T,) bool,
        which frames have enough points. Those that have not get the points of the nearest one that has.

    Raises:
        InputError: the lifter takes another number of points.
    """
    n_points = len(layout(lifter.layout))
    if keypoints_px.shape[1] != n_points:
        raise InputError(f"{lifter.layout} has {n_points} points, not {keypoints_px.shape[1]}: name the right layout")
    held_px, enough = _held(lifter.layout, np.asarray(keypoints_px, np.float64))
    seen = np.isfinite(held_px).all(-1)
    plane = camera.normalize(np.where(seen[..., None], held_px, camera.intrinsics_px[:2, 2]))
    points = plane if lifter.layout == OURS else np.concatenate([plane, seen[..., None]], -1)
    return torch.from_numpy(points).float(), enough


def _held(layout_name: str, keypoints_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, K, 2) in which frames with too few points have those of the nearest with enough; and (T,) which have."""
    seen = np.isfinite(keypoints_px).all(-1)
    least = seen.shape[1] if layout_name == OURS else MIN_POINTS
    enough = seen.sum(-1) >= least
    return (keypoints_px if enough.all() else keypoints_px[nearest_of(enough)]), enough


def nearest_of(enough: np.ndarray) -> np.ndarray:
    """(T,) index of the nearest frame for which (T,) ``enough`` is true, the earlier of two; of itself if none is."""
    nearest = np.arange(len(enough))
    known = np.flatnonzero(enough)
    if not len(known):
        return nearest
    after = np.searchsorted(known, nearest).clip(1, len(known) - 1) if len(known) > 1 else np.zeros_like(nearest)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(known[after] - nearest) < np.abs(known[before] - nearest)
    return np.where(nearer, known[after], known[before])


def lift_virtual(
    lifter: Lifter, image_plane: Tensor, fps: float, known: np.ndarray | None = None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Lift the points of one clip to (T, 17, 3) joints in camera space, metres.

    A lifter that looks ahead has the root's distance smoothed along its ray, and the pose about the root.

    Args:
        lifter: of the virtual camera, single-frame or temporal.
        image_plane: (T, 17, 2) undistorted x/z, y/z; of another layout (T, K, 3), see :func:`points_of`.
        fps: frames per second, for the smoothing.
        known: (T,) frames that mean something; the others draw at none of them. None: all.

    Returns:
        The joints, their radii (T, 17, 2) and the landmarks (T, L, 3), see :class:`Lifted`.
    """
    padded = repeat_edges(image_plane, lifter.frames_before + lifter.with_motion, lifter.frames_after)
    poses, roots, rotation, radii, offsets = lift_window(lifter, padded)
    if lifter.frames_after:
        distance = roots[:, 2:].log()
        smoothed = torch.from_numpy(smooth_known(distance[:, 0].cpu().numpy(), known, fps)).to(distance)
        roots = roots * (smoothed[:, None] - distance).exp()
    joints = to_camera_space(poses, roots, rotation)
    if lifter.frames_after:
        joints = torch.from_numpy(smooth_poses(joints.cpu().numpy(), known, fps)).to(joints)
    return joints, radii, landmarks_beside(lifter, joints, offsets)


def landmarks_beside(lifter: Lifter, joints_cam_m: Tensor, offsets_cam_m: Tensor | None) -> Tensor | None:
    """Landmarks (..., L, 3) from lifted joints (..., 17, 3) and a window's offsets; None where it has none."""
    if lifter.landmarks is None or offsets_cam_m is None:
        return None
    return joints_cam_m[..., lifter.landmarks.carriers, :] + offsets_cam_m


@torch.no_grad()
def lift_window(lifter: Lifter, image_plane: Tensor) -> LiftedWindow:
    """Lift those T frames of a window that have all the others around them that the lifter needs.

    Args:
        lifter: of the virtual camera.
        image_plane: (before + T + after, 17, 2) keypoints, of another layout (..., K, 3); ``before`` is
            ``lifter.frames_before`` and for lifters ``with_motion`` one more, ``after`` is ``lifter.frames_after``.
    """
    lifted, _, _ = lift_both_ways(lifter, image_plane, lifter.forward_clip)
    return lifted


def lift_both_ways(
    lifter: Lifter, image_plane: Tensor, forward: Forward
) -> tuple[LiftedWindow, LiftedView, LiftedView]:
    """Lift windows and their mirror images, and average: no body is better known on its left than on its right.

    Args:
        lifter: of the virtual camera.
        image_plane: (..., before + T + after, K, 2 or 3), see :func:`lift_window`.
        forward: the lifter's forward pass, for clips or for short runs.

    Returns:
        The average, and what spread and landmarks are told from: the average as seen, and mirrored.
    """
    permutation = torch.from_numpy(mirror_permutation()).to(image_plane.device)
    flip = torch.tensor([-1.0, 1.0, 1.0], device=image_plane.device)
    points = torch.from_numpy(layout(lifter.layout).mirror).to(image_plane.device)
    both = torch.stack([image_plane, image_plane[..., points, :] * flip[: image_plane.shape[-1]]])
    features, view = features_of(both, lifter.with_motion, lifter.layout)
    poses, codes = (x.unflatten(0, both.shape[:-3]) for x in forward(features.flatten(0, -3)))
    outputs = slice(lifter.frames_before, features.shape[-2] - lifter.frames_after)
    mirrored = permutation[1:] - 1
    pose = (poses[0] + poses[1][..., mirrored, :] * flip) / 2
    code = (codes[0] + codes[1] * flip) / 2
    features, scale = features[..., outputs, :], view.scale[..., outputs]
    root = root_position(code, scale[0])
    seen = LiftedView(features[0], pose, root, scale[0])
    as_mirrored = LiftedView(features[1], pose[..., mirrored, :] * flip, root * flip, scale[1])
    radii = None if lifter.spread is None else lifter.spread.radii_m(seen, as_mirrored)
    rotation = view.rotation[0][..., outputs, :, :]
    offsets = None if lifter.landmarks is None else lifter.landmarks.offsets_m(seen, as_mirrored) @ rotation
    return LiftedWindow(pose, root, rotation, radii, offsets), seen, as_mirrored


def repeat_edges(frames: Tensor, before: int, after: int) -> Tensor:
    """Repeat the first and the last of (T, ...) frames.

    Args:
        frames: (T, ...), T >= 1.
        before, after: copies of the first and of the last frame.
    """
    index = torch.arange(-before, len(frames) + after, device=frames.device).clamp(0, len(frames) - 1)
    return frames[index]
