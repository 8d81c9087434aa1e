"""Tiny data sets in the two forms that Human3.6M comes in, written by real writers: swinging people in its cameras.

Names, sizes of pictures and the missing video are the real ones, and so are the lengths where a test asks for them:
videos that run on after the poses or end a little before them.
"""

import itertools
from collections.abc import Collection, Mapping
from dataclasses import replace

import cdflib.cdfwrite
import cv2
import h5py
import numpy as np
from people import take

from pose3d.datasets.calibration import human36m_cameras
from pose3d.datasets.human36m import ACTIONS, BROKEN, TAKES, file_stems
from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import HUMAN36M_32_TO_17
from pose3d.records.sequences import PoseSequence

SUBJECTS = ("S1", "S5", "S9")
ALL_SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
CAMERAS = ("54138969", "55011271", "58860488", "60457274")
IMAGE_HEIGHT_PX = {subject: (1002, 1000, 1000, 1002) for subject in ALL_SUBJECTS} | {"S7": (1002,) * 4}
"""Rows of each subject's pictures, by camera; all have 1000 columns (the authors' metadata.xml)."""


def all_joints(kept: np.ndarray) -> np.ndarray:
    """(T, 17, D) to (T, 32, D): the 17 joints in their places, the others where the last kept one before them is."""
    return kept[:, np.searchsorted(HUMAN36M_32_TO_17, np.arange(32), side="right") - 1]


def cameras_of(subject: str) -> list[Camera]:
    """The four cameras with the real number of rows, whatever the project's calibration says of it."""
    calibrated = human36m_cameras()[subject]
    return [
        replace(calibrated[name], width_px=1000, height_px=rows)
        for name, rows in zip(CAMERAS, IMAGE_HEIGHT_PX[subject], strict=True)
    ]


def takes(
    subjects, actions, frames: int, lengths: Mapping[tuple[str, str], int] | None = None
) -> list[list[PoseSequence]]:
    """Both takes of each action, each seen by the four cameras of its subject, 50 frames a second."""
    return [
        take(subject, name, (lengths or {}).get((subject, name), frames), cameras_of(subject))
        for subject in subjects
        for action in actions
        for name in (f"{action}-{number}" for number in TAKES)
    ]


def write_human36m(
    folder,
    subjects=SUBJECTS,
    actions=ACTIONS[:1],
    frames: int = 12,
    lengths: Mapping[tuple[str, str], int] | None = None,
    longer: Mapping[str, int] | None = None,
    without_boxes: Collection[str] = (),
) -> dict[str, PoseSequence]:
    """The official form; gives what was written, by key, without the broken take.

    Args:
        lengths: poses of single takes (subject, action), where they are not ``frames``.
        longer: by how many frames a camera's videos and boxes are longer than the poses; negative: shorter.
        without_boxes: subjects whose boxes nobody fetched.
    """
    written = {}
    for views in takes(subjects, actions, frames, lengths):
        for sequence in views:
            extra = (longer or {}).get(sequence.camera.id, 0)
            shown = np.clip(np.arange(len(sequence) + extra), None, len(sequence) - 1)  # the last one again and again
            subject, camera = folder / sequence.subject, sequence.camera.id
            stem = file_stems(sequence.subject, sequence.action)[0]
            positions = subject / "MyPoseFeatures"
            write_cdf(positions / "D3_Positions" / f"{stem}.cdf", sequence.poses_world_m)
            write_cdf(positions / "D3_Positions_mono" / f"{stem}.{camera}.cdf", sequence.poses_cam_m)
            boxes = subject / "MySegmentsMat" / "ground_truth_bb" / f"{stem}.{camera}.mat"
            if sequence.subject not in without_boxes:
                write_masks(boxes, sequence.boxes_px[shown], sequence.camera.width_px, sequence.camera.height_px)
            video = subject / "Videos" / f"{stem}.{camera}.mp4"
            if (sequence.subject, sequence.action, camera) == BROKEN:
                video.parent.mkdir(parents=True, exist_ok=True)
                video.write_bytes(b"damaged as published")
                continue
            write_video(video, (image_at(sequence, t) for t in shown))
            written[sequence.key] = sequence
    return written


def write_h36m_fetch(
    folder,
    subjects=SUBJECTS,
    actions=ACTIONS[:1],
    frames: int = 12,
    frame_numbers=None,
    lengths: Mapping[tuple[str, str], int] | None = None,
    kept: Mapping[str, slice] | None = None,
) -> dict[str, PoseSequence]:
    """h36m-fetch's form; gives what was written, by key.

    Args:
        frame_numbers: of the images, from 1; every one by default.
        lengths: frames of single takes (subject, action), where they are not ``frames``.
        kept: the frames of a take that a camera shows, where these are not all: the tool chooses for each by itself.
    """
    written = {}
    for views in takes(subjects, actions, frames if frame_numbers is None else len(frame_numbers), lengths):
        views = [s for s in views if (s.subject, s.action, s.camera.id) != BROKEN]
        place = folder / "processed" / views[0].subject / views[0].action
        every = np.arange(len(views[0])) + 1 if frame_numbers is None else np.asarray(frame_numbers)
        chosen = [(kept or {}).get(s.camera.id, slice(None)) for s in views]
        numbers = [every[of_camera] for of_camera in chosen]
        views = [part_of(s, of_camera) for s, of_camera in zip(views, chosen, strict=True)]
        for sequence, of_camera in zip(views, numbers, strict=True):
            images_folder = place / "imageSequence" / sequence.camera.id
            images_folder.mkdir(parents=True, exist_ok=True)
            for number, image in zip(of_camera, images(sequence), strict=True):
                cv2.imwrite(str(images_folder / f"img_{number:06d}.jpg"), image)
            written[sequence.key] = sequence
        in_camera = np.concatenate([all_joints(s.poses_cam_m) for s in views]) * 1000
        with h5py.File(place / "annot.h5", "w") as file:
            file["pose/2d"] = np.concatenate([all_joints(s.keypoints_px) for s in views])
            file["pose/3d"] = in_camera
            file["pose/3d-univ"] = in_camera * 0.95
            file["camera"] = np.repeat([int(s.camera.id) for s in views], [len(s) for s in views])
            file["frame"] = np.concatenate(numbers)
    return written


def part_of(sequence: PoseSequence, frames: slice) -> PoseSequence:
    """Some frames of a sequence."""
    arrays = ("poses_world_m", "poses_cam_m", "keypoints_px", "boxes_px")
    return replace(sequence, **{name: getattr(sequence, name)[frames] for name in arrays})


def write_cdf(path, poses_m: np.ndarray) -> None:
    """The 17 joints as the 32 of a file of positions, millimetres."""
    write_cdf_values(path, all_joints(poses_m).reshape(len(poses_m), -1) * 1000)


def write_cdf_values(path, values: np.ndarray) -> None:
    """(T, N) as variable ``Pose`` with one record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    specification = {
        "Variable": "Pose",
        "Data_Type": cdflib.cdfwrite.CDF.CDF_FLOAT,
        "Num_Elements": 1,
        "Rec_Vary": True,
        "Dim_Sizes": list(values.shape),
    }
    with cdflib.cdfwrite.CDF(path, delete=True) as file:
        file.write_var(specification, var_data=values.astype(np.float32)[None])


def write_masks(path, boxes_px: np.ndarray, width_px: int, height_px: int) -> None:
    """Boxes as MATLAB saves a cell array of masks in version 7.3: a header, then HDF5 with references."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        references = []
        for i, (x0, y0, x1, y1) in enumerate(outer_box(boxes_px)):
            mask = np.zeros((width_px, height_px), np.uint8)
            mask[x0:x1, y0:y1] = 1
            cell = file.create_dataset(f"#refs#/{i}", data=mask, compression="gzip", compression_opts=1)
            cell.attrs["MATLAB_class"] = np.bytes_("logical")
            references.append(cell.ref)
        masks = file.create_dataset("Masks", (len(references), 1), h5py.ref_dtype)
        masks[:, 0] = references
        masks.attrs["MATLAB_class"] = np.bytes_("cell")
    with open(path, "rb+") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(116) + b" " * 8 + b"\x00\x02IM")


def outer_box(boxes_px: np.ndarray) -> np.ndarray:
    """Boxes at whole px, not smaller than the given."""
    return np.concatenate([np.floor(boxes_px[:, :2]), np.ceil(boxes_px[:, 2:])], -1).astype(int)


def write_video(path, frames, rate_hz: float = 50.0) -> None:
    """Frames (H, W, 3) uint8 as an MP4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = iter(frames)
    first = next(frames)
    height, width, _ = first.shape
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), rate_hz, (width, height))
    assert video.isOpened()
    for frame in itertools.chain([first], frames):
        video.write(frame)
    video.release()


def images(sequence: PoseSequence) -> list[np.ndarray]:
    """Dots for the joints on grey, in every frame."""
    return [image_at(sequence, t) for t in range(len(sequence))]


def image_at(sequence: PoseSequence, t: int) -> np.ndarray:
    """The same in one frame."""
    image = np.full((sequence.camera.height_px, sequence.camera.width_px, 3), 200, np.uint8)
    for x, y in sequence.keypoints_px[t]:
        cv2.circle(image, (round(float(x) - 0.5), round(float(y) - 0.5)), 6, (90, 120, 60), -1)
    return image
