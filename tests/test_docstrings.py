"""The docstrings of geometry/ and evaluation/: each public function and class has an example, and it is true.

Each example runs by itself, with the names of its module and those that the module's own example makes. Python's own
finder of examples would pass over functions in ``np.errstate``, because what wraps them is numpy's.
"""

import doctest
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import pytest

import pose3d.evaluation
import pose3d.geometry

RECORDS = {"Errors", "FittedSkeleton", "Intervals", "Predictions", "Protocol"}
"""Classes that only hold what functions with examples give."""
OF_FILES = {
    "draw_clip",
    "draw_panel",
    "landmark_errors",
    "layout_coverage",
    "layout_errors_mm",
    "metrics_of",
    "predict",
    "read_scored_frames",
    "report",
    "sequences_to_score",
    "true_points_px",
}
"""Functions of whole files or sequences: their tests are their examples."""


def public_objects() -> Iterator:
    """Each public function and class of both rooms."""
    for room in (pose3d.geometry, pose3d.evaluation):
        for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            for name, value in vars(importlib.import_module(module.name)).items():
                value = inspect.unwrap(value) if callable(value) else value
                defines = inspect.isfunction(value) or inspect.isclass(value)
                if defines and value.__module__ == module.name and not name.startswith("_"):
                    yield pytest.param(value, id=f"{module.name}.{name}")


PUBLIC = list(public_objects())


def run_examples(documented, names: dict) -> doctest.DocTest:
    """Run what a docstring shows, and check it; gives its examples and the names after them."""
    examples = doctest.DocTestParser().get_doctest(inspect.getdoc(documented) or "", names, str(documented), None, None)
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    assert not runner.run(examples, out=said.append, clear_globs=False).failed, "".join(said)
    return examples


@pytest.mark.parametrize("value", PUBLIC)
def test_the_example_is_true(value) -> None:
    module = inspect.getmodule(value)
    examples = run_examples(value, run_examples(module, vars(module)).globs).examples
    assert examples or value.__name__ in RECORDS | OF_FILES, "give it an example"


@pytest.mark.parametrize("value", [value for value in PUBLIC if inspect.isfunction(value.values[0])])
def test_three_arguments_or_more_are_all_described(value) -> None:
    section = (inspect.getdoc(value) or "").partition("Args:\n")[2].partition("\n\n")[0]
    described = ", ".join(re.findall(r"^    (\w[\w, ]*):", section, re.MULTILINE)).split(", ")
    parameters = list(inspect.signature(value).parameters)
    assert len(parameters) < 3 or described == parameters
