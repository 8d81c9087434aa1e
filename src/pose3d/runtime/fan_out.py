"""Several consumers of one stream at once."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event
from typing import Generic, TypeVar

Item = TypeVar("Item")

_AHEAD = 2
"""Items that wait for a consumer at most, so that memory does not grow with the stream."""


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Stopped(Exception):
    """Raised in a consumer whose items end because another one failed."""


class _Channel(Generic[Item]):
    """The items of one consumer, as an iterator."""

    def __init__(self) -> None:
        self._queue: Queue[Item | _End] = Queue(_AHEAD)
        self._ended = False
        self.put = self._queue.put

    def __iter__(self) -> "_Channel[Item]":
        return self

    def __next__(self) -> Item:
        if self._ended:
            raise StopIteration
        item = self._queue.get()
        if not isinstance(item, _End):
            return item
        self._ended = True
        raise StopIteration if item.error is None else item.error

    def drain(self) -> None:
        """Take what still comes, so that the other consumers go on."""
        while not self._ended:
            self._ended = isinstance(self._queue.get(), _End)


def fan_out(items: Iterable[Item], *consumers: Callable[[Iterator[Item]], object]) -> None:
    """Run every consumer on all items, each in a thread of its own; what they are given must not be changed.

    An error of the items is raised in all consumers. After an error of one consumer the others are stopped by an
    exception in place of their next item.

    Args:
        items: made in the thread that calls, at most some ahead of the slowest consumer.
        consumers: called once each with an iterator; may leave items out.

    Raises:
        Exception: what the items or the first consumer that failed raised.
    """
    channels: list[_Channel[Item]] = [_Channel() for _ in consumers]
    failures: list[BaseException] = []
    failed = Event()

    def consume(consumer: Callable[[Iterator[Item]], object], channel: _Channel[Item]) -> None:
        try:
            consumer(channel)
        except BaseException as error:  # whatever it is, the caller gets it
            failures.append(error)
            failed.set()
        finally:
            channel.drain()

    with ThreadPoolExecutor(len(consumers)) as pool:
        for consumer, channel in zip(consumers, channels, strict=True):
            pool.submit(consume, consumer, channel)
        ending: BaseException | None = None
        try:
            for item in items:
                if failed.is_set():
                    ending = _Stopped()
                    break
                for channel in channels:
                    channel.put(item)
        except BaseException as error:
            ending = error
            raise
        finally:
            for channel in channels:
                channel.put(_End(ending))
    if failures:
        raise failures[0]
