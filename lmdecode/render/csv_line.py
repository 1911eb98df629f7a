"""Lines of CSV of Records: which columns there are, and what is in the cells."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from lmdecode.analysis.columns import field_kinds, record_columns
from lmdecode.codec.record import Record, Value, iso_time
from lmdecode.render.records import Style
from lmdecode.render.spreadsheet import csv_texts

_BOOLEANS: Final = {True: "true", False: "false"}

_WORDS: Final[dict[str, Callable[[Any], str]]] = {
    "time": iso_time,
    "ok": _BOOLEANS.__getitem__,
    "raw": bytes.hex,
    "problems": " | ".join,
    "extra": lambda extra: json.dumps(dict(extra), ensure_ascii=False) if extra else "",
}


def field_cell(value: Value) -> object:
    """Returns what a cell has for the value of a field.

    >>> [field_cell(each) for each in (True, ["mon", "tue"], [], 93.5)]
    ['true', 'mon tue', 'none', 93.5]
    """
    if value is True or value is False:
        return _BOOLEANS[value]
    return (" ".join(value) or "none") if isinstance(value, list) else value


class CsvLines:
    """Makes lines of CSV of Records.

    Args:
        style: The fields that have a column, and whether a column names the capture.
        safe: Whether it is for a spreadsheet, which must not take a text for a formula.
    """

    def __init__(self, style: Style, *, safe: bool) -> None:
        names = style.fields or tuple(field_kinds())
        self.columns = record_columns(several=style.several)
        """The columns before those of the fields."""
        self.names = names
        """The columns of the fields."""
        self._fields = {name: place for place, name in enumerate(names)}
        self._text = csv_texts(safe=safe)
        self._places = [Record._fields.index("time_ns" if name == "time" else name) for name in self.columns]
        self._words = [(place, _WORDS[name]) for place, name in enumerate(self.columns) if name in _WORDS]
        self._no_fields: list[object] = [""] * len(names)
        self._ends = ["," * count + "\n" for count in range(len(names) + 1)]
        """What ends a line without its last cells, which are empty, by their number."""

    def header(self) -> str:
        """Returns the line that names the columns."""
        return self._text([*self.columns, *self.names]) + "\n"

    def cell(self, value: object) -> str:
        """Returns how a value is written in a line, with quotes where it needs them."""
        return self.cells((value,))

    def cells(self, values: Iterable[object]) -> str:
        """Returns how values that follow each other are written in a line."""
        return self._text((*values, 0))[:-2]  # alone in its line, what is empty would have quotes

    def head(self, record: Record) -> list[object]:
        """Returns the cells before those of the fields."""
        cells: list[object] = [record[place] for place in self._places]  # csv leaves what is None empty
        for place, word in self._words:
            if cells[place] is not None:
                cells[place] = word(cells[place])
        return cells

    def line(self, record: Record) -> str:
        """Returns the line of a Record, with its end."""
        cells = self._cells(record.fields)
        return self._text(self.head(record) + cells) + self._ends[-1 - len(cells)]  # most end with a hundred empty ones

    def end(self, fields: Mapping[str, Value]) -> str:
        """Returns what is in a line behind the cells of `head`."""
        cells = self._cells(fields)
        return (self._text(["", *cells]) if cells else "") + self._ends[-1 - len(cells)]

    def _cells(self, fields: Mapping[str, Value]) -> list[object]:
        """The cells of the fields up to the last one that is not empty."""
        columns = self._fields
        places = [columns[name] for name in fields if name in columns]
        cells: list[object] = self._no_fields[: max(places) + 1] if places else []
        for name, value in fields.items():
            if name in columns:
                cells[columns[name]] = field_cell(value)
        return cells
