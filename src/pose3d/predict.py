"""Predict the 3D poses of one person in a video with the models that the pipeline trained.

    python -m pose3d.predict video.mp4 --out folder

Writes folder/predictions.npz and folder/predictions.csv, see pose3d.predictions. Start it in the root of the
repository, whose params.yaml says how crops are cut and heatmaps decoded. docs/predict.md explains the choices.
"""

import argparse
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from pose3d.camera import Camera, crop_from_image
from pose3d.clip import Clip, camera_from_view, read_camera
from pose3d.config.pose2d import CropResizeParams, Infer2DParams
from pose3d.config.reading import StageParams
from pose3d.errors import InputError
from pose3d.following import Follower, GivenBoxes
from pose3d.lifting.lift import Lifted, lift, load_lifter
from pose3d.lifting.networks import FrameLifter, RepNet
from pose3d.lifting.temporal import RecurrentNetwork, TemporalLifter
from pose3d.lifting.trajectory import smooth
from pose3d.lifting.virtual_camera import lifter_features, root_position, to_camera_space
from pose3d.pose2d.batches import Batch
from pose3d.pose2d.crops import cut_square, whole_px_square
from pose3d.pose2d.inference import detect, load_network, to_full_image
from pose3d.predictions import Predictions, write_csv, write_npz
from pose3d.processes import one_process
from pose3d.records import Keypoints2D, Sequence
from pose3d.skeleton import N_JOINTS, mirror_permutation

MODELS = Path("data/models")
LIFTERS = ("repnet", "temporal")
FOV_DEG = 60.0
TRAINED_RATE_HZ = 25.0
"""What the temporal lifter was trained at (``dataset.frame_rate_hz``): its windows must last as long here."""
GAP_S = 1.0
"""Frames further apart are of different shots: nothing is known of how the person got from one to the other."""
CHUNK_FRAMES = 1024
"""Frames that are lifted together; the memory that lifting takes grows with it, not with the clip."""
_GIVEN_BATCH, _FOLLOWED_BATCH, _LOOK_BATCH = 16, 4, 16


class Params(StageParams):
    crop_resize: CropResizeParams
    infer_2d: Infer2DParams


class Detector:
    """The 2D network on boxes of pictures.

    Args:
        model_path: of pose2d.pt.

    Raises:
        InputError: the model is missing or another.
    """

    def __init__(self, model_path: str | os.PathLike, params: Params) -> None:
        network, self._architecture = load_network(model_path)
        fabric = one_process(mixed=True)
        self._network, self._device = fabric.setup_module(network), fabric.device
        self._params = params

    def __call__(self, images_bgr: list[np.ndarray], boxes_px: np.ndarray) -> Keypoints2D:
        """Keypoints (N, 17, 2) in px of the pictures; N pictures (H, W, 3) and (N, 4) boxes."""
        size_px = self._architecture["crop_size_px"]
        squares = whole_px_square(boxes_px, self._params.crop_resize.margin)
        crops = np.stack(
            [cut_square(image, square, size_px)[..., ::-1] for image, square in zip(images_bgr, squares, strict=True)]
        )
        no_truth = torch.empty(0)
        batches = (Batch(part, no_truth) for part in torch.from_numpy(crops).split(_LOOK_BATCH))
        how = self._params.infer_2d
        sigma_px = self._architecture["sigma_heatmap_px"]
        detected = detect(self._network, batches, self._device, how.decode, sigma_px, how.flip_test)
        return to_full_image(detected, crop_from_image(squares, size_px))


def predict(
    video: str | os.PathLike,
    camera: str | os.PathLike | None = None,
    fov_deg: float = FOV_DEG,
    boxes: str | os.PathLike | None = None,
    person: int | None = None,
    models: str | os.PathLike = MODELS,
) -> Predictions:
    """Predict one person's keypoints and poses in every frame of a video.

    Args:
        video: any file that OpenCV's FFmpeg decodes.
        camera: JSON file, see :func:`pose3d.clip.read_camera`; None: a camera of ``fov_deg``.
        fov_deg: field of view along the picture's longer side.
        boxes: CSV file, see :class:`pose3d.following.GivenBoxes`; None: the person is found and followed.
        person: which one to follow, see :class:`pose3d.following.Follower`.
        models: folder of pose2d.pt, repnet.pt and temporal.pt.

    Raises:
        InputError: a file is missing or wrong, or nobody is found.
    """
    params = Params.load()
    if person is not None and (person < 1 or boxes is not None):
        raise InputError("--person counts from 1 from the left, and goes without --boxes, which say who it is")
    lifters = {name: load_lifter(Path(models) / f"{name}.pt") for name in LIFTERS}
    with Clip(video) as clip:
        if camera is None:
            view = camera_from_view(clip.width_px, clip.height_px, fov_deg)
        else:
            view = read_camera(camera, clip.width_px, clip.height_px)
        given = None if boxes is None else GivenBoxes(boxes, clip.width_px, clip.height_px)
        detector = Detector(Path(models) / "pose2d.pt", params)
        time_s, boxes_px, detected = find_keypoints(video, clip, detector, given, person)
    lifted = {name: lift_clip(lifter, view, time_s, detected.keypoints_px) for name, lifter in lifters.items()}
    return Predictions(time_s, boxes_px, detected.keypoints_px, detected.confidence, lifted, view)


def find_keypoints(
    name: str | os.PathLike,
    clip: Clip,
    look: Callable[[list[np.ndarray], np.ndarray], Keypoints2D],
    given: GivenBoxes | None,
    person: int | None,
) -> tuple[np.ndarray, np.ndarray, Keypoints2D]:
    """Times (T,), boxes (T, 4) and keypoints of every frame. A few frames are held at a time; decoding goes on besides.

    Args:
        name: of the video, for messages.

    Raises:
        InputError: nobody is found in the whole video, or fewer people than ``person``.
    """
    follower = Follower(look, clip.width_px, clip.height_px, person)
    times, boxes, keypoints, confidences = [], [], [], []
    frames, n_frames = iter(clip), 0
    with tqdm(total=clip.claimed_frames or None, desc="predict", unit="frame", mininterval=1) as progress:
        while batch := list(itertools.islice(frames, _FOLLOWED_BATCH if given is None else _GIVEN_BATCH)):
            images = [frame.image_bgr for frame in batch]
            if given is None:
                boxes_px, found = follower.follow(images)
            else:
                boxes_px = given.at(np.arange(n_frames, n_frames + len(batch)))
                found = look(images, boxes_px)
            times += [frame.time_s for frame in batch]
            boxes.append(boxes_px.astype(np.float32))
            keypoints.append(found.keypoints_px)
            confidences.append(found.confidence)
            n_frames += len(batch)
            progress.update(len(batch))
    if given is None and not follower.found:
        raise InputError(f"no person is found in {name}: say where one is with --boxes")
    if n_frames < clip.claimed_frames:
        print(f"{name} claims {clip.claimed_frames} frames, {n_frames} decode: the rest is left out", file=sys.stderr)
    return np.array(times), np.concatenate(boxes), Keypoints2D(np.concatenate(keypoints), np.concatenate(confidences))


def lift_clip(lifter: nn.Module, camera: Camera, time_s: np.ndarray, keypoints_px: np.ndarray) -> Lifted:
    """Lift a clip of any frame rate, also a varying one.

    A lifter that sees several frames gets them at the rate that it was trained at, interpolated in time, and its poses
    are interpolated back to the frames' own times. Past gaps of :data:`GAP_S` it starts anew.

    Args:
        time_s: (T,), strictly ascending.
        keypoints_px: (T, 17, 2).
    """
    if isinstance(lifter, FrameLifter | RepNet):
        return lift_in_chunks(lifter, camera, keypoints_px)
    poses = []
    for frames in np.split(np.arange(len(time_s)), np.flatnonzero(np.diff(time_s) > GAP_S) + 1):
        time, keypoints = time_s[frames] - time_s[frames[0]], keypoints_px[frames]
        steady_s = np.arange(1 + int(np.ceil(time[-1] * TRAINED_RATE_HZ - 1e-3))) / TRAINED_RATE_HZ
        # Times are rounded to whole ms or ticks in some files; such frames need no interpolation.
        if len(time) == len(steady_s) and np.abs(time - steady_s).max() < 2e-3:
            poses.append(lift_in_chunks(lifter, camera, keypoints).poses_cam_m)
            continue
        lifted = lift_in_chunks(lifter, camera, resample(time, keypoints, steady_s))
        poses.append(resample(steady_s, lifted.poses_cam_m, time))
    return Lifted(np.concatenate(poses), has_root=True)


def resample(time_s: np.ndarray, values: np.ndarray, new_time_s: np.ndarray) -> np.ndarray:
    """Values (T, ...) at other times (N,), linear between their own and constant beyond; (N, ...) float32."""
    after = np.clip(np.searchsorted(time_s, new_time_s, side="right"), 1, max(1, len(time_s) - 1))
    before, after = after - 1, np.minimum(after, len(time_s) - 1)
    step_s = np.maximum(time_s[after] - time_s[before], np.finfo(float).tiny)
    share = np.clip((new_time_s - time_s[before]) / step_s, 0, 1).reshape(-1, *[1] * (values.ndim - 1))
    return ((1 - share) * values[before] + share * values[after]).astype(np.float32)


def lift_in_chunks(
    lifter: nn.Module, camera: Camera, keypoints_px: np.ndarray, chunk_frames: int = CHUNK_FRAMES
) -> Lifted:
    """What :func:`pose3d.lifting.lift.lift` gives for (T, 17, 2) keypoints, in memory that does not grow with T.

    Chunks overlap by what an output's window needs on both sides. The smoothing of the root's distance sees the whole
    clip, by one number a frame. A recurrent lifter, whose state goes through the whole clip, takes it in one piece.
    """
    if isinstance(lifter, TemporalLifter) and isinstance(lifter.pose, RecurrentNetwork):
        chunk_frames = len(keypoints_px)
    starts = range(0, len(keypoints_px), chunk_frames)
    if not isinstance(lifter, FrameLifter | TemporalLifter):
        return _lift_original(lifter, camera, keypoints_px, starts, chunk_frames)
    poses, distances = [], []
    for start in starts:
        stop = min(start + chunk_frames, len(keypoints_px))
        # The first frame of all has none before it, and itself stands in, as edge frames do in the whole clip.
        index = np.arange(start - lifter.frames_before - lifter.with_motion, stop + lifter.frames_after)
        around = keypoints_px[np.clip(index, 0, len(keypoints_px) - 1)]
        image_plane = torch.from_numpy(camera.normalize(around)).float()
        chunk, distance = _lift_window(lifter, image_plane)
        poses.append(chunk.numpy())
        distances.append(distance.numpy())
    joints = np.concatenate(poses)
    if lifter.frames_after:
        distance = np.concatenate(distances)
        farther = np.exp(smooth(distance, TRAINED_RATE_HZ) - distance) - 1
        joints += (joints[:, :1] * farther[:, None, None]).astype(np.float32)
    return Lifted(joints, has_root=True)


@torch.inference_mode()
def _lift_window(lifter: FrameLifter | TemporalLifter, image_plane: Tensor) -> tuple[Tensor, Tensor]:
    """Joints (T, 17, 3) in camera space and the logarithm of the root's distance (T,), before its smoothing.

    Args:
        image_plane: (before + T + after, 17, 2); the mean over the clip and its mirror image is
            :func:`pose3d.lifting.lift.lift_virtual`'s.
    """
    permutation = torch.from_numpy(mirror_permutation())
    flip = torch.tensor([-1.0, 1.0, 1.0])
    features, view = lifter_features(
        torch.stack([image_plane, image_plane[:, permutation] * flip[:2]]), lifter.with_motion
    )
    poses, codes = lifter.forward_clip(features)
    outputs = slice(lifter.frames_before, features.shape[1] - lifter.frames_after)
    pose = (poses[0] + poses[1][:, permutation[1:] - 1] * flip) / 2
    roots = root_position((codes[0] + codes[1] * flip) / 2, view.scale[0, outputs])
    return to_camera_space(pose, roots, view.rotation[0, outputs]), roots[:, 2].log()


def _lift_original(
    lifter: nn.Module, camera: Camera, keypoints_px: np.ndarray, starts: range, chunk_frames: int
) -> Lifted:
    """The original's lifters smooth nothing: a frame far from a chunk's edges is that of the whole clip."""
    before, after = getattr(lifter, "frames_before", 0), getattr(lifter, "frames_after", 0)
    poses = []
    for start in starts:
        first, stop = max(0, start - before), min(start + chunk_frames, len(keypoints_px))
        part = keypoints_px[first : stop + after]
        lifted = lift(lifter, _without_truth(camera, len(part)), part)
        poses.append(lifted.poses_cam_m[start - first : stop - first])
    return Lifted(np.concatenate(poses), lifted.has_root)


def _without_truth(camera: Camera, n_frames: int) -> Sequence:
    """A sequence of which only the camera and the frame rate are known, which is all that lifting reads."""
    unknown = np.broadcast_to(np.float32(np.nan), (n_frames, N_JOINTS, 3))
    return Sequence(
        "clip", "clip", camera, TRAINED_RATE_HZ, unknown, unknown, unknown[..., :2], unknown[:, 0, [0, 1, 0, 1]]
    )


def main(arguments: list[str] | None = None) -> None:
    """Predict and write; bad input or a full disk ends it with one sentence and exit status 1."""
    parser = argparse.ArgumentParser(
        prog="python -m pose3d.predict", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", help="of one person or several; one is followed")
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--camera", metavar="JSON", help="calibration: width_px, height_px, intrinsics_px, distortion")
    view.add_argument(
        "--fov",
        type=float,
        default=FOV_DEG,
        metavar="DEGREES",
        help=f"field of view along the picture's longer side, where there is no calibration; by default {FOV_DEG:g}",
    )
    parser.add_argument("--boxes", metavar="CSV", help="frame,x0,y0,x1,y1 in px; by default the person is followed")
    parser.add_argument("--person", type=int, metavar="N", help="the N-th from the left; by default the largest")
    parser.add_argument("--models", default=MODELS, metavar="FOLDER", help=f"trained models; by default {MODELS}")
    parser.add_argument("--out", default="prediction", metavar="FOLDER", help="by default prediction")
    given = parser.parse_args(arguments)
    try:
        Path(given.out).mkdir(parents=True, exist_ok=True)  # before the long part: a wrong name shows now
        predictions = predict(given.video, given.camera, given.fov, given.boxes, given.person, given.models)
        for name, write in {"predictions.npz": write_npz, "predictions.csv": write_csv}.items():
            write(Path(given.out) / name, predictions)
            print(Path(given.out) / name)
    except InputError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted: nothing half-written is left", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if error.errno is None:
            raise
        where = f" at {error.filename}" if error.filename else ""
        sys.exit(f"error: {error.strerror}{where}; free space or mend permissions there, then run again")


if __name__ == "__main__":
    main()
