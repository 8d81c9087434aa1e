"""``make quick``: what it leaves out, and that it leaves nothing else out."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import multiprocessing
import subprocess
import pytest

def test_plain():
    pass

def test_program():
    subprocess.run(["true"])

def test_process():
    multiprocessing.get_context("spawn").Process(target=int).start()

@pytest.mark.slow
def test_slow():
    pass

@pytest.mark.pipeline
def test_pipeline():
    pass
"""


def outcomes(folder: Path, *options: str) -> str:
    (folder / "test_five.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", *options, "test_five.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_quick_leaves_out_what_is_slow_and_what_starts_a_process(tmp_path: Path) -> None:
    assert "1 passed, 2 skipped, 2 deselected" in outcomes(tmp_path, "--quick")


def test_without_it_everything_runs(tmp_path: Path) -> None:
    assert "5 passed" in outcomes(tmp_path)
