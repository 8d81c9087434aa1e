"""From a video to keypoints, and from those to poses: what :func:`predict` does, in memory that does not grow."""

import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from pose3d.config.pose2d import CropResizeParams, Infer2DParams
from pose3d.config.reading import StageParams
from pose3d.formats.predictions import Predictions
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.lift import LIFTERS, Lifted, load_lifter
from pose3d.lifting.long_clips import lift_clip
from pose3d.lifting.networks import Lifter
from pose3d.onnx.runtime import load_lifter_onnx, load_network_onnx
from pose3d.pose2d.detector import Detector, KeypointDetector
from pose3d.pose2d.inference import load_network
from pose3d.predict.clip import Clip, camera_from_view, read_camera
from pose3d.predict.models import default_models
from pose3d.predict.tracking import SURE, GivenBoxes, PersonTracker
from pose3d.runtime.errors import InputError
from pose3d.runtime.processes import one_process
from pose3d.runtime.rows import Rows

LEARNT_FRAMES, LEARNT_STEP = 100, 4
"""From every LEARNT_STEP-th of the first LEARNT_FRAMES frames following knows the background of a camera at rest."""
_GIVEN_BATCH, _FOLLOWED_BATCH = 16, 4


class Params(StageParams):
    crop_resize: CropResizeParams
    infer_2d: Infer2DParams


def load_detector(models: Path, runtime: str, params: Params) -> Detector:
    """The 2D network of a folder: with torch on the device that ``POSE3D_ACCELERATOR`` says, with onnx on the CPU.

    Args:
        models: folder of pose2d.pt or pose2d.onnx.
        runtime: torch or onnx.
        params: margin of the crops, decoding and flip test.

    Raises:
        InputError: the model is missing or another.
    """
    how = params.crop_resize.margin, params.infer_2d.decode, params.infer_2d.flip_test
    if runtime == "onnx":
        graph, architecture = load_network_onnx(models / "pose2d.onnx")
        return Detector(graph, architecture, torch.device("cpu"), *how)
    network, architecture = load_network(models / "pose2d.pt")
    fabric = one_process(mixed=True)
    return Detector(fabric.setup_module(network), architecture, fabric.device, *how)


def load_lifters(models: Path, runtime: str) -> dict[str, Lifter]:
    """Both lifters of a folder, on the CPU.

    Raises:
        InputError: a model is missing or another.
    """
    load, suffix = (load_lifter_onnx, "onnx") if runtime == "onnx" else (load_lifter, "pt")
    return {name: load(models / f"{name}.{suffix}") for name in LIFTERS}


def predict(
    video: str | os.PathLike,
    camera: str | os.PathLike | None = None,
    fov_deg: float = 60.0,
    boxes: str | os.PathLike | None = None,
    person: int | None = None,
    models: str | os.PathLike | None = None,
    runtime: str = "torch",
    scratch: str | os.PathLike | None = None,
) -> Predictions:
    """Predict one person's keypoints and poses in every frame of a video.

    Args:
        video: any file that OpenCV's FFmpeg decodes.
        camera: JSON file, see :func:`pose3d.predict.clip.read_camera`; None: a camera of ``fov_deg``.
        fov_deg: field of view along the picture's longer side.
        boxes: CSV file, see :class:`pose3d.predict.tracking.GivenBoxes`; None: the person is found and followed.
        person: which one to follow, see :class:`pose3d.predict.tracking.PersonTracker`.
        models: folder of pose2d, repnet and temporal; None: see
            :func:`pose3d.predict.models.default_models`.
        runtime: torch, for .pt files, or onnx, for .onnx files.
        scratch: a folder: what is predicted lies in files there, as :class:`pose3d.runtime.rows.Rows`, and memory does
        not grow
            with the video. None: all of it is in memory as arrays, 0.7 kB a frame.

    Raises:
        InputError: a file is missing or wrong, or nobody is found.
        OSError: the disk is full.
    """
    params = Params.load()
    if person is not None and (person < 1 or boxes is not None):
        raise InputError("--person counts from 1 from the left, and goes without --boxes, which say who it is")
    folder = default_models(runtime) if models is None else Path(models)
    lifters = load_lifters(folder, runtime)
    with Clip(video) as clip:
        if camera is None:
            view = camera_from_view(clip.width_px, clip.height_px, fov_deg)
        else:
            view = read_camera(camera, clip.width_px, clip.height_px)
        given = None if boxes is None else GivenBoxes(boxes, clip.width_px, clip.height_px)
        look = load_detector(folder, runtime, params)
        beginning = _beginning(video) if given is None else ()
        seen = find_keypoints(video, clip, look, given, person, scratch, beginning)
    time_s = seen["time_s"][:]
    lifted = {name: lift_clip(lifter, view, time_s, seen["keypoints_px"], scratch) for name, lifter in lifters.items()}
    if scratch is not None:
        return Predictions(**seen, lifted=lifted, camera=view)
    in_memory = {name: Lifted(poses.poses_cam_m[:], poses.has_root) for name, poses in lifted.items()}
    return Predictions(**{name: rows[:] for name, rows in seen.items()}, lifted=in_memory, camera=view)


def _beginning(video: str | os.PathLike) -> Iterator[np.ndarray]:
    with Clip(video) as clip:
        for frame in itertools.islice(clip, 0, LEARNT_FRAMES, LEARNT_STEP):
            yield frame.image_bgr


def find_keypoints(
    name: str | os.PathLike,
    clip: Clip,
    look: KeypointDetector,
    given: GivenBoxes | None,
    person: int | None,
    scratch: str | os.PathLike | None = None,
    beginning: Iterable[np.ndarray] = (),
) -> dict[str, Rows]:
    """Look at every frame: those attributes of :class:`Predictions` that are known before lifting.

    A few frames are held at a time; decoding goes on besides.

    Args:
        name: of the video, for messages.
        clip: the decoded video.
        look: finds keypoints in boxes.
        given: the person's boxes; None: the person is looked for and followed.
        person: whom to follow, see :class:`pose3d.predict.tracking.PersonTracker`.
        scratch: folder for the rows.
        beginning: some of the first frames, from which following knows the background of a camera at rest.

    Raises:
        InputError: nobody is found in the whole video, or fewer people than ``person``.
    """
    tracker = PersonTracker(look, clip.width_px, clip.height_px, person)
    tracker.learn_background(beginning)
    rows = {
        "time_s": Rows(scratch, (), np.float64),
        "boxes_px": Rows(scratch, (4,)),
        "keypoints_px": Rows(scratch, (N_JOINTS, 2)),
        "confidence": Rows(scratch, (N_JOINTS,)),
        "found": Rows(scratch, (), bool),
    }
    frames, n_frames, anybody = iter(clip), 0, False
    with tqdm(total=clip.claimed_frames or None, desc="predict", unit="frame", mininterval=1) as progress:
        while batch := list(itertools.islice(frames, _FOLLOWED_BATCH if given is None else _GIVEN_BATCH)):
            images = [frame.image_bgr for frame in batch]
            if given is None:
                boxes_px, seen, found = tracker.follow(images)
            else:
                boxes_px = given.at(np.arange(n_frames, n_frames + len(batch)))
                seen = look(images, boxes_px)
                found = seen.confidence.mean(1) >= SURE
            anybody |= bool(found.any())
            rows["time_s"].append(np.array([frame.time_s for frame in batch]))
            rows["boxes_px"].append(boxes_px)
            rows["keypoints_px"].append(seen.keypoints_px)
            rows["confidence"].append(seen.confidence)
            rows["found"].append(found)
            n_frames += len(batch)
            progress.update(len(batch))
    if not anybody:
        where = "say where one is with --boxes" if given is None else "the boxes must lie around the person"
        raise InputError(f"no person is found in {name}: {where}")
    if n_frames < clip.claimed_frames:
        print(f"{name} claims {clip.claimed_frames} frames, {n_frames} decode: the rest is left out", file=sys.stderr)
    return rows
