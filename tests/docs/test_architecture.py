"""The page about the architecture names files that are there, and the picture of live machines shows what they use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lmdecode

PACKAGE = Path(lmdecode.__file__).parent
PAGE = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
FILES = re.compile(r"(?<![\w/.])(?:[a-z]\w*/)+\w+\.py\b")
LIVE = "## The paths of a live machine"
HARD = "## Where the hard parts are"
GENERATIONS = ("v1", "v3", "bluetooth")


def section(heading):
    return PAGE[PAGE.index(f"{heading}\n") :].partition("\n## ")[0]


@pytest.mark.parametrize("heading", ["## Rooms", LIVE, HARD])
def test_each_file_that_is_named_is_there(heading):
    named = set(FILES.findall(section(heading)))
    assert named
    assert not {each for each in named if not (PACKAGE / each).is_file()}


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_picture_has_the_driver_and_the_requester_of_each_generation(generation):
    named = set(FILES.findall(section(LIVE)))
    assert {f"device/{generation}/driver.py", f"codec/{generation}/requester.py"} <= named
