"""CSV: one Record a row, one column a field.

All columns are known before the first record is, so that memory does not grow with the capture. A cell is empty where
the record does not have the value; a list is its members with a space between them, or `none`; problems, which have
spaces of their own, are separated by ` | `.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import IO, Final

from lmdecode.analysis.columns import RECORD_COLUMNS
from lmdecode.codec.record import Record, iso_time

_BOOLEANS: Final = {True: "true", False: "false"}
_TIME, _FIELDS, _OK, _RAW, _PROBLEMS = map(Record._fields.index, ("time_ns", "fields", "ok", "raw", "problems"))


class CsvWriter:
    """Writes Records as rows of CSV.

    Args:
        file: Takes the text.
        fields: The names that have a column.
        header: Whether the first row names the columns.
    """

    def __init__(self, file: IO[str], fields: Sequence[str], *, header: bool = True) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._columns = {name: len(RECORD_COLUMNS) + index for index, name in enumerate(fields)}
        self._no_fields = [""] * len(fields)
        if header:
            self._writer.writerow([*RECORD_COLUMNS, *fields])

    def write(self, record: Record) -> None:
        """Write one row."""
        row: list[object] = list(record)  # csv leaves what is None empty, and words numbers as JSON does
        row[_TIME] = iso_time(record.time_ns)
        if record.ok is not None:
            row[_OK] = _BOOLEANS[record.ok]
        if record.raw is not None:
            row[_RAW] = record.raw.hex()
        row[_PROBLEMS] = " | ".join(record.problems)
        del row[_FIELDS]
        row += self._no_fields
        columns = self._columns
        for name, value in record.fields.items():
            if name in columns:
                row[columns[name]] = (
                    _BOOLEANS[value]
                    if value is True or value is False
                    else " ".join(value) or "none"
                    if isinstance(value, list)
                    else value
                )
        self._writer.writerow(row)
