"""Rendering the embedded data set."""

from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.speed.report import Figure, NotMeasured, Setting
from benchmarks.speed.timing import seconds
from pose3d.config.dataset import EmbeddedDataset, EmbeddedParams
from pose3d.config.reading import read_merged
from pose3d.synthetic.split import STILLS, Take
from pose3d.synthetic.takes import EmbeddedSettings, plan, render_takes

RAW, BODIES = Path("data/raw"), Path("data/bodies.h5")
_TAKE_FRAMES = 50
_STILLS_A_TAKE = 2
"""With these, stills have the share of the frames that they have at this size, about a quarter."""


def some_takes(takes: list[Take], count: int) -> list[Take]:
    """The beginnings of ``count`` performed takes, spread over all of them, and some rooms of stills behind them."""
    performed = [take for take in takes if take.subject != STILLS]
    stills = [take for take in takes if take.subject == STILLS]
    chosen = [performed[number * len(performed) // count] for number in range(count)]
    shortened = [replace(take, stop=min(take.stop, take.start + _TAKE_FRAMES)) for take in chosen]
    return shortened + [stills[number % len(stills)] for number in range(_STILLS_A_TAKE * count)]


def frames_a_second(setting: Setting) -> list[Figure]:
    """Takes of size small, as prepare renders them, once all its processes have started."""
    for path in (RAW, BODIES):
        if not path.exists():
            raise NotMeasured(f"{path} is missing, which `make repro` makes of the embedded data set")
    params, _ = read_merged(Path(), "embedded", "small")
    dataset = EmbeddedDataset.model_validate(params["dataset"])
    embedded = EmbeddedParams.model_validate(params["embedded"])
    quality = dataset.model_dump(include={"frame_rate_hz", "supersampling", "jpeg_quality"})
    settings = EmbeddedSettings(seed=1, **quality, **embedded.model_dump())
    takes = some_takes(plan(dataset.subjects.all, settings, RAW), setting.cores)
    one_frame = [replace(take, stop=take.start + 1) for take in takes[: setting.cores]]
    list(render_takes(one_frame, settings, RAW, BODIES))
    frames = sum(map(len, takes)) * embedded.cameras
    rate = frames / seconds(lambda: [None for _ in render_takes(takes, settings, RAW, BODIES)], torch.device("cpu"))
    details = f"{frames} frames of {len(takes)} takes, rendered once, size small"
    measure = f"rendering frames of {embedded.image_size_px} px on {setting.cores} cores"
    return [Figure(measure, rate, "frames/s", 20, details)]
