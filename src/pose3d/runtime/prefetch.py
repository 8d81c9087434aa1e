"""Loading ahead in threads."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import cv2

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")


class Awaited(Generic[Loaded]):
    """Loaded items, and the share of the time since the first was asked for in which nobody waited for one."""

    def __init__(self, items: Iterator[Loaded]) -> None:
        self._items, self._start, self._waited_s = items, time.perf_counter(), 0.0

    def __iter__(self) -> "Awaited[Loaded]":
        return self

    def __next__(self) -> Loaded:
        asked = time.perf_counter()
        try:
            return next(self._items)
        finally:
            self._waited_s += time.perf_counter() - asked

    def busy_share(self) -> float:
        """In [0, 1]; near 1 the loading threads keep up with the network."""
        return 1 - self._waited_s / (time.perf_counter() - self._start)


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
