"""The records of several captures as one story."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence

from lmdecode.codec.record import Record

__all__ = ["by_time"]


def by_time(captures: Sequence[Iterable[Record]]) -> Iterator[Record]:
    """The records of all captures in the order of time, their connections numbered in that order too.

    Each capture is read only as far as it has to be, so memory does not grow with them.

    >>> first = [Record(10, 0, "app", "a", "b"), Record(30, 0, "machine", "b", "a")]
    >>> [(record.time_ns, record.stream) for record in by_time([first, [Record(20, 0, "app", "c", "b")]])]
    [(10, 0), (20, 1), (30, 0)]
    """
    numbers: dict[tuple[int, int], int] = {}

    def numbered(index: int, records: Iterable[Record]) -> Iterator[tuple[int, Record]]:
        for record in records:
            yield index, record

    streams = [numbered(index, records) for index, records in enumerate(captures)]
    for index, record in heapq.merge(*streams, key=lambda pair: pair[1].time_ns):
        stream = numbers.setdefault((index, record.stream), len(numbers))
        yield record if record.stream == stream else record._replace(stream=stream)
