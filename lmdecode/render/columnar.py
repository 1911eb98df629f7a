"""Messages as Arrow record batches, in order and a group of rows at a time, so that memory does not grow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from lmdecode.codec.dialect import RECORDS, Sink
from lmdecode.codec.record import Record

GROUP: Final = 8192
"""Rows of a batch."""


@dataclass(slots=True)
class ColumnCounts:
    """How many rows were made, and how many of them of Records."""

    rows: int = 0
    general: int = 0
    """Rows of messages that were not clean, or that another dialect than v1 decoded."""


class ColumnSink:
    """What batches are made of: the sink to decode with, and what makes batches of all that it made.

    Args:
        columns: A `pyarrow.Schema` as `render.records.parquet.schema` or `app.dataset.schema` return it.
    """

    def __init__(self, columns: Any) -> None:  # noqa: ANN401 -- pyarrow has no types
        self._columns = columns
        self.sink: Sink[Any] = RECORDS
        """To be handed to the decoder."""
        self.counts = ColumnCounts()

    def batches(self, made: Iterable[Any]) -> Iterator[Any]:
        """Returns `pyarrow.RecordBatch`es of `GROUP` rows, the last one shorter, in the order of the messages.

        Args:
            made: What the sink made of each message.
        """
        from lmdecode.render.records.parquet import record_batch

        rows: Iterator[Record] = iter(made)
        while group := list(islice(rows, GROUP)):
            self.counts.rows += len(group)
            self.counts.general += len(group)
            yield record_batch(group, self._columns)
