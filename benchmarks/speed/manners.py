"""How much longer a training takes where others want the cores too: a busy process, or another training."""

from benchmarks.speed.report import Figure, Setting
from benchmarks.speed.timing import interleaved
from benchmarks.speed.trainings import seconds_of_trainings

_STEPS = {"train_2d": 20, "train_repnet": 60, "train_temporal": 40}


def beside_others(setting: Setting) -> list[Figure]:
    """Both figures of each training stage; on more than two cores a busy process costs less."""
    figures = []
    for stage, steps in _STEPS.items():
        median = interleaved(
            {
                "alone": lambda stage=stage, steps=steps: seconds_of_trainings(stage, steps, setting),
                "busy": lambda stage=stage, steps=steps: seconds_of_trainings(stage, steps, setting, busy=True),
                "two": lambda stage=stage, steps=steps: seconds_of_trainings(stage, steps, setting, trainings=2),
            },
            setting.repeats,
        )
        for name, what, goal in (("busy", "a busy process", 2.2), ("two", "another such training", 2.5)):
            details = f"{median[name]:.1f} against {median['alone']:.1f} s, {steps} steps, {setting.cores} threads"
            ratio = median[name] / median["alone"]
            figures.append(Figure(f"{stage} beside {what}", ratio, "x", goal, details, at_most=True))
    return figures
