"""Parquet, through pyarrow: one Record a row, one typed column a field.

Rows are written in groups, so that memory does not grow with the capture. This module is the only one that needs
pyarrow, which the extra `parquet` installs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from lmdecode.analysis.columns import field_kinds, record_columns
from lmdecode.codec.record import Record
from lmdecode.render.records import OneByOne, OutputFormat, Style

_GROUP: Final = 8192  # rows
_LARGEST_TIME: Final = 1 << 63

_WORDS: Final = pa.dictionary(pa.int32(), pa.string())
_COLUMN_TYPES: Final = {
    "time": pa.timestamp("ns", "UTC"),
    "stream": pa.int64(),
    "sender": _WORDS,
    "source": _WORDS,
    "destination": _WORDS,
    "kind": _WORDS,
    "role": _WORDS,
    "address": pa.int32(),
    "length": pa.int32(),
    "ok": pa.bool_(),
    "elapsed": pa.float64(),
    "raw": pa.binary(),
    "problems": pa.list_(pa.string()),
    "machine": _WORDS,
}
"""Of what every record has; the others are text."""
_FIELD_TYPES: Final = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "array": pa.list_(pa.string()),
}
"""By the JSON type that the memory map gives."""


def schema(fields: Sequence[str], *, several: bool = False) -> pa.Schema:
    """Return the columns of a table that has these fields, of one capture or of several."""
    kinds = field_kinds()
    return pa.schema(
        [
            *((name, _COLUMN_TYPES.get(name, pa.string())) for name in record_columns(several=several)),
            *((name, _FIELD_TYPES[kinds[name].type]) for name in fields),
        ]
    )


def record_batch(rows: Sequence[Record], columns: pa.Schema) -> pa.RecordBatch:
    """Records as the rows of a table.

    Args:
        rows: The records.
        columns: As `schema` gives them.
    """
    named = field_kinds()
    names = [name for name in columns.names if name in named]
    fields: dict[str, list[object]] = {name: [None] * len(rows) for name in names}
    for index, record in enumerate(rows):  # a record has few of all fields, so it is not asked for each
        for name, value in record.fields.items():
            if name in fields:
                fields[name][index] = value
    values = [*(_column(name, rows) for name in columns.names if name not in named), *fields.values()]
    arrays = [pa.array(each, type=field.type) for each, field in zip(values, columns, strict=True)]
    return pa.record_batch(arrays, schema=columns)


class ParquetWriter(OneByOne):
    """Writes Records as rows of a Parquet file, which is whole when it was closed.

    Args:
        file: Takes the bytes; it need not be seekable.
        style: The fields that have a column.
    """

    def __init__(self, file: IO[bytes], style: Style) -> None:
        self._schema = schema(style.fields or tuple(field_kinds()), several=style.several)
        self._file = _Counted(file)
        self._writer = pq.ParquetWriter(pa.PythonFile(self._file, mode="w"), self._schema, compression="zstd")
        self._rows: list[Record] = []

    def write(self, record: Record) -> None:
        """Add one row."""
        self._rows.append(record)
        if len(self._rows) >= _GROUP:
            self.end_group()

    def end_group(self) -> None:
        """Write the rows that wait for their group to fill."""
        rows, self._rows = self._rows, []
        if not rows:
            return
        self._writer.write_batch(record_batch(rows, self._schema), row_group_size=_GROUP)

    def begin(self, capture: str) -> None:  # noqa: ARG002
        """Begin a group of rows, so that the file is the same in however many processes it was made."""
        self.end_group()

    def flush(self) -> None:
        """Do nothing: nobody can read the file before its end is there."""

    def append(self, part: Path) -> None:
        """Add the rows of a file that another of these writers wrote."""
        self.end_group()
        with pq.ParquetFile(part) as file:
            for index in range(file.num_row_groups):
                self._writer.write_table(file.read_row_group(index))

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        self.end_group()
        self._writer.close()

    def abandon(self) -> None:
        """Leave the file as it is. Without this, pyarrow would write its end when it is cleaned up."""
        self._file.abandoned = True
        self._writer.close()


def timestamp(record: Record) -> int | None:
    """A record's time, in nanoseconds since 1970; None if no timestamp can hold it."""
    return record.time_ns if -_LARGEST_TIME <= record.time_ns < _LARGEST_TIME else None


def _column(name: str, rows: Sequence[Record]) -> list[object]:
    match name:
        case "time":  # a capture can claim any number; what no timestamp can hold has none
            return [timestamp(row) for row in rows]
        case "kind":
            return [None if row.kind is None else str(row.kind) for row in rows]
        case "extra":
            return [json.dumps(dict(row.extra), ensure_ascii=False) if row.extra else None for row in rows]
        case _:
            return [getattr(row, name) for row in rows]


class _Counted:
    """A file that only takes bytes, and says how many it took: what pyarrow needs, and a pipe cannot do."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._position = 0
        self.abandoned = False

    def write(self, data: bytes) -> int:
        if not self.abandoned:
            self._file.write(data)
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        self._file.flush()


FORMAT: Final = OutputFormat(open=ParquetWriter, binary=True, joinable=True)
