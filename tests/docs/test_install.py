"""The page on installing says what pyproject.toml, the commands and the program say."""

from __future__ import annotations

import re
import tomllib

from lmdecode import extras
from lmdecode.project import REPOSITORY, page
from tests.docs.pages import ROOT, text_of

PAGE = text_of("docs/install.md")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def rows(*header: str) -> list[list[str]]:
    """The rows of the table with a header."""
    head = f"| {' | '.join(header)} |"
    lines = PAGE[PAGE.index(head) :].splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:end]]


def test_the_extras_are_all_there_with_what_they_bring():
    table = rows("extra", "brings", "size", "needed by")
    assert [row[0] for row in table] == [f"`{name}`" for name in extras.EXTRAS]
    for (_, brings, size, needed_by), extra in zip(table, extras.EXTRAS.values(), strict=True):
        assert brings.split(", ") == list(extra.packages)
        assert re.fullmatch(r"\d+ MB", size)
        assert needed_by.replace("`", "") == extra.needed_by


def test_the_projects_address_is_one():
    assert set(PROJECT["urls"].values()) == {
        REPOSITORY,
        page("index"),
        f"{REPOSITORY}/issues",
        f"{REPOSITORY}/blob/main/CHANGELOG.md",
    }
    for name in ("README.md", "docs/install.md", "docs/tutorial.md", "CONTRIBUTING.md"):
        cloned = re.findall(r"git clone (\S+)", (ROOT / name).read_text(encoding="utf-8"))
        assert set(cloned) == {REPOSITORY}, name


def test_the_pages_that_messages_name_are_there():
    for path in (ROOT / "lmdecode").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        named = re.findall(r'\bpage\("(\w+)"\)', text) + re.findall(r"blob/main/docs/(\w+)\.md", text)
        assert all((ROOT / "docs" / f"{name}.md").is_file() for name in named), path


def test_the_versions_are_those_of_the_project():
    named = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if "Python :: 3." in each]
    assert f"Python {', '.join(named[:-1])} and {named[-1]}" in " ".join(PAGE.split())
    (wheel,) = set(re.findall(r"lmdecode-([\d.]+)-py3", PAGE))
    assert f'"{wheel}"' in (ROOT / "lmdecode" / "__init__.py").read_text(encoding="utf-8")
