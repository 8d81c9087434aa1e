"""An environment made from requirements.lock alone, with no freedom for pip's resolver, passes ``pip check``.

    python -m torture.supply_chain

Downloads some 600 MB or takes them from pip's cache. It holds for the CPU build of torch: see docs/licences.md.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from torture.rows import Row, run_alone

LOCK = Path(__file__).parents[1] / "requirements.lock"


def run() -> list[Row]:
    """One case: the whole lock."""
    with tempfile.TemporaryDirectory(prefix="pose3d-supply-") as folder:
        environment = Path(folder) / "venv"
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = [environment / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
        install = [*pip, "install", "--no-compile", "--no-deps", "--requirement", LOCK]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            done = subprocess.run([*pip, "check"], capture_output=True, text=True, check=False)
    if done.returncode:
        print(*map(str, done.args), done.stdout + done.stderr[-2000:], sep="\n", file=sys.stderr)
    return [
        Row("supply_chain", "`pip install --no-deps -r requirements.lock`, `pip check`", 1, int(not done.returncode))
    ]


if __name__ == "__main__":
    run_alone(run)
