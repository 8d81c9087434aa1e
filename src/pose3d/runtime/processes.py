"""Training on one or several processes, a device each: who starts them, what each computes, how they end together.

Every process makes the same random draws for the whole batch, keeps its :class:`Share` of them and works on that alone;
gradients are averaged before each step. So the numbers are those of one process up to rounding, the weights are the
same everywhere, and a checkpoint of one run goes on with any number of processes.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from subprocess import Popen
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor, nn

from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.gpus import claim_gpu
from pose3d.runtime.signals import exit_status

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import ClusterEnvironment

_POLL_S = 0.5
_GRACE_S = 5.0
"""What a process waits before it speaks of, or dies of, what may have happened to the first one as well."""

_CLAIMS: list[FileLock] = []
"""Held as long as this module lives."""

Drawn = TypeVar("Drawn", np.ndarray, Tensor)


def one_process(precision: str | None = None) -> Fabric:
    """Device and precision for a stage that runs on one device, from ``POSE3D_ACCELERATOR`` and ``POSE3D_PRECISION``.

    Without the latter it is bf16-mixed where the device multiplies bfloat16 natively, else 32-true.

    Args:
        precision: as Lightning names it, whatever the environment says.

    Raises:
        InputError: they fit nothing on this machine, or torchrun or srun started several processes.
    """
    fabric = _fabric(1, 1, precision)
    fabric.launch()
    return fabric


@contextmanager
def all_processes() -> Iterator[Fabric]:
    """Devices, processes and precision for a training stage, from the environment and never from params.

    A stage cached on one machine stays cached on another. ``POSE3D_ACCELERATOR`` (auto, cpu, cuda) and
    ``POSE3D_PRECISION`` (32-true, bf16-mixed, ...) are as for :func:`one_process`; ``POSE3D_DEVICES`` says how many
    devices of a node take part and ``POSE3D_NODES`` how many nodes, 1 and 1 where unset. The processes of one node
    start each other by running the script again; those of several are started by torchrun or srun.

    Behind the block only the first process goes on, to write the outputs. A process that fails takes the others with
    it: the first one's errors and those of a process by itself are shown, the same error of all processes once.

    Raises:
        InputError: as in :func:`one_process`, or the processes that were started are not those asked for.
    """
    fabric = _fabric(_count("POSE3D_DEVICES"), _count("POSE3D_NODES"))
    if fabric.world_size == 1:
        fabric.launch()
        yield fabric
        return
    # launch() fills it where no other program starts processes.
    children: list[Popen] = fabric.strategy.launcher.procs  # type: ignore[union-attr]  # typed as any launcher
    done = threading.Event()
    watch = (_end_with_parent, os.getppid()) if fabric.local_rank > 0 else (_end_with_children, children)
    threading.Thread(target=watch[0], args=(watch[1], done), daemon=True).start()
    try:
        fabric.launch()
        if not fabric.is_global_zero:
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115, what one process says is said; open to the end
        yield fabric
        fabric.barrier()
        torch.distributed.destroy_process_group()
    except BaseException as error:
        atexit.register(_leave, exit_status(error))
        if fabric.is_global_zero:
            _end_all(error, children)
        elif isinstance(error, KeyboardInterrupt):
            os._exit(exit_status(error))  # the first process got it too, and says so
        else:
            time.sleep(_GRACE_S)  # in which the first process ends this one, if the error is its own too
        raise
    finally:
        done.set()
    if not fabric.is_global_zero:
        sys.exit(0)
    for child in children:
        child.wait()


def _leave(status: int) -> None:
    """End at once when the error is shown: others wait for it, and a broken process group may not close."""
    sys.stdout.flush()
    os._exit(status)


def _fabric(devices: int, nodes: int, precision: str | None = None) -> Fabric:
    from lightning_fabric import Fabric  # here, because it takes seconds, and `--help` needs none of it
    from lightning_fabric.utilities.exceptions import MisconfigurationException

    environment = _cluster_environment(devices, nodes)
    accelerator = os.environ.get("POSE3D_ACCELERATOR", "auto")
    alone = devices * nodes == 1
    try:
        environment.validate_settings(devices, nodes)
        precision = precision or os.environ.get("POSE3D_PRECISION") or default_precision(accelerator)
        return Fabric(
            accelerator=accelerator,
            strategy="auto" if alone else "ddp",
            devices=[own_gpu()] if alone and accelerator in ("auto", "cuda") and torch.cuda.is_available() else devices,
            num_nodes=nodes,
            precision=precision,  # type: ignore[arg-type]  # Fabric itself refuses what it does not know
            plugins=[environment],
        )
    except (ValueError, RuntimeError, MisconfigurationException) as error:
        reason = str(error).strip().split("\n")[0]
        names = "POSE3D_ACCELERATOR, POSE3D_DEVICES, POSE3D_NODES or POSE3D_PRECISION"
        raise InputError(f"change {names}, which this machine cannot do: {reason}") from None


def default_precision(accelerator: str) -> str:
    """Lightning's name of the precision where ``POSE3D_PRECISION`` is not set, see :func:`one_process`."""
    if accelerator != "cpu" and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    capabilities = torch.cpu.get_capabilities()
    native = any(capabilities.get(instructions) for instructions in ("avx512_bf16", "amx_bf16"))
    return "bf16-mixed" if native else "32-true"


@cache
def own_gpu() -> int:
    """The GPU that this process keeps to its end: queue workers side by side must not meet on one."""
    gpus = [str(torch.cuda.get_device_properties(index).uuid) for index in range(torch.cuda.device_count())]
    index, claim = claim_gpu(gpus)
    _CLAIMS.append(claim)
    return index


def _count(variable: str) -> int:
    value = os.environ.get(variable) or "1"
    if not value.isdecimal() or int(value) < 1:
        raise InputError(f"{variable} must be a whole number above 0, not '{value}'")
    return int(value)


def _cluster_environment(devices: int, nodes: int) -> ClusterEnvironment:
    """Who starts the processes. Of SLURM's variables only the step's tell whether it does, or runs one plain script."""
    from lightning_fabric.plugins.environments import LightningEnvironment, SLURMEnvironment, TorchElasticEnvironment

    wanted, started = devices * nodes, None
    environment: type[ClusterEnvironment] = LightningEnvironment
    if TorchElasticEnvironment.detect():
        started, environment = int(os.environ["WORLD_SIZE"]), TorchElasticEnvironment
    elif int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1:
        started, environment = int(os.environ["SLURM_STEP_NUM_TASKS"]), SLURMEnvironment
    if started not in (None, wanted):
        raise InputError(
            f"{started} processes were started where {wanted} should be: for training set POSE3D_DEVICES to the "
            "processes of a node and POSE3D_NODES to the nodes; every other stage runs on one process"
        )
    if started is None and nodes > 1:
        raise InputError(f"POSE3D_NODES is {nodes}: start this stage's script on every node, by torchrun or srun")
    try:
        return environment()
    except RuntimeError as error:
        raise InputError(f"SLURM's settings do not do: {in_words(error)}") from None


def _failed(children: list[Popen]) -> bool:
    return any(child.poll() for child in children)


def _end_with_parent(parent: int, done: threading.Event) -> None:
    """End this process once its parent is gone: the main thread may wait for it in a collective, and for good."""
    while not done.wait(_POLL_S):
        if os.getppid() != parent:
            os._exit(1)


def _end_with_children(children: list[Popen], done: threading.Event) -> None:
    """End this process once a child failed, unless the main thread notices and ends it with words."""
    while not done.wait(_POLL_S):
        if _failed(children) and not done.wait(_GRACE_S):
            os._exit(1)


def _end_all(error: BaseException, children: list[Popen]) -> None:
    """End the first process's children, and the process itself without words where a child failed before it."""
    if isinstance(error, RuntimeError):  # perhaps of a connection to a child that is about to end, and said why
        end = time.monotonic() + 2 * _GRACE_S
        while children and time.monotonic() < end:
            if _failed(children):
                raise SystemExit("error: another process of this stage ended, see above") from None
            time.sleep(_POLL_S / 10)
    for child in children:
        child.kill()
        child.wait()


@dataclass(frozen=True)
class Share:
    """One process's equal part of every batch.

    Attributes:
        rank: 0 ... ranks - 1.
        ranks: number of processes.
    """

    rank: int
    ranks: int

    @classmethod
    def of(cls, fabric: Fabric) -> Share:
        """This process's."""
        return cls(fabric.global_rank, fabric.world_size)

    def part(self, drawn: Drawn) -> Drawn:
        """This share (B / ranks, ...) of what was drawn for all processes (B, ...)."""
        size = len(drawn) // self.ranks
        return drawn[self.rank * size : (self.rank + 1) * size]

    def require_equal(self, name: str, size: int) -> None:
        """Refuse a batch that does not divide.

        Args:
            name: where its size is given, for the message.

        Raises:
            InputError: it names the number of processes too.
        """
        if size % self.ranks:
            raise InputError(
                f"{name} is {size}, which {self.ranks} processes cannot share equally: "
                f"choose a multiple of {self.ranks}, or another POSE3D_DEVICES"
            )


WHOLE = Share(0, 1)
"""The share of a single process."""


def mean_over_processes(values: Tensor) -> Tensor:
    """Mean of a tensor's values in all processes, (...) as it is; the tensor itself where there is but one.

    Not by Fabric, whose reduction has all processes meet once more before it.
    """
    if not torch.distributed.is_initialized():
        return values
    mean = values.detach().clone()
    torch.distributed.all_reduce(mean)
    return mean / torch.distributed.get_world_size()


def average_gradients(module: nn.Module) -> None:
    """Make the gradients of a loss that is a mean over a share those of the mean over the whole batch."""
    if not torch.distributed.is_initialized():
        return
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    means = mean_over_processes(torch.cat([g.flatten() for g in gradients]))
    for gradient, mean in zip(gradients, means.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))
