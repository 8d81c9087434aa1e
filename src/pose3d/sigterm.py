"""SIGTERM, by which a cluster or an init system ends a job: raised as an exception, or held until a step is done."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Terminated(KeyboardInterrupt):
    """SIGTERM came; nothing on the way out takes it for an error, as with Ctrl-C."""


def raise_at_sigterm() -> None:
    """From now on the first SIGTERM raises :class:`Terminated` in the main thread, and what it interrupts tidies up.

    Further ones are ignored: dvc, srun and torchrun each may pass on what the whole process group got already.
    """
    signal.signal(signal.SIGTERM, _raise)


def _raise(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


@contextmanager
def sigterm_held() -> Iterator[Callable[[], bool]]:
    """Within, SIGTERM interrupts nothing; the function that this gives says whether it came.

    Raises:
        Terminated: at the end, where it came; also in place of a RuntimeError, by which one of several processes
            notices that SIGTERM has ended another.
    """
    came: list[bool] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(True))
    try:
        yield lambda: bool(came)
    except RuntimeError:
        if not came:
            raise
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN if came else before)
    if came:
        raise Terminated


def exit_status(error: BaseException) -> int:
    """What a process that ends by an exception exits with: 143 and 130 are a shell's for SIGTERM and SIGINT."""
    if isinstance(error, Terminated):
        return 128 + signal.SIGTERM
    return 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
