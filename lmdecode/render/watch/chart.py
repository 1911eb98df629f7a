"""A chart over time as text: two by four dots in each character (braille), or one star where there is only ASCII."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

__all__ = ["chart"]

_BLANK: Final = 0x2800
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column of a character
_LEVEL_EVERY: Final = 4  # of a level every fourth dot is drawn, so that it can be told from the curve


def chart(
    points: Sequence[tuple[float, float]],
    *,
    width: int,
    height: int,
    start: float,
    end: float,
    low: float,
    high: float,
    level: float | None = None,
    gap: float = float("inf"),
    ascii_only: bool = False,
) -> list[str]:
    """Draw a curve.

    Args:
        points: Times and values, in the order of time; those before `start` are left out.
        width: Characters.
        height: Lines.
        start: The time at the left edge.
        end: The time at the right edge.
        low: The value at the bottom.
        high: The value at the top, above the one at the bottom.
        level: A value that is drawn as a dotted line, or as one of hyphens.
        gap: Two points that are further apart in time are not connected.
        ascii_only: Whether braille cannot be shown.

    Returns:
        The lines, each exactly as wide.

    >>> print(*chart([(0, 0), (1, 1), (2, 0)], width=3, height=1, start=0, end=2, low=0, high=1), sep="|")
    ⡠⠊⢆
    """
    columns, rows = 2 * width, 4 * height
    dots = [[0] * width for _ in range(height)]

    def put(column: int, row: int) -> None:
        dots[row // 4][column // 2] |= _DOTS[row % 4][column % 2]

    down = (rows - 1) / (high - low)

    def row_of(value: float) -> int:
        return int(min(max((high - value) * down, 0.0), rows - 1) + 0.5)

    level_row = None if level is None else row_of(level)
    for column in range(0, columns, _LEVEL_EVERY) if level_row is not None and not ascii_only else ():
        put(column, level_row or 0)
    scale = (columns - 1) / (end - start)
    before: tuple[float, int, int] | None = None
    for time, value in points:
        if not start <= time <= end:
            continue
        column, row = int((time - start) * scale + 0.5), row_of(value)
        if before is None or time - before[0] > gap:
            put(column, row)
        elif before[1:] != (column, row):
            for x, y in _line(before[1], before[2], column, row):
                put(x, y)
        before = time, column, row
    if ascii_only:
        blanks = ["-" if level_row is not None and level_row // 4 == row else " " for row in range(height)]
        return ["".join("*" if each else blank for each in line) for line, blank in zip(dots, blanks, strict=True)]
    return ["".join(chr(_BLANK + each) for each in line) for line in dots]


def _line(column: int, row: int, last_column: int, last_row: int) -> Iterator[tuple[int, int]]:
    """The dots from one to another, without the first: in each column a piece that joins its neighbours."""
    steps, y = last_column - column, row
    for step in range(1, steps + 1):
        target = row + round((last_row - row) * step / steps)
        way = 1 if target > y else -1
        yield column + step, target
        for between in range(y + way, target, way):
            yield column + step, between
        y = target
    if not steps:
        for between in range(row, last_row, 1 if last_row > row else -1):
            yield column, between
        yield column, last_row
