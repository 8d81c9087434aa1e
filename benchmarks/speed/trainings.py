"""Trainings in processes of their own, set up one after the other and timed from the same moment on."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.speed import one_training
from benchmarks.speed.report import Setting


def _ready(stage: str, steps: int, setting: Setting, root: Path) -> subprocess.Popen:
    """A training that is all set up and waits for a line."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)]),
        "OMP_NUM_THREADS": str(setting.cores),
        "POSE3D_WORKERS": str(setting.cores),
        "POSE3D_ACCELERATOR": "cpu",
    }
    script = Path(one_training.__file__).resolve()
    command = [sys.executable, "-P", str(script), stage, str(steps)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    training = subprocess.Popen(command, env=environment, cwd=root, text=True, **pipes)
    while (line := training.stdout.readline()) != "ready\n":
        if not line:
            raise RuntimeError(f"{' '.join(command)} failed in {root}")
    return training


def seconds_of_trainings(
    stage: str, steps: int, setting: Setting, trainings: int = 1, busy: bool = False, root: Path | None = None
) -> float:
    """What the slowest of some trainings side by side takes.

    Args:
        stage, steps: what is trained, see :mod:`benchmarks.speed.one_training`.
        setting: its ``cores`` are the threads of each training.
        trainings: how many.
        busy: beside a process that wants a core.
        root: of the repository whose code trains; None: this one.
    """
    waiting = [_ready(stage, steps, setting, (root or Path()).resolve()) for _ in range(trainings)]
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
