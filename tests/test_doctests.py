"""Every example in a docstring is true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import lmdecode

MODULES = ["lmdecode", *(module.name for module in pkgutil.walk_packages(lmdecode.__path__, "lmdecode."))]


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [test for name in MODULES for test in finder.find(importlib.import_module(name), name) if test.examples]


@pytest.mark.parametrize("test", examples(), ids=lambda test: test.name)
def test_examples(test):
    output: list[str] = []
    result = doctest.DocTestRunner().run(test, out=output.append)
    assert result.attempted > 0
    assert result.failed == 0, "".join(output)


def test_there_are_examples():
    assert "lmdecode.codec.v1.window.decode_window" in {test.name for test in examples()}
