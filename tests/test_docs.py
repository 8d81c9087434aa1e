"""README.md, docs/ and the other pages: short, links that lead somewhere, commands and figures that are true."""

import argparse
import json
import re
from pathlib import Path

import pytest

from pose3d.commands.run import COMMANDS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    ROOT / "priors/README.md",
    ROOT / "pretrained/README.md",
    ROOT / "models/README.md",
]
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
SUBCOMMAND = re.compile(r"(?:`|^ *|&& )pose3d ([a-z][a-z-]+)([^`\n&#]*)", re.MULTILINE)
"""A subcommand and what follows it, up to a comment or another command."""
METHODS = {
    "temporal (27 frames)": "temporal",
    "single frame": "repnet",
    "nearest neighbour of the projected prior": "nearest_neighbour",
    "mean pose of the prior": "mean_pose",
}
COLUMNS = {"mpjpe_mm": 1, "pa_mpjpe_mm": 1, "n_mpjpe_mm": 1, "accel_error_mm": 1, "root_error_mm": 0}
"""Of README's table, with the digits after the point."""


def anchors(page: Path) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request) -> Path:
    return request.param


def test_readme_is_read_in_a_minute():
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150 and len(text.split()) <= 1200


def test_links_lead_somewhere(page):
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


def test_subcommands_and_options_are_those_of_the_front_door(page):
    text = page.read_text(encoding="utf-8").replace("\\\n", "")
    assert not re.search(r"python -m pose3d\.\w", text)
    for name, rest in SUBCOMMAND.findall(text):
        parser = argparse.ArgumentParser()
        COMMANDS[name].add_arguments(parser)
        known = {option for action in parser._actions for option in action.option_strings}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, f"pose3d {name}{rest}"


def test_readme_names_every_subcommand():
    assert {name for name, _ in SUBCOMMAND.findall(README.read_text(encoding="utf-8"))} == set(COMMANDS)


def test_files_of_the_repository_that_a_page_names_are_there(page):
    named = re.findall(
        r"(?:src/pose3d|stages|tests|benchmarks|torture|data_sets|sizes)/[\w/]+\.(?:py|yaml|json)\b", page.read_text()
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_page_of_docs_is_linked_from_readme():
    linked = {target for target, _ in LINK.findall(README.read_text(encoding="utf-8"))}
    assert {f"docs/{file.name}" for file in ROOT.glob("docs/*.md")} <= linked


def test_every_page_of_docs_says_for_whom_it_is():
    for file in ROOT.glob("docs/*.md"):
        assert file.read_text(encoding="utf-8").splitlines()[2].startswith("For those who "), file.name


def test_readme_has_the_figures_of_the_last_run():
    metrics = json.loads((ROOT / "metrics/evaluation.json").read_text())
    text = README.read_text(encoding="utf-8")
    assert f"({metrics['data']['frames']:,} frames)" in text
    rows = [[cell.strip(" *") for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    shown = {row[0]: row[1:] for row in rows if row[0] in METHODS}
    assert shown == {
        name: [
            f"{metrics[method][key]:.{digits}f}" if key in metrics[method] else "" for key, digits in COLUMNS.items()
        ]
        for name, method in METHODS.items()
    }
