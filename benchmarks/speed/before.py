"""Trainings with the code of now and with that of an earlier commit, in turns: `--only before --before COMMIT`."""

import io
import subprocess
import tarfile
from pathlib import Path

from benchmarks.speed.report import Figure, NotMeasured, Setting
from benchmarks.speed.timing import interleaved
from benchmarks.speed.trainings import seconds_of_trainings

_STEPS = {"train_2d": 20, "train_repnet": 100, "train_temporal": 60}
_GOALS = {"train_2d": 0.95, "train_repnet": 1.7, "train_temporal": 1.6}


def files_of(commit: str, folder: Path) -> Path:
    """The repository as a commit has it, written into a folder."""
    archive = subprocess.run(["git", "archive", commit], capture_output=True)
    if archive.returncode:
        raise NotMeasured(f"git has no commit {commit} here: `git fetch --unshallow`, or give another")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def against_a_commit(setting: Setting) -> list[Figure]:
    """How many times as fast each training stage is as it was; the commit's trainings must be the same by name."""
    if setting.before is None:
        raise NotMeasured("say which commit it is compared with: --before COMMIT")
    earlier = files_of(setting.before, setting.scratch / "before")
    figures = []
    for stage, steps in _STEPS.items():
        median = interleaved(
            {
                "now": lambda stage=stage, steps=steps: seconds_of_trainings(stage, steps, setting),
                "before": lambda stage=stage, steps=steps: seconds_of_trainings(stage, steps, setting, root=earlier),
            },
            setting.repeats,
        )
        details = f"{median['before']:.1f} against {median['now']:.1f} s, {steps} steps, {setting.cores} threads"
        measure = f"{stage} against commit {setting.before}"
        figures.append(Figure(measure, median["before"] / median["now"], "x", _GOALS[stage], details))
    return figures
