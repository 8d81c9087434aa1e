"""The keypoints that infer_2d found and the 3D poses as npz files, for other people's code.

``pose3d write-npz --help`` names the files of both forms.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from pose3d.datasets.calibration import Cameras, calibration_of, human36m_cameras
from pose3d.datasets.human36m import ACTIONS, TAKES, file_stems
from pose3d.datasets.layouts import VIDEOPOSE3D_NAMES
from pose3d.geometry.camera import Camera
from pose3d.geometry.layouts import OURS, Layout, layout
from pose3d.geometry.skeleton import HUMAN36M_32_TO_17
from pose3d.records.hdf5 import open_hdf5
from pose3d.records.keypoints2d import Keypoints2D, enough_detected, read_keypoints2d, read_layout
from pose3d.records.pickled_npz_writer import write_pickled_npz
from pose3d.records.sequences import PoseSequence, read_sequences, read_splits
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_output

POSITIONS, KEYPOINTS = "data_3d_h36m.npz", "data_2d_h36m_pose3d.npz"
CALIBRATION = "cameras.json"
_SAME_POSE_M = 0.001
"""How far apart the same joints of two views may be in the world: float32 and a calibration's rounding."""
Detected = tuple[PoseSequence, Keypoints2D]
Files = dict[str, dict[str, Any]]
"""Name of a file to its members."""


def write_npz(data: Path, form: str, out: Path) -> list[str]:
    """Write a folder of the pipeline in a form, ``original`` or ``videopose3d``.

    Args:
        data: folder of sequences.h5 and keypoints2d.h5.
        form: ``original`` or ``videopose3d``.
        out: folder of the new files.

    Returns:
        sentences: what could not be written, and what to put into block ``dataset``.

    Raises:
        InputError: the pipeline's files are missing or damaged, nothing of them can be written, or a file of that name
            is there already; then nothing is written.
    """
    sequences = read_sequences(data / "sequences.h5")
    with open_hdf5(data / "keypoints2d.h5") as file:
        with_keypoints = set(file)  # not infer_2d.skip_subjects
    sequences = [sequence for sequence in sequences if sequence.subject in with_keypoints]
    if not sequences:
        raise InputError(
            f"{data / 'keypoints2d.h5'} holds keypoints of nobody in {data / 'sequences.h5'}: run infer_2d again"
        )
    splits = read_splits(data / "sequences.h5")
    without = sorted({s.subject for s in sequences if not s.has_3d and s.subject not in splits["train"]})
    if without:
        raise InputError(
            f"{data / 'sequences.h5'}: {', '.join(without)} of the validation and test subjects have no 3D: nothing "
            "could be evaluated on them in either form; write a data set that names the files of their poses"
        )
    layout_name = read_layout(data / "keypoints2d.h5")
    if form == "original" and layout_name != OURS:
        raise InputError(
            f"{data / 'keypoints2d.h5'} holds keypoints of the layout {layout_name}, which have no place in the "
            "original's form: write --format videopose3d"
        )
    detections = read_keypoints2d(data / "keypoints2d.h5", sequences, layout_name)
    detected = list(zip(sequences, detections, strict=True))
    detected, sentences = with_steady_cameras(detected)
    cameras = cameras_by_subject(sequence for sequence, _ in detected)
    published = are_published(cameras)
    if not published:
        detected, left_out = with_all_cameras(detected)
        sentences += left_out
        cameras = cameras_by_subject(sequence for sequence, _ in detected)
    if published:  # a reader knows all four by their order, also of a subject that one of them never saw
        cameras = {subject: human36m_cameras()[subject] for subject in cameras}
    if form == "original":
        files, said = original_files(detected, set(splits["test"]))
        block: dict[str, Any] = {"source": "original_npz", "poses": list(files)[:2], "keypoints": list(files)[2:]}
    else:
        files, said = videopose3d_files(detected, cameras, published)
        block = {"source": "videopose3d", "positions": POSITIONS, "keypoints": KEYPOINTS}
    calibration = None if published else json.dumps(calibration_of(cameras), indent=1)
    rates = sorted({sequence.fps for sequence, _ in detected})
    if len(rates) > 1:
        said.append(f"frame rates are not written, and differ: {', '.join(f'{rate:g}' for rate in rates)} Hz")
    written = {sequence.subject for sequence, _ in detected}
    block["folder"] = None
    block["subjects"] = {split: [name for name in names if name in written] for split, names in splits.items()}
    block |= {"actions": None, "frame_step": 1, "frame_rate_hz": rates[0]}
    block["calibration"] = calibration and CALIBRATION
    block["keypoints_only"] = sorted({sequence.subject for sequence, _ in detected if not sequence.has_3d})
    for name in [*files, CALIBRATION]:
        if (out / name).exists():
            raise InputError(f"{out / name} is there already, perhaps your own data: name an empty folder with --out")
    with ExitStack() as all_or_none:
        for name, members in files.items():
            write_pickled_npz(all_or_none.enter_context(atomic_output(out / name)), members)
        if calibration is not None:
            all_or_none.enter_context(atomic_output(out / CALIBRATION)).write_text(calibration + "\n")
    return [*sentences, *said, f"to read it back: {json.dumps(block)}"]


def with_steady_cameras(detected: list[Detected]) -> tuple[list[Detected], list[str]]:
    """Without the subjects whose cameras differ from take to take, and a sentence that names them.

    Raises:
        InputError: there are no others.
    """
    cameras = cameras_by_subject(sequence for sequence, _ in detected)
    moved = {s.subject for s, _ in detected if not is_same(s.camera, cameras[s.subject][s.camera.id])}
    names = ", ".join(sorted(moved))
    sentence = (
        f"left out: {names}, whose cameras differ from take to take, because a calibration has one for each subject"
    )
    if len(moved) == len(cameras):
        raise InputError(f"nothing can be written; {sentence}")
    return [one for one in detected if one[0].subject not in moved], [sentence] if moved else []


def with_all_cameras(detected: list[Detected]) -> tuple[list[Detected], list[str]]:
    """Only those subjects that have the same cameras as most others, and a sentence that names the others."""
    ids = {subject: tuple(own) for subject, own in cameras_by_subject(sequence for sequence, _ in detected).items()}
    counts = Counter(ids.values())
    most = max(counts, key=lambda cameras: (counts[cameras], len(cameras)))
    others = sorted(subject for subject, own in ids.items() if own != most)
    sentence = (
        f"left out: {', '.join(others)}, because a calibration has the same cameras for all subjects, which are "
        f"{', '.join(most)} for the others"
    )
    return [one for one in detected if one[0].subject not in others], [sentence] if others else []


def cameras_by_subject(sequences: Iterable[PoseSequence]) -> Cameras:
    """Each subject's cameras as first seen, sorted by id: for Human3.6M that is the published order."""
    cameras: Cameras = {}
    for sequence in sequences:
        cameras.setdefault(sequence.subject, {}).setdefault(sequence.camera.id, sequence.camera)
    return {subject: dict(sorted(own.items())) for subject, own in cameras.items()}


def are_published(cameras: Cameras) -> bool:
    """True if all subjects and cameras have names of Human3.6M's."""
    published = human36m_cameras()
    return all(
        camera_id in published.get(subject, {}) and is_same(camera, published[subject][camera_id])
        for subject, own in cameras.items()
        for camera_id, camera in own.items()
    )


def is_same(a: Camera, b: Camera) -> bool:
    """True if two cameras are the same up to rounding."""
    return all(
        np.allclose(value, getattr(b, name), rtol=1e-9, atol=1e-9) if isinstance(value, np.ndarray)
        else value == getattr(b, name)
        for name, value in vars(a).items()
    )  # fmt: skip


def original_files(detected: list[Detected], test_subjects: set[str]) -> tuple[Files, list[str]]:
    """The original's four files, 3D first, and what they cannot hold."""
    files: Files = {}
    for split in ("train", "test"):
        files[f"h36m_gt_{split}.npz"] = {"pose2d": {}, "pose3d": {}}
    for split in ("train", "test"):
        files[f"pose_resnet/h36m_pred2d_{split}.npz"] = {"pose2d": {}}
    for sequence, keypoints in detected:
        split = "test" if sequence.subject in test_subjects else "train"
        true, found = files[f"h36m_gt_{split}.npz"], files[f"pose_resnet/h36m_pred2d_{split}.npz"]
        if sequence.has_3d:
            _put(true["pose2d"], sequence, sequence.keypoints_px)
            _put(true["pose3d"], sequence, 1000 * sequence.poses_cam_m)
        _put(found["pose2d"], sequence, keypoints.keypoints_px)
    said = ["confidences are not written: the form has no place for them"] if are_rated(detected) else []
    if missing := sum(int((~enough_detected(keypoints)).sum()) for _, keypoints in detected):
        said.append(f"{missing:,} frames without a detection are written as their neighbours in time say")
    return files, said


def videopose3d_names(takes: Iterable[tuple[str, str]], published: bool) -> dict[tuple[str, str], str]:
    """VideoPose3D's names of takes (subject, action): ``Walking 1`` for ``Walking-1``.

    Human3.6M's metadata numbers the takes of an action 1 and 2, whereas VideoPose3D has the names of the authors' files
    (:func:`pose3d.datasets.human36m.file_stems`), where most second takes have no number. So data in which every take
    is numbered 1 or 2 gets those names; data from VideoPose3D's files has takes without a number, and keeps its own.

    Args:
        published: whether the cameras are Human3.6M's.
    """
    takes = list(takes)
    parts = {take: take[1].rpartition("-") for take in takes}
    if published and all(name in ACTIONS and number in TAKES for name, _, number in parts.values()):
        return {take: file_stems(*take)[-1] for take in takes}
    return {take: re.sub(r"-(\d+)$", r" \1", take[1]) for take in takes}


def videopose3d_files(detected: list[Detected], cameras: Cameras, published: bool) -> tuple[Files, list[str]]:
    """VideoPose3D's two files, and what they cannot hold.

    Args:
        detected: of each sequence, what is known of it and its keypoints.
        cameras: of each subject.
        published: whether they are Human3.6M's.

    Raises:
        InputError: no take was seen by all cameras at the same moments.
    """
    rated = are_rated(detected)
    takes: dict[tuple[str, str], list[Detected]] = {}
    for one in detected:
        takes.setdefault((one[0].subject, one[0].action), []).append(one)
    positions: dict[str, dict] = {}
    views: dict[str, dict] = {}
    incomplete, apart, uneven = [], [], []
    names = videopose3d_names(takes, published)
    for (subject, action), take in takes.items():
        take = sorted(take, key=lambda one: one[0].camera.id)
        if [sequence.camera.id for sequence, _ in take] != list(cameras[subject]):
            incomplete.append(f"{subject}/{action}")
            continue
        lengths = {len(sequence) for sequence, _ in take}
        name, cut = names[subject, action], slice(min(lengths))
        first, _ = take[0]
        if any(np.abs(s.poses_world_m[cut] - first.poses_world_m[cut]).max() > _SAME_POSE_M for s, _ in take):
            apart.append(f"{subject}/{action}")
            continue
        if len(lengths) > 1:
            uneven.append(f"{subject}/{action}")
        if first.has_3d:
            positions.setdefault(subject, {})[name] = with_32_joints(first.poses_world_m[cut])
        views.setdefault(subject, {})[name] = [_array(keypoints, rated)[cut] for _, keypoints in take]
    if not views:
        raise InputError(
            "nothing can be written: VideoPose3D's form needs takes that were seen by all cameras at the same moments"
        )
    said = []
    if incomplete:
        said.append(f"left out: {', '.join(incomplete)}, because the form needs takes that were seen by all cameras")
    if apart:
        said.append(
            f"left out: {', '.join(apart)}, whose views show different moments, but the form has one 3D for all"
        )
    if uneven:
        said.append(
            f"cut to the shortest of their views: {', '.join(uneven)}, because the form has one length for each"
        )
    renamed = [(take, name) for take, name in names.items() if name.replace(" ", "-") != take[1]]
    if renamed:
        (subject, action), name = renamed[0]
        said.append(f"takes have the names of VideoPose3D's own files: {subject}/{action} is its {name}, and so on")
    return {
        POSITIONS: {"positions_3d": positions},
        KEYPOINTS: {"positions_2d": views, "metadata": metadata_of(layout(detected[0][1].layout))},
    }, said


def metadata_of(points: Layout) -> dict[str, Any]:
    """What VideoPose3D's files say of a layout."""
    return {
        "layout_name": VIDEOPOSE3D_NAMES.get(points.name, points.name),
        "num_joints": len(points),
        "keypoints_symmetry": [sorted(side) for side in points.sides],
    }


def are_rated(detected: list[Detected]) -> bool:
    """True if the confidences are real: data that came without them has 1 everywhere."""
    return any((keypoints.confidence != 1).any() for _, keypoints in detected)


def with_32_joints(poses: np.ndarray) -> np.ndarray:
    """(T, 17, 3) to (T, 32, 3) of Human3.6M's motion capture; NaN where the 17 have no such joint."""
    wide = np.full((len(poses), 32, 3), np.nan, np.float32)
    wide[:, HUMAN36M_32_TO_17] = poses
    return wide


def _array(keypoints: Keypoints2D, rated: bool) -> np.ndarray:
    if not rated:
        return keypoints.keypoints_px
    return np.concatenate([keypoints.keypoints_px, keypoints.confidence[..., None]], -1)


def _put(content: dict, sequence: PoseSequence, array: np.ndarray) -> None:
    content.setdefault(sequence.subject, {}).setdefault(sequence.action, {})[sequence.camera.id] = array
