"""Loading ahead in threads."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Protocol, TypeVar

import cv2
import torch

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")


class Clock(Protocol):
    """Tells when a device came to a point between what it was given to do."""

    def mark(self) -> Any:
        """This point; the device need not have come to it."""

    def seconds(self, first: Any, second: Any) -> float:
        """Between two marks; waits until the device has come to them."""


class HostClock:
    """Of a device that has done what it was given when the call returns."""

    def mark(self) -> float:
        return time.perf_counter()

    def seconds(self, first: float, second: float) -> float:
        return second - first


class CudaClock:
    """Of a GPU, which works on what it was given while the host goes on: its own time, not the host's.

    Args:
        device: the GPU, whose current stream is looked at.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def mark(self) -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        return event

    def seconds(self, first: torch.cuda.Event, second: torch.cuda.Event) -> float:
        second.synchronize()
        return first.elapsed_time(second) / 1000


def clock_of(device: torch.device) -> Clock:
    """The clock that tells the truth about a device."""
    return CudaClock(device) if device.type == "cuda" else HostClock()


class Awaited(Generic[Loaded]):
    """Loaded items, and the share of the time since the first was asked for in which the device waited for none.

    A host that waits for an item while its GPU still has work keeps nobody waiting: so it is the device that says when
    it was done with what came before the question, and when it could go on.

    Args:
        items: what is loaded.
        clock: of the device.
    """

    def __init__(self, items: Iterator[Loaded], clock: Clock | None = None) -> None:
        self._items, self._clock = items, clock or HostClock()
        self._start = self._clock.mark()
        self._waits: list[tuple[Any, Any]] = []  # that nobody has looked at, because to look would be to wait
        self._waited_s = 0.0

    def __iter__(self) -> "Awaited[Loaded]":
        return self

    def __next__(self) -> Loaded:
        asked = self._clock.mark()
        try:
            return next(self._items)
        finally:
            self._waits.append((asked, self._clock.mark()))

    def busy_share(self) -> float:
        """In [0, 1]; near 1 the loading threads keep up with the network. Waits for the device."""
        self._waited_s += sum(self._clock.seconds(*wait) for wait in self._waits)
        self._waits.clear()
        return 1 - self._waited_s / self._clock.seconds(self._start, self._clock.mark())


def prefetch(load: Callable[[Item], Loaded], items: Iterable[Item], workers: int) -> Generator[Loaded, None, None]:
    """``map(load, items)``, with up to ``workers + 1`` results computed ahead by as many threads as there are workers.

    Threads and not processes: OpenCV and HDF5 release Python's lock, nothing is copied, and errors keep their words.

    Args:
        load: runs in the threads, for several items at once.
        items: what it is called with, in this order.
        workers: how many threads, 1 or more.
    """
    cv2.setNumThreads(1)  # more within each of these would only get in the network's way
    with ThreadPoolExecutor(workers) as pool:
        pending: deque = deque()
        try:
            for item in items:
                pending.append(pool.submit(load, item))
                if len(pending) > workers + 1:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
