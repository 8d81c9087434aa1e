"""The docstrings of geometry/ and evaluation/: each public function and class has an example, and it is true.

Each example runs by itself, with the names of its module. Python's own finder of examples would pass over functions in
``np.errstate``, because what wraps them is numpy's.
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

RECORDS = {"Errors", "FittedSkeleton", "Protocol"}
"""Classes that only hold what functions with examples give."""
OF_FILES = {"report", "sequences_to_score"}
"""Functions that read whole files: their tests are their examples."""


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


@pytest.mark.parametrize("value", PUBLIC)
def test_the_example_is_true(value) -> None:
    names = dict(vars(inspect.getmodule(value)))
    examples = doctest.DocTestParser().get_doctest(inspect.getdoc(value) or "", names, value.__name__, None, None)
    assert examples.examples or value.__name__ in RECORDS | OF_FILES, "give it an example"
    said: list[str] = []
    assert not doctest.DocTestRunner(verbose=False).run(examples, out=said.append).failed, "".join(said)


@pytest.mark.parametrize("value", [value for value in PUBLIC if inspect.isfunction(value.values[0])])
def test_three_arguments_or_more_are_all_described(value) -> None:
    section = (inspect.getdoc(value) or "").partition("Args:\n")[2].partition("\n\n")[0]
    described = ", ".join(re.findall(r"^    (\w[\w, ]*):", section, re.MULTILINE)).split(", ")
    parameters = list(inspect.signature(value).parameters)
    assert len(parameters) < 3 or described == parameters
