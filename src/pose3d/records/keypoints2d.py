"""keypoints2d.h5: 2D keypoints with confidences, as found or as given."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

import h5py
import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.layouts import LAYOUTS, OURS, layout
from pose3d.geometry.lens_edge import mark_beyond
from pose3d.records.detected_points import MIN_POINTS, bridge
from pose3d.records.hdf5 import create_hdf5, open_hdf5, read_strings, write_dataset, write_strings
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError

_LAYOUT = "layout"
"""Attribute of the file; where it is missing, the keypoints are of our own layout."""


@dataclass(frozen=True, eq=False)
class Keypoints2D:
    """Detected keypoints of one sequence.

    Attributes:
        keypoints_px: (T, K, 2) px in the full image; finite also where nothing was detected.
        confidence: (T, K) in [0, 1]. Of Human3.6M's joints a frame in which all are 0 has no detection; of another
            layout each point with 0 is missing.
        layout: whose K points they are, a name of :data:`pose3d.geometry.layouts.LAYOUTS`.
    """

    keypoints_px: np.ndarray
    confidence: np.ndarray
    layout: str = OURS


def bridge_detections(detected: Keypoints2D, fps: float) -> Keypoints2D:
    """With short gaps filled, see :func:`pose3d.records.detected_points.bridge`: what lifters learn from and lift.

    Args:
        detected: of Human3.6M's joints frames are missing as a whole; in others all points have a place.
        fps: frames per second.
    """
    seen = detected.confidence > 0
    if detected.layout == OURS:
        seen = np.broadcast_to(seen.any(1, keepdims=True), seen.shape)
    time_s = np.arange(len(seen)) / fps
    keypoints_px, confidence = bridge(detected.keypoints_px, detected.confidence, seen, time_s)
    return replace(detected, keypoints_px=keypoints_px, confidence=confidence)


def enough_detected(detected: Keypoints2D) -> np.ndarray:
    """(T,) bool: the frames that show a pose. Human3.6M's joints are all there, or the frame has no detection."""
    seen = (detected.confidence > 0).sum(1)
    return seen >= (1 if detected.layout == OURS else MIN_POINTS)


def usable_frames(detected: Keypoints2D, fps: float) -> np.ndarray:
    """(T,) bool: the frames that show a pose, by themselves or through a short gap. The others are left out of scores.

    Args:
        detected: T frames.
        fps: frames per second.
    """
    return enough_detected(bridge_detections(detected, fps))


def spans_of(kept: np.ndarray) -> list[slice]:
    """Runs of frames in which (T,) bool is true.

    Example:
        >>> spans_of(np.array([True, True, False, True]))
        [slice(0, 2, None), slice(3, 4, None)]
    """
    edges = np.flatnonzero(np.diff(kept, prepend=False, append=False)).reshape(-1, 2)
    return [slice(first, end) for first, end in edges.tolist()]


def within_lens(camera: Camera, detected: Keypoints2D) -> tuple[Keypoints2D, int]:
    """Mark what lies beyond the fold of a lens as missing; gives how many keypoints do, as well.

    Args:
        camera: that saw them.
        detected: of another layout than Human3.6M's each point beyond is missing; of that one the frame is, because
            lifters need all its joints.
    """
    keypoints_px, beyond = mark_beyond(camera, detected.keypoints_px)
    missing = beyond.any(1, keepdims=True) if detected.layout == OURS else beyond
    confidence = np.where(missing, np.zeros_like(detected.confidence), detected.confidence)
    return Keypoints2D(keypoints_px, confidence, detected.layout), int(beyond.sum())


def append_keypoints2d(file: h5py.File, key: str, detected: Keypoints2D) -> None:
    """Write a sequence's detections under ``key`` of an open keypoints2d.h5.

    Args:
        file: open for writing.
        key: of the sequence.
        detected: T frames.

    Raises:
        InputError: a keypoint is not finite, or the file holds another layout.
    """
    if _LAYOUT not in file.attrs:
        write_strings(file, _LAYOUT, [detected.layout])
    elif _layout_in(file) != detected.layout:
        raise InputError(
            f"{file.filename}: {key} has keypoints of the layout {detected.layout}, those before it are of "
            f"{_layout_in(file)}: a data set has one"
        )
    if not (np.isfinite(detected.keypoints_px).all() and np.isfinite(detected.confidence).all()):
        raise InputError(f"{file.filename}: {key}: a detected keypoint is not finite; train_2d has diverged")
    group = file.create_group(key)
    write_dataset(group, "keypoints_px", detected.keypoints_px.astype(np.float32))
    write_dataset(group, "confidence", detected.confidence.astype(np.float32))


def write_keypoints2d(path: str | os.PathLike, detections: Iterable[tuple[str, Keypoints2D]]) -> None:
    """Write keypoints2d.h5 from (key, detections).

    Raises:
        InputError: a keypoint is not finite, or their layouts differ.
    """
    with create_hdf5(path) as file:
        for key, detected in detections:
            append_keypoints2d(file, key, detected)


def read_layout(path: str | os.PathLike) -> str:
    """The layout of a file's keypoints.

    Raises:
        InputError: the file is damaged, or the layout is not known here.
    """
    with open_hdf5(path) as file:
        name = _layout_in(file)
    if name not in {known.name for known in LAYOUTS}:
        raise InputError(f"{path} holds keypoints of a layout {name!r} that is not known here: run infer_2d again")
    return name


def read_keypoints2d(
    path: str | os.PathLike, sequences: Iterable[PoseSequence], layout_name: str = OURS
) -> list[Keypoints2D]:
    """Detections for the given sequences, in their order.

    Args:
        path: keypoints2d.h5.
        sequences: whose detections are read.
        layout_name: of the keypoints that are wanted.

    Raises:
        InputError: a sequence has none, of another length, or not finite, or the file is of another layout.
    """
    n_points = len(layout(layout_name))
    detections = []
    with open_hdf5(path) as file:
        if _layout_in(file) != layout_name:
            raise InputError(
                f"{path} holds keypoints of the layout {_layout_in(file)}, but those of {layout_name} are needed here"
            )
        for sequence in sequences:
            if sequence.key not in file:
                raise InputError(f"{path} has no keypoints for {sequence.key}: run infer_2d again")
            group = file[sequence.key]
            detected = Keypoints2D(group["keypoints_px"][...], group["confidence"][...], layout_name)
            if detected.keypoints_px.shape != (len(sequence), n_points, 2):
                raise InputError(
                    f"{path}: {sequence.key} has keypoints of shape {detected.keypoints_px.shape}, "
                    f"not {(len(sequence), n_points, 2)}: run infer_2d again"
                )
            if detected.confidence.shape != detected.keypoints_px.shape[:-1]:
                raise InputError(
                    f"{path}: {sequence.key} has confidence of shape {detected.confidence.shape}, "
                    f"its keypoints {detected.keypoints_px.shape}: run infer_2d again"
                )
            for name in ("keypoints_px", "confidence"):
                if not np.isfinite(getattr(detected, name)).all():
                    raise InputError(f"{path}: {sequence.key}: {name} is not finite; run infer_2d again")
            detections.append(detected)
    return detections


def _layout_in(file: h5py.File) -> str:
    return read_strings(file, _LAYOUT)[0] if _LAYOUT in file.attrs else OURS
