"""The one error that people are meant to read, and how a stage shows it."""

import argparse
import sys
from collections.abc import Callable


class InputError(Exception):
    """Bad input: the message is one sentence that names the file, key or joint and says what to do."""


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's ``main``; an :class:`InputError` or a full disk ends it with one sentence and exit status 1.

    Stages take no arguments, for all that shapes a result is in the params; ``--help`` prints the script's docstring.
    Ctrl-C ends it with status 130 and no traceback. Every other exception is a defect and keeps its traceback.
    """
    argparse.ArgumentParser(
        description=main.__globals__["__doc__"], formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    try:
        main()
        return
    except InputError as error:
        end: str | int = f"error: {error}"
    except KeyboardInterrupt:
        print("interrupted: run the same command again to go on", file=sys.stderr)
        end = 130
    except OSError as error:
        if error.errno is None:
            raise
        where = f" at {error.filename}" if error.filename else ""
        end = f"error: {error.strerror}{where}; free space or mend permissions there, then run again"
    # Out here the exception is gone, and what its frames held: at the interpreter's end HDF5 cannot close files.
    sys.exit(end)
