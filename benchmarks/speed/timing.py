"""Timing on machines that do other things as well: what is compared is measured in turns."""

import statistics
import time
from collections.abc import Callable, Mapping

import torch


def synchronize(device: torch.device) -> None:
    """Wait for the GPU's queue: a clock that is read before it is empty has measured the queueing only."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall time of one call."""
    synchronize(device)
    start = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - start


def interleaved(sections: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Call all sections in turns, A B A B ..., so that whatever else the machine does slows them alike.

    Args:
        sections: each does its work and returns what it measured.

    Returns:
        the median of each section's measurements.
    """
    measured: dict[str, list[float]] = {name: [] for name in sections}
    for _ in range(repeats):
        for name, section in sections.items():
            measured[name].append(section())
    return {name: statistics.median(values) for name, values in measured.items()}
