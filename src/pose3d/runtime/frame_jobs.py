"""Frame work: one function over many takes or stretches of frames, on this machine's cores or on a Dask cluster.

The environment variable ``POSE3D_DASK_SCHEDULER`` names a cluster: its scheduler's address (``tcp://host:8786``) or the
path of its scheduler file. Without it the jobs run in processes of this machine, as many as ``POSE3D_WORKERS`` says.

Paths and settings travel to the workers and encoded images come back, so a cluster's workers must see the same files
under the same absolute paths, and have this package and its dependencies in the same versions.
"""

import hashlib
import os
import platform
import re
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
from joblib.externals.loky import ProcessPoolExecutor

from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.workers import worker_count

SCHEDULER_VARIABLE = "POSE3D_DASK_SCHEDULER"
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
Result = TypeVar("Result")


class _Pool(NamedTuple):
    """A pool of workers: ``submit(function, *arguments)`` returns a future, ``size()`` how many jobs run at a time."""

    submit: Callable[..., Any]
    size: Callable[[], int]


def in_order(function: Callable[..., Result], jobs: Iterable[tuple]) -> Generator[Result, None, None]:
    """``function(*job)`` for every job, in parallel, the results in order.

    Two jobs per worker are under way, or done and waiting for their turn: memory is bounded by their results however
    unequal the jobs are, and ``jobs`` is read no faster. Close the generator to leave early (see
    :class:`contextlib.closing`): jobs under way are dropped.

    joblib's own ``Parallel`` bounds neither, and on Dask waits forever for a job whose workers died.

    Raises:
        InputError: a job's own; too little memory; no cluster where the environment says, or one that runs other code.
    """
    scheduler = os.environ.get(SCHEDULER_VARIABLE)
    with _cluster(scheduler) if scheduler else _processes() as pool:
        waiting: deque[Any] = deque()  # futures
        for job in jobs:
            while len(waiting) >= 2 * max(pool.size(), 1):
                yield waiting.popleft().result()
            waiting.append(pool.submit(_alone, function, *job))
        while waiting:
            yield waiting.popleft().result()


def _alone(function: Callable[..., Result], *arguments: Any) -> Result:
    cv2.setNumThreads(1)  # the jobs run in parallel, and threads within them would only get in each other's way
    return function(*arguments)


@contextmanager
def _processes() -> Iterator[_Pool]:
    count = worker_count()
    executor = ProcessPoolExecutor(count, initializer=_end_with, initargs=(os.getpid(),), env=_ONE_THREAD)
    resource_tracker.ensure_running()  # now, because its start unblocks both signals up to Python 3.11
    last: Any = None

    def submit(*call: Any) -> Any:
        nonlocal last
        # Ctrl-C reaches every process of a terminal, and a cluster's SIGTERM every process of a job. They are this
        # one's to act upon: the others, which would print tracebacks or be missed, inherit that they are blocked.
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            last = executor.submit(*call)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        return last

    try:
        yield _Pool(submit, lambda: count)
    except BrokenExecutor:
        raise InputError(
            "a worker process was killed, mostly for want of memory: set POSE3D_WORKERS to fewer and run again"
        ) from None
    finally:
        while last and not (last.running() or last.done()):
            time.sleep(0.001)  # loky's thread stumbles when it is told to kill before it has passed on all jobs
        executor.shutdown(kill_workers=True)


def _end_with(parent: int) -> None:
    """In a worker process: end soon after its parent, which may have been killed and have told nobody."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _cluster(scheduler: str) -> Iterator[_Pool]:
    """A lost worker's jobs, finished ones included, are done again by others: the scheduler sees to that."""
    try:
        # An extra, which only a cluster needs.
        from distributed import CancelledError, Client, KilledWorker
        from distributed.comm import CommClosedError
    except ImportError:
        raise InputError(
            f"{SCHEDULER_VARIABLE} is set, and the package distributed is not installed: "
            "install pose3d[cluster] or unset the variable"
        ) from None
    if Path(scheduler).is_file():
        place = {"scheduler_file": scheduler}
    elif re.fullmatch(r"(\w+://)?[^/]+:\d+", scheduler):
        place = {"address": scheduler}
    else:
        raise InputError(
            f"{SCHEDULER_VARIABLE} names {scheduler}, which is neither a scheduler's address (tcp://host:8786) nor the "
            "path of its scheduler file: correct the variable"
        )
    try:
        client = Client(**place, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{SCHEDULER_VARIABLE} names {scheduler}, where no Dask scheduler answers ({in_words(error)}): "
            "start it or correct the variable"
        ) from None

    def submit(*call: Any) -> Any:
        return client.submit(_of_this_version, _version(), *call, pure=False)

    with client:
        if not client.nthreads():
            print(f"the Dask cluster at {scheduler} has no workers yet: waiting for one", file=sys.stderr)
        try:
            yield _Pool(submit, lambda: sum(client.nthreads().values()))
        except KilledWorker as error:
            raise InputError(
                f"{error.allowed_failures + 1} workers of the Dask cluster died of the same job, mostly for want of "
                "memory: see their logs"
            ) from None
        except (CancelledError, CommClosedError, TimeoutError):
            raise InputError(f"the Dask scheduler at {scheduler} went away: start it again and run again") from None


def _of_this_version(version: str, function: Callable[..., Result], *arguments: Any) -> Result:
    """Refuse to run other code than the stage's: a worker keeps what it has once imported for as long as it lives."""
    if version != _version():
        raise InputError(
            f"a Dask worker on {platform.node()} runs another version of pose3d, NumPy or OpenCV than this stage: "
            "install the same there and restart the workers"
        )
    return function(*arguments)


@cache
def _version() -> str:
    """Digest of what the pixels depend on, as this process has loaded it: called first right after the imports."""
    digest = hashlib.sha256(f"{np.__version__} {cv2.__version__}".encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
