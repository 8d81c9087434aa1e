"""Writing the predictions for a video as an npz file and as a table.

====================  ====================================================================================
array of the npz      content, T frames
====================  ====================================================================================
time_s                (T,) float64, seconds since the first frame
boxes_px              (T, 4) float32, x0 y0 x1 y1 of where the person was looked for
keypoints_px          (T, 17, 2) float32, px of the upright picture, pixel centres at +0.5
confidence            (T, 17) float32 in [0, 1]
found                 (T,) bool; False: the person was not seen there, and the frame's other numbers mean little
poses_cam_m_<lifter>  (T, 17, 3) float32, metres, camera space (x right, y down, z forward)
has_root_<lifter>     () bool; False: the poses are relative to the root, because that lifter knows no distance
radii_m_<lifter>      (T, 17, 2) float32, metres across and along the sight line to the joint: nine of ten errors are
                      smaller, of the Hip those of its place, of other joints of their place relative to the Hip;
                      not of a lifter whose file does not say
joints                (17,) names of the joints, in the order of all arrays
landmarks             (L,) names of the own points of the layout that was lifted, such as left_heel
landmarks_cam_m_<lifter>  (T, L, 3) float32, metres, camera space: where these are
width_px, height_px   () int64, size of the picture
intrinsics_px         (3, 3) float64
distortion            (5,) float64: k1, k2, p1, p2, k3; (8,) of a rational lens: k4, k5, k6 after them
poses_world_m         (T, 17, 3) float32, metres, world (z up, the floor at 0, the first heading along y), of the
                      temporal lifter with feet in contact kept where they are
contact               (T, 2) bool: the right and the left foot are on something
world_from_camera     (4, 4) float64, from camera space to the world, metres
landmarks_world_m     (T, L, 3) float32, metres, world: each beside its joint as in camera space
====================  ====================================================================================

The last four are of a camera at rest, see :mod:`pose3d.world.standing`; the file of one that moves lacks them. Arrays
of landmarks are missing where the lifters know none: Human3.6M's layout has no points but our joints.

The table is a CSV file with one row for each frame and joint: frame (from 0), time_s, joint, found (1 or 0),
keypoint_x_px, keypoint_y_px, confidence, <lifter>_x_m, <lifter>_y_m, <lifter>_z_m of every lifter, world_x_m,
world_y_m, world_z_m if the npz has poses in the world, and <lifter>_radius_across_m, <lifter>_radius_along_m if it has
radii. Landmarks have rows after the joints of their frame, with empty cells under keypoints, confidence and radii.
"""

import csv
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.layouts import LANDMARK_NAMES
from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS
from pose3d.lifting.lift import Lifted
from pose3d.records.pickled_npz import is_refused_by_system, read_member
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import atomic_output
from pose3d.runtime.rows import RowsOrArray, chunks
from pose3d.world.standing import Standing

_POSES, _HAS_ROOT, _RADII, _LANDMARKS = "poses_cam_m_", "has_root_", "radii_m_", "landmarks_cam_m_"
_STANDING = ("poses_world_m", "contact", "world_from_camera")


@dataclass(frozen=True, eq=False)
class Predictions:
    """T frames of one person; see the module's table for shapes and units.

    What has a row for each frame is an array or, where it was not to be in memory, :class:`pose3d.runtime.rows.Rows`.

    Attributes:
        lifted: name of a lifter to its poses.
        camera: in its own space (identity rotation, no translation).
        standing: poses in the world; None: the camera moves.
        landmarks: L names, of :data:`pose3d.geometry.layouts.LANDMARK_NAMES`; none where no lifter knows any.
    """

    time_s: RowsOrArray
    boxes_px: RowsOrArray
    keypoints_px: RowsOrArray
    confidence: RowsOrArray
    found: RowsOrArray
    lifted: Mapping[str, Lifted[RowsOrArray]]
    camera: Camera
    standing: Standing | None = None
    landmarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.time_s)


def write_npz(path: str | os.PathLike, predictions: Predictions) -> None:
    """Write the npz file atomically, some rows at a time.

    Raises:
        OSError: the disk is full or not writable.
    """
    camera = predictions.camera
    arrays: dict[str, RowsOrArray] = {
        "time_s": predictions.time_s,
        "boxes_px": predictions.boxes_px,
        "keypoints_px": predictions.keypoints_px,
        "confidence": predictions.confidence,
        "found": predictions.found,
        **{_POSES + name: lifted.poses_cam_m for name, lifted in predictions.lifted.items()},
        **{_HAS_ROOT + name: np.array(lifted.has_root) for name, lifted in predictions.lifted.items()},
        **{_RADII + name: one.radii_m for name, one in predictions.lifted.items() if one.radii_m is not None},
        "joints": np.array(JOINT_NAMES),
        **_landmarks_of(predictions),
        "width_px": np.array(camera.width_px),
        "height_px": np.array(camera.height_px),
        "intrinsics_px": camera.intrinsics_px,
        "distortion": camera.distortion,
    }
    if predictions.standing is not None:
        arrays |= {name: getattr(predictions.standing, name) for name in _STANDING}
    with atomic_output(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                _write_array(member, array)


def _landmarks_of(predictions: Predictions) -> dict[str, RowsOrArray]:
    """Arrays by the names that the npz has for them."""
    lifted = {name: one.landmarks_cam_m for name, one in predictions.lifted.items()}
    arrays: dict[str, RowsOrArray] = {_LANDMARKS + name: rows for name, rows in lifted.items() if rows is not None}
    standing = predictions.standing
    if standing is not None and standing.landmarks_world_m is not None:
        arrays["landmarks_world_m"] = standing.landmarks_world_m
    return {"landmarks": np.array(predictions.landmarks), **arrays} if arrays else {}


def _write_array(file: IO[bytes], array: RowsOrArray) -> None:
    """Write an array as :func:`numpy.lib.format.write_array` does, but in parts."""
    descr = np.lib.format.dtype_to_descr(array.dtype)
    header = {"descr": descr, "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(file, header)
    if isinstance(array, np.ndarray) and not array.shape:
        file.write(array.tobytes())
        return
    for part in chunks(len(array)):
        file.write(array[part].tobytes())


def write_csv(path: str | os.PathLike, predictions: Predictions) -> None:
    """Write the table atomically, some frames at a time.

    Raises:
        OSError: the disk is full or not writable.
    """
    names = ["frame", "time_s", "joint", "found", "keypoint_x_px", "keypoint_y_px", "confidence"]
    poses = {name: lifted.poses_cam_m for name, lifted in predictions.lifted.items()}
    if predictions.standing is not None:
        poses["world"] = predictions.standing.poses_world_m
    names += [f"{name}_{axis}_m" for name in poses for axis in "xyz"]
    radii = {name: one.radii_m for name, one in predictions.lifted.items() if one.radii_m is not None}
    names += [f"{name}_radius_{direction}_m" for name in radii for direction in ("across", "along")]
    with atomic_output(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names)
        for part in chunks(len(predictions)):
            columns = [
                predictions.keypoints_px[part],
                predictions.confidence[part][..., None],
                *(each[part] for each in (*poses.values(), *radii.values())),
            ]
            numbers = np.concatenate(columns, -1).tolist()
            landmarks = _landmark_cells(predictions, list(poses), len(radii), part)
            times_s, found = predictions.time_s[part].tolist(), predictions.found[part].tolist()
            for t, joints in enumerate(numbers):
                frame, time_s, seen = part.start + t, f"{times_s[t]:.6f}", int(found[t])
                table.writerows(
                    (frame, time_s, name, seen, f"{x:.3f}", f"{y:.3f}", f"{sure:.4f}", *(f"{v:.5f}" for v in metres))
                    for name, (x, y, sure, *metres) in zip(JOINT_NAMES, joints, strict=True)
                )
                table.writerows((frame, time_s, name, seen, *cells) for name, cells in landmarks[t])


def _landmark_cells(
    predictions: Predictions, poses: list[str], n_radii: int, part: slice
) -> list[list[tuple[str, list[str]]]]:
    """For each frame the landmarks' names and cells, under keypoints, confidence, ``poses`` and radii."""
    arrays = _landmarks_of(predictions)
    times = range(part.stop - part.start)
    if not arrays:
        return [[] for _ in times]
    places = [arrays.get("landmarks_world_m" if name == "world" else _LANDMARKS + name) for name in poses]
    shape = len(times), len(predictions.landmarks), 3
    metres = np.concatenate([np.full(shape, np.nan) if rows is None else rows[part] for rows in places], -1)
    return [
        [
            (name, ["", "", "", *("" if v != v else f"{v:.5f}" for v in row), *[""] * (2 * n_radii)])
            for name, row in zip(predictions.landmarks, frame, strict=True)
        ]
        for frame in metres.tolist()
    ]


def _check_header(shape: tuple[int, ...], dtype: np.dtype) -> None:
    if dtype.kind not in "fiubU":
        raise ValueError(f"an array of shape {shape} holds neither numbers nor names")


def read_predictions(path: str | os.PathLike) -> Predictions:
    """Read what :func:`write_npz` wrote, running no code from the file.

    Raises:
        InputError: the file is missing, damaged, or something else; names the array.
    """
    try:
        # Not np.load by name: that would take any file that is no archive for a pickle or an array.
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > os.path.getsize(path):  # it is never packed
                raise ValueError("it claims to unpack to more than it holds")
            arrays = {
                member.filename.removesuffix(".npy"): read_member(archive, member, _check_header) for member in members
            }
    except Exception as error:  # whatever damage makes zlib, zipfile or NumPy raise
        if is_refused_by_system(error):
            advice = "give a file that `pose3d predict` wrote"
            raise InputError(f"{path} cannot be read ({error.strerror}): {advice}") from None
        raise InputError(
            f"{path} is no whole npz file of predictions ({in_words(error)}): give predictions.npz, or predict again"
        ) from None
    lifters = [name.removeprefix(_POSES) for name in arrays if name.startswith(_POSES)]
    frames = arrays["time_s"].shape[:1] if "time_s" in arrays else ()
    shapes = {
        "time_s": frames or (0,),
        "boxes_px": (*frames, 4),
        "keypoints_px": (*frames, N_JOINTS, 2),
        "confidence": (*frames, N_JOINTS),
        "found": frames,
        **{_POSES + name: (*frames, N_JOINTS, 3) for name in lifters},
        **{_HAS_ROOT + name: () for name in lifters},
        **{_RADII + name: (*frames, N_JOINTS, 2) for name in lifters if _RADII + name in arrays},
        "width_px": (),
        "height_px": (),
        "intrinsics_px": (3, 3),
        "distortion": (8,) if getattr(arrays.get("distortion"), "shape", ()) == (8,) else (5,),
    }
    stands = "poses_world_m" in arrays
    if stands:
        shapes |= {"poses_world_m": (*frames, N_JOINTS, 3), "contact": (*frames, 2), "world_from_camera": (4, 4)}
    landmarks = tuple(arrays["landmarks"].tolist()) if "landmarks" in arrays and arrays["landmarks"].ndim == 1 else ()
    if not set(landmarks) <= set(LANDMARK_NAMES) or len(set(landmarks)) < len(landmarks):
        raise InputError(f"{path}: landmarks are not those of pose3d.geometry.layouts: predict again")
    of_landmarks = {name for name in (*(_LANDMARKS + name for name in lifters), "landmarks_world_m") if name in arrays}
    shapes |= {name: (*frames, len(landmarks), 3) for name in of_landmarks}
    for name, shape in shapes.items():
        if name not in arrays:
            raise InputError(f"{path} has no array {name}: give a file that `pose3d predict` wrote")
        if arrays[name].shape != shape or arrays[name].dtype.kind not in "fiub":
            raise InputError(
                f"{path}: {name} must be numbers of shape {shape}, not {arrays[name].shape}: predict again"
            )
    if arrays.get("joints", np.empty(0)).tolist() != list(JOINT_NAMES):
        raise InputError(f"{path}: joints are not those of pose3d.geometry.skeleton: predict again")
    try:
        camera = Camera(
            "clip",
            int(arrays["width_px"]),
            int(arrays["height_px"]),
            arrays["intrinsics_px"],
            arrays["distortion"],
            np.eye(3),
            np.zeros(3),
        )
    except ValueError as error:
        raise InputError(f"{path}: {in_words(error)}: predict again") from None
    return Predictions(
        time_s=arrays["time_s"],
        boxes_px=arrays["boxes_px"],
        keypoints_px=arrays["keypoints_px"],
        confidence=arrays["confidence"],
        found=arrays["found"],
        lifted={
            name: Lifted(
                arrays[_POSES + name],
                bool(arrays[_HAS_ROOT + name]),
                arrays.get(_RADII + name),
                arrays.get(_LANDMARKS + name),
            )
            for name in lifters
        },
        camera=camera,
        standing=_standing(arrays) if stands else None,
        landmarks=landmarks,
    )


def _standing(arrays: Mapping[str, np.ndarray]) -> Standing:
    poses_m, contact, world_from_camera = (arrays[name] for name in _STANDING)
    return Standing(poses_m, contact, world_from_camera, arrays.get("landmarks_world_m"))
