"""Procrustes alignment, the dearest of the metrics."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from benchmarks.speed import people
from benchmarks.speed.report import Figure, Setting
from benchmarks.speed.timing import interleaved, seconds
from pose3d.evaluation import metrics

_POSES = 100_000
_ERROR_M = 0.05


def poses_a_second(setting: Setting) -> list[Figure]:
    """PA-MPJPE on all cores: NumPy's SVD lets go of Python's lock, so that threads share the poses."""
    truth = people.swinging_poses(np.random.default_rng(0), _POSES, fps=25).astype(np.float32)
    predicted = truth + np.random.default_rng(1).normal(scale=_ERROR_M, size=truth.shape).astype(np.float32)
    chunks = [slice(start, start + metrics.CHUNK_POSES) for start in range(0, _POSES, metrics.CHUNK_POSES)]

    def aligned(chunk: slice) -> np.ndarray:
        return metrics.pa_mpjpe(predicted[chunk], truth[chunk])

    def on(threads: int) -> float:
        with ThreadPoolExecutor(threads) as pool:
            return _POSES / seconds(lambda: list(pool.map(aligned, chunks)), torch.device("cpu"))

    rates = interleaved({"all": lambda: on(setting.cores), "one": lambda: on(1)}, setting.repeats)
    details = f"{rates['one']:,.0f} poses/s on one core, {_POSES:,} poses"
    return [Figure(f"PA-MPJPE on {setting.cores} cores", rates["all"], "poses/s", 50_000, details)]
