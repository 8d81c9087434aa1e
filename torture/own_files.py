"""Small data sets, videos and calibrations of a user's own, in every layout that stages read, and what reads them."""

from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from people import camera_ring
from tiny_human36m import write_h36m_fetch, write_human36m
from tiny_npz import write_original_npz, write_videopose3d
from tiny_original_crops import write_original_crops
from tiny_qualisys import element, write_calibration
from tiny_video import picture, write_video

from pose3d.config.dataset import (
    H36mFetchParams,
    Human36mParams,
    OriginalCropsParams,
    OriginalNpzParams,
    RecordedDataset,
    VideoPose3DParams,
)
from pose3d.datasets.recording import Problem, recordings
from pose3d.datasets.sources import open_source
from pose3d.formats.clip import Clip
from pose3d.multiview.views import CALIBRATION, read_views
from pose3d.records.frames import VideoFrames, decode_image, read_image_file, video_frames
from pose3d.runtime.errors import InputError
from pose3d.training.checkpoint import Checkpoint

OWN = Path("own")
SUBJECTS = ("S1", "S9")
FRAMES = 6
_COMMON = {"subjects": {"train": ["S1"], "validation": [], "test": ["S9"]}, "actions": ["Walking"], "frame_step": 1}
_NPZ = {"frame_rate_hz": 50, "calibration": None, "keypoints_only": []}
_VIEWS = camera_ring(2)
_CHECKPOINT = "train_repnet", "0123456789abcdef"


def write_own_files(root: Path) -> None:
    """All of them in ``own/`` of a folder, and a checkpoint in ``.ckpt/``."""
    own = root / OWN
    for name in ("videopose3d", "original_npz", "views"):
        (own / name).mkdir(parents=True)
    write_human36m(own / "human36m", SUBJECTS, ["Walking"], frames=FRAMES)
    write_h36m_fetch(own / "h36m_fetch", SUBJECTS, ["Walking"], frames=FRAMES)
    write_videopose3d(own / "videopose3d", SUBJECTS, frames=FRAMES)
    write_original_npz(own / "original_npz", SUBJECTS[:1], SUBJECTS[1:], frames=FRAMES)
    write_original_crops(own / "original_crops", SUBJECTS[:1], SUBJECTS[1:], frames=FRAMES)
    write_calibration(own / "views" / CALIBRATION, *(element(camera) for camera in _VIEWS))
    images = [picture(_VIEWS[0].width_px, _VIEWS[0].height_px, (200, 100, 400, 500), seed) for seed in range(FRAMES)]
    for camera in _VIEWS:
        write_video(own / "views" / f"{camera.id}.mp4", images)
    write_video(own / "clip.mp4", images)
    checkpoint = Checkpoint(*_CHECKPOINT)
    checkpoint.path = root / checkpoint.path
    checkpoint.save(_state(1000))


def read_own(path: str) -> Any:
    """Read what a file belongs to, in the folder that :func:`write_own_files` was given, as stages do.

    Raises:
        InputError: it is damaged.
    """
    kind = Path(path).parts[1].removesuffix(".mp4")
    readers: dict[str, Callable[[], Any]] = {"views": _read_views, "clip": _read_clip}
    return readers[kind]() if kind in readers else _read_source(kind)


def read_checkpoint() -> Any:
    """What training would go on from; a checkpoint that is not used is refused, in the words that it then prints."""
    said = StringIO()
    with redirect_stderr(said):
        state = Checkpoint(*_CHECKPOINT).load(_state(0))
    if state is None:
        raise InputError(said.getvalue())
    return {name: value.numpy() if isinstance(value, torch.Tensor) else value for name, value in state.items()}


def checkpoint_path() -> str:
    """Of the checkpoint, from the folder."""
    return str(Checkpoint(*_CHECKPOINT).path)


def _state(step: int) -> dict[str, Any]:
    return {"step": step, "weights": torch.arange(5000) * 1e-3 * step, "curves": [{"loss": 1.5}] * (step // 50)}


def _read_source(source: str) -> Any:
    folder = str(OWN / source)
    datasets: dict[str, Callable[[], RecordedDataset]] = {
        "human36m": lambda: Human36mParams(source="human36m", folder=folder, **_COMMON),
        "h36m_fetch": lambda: H36mFetchParams(source="h36m_fetch", folder=folder, **_COMMON),
        "videopose3d": lambda: VideoPose3DParams(
            source="videopose3d",
            folder=folder,
            positions="data_3d_h36m.npz",
            keypoints="data_2d_h36m_cpn_ft_h36m_dbb.npz",
            **_COMMON,
            **_NPZ,
        ),
        "original_npz": lambda: OriginalNpzParams(
            source="original_npz",
            folder=folder,
            poses=["h36m_gt_train.npz", "h36m_gt_test.npz"],
            keypoints=["pose_resnet/h36m_pred2d_train.npz", "pose_resnet/h36m_pred2d_test.npz"],
            **_COMMON,
            **_NPZ,
        ),
        "original_crops": lambda: OriginalCropsParams(
            source="original_crops",
            folder=folder,
            crops="cropped",
            poses=["h36m_gt_train.npz", "h36m_gt_test.npz"],
            **_COMMON,
        ),
    }
    values = []
    for recording in recordings(open_source(datasets[source]())):
        if isinstance(recording, Problem):
            raise InputError(recording.sentence)
        sequence, frames = recording.sequence, recording.frames
        values.append(vars(sequence) | {"camera": vars(sequence.camera)})
        if recording.detected is not None:
            values.append(vars(recording.detected))
        if isinstance(frames, VideoFrames):
            values += video_frames(Path(folder) / frames.path, frames.indices)
        elif frames is not None:
            values += [decode_image(read_image_file(Path(folder) / path), path) for path in frames.paths]
    return values


def _read_views() -> Any:
    views = read_views(OWN / "views")
    return [(vars(v.camera), list(video_frames(v.video, np.arange(v.frames)))) for v in views]


def _read_clip() -> Any:
    with Clip(OWN / "clip.mp4") as clip:
        return [frame.image_bgr for frame in clip]
