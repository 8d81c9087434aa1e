"""From a video to keypoints, and from those to poses: what :func:`predict` does, in memory that does not grow."""

import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from pose3d.config.pose2d import CropResizeParams, Infer2DParams
from pose3d.config.reading import StageParams
from pose3d.formats.calibrated import Calibrated
from pose3d.formats.clip import Clip, ClipFrame
from pose3d.formats.predictions import Predictions
from pose3d.geometry.camera import Camera
from pose3d.geometry.lens_edge import BEYOND, mark_beyond
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.lift import LIFTERS, Lifted, load_lifter
from pose3d.lifting.long_clips import fill_unknown, lift_clip
from pose3d.lifting.networks import Lifter
from pose3d.onnx.runtime import load_lifter_onnx, load_network_onnx
from pose3d.pose2d import blazepose_people
from pose3d.pose2d.blazepose_people import PersonDetector
from pose3d.pose2d.detector import Detector, KeypointDetector
from pose3d.pose2d.inference import load_network
from pose3d.pose2d.tflite_network import load_tflite
from pose3d.predict.clip import camera_from_view, read_camera
from pose3d.predict.following import PeopleFollower
from pose3d.predict.given_boxes import GivenBoxes
from pose3d.predict.models import RELEASED, TRAINED, default_models
from pose3d.predict.people_finder import SURE, PeopleFinder
from pose3d.predict.sightings import SightingRows
from pose3d.predict.vertical import ask_inverse, calibrated_up, said_up
from pose3d.records.detected_points import LEAST_PERSON_PX
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import sha256_of
from pose3d.runtime.inference_device import InferenceDevice
from pose3d.runtime.rows import Rows, chunks
from pose3d.world.standing import Standing, stand
from pose3d.world.stature import check_height, height_factors, sampled, standing_height
from pose3d.world.up import edge_planes

PERSON_DETECTOR = RELEASED / "pose_detection.tflite"
"""BlazePose's, as mediapipe 0.10.21 has it; in the repository."""
_PERSON_DETECTOR_SHA256 = "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c"
_GIVEN_BATCH = 16


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
    where = InferenceDevice.from_environment()
    return Detector(where.place(network), architecture, where.device, *how)


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
    camera_name: str | None = None,
    height_m: float | None = None,
    up: str = "estimate",
    rate_hz: float | None = None,
) -> Predictions:
    """Predict one person's keypoints and poses in every frame of a video.

    Args:
        video: any file that OpenCV's FFmpeg decodes, or a folder of pictures.
        camera: calibration, see :func:`pose3d.predict.clip.read_camera`; None: a camera of ``fov_deg``.
        fov_deg: field of view along the picture's longer side.
        boxes: CSV file, see :class:`pose3d.predict.given_boxes.GivenBoxes`; None: everybody is found and followed.
        person: the N-th from the left in the first frame with anybody, from 1; None: who takes up the most of the
            picture over the whole video.
        models: folder of pose2d, repnet and temporal; None: see
            :func:`pose3d.predict.models.default_models`.
        runtime: torch, for .pt files, or onnx, for .onnx files.
        scratch: a folder: what is predicted lies in files there, as :class:`pose3d.runtime.rows.Rows`, and memory does
            not grow with the video. None: all of it is in memory as arrays, 0.9 kB a frame.
        camera_name: of a calibration with several cameras; None: the one of the video's name.
        height_m: standing height of the person; None: of the size that the lifters guess.
        up: which way is up: ``estimate``, ``level``, ``calibration`` (its z axis), ``metadata`` (the video's, see
            :mod:`pose3d.formats.gpmf`) or a direction, see :func:`pose3d.world.up.given_up`.
        rate_hz: true frames a second, for slow motion and folders of pictures; None: the video's own times.

    Raises:
        InputError: a file is missing or wrong, nobody is found, or fewer people than ``person``.
        OSError: the disk is full.
    """
    job = _Job.of(video, camera, fov_deg, models, runtime, scratch, camera_name, height_m, up, rate_hz)
    if boxes is not None:
        if person is not None:
            raise InputError("--person goes without --boxes, which say who it is")
        return job.lift(job.look_at(boxes), camera_at_rest=True)
    if person is not None and person < 1:
        raise InputError(f"--person counts from 1 from the left, not from {person}")
    everybody = job.look_for_people(person)
    largest = everybody.largest()
    if largest is None:
        raise job.nobody()
    return job.lift(everybody.of(largest if person is None else person - 1), everybody.camera_at_rest)


def predict_people(
    video: str | os.PathLike,
    camera: str | os.PathLike | None = None,
    fov_deg: float = 60.0,
    models: str | os.PathLike | None = None,
    runtime: str = "torch",
    scratch: str | os.PathLike | None = None,
    camera_name: str | None = None,
    height_m: float | None = None,
    up: str = "estimate",
    rate_hz: float | None = None,
) -> Iterator[tuple[int, Predictions]]:
    """Predict everybody's keypoints and poses; the arguments are those of :func:`predict`.

    Yields:
        The number that ``person`` of :func:`predict` has for them, and their predictions, one after the other.

    Raises:
        InputError: a file is missing or wrong, or nobody is found.
        OSError: the disk is full.
    """
    if height_m is not None:
        raise InputError("--height is one person's and goes without --person all: predict them one by one")
    job = _Job.of(video, camera, fov_deg, models, runtime, scratch, camera_name, None, up, rate_hz)
    everybody = job.look_for_people(None)
    if not everybody.people():
        raise job.nobody()
    for person in everybody.people():
        yield person + 1, job.lift(everybody.of(person), everybody.camera_at_rest)


@dataclass(frozen=True, eq=False)
class _Job:
    """One video and what it is looked at with; attributes as the arguments of :func:`predict`.

    Attributes:
        up_cam: (3,) upwards in camera space; None: it is estimated.
        calibration: the file and the camera in it that say which way is up; None: they do not.
    """

    video: str | os.PathLike
    view: Camera
    models: Path
    runtime: str
    params: Params
    lifters: dict[str, Lifter]
    scratch: str | os.PathLike | None
    height_m: float | None
    up_cam: np.ndarray | None
    calibration: tuple[str | os.PathLike, Calibrated] | None
    rate_hz: float | None

    @classmethod
    def of(
        cls,
        video: str | os.PathLike,
        camera: str | os.PathLike | None,
        fov_deg: float,
        models: str | os.PathLike | None,
        runtime: str,
        scratch: str | os.PathLike | None,
        camera_name: str | None,
        height_m: float | None,
        up: str,
        rate_hz: float | None,
    ) -> "_Job":
        """Read all but the video, so that what is missing shows at once."""
        if height_m is not None:
            check_height(height_m)
        up_cam, calibration = said_up(up, video), None
        if camera is None and (camera_name is not None or up == "calibration"):
            raise InputError("--camera-name and --up calibration need a calibration: give --camera")
        params = Params.load()
        folder = default_models(runtime) if models is None else Path(models)
        lifters = load_lifters(folder, runtime)
        with Clip(video, rate_hz) as clip:
            for sentence in clip.said:
                print(sentence, file=sys.stderr)
            if camera is None:
                view = camera_from_view(clip.width_px, clip.height_px, fov_deg)
            else:
                one = read_camera(camera, clip.width_px, clip.height_px, camera_name, Path(video).stem, clip.shown)
                if up == "calibration":
                    up_cam, calibration = calibrated_up(camera, one), (camera, one)
                view = replace(one.camera, id="clip", rotation=np.eye(3), translation_m=np.zeros(3))
        return cls(video, view, folder, runtime, params, lifters, scratch, height_m, up_cam, calibration, rate_hz)

    def look_at(self, boxes: str | os.PathLike) -> dict[str, Rows]:
        with Clip(self.video, self.rate_hz) as clip:
            given = GivenBoxes(boxes, clip.width_px, clip.height_px)
            if given.first_frame > 0 or clip.picture_numbers is not None:
                with Clip(self.video, self.rate_hz) as counted:  # which decoding alone does
                    n_video = len(counted.times_s())
                for sentence in given.put_into(n_video, clip.picture_numbers):
                    print(sentence, file=sys.stderr)
            look = load_detector(self.models, self.runtime, self.params)
            return find_keypoints(self.video, clip, look, given, self.scratch)

    def look_for_people(self, person: int | None) -> SightingRows:
        with Clip(self.video, self.rate_hz) as clip:
            look = load_detector(self.models, self.runtime, self.params)
            return find_people(self.video, clip, load_finder(look), person, self.scratch)

    def nobody(self) -> InputError:
        # Because models of a short training, as of size smoke, are sure of nobody.
        otherwise = f", or give --models {RELEASED} for the released models" if self.models == TRAINED else ""
        return InputError(f"no person is found in {self.video}: say where one is with --boxes{otherwise}")

    def lift(self, seen: dict[str, Rows], camera_at_rest: bool) -> Predictions:
        time_s, found = seen["time_s"][:], seen["found"][:]
        mark_beyond_lens(self.video, self.view, seen)
        lifted = {
            name: lift_clip(lifter, self.view, time_s, seen["keypoints_px"], self.scratch)
            for name, lifter in self.lifters.items()
        }
        for one in lifted.values():
            fill_unknown(one, time_s)
        if self.height_m is not None:
            for one in lifted.values():
                self._scale(one, seen, time_s, found)
        standing = self._stand(lifted["temporal"], seen, time_s, found, camera_at_rest)
        if self.scratch is not None:
            return Predictions(**seen, lifted=lifted, camera=self.view, standing=standing, landmarks=())
        in_memory = {name: one.each(itemgetter(slice(None))) for name, one in lifted.items()}
        if standing is not None:
            standing = replace(standing, poses_world_m=standing.poses_world_m[:])
        return Predictions(
            **{name: rows[:] for name, rows in seen.items()},
            lifted=in_memory,
            camera=self.view,
            standing=standing,
            landmarks=(),  # our own 2D network has no points but our joints
        )

    def _scale(self, lifted: Lifted[Rows], seen: dict[str, Rows], time_s: np.ndarray, found: np.ndarray) -> None:
        """Make the person as tall as said, in place."""
        assert self.height_m is not None
        poses = lifted.poses_cam_m
        if lifted.has_root:
            factors = height_factors(
                poses, self.view, seen["keypoints_px"], seen["confidence"], found, time_s, self.height_m
            )
        else:
            factors = np.full(len(found), self.height_m / standing_height(sampled(poses, found)))
        for part in chunks(len(found)):
            poses[part] = poses[part] * factors[part, None, None]
            if lifted.radii_m is not None:
                lifted.radii_m[part] = lifted.radii_m[part] * factors[part, None, None]

    def _stand(
        self, lifted: Lifted[Rows], seen: dict[str, Rows], time_s: np.ndarray, found: np.ndarray, camera_at_rest: bool
    ) -> Standing | None:
        """Poses in the world; None, and a sentence on stderr, where the camera moves."""
        if not camera_at_rest:
            print(f"{self.video}: the camera moves or there are cuts: no poses in the world", file=sys.stderr)
            return None
        if self.calibration is not None:
            ask_inverse(*self.calibration, lifted.poses_cam_m, found)
        planes = None
        if self.up_cam is None:
            with Clip(self.video, self.rate_hz) as clip:
                planes = edge_planes(next(iter(clip)).image_bgr, self.view)
        return stand(
            lifted.poses_cam_m, self.view, seen["keypoints_px"], found, time_s, self.up_cam, planes, self.scratch
        )


def mark_beyond_lens(name: str | os.PathLike, camera: Camera, seen: dict[str, Rows]) -> None:
    """Give keypoints where the lens shows nothing confidence 0 and the place of the frames around, in place.

    Args:
        name: of the video, for the sentence on stderr that says how many there are.
        camera: that saw them.
        seen: its keypoints_px and confidence are changed.
    """
    n_beyond = 0
    for part in chunks(len(seen["keypoints_px"])):
        keypoints_px, beyond = mark_beyond(camera, seen["keypoints_px"][part])
        if beyond.any():
            seen["keypoints_px"][part] = keypoints_px
            seen["confidence"][part] = np.where(beyond, 0, seen["confidence"][part])
            n_beyond += int(beyond.sum())
    if n_beyond:
        print(f"{name}: {n_beyond:,} keypoints {BEYOND}", file=sys.stderr)


def load_finder(look: KeypointDetector) -> PeopleFinder:
    """BlazePose's detector of people, on the device that ``POSE3D_ACCELERATOR`` says, and what looks at them.

    Raises:
        InputError: the detector's file is missing or damaged.
    """
    try:
        whole = sha256_of(PERSON_DETECTOR) == _PERSON_DETECTOR_SHA256
    except OSError:
        whole = False
    if not whole:
        raise InputError(f"{PERSON_DETECTOR} is missing or damaged: `git checkout {PERSON_DETECTOR}` brings it back")
    where = InferenceDevice.from_environment()
    network = where.place(load_tflite(PERSON_DETECTOR, blazepose_people.OUTPUTS))
    return PeopleFinder(PersonDetector(network, where.device), look)


def find_keypoints(
    name: str | os.PathLike,
    clip: Clip,
    look: KeypointDetector,
    given: GivenBoxes,
    scratch: str | os.PathLike | None = None,
) -> dict[str, Rows]:
    """Look at given boxes in every frame: the attributes of :class:`Predictions` that are known before lifting.

    A few frames are held at a time; decoding goes on besides.

    Args:
        name: of the video, for messages.
        clip: the decoded video.
        look: finds keypoints in boxes.
        given: the person's boxes.
        scratch: folder for the rows.

    Raises:
        InputError: the boxes hold nobody in the whole video.
    """
    rows = {
        "time_s": Rows(scratch, (), np.float64),
        "boxes_px": Rows(scratch, (4,)),
        "keypoints_px": Rows(scratch, (N_JOINTS, 2)),
        "confidence": Rows(scratch, (N_JOINTS,)),
        "found": Rows(scratch, (), bool),
    }
    anybody = False
    frames, n_frames = _frames(clip), 0
    while batch := list(itertools.islice(frames, _GIVEN_BATCH)):
        boxes_px = given.at(np.arange(n_frames, n_frames + len(batch)))
        n_frames += len(batch)
        seen = look([frame.image_bgr for frame in batch], boxes_px)
        large = (boxes_px[:, 2:] - boxes_px[:, :2]).max(1) >= LEAST_PERSON_PX
        found = (seen.confidence.mean(1) >= SURE) & large
        anybody |= bool(found.any())
        rows["time_s"].append(np.array([frame.time_s for frame in batch]))
        rows["boxes_px"].append(boxes_px)
        rows["keypoints_px"].append(seen.keypoints_px)
        rows["confidence"].append(seen.confidence)
        rows["found"].append(found)
    if not anybody:
        raise InputError(f"no person is found in {name}: the boxes must lie around the person")
    return rows


def find_people(
    name: str | os.PathLike,
    clip: Clip,
    finder: PeopleFinder,
    person: int | None = None,
    scratch: str | os.PathLike | None = None,
) -> SightingRows:
    """Follow everybody through a video and find their keypoints.

    Args:
        name: of the video, for messages.
        clip: the decoded video.
        finder: finds people in frames.
        person: who is wanted, from 1; None: anybody.
        scratch: folder for the rows.

    Raises:
        InputError: where people first appear there are fewer than ``person``.
    """
    follower = PeopleFollower(finder, clip.width_px, clip.height_px)
    sightings = SightingRows(scratch, clip.width_px, clip.height_px)
    anybody = False
    for frame, people, found in follower.follow(_frames(clip)):
        known = people >= 0
        # Whoever was found later has a higher number, and may have been put into this frame afterwards.
        n_known = next(number for number in itertools.count() if number not in people)
        if n_known and not anybody and person is not None and person > n_known:
            raise InputError(
                f"person {person} was asked for, {n_known} can be seen where people first appear: "
                "ask for a lower number, or give --boxes"
            )
        anybody |= n_known > 0
        columns = found.boxes_px, found.keypoints_px, found.confidence
        sightings.append(frame.time_s, people[known], *(column[known] for column in columns))
    sightings.join(follower.tracker.same_people())
    sightings.camera_at_rest = follower.camera_path.at_rest
    return sightings


def _frames(clip: Clip) -> Iterator[ClipFrame]:
    """All frames with a progress bar; says so where it ends before its header says."""
    n_frames, last_s = 0, 0.0
    with tqdm(total=clip.claimed_frames or None, desc="predict", unit="frame", mininterval=1) as progress:
        for frame in clip:
            yield frame
            n_frames, last_s = n_frames + 1, frame.time_s
            progress.update()
    said = clip.ends_early(n_frames, last_s)
    if said is not None:
        print(said, file=sys.stderr)
