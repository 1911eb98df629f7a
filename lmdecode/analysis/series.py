"""Values over time, and how to keep of them what an eye can see."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import pairwise
from statistics import median
from typing import Final

__all__ = ["Series"]

_LEAST_GAP_NS: Final = 60_000_000_000
_GAP: Final = 5  # times the usual pace is so long that nobody was listening


class Series:
    """One value over time.

    >>> series = Series()
    >>> for second, value in enumerate((96.0, 96.0, 96.0, 95.5)):
    ...     series.add(second * 10**9, value)
    >>> series.points()
    [(0, 96.0), (2000000000, 96.0), (3000000000, 95.5)]
    """

    def __init__(self) -> None:
        self.times = array("q")
        """Nanoseconds since 1970."""
        self.values = array("d")

    def __len__(self) -> int:
        return len(self.times)

    def add(self, time_ns: int, value: float) -> None:
        """Add a value; one that comes out of order, as from bytes that were sent again, is put where it belongs."""
        if self.times and time_ns < self.times[-1]:
            index = bisect_right(self.times, time_ns)
            self.times.insert(index, time_ns)
            self.values.insert(index, value)
            return
        self.times.append(time_ns)
        self.values.append(value)

    def points(self, limit: int = 20_000) -> list[tuple[int, float | None]]:
        """What to draw: at most about `limit` points, None where nothing was heard for long.

        Between equal neighbours a point says nothing, so it is left out. If that is not enough, the time is cut into
        equal pieces, and of each the first, the lowest, the highest and the last point are kept: no peak is lost.
        """
        points: list[tuple[int, float | None]] = []
        for start, end in self._stretches():
            if points:
                points.append((self.times[start - 1] + 1_000_000, None))
            points += self._turns(start, end)
        return points if len(points) <= limit else _thinned(points, limit)

    def _stretches(self) -> list[tuple[int, int]]:
        """Where it can be drawn without a break, as indices from and to."""
        times = self.times
        steps = [later - earlier for earlier, later in pairwise(times)]
        if not steps:
            return [(0, len(times))] if times else []
        longest = max(_LEAST_GAP_NS, _GAP * median(steps))
        cuts = [0, *(index + 1 for index, step in enumerate(steps) if step > longest), len(times)]
        return list(pairwise(cuts))

    def _turns(self, start: int, end: int) -> list[tuple[int, float | None]]:
        values = self.values
        return [
            (self.times[i], values[i])
            for i in range(start, end)
            if i in {start, end - 1} or not values[i - 1] == values[i] == values[i + 1]
        ]


def _thinned(points: list[tuple[int, float | None]], limit: int) -> list[tuple[int, float | None]]:
    first, last = points[0][0], points[-1][0]
    width = max((last - first) // max(limit // 4, 1), 1) + 1
    kept: list[tuple[int, float | None]] = []
    bucket: list[tuple[int, float | None]] = []
    number = 0
    for point in points:
        if (point[0] - first) // width != number or point[1] is None:
            kept += _extremes(bucket)
            bucket = []
            number = (point[0] - first) // width
        if point[1] is None:
            kept.append(point)
        else:
            bucket.append(point)
    return kept + _extremes(bucket)


def _extremes(bucket: list[tuple[int, float | None]]) -> list[tuple[int, float | None]]:
    if not bucket:
        return []
    by_value = sorted(bucket, key=lambda point: point[1] or 0.0)
    return sorted({bucket[0], by_value[0], by_value[-1], bucket[-1]}, key=lambda point: point[0])
