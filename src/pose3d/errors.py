"""The one error that people are meant to read, and how a stage shows it."""

import argparse
import sys
from collections.abc import Callable

from pose3d.sigterm import Terminated, exit_status, raise_signals


class InputError(Exception):
    """Bad input: the message is one sentence that names the file, key or joint and says what to do."""


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's ``main``; an :class:`InputError` or a full disk ends it with one sentence and exit status 1.

    Stages take no arguments, for all that shapes a result is in the params; ``--help`` prints the script's docstring.
    Ctrl-C ends it with status 130, SIGTERM with 143, both with one sentence. Every other exception is a defect and
    keeps its traceback.
    """
    argparse.ArgumentParser(
        description=main.__globals__["__doc__"], formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    raise_signals()
    try:
        _lay_bare_signals(main)
        return
    except InputError as error:
        end: str | int = f"error: {error}"
    except KeyboardInterrupt as error:
        what = "terminated" if isinstance(error, Terminated) else "interrupted"
        print(f"{what}: run the same command again to go on", file=sys.stderr)
        end = exit_status(error)
    except OSError as error:
        if error.errno is None:
            raise
        path = error.filename2 or error.filename  # of a copy the second is the one that is written
        where = f" at {path}" if path else ""
        end = f"error: {error.strerror}{where}; free space or mend permissions there, then run again"
    # Out here the exception is gone, and what its frames held: at the interpreter's end HDF5 cannot close files.
    sys.exit(end)


def _lay_bare_signals(main: Callable[[], None]) -> None:
    """Where a signal came while C code ran that returned in spite of it, Python wraps the one into a SystemError."""
    try:
        main()
    except SystemError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise error.__cause__ from None
        raise
