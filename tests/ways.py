"""All ways in which lmdecode tells what is in captures, side by side: each must tell the same messages.

`same_everywhere` decodes captures to Records, and holds against them what JSON Lines, CSV, Parquet, Arrow tables, a
dataset, SQL over it and a DataFrame of Dask say of them: value by value, of the same types, in the same order.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lmdecode.analysis.columns import field_kinds
from lmdecode.analysis.units import unit_of
from lmdecode.app.dataset.rows import rows_of, table_of
from lmdecode.app.dataset.schema import PARTITIONS, dataset_schema
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.dataset.unit import Job, State, Unit
from lmdecode.app.decode import Outcome, joined_into, nothing_decoded, read_into
from lmdecode.app.export import OneByOne, Runner
from lmdecode.app.query import query
from lmdecode.codec.dialect import RECORDS, Sink
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Record, iso_time
from lmdecode.codec.speakers import Speakers
from lmdecode.render.arrow import to_arrow
from lmdecode.render.records import Style, format_named
from lmdecode.render.table_schema import schema

Row = dict[str, Any]
"""What is said of a message, without what is null. Times are texts, so that nothing of them is lost."""

_LARGEST_TIME = 1 << 63  # ns; no column holds more
_FOLDERS = {*PARTITIONS, "capture"}
"""What a dataset says in a way of its own: names of machines are those of their owner, and captures have a name."""


def same_everywhere(units: Iterable[Unit], job: Job, *, runner: Runner | None = None) -> dict[str, list[Row]]:
    """Checks that all ways say the same of some captures.

    Args:
        units: The captures.
        job: What they are decoded with, and the dataset, to which they are added.
        runner: What converts them; None: this process, one after the other.

    Returns:
        The rows of the dataset, by the name of the capture; none of a capture that has failed.
    """
    units = list(units)
    dataset = open_dataset(job.dataset, create=True)
    results = {each.name: each for each in (runner or OneByOne()).run(units, job)}
    assert results.keys() == {unit.name for unit in units}
    found = {unit.name: _by_itself(unit, job) for unit in units}
    stored: dict[str, list[Row]] = {}
    for file in dataset.files():
        table = table_of(file)
        assert table.num_rows == file.rows
        for row in _rows(table):
            stored.setdefault(row["capture"], []).append(row)
    entries = {each.name: each for each in dataset.entries()}
    asked = query(job.dataset, "select * from records")
    assert asked.num_rows == sum(map(len, stored.values()))
    answered: dict[str, list[Row]] = {}
    for row in _rows(asked):
        answered.setdefault(row["capture"], []).append(row)
    for name, rows in found.items():
        result = results[name]
        assert (result.state is State.FAILED) == (rows is None), result
        if rows is None:
            assert name not in stored
            assert name not in entries
            continue
        assert result.rows == len(rows) == entries[name].rows
        assert result.problems == entries[name].problems == sum(bool(row.get("problems")) for row in rows)
        assert _by_place(stored.get(name, [])) == _by_place(rows), name
        assert _unordered(answered.get(name, [])) == _unordered(map(_in_microseconds, rows)), name
    return stored


def _by_itself(unit: Unit, job: Job) -> list[Row] | None:
    """Checks all ways but the dataset of a capture. Returns the rows as a dataset has them; None if there are none."""
    records, nothing = records_of(unit, job)
    said = [told(record) for record in records]
    assert [_of_json(json.loads(line)) for line in _written("jsonl", unit, job).splitlines()] == said
    in_columns = [_without_far_times(row, record) for row, record in zip(said, records, strict=True)]
    lines = list(csv.reader(io.StringIO(_written("csv", unit, job).decode(), newline="")))
    full = [{name: value for name, value in row.items() if value != ""} for row in said]  # CSV has nothing for both
    assert [_of_csv(lines[0], line) for line in lines[1:]] == full
    parquet = pq.read_table(io.BytesIO(_written("parquet", unit, job)))
    assert _rows(parquet) == in_columns
    for decodable in (_Decodable(unit, job), records):  # as columns come from windows, and from Records
        assert _rows(to_arrow(decodable)) == in_columns
        assert _rows(to_arrow(decodable, fields="*")) == in_columns
        assert _long(to_arrow(decodable, form="long")) == _long_rows(records)
    try:
        table = rows_of(unit, job, lambda _line: None)
    except LmdecodeError as error:
        assert str(error) == nothing  # noqa: PT017 -- both ways are right
        return None
    assert nothing is None
    assert table.schema == dataset_schema()
    rows = _rows(table)
    for row, record in zip(rows, records, strict=True):
        assert row["generation"] == record.generation
        assert row.get("date") == _day(record.time_ns)
        assert row["capture"] == unit.name
    assert [_common(row) for row in rows] == [_common(row) for row in in_columns]
    return rows


def records_of(unit: Unit, job: Job) -> tuple[list[Record], str | None]:
    """Returns the Records of a capture, and why nothing could be decoded; None if something was."""
    outcomes, speakers = _outcomes(unit), Speakers.open(job.access(), job.port, job.ports)
    records = list(_made(RECORDS, outcomes, speakers))
    complaints = "; ".join(line for each in outcomes for line in each.complaints)
    nothing = nothing_decoded(outcomes, speakers) or (complaints if not records else None)
    return records, nothing or None


class _Decodable:
    """A capture that is decoded into columns, as those of `lmdecode.decode` are."""

    def __init__(self, unit: Unit, job: Job) -> None:
        self._unit, self._job = unit, job

    def __iter__(self) -> Iterator[Record]:
        raise AssertionError("columns must not come from Records here")

    def decode_into(self, sink: Sink[Any]) -> Iterator[Any]:
        speakers = Speakers.open(self._job.access(), self._job.port, self._job.ports)
        return _made(sink, _outcomes(self._unit), speakers)


def _outcomes(unit: Unit) -> list[Outcome]:
    return [Outcome(Path(file.url)) for file in unit.files]


def _made(sink: Sink[Any], outcomes: Sequence[Outcome], speakers: Speakers) -> Iterator[Any]:
    if len(outcomes) == 1:
        return read_into(sink, outcomes[0], speakers)
    return joined_into(sink, outcomes, speakers)


def _written(name: str, unit: Unit, job: Job) -> bytes:
    """Returns what a format's writer makes of a capture, as `lmdecode decode --format` uses it."""
    file = io.BytesIO()
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    chosen = format_named(name)
    writer = chosen.open(file if chosen.binary else text, Style())
    speakers = Speakers.open(job.access(), job.port, job.ports)
    writer.write_all(_made(writer.sink, _outcomes(unit), speakers))
    writer.close()
    text.flush()
    return file.getvalue()


def told(record: Record) -> Row:
    """Returns what a Record says, as a row."""
    row = {name: value for name, value in record._asdict().items() if name not in {"time_ns", "fields", "request"}}
    row |= {"time": iso_time(record.time_ns), "kind": record.kind and str(record.kind), "extra": dict(record.extra)}
    row["raw"] = None if record.raw is None else record.raw.hex()
    return _row(row | dict(record.fields))


def _row(row: Row) -> Row:
    """Returns a row without what is null, and with the types of its numbers: 1 is not 1.0, nor True."""
    kept = {name: value for name, value in row.items() if value is not None and name not in {"problems", "extra"}}
    if row.get("problems"):
        kept["problems"] = list(row["problems"])
    if row.get("extra"):
        extra = row["extra"]
        kept["extra"] = json.dumps(json.loads(extra) if isinstance(extra, str) else extra, sort_keys=True)
    return {name: value if isinstance(value, str | list) else repr(value) for name, value in kept.items()}


def _of_json(line: Row) -> Row:
    return _row({"generation": "v1", **line, **line["fields"], "fields": None})


def _of_csv(names: Sequence[str], cells: Sequence[str]) -> Row:
    kinds = {each.name: each.type for each in schema(tuple(field_kinds()))}
    row: Row = {}
    for name, text in zip(names, cells, strict=True):
        kind = kinds[name]
        if not text and not (name == "data" or pa.types.is_string(kind)):
            continue
        if name == "problems":
            row[name] = text.split(" | ")
        elif pa.types.is_list(kind):
            row[name] = [] if text == "none" else text.split(" ")
        elif pa.types.is_boolean(kind):
            row[name] = {"true": True, "false": False}[text]
        elif pa.types.is_integer(kind):
            row[name] = int(text)
        elif pa.types.is_floating(kind):
            row[name] = float(text)
        else:
            row[name] = text or None
    return _row(row)


def _rows(table: Any) -> list[Row]:
    """Returns the rows of an Arrow table."""
    where = table.schema.get_field_index("time")
    unit = {"us": 1000, "ns": 1}[table.schema.field(where).type.unit]
    times = table.column(where).cast(pa.int64()).to_pylist()
    others = table.drop_columns(["time"]).to_pylist()
    rows = []
    for time, row in zip(times, others, strict=True):
        row["raw"] = None if row.get("raw") is None else row["raw"].hex()
        rows.append(_row(row | {"time": None if time is None else iso_time(time * unit)}))
    return rows


def _without_far_times(row: Row, record: Record) -> Row:
    if -_LARGEST_TIME <= record.time_ns < _LARGEST_TIME:
        return row
    return {name: value for name, value in row.items() if name != "time"}


def _in_microseconds(row: Row) -> Row:
    """Returns a row as SQL has it, where nanoseconds are left out."""
    text = row.get("time")
    return (
        row if text is None or len(text) != len("2026-11-21T02:55:55.174158999Z") else row | {"time": text[:-4] + "Z"}
    )


def _long(table: Any) -> list[tuple[Any, ...]]:
    names = ("stream", "name", "value", "text", "unit")
    return list(zip(*(table.column(name).to_pylist() for name in names), strict=True))


def _long_rows(records: Iterable[Record]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for record in records:
        for name, value in record.fields.items():
            if isinstance(value, bool | int | float):
                rows.append((record.stream, name, float(value), None, unit_of(name) or None))
            else:
                text = ", ".join(value) if isinstance(value, list) else value
                rows.append((record.stream, name, None, text, unit_of(name) or None))
    return rows


def _day(time_ns: int) -> str | None:
    if not -_LARGEST_TIME <= time_ns < _LARGEST_TIME:
        return None
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).date().isoformat()


def _common(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in {*_FOLDERS, "machine"}}


def _by_place(rows: Iterable[Row]) -> dict[tuple[str | None, ...], list[Row]]:
    """Returns rows by what tells a dataset's files apart, each in its order."""
    found: dict[tuple[str | None, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row.get(name) for name in PARTITIONS), []).append(row)
    return found


def _unordered(rows: Iterable[Row]) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)
