"""The scripts of findings/, which are run by hand: they parse, pin what they install, and go without this project."""

import re
import subprocess
from pathlib import Path

import pytest

FINDINGS = sorted((Path(__file__).parents[1] / "findings").glob("*.sh"))


@pytest.mark.parametrize("script", FINDINGS, ids=lambda path: path.stem)
def test_a_finding_pins_packages_and_goes_without_this_project(script):
    text = script.read_text(encoding="utf-8")
    assert subprocess.run(["sh", "-n", script], capture_output=True, check=False).returncode == 0
    (python,) = re.findall(r"<<'PYTHON'\n(.*)\nPYTHON\n", text, re.DOTALL)
    compile(python, script.name, "exec")
    assert "\nassert " in python
    installed = " ".join(re.findall(r"pip (?:install|download)((?:[^\n]|\\\n)*)", text))
    packages = [word for word in re.sub(r"--\S+ [\"$\w.:]+|--\S+|\\\n", " ", installed).split() if word[0].isalpha()]
    assert packages and all("==" in package for package in packages), packages
    assert not re.search(r"\bpose3d\b", python) and "mktemp -d" in text
