"""CSV: one Record a row, one column a field.

All columns are known before the first record is, so that memory does not grow with the capture. A cell is empty where
the record does not have the value; a list is its members with a space between them, or `none`; problems, which have
spaces of their own, are separated by ` | `.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, Any, Final

from lmdecode.analysis.columns import field_kinds, record_columns
from lmdecode.codec.record import Record, iso_time
from lmdecode.render.records import OutputFormat, Style, TextWriter
from lmdecode.render.spreadsheet import csv_rows

_BOOLEANS: Final = {True: "true", False: "false"}


class CsvWriter(TextWriter):
    """Writes Records as rows of CSV.

    Args:
        file: Takes the text.
        style: The fields that have a column, and whether the first row names the columns.
        safe: Whether it is for a spreadsheet, which must not take a text for a formula.
    """

    def __init__(self, file: IO[str], style: Style, *, safe: bool = False) -> None:
        super().__init__(file)
        fields = style.fields or tuple(field_kinds())
        self._file = file
        self._writer = csv_rows(file, safe=safe, end="")
        columns = record_columns(several=style.several)
        self._places = [Record._fields.index("time_ns" if name == "time" else name) for name in columns]
        self._columns = {name: len(columns) + index for index, name in enumerate(fields)}
        self._no_fields = [""] * len(fields)
        self._ends = ["," * count + "\n" for count in range(len(columns) + len(fields) + 1)]
        """What ends a row without its last cells, which are empty, by their number."""
        self._words = [(index, _WORDS[name]) for index, name in enumerate(columns) if name in _WORDS]
        if style.header:
            self._writer.writerow([*columns, *fields])
            file.write("\n")

    def write(self, record: Record) -> None:
        """Write one row."""
        row: list[object] = [record[place] for place in self._places]  # csv leaves what is None empty
        for index, word in self._words:
            if row[index] is not None:
                row[index] = word(row[index])
        columns = self._columns
        places = [columns[name] for name in record.fields if name in columns]
        used = max(places) + 1 if places else len(row)
        row += self._no_fields[: used - len(row)]
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
        self._file.write(self._ends[-1 - used])  # most rows end with a hundred empty cells


_WORDS: Final[dict[str, Callable[[Any], str]]] = {
    "time": iso_time,
    "ok": _BOOLEANS.__getitem__,
    "raw": bytes.hex,
    "problems": " | ".join,
    "extra": lambda extra: json.dumps(dict(extra), ensure_ascii=False) if extra else "",
}

FORMAT: Final = OutputFormat(open=CsvWriter, joinable=True)
