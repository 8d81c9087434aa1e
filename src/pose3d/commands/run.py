"""The front door: one parser over all subcommands, and one way to end.

See :func:`pose3d.runtime.errors.end_in_one_sentence`.
"""

import argparse
import io
import os
import signal
import sys
import warnings

from pose3d.commands import (
    adapt_views,
    angles,
    check_data,
    convert,
    demo,
    evaluate_predictions,
    evaluate_views,
    export,
    lift,
    make_prior,
    predict,
    release,
    sample_video,
    write_npz,
)
from pose3d.commands.parser import CommandLine
from pose3d.runtime.errors import InputError, end_in_one_sentence

COMMANDS = {
    "predict": predict,
    "angles": angles,
    "lift": lift,
    "convert": convert,
    "sample-video": sample_video,
    "demo": demo,
    "export": export,
    "check-data": check_data,
    "evaluate-predictions": evaluate_predictions,
    "evaluate-views": evaluate_views,
    "adapt-views": adapt_views,
    "write-npz": write_npz,
    "make-prior": make_prior,
    "release": release,
}


def main(arguments: list[str] | None = None) -> None:
    """Run the subcommand that the arguments name, by default the program's own.

    Raises:
        SystemExit: at every end but a good one: 1 after an error, which is one sentence on stderr; 2 where arguments
            are wrong or missing; 130 after Ctrl-C and 143 after SIGTERM.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be text
    if not sys.warnoptions:  # which python -W and PYTHONWARNINGS set
        warnings.simplefilter("ignore", append=True)  # packages' words on what is refused in a sentence, or harmless
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.version:
        end_in_one_sentence(_print_version, "nothing was done")
    elif given.command is None:
        parser.print_help(sys.stderr)
        sys.exit(2)
    else:
        output = getattr(given, "out", None) or getattr(given, "output", None)
        end_in_one_sentence(lambda: _run(given), "nothing half-written is left", output)


def old_form(command: str) -> None:
    """Entry of ``python -m pose3d.<name>`` of earlier releases: say what replaced it, and run that."""
    old = command.replace("-", "_")
    print(f"python -m pose3d.{old} is now pose3d {command}; the old form goes in the next release", file=sys.stderr)
    main([command, *sys.argv[1:]])


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="pose3d", description=_description(), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="store_true", help="print the version, and nothing else")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", help="with --help it says more of itself")
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(command)
    return parser


def _description() -> str:
    """The help text: what pose3d is, and a line for each subcommand, the first of its docstring."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {(module.__doc__ or '').partition('.')[0]}" for name, module in COMMANDS.items()]
    return "\n".join(["3D human poses from images and videos, learnt with weak supervision.", "", "commands:", *lines])


def _run(given: argparse.Namespace) -> None:
    COMMANDS[given.command].run(given)
    try:
        sys.stdout.flush()  # not at the interpreter's end, where an error is no longer said in one sentence
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter tries once more
        if isinstance(error, BrokenPipeError):
            sys.exit(128 + signal.SIGPIPE)  # the reader has read enough, as head does
        error.filename = "standard output"
        raise


def _print_version() -> None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        print("pose3d", version("pose3d"))
    except PackageNotFoundError:
        raise InputError("pose3d is not installed, so it has no version: run `pip install .` in its folder") from None
