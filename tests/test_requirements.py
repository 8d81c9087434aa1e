"""requirements.lock leaves pip nothing to choose."""

import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
INSTALLER = "pip"
"""Comes with ``venv``."""
NOT_LOCKED = "rerun"
"""An extra of 670 MB for one format; tests that need it are skipped without it."""


def locked_versions() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def requirements_of_the_project() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: lines for name, lines in project["optional-dependencies"].items() if name != NOT_LOCKED}
    lists = [project["dependencies"], *extras.values()]
    return [Requirement(line) for requirements in lists for line in requirements]


def required(python: str) -> dict[str, list[Requirement]]:
    """What the dependencies and extras lead to on a version of Python, by package, from installed metadata."""
    installed = {canonicalize_name(found.metadata["Name"]): found for found in distributions()}
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    needed: dict[str, list[Requirement]] = {}
    followed = set()
    open_ends = requirements_of_the_project()
    while open_ends:
        requirement = open_ends.pop()
        name = canonicalize_name(requirement.name)
        needed.setdefault(name, []).append(requirement)
        for extra in {"", *requirement.extras} - {extra for seen, extra in followed if seen == name}:
            followed.add((name, extra))
            for line in (installed[name].requires if name in installed else None) or []:
                further = Requirement(line)
                if further.marker is None or further.marker.evaluate({**environment, "extra": extra}):
                    open_ends.append(further)
    return needed


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_everything_needed_is_locked_at_a_version_that_fits(python: str) -> None:
    versions = locked_versions()
    needed = required(python)
    del needed[INSTALLER]
    assert {"torch", "setuptools", "pygit2"} <= set(needed), "the walk reaches what others need"
    assert sorted(set(needed) - set(versions)) == []
    assert [
        str(requirement)
        for name, requirements in needed.items()
        for requirement in requirements
        if not requirement.specifier.contains(versions[name], prereleases=True)
    ] == []


def test_nothing_is_locked_that_nothing_needs() -> None:
    assert sorted(set(locked_versions()) - set(required("3.11"))) == []
