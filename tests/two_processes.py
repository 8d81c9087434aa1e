"""Scripts whose training takes two processes on the CPU, for tests."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent


def start(folder: Path, code: str, **environment: str) -> subprocess.Popen:
    """Start a script in a folder, where it can import the package and the tests; its output goes to ``err.txt``."""
    folder.mkdir(exist_ok=True)
    (folder / "script.py").write_text(code)
    paths = [TESTS.parent / "src", TESTS / "lifting", TESTS / "pose2d", TESTS]  # of two alike the deeper
    ours = {"PYTHONPATH": os.pathsep.join(map(str, paths)), "OMP_NUM_THREADS": "1"}
    ours |= {"POSE3D_ACCELERATOR": "cpu", "POSE3D_DEVICES": "2", "POSE3D_PRECISION": "32-true"}
    with open(folder / "err.txt", "wb") as output:
        return subprocess.Popen(
            [sys.executable, "script.py"],
            cwd=folder,
            env=os.environ | ours | environment,
            stdout=output,
            stderr=output,
        )


def run(folder: Path, code: str, **environment: str) -> None:
    """Run a script to its end, which must be a good one."""
    status = start(folder, code, **environment).wait(300)
    assert status == 0, (folder / "err.txt").read_text()
