"""Train a network of size small on people made of random numbers, and print how many seconds the steps took.

    python -m benchmarks.speed.one_training train_2d|train_repnet|train_temporal|loader STEPS

`loader` loads the batches of train_2d, and trains nothing.

When all is set up it prints a line, and goes on when it reads one: so several start at the same moment.
"""

import sys
import tempfile
import time
from pathlib import Path

from pose3d.runtime.errors import end_in_one_sentence


class StartingLine:
    """Given in place of a checkpoint: training asks for one when all is set up, and from then on it is timed."""

    def load(self, expected: dict) -> None:
        print("ready", flush=True)
        sys.stdin.readline()
        self.start = time.perf_counter()

    def save(self, state: dict) -> None:
        """Nothing is kept."""


def train_lifter(block: str, steps: int, line: StartingLine) -> None:
    """Either lifter, as its stage trains it."""
    from benchmarks.speed import lifters, people
    from pose3d.lifting.fit import fit_lifter
    from pose3d.runtime.processes import all_processes

    supervision = people.supervision(takes=2, frames=200)
    params = lifters.block("small", block, steps=steps)
    with all_processes() as fabric:
        fit_lifter(lifters.block("small", "lifting"), params, supervision, 1, fabric, line)


def train_2d(steps: int, line: StartingLine) -> None:
    """A pose_resnet, which needs no weights to start from, on crops of size small."""
    from benchmarks.speed import people, pose2d
    from pose3d.config.pose2d import Train2DParams
    from pose3d.config.reading import read_merged
    from pose3d.pose2d.crops import Crops
    from pose3d.pose2d.training import train
    from pose3d.runtime.processes import all_processes
    from pose3d.training.seeds import seed_all

    params = read_merged(Path(), "embedded", "smoke")[0]["train_2d"] | {"epochs": 1, "frame_step": 1}
    size_px = read_merged(Path(), "embedded", "small")[0]["crop_resize"]["size_px"]
    seed_all(0)
    settings = Train2DParams.model_validate(params)
    sequences = people.take("S1", "Swing-1", steps * settings.batch_size // people.CAMERAS, 0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crops.h5"
        pose2d.write_crops(path, sequences, size_px)
        with (
            Crops(path, sequences) as crops,
            Crops(path, sequences[:1]) as measured,
            all_processes() as fabric,
        ):
            train(settings, crops, measured, 0, fabric, line)


def load(steps: int, line: StartingLine) -> None:
    """Batches of 32 crops of 256 px, decoded and augmented as in size gpu by as many threads as there are workers."""
    from benchmarks.speed import people, pose2d
    from pose3d.config.pose2d import Train2DParams
    from pose3d.config.reading import read_merged
    from pose3d.pose2d.batches import training_batches
    from pose3d.pose2d.crops import Crops
    from pose3d.runtime.workers import worker_count

    params, size = read_merged(Path(), "embedded", "gpu")[0], 32
    strengths = Train2DParams.model_validate(params["train_2d"]).augmentation
    sequences = people.take("S1", "Swing-1", -(-steps * size // people.CAMERAS), 0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crops.h5"
        pose2d.write_crops(path, sequences, params["crop_resize"]["size_px"])
        with Crops(path, sequences) as crops:
            line.load({})
            for _ in training_batches(crops, strengths, size, 0, 0, 0, worker_count()):
                pass


def main() -> None:
    stage, steps, line = sys.argv[1], int(sys.argv[2]), StartingLine()
    if stage == "train_2d":
        train_2d(steps, line)
    elif stage == "loader":
        load(steps, line)
    else:
        train_lifter(stage.removeprefix("train_"), steps, line)
    print(time.perf_counter() - line.start)


if __name__ == "__main__":
    end_in_one_sentence(main, "nothing is kept")
