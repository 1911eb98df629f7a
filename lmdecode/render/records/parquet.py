"""Parquet, through pyarrow: one Record a row, one typed column a field.

Rows are written in groups, so that memory does not grow with the capture. pyarrow writes a file in thousands of small
pieces, so they are put together before they come to ours, which is Python's.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from lmdecode.analysis.columns import field_kinds
from lmdecode.codec.record import Record
from lmdecode.render.columnar import GROUP, ColumnSink
from lmdecode.render.records import OneByOne, OutputFormat, Style
from lmdecode.render.table_schema import repeating, schema

_BUFFER: Final = 1 << 20  # bytes


class ParquetWriter(OneByOne):
    """Writes Records as rows of a Parquet file, which is whole when it was closed.

    Args:
        file: Takes the bytes; it need not be seekable.
        style: The fields that have a column.
    """

    def __init__(self, file: IO[bytes], style: Style) -> None:
        self._schema = schema(style.fields or tuple(field_kinds()), several=style.several)
        self._file = _Counted(file)
        self._stream = pa.BufferedOutputStream(pa.PythonFile(self._file, mode="w"), _BUFFER)
        self._writer = pq.ParquetWriter(
            self._stream,
            self._schema,
            compression="zstd",
            use_dictionary=repeating(self._schema),
        )
        self._columns = ColumnSink(self._schema)
        self.sink = self._columns.sink
        self._rows: list[object] = []

    def write(self, record: Record) -> None:
        """Add one row."""
        self._rows.append(self.sink.record(record))
        if len(self._rows) >= GROUP:
            self.end_group()

    def write_all(self, made: Iterable[Any]) -> None:
        """Add rows, as `sink` made them."""
        self.end_group()
        for batch in self._columns.batches(made):
            self._writer.write_batch(batch, row_group_size=GROUP)

    def end_group(self) -> None:
        """Write the rows that wait for their group to fill."""
        rows, self._rows = self._rows, []
        if rows:
            self.write_all(rows)

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
        self._end()

    def abandon(self) -> None:
        """Leave the file as it is. Without this, pyarrow would write its end when it is cleaned up."""
        self._file.abandoned = True
        self._end()

    def _end(self) -> None:
        self._writer.close()
        self._stream.close()


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

    def close(self) -> None:
        """Leave the file open: it is somebody else's."""


FORMAT: Final = OutputFormat(open=ParquetWriter, binary=True, joinable=True)
