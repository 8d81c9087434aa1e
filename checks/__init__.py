"""Checks that need programs of others, too large for the tests: run by hand, or where CI is told to."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))
