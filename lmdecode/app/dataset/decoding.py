"""A capture becomes rows: how a unit is decoded for a dataset, whether its rows are written or stay in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from lmdecode.app.dataset.identity import Copy
from lmdecode.app.dataset.overlap import Overlap
from lmdecode.app.dataset.rotation import begins
from lmdecode.app.dataset.schema import record_schema
from lmdecode.app.dataset.shares import Share
from lmdecode.app.dataset.unit import Job, Unit
from lmdecode.app.decode import Outcome, joined_into, no_progress, nothing_decoded, read_into
from lmdecode.codec.dialect import Tallies
from lmdecode.codec.speakers import Speakers
from lmdecode.render.columnar import ColumnSink

_NEVER: Final = -(1 << 65)  # ns, before all times


class Decode:
    """The decode of one unit, or of a share of it. It is over when `batches` is.

    Args:
        unit: The capture.
        job: What it is decoded with.
        copy: Its files.
        share: Which of its connections; without it all.
        overlap: What other entries of a dataset have of it. Their rows do not come out.
    """

    def __init__(
        self,
        unit: Unit,
        job: Job,
        copy: Copy,
        share: Share = Share(),  # noqa: B008 -- it does not change
        overlap: Overlap = Overlap(),  # noqa: B008 -- it does not change
    ) -> None:
        self._unit = unit
        self._overlap = overlap if overlap.by else None
        self._piece = -1
        self._copy = copy
        self._is_first = share.index == 0
        self._outcomes = [Outcome(path, capture=unit.name, memory=job.memory) for path in copy.paths]
        self._speakers = share.speakers(Speakers.open(job.access(), job.port, job.ports))
        self._columns = ColumnSink(record_schema())

    def batches(self) -> Iterator[Any]:
        """Yields the rows as `pyarrow.RecordBatch`es with the columns of `schema.record_schema`.

        Raises:
            MissingKeyError: There is no key, and a message needs one.
        """
        sink, outcomes, speakers = self._columns.sink, self._outcomes, self._speakers
        if len(outcomes) == 1:
            self._piece = 0
            made = read_into(sink, outcomes[0], speakers)
        else:
            made = joined_into(sink, outcomes, speakers, capture=self._unit.name, progress=self._next_piece)
        if self._overlap is not None:
            made = self._new(made, self._overlap)
        yield from self._columns.batches(made)

    def _next_piece(self, path: Path) -> AbstractContextManager[None]:
        """Notes that the rows of another piece follow."""
        self._piece += 1
        return no_progress(path)

    def _new(self, rows: Iterable[Any], overlap: Overlap) -> Iterator[Any]:
        """Yields the rows that no other entry has.

        Where packets are missing, rows come out when a later piece is read already. So a row is left out only if what
        is read has been held before, and the piece of its time as well.
        """
        files = [replace(file, url=str(path)) for file, path in zip(self._unit.files, self._copy.paths, strict=True)]
        starts = begins(files)
        for row in rows:
            piece = self._piece
            is_known = piece in overlap.held or row[0] <= overlap.after.get(piece, _NEVER)
            if is_known and row[0] < starts[piece]:
                is_known = bisect_right(starts, row[0], hi=piece) - 1 in {-1, *overlap.held}
            if not is_known:
                yield row

    def check(self) -> None:
        """Makes sure that the capture was whole while it was decoded.

        Raises:
            Unsettled: It is still being written.
        """
        self._copy.check(cut=any(each.error is not None or each.statistics.is_cut for each in self._outcomes))

    @property
    def complaints(self) -> tuple[str, ...]:
        """What is wrong with the capture, one line each. What all shares find is said by the first."""
        if not self._is_first:
            return ()
        return tuple(self._copy.told(each) for outcome in self._outcomes for each in outcome.complaints)

    @property
    def nothing(self) -> str | None:
        """Why nothing could be decoded, in one line; None if something was, or if there is nothing wrong."""
        told = "; ".join(self._copy.told(each) for outcome in self._outcomes for each in outcome.complaints)
        found = nothing_decoded(self._outcomes, self._speakers)
        if found is not None:
            return self._copy.told(found) or told
        return told if told and not self.rows and self._overlap is None else None

    @property
    def rows(self) -> int:
        """How many rows there were up to now."""
        return self._columns.counts.rows

    @property
    def general(self) -> int:
        """How many of them were made of Records."""
        return self._columns.counts.general

    @property
    def tallies(self) -> Tallies:
        """What was decoded, in each protocol."""
        total = Tallies()
        for outcome in self._outcomes:
            for name, tally in outcome.statistics.tallies.items():
                total[name].add(tally)
        return total
