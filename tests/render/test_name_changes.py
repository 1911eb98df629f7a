"""Changes of named values, in the table of changes, as JSON and as CSV."""

from __future__ import annotations

import csv
import json
from io import StringIO

from rich.console import Console

from lmdecode.analysis.name_changes import NamedChange, NamedRun, NameHistory, grouped_names
from lmdecode.codec.record import Record
from lmdecode.render.changes import ChangeTable, json_lines, write_csv
from lmdecode.render.name_changes import named_change_text, request_text
from tests.analysis import newer


def runs(records: list[Record]) -> list[NamedRun]:
    history = NameHistory()
    for record in records:
        history.add(record)
    return grouped_names(history.changes)


def table(records: list[Record]) -> str:
    console = Console(width=80, file=StringIO())
    rows = ChangeTable(console)
    with console.capture() as capture:
        for run in runs(records):
            rows.write(run)
    return capture.get()


def test_rows_fit_a_terminal():
    for records in (newer.local_morning(), newer.radio_morning(), newer.cloud_morning()):
        text = table(records)
        assert max(map(len, text.splitlines())) <= 80
        assert "power                  no → yes" in text
    assert "coffee_set_temp        93.0 → 94.0 °C\n" in text
    assert "5.0 s after write coffee_set_temp 94.0 °C" in text
    assert "after write\n                                    CoffeeMachineBackFlushStartCleaning" in text


def test_lines_have_the_keys_of_changes_of_memory():
    lines = [json.loads(line) for line in json_lines(runs(newer.cloud_morning()), newer.MACHINE)]
    line = next(line for line in lines if line["name"] == "coffee_set_temp")
    assert (line["old"], line["new"], line["unit"], line["address"], line["known"]) == (93.0, 94.0, "°C", None, True)
    assert line["writes"][0]["fields"] == {"coffee_set_temp": 94.0}
    assert line["seen_in"]["generation"] == "lion"
    file = StringIO()
    write_csv(runs(newer.cloud_morning()), newer.MACHINE, file)
    rows = list(csv.DictReader(StringIO(file.getvalue())))
    assert [row["new"] for row in rows if row["name"] == "coffee_set_temp"] == ["94.0"]
    assert {row["address"] for row in rows} == {""}


def test_long_values_are_cut():
    record = newer.pushed(0, "lion", {})
    change = NamedChange("new", 0, 0, '"a"', '"' + "b" * 100 + '"', record, is_field=False)
    assert named_change_text(change) == '"a" → "' + "b" * 37 + "…"
    assert named_change_text(change._replace(old='"' + "a" * 50)).startswith('→ "bb')


def test_lists_of_words():
    record = newer.pushed(0, "v3", {})
    assert named_change_text(NamedChange("days", 0, 0, ["mon", "tue"], ["tue", "wed"], record)) == "+wed −mon"


def test_what_a_request_is_about():
    record = newer.wrote(0, "bluetooth", "0b0b write MachineChangeMode", {})
    assert request_text(record) == "0b0b write MachineChangeMode"
    assert request_text(record._replace(subject="POST /a/b?c=d", extra={"x": 1})) == 'b {"x":1}'
