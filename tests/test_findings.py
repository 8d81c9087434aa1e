"""The scripts of findings/, which are run by hand: they parse, pin what they install, and go without this project."""

import re
import subprocess
from pathlib import Path

import pytest

INDEX = Path(__file__).parents[1] / "docs/findings.md"
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


def test_the_index_has_a_row_for_each_finding_with_the_versions_that_it_pins():
    rows = re.findall(
        r"^\| \[(\w+)\]\(\.\./findings/(\w+)\.sh\) \| (.+) \| (.+) \| (.+) \|$", INDEX.read_text(), re.MULTILINE
    )
    assert [name for name, *_ in rows] == [script.stem for script in FINDINGS] and len(rows) >= 10
    for name, target, _, versions, _ in rows:
        assert name == target
        text = (INDEX.parents[1] / "findings" / f"{name}.sh").read_text(encoding="utf-8")
        for version in re.findall(r" ([\d.]+)", versions):
            assert f"=={version}" in text, f"{name}: {version}"
