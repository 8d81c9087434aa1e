"""How much longer a training takes where others want the cores too: a busy process, or another training."""

import os
import subprocess
import sys

from benchmarks.speed.report import Figure, Setting
from benchmarks.speed.timing import interleaved

_STEPS = {"train_2d": 20, "train_repnet": 60, "train_temporal": 40}


def _ready(stage: str, steps: int, setting: Setting) -> subprocess.Popen:
    """A training that is all set up and waits for a line."""
    environment = os.environ | {
        "OMP_NUM_THREADS": str(setting.cores),
        "POSE3D_WORKERS": str(setting.cores),
        "POSE3D_ACCELERATOR": "cpu",
    }
    command = [sys.executable, "-m", "benchmarks.speed.one_training", stage, str(steps)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    training = subprocess.Popen(command, env=environment, text=True, **pipes)
    while (line := training.stdout.readline()) != "ready\n":
        if not line:
            raise RuntimeError(f"{' '.join(command)} failed")
    return training


def _seconds(stage: str, steps: int, setting: Setting, trainings: int = 1, busy: bool = False) -> float:
    """What the slowest of some trainings side by side takes; ``busy``: beside a process that wants a core."""
    waiting = [_ready(stage, steps, setting) for _ in range(trainings)]
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
    try:
        for training in waiting:
            training.stdin.write("\n")
            training.stdin.flush()
        return max(float(training.communicate()[0].splitlines()[-1]) for training in waiting)
    finally:
        for process in [*waiting, *filter(None, [other])]:
            process.kill()
            process.wait()


def beside_others(setting: Setting) -> list[Figure]:
    """Both figures of each training stage; on more than two cores a busy process costs less."""
    figures = []
    for stage, steps in _STEPS.items():
        median = interleaved(
            {
                "alone": lambda stage=stage, steps=steps: _seconds(stage, steps, setting),
                "busy": lambda stage=stage, steps=steps: _seconds(stage, steps, setting, busy=True),
                "two": lambda stage=stage, steps=steps: _seconds(stage, steps, setting, trainings=2),
            },
            setting.repeats,
        )
        for name, what, goal in (("busy", "a busy process", 2.2), ("two", "another such training", 2.5)):
            details = f"{median[name]:.1f} against {median['alone']:.1f} s, {steps} steps, {setting.cores} threads"
            ratio = median[name] / median["alone"]
            figures.append(Figure(f"{stage} beside {what}", ratio, "x", goal, details, at_most=True))
    return figures
