"""Networks on several cores: a thread for each batch in place of several for each operation."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from pose3d.runtime.prefetch import prefetch

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Have operations of this thread computed by as many threads as are said, and afterwards by as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def map_in_threads(compute: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """``map(compute, items)`` by as many threads as torch has, each computing by itself, a few results ahead.

    Threads that share every small operation wait for one another after each, and all of them for the one whose core
    somebody else is using: on two cores with other work on them BlazePose takes 1.5 times as long that way.

    Args:
        compute: what it gives must not depend on the number of threads; it runs for several items at once.
        items: what it is called with, in this order.
    """
    threads = torch.get_num_threads()

    def compute_alone(item: Item) -> Result:
        torch.set_num_threads(1)  # of this thread, and of libraries that know one number for all
        return compute(item)

    try:
        yield from prefetch(compute_alone, items, threads)
    finally:
        torch.set_num_threads(threads)
