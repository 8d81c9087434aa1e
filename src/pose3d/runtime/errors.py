"""The one error that people are meant to read, and how a stage or a command shows it."""

import argparse
import os
import sys
from collections.abc import Callable

from pose3d.runtime.signals import Terminated, exit_status, raise_signals
from pose3d.runtime.waiting import wait_without_spinning


class InputError(Exception):
    """Bad input: the message is one sentence that names the file, key or joint and says what to do."""


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's ``main`` as :func:`end_in_one_sentence` does.

    Stages take no arguments, because all that shapes a result is in the params; ``--help`` prints the script's
    docstring.
    """
    argparse.ArgumentParser(
        description=main.__globals__["__doc__"], formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    end_in_one_sentence(main, "run the same command again to go on")


def end_in_one_sentence(run: Callable[[], None], after_signal: str, output: str | os.PathLike | None = None) -> None:
    """Call ``run``; an :class:`InputError` or an output that cannot be written ends it with one sentence and status 1.

    Ctrl-C ends it with status 130, SIGTERM with 143, both with one sentence. Every other exception is a defect and
    keeps its traceback.

    Args:
        run: does the work.
        after_signal: what Ctrl-C and SIGTERM leave, in words.
        output: the path that is named where the operating system's error names none.

    Raises:
        SystemExit: at every end but a good one.
    """
    raise_signals()
    wait_without_spinning()
    try:
        _lay_bare_signals(run)
        return
    except InputError as error:
        end: str | int = f"error: {error}"
    except KeyboardInterrupt as error:
        what = "terminated" if isinstance(error, Terminated) else "interrupted"
        print(f"{what}: {after_signal}", file=sys.stderr)
        end = exit_status(error)
    except OSError as error:
        if error.errno is None:
            raise
        path = error.filename2 or error.filename or output  # of a copy the second is the one that is written
        where = f" at {path}" if path else ""
        end = f"error: {error.strerror}{where}; free space or correct permissions there, then run again"
    # Out here the exception is gone, and what its frames held: at the interpreter's end HDF5 cannot close files.
    sys.exit(end)


def _lay_bare_signals(run: Callable[[], None]) -> None:
    """If a signal arrives in C code that returns normally, CPython raises SystemError: raise the signal again."""
    try:
        run()
    except SystemError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise error.__cause__ from None
        raise
