"""The HDF5 contract between stages: names, shapes, units, frames. Code past this module knows no data set.

A sequence is one take seen by one camera. Its key ``<subject>/<action>/<camera>`` (for instance ``S1/Walk-1/cam0``) is
the path of its group in every file:

=================  ==========================  =====================================================================
file               dataset                     content
=================  ==========================  =====================================================================
sequences.h5       poses_world_m               (T, 17, 3) float32, metres, z up
                   poses_cam_m                 (T, 17, 3) float32, metres, camera space
                   keypoints_px                (T, 17, 2) float32, projected ground truth in the full image
                   boxes_px                    (T, 4) float32, x0 y0 x1 y1
                   landmarks_world_m           (T, L, 3) float32, points on the skin; of the embedded data only
                   attributes                  fps and the camera's calibration
                   root attributes             split_train, split_validation, split_test: names of subjects;
                                               landmarks: the L names of :data:`pose3d.geometry.layouts.LANDMARK_NAMES`
frames.h5          encoded, offsets            JPEG bytes of all frames end to end (N,) uint8; (T + 1,) int64; or where
                                               else the frames are, see :mod:`pose3d.records.frames`
crops.h5           encoded, offsets            the same for square crops
                   crop_from_image             (T, 2, 3) float64 affine transform, px to px
                   root attribute              size_px
keypoints2d.h5     keypoints_px                (T, K, 2) float32, detected, in the full image
                   confidence                  (T, K) float32 in [0, 1]
                   root attribute              layout: name of the K points' layout, h36m17 with K = 17 by default
given_keypoints2d  the same                    keypoints that came with the data set; mostly no group at all
=================  ==========================  =====================================================================

A sequence without 3D has NaN throughout in both arrays of 3D poses: the 2D network can learn from it, and lifters from
what is detected in it. If its 2D is not annotated either, keypoints_px is NaN as well: then it is for lifters alone.

No byte is without a checksum, so that a damaged file is an error and not a wrong number: datasets carry fletcher32,
and HDF5 sums up its own structures and the attributes in them. It does not for text of variable length, which lies in a
heap of its own: :func:`write_strings` takes fixed length instead.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import h5py
import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.layouts import LANDMARK_NAMES, N_LANDMARKS
from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS
from pose3d.records.hdf5 import create_hdf5, open_hdf5, read_strings, write_dataset, write_strings
from pose3d.runtime.errors import InputError, in_words

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """One take seen by one camera; see the module's table for shapes and units, of recorded data without landmarks."""

    subject: str
    action: str
    camera: Camera
    fps: float
    poses_world_m: np.ndarray
    poses_cam_m: np.ndarray
    keypoints_px: np.ndarray
    boxes_px: np.ndarray
    landmarks_world_m: np.ndarray | None = None

    @property
    def key(self) -> str:
        """Group path, ``<subject>/<action>/<camera>``."""
        return f"{self.subject}/{self.action}/{self.camera.id}"

    @property
    def has_3d(self) -> bool:
        """False where both arrays of poses are NaN throughout: the sequence has 2D only."""
        return not (np.isnan(self.poses_world_m).all() and np.isnan(self.poses_cam_m).all())

    @property
    def is_annotated(self) -> bool:
        """False where ``keypoints_px`` is NaN throughout: the sequence's only 2D is what is detected in it."""
        return not np.isnan(self.keypoints_px).all()

    def __len__(self) -> int:
        return len(self.poses_world_m)


def cut_sequence(sequence: PoseSequence, cut: slice) -> PoseSequence:
    """Some frames of a sequence, one at least."""
    landmarks_m = sequence.landmarks_world_m
    return replace(
        sequence,
        poses_world_m=sequence.poses_world_m[cut],
        poses_cam_m=sequence.poses_cam_m[cut],
        keypoints_px=sequence.keypoints_px[cut],
        boxes_px=sequence.boxes_px[cut],
        landmarks_world_m=None if landmarks_m is None else landmarks_m[cut],
    )


_SEQUENCE_ARRAYS = {
    "poses_world_m": (N_JOINTS, 3),
    "poses_cam_m": (N_JOINTS, 3),
    "keypoints_px": (N_JOINTS, 2),
    "boxes_px": (4,),
}
_LANDMARKS = "landmarks_world_m"
_POSE_ARRAYS = ("poses_world_m", "poses_cam_m")
_CAMERA_ARRAYS = ("intrinsics_px", "distortion", "rotation", "translation_m")


def check_sequence(sequence: PoseSequence, source: str) -> None:
    """Refuse a sequence that later stages could not trust.

    Raises:
        InputError: wrong shapes, unequal lengths, no frames, NaN or infinity; names ``source``, sequence and joint.
    """
    name = f"{source}: {sequence.key}"
    missing = () if sequence.has_3d else _POSE_ARRAYS + (() if sequence.is_annotated else ("keypoints_px",))
    landmarks = {} if sequence.landmarks_world_m is None else {_LANDMARKS: (N_LANDMARKS, 3)}
    for array_name, shape in (_SEQUENCE_ARRAYS | landmarks).items():
        array = getattr(sequence, array_name)
        if array.shape != (len(sequence), *shape):
            raise InputError(f"{name}: {array_name} has shape {array.shape}, not {(len(sequence), *shape)}")
        bad = ~np.isfinite(array)
        if bad.any() and array_name not in missing:
            frame, *rest = (int(i) for i in np.argwhere(bad)[0])
            points = LANDMARK_NAMES if array_name == _LANDMARKS else JOINT_NAMES
            joint = f", joint {points[rest[0]]}" if array.ndim == 3 else ""
            raise InputError(f"{name}: {array_name} is not finite at frame {frame}{joint}; repair or drop that take")
    if not len(sequence):
        raise InputError(f"{name}: has no frames; drop that take")


def check_3d(sequences: Iterable[PoseSequence], source: str | os.PathLike) -> None:
    """Refuse sequences that have 2D only where 3D poses are needed.

    Raises:
        InputError: names ``source`` and the first of them.
    """
    for sequence in sequences:
        if not sequence.has_3d:
            raise InputError(
                f"{source}: {sequence.key} has no 3D poses, which are needed here: name subjects that have them, or "
                "run only `dvc repro train_2d infer_2d`"
            )


def write_sequences(
    path: str | os.PathLike, sequences: Iterable[PoseSequence], splits: Mapping[str, Sequence[str]]
) -> tuple[int, int]:
    """Write sequences.h5, one sequence after another as they come.

    Args:
        path: of the new file.
        sequences: may come from a generator, because one is held at a time.
        splits: the subjects' names under train, validation and test.

    Returns:
        how many sequences and frames there were.

    Raises:
        InputError: a sequence fails :func:`check_sequence`, a split has no frames, or a subject is in two splits.
    """
    subjects_seen = set()
    n_sequences = n_frames = 0
    with create_hdf5(path) as file:
        for split in SPLITS:
            write_strings(file, f"split_{split}", splits[split])
        for sequence in sequences:
            append_sequence(file, sequence, path)
            subjects_seen.add(sequence.subject)
            n_sequences, n_frames = n_sequences + 1, n_frames + len(sequence)
        check_splits(splits, subjects_seen, str(path))
    return n_sequences, n_frames


def append_sequence(file: h5py.File, sequence: PoseSequence, path: str | os.PathLike) -> None:
    """Write a sequence under its key of an open sequences.h5.

    Args:
        file: open for writing.
        sequence: goes there.
        path: that the file will have once it is whole, for messages.

    Raises:
        InputError: it fails :func:`check_sequence`.
        OSError: the disk is full.
    """
    check_sequence(sequence, str(path))
    group = file.create_group(sequence.key)
    for name in _SEQUENCE_ARRAYS:
        write_dataset(group, name, getattr(sequence, name).astype(np.float32))
    if sequence.landmarks_world_m is not None:
        write_dataset(group, _LANDMARKS, sequence.landmarks_world_m.astype(np.float32))
        write_strings(file, "landmarks", LANDMARK_NAMES)
    group.attrs["fps"] = float(sequence.fps)
    group.attrs["width_px"], group.attrs["height_px"] = sequence.camera.width_px, sequence.camera.height_px
    for name in _CAMERA_ARRAYS:
        group.attrs[name] = getattr(sequence.camera, name)
    if sequence.camera.distortion_model != "opencv":
        write_strings(group, "distortion_model", [sequence.camera.distortion_model])


def check_splits(splits: Mapping[str, Sequence[str]], subjects: Iterable[str], source: str) -> None:
    """Refuse splits that overlap or hold no frames; validation alone may name nobody.

    Args:
        splits: the subjects' names under train, validation and test.
        subjects: those that have frames.
        source: the file, for messages.

    Raises:
        InputError: says which split or subject.
    """
    listed = [subject for split in SPLITS for subject in splits[split]]
    twice = sorted({subject for subject in listed if listed.count(subject) > 1})
    if twice:
        raise InputError(f"{source}: subject {twice[0]} is in two splits; each subject belongs to one")
    for split in SPLITS:
        if (splits[split] or split != "validation") and not set(splits[split]) & set(subjects):
            raise InputError(f"{source}: the {split} split has zero frames; name subjects that the data set has")


def sequence_keys(file: h5py.File) -> list[str]:
    """Keys of all sequences in any of the files, sorted.

    Raises:
        InputError: something else lies among them.
    """

    def groups(holder: h5py.Group) -> list[h5py.Group]:
        held = [holder[name] for name in sorted(holder)]
        if not all(isinstance(one, h5py.Group) for one in held):
            raise InputError(f"{file.filename} holds something else beside sequences: delete it and run `dvc repro`")
        return held

    return [camera.name[1:] for subject in groups(file) for action in groups(subject) for camera in groups(action)]


def keys_in(path: str | os.PathLike) -> list[str]:
    """Keys of the sequences that a stage's file holds, sorted."""
    with open_hdf5(path) as file:
        return sequence_keys(file)


def read_splits(path: str | os.PathLike) -> dict[str, list[str]]:
    """The subjects' names by split."""
    with open_hdf5(path) as file:
        return {split: read_strings(file, f"split_{split}") for split in SPLITS}


def read_sequences(path: str | os.PathLike, subjects: Sequence[str] | None = None) -> list[PoseSequence]:
    """Sequences of the given subjects (all by default), sorted by key.

    Raises:
        InputError: the file is damaged, holds non-finite values, or none of its sequences is of these subjects.
    """
    return list(each_sequence(path, subjects))


def each_sequence(path: str | os.PathLike, subjects: Sequence[str] | None = None) -> Iterator[PoseSequence]:
    """As :func:`read_sequences`, but yields one sequence at a time."""
    found = False
    with open_hdf5(path) as file:
        for key in sequence_keys(file):
            subject, action, camera_id = key.split("/")
            if subjects is not None and subject not in subjects:
                continue
            group = file[key]
            try:
                camera = _read_camera(group, camera_id)
            except ValueError as error:
                raise InputError(f"{path}: {key}: {in_words(error)}: run `dvc repro` again") from None
            arrays = {name: group[name][...] for name in _SEQUENCE_ARRAYS}
            if _LANDMARKS in group:
                if tuple(read_strings(file, "landmarks")) != LANDMARK_NAMES:
                    raise InputError(f"{path}: its landmarks are those of another version: run `dvc repro` again")
                arrays[_LANDMARKS] = group[_LANDMARKS][...]
            sequence = PoseSequence(subject, action, camera, float(group.attrs["fps"]), **arrays)
            check_sequence(sequence, str(path))
            found = True
            yield sequence
    if not found:
        raise InputError(f"{path} has no frames of subjects {', '.join(subjects or ['(any)'])}")


def first_poses_m(path: str | os.PathLike, subjects: Sequence[str]) -> dict[str, np.ndarray]:
    """By key, the (17, 3) first pose in the world, metres, of each sequence of these subjects that has 3D."""
    with open_hdf5(path) as file:
        keys = [key for key in sequence_keys(file) if key.split("/")[0] in subjects]
        poses_m = {key: file[key]["poses_world_m"][0] for key in keys}
    return {key: pose_m for key, pose_m in poses_m.items() if np.isfinite(pose_m).all()}


def read_poses_m(path: str | os.PathLike, key: str) -> np.ndarray:
    """(T, 17, 3) poses of one sequence in the world, metres."""
    with open_hdf5(path) as file:
        return file[key]["poses_world_m"][...]


def _read_camera(group: h5py.Group, camera_id: str) -> Camera:
    attributes = group.attrs
    model: Any = read_strings(group, "distortion_model")[0] if "distortion_model" in attributes else "opencv"
    return Camera(
        camera_id,
        int(attributes["width_px"]),
        int(attributes["height_px"]),
        **{name: attributes[name] for name in _CAMERA_ARRAYS},
        distortion_model=model,
    )
