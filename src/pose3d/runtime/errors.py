"""The one error that people are meant to read, and how a stage or a command shows it."""

import argparse
import errno
import json
import os
import re
import sys
import zipfile
from collections.abc import Callable

from pose3d.runtime.signals import Terminated, exit_status, raise_signals
from pose3d.runtime.waiting import wait_without_spinning


class InputError(Exception):
    """Bad input: the message is one sentence that names the file, key or joint and says what to do."""

    def __str__(self) -> str:
        """What is quoted of a file, or its name, cannot steer a terminal."""
        return "".join(
            letter if letter.isprintable() or letter == "\n" else letter.encode("unicode_escape").decode()
            for letter in super().__str__()
        )


FOREIGN = re.compile(
    r"\b(?:indices|integers?, not|NoneType|None|dict|tuple|dtype|ndarray|numpy(?!\.save|\.load)|pydantic|h5py|cv2.error"
    r"|torch(?!\.save)|iterable|subscriptable|callable|attributes?|keyword|arguments?|literal|homogeneous"
    r"|inhomogeneous|broadcast|hashable|unhashable|codec can't|could not convert|operands?|[Ee]rrno|Traceback"
    r"|g?ufunc|matmul|zero norm|[A-Z][a-z]+Error|synchronously|state_dict(?!\(\))|size mismatch|Input should"
    r"|recursion|constructor|local variable|buffer|read length must be|Cannot parse header)\b"
    r"|Expected `|values to unpack|'(?:str|int|float|list|bool|bytes)'|<class|<tag:|tag:yaml|\bobject (?:has|is|of)"
    r"|\b0x[0-9a-f]{4}"
)
"""Words of Python and of libraries, which tell a user nothing."""

_ABSENT = re.compile(r"object '([\w/. -]{1,60})' doesn't exist")
"""As HDF5 says it."""
STRANGE = "its content is not put together as it should be"


def in_words(error: BaseException) -> str:
    """What went wrong in a file, of an exception that may be Python's or a library's: no words of theirs.

    Example:
        >>> in_words(ValueError("camera a: the matrix must be 3 x 3 numbers"))
        'camera a: the matrix must be 3 x 3 numbers'
        >>> in_words(TypeError("string indices must be integers, not 'str'"))
        'its content is not put together as it should be'
    """
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return f"it breaks off or goes wrong in line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8"
    if isinstance(error, zipfile.BadZipFile) and "not a zip" in str(error):
        return "it is of another kind, or breaks off"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, OSError) and error.strerror and not FOREIGN.search(error.strerror):
        return error.strerror
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str) and len(error.args[0]) < 40:
        return f"'{error.args[0]}' is missing"
    said = " ".join(str(error).split())
    if isinstance(error, KeyError) and (absent := _ABSENT.search(said)):
        return f"'{absent[1]}' is missing"
    strange = not said or isinstance(error, KeyError | TypeError | AttributeError | IndexError) or FOREIGN.search(said)
    return STRANGE if strange else said


_MAKE_ROOM = "free space or correct permissions there, then run again"
_REMEDIES = {
    errno.EEXIST: "a file is where a folder is needed: give another path",
    errno.ENOTDIR: "a file is where a folder is needed: give another path",
    errno.EISDIR: "a folder is where a file is needed: give another path",
    errno.ENAMETOOLONG: "give a shorter name",
}
"""Of what the operating system says of an output."""


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
    ended = ""
    try:
        _lay_bare_signals(run)
        return
    except InputError as error:
        end: str | int = f"error: {error}"
    except KeyboardInterrupt as error:
        ended = "terminated" if isinstance(error, Terminated) else "interrupted"
        end = exit_status(error)
    except OSError as error:
        if error.errno is None:
            raise
        path = error.filename2 or error.filename or output  # of a copy the second is the one that is written
        where = f" at {path}" if path else ""
        end = f"error: {error.strerror}{where}; {_REMEDIES.get(error.errno, _MAKE_ROOM)}"
    # Out here the exception is gone, and what its frames held: at the interpreter's end HDF5 cannot close files, and a
    # progress bar would draw itself once more behind the sentence.
    if ended:
        print(f"{ended}: {after_signal}", file=sys.stderr)
    sys.exit(end)


def _lay_bare_signals(run: Callable[[], None]) -> None:
    """If a signal arrives in C code that returns normally, CPython raises SystemError, and where a module written in C
    is being loaded it may make an ImportError of it: raise the signal again."""
    try:
        run()
        return
    except (SystemError, ImportError) as error:
        causes = error.__cause__, error.__context__
        signal = next((cause for cause in causes if isinstance(cause, KeyboardInterrupt)), None)
        if signal is None:
            raise
        del causes
    try:
        raise signal  # not in the handler, where the two errors would hold each other
    finally:
        del signal  # through its own frames it would hold itself, and all that they hold
