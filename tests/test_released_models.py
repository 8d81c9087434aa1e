"""models/: the files are those of their card, small, and load."""

import json
from pathlib import Path

import pytest

from pose3d.commands.release import table_of
from pose3d.lifting.lift import LIFTERS, load_lifter
from pose3d.pose2d.inference import load_network
from pose3d.predict import layout_models
from pose3d.runtime.files import sha256_of

MODELS = Path(__file__).parents[1] / "models"


@pytest.fixture(scope="module")
def facts() -> dict:
    return json.loads((MODELS / "models.json").read_text())


@pytest.fixture(scope="module")
def layouts() -> dict:
    """Facts of the lifters of other layouts, by their file; none before the first was released."""
    path = MODELS / layout_models.FACTS
    return json.loads(path.read_text())["lifters"] if path.exists() else {}


def test_files_are_those_that_the_facts_name(facts, layouts):
    others = {"README.md", "models.json", layout_models.FACTS}
    files = facts["files"] | layouts
    assert {path.name for path in MODELS.iterdir()} - others == set(files)
    assert {name: sha256_of(MODELS / name) for name in files} == {name: file["sha256"] for name, file in files.items()}


def test_they_are_few_megabytes():
    assert sum(path.stat().st_size for path in MODELS.iterdir()) < 25e6


def test_the_card_has_the_figures(facts, layouts):
    card = (MODELS / "README.md").read_text()
    assert table_of(facts) in card and (not layouts or layout_models.table_of(layouts) in card)


def test_they_load(layouts):
    load_network(MODELS / "pose2d.pt")
    for name in LIFTERS:
        load_lifter(MODELS / f"{name}.pt")
    for name, made in layouts.items():
        load_lifter(MODELS / name, made["layout"])
