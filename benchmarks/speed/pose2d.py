"""The detector: what everything around the network costs."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from lightning_fabric import Fabric

from benchmarks.speed import people
from benchmarks.speed.report import Figure, Setting
from benchmarks.speed.timing import interleaved, seconds
from pose3d.config.pose2d import Infer2DParams, PoseResNetParams, Train2DParams
from pose3d.config.reading import read_merged
from pose3d.geometry.camera import crop_from_image
from pose3d.pose2d.batches import normalize_images
from pose3d.pose2d.blazepose_network import BlazePoseHeatmaps
from pose3d.pose2d.crops import whole_px_square
from pose3d.pose2d.inference import batch_size, detect_sequences
from pose3d.pose2d.network import PoseResNet, channels_last
from pose3d.records.encoded_images import write_encoded_images
from pose3d.records.hdf5 import create_hdf5, write_dataset
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.processes import one_process
from pose3d.runtime.torch_threads import map_in_threads
from pose3d.training.seeds import seed_all

_MARGIN = 1.25
_JPEG_QUALITY = 90
_GRAIN = 3.0
_TAKE_FRAMES = 100  # 4 s, as in the embedded data set


def jpegs(size_px: int, count: int) -> list[bytes]:
    """Pictures of blurred noise, about as many bytes as photographs of the size take."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, size_px // 8, size_px // 8, 3), np.uint8)
    quality, encoded = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY], []
    for patches in coarse:
        smooth = cv2.resize(patches, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
        picture = (smooth + rng.normal(0, _GRAIN, smooth.shape)).clip(0, 255).astype(np.uint8)
        encoded.append(cv2.imencode(".jpg", picture, quality)[1].tobytes())
    return encoded


def write_crops(path: Path, sequences: list[PoseSequence], size_px: int) -> None:
    """crops.h5 with the same few pictures again and again."""
    pictures = jpegs(size_px, 32)
    with create_hdf5(path) as file:
        file.attrs["size_px"] = size_px
        for sequence in sequences:
            images = [pictures[frame % len(pictures)] for frame in range(len(sequence))]
            group = write_encoded_images(file, sequence.key, images)
            squares = whole_px_square(sequence.boxes_px, _MARGIN)
            write_dataset(group, "crop_from_image", crop_from_image(squares, size_px))


def whole_path(setting: Setting) -> list[Figure]:
    """infer_2d's work on every sequence, against the network alone on as many ready batches; in float32, and in the
    precision that the stage takes here, if that is another."""
    takes = range(10 if setting.on_gpu else 1)
    sequences = [s for number in takes for s in people.take("S1", f"Swing-{number}", _TAKE_FRAMES, number)]
    path = setting.scratch / "crops.h5"
    write_crops(path, sequences, _params(setting)["crop_resize"]["size_px"])
    of_precision = {f.strategy.precision.precision: f for f in (setting.fabric, one_process())}
    return [_whole_path(setting, precision, f, path, sequences) for precision, f in of_precision.items()]


def _size(setting: Setting) -> str:
    return "gpu" if setting.on_gpu else "small"


def _params(setting: Setting) -> dict[str, Any]:
    return read_merged(Path(), "embedded", _size(setting))[0]


def _whole_path(setting: Setting, precision: str, fabric: Fabric, path: Path, sequences: list[PoseSequence]) -> Figure:
    params = Train2DParams.model_validate(_params(setting)["train_2d"])
    infer = Infer2DParams.model_validate(_params(setting)["infer_2d"])
    size_px = _params(setting)["crop_resize"]["size_px"]
    seed_all(0)  # and deterministic algorithms, as the stage
    sizes = params.network
    if isinstance(sizes, PoseResNetParams):
        name, built = sizes.backbone, PoseResNet(sizes.backbone, sizes.deconv_channels, sizes.stem_channels)
    else:
        name, built = sizes.kind, BlazePoseHeatmaps()
    network = fabric.setup_module(channels_last(built).eval())
    architecture = {"crop_size_px": size_px, "sigma_heatmap_px": params.sigma_heatmap_px}
    crops_in_all = sum(map(len, sequences))

    def whole() -> list[tuple[str, Keypoints2D]]:
        how = (infer.decode, infer.flip_test, setting.cores)
        return list(detect_sequences(network, architecture, path, sequences, setting.device, *how))

    passes, batch = 2 if infer.flip_test else 1, batch_size(setting.device)
    ready = normalize_images(torch.randint(0, 256, (passes * batch, size_px, size_px, 3), dtype=torch.uint8))
    ready = ready.to(setting.device)

    @torch.inference_mode()
    def look(crops: int) -> None:
        network(ready[: passes * crops])

    def alone() -> None:
        sizes = [min(batch, crops_in_all - start) for start in range(0, crops_in_all, batch)]
        for _ in map(look, sizes) if setting.on_gpu else map_in_threads(look, sizes):
            pass

    whole()
    alone()
    sections = {
        name: lambda work=work: seconds(work, setting.device) for name, work in (("whole", whole), ("alone", alone))
    }
    median = interleaved(sections, setting.repeats)
    rates = {name: crops_in_all / value for name, value in median.items()}
    details = (
        f"{rates['whole']:,.0f} of {rates['alone']:,.0f} crops/s, flip test {'on' if infer.flip_test else 'off'}, "
        f"{name} of size {_size(setting)} on {size_px} px, turns of {crops_in_all} crops"
    )
    measure = f"2D inference in {precision}, share of the network's own rate"
    return Figure(measure, 100 * rates["whole"] / rates["alone"], "%", (85, 70)[setting.on_gpu], details)
