from __future__ import annotations

import importlib.util
import io
import json
import re
from pathlib import Path

import pytest

from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS
from lmdecode.render.register_list import as_json, as_markdown, as_text, find, print_table

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("coffee_set", ["coffee_set_temp"]),
        ("coffee-set", ["coffee_set_temp"]),
        ("COFFEE_SET", ["coffee_set_temp"]),
        ("dose_k?", ["dose_k1", "dose_k2", "dose_k3", "dose_k4", "dose_k5"]),
        ("0x0000", ["power"]),
        ("401D", ["coffee_temp"]),
        ("0x401d", ["coffee_temp"]),
        ("0x0300", ["clock", "second"]),
        ("0x0005", [None]),
        ("day", [*("dayofweek", "day"), "days_since_built"]),
        ("0x5000", []),
        ("nothing", []),
    ],
)
def test_finding(pattern, names):
    assert [row.name for row in find(pattern)] == names


def test_hex_digits_that_are_in_a_name_find_the_name():
    assert {row.name for row in find("add")} == set()
    assert "drinks_k1" in {row.name for row in find("d")}


def test_all_rows_in_every_format():
    rows = find(None)
    assert len(rows) == len(REGISTERS) + len(DERIVED)
    assert len(json.loads(as_json(rows))) == len(rows)
    assert len(as_markdown(rows).splitlines()) == len(rows) + 2
    lines = as_text(rows).splitlines()
    assert len([line for line in lines[2:] if not line.startswith(" ")]) == len(rows)
    assert max(map(len, lines)) <= 120


def test_grep_finds_a_register_with_all_that_is_said_of_it():
    text = as_text(find(None))
    found = [line for line in text.splitlines() if "standby_timer" in line]
    assert re.fullmatch(r"0x0002 +1  standby_timer +uint8 min +all +inferred", found[0])
    assert found[1:] == ["         standby_timer: 60 on a GS3 MP, 0 on a GS3 AV; the cloud has a STBY_TIMER"]


def test_a_narrow_terminal_gets_a_list(monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("FORCE_COLOR", "1")
    file = io.StringIO()
    print_table(find("coffee_set"), file)
    assert re.sub(r"\x1b\[[0-9;]*m| +$", "", file.getvalue(), flags=re.MULTILINE) == (
        "0x0007  coffee_set_temp\n  uint16 × 0.1 °C, write: 87 to 100, seen\n"
    )


def test_a_register_is_found_by_its_name_of_earlier_versions():
    assert [row.name for row in find("running_sec")] == ["machine_running_minutes"]
    assert "formerly machine_running_seconds" in as_text(find("machine_running_seconds"))


def test_the_secret_is_listed_as_one():
    (row,) = json.loads(as_json(find("0x0120")))
    assert row["secret"] is True


def test_the_page_of_the_docs_is_what_the_map_says():
    spec = importlib.util.spec_from_file_location("make_memory_map", DOCS / "make_memory_map.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "memory-map.md").read_text(encoding="utf-8") == module.page(), "run `make docs`"
