"""CSV for a spreadsheet: no cell is a formula. CSV for programs: every cell is what it was."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.render.spreadsheet import csv_rows, safe_cell

CELL = st.text(st.sampled_from("=+-@;,|\t\r\n '\"a1\x1b\x9b\uff1d"))


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", '"=1', "\uff1d1", "a;=1", "a,@b"]
)
def test_a_formula_becomes_text(text):
    assert "'" in str(safe_cell(text))


@given(CELL)
def test_no_cell_begins_with_a_formula_however_the_line_is_split(text):
    cell = str(safe_cell(text))
    assert cell.isprintable()
    for piece in re.split("[,;|]", cell):
        assert not re.match(r"[\s\"']*(?<!')[=+\-@\uff1d]", piece), (cell, piece)


@pytest.mark.parametrize("value", [-5, 95.6, None, "", "kitchen", "2026-11-21T02:55:55Z", "192.168.1.215:1774"])
def test_what_is_no_formula_stays(value):
    assert safe_cell(value) == value


@given(st.lists(CELL.filter(lambda cell: "\r" not in cell), min_size=1, max_size=4))  # which Python reads as an end
def test_programs_get_every_cell_as_it_was(cells):
    file = io.StringIO(newline="")
    csv_rows(file).writerow(cells)
    file.seek(0)
    assert next(csv.reader(file)) == cells
