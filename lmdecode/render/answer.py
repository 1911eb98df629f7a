"""The answer to a query: as a table for people, and as JSON Lines, CSV and Parquet for programs.

Times are UTC in all of them, as in SQL: a query by hour or by date, and what it shows, must not be of two zones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import IO, Any, Final

import orjson
from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from lmdecode.codec.printable import printable
from lmdecode.render.counts import count_text
from lmdecode.render.spreadsheet import csv_rows

FORMATS: Final = ("table", "jsonl", "csv", "csv-safe", "parquet")
"""How an answer is written."""
MOST_ROWS: Final = 300
"""Rows of a table, so that `describe records` has all columns; the other formats have all."""
_MOST_BLOCKS: Final = 10
"""Rows that are shown below each other, with a line for each value, where they have too many columns."""
_WIDEST: Final = 44  # columns of a terminal that a cell takes, where there is not room for all
_NARROWEST: Final = 9  # and that it is cut to, if it is longer
_FEW: Final = 20  # rows whose long texts are shown whole, in several lines
_LONGEST: Final = 400  # characters of such a text
_GAP: Final = 2
_GREAT: Final = 1e15


def write_jsonl(batches: Iterable[Any], file: IO[bytes]) -> None:
    """Writes an object a row. Bytes are hexadecimal, and what is no number (NaN) is null."""
    for row in _rows(batches):
        file.write(
            orjson.dumps({name: _in_json(value) for name, value in row.items()}, option=orjson.OPT_APPEND_NEWLINE)
        )


def write_csv(columns: Sequence[str], batches: Iterable[Any], file: IO[str], *, safe: bool = False) -> None:
    """Writes a row a row, under the names of the columns: an empty cell for null, ` | ` between the members of a list.

    Args:
        columns: Their names.
        batches: The rows.
        file: Takes the text.
        safe: Whether it is for a spreadsheet, which must not take a text for a formula.
    """
    writer = csv_rows(file, safe=safe)
    writer.writerow(columns)
    for row in _rows(batches):
        writer.writerow([_in_csv(value) for value in row.values()])


def write_parquet(columns: Any, batches: Iterable[Any], file: IO[bytes]) -> None:  # noqa: ANN401 -- pyarrow has no types
    """Writes a Parquet file.

    Args:
        columns: A `pyarrow.Schema`.
        batches: The rows.
        file: Takes the bytes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    storable: Callable[[Any], Any] = lambda kind: pa.string() if pa.types.is_interval(kind) else kind  # noqa: E731
    kept = pa.schema([pa.field(each.name, storable(each.type)) for each in columns])
    with pq.ParquetWriter(file, kept, compression="zstd") as writer:
        for batch in batches:
            arrays = [
                pa.array(map(_text, array.to_pylist()), pa.string()) if pa.types.is_interval(array.type) else array
                for array in batch.columns
            ]
            writer.write_batch(pa.record_batch(arrays, schema=kept))


def as_table(columns: Sequence[str], batches: Iterable[Any]) -> Iterator[RenderableType]:
    """Yields the first rows as a table, and what was left out.

    Args:
        columns: Their names.
        batches: The rows, which are read only as far as they are shown.
    """
    rows = [list(row.values()) for row in islice(_rows(batches), MOST_ROWS + 1)]
    if not rows:
        yield Text("no rows: nothing fits the query")
        return
    yield _Rows(columns, rows)


class _Rows:
    """Rows by the width that there is: a table, without the columns that are empty, or a line for each value."""

    def __init__(self, columns: Sequence[str], rows: list[list[Any]]) -> None:
        self._columns = [printable(name) for name in columns]
        self._more = len(rows) > MOST_ROWS
        self._rows = rows[:MOST_ROWS]
        self._cells = [[_cell(value) for value in row] for row in self._rows]

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        shown = list(range(len(self._columns)))
        notes = []
        if not self._is_roomy(shown, options.max_width):
            filled = [index for index in shown if any(row[index] for row in self._cells)]
            if len(filled) < len(shown):
                notes.append(f"{count_text(len(shown) - len(filled), 'column')} without a value in these rows left out")
                shown = filled
        if self._fits(shown, options.max_width):
            roomy = self._is_roomy(shown, options.max_width)
            whole = len(self._rows) <= _FEW and all(
                len(row[index]) <= _LONGEST for row in self._cells for index in shown
            )
            if not (roomy or whole):
                notes.append("long texts are cut")
            yield self._table(shown, roomy=roomy, whole=whole)
        else:
            if self._more or len(self._rows) > _MOST_BLOCKS:
                notes.append(f"only the first {_MOST_BLOCKS} rows")
            yield self._blocks(shown)
        if self._more and not any("only the first" in note for note in notes):
            notes.append(f"only the first {MOST_ROWS} rows")
        if notes:
            yield Text(f"{'; '.join(notes)}: --format csv --output FILE.csv writes everything", "dim")

    def _natural(self, index: int) -> int:
        return max(len(self._columns[index]), *(len(row[index]) for row in self._cells))

    def _least(self, index: int) -> int:
        """Returns the width below which a column says nothing: numbers are whole, texts may be cut."""
        if self._is_number(index):
            return self._natural(index)
        return max(min(self._natural(index), _NARROWEST), min(len(self._columns[index]), _NARROWEST))

    def _is_number(self, index: int) -> bool:
        values = [row[index] for row in self._rows if row[index] is not None]
        return bool(values) and all(isinstance(each, int | float | Decimal) and each is not True for each in values)

    def _fits(self, shown: Sequence[int], width: int) -> bool:
        return sum(map(self._least, shown)) + _GAP * (len(shown) - 1) <= width

    def _is_roomy(self, shown: Sequence[int], width: int) -> bool:
        return sum(map(self._natural, shown)) + _GAP * (len(shown) - 1) <= width

    def _table(self, shown: Sequence[int], *, roomy: bool, whole: bool) -> Table:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
        for index in shown:
            number = self._is_number(index)
            table.add_column(
                self._columns[index],
                justify="right" if number else "left",
                no_wrap=roomy or number or not whole,
                overflow="fold" if whole else "ellipsis",
                min_width=self._least(index),
                max_width=None if roomy or number or whole else max(_WIDEST, self._least(index)),
            )
        for row in self._cells:
            table.add_row(*(Text(row[index]) for index in shown))
        return table

    def _blocks(self, shown: Sequence[int]) -> Table:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for number, row in enumerate(self._cells[:_MOST_BLOCKS]):
            if number:
                grid.add_row("", "")
            for index in shown:
                if row[index]:
                    grid.add_row(Text(self._columns[index], "dim"), Text(row[index]))
        return grid


def _rows(batches: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Yields rows as Python's values. Of columns with one name all stay, as `name`, `name_1` and so on."""
    for batch in batches:
        names: dict[str, None] = {}
        for name in batch.schema.names:
            number, unique = 0, name
            while unique in names:
                number += 1
                unique = f"{name}_{number}"
            names[unique] = None
        lists = [_values(array) for array in batch.columns]
        for values in zip(*lists, strict=True):
            yield dict(zip(names, values, strict=True))


def _values(array: Any) -> list[Any]:  # noqa: ANN401 -- pyarrow has no types
    import pyarrow as pa

    if pa.types.is_timestamp(array.type) and array.type.unit == "ns":  # which Python's datetime cannot hold
        array = array.cast(pa.timestamp("us", array.type.tz), safe=False)
    values: list[Any] = array.to_pylist()
    return values


def _in_json(value: Any) -> Any:  # noqa: ANN401, PLR0911 -- of any type of SQL
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if abs(value) < 1 << 63 else str(value)
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return _in_json(int(value)) if value == value.to_integral_value() else float(value)
        case dict():
            return {str(name): _in_json(each) for name, each in value.items()}
        case list():
            return [_in_json(each) for each in value]
        case _:
            return _text(value)


def _in_csv(value: Any) -> object:  # noqa: ANN401 -- of any type of SQL
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float() | str() | None:
            return value
        case list():
            return " | ".join(_text(each) for each in value)
        case _:
            return _text(value)


def _cell(value: Any) -> str:  # noqa: ANN401 -- of any type of SQL
    match value:
        case None:
            return ""
        case float() if math.isfinite(value) and abs(value) < _GREAT:
            tenths = f"{value:.1f}"
            return tenths if float(tenths) == value else f"{value:.4f}".rstrip("0")
        case list():
            return ", ".join(printable(_text(each)) for each in value)
        case datetime():
            return _text(value).replace("T", " ")
        case _:
            return printable(_text(value))


def _text(value: Any) -> str:  # noqa: ANN401, PLR0911 -- of any type of SQL
    r"""Returns a value as a text: times in ISO 8601, bytes in hexadecimal digits, intervals as SQL shows them.

    >>> _text(datetime(2026, 11, 21, 2, 54, 39, 728000, UTC)), _text(b"\x03\xbc"), _text(timedelta(hours=26))
    ('2026-11-21T02:54:39.728Z', '03bc', '1 day 02:00:00')
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            zoned = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            text = zoned.isoformat(timespec="microseconds")
            text = text.rstrip("0").rstrip(".")
            return f"{text}Z" if value.tzinfo else text
        case date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case timedelta():
            return _interval(0, value.days, (value.seconds * 1_000_000 + value.microseconds) * 1000)
        case tuple() if hasattr(value, "nanoseconds"):  # an interval of SQL
            return _interval(*value)
        case Decimal():
            return str(int(value) if value == value.to_integral_value() else value)
        case dict() | list():
            return orjson.dumps(_in_json(value)).decode()
        case _:
            return str(value)


def _interval(months: int, days: int, nanoseconds: int) -> str:
    parts = [count_text(number, unit) for number, unit in ((months, "month"), (days, "day")) if number]
    microseconds = abs(nanoseconds) // 1000
    seconds, fraction = divmod(microseconds, 1_000_000)
    clock = f"{'-' if nanoseconds < 0 else ''}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    clock += f".{fraction:06}".rstrip("0") if fraction else ""
    return " ".join([*parts, clock] if nanoseconds or not parts else parts)
