"""What a stage loads before it does anything; by name and not by clock, for clocks depend on the machine."""

import subprocess
import sys
from pathlib import Path

import pytest

STAGES = sorted((Path(__file__).parents[2] / "stages").glob("*.py"))
WITHOUT_TORCH = {"hash_code", "download", "bake_bodies", "prepare", "crop_resize"}
WHERE_USED = {"lightning_fabric", "torch._dynamo", "sympy", "pandas", "matplotlib"}
"""Loaded by the functions that need them and not before: they take up to seconds."""
SHOW_HELP = """
import runpy, sys
name = sys.argv[1]
sys.argv = [name, "--help"]
try:
    (runpy.run_path if name.endswith(".py") else runpy.run_module)(name, run_name="__main__")
finally:
    print("loaded:", *sys.modules)
"""


def loaded_for_help(name: str | Path) -> set[str]:
    """Modules that are loaded when ``--help`` has been shown."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW_HELP, str(name)],
        env={"PYTHONPATH": str(STAGES[0].parents[1] / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    help_text, _, loaded = done.stdout.rpartition("loaded:")
    assert help_text.startswith("usage: ")
    return set(loaded.split())


@pytest.mark.parametrize("stage", STAGES, ids=lambda path: path.stem)
def test_a_stage_loads_only_what_it_uses(stage):
    loaded = loaded_for_help(stage)
    assert ("torch" in loaded) == (stage.stem not in WITHOUT_TORCH)
    assert not {"distributed", "anny", *WHERE_USED} & loaded
    assert not {"torch", "scipy"} <= loaded  # bodies and motions are made with SciPy, and need no torch


def test_what_a_script_loads_is_seen(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import argparse, lightning_fabric, matplotlib, pandas, scipy\nargparse.ArgumentParser().parse_args()\n"
    )
    assert {"torch", "scipy", *WHERE_USED} <= loaded_for_help(script)


def test_checking_the_params_loads_no_torch():
    assert not {"torch", "matplotlib", "distributed"} & loaded_for_help("pose3d.config.check")
