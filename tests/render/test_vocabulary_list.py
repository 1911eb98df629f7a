from __future__ import annotations

import importlib.util
import io
import re
from pathlib import Path

import pytest

from lmdecode.codec.vocabulary import rows
from lmdecode.render.vocabulary_list import as_json, as_markdown, as_text, find, print_table

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("brewing_since", {"brewing_since"}),
        ("brewing-since", {"brewing_since"}),
        ("brewingStartTime", {"brewing_since"}),
        ("BREWINGSTARTTIME", {"brewing_since"}),
        ("LastBrewing", set()),
        ("allarm", {"water_reservoir_contact"}),
        ("dose_grams_k?", {"dose_grams_k1", "dose_grams_k2", "dose_grams_k3", "dose_grams_k4"}),
        ("evice", set()),
        ("wifiSsid", {None}),
        ("heatingcoeff", {None}),
    ],
)
def test_finding(pattern, names):
    assert {row.name for row in find(pattern)} == names


def test_a_generation_alone():
    assert {row.source for row in find("power", "bluetooth")} == {"stream", "read", "write"}
    assert find("coffee_temp", "lion") == []


def test_what_says_nothing_is_listed_only_for_who_asks():
    assert not any(row.aside for row in find(None))
    assert [row.aside for row in find("tutorialUrl")] == [True]


def test_a_pipe_gets_a_line_for_each_row():
    found = find(None)
    lines = as_text(found).splitlines()
    assert len([line for line in lines[2:] if not line.startswith(" ")]) == len(found)
    assert all(len(line) <= 120 for line in lines if line.startswith((" ", "─")))


def test_a_narrow_terminal_gets_a_list_and_a_wide_one_a_table(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = {}
    for columns in (80, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        file = io.StringIO()
        print_table(find("coffee_ready_time"), file)
        shown[columns] = re.sub(r"\x1b\[[0-9;]*m| +$", "", file.getvalue(), flags=re.MULTILINE)
    assert shown[80] == (
        "coffee_ready_time  time, seen\n  lion: widget: CMCoffeeBoiler.readyStartTime\n  a prediction\n"
    )
    assert max(map(len, shown[120].splitlines())) <= 120
    assert re.search(r"lion +widget +coffee_ready_time +time +seen +CMCoffeeBoiler\.readyStartTime", shown[120])


def test_every_format_has_every_row():
    found = find("preinfusion")
    assert as_json(found).count('"path"') == len(found)
    assert len(as_markdown(found).splitlines()) == len(found) + 2


def test_the_pages_of_the_docs_are_what_the_vocabulary_says():
    spec = importlib.util.spec_from_file_location("make_vocabulary", DOCS / "make_vocabulary.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages = module.pages()
    for file, text in pages.items():
        assert file.read_text(encoding="utf-8") == text, "run `make docs`"
    together = "".join(pages.values())
    assert all(
        f"`{row.name}`" in together
        for row in rows()
        if row.name and not re.search(r"_k\d|^(mon|tue|wed|thu|fri|sat|sun)_", row.name)
    )
