"""CSV: one Record a row, one column a field.

All columns are known before the first record is, so that memory does not grow with the capture. A cell is empty where
the record does not have the value; a list is its members with a space between them, or `none`; problems, which have
spaces of their own, are separated by ` | `.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from itertools import islice
from typing import IO, Any, Final

from lmdecode._parts import is_off
from lmdecode.codec.dialect import RECORDS
from lmdecode.codec.record import Record
from lmdecode.render.csv_columns import CleanLines
from lmdecode.render.csv_line import CsvLines
from lmdecode.render.records import OutputFormat, Style, TextWriter

GROUP: Final = 1024
"""Rows that are made of columns at once."""


class CsvWriter(TextWriter):
    """Writes Records as rows of CSV.

    Args:
        file: Takes the text.
        style: The fields that have a column, and whether the first row names the columns.
        safe: Whether it is for a spreadsheet, which must not take a text for a formula.
    """

    def __init__(self, file: IO[str], style: Style, *, safe: bool = False) -> None:
        super().__init__(file)
        self._lines = CsvLines(style, safe=safe)
        self._clean = None if is_off("columns") else CleanLines(self._lines)
        self._waiting: list[Any] = []
        self.sink = RECORDS if self._clean is None else self._clean
        if style.header:
            file.write(self._lines.header())

    def write(self, record: Record) -> None:
        """Write one row."""
        self._file.write(self._lines.line(record))

    def write_all(self, made: Iterable[Any]) -> None:
        """Write rows, as `sink` made them."""
        if self._clean is None:
            super().write_all(made)
            return
        rows = iter(made)
        while True:
            self._waiting.extend(islice(rows, GROUP))  # which keeps those before an error, for `abandon`
            if not self._waiting:
                return
            self._write_waiting(self._clean)

    def _write_waiting(self, clean: CleanLines) -> None:
        """Write the rows that wait, line by line: Ctrl-C while a pipe is full would cut one long text inside a line."""
        waiting, self._waiting = self._waiting, []
        self._file.writelines(clean.lines(waiting))

    def abandon(self) -> None:
        """Write what was decoded up to now: on stdout it is worth having."""
        if self._clean is not None:
            with contextlib.suppress(OSError):
                self._write_waiting(self._clean)


FORMAT: Final = OutputFormat(open=CsvWriter, joinable=True)
