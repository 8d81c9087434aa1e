"""Rendering the embedded data set."""

from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.speed.report import Figure, NotMeasured, Setting
from benchmarks.speed.timing import seconds
from pose3d.config.dataset import EmbeddedParams
from pose3d.config.reading import PROFILES_FOLDER, read_yaml
from pose3d.synthetic.split import STILLS, Take
from pose3d.synthetic.takes import EmbeddedSettings, plan, render_takes

RAW, BODIES = Path("data/raw"), Path("data/bodies.h5")
_TAKE_FRAMES = 50
_STILLS_A_TAKE = 2
"""With these, stills have the share of the frames that they have in the profile, about a quarter."""


def some_takes(takes: list[Take], count: int) -> list[Take]:
    """The beginnings of ``count`` performed takes, spread over all of them, and some rooms of stills behind them."""
    performed = [take for take in takes if take.subject != STILLS]
    stills = [take for take in takes if take.subject == STILLS]
    chosen = [performed[number * len(performed) // count] for number in range(count)]
    shortened = [replace(take, stop=min(take.stop, take.start + _TAKE_FRAMES)) for take in chosen]
    return shortened + [stills[number % len(stills)] for number in range(_STILLS_A_TAKE * count)]


def frames_a_second(setting: Setting) -> list[Figure]:
    """Takes of profile small, as prepare renders them, once all its processes have started."""
    for path in (RAW, BODIES):
        if not path.exists():
            raise NotMeasured(f"{path} is missing, which `make repro` makes with an embedded profile")
    dataset = EmbeddedParams.model_validate(read_yaml(PROFILES_FOLDER / "small.yaml")["dataset"])
    settings = EmbeddedSettings(seed=1, **dataset.model_dump(exclude={"source", "subjects", "real_views"}))
    takes = some_takes(plan(dataset.subjects.all, settings, RAW), setting.cores)
    one_frame = [replace(take, stop=take.start + 1) for take in takes[: setting.cores]]
    list(render_takes(one_frame, settings, RAW, BODIES))
    frames = sum(map(len, takes)) * dataset.cameras
    rate = frames / seconds(lambda: [None for _ in render_takes(takes, settings, RAW, BODIES)], torch.device("cpu"))
    details = f"{frames} frames of {len(takes)} takes, rendered once, profile small"
    measure = f"rendering frames of {dataset.image_size_px} px on {setting.cores} cores"
    return [Figure(measure, rate, "frames/s", 20, details)]
