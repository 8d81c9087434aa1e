"""The loader of train_2d alone: what it gives a second, and how that grows with threads."""

from collections.abc import Callable
from dataclasses import replace

from benchmarks.speed.before import files_of
from benchmarks.speed.report import Figure, Setting
from benchmarks.speed.timing import interleaved
from benchmarks.speed.trainings import seconds_of_trainings

_STEPS = 20
_BATCH = 32
_GOAL_A_CORE = 250
"""4,000 images a second on 16 cores keep a ResNet-50 on a GPU of 2025 at work."""


def images_a_second(setting: Setting) -> list[Figure]:
    """On all cores and on one; and with `--before COMMIT` against the code of that commit."""
    sections: dict[str, Callable[[], float]] = {
        "all": lambda: seconds_of_trainings("loader", _STEPS, setting),
        "one": lambda: seconds_of_trainings("loader", _STEPS, replace(setting, cores=1)),
    }
    if setting.before is not None:
        earlier = files_of(setting.before, setting.scratch / "loader_before")
        sections["before"] = lambda: seconds_of_trainings("loader", _STEPS, setting, root=earlier)
    median = interleaved(sections, setting.repeats)
    rates = {name: _STEPS * _BATCH / value for name, value in median.items()}
    details = f"{rates['one']:,.0f} images/s on one, crops of 256 px, decoded and augmented on the CPU"
    measure = f"loader on {setting.cores} cores"
    figures = [Figure(measure, rates["all"], "images/s", _GOAL_A_CORE * setting.cores, details)]
    if "before" in rates:
        details = f"{rates['all']:,.0f} against {rates['before']:,.0f} images/s, {setting.cores} threads"
        measure = f"loader against commit {setting.before}"
        figures.append(Figure(measure, rates["all"] / rates["before"], "x", 2, details))
    return figures
