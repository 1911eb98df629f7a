"""Parquet, through pyarrow: one Record a row, one typed column a field.

Rows are written in groups, so that memory does not grow with the capture. While pyarrow encodes a group, which it does
without Python's lock, the next one is decoded: a thread of its own takes one group at a time, in their order, and the
decoder waits for it rather than have two groups wait. What pyarrow writes is kept until the thread is done, and comes
to the file where the decoder runs: there Ctrl-C ends the wait for a full pipe, and in a thread it would not. pyarrow's
many small writes are put together before that, since each needs the lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from lmdecode._parts import is_off
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
        self._file = _Kept(file)
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
        self._thread = None if is_off("encoding") else ThreadPoolExecutor(1, "parquet")
        self._encoding: Future[None] | None = None  # of the group that the thread has

    def write(self, record: Record) -> None:
        """Add one row."""
        self._rows.append(self.sink.record(record))
        if len(self._rows) >= GROUP:
            self.end_group()

    def write_all(self, made: Iterable[Any]) -> None:
        """Add rows, as `sink` made them."""
        self.end_group()
        for batch in self._columns.batches(made):
            self._encode(batch)

    def end_group(self) -> None:
        """Write the rows that wait for their group to fill."""
        rows, self._rows = self._rows, []
        if rows:
            self.write_all(rows)

    def _encode(self, batch: Any) -> None:  # noqa: ANN401 -- pyarrow has no types
        """Have a group written as soon as the one before is."""
        if self._thread is None:
            self._writer.write_batch(batch, row_group_size=GROUP)
            self._file.hand_on()
            return
        self._await()
        self._encoding = self._thread.submit(self._writer.write_batch, batch, row_group_size=GROUP)

    def _await(self) -> None:
        """Wait until all groups are encoded, and write them. Raises the error of the one that could not be encoded."""
        encoding, self._encoding = self._encoding, None
        if encoding is not None:
            encoding.result()
        self._file.hand_on()

    def begin(self, capture: str) -> None:  # noqa: ARG002
        """Begin a group of rows, so that the file is the same in however many processes it was made."""
        self.end_group()

    def flush(self) -> None:
        """Do nothing: nobody can read the file before its end is there."""

    def append(self, part: Path) -> None:
        """Add the rows of a file that another of these writers wrote."""
        self.end_group()
        self._await()
        with pq.ParquetFile(part) as file:
            for index in range(file.num_row_groups):
                self._writer.write_table(file.read_row_group(index))
                self._file.hand_on()

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        self.end_group()
        self._await()
        self._end()
        self._file.hand_on(flush=True)

    def abandon(self) -> None:
        """Leave the file as it is. Without this, pyarrow would write its end when it is cleaned up."""
        self._file.abandoned = True
        self._end()

    def _end(self) -> None:
        if self._thread is not None:
            self._thread.shutdown()
        self._writer.close()
        self._stream.close()


class _Kept:
    """A file that only takes bytes, and says how many it took: what pyarrow needs, and a pipe cannot do.

    It keeps them until they are handed on.
    """

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._position = 0
        self._kept: list[bytes] = []
        self.abandoned = False

    def write(self, data: bytes) -> int:
        if not self.abandoned:
            self._kept.append(bytes(data))
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Do nothing: what is kept is handed on by whoever may wait for it."""

    def hand_on(self, *, flush: bool = False) -> None:
        """Write what was kept to the file, while nobody writes to this one."""
        kept, self._kept = self._kept, []
        for data in kept:
            self._file.write(data)
        if flush:
            self._file.flush()

    def close(self) -> None:
        """Leave the file open: it is somebody else's."""


FORMAT: Final = OutputFormat(open=ParquetWriter, binary=True, joinable=True)
