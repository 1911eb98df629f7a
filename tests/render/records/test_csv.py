"""A row of CSV has all its cells, however few of them the record fills."""

from __future__ import annotations

import csv
import io

import pytest

from lmdecode.analysis.columns import field_kinds
from lmdecode.codec.record import Record
from lmdecode.render.records import Style
from lmdecode.render.records.csv import CsvWriter

FIRST, *_, LAST = field_kinds()


@pytest.mark.parametrize("names", [(), (FIRST,), (LAST,), (FIRST, LAST)])
@pytest.mark.parametrize("safe", [False, True])
@pytest.mark.parametrize("chosen", [(), ("coffee_temp",)])
def test_each_row_has_all_cells(names, safe, chosen):
    text = io.StringIO()
    writer = CsvWriter(text, Style(fields=chosen), safe=safe)
    writer.write(Record(0, 0, "app", "a", "b", fields=dict.fromkeys(names, 7)))
    header, row = csv.reader(io.StringIO(text.getvalue()))
    assert len(row) == len(header)
    assert text.getvalue().endswith("\n")
    assert {name for name, cell in zip(header, row, strict=True) if cell == "7"} == {*names} & {*header}
