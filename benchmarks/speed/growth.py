"""What stages cost as the data grows: 16 times the frames should take 16 times the time, and no more memory.

The real scripts run as processes of their own on inputs of four sizes: next to nothing, which shows what they spend
whatever the size, and once, 4 and 16 times some thousand frames. They run there and back, from the smallest to the
largest and to the smallest again, so that a machine that slows down or speeds up meanwhile bends nothing.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import torch
import yaml

from benchmarks.speed import people
from benchmarks.speed.lifters import block
from benchmarks.speed.pose2d import jpegs, write_crops
from benchmarks.speed.report import Figure, Setting
from pose3d.config.reading import DATA_SETS_FOLDER, PARAMS_FILE, SIZES_FOLDER, read_yaml
from pose3d.lifting.fit import lifter_architecture
from pose3d.lifting.lift import build_lifter
from pose3d.pose2d.network import PoseResNet
from pose3d.records.encoded_images import write_encoded_images
from pose3d.records.hdf5 import create_hdf5
from pose3d.records.keypoints2d import write_keypoints2d
from pose3d.records.sequences import PoseSequence, write_sequences
from pose3d.training.model_file import save_model

REPOSITORY = Path(__file__).parents[2]
MULTIPLES = (1, 4, 16)
_FRAME_PX, _CROP_PX = 256, 64
_MOST_CORES = 8  # for which there are enough frames to keep them busy; 16 times as many should fit on a disk
_SPLITS = {"train": ["S1"], "validation": [], "test": ["S9"]}
# The demo video is always of six seconds: at this rate of frames it takes few.
_FPS = 2.0
_FEW_FRAMES = 8
_LIFTED_FRAMES, _LONG_TAKE_FRAMES = 8000, 500
_DETECTOR = {"backbone": "resnet18", "stem_channels": 16, "deconv_channels": [16, 16, 16]}
_CHANGES = {
    "crop_resize": {"size_px": _CROP_PX},
    "evaluate": {"nearest_poses": 100, "nearest_yaws": 12},
    "lifting": {"keypoints_subjects": ["S1"], "prior": [{"subjects": ["S1"]}]},
}


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds of ``main`` and the process's peak memory."""

    seconds: float
    peak_bytes: int


def run(script: Path, folder: Path, setting: Setting) -> Cost:
    """A script's ``main`` in a folder that looks like the repository's root."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)]),
        "OMP_NUM_THREADS": str(setting.cores),
        "POSE3D_WORKERS": str(setting.cores),
        "POSE3D_ACCELERATOR": setting.device.type,
    }
    command = [sys.executable, "-m", "benchmarks.speed.measured_stage", str(REPOSITORY / script)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{script} failed: {done.stderr}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def slope_ratio(frames: list[int], seconds: list[float]) -> float:
    """How much dearer a frame is in the larger runs than in the second smallest, at most; 1 is linear.

    Args:
        frames, seconds: of each run, ascending; the first is what is spent whatever the size.
    """
    each = [(s - seconds[0]) / (f - frames[0]) for f, s in zip(frames[1:], seconds[1:], strict=True)]
    return max(later / each[0] for later in each[1:])


def _grow(
    setting: Setting, name: str, script: Path, frames: int, take_frames: int, write: Callable, memory: bool
) -> list[Figure]:
    """Measure one script; ``write(folder, sequences)`` gives it its inputs beside sequences.h5.

    Args:
        frames: of the data at multiple 1.
        take_frames: of each sequence; the data grows by more of them.
    """
    takes = [1, *(max(1, round(m * frames / (people.CAMERAS * take_frames))) for m in MULTIPLES)]
    lengths = [_FEW_FRAMES, *(take_frames for _ in MULTIPLES)]
    folders, sizes = [], []
    for number, (count, length) in enumerate(zip(takes, lengths, strict=True)):
        folder = setting.scratch / name / str(number)
        sequences = _sequences(count, length)
        _write_params(folder)
        write_sequences(folder / "data/sequences.h5", sequences, _SPLITS)
        write(folder, sequences)
        folders.append(folder)
        sizes.append(sum(map(len, sequences)))
    costs: dict[Path, list[Cost]] = {folder: [] for folder in folders}
    for folder in [*folders, *reversed(folders[:-1])]:
        costs[folder].append(run(script, folder, setting))
    seconds = [mean(cost.seconds for cost in of_size) for of_size in costs.values()]
    peaks = [max(cost.peak_bytes for cost in of_size) / 2**20 for of_size in costs.values()]
    shutil.rmtree(setting.scratch / name)

    sizes_text = ", ".join(f"{size:,}" for size in sizes[1:])
    seconds_text = ", ".join(f"{s - seconds[0]:.2f}" for s in seconds[1:])
    details = f"{seconds_text} s beside {seconds[0]:.2f} s for {sizes[0]} frames; {sizes_text} frames"
    measure = f"{name}: time a frame, up to 16 times the frames"
    figures = [Figure(measure, slope_ratio(sizes, seconds), "x", 1.15, details, at_most=True)]
    if memory:
        details = f"peaks of {', '.join(f'{peak:.0f}' for peak in peaks[1:])} MiB; {sizes_text} frames"
        measure = f"{name}: peak memory, 16 times the frames"
        figures.append(Figure(measure, peaks[-1] / peaks[1], "x", 1.2, details, at_most=True))
    return figures


def _sequences(takes: int, frames: int) -> list[PoseSequence]:
    """One training take, and ``takes`` of the test subject, which are one and the same motion."""
    test = people.take("S9", "Swing-1", frames, 1, _FPS, _FRAME_PX)
    more = [PoseSequence(**vars(s) | {"action": f"Swing-{number}"}) for number in range(1, takes + 1) for s in test]
    return people.take("S1", "Swing-1", _FEW_FRAMES, 0, _FPS, _FRAME_PX) + more


def _write_params(folder: Path) -> None:
    """The params of the embedded data set at size small, with :data:`_CHANGES`."""
    for path in (PARAMS_FILE, DATA_SETS_FOLDER / "embedded.yaml", SIZES_FOLDER / "small.yaml"):
        content = read_yaml(path)
        if path == PARAMS_FILE:
            content |= {"data": "embedded", "size": "small"}
        for name, changes in _CHANGES.items():
            for key in changes.keys() & content.get(name, {}).keys():
                content[name][key] = changes[key]
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(yaml.safe_dump(content), encoding="utf-8")


def _write_frames(folder: Path, sequences: list[PoseSequence]) -> None:
    """frames.h5 with the same few pictures again and again."""
    pictures = jpegs(_FRAME_PX, 32)
    with create_hdf5(folder / "data/frames.h5") as file:
        for sequence in sequences:
            write_encoded_images(file, sequence.key, [pictures[t % len(pictures)] for t in range(len(sequence))])


def _write_detector_inputs(folder: Path, sequences: list[PoseSequence]) -> None:
    write_crops(folder / "data/crops.h5", sequences, _CROP_PX)
    with create_hdf5(folder / "data/given_keypoints2d.h5"):
        pass
    torch.manual_seed(0)
    network = PoseResNet(_DETECTOR["backbone"], tuple(_DETECTOR["deconv_channels"]), _DETECTOR["stem_channels"])
    architecture = _DETECTOR | {"crop_size_px": _CROP_PX, "sigma_heatmap_px": 1.5}
    save_model(folder / "data/models/pose2d.pt", architecture, network.state_dict())


def _write_lifter_inputs(folder: Path, sequences: list[PoseSequence]) -> None:
    found = people.detections(sequences, 0)
    write_keypoints2d(folder / "data/keypoints2d.h5", zip([s.key for s in sequences], found, strict=True))
    for name in ("frames", "crops"):
        with create_hdf5(folder / f"data/{name}.h5"):
            pass  # as of a data set without images
    torch.manual_seed(0)
    for name in ("repnet", "temporal"):
        architecture = lifter_architecture(block("small", "lifting"), block("small", name))
        save_model(folder / f"data/models/{name}.pt", architecture, build_lifter(architecture).state_dict())


def crop_resize(setting: Setting) -> list[Figure]:
    frames = 700 * min(setting.cores, _MOST_CORES)
    return _grow(setting, "crop_resize", Path("stages/crop_resize.py"), frames, 100, _write_frames, memory=True)


def infer_2d(setting: Setting) -> list[Figure]:
    frames = 8000 if setting.on_gpu else 1500 * min(setting.cores, _MOST_CORES)
    return _grow(setting, "infer_2d", Path("stages/infer_2d.py"), frames, 100, _write_detector_inputs, memory=True)


def lifters(setting: Setting) -> list[Figure]:
    script = Path("benchmarks/speed/lift_all.py")
    return _grow(setting, "lifters", script, _LIFTED_FRAMES, _LONG_TAKE_FRAMES, _write_lifter_inputs, memory=False)


def evaluate(setting: Setting) -> list[Figure]:
    script = Path("stages/evaluate.py")
    return _grow(setting, "evaluate", script, 2 * _LIFTED_FRAMES, _LONG_TAKE_FRAMES, _write_lifter_inputs, memory=False)
