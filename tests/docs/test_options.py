"""The page of all options: it is up to date, and explains each option that a command lacks."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_options", DOCS / "make_options.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(script):
    assert (DOCS / "reference/options.md").read_text(encoding="utf-8") == script.page(), "run: make docs"


def test_whatever_a_command_lacks_is_explained(script):
    assert script.unexplained() == []
    assert "| ? |" not in script.page()


def test_a_blank_that_nobody_explains_is_found(script, monkeypatch):
    monkeypatch.delitem(script._REASONS[script._CAPTURES], "jobs")
    assert "shots has no --jobs: say why in docs/make_options.py, or give it one" in script.unexplained()


def test_every_command_over_captures_has_what_they_all_have(script):
    shared = {"capture…", "key", "config", "port", "machine", "where", "from", "to", "utc", "join"}
    over = {each.name: each for each in script.commands() if each.kind == script._CAPTURES}
    expected = {
        "decode",
        "export",
        "report",
        "shots",
        "identify",
        "check",
        "memory",
        "changes",
        "diff",
        "unknowns",
        "keys check",
        "replay",
    }
    assert set(over) == expected
    missing = {(name, option) for name, each in over.items() for option in shared - each.options}
    live = {("replay", option) for option in ("key", "config", "port", "machine")}
    whole = {("export", option) for option in ("machine", "where", "from", "to", "utc")}
    assert missing == {("identify", "key"), *live, *whole}
    assert all(over[name].left_out[option] for name, option in missing)
