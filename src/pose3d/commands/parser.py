"""What is wrong with a command line, in one sentence instead of the usage and argparse's own words."""

import argparse
import re
import sys
from typing import Any, NoReturn

from pose3d.runtime.errors import InputError

_IN_OUR_WORDS = (
    (r"argument (\S+): invalid int value: '(.*)'", r"\1 takes a whole number, not \2"),
    (r"argument (\S+): invalid float value: '(.*)'", r"\1 takes a number, not \2"),
    (r"argument (\S+): expected (?:one|at least one) argument", r"\1 needs a value behind it"),
    (r"argument COMMAND: invalid choice: (\S*) \(choose from (.*)\)", r"there is no command \1, but \2"),
    (r"argument (\S+): invalid choice: (.*) \(choose from (.*)\)", r"\1 takes \3, not \2"),
    (r"argument (\S+): not allowed with argument (\S+)", r"\1 and \2 exclude each other"),
    (r"argument (\S+): ignored explicit argument (.*)", r"\1 takes no value, not \2"),
    (r"the following arguments are required: (.*)", r"\1 must be given"),
    (r"unrecognized arguments: ([^-].*)", r"\1 is more than one run takes"),
    (r"unrecognized arguments: (.*)", r"\1 is not known here"),
    (r"ambiguous option: (\S+) could match (.*)", r"\1 may mean \2"),
)
"""Of argparse's sentences, from Python 3.11 to 3.13."""


class CommandLine(argparse.ArgumentParser):
    """A parser that ends in one sentence and status 2, and takes for a value whatever begins with a negative number."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # By argparse alone -0.1,-0.9,0.4 and -1e-3 are options that it does not know. None of ours begins with a digit.
        self._negative_number_matcher = re.compile(r"-\.?\d")

    def error(self, message: str) -> NoReturn:
        """What argparse calls where an option is wrong."""
        said = message
        for pattern, ours in _IN_OUR_WORDS:
            if match := re.fullmatch(pattern, message, re.DOTALL):
                said = match.expand(ours).replace("'", "")
                break
        said = " ".join(said.split())  # what was given may have lines
        print(InputError(f"error: {said}; `{self.prog} --help` says more"), file=sys.stderr)
        sys.exit(2)
