"""SIGTERM, by which a cluster or an init system ends a job: raised as an exception, or held until a step is done."""

import atexit
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import TypeVar

Function = TypeVar("Function", bound=Callable)

_SOON_S = 0.01
_callbacks: set[CodeType] = set()


class Terminated(KeyboardInterrupt):
    """SIGTERM came; nothing on the way out takes it for an error, as with Ctrl-C."""


def uninterrupted(function: Function) -> Function:
    """Mark a function that no signal may raise an exception in: because C code calls it, or because it tidies up."""
    _callbacks.add(function.__code__)
    return function


def raise_signals() -> None:
    """From now on the first SIGTERM raises :class:`Terminated` in the main thread, and what it interrupts tidies up.

    Further ones are ignored: dvc, srun and torchrun each may pass on what the whole process group got already. So the
    first must not be lost, nor Ctrl-C: where it meets a function that :func:`uninterrupted` has marked, or a weak
    reference's callback or an object's end, out of which Python lets no exception, it is raised soon after. What comes
    when the interpreter ends changes nothing any more.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: _raise(Terminated, frame))
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else a shell has had Ctrl-C ignored
        signal.signal(signal.SIGINT, lambda number, frame: _raise(KeyboardInterrupt, frame))
    sys.unraisablehook = _raise_lost
    atexit.register(_ignore_signals)


def _ignore_signals() -> None:
    """All is done, and Python soon handles no signal: one that is to be raised soon would kill the process."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def _raise(kind: type[KeyboardInterrupt], frame: FrameType | None) -> None:
    if kind is Terminated:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while frame is not None:
        if frame.f_code in _callbacks:
            _raise_soon(kind)
            return
        frame = frame.f_back
    raise kind


def _raise_soon(kind: type[KeyboardInterrupt]) -> None:
    signal.signal(signal.SIGALRM, lambda number, frame: _raise(kind, frame))
    signal.setitimer(signal.ITIMER_REAL, _SOON_S)


def _raise_lost(lost: "sys.UnraisableHookArgs") -> None:
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _raise_soon(lost.exc_type)
    else:
        sys.__unraisablehook__(lost)


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
    """Exit status of a process that an exception ends: as in shells, 143 for SIGTERM and 130 for SIGINT."""
    if isinstance(error, Terminated):
        return 128 + signal.SIGTERM
    return 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
