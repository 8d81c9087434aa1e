"""What a measurement says, and how people and programs read it."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from pose3d.runtime.files import write_text


class NotMeasured(Exception):
    """What a row needs is missing: one sentence that says what, and where it comes from."""


@dataclass(frozen=True)
class Setting:
    """Where the rows are measured.

    Attributes:
        fabric: device and precision of the lifters, float32 as of what they are compared with.
        cores: CPU cores, and threads or processes of everything that takes some.
        repeats: turns of interleaved measurements.
        scratch: an empty folder.
        before: a commit to compare with.
    """

    fabric: Fabric
    cores: int
    repeats: int
    scratch: Path
    before: str | None = None

    @property
    def device(self) -> torch.device:
        return self.fabric.device

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        goal: what ``value`` must reach, or with ``at_most`` must not exceed.
        unit: of both; "x" for ratios.
        details: the figures behind it, in words.
    """

    measure: str
    value: float
    unit: str
    goal: float
    details: str
    at_most: bool = False

    @property
    def met(self) -> bool:
        return self.value <= self.goal if self.at_most else self.value >= self.goal


def machine(setting: Setting) -> dict[str, Any]:
    """What the figures depend on beside the code."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "repeats": setting.repeats,
        "gpu": torch.cuda.get_device_name(setting.device) if setting.on_gpu else None,
        "torch": torch.__version__,
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def table(figures: Iterable[Figure | str]) -> str:
    """Markdown; a row that was not measured is a string that says why."""
    lines = ["| measure | result | must reach | met | details |", "|---|---|---|---|---|"]
    for figure in figures:
        if isinstance(figure, str):
            lines.append(f"| {figure} | – | – | – | |")
            continue
        bound = "at most " if figure.at_most else ""
        result, goal = (_number(value, figure.unit) for value in (figure.value, figure.goal))
        met = "yes" if figure.met else "no"
        lines.append(f"| {figure.measure} | {result} | {bound}{goal} | {met} | {figure.details} |")
    return "\n".join(lines)


def _number(value: float, unit: str) -> str:
    if unit in ("x", "%"):
        return f"{value:.2f}{unit}" if unit == "x" else f"{value:.1f} %"
    return f"{value:,.0f} {unit}"


class Results:
    """The JSON file, written anew after every row; rows that an earlier run measured on this machine stay.

    Args:
        path: of the file.
        machine: from :func:`machine`. Figures of another one are dropped: a table is of one machine.
    """

    def __init__(self, path: Path, machine: dict[str, Any]) -> None:
        self._path, self._machine, self._rows = path, machine, {}
        if path.exists():
            earlier = json.loads(path.read_text(encoding="utf-8"))
            if earlier["machine"] == machine:
                self._rows = earlier["rows"]

    def add(self, row: str, figures: list[Figure]) -> None:
        self._rows[row] = [asdict(figure) | {"met": figure.met} for figure in figures]
        content = {"machine": self._machine, "rows": self._rows}
        write_text(self._path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
