"""Campaigns that try to break the pipeline, run by hand (``make torture``); nothing in src/ or stages/ imports them."""

import sys
from pathlib import Path

# They write their files with the helpers of the tests.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
